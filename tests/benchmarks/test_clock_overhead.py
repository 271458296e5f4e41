"""What clocks cost, as ratios measured in one run; `python tests/benchmarks/clock_overhead.py` prints the same."""

from __future__ import annotations

import runpy

import numpy as np
import pytest


@pytest.mark.benchmark
def test_interleaving_costs_little_more_than_stalling(root):
    """Column by column takes at most 1.5 times the wall time of stalling; SimPy and bookkeeping at most a tenth of it."""
    measure = runpy.run_path(str(root / "tests" / "benchmarks" / "clock_overhead.py"))["measure"]
    found = measure(3, ["data.name=mnist-5k", "training.epochs=8", "transfer.every=4000 images"])
    wall, kernels, heard = found[:, 1].T
    assert np.median(wall / found[:, 0, 0]) < 1.5
    assert np.median((wall - kernels - heard) / wall) < 0.1
