"""Charge on the capacitors is conserved: what pulses move is stored, leaks away, or is lost at the supply rails."""

from __future__ import annotations

import numpy as np
import pytest

from chipsim.kernels import layout

IMAGES = 25
STRONG = {"training.learning_rate": 0.5, "cell.capacitor.step": "8 mV"}
TIGHT = {"cell.capacitor.minimum": "0.45 V", "cell.capacitor.maximum": "0.9 V"}


def ledger(small, made):
    """Return the charge moved and clipped so far, C."""
    told = small.totals(made)
    return told["capacitor.pulse charge"], told["capacitor.clipped charge"]


def volts(small, made):
    """Return all capacitors' deviations in float64."""
    return small.deviation(made)


@pytest.mark.parametrize("limits", [{}, TIGHT], ids=("wide", "tight"))
@pytest.mark.parametrize("update", ["stochastic", "deterministic"])
def test_stored_and_clipped_is_moved(small, update, limits):
    """Without leak, the charge moved by an update is the charge that the capacitors gained or lost, and what the rails took."""
    made = small.build(STRONG, limits, small.NO_LEAK, images=IMAGES, training__update=update)
    capacitance = made.scenario.cell.capacitor.capacitance * 1e-15
    phases = 2 * made.layers
    now, largest = 0, 0.0
    for q in range(IMAGES * phases):
        before, (moved, clipped) = volts(small, made), ledger(small, made)
        now = made.train(q, q + 1, now)
        stored = capacitance * float(np.sum(np.abs(volts(small, made) - before)))
        moved, clipped = np.subtract(ledger(small, made), (moved, clipped))
        if q % phases < phases - 1:
            assert (stored, moved, clipped) == (0.0, 0.0, 0.0)
        else:
            assert stored + clipped == pytest.approx(moved, rel=1e-5)
        largest = max(largest, clipped)
    assert largest > 0.0 or not limits


@pytest.mark.parametrize("case", [{}, STRONG | TIGHT], ids=("gentle", "clipped"))
def test_stored_and_leaked_and_clipped_is_moved(small, case):
    """With leak, what pulses moved is stored, or was clipped, or has leaked by the closed form that this test integrates itself."""
    made = small.build(case, images=150, cell__capacitor__retention="1 ms")
    spec, device, phases = made.scenario.cell.capacitor, made.device, 2 * made.layers
    rate = made.cells.leak.astype(np.float64) * device.leak_lsb
    held, pulsed, leaked = volts(small, made), np.zeros(volts(small, made).size), np.zeros(volts(small, made).size)
    now, clipped_all, moved_all = 0, *reversed(ledger(small, made))
    for q in range(150 * phases):
        lasts = made.phase_ps[q % phases] * 1e-12
        update = q % phases == phases - 1
        before = volts(small, made)
        now = made.train(q, q + 1, now)
        change = volts(small, made) - before if update else np.zeros_like(held)
        held += change
        pulsed += np.abs(change)
        decay = held * -np.expm1(-rate * lasts)
        held -= decay
        leaked += decay
    moved, clipped = np.subtract(ledger(small, made), (moved_all, clipped_all))
    assert pulsed.sum() * spec.capacitance * 1e-15 + clipped == pytest.approx(moved, rel=1e-5)
    assert clipped > 0.0 or not case
    # pulses are dated back to their row's last access: by a quantum and an image at most
    stale = (device.quantum + made.image_ps) / spec.retention * np.exp(4.0 * spec.retention_spread)
    chip = np.concatenate([small.deviations(made, layer, now).ravel() for layer in range(made.layers)])
    mine = np.concatenate([small.cells_of(made, held, layer).ravel() for layer in range(made.layers)])
    bound = np.concatenate([small.cells_of(made, pulsed, layer).ravel() for layer in range(made.layers)]) * stale + 1e-5
    assert (np.abs(chip - mine) < bound).all()
    assert case or np.abs(leaked).max() > 50 * np.median(bound)


def test_pulses_times_step_is_the_charge(small):
    """With equal steps that do not depend on the state, and no noise, charge is capacitance times step times pulses."""
    made = small.build(small.NO_NOISE, small.NO_SPREAD, small.NO_LEAK, images=IMAGES, cell__capacitor__step_slope=0.0)
    made.train(0, IMAGES * 2 * made.layers, 0)
    told, spec = small.totals(made), made.scenario.cell.capacitor
    pulses = told["update pulse.up"] + told["update pulse.down"]
    assert pulses > 1000
    assert told["capacitor.pulse charge"] == pytest.approx(pulses * spec.step * spec.capacitance * 1e-15, rel=1e-5)
    assert told["capacitor.clipped charge"] == 0.0


def test_capacitors_stay_within_their_rails(small):
    """No pulse, preset or residual takes a capacitor beyond its limits."""
    told = small.run(STRONG, TIGHT, images=IMAGES, transfer__every="7 images", cell__capacitor__threshold_spread="60 mV")
    real = told.chip.cells.leak > 0
    spec = told.chip.scenario.cell.capacitor
    voltage = small.deviation(told.chip)[real] + spec.resting
    assert voltage.min() >= spec.minimum - 1e-6
    assert voltage.max() <= spec.maximum + 1e-6
    assert told.chip.amounts.segment_sums[:, layout.CLIPPED_CHARGE].sum() > 0.0
