"""One purpose of randomness per physical cause: switching one off leaves the draws of all others alone."""

from __future__ import annotations

import numpy as np
import pytest

LAYERS = (15, 9, 4)
SPREADS = ("threshold", "leak", "step_up", "step_down")
WRITTEN = ("g_plus", "g_minus", "nu_plus", "nu_minus")
SWITCHES = {
    "packet noise": {"cell.capacitor.packet_noise": False},
    "thermal noise": {"cell.capacitor.thermal_noise": False},
    "read noise": {"cell.pcm.read_noise.enabled": False},
    "update rule": {"training.update": "deterministic"},
    "tiles": {"tiles.max_rows": 6, "tiles.max_columns": 5},
    "transfers": {"transfer.every": "3 images", "transfer.policy": "stall"},
}


def first_image(small, made):
    """Learn one image and return the counts."""
    before = small.totals(made)
    made.train(0, 2 * made.layers, 0)
    return {name: value - before[name] for name, value in small.totals(made).items()}


@pytest.mark.parametrize("switch", SWITCHES)
def test_devices_stay_the_same(small, switch):
    """Spreads from cell to cell, initial weights, order of images and probed cells do not depend on other causes."""
    one, other = (small.build(groups, layers=LAYERS, images=9) for groups in ({}, SWITCHES[switch]))
    for layer in range(one.layers):
        for name in SPREADS:
            assert (small.cells_of(one, getattr(one.cells, name), layer) == small.cells_of(other, getattr(other.cells, name), layer)).all()
        assert small.cells_of(one, one.exchange.wanted, layer) == pytest.approx(small.cells_of(other, other.exchange.wanted, layer))
    assert (one.plan.order == other.plan.order).all()


@pytest.mark.parametrize("name", ["retention_spread", "threshold_spread", "step_spread"])
def test_spreads_are_drawn_apart(small, name):
    """Without one spread, the others keep the same value in every cell."""
    off = {f"cell.capacitor.{name}": "0 V" if name == "threshold_spread" else 0.0}
    one, other = (small.build(groups, layers=LAYERS, images=4) for groups in ({}, off))
    changed = {"retention_spread": ("leak",), "threshold_spread": ("threshold",), "step_spread": ("step_up", "step_down")}[name]
    scales = {"leak": "leak_lsb", "threshold": "threshold_lsb", "step_up": "step_lsb", "step_down": "step_lsb"}
    for field in SPREADS:
        a, b = (getattr(made.cells, field) * getattr(made.device, scales[field]) for made in (one, other))
        assert (a == b).all() != (field in changed)


def test_packet_noise_leaves_the_pulse_trains(small):
    """With and without packet noise the first image fires the same lines and hits the same cells as often."""
    on, off = (first_image(small, small.build(groups, layers=LAYERS, images=9)) for groups in ({}, SWITCHES["packet noise"]))
    for name in ("word line.update slot", "bit line.update slot", "update pulse.up", "update pulse.down"):
        assert on[name] == off[name] > 0


def test_packet_noise_leaves_reads_and_writes(small):
    """With and without packet noise the first image reads the same values and the same targets are written by the same draws."""
    on, off = (small.build(groups, layers=LAYERS, images=9) for groups in ({}, SWITCHES["packet noise"]))
    assert not [name for name in WRITTEN if (getattr(on.cells, name) != getattr(off.cells, name)).any()]
    for made in (on, off):
        first_image(small, made)
    assert (on.signals.outputs == off.signals.outputs).all()
    assert (on.signals.errors == off.signals.errors).all()


def test_read_noise_leaves_the_programming_draws(small):
    """With one attempt a device, verify noise decides nothing: with and without it RESETs and ramps end at the same bits."""
    once = {"cell.pcm.ramp.max_tries": 1}
    on, off = (small.build(once, groups, layers=LAYERS, images=9) for groups in ({}, SWITCHES["read noise"]))
    assert not [name for name in WRITTEN if (getattr(on.cells, name) != getattr(off.cells, name)).any()]


def test_thermal_noise_leaves_the_programming_draws(small):
    """With and without kT/C on the capacitors the PCM devices are programmed to the same bits."""
    on, off = (small.build(groups, layers=LAYERS, images=9) for groups in ({}, SWITCHES["thermal noise"]))
    assert not [name for name in WRITTEN if (getattr(on.cells, name) != getattr(off.cells, name)).any()]
    assert (on.cells.overdrive != off.cells.overdrive).any()


def test_the_update_rule_leaves_the_reads(small):
    """Stochastic or deterministic, the first image is read with the same noise."""
    on, off = (small.build(groups, layers=LAYERS, images=9) for groups in ({}, SWITCHES["update rule"]))
    for made in (on, off):
        first_image(small, made)
    assert (on.signals.outputs == off.signals.outputs).all()


def test_drift_exponents_are_their_own_draw(small):
    """Slow noise on or off, the drift exponents are the same; drift on or off, so are the conductances."""
    one, quiet, still = (
        small.build(groups, layers=LAYERS, images=9) for groups in ({}, {"cell.pcm.slow_noise.enabled": False}, {"cell.pcm.drift.enabled": False})
    )
    assert (one.cells.nu_plus == quiet.cells.nu_plus).all()
    assert (one.cells.g_plus == still.cells.g_plus).all()


def test_seeds_differ_and_repeat(small):
    """A seed gives the same chip again; another seed gives another chip, other weights and another order."""
    one, same, other = (small.build(layers=LAYERS, images=9, seed=seed) for seed in (1, 1, 2))
    for made in (one, same, other):
        made.train(0, 9 * 2 * made.layers, 0)
    assert not small.differences(small.snapshot(one), small.snapshot(same))
    assert (one.cells.threshold != other.cells.threshold).mean() > 0.1
    assert (one.exchange.wanted != other.exchange.wanted).any()
    assert (one.plan.order != other.plan.order).any()


def test_layers_and_transfers_draw_apart(small):
    """Two layers of one shape, and two transfers of one chip, have different draws."""
    made = small.build(layers=(9, 9, 9), images=4)
    first, second = (small.cells_of(made, made.cells.threshold, layer)[:9] for layer in (0, 1))
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.5
    before = made.cells.g_plus.copy()
    made.exchange.wanted[:] = 30.0
    misses = []
    for number in (1, 2):
        made.transfer_now(0, number, 0)
        misses.append((made.cells.pcm - 3.0 * made.exchange.target)[made.cells.leak > 0])
    assert abs(np.corrcoef(*misses)[0, 1]) < 0.4
    assert (before != made.cells.g_plus).any()
