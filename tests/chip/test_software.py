"""The software network behind the chip's face."""

from __future__ import annotations

import numpy as np


def test_software_starts_from_the_same_weights(small):
    """Software and chip start from the same weights and take the same images in the same order."""
    software, chip = (small.build(small.NO_NOISE, images=9, cell__kind=kind, network__initial_scale=0.15) for kind in ("software", "3t1c"))
    for one, other in zip(software.weights_at(0), chip.weights_at(0), strict=True):
        assert np.abs(one - other).max() < 1e-5
    assert (software.plan.order == chip.plan.order).all()


def test_software_takes_no_time_and_no_energy(small):
    """A software run ends at time zero, reads without variance and counts no action."""
    told = small.run(images=9, cell__kind="software")
    assert told.state.now_ps == 0
    assert not any(w.any() for w in told.chip.read_variance())
    assert not told.chip.amounts.segment_counts.any()
    assert told.chip.amounts.correct[:, 0].sum() == 9


def test_weights_are_copies(small):
    """What is handed out can be changed without changing the network."""
    made = small.build(images=4, cell__kind="software")
    made.weights_at(0)[0][:] = 7.0
    assert np.abs(made.weights_at(0)[0]).max() < 7.0
