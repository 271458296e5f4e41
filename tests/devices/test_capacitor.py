"""Closed forms of the 3T1C cell."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chipsim.devices import Capacitor
from chipsim.devices.capacitor import packet_step, thermal_sigma


def test_charge_packet():
    """6.67 uA for 500 ps moves 100 fF by 33.35 mV, and 32 such pulses by 1.067 V (constants of NeuroSim's hybrid cell)."""
    step = packet_step(6.67e-6, 500e-12, 100e-15)
    assert step == pytest.approx(33.35e-3)
    assert 32 * step == pytest.approx(1.067, abs=5e-4)


def test_leak_after_one_retention_time():
    """After one time constant 36.79 % of the voltage is left, by the definition of an RC decay."""
    cell = Capacitor(resting="0 V")
    assert cell.voltage_after(0.7, 5.16e-3) == pytest.approx(0.7 * 0.3679, abs=1e-4)


def test_thermal_noise_of_a_capacitor():
    """kT/C noise of 100 fF at 300 K is 203.5 uV (equipartition)."""
    assert thermal_sigma(100e-15) == pytest.approx(203.5e-6, rel=1e-3)
    assert Capacitor(capacitance="100 fF").thermal_sigma == pytest.approx(203.5e-6, rel=1e-3)


@given(voltage=st.floats(0.0, 1.2), first=st.floats(0.0, 0.02), second=st.floats(0.0, 0.02))
def test_leak_does_not_depend_on_the_steps(voltage, first, second):
    """Leaking twice is leaking once for the sum of the times."""
    cell = Capacitor()
    assert cell.voltage_after(cell.voltage_after(voltage, first), second) == pytest.approx(cell.voltage_after(voltage, first + second))


@given(voltage=st.floats(0.0, 1.2))
def test_leak_ends_at_rest(voltage):
    """From any voltage the leak approaches the resting voltage."""
    cell = Capacitor()
    assert cell.voltage_after(voltage, 1.0) == pytest.approx(cell.resting)


def test_shot_noise_of_a_pulse():
    """A pulse carries C dV / e electrons, and its relative noise is one over their root (Poisson)."""
    cell = Capacitor(capacitance="100 fF", step="1 mV")
    assert cell.packet_electrons == pytest.approx(624, abs=1)
    assert cell.packet_sigma == pytest.approx(1 / math.sqrt(cell.packet_electrons))
    assert Capacitor(packet_noise=False).packet_sigma == 0.0


def test_read_conductance():
    """The read transistor is in triode above its threshold and conducts nothing below."""
    cell = Capacitor()
    assert cell.conductance([0.0, 0.3, 0.5, 1.2]) == pytest.approx([0.0, 0.0, 8.0, 36.0])


def test_retention_spread_fits_its_grid():
    """A spread beyond what the 8-bit grid of the leak resolves is refused."""
    assert Capacitor(retention_spread=0.5).retention_spread == 0.5
    with pytest.raises(ValidationError, match=r"less than or equal to 0\.5"):
        Capacitor(retention_spread=0.51)
