"""Speed as ratios measured in one run; `python tests/benchmarks/training_speed.py` prints the same with spread."""

from __future__ import annotations

import runpy

import numpy as np
import pytest


@pytest.mark.benchmark
def test_full_physics_keeps_up_with_plain_training(root):
    """After an epoch of mnist, full physics takes at most three times plain compiled float32, and less time than NumPy."""
    measured, _ = runpy.run_path(str(root / "tests" / "benchmarks" / "training_speed.py"))["measure"](rounds=9)
    full, plain, numpy = measured.T
    assert np.median(full / plain) < 3.0
    assert np.median(numpy / full) > 1.0
    assert np.median(numpy / plain) > 3.0
