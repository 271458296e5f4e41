"""The cell 2pcm: training on the pair itself, programming by pulses, refresh of saturated pairs."""

from __future__ import annotations

import numpy as np
import pytest

LAYERS = (12, 8)
SIGMAS = 5.0
FULL = 9.5


@pytest.fixture
def pairs(small, working):
    """Return a function that builds one layer of pairs."""
    del working
    return lambda *groups, **plain: small.build(*groups, cell__kind="2pcm", layers=LAYERS, images=plain.pop("images", 4), **plain)


def planes(small, made):
    """Return G+ and G- of the layer, µS."""
    return small.cells_of(made, made.cells.g_plus, 0), small.cells_of(made, made.cells.g_minus, 0)


def set_all(made, plus, minus):
    """Give every pair the same conductances, and the sums that follow from them."""
    real = made.cells.noise > -1
    made.cells.g_plus[real], made.cells.g_minus[real] = plus, minus
    made.rows.pcm_sum[:] = LAYERS[1] * (plus + minus)
    made.columns.pcm_sum[:] = (LAYERS[0] + 1) * (plus + minus)


def update(made, x, d, pulses, step=0):
    """Let the layer learn `x` and `d` at a rate of so many pulses for the largest pair."""
    made.signals.inputs[:] = x
    made.signals.errors[:] = d
    made.plan.rates[:] = pulses * made.device.weight_step
    made.train(2 * step + 1, 2 * step + 2, 0)


def test_initial_weights_hit_their_targets(small, pairs):
    """Programming by pulses ends within the tolerance and the read noise of the target, with one device near its RESET state."""
    made = pairs(network__initial_scale=1.5)
    wanted = made.exchange.wanted
    plus, minus = planes(small, made)
    target = small.cells_of(made, wanted, 0) / 3.0
    error = plus - minus - target
    reachable = np.abs(target) < 8.0
    read_sigma = 0.03 * 10.0 + 0.13
    assert reachable.sum() > 80
    assert np.abs(error[reachable]).max() < 0.5 + SIGMAS * read_sigma
    assert np.sqrt(np.mean(error[reachable] ** 2)) < 0.6
    assert np.minimum(plus, minus)[np.abs(target) > 1.0].max() < 0.2
    told = small.totals(made)
    assert told["pcm.RESET pulse"] >= 2 * target.size
    assert told["pcm.verify read"] > told["pcm.SET pulse"] > 0


def test_an_increase_sets_the_positive_device(small, pairs):
    """Where input and error have one sign G+ is pulsed, else G-; the other device stays as it is, and nothing is RESET."""
    made = pairs(training__update="deterministic")
    set_all(made, 2.0, 2.0)
    x = np.where(np.arange(LAYERS[0] + 1) % 2, 1.0, -1.0)
    d = np.where(np.arange(LAYERS[1]) % 3, 1.0, -1.0)
    before = small.totals(made)
    update(made, x, d, 4)
    plus, minus = planes(small, made)
    up = np.outer(x, d) > 0.0
    assert (plus[~up] == 2.0).all()
    assert (minus[up] == 2.0).all()
    assert (plus[up] != 2.0).all()
    assert (minus[~up] != 2.0).all()
    told = small.totals(made)
    assert told["pcm.SET pulse"] - before["pcm.SET pulse"] == 4 * up.size
    assert told["pcm.RESET pulse"] == before["pcm.RESET pulse"]
    assert told["pcm.SET charge"] - before["pcm.SET charge"] == pytest.approx(4 * up.size * 90e-6 * 50e-9, rel=1e-9)
    assert told["update pulse.up"] == told["update pulse.down"] == 0


def test_pulses_raise_the_conductance_on_average(small, pairs, working):
    """From a low state, pulses raise the mean by the published step, though single ones may lower a device."""
    count = 60 if working else 6
    made = pairs(images=count, training__update="deterministic")
    steps = []
    for step in range(count):
        set_all(made, 4.0, 4.0)
        made.cells.memory_plus[:] = 0.0
        update(made, 1.0, 1.0, 1, step)
        steps.append(planes(small, made)[0] - 4.0)
    moved = np.array(steps)
    mean, sigma = -0.084 * 4.0 + 0.88, 0.091 * 4.0 + 0.26
    assert moved.mean() == pytest.approx(mean, abs=SIGMAS * sigma / np.sqrt(moved.size))
    assert moved.std() == pytest.approx(sigma, rel=SIGMAS / np.sqrt(2 * moved.size))
    assert (moved < 0.0).any()


def test_pairs_saturate(small, pairs):
    """Pulsed for ever, devices end around the fixed point of 10.5 uS and never beyond their maximum."""
    made = pairs(images=12, training__update="deterministic")
    for step in range(12):
        update(made, 1.0, 1.0, 10, step)
    plus, _ = planes(small, made)
    assert plus.max() <= 12.0
    assert plus.mean() == pytest.approx(9.9, abs=0.6)


def test_refresh_keeps_the_difference(small, pairs):
    """A saturated pair is RESET and its difference written again, within tolerance and read noise; others are left alone."""
    made = pairs()
    set_all(made, FULL, 8.0)
    made.cells.g_minus[: 32 * 6] = 4.0
    assert made.refresh_pairs(100, 0) == 7 * LAYERS[1]
    plus, minus = planes(small, made)
    assert (plus[:6] == FULL).all()
    assert (minus[:6] == 4.0).all()
    assert plus[6:].max() < 3.5
    assert (plus - minus)[6:] == pytest.approx(np.full((7, LAYERS[1]), 1.5), abs=0.5 + SIGMAS * 0.2)
    assert np.mean((plus - minus)[6:]) == pytest.approx(1.5, abs=0.15)
    assert made.refresh_pairs(101, 0) == 0


def test_refresh_of_a_negative_pair(small, pairs):
    """A saturated pair with a negative difference gets it back on the negative device."""
    made = pairs()
    set_all(made, 8.0, FULL)
    assert made.refresh_pairs(7, 0) == (LAYERS[0] + 1) * LAYERS[1]
    plus, minus = planes(small, made)
    assert np.mean(plus - minus) == pytest.approx(-1.5, abs=0.15)
    assert plus.max() < 0.2


@pytest.mark.parametrize("plus, minus, saturated", [(9.1, 8.0, True), (9.1, 6.5, False), (8.9, 8.9, False), (3.0, 9.5, False), (9.2, 11.4, True)])
def test_only_saturated_pairs_are_refreshed(pairs, plus, minus, saturated):
    """A pair is refreshed when one device exceeds 9 uS and the difference is below 2.25 uS (Nandakumar et al., 2018)."""
    made = pairs()
    set_all(made, plus, minus)
    assert made.refresh_pairs(3, 0) == saturated * (LAYERS[0] + 1) * LAYERS[1]


def test_reads_see_what_was_written(small, pairs):
    """Pulses and refreshes keep the weights, the line sums and the noise that reads use in step with the devices."""
    made = pairs(images=6)
    for step in range(6):
        update(made, 1.0, -1.0 if step % 2 else 1.0, 12, step)
    made.refresh_pairs(50, 5)
    plus, minus = planes(small, made)
    assert small.cells_of(made, made.cells.pcm, 0) == pytest.approx(3.0 * (plus - minus), abs=1e-5)
    assert made.rows.pcm_sum == pytest.approx((plus + minus).sum(axis=1), rel=1e-5)
    assert made.columns.pcm_sum == pytest.approx((plus + minus).sum(axis=0), rel=1e-5)
    noise = made.scenario.cell.pcm.read_noise
    expected = 3.0 * np.hypot(noise.sigma(plus, 40_000), noise.sigma(minus, 40_000))
    assert small.cells_of(made, made.cells.noise, 0) * made.device.noise_lsb == pytest.approx(expected, abs=0.51 * made.device.noise_lsb)


def test_early_drift_keeps_the_sums_of_lines_right(small):
    """With drift from the first microsecond on, row and column sums are those of what the reads see, after odd transfers too."""
    told = small.run(
        {"cell.pcm.drift.early": True, "cell.pcm.drift.early_every": 4, "cell.pcm.drift.early_reference": "1 ns"}, images=31, transfer__every="7 images"
    )
    made = told.chip
    for layer in range(made.layers):
        seen = np.abs(small.cells_of(made, made.cells.pcm, layer)) / made.device.gain
        rows = small.spread_lines(made, made.rows.pcm_sum, layer, rows=True)[:, 0]
        assert (rows > 0.0).all()
        assert (rows >= seen.sum(axis=1) * (1 - 1e-5)).all()
