"""The leak of a capacitor, and what a burst of pulses does to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

RETENTION = 5_160_000_000
SHARE = 2.0**-12
"""Part of the retention below which a gap is left to the next access."""


@pytest.fixture
def bright(small, working):
    """Return a function that builds one layer of cells, all alike and all read by every image."""
    del working

    def build(*groups, **plain):
        made = small.build(small.NO_NOISE, small.NO_SPREAD, *groups, layers=(6, 4), images=64, **plain)
        made.data.train_images[:] = 255
        return made

    return build


def read_at(made, image, now):
    """Read the layer forward at a moment, as image number `image`."""
    made.train(image * 2, image * 2 + 1, now)


def real(made):
    """Return which cells are no padding."""
    return made.cells.leak > 0


def test_a_retention_leaves_one_part_in_e(small, bright):
    """After one retention, 0.3679 of a capacitor's deviation from rest is left."""
    made = bright()
    before = small.deviation(made)[real(made)]
    read_at(made, 0, RETENTION)
    assert small.deviation(made)[real(made)] == pytest.approx(0.36788 * before, abs=1e-4 * np.abs(before).max())


@pytest.fixture(scope="module")
def cut(small, working):
    """Return a function that gives a chip of cells that are alike, as new, for many histories."""
    del working
    made = small.build(small.NO_NOISE, small.NO_SPREAD, layers=(6, 4), images=64)
    made.data.train_images[:] = 255
    saved = small.snapshot(made)

    def fresh():
        small.restore(made, saved)
        return made

    return fresh


@given(gaps=st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=12))
def test_leak_does_not_depend_on_how_an_interval_is_cut(small, cut, gaps):
    """However many reads fall into an interval, the deviation at its end is the closed form, to the share that may wait."""
    made = cut()
    before = small.deviation(made)[real(made)]
    times = np.rint(np.cumsum(gaps) / sum(gaps) * RETENTION).astype(np.int64)
    for image, now in enumerate(times):
        read_at(made, image, int(now))
    left = small.deviation(made)[real(made)] / before
    assert left == pytest.approx(np.exp(-1.0), rel=SHARE + 1e-6 * len(gaps))
    whole = small.deviations(made, 0, RETENTION).ravel()
    assert np.sort(whole) == pytest.approx(np.sort(before) * np.exp(-1.0), rel=2e-6 * (1 + len(gaps)))


@pytest.mark.parametrize("share", [1 / 4000, 1 / 500, 1 / 65, 1 / 63, 1 / 10, 1.0, 10.0])
def test_short_and_long_gaps_follow_the_exponential(small, working, share):
    """A cell of any retention leaks by the exponential, where a polynomial stands in for it as well as where none does."""
    del working
    made = small.build(small.NO_NOISE, layers=(12, 8), images=4, cell__capacitor__retention_spread=0.5)
    made.data.train_images[:] = 255
    gap = int(share * RETENTION)
    expected = small.deviations(made, 0, gap)
    made.train(0, 1, gap)
    assert (made.rows.time == gap).all()
    assert small.cells_of(made, small.deviation(made), 0) == pytest.approx(expected, rel=2e-6, abs=1e-7)


def test_a_short_gap_waits_and_is_not_lost(small, bright):
    """A gap below the share is written back neither at once nor never: the row keeps its old time until enough has passed."""
    made = bright()
    before = small.deviation(made)[real(made)]
    short = int(RETENTION * SHARE) - 1000
    read_at(made, 0, short)
    assert (small.deviation(made)[real(made)] == before).all()
    assert (made.rows.time == 0).all()
    read_at(made, 1, 2 * short)
    assert small.deviation(made)[real(made)] == pytest.approx(before * np.exp(-2 * short / RETENTION), rel=1e-6)
    assert (made.rows.time == 2 * short).all()


def test_rows_that_are_not_read_keep_their_time(bright):
    """A dark pixel's row is left alone; its leak is a closed form and waits for the next read."""
    made = bright()
    made.data.train_images[:, :3] = 0
    read_at(made, 0, RETENTION)
    assert made.rows.time.tolist() == [0, 0, 0, RETENTION, RETENTION, RETENTION, RETENTION]


def test_the_reference_leaks_like_a_cell(small, bright):
    """A column's reference follows the same closed form, so what cells and reference share never shows in a weight."""
    made = bright()
    for share in (0.0, 0.01, 1.0, 5.0):
        now = int(share * RETENTION)
        expected = 40.0 * (0.8 - 0.3 * np.exp(-share) - 0.3)
        assert made.reference_at(now) == pytest.approx(np.full(4, expected), rel=1e-6)
        read_at(made, 0, now)
        pair = small.cells_of(made, made.cells.pcm, 0)
        held = small.deviations(made, 0, now) - -0.3 * np.exp(-share)
        assert small.outputs_of(made, 0) == pytest.approx((pair + 40.0 * held).sum(axis=0) / 40.0, abs=2e-5)


def push(small, made, pulses, polarity=1.0):
    """Apply one burst of pulses to every cell, in one update."""
    made.signals.inputs[:] = 1.0
    made.signals.errors[:] = polarity
    made.plan.rates[:] = pulses * made.device.weight_step
    made.train(1, 2, 0)
    return small.deviation(made)[real(made)]


@pytest.mark.parametrize("direction", [1.0, -1.0])
@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0])
def test_a_burst_is_many_single_pulses(small, bright, slope, direction):
    """A burst of 20 pulses moves a cell as far as 20 single ones, to second order in the steps."""
    quiet = (small.NO_LEAK, {"training.update": "deterministic", "cell.capacitor.step": "4 mV", "cell.capacitor.step_slope": slope})
    burst, single = bright(*quiet), bright(*quiet)
    start = small.deviation(burst)[real(burst)]
    after = push(small, burst, 20, direction)
    for _ in range(20):
        alone = push(small, single, 1, direction)
    moved = np.abs(alone - start)
    order = 20 * slope * 0.004
    assert np.abs(after - alone) == pytest.approx(0.0, abs=max(order**2 * moved.max(), 1e-6))
    assert small.totals(burst)["update pulse.up"] == small.totals(single)["update pulse.up"]


@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_steps_shrink_towards_the_rail(small, bright, direction):
    """One pulse moves a cell by step (1 - s (V - V0)) upward, and by step (1 + s (V - V0)) downward."""
    made = bright(small.NO_LEAK, training__update="deterministic", cell__capacitor__step_slope=0.5)
    small.put_deviation(made, real(made), np.linspace(-0.7, 0.3, real(made).sum()))
    before = small.deviation(made)[real(made)]
    after = push(small, made, 1, direction)
    away = before + 0.3
    assert after - before == pytest.approx(direction * 0.001 * (1.0 - direction * 0.5 * away), abs=2e-7)
