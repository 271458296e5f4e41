"""Drift compensation: one factor a layer, from reads of a known input."""

from __future__ import annotations

import numpy as np
import pytest

from chipsim.chip.compensation import drift_compensation, reference_reads
from chipsim.chip.probe import aged_conductances, aged_variances, aged_weights, slow_draws

DAY = 86400 * 10**12


@pytest.fixture(scope="module")
def weights():
    """Return weights of two layers, bias in the last row, and variances of zero."""
    rng = np.random.default_rng(0)
    made = [rng.normal(size=shape).astype(np.float32) for shape in ((21, 12), (13, 4))]
    return made, [np.zeros_like(w) for w in made]


def test_every_input_is_one_the_bias_too(weights):
    """A layer gives the amounts of its column sums, the bias row included."""
    held, still = weights
    sums = reference_reads(held, still, 1, seed=1, event=0)
    assert sums == pytest.approx([float(np.abs(w.astype(np.float64).sum(axis=0)).sum()) for w in held], rel=1e-12)


def test_what_scales_all_weights_of_a_layer_is_made_up_for(weights):
    """Where every weight of a layer has kept the same share, its factor is one over that share, each layer its own."""
    held, still = weights
    faded = [np.float32(share) * w for share, w in zip((0.5, 0.25), held, strict=True)]
    factors = drift_compensation(reference_reads(held, still, 3, seed=1, event=0), reference_reads(faded, still, 3, seed=1, event=1))
    assert factors == pytest.approx([2.0, 4.0], rel=1e-6)


def test_a_layer_of_which_nothing_is_left_is_left_alone():
    """Where the reads give nothing at all any more, there is nothing to scale, and the factor is 1."""
    assert drift_compensation(np.array([3.0, 2.0]), np.array([0.0, 1.0])).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("reads", [1, 25])
def test_reads_are_averaged(reads):
    """The noise of a sum over outputs far from zero is that of one read divided by the root of their number.

    400 events: the standard deviation is known to 1 / sqrt(800) = 3.5 %, so 15 % is more than four sigma.
    """
    layer, variance = [np.full((6, 8), 10.0, np.float32)], [np.full((6, 8), 0.5, np.float32)]
    sums = [reference_reads(layer, variance, reads, seed=1, event=event)[0] for event in range(400)]
    assert np.mean(sums) == pytest.approx(480.0, abs=5 * np.sqrt(24.0 / reads / 400))
    assert np.std(sums) == pytest.approx(np.sqrt(24.0 / reads), rel=0.15)


def test_reference_reads_do_not_depend_on_tiles(small):
    """A layer cut into tiles gives the same sums, noise included, but for the order of rounding."""
    found = []
    for size in (1024, 5):
        made = small.build(images=4, tiles__max_rows=size, tiles__max_columns=size)
        plus, minus = aged_conductances(made, DAY, slow_draws(made))
        found.append(reference_reads(aged_weights(made, plus, minus, DAY), aged_variances(made, plus, minus), 10, seed=1, event=3))
    assert found[0] == pytest.approx(found[1], rel=1e-5)
