"""The 3-transistor-1-capacitor (3T1C) cell: parameters with their origin, and its closed forms.

Voltages in V, conductances in µS, charge in C.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import model_validator

from chipsim.spec import Femtofarads, Kelvin, Spec, Time, Volts, param

AMBROGIO = "Ambrogio et al., Nature 558, 60 (2018)"
BOLTZMANN = 1.380649e-23
"""J/K, exact (SI)."""
ELEMENTARY_CHARGE = 1.602176634e-19
"""C, exact (SI)."""

Floats = NDArray[np.float64]


class Capacitor(Spec):
    """A capacitor on the gate of a read transistor, charged by a pFET and discharged by an nFET."""

    capacitance: Femtofarads = param("50 fF", "storage capacitance", basis="assumed", source="tens of fF in planar 90 nm; 100 fF in MLP+NeuroSim V3.0", gt=0)
    retention: Time = param("5.16 ms", "time constant of the leak towards the resting voltage", basis="read", source=f"{AMBROGIO}, Extended Data Fig. 1", gt=0)
    retention_spread: float = param(
        0.3, "lognormal spread of the time constant from cell to cell; limited because leaks are kept on an 8-bit grid", basis="assumed", ge=0, le=0.5
    )
    minimum: Volts = param("0 V", "lowest voltage", basis="assumed")
    maximum: Volts = param("1.2 V", "highest voltage (supply)", basis="assumed")
    initial: Volts = param("0.5 V", "voltage after a transfer", basis="read", source=f"{AMBROGIO}, Extended Data Fig. 9")
    resting: Volts = param("0.8 V", "voltage that the leak ends at", basis="read", source=f"{AMBROGIO}, Extended Data Fig. 9")
    threshold: Volts = param("0.3 V", "voltage at which the read transistor starts to conduct, half its drain voltage included", basis="assumed")
    transconductance: float = param(40.0, "read conductance per volt above threshold, µS/V", basis="assumed", gt=0)
    threshold_spread: Volts = param(
        "20 mV",
        "spread of the read transistor's threshold (sigma)",
        basis="assumed",
        source="range 10-30 mV; structure: Ambrogio 2018, Extended Data Fig. 10",
        ge=0,
    )
    step: Volts = param(
        "1 mV",
        "voltage step of one update pulse at `initial`",
        basis="assumed",
        source="about 1,000 states, Gokmen and Vlasov, Front. Neurosci. 10, 333 (2016)",
        gt=0,
    )
    step_slope: float = param(
        0.2,
        "s: steps shrink as (1 -/+ s (V - initial)) for up / down pulses, 1/V",
        basis="assumed",
        source="after the nonlinearity label 0.2 of MLP+NeuroSim V3.0",
        ge=0,
        le=1,
    )
    step_spread: float = param(
        0.1,
        "relative spread of the up and of the down step from cell to cell (sigma, independent)",
        basis="assumed",
        source="threshold mismatch; structure: Ambrogio 2018, Extended Data Fig. 10",
        ge=0,
        le=0.2,
    )
    packet_noise: bool = param(
        True,
        "shot noise of the charge packet of each pulse, 1/sqrt(electrons)",
        basis="derived",
        source="Poisson statistics; upper bound for a FET current source",
    )
    thermal_noise: bool = param(True, "kT/C noise whenever the capacitor is preset", basis="derived", source="equipartition")
    temperature: Kelvin = param("300 K", "temperature for kT/C", basis="assumed", gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> Capacitor:
        if not self.minimum < self.initial < self.maximum:
            msg = f"initial {self.initial} V must lie between minimum {self.minimum} V and maximum {self.maximum} V"
            raise ValueError(msg)
        if not self.minimum <= self.resting <= self.maximum:
            msg = f"resting {self.resting} V must lie between minimum {self.minimum} V and maximum {self.maximum} V"
            raise ValueError(msg)
        if not self.threshold < self.initial:
            msg = f"threshold {self.threshold} V must lie below initial {self.initial} V, or a fresh cell conducts nothing"
            raise ValueError(msg)
        return self

    @property
    def thermal_sigma(self) -> float:
        """kT/C noise of one preset, V."""
        return float(np.sqrt(BOLTZMANN * self.temperature / (self.capacitance * 1e-15)))

    @property
    def packet_electrons(self) -> float:
        """Electrons in the charge packet of one nominal pulse."""
        return self.capacitance * 1e-15 * self.step / ELEMENTARY_CHARGE

    @property
    def packet_sigma(self) -> float:
        """Relative noise of one pulse."""
        return float(1.0 / np.sqrt(self.packet_electrons)) if self.packet_noise else 0.0

    def conductance(self, voltage: ArrayLike) -> Floats:
        """Return the nominal read conductance (µS): triode above the threshold, never negative."""
        return np.maximum(self.transconductance * (np.asarray(voltage, dtype=np.float64) - self.threshold), 0.0)

    def voltage_after(self, voltage: ArrayLike, elapsed: ArrayLike) -> Floats:
        """Return the voltage after `elapsed` seconds of leak at the nominal retention."""
        decay = np.exp(-np.asarray(elapsed, dtype=np.float64) / (self.retention * 1e-12))
        return np.asarray(self.resting + (np.asarray(voltage, dtype=np.float64) - self.resting) * decay)


def thermal_sigma(capacitance: float, temperature: float = 300.0) -> float:
    """Return kT/C noise in V for a capacitance in F."""
    return float(np.sqrt(BOLTZMANN * temperature / capacitance))


def packet_step(current: float, duration: float, capacitance: float) -> float:
    """Return the voltage step (V) of a packet of `current` (A) for `duration` (s) on `capacitance` (F)."""
    return current * duration / capacitance
