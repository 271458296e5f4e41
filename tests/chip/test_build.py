"""A chip's arrays: where cells lie, and what is drawn for each."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chipsim.chip import build
from chipsim.chip.plan import plan_training
from chipsim.kernels import layout

SIGMAS = 5.0
sizes = st.lists(st.integers(1, 40), min_size=2, max_size=5).map(tuple)


@given(layers=sizes, rows=st.integers(1, 50), columns=st.integers(1, 50))
def test_tiles_cover_every_cell_once(layers, rows, columns):
    """However a network is cut, every weight and every bias has exactly one cell, in a tile within the limits."""
    geometry = build.build_geometry(layers, rows, columns)
    seen = np.zeros(build.cell_count(geometry), dtype=int)
    count = 0
    for tile in geometry.tiles:
        block = build.plane(seen, tile)
        block += 1
        count += block.size
        assert 0 < tile[layout.TILE_ROWS] <= rows
        assert 0 < tile[layout.TILE_COLUMNS] <= columns
    assert seen.max() == 1
    assert count == sum((a + 1) * b for a, b in itertools.pairwise(layers)) == seen.sum()
    assert build.line_counts(geometry) == (geometry.tiles[:, layout.TILE_ROWS].sum(), geometry.tiles[:, layout.TILE_COLUMNS].sum())


@pytest.fixture(scope="module")
def large(small):
    """Return a chip with enough cells for statistics, nothing learnt."""
    return small.build(layers=(200, 60, 4), images=4)


def real(chip, values):
    """Return the values of cells that are no padding."""
    return values[chip.cells.leak > 0].astype(np.float64)


def test_retention_spread_is_lognormal(large):
    """Retentions have the nominal median and a lognormal spread of 0.3, on the grid that they are kept on."""
    ratio = np.log(real(large, large.cells.leak) * large.device.leak_lsb / large.device.nominal_leak)
    assert ratio.mean() == pytest.approx(0.0, abs=SIGMAS * 0.3 / np.sqrt(ratio.size) + 0.002)
    assert ratio.std() == pytest.approx(0.3, rel=SIGMAS / np.sqrt(2 * ratio.size) + 0.01)


@pytest.mark.parametrize("field, lsb, sigma", [("threshold", "threshold_lsb", 0.02), ("step_up", "step_lsb", 0.1), ("step_down", "step_lsb", 0.1)])
def test_spreads_are_normal(large, field, lsb, sigma):
    """Thresholds and steps have the spread that the scenario gives, cut at 5 sigma, with steps of a 25th of a sigma."""
    drawn = real(large, getattr(large.cells, field)) * getattr(large.device, lsb)
    assert drawn.mean() == pytest.approx(0.0, abs=SIGMAS * sigma / np.sqrt(drawn.size))
    assert drawn.std() == pytest.approx(sigma, rel=SIGMAS / np.sqrt(2 * drawn.size) + 0.002)
    assert getattr(large.device, lsb) < sigma / 25.0
    assert abs((drawn > 2 * sigma).mean() - 0.02275) < SIGMAS * np.sqrt(0.02275 / drawn.size) + 0.002


def test_a_chip_without_spread_has_equal_cells(small):
    """With all spreads at zero, every cell is the nominal one, exactly."""
    made = small.build(small.NO_SPREAD, images=4)
    assert not (real(made, made.cells.threshold) * made.device.threshold_lsb).any()
    assert not (real(made, made.cells.step_up) * made.device.step_lsb).any()
    assert not (real(made, made.cells.step_down) * made.device.step_lsb).any()
    assert real(made, made.cells.leak) * made.device.leak_lsb == pytest.approx(1.0 / 5.16e-3, rel=1e-12)


def test_padding_stays_empty(small):
    """Cells that are only padding hold nothing, and still hold nothing after training and transfers."""
    told = small.run(images=20, transfer__every="6 images")
    cells = told.chip.cells
    padding = cells.leak == 0
    for name in ("overdrive", "pcm", "g_plus", "g_minus", "noise"):
        assert not getattr(cells, name)[padding].any(), name


def test_initial_weights_have_their_scale(small):
    """Initial weights are normal with sigma = scale / sqrt(inputs), cut at 2.5 sigma, the same for every cell kind; biases are zero."""
    del small
    weights = build.initial_weights((400, 100, 30), 1.5, 3)
    for w, inputs in zip(weights, (400, 100), strict=True):
        assert w.shape[0] == inputs + 1
        assert not w[-1].any()
        sigma = 1.5 / np.sqrt(inputs)
        assert w[:-1].std() == pytest.approx(0.974 * sigma, rel=0.03)
        assert np.abs(w).max() <= 2.5 * sigma * (1 + 1e-6)


def test_plans_without_shuffling_keep_the_order(small):
    """Without shuffling every epoch takes the images as they come; the rates decay by epoch."""
    plan = plan_training(small.scenario(data__shuffle=False, training__epochs=3, training__learning_rate_decay=0.5), 5)
    assert plan.order.tolist() == [0, 1, 2, 3, 4] * 3
    assert plan.rates.tolist() == [0.05, 0.025, 0.0125]
    assert plan.steps == 15
