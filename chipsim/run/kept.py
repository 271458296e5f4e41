"""What a recorder has kept: rows of plain values, which the run folder's traces are made from and a checkpoint holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = list[dict[str, Any]]
"""Rows with the same keys: numbers, texts and arrays, of one shape a key."""


def column(rows: Rows, key: str) -> Any:
    """Return one value of every row as an array."""
    return np.array([row[key] for row in rows])


@dataclass
class Kept:
    """Evaluations, segments, transfers, probes, retention reads, sleeps and stages, in the order in which they happened."""

    evaluations: Rows = field(default_factory=list)
    transfers: Rows = field(default_factory=list)
    probes: Rows = field(default_factory=list)
    retention: Rows = field(default_factory=list)
    sleeps: Rows = field(default_factory=list)
    stages: Rows = field(default_factory=list)
    waves: Rows = field(default_factory=list)
    happenings: list[tuple[str, str, int, int, int, int, int]] = field(default_factory=list)
    """What was done inside windows of full detail: track, what, start and end (ps), image, column, amount."""
    ages: list[float] = field(default_factory=list)
    """Mean age of the capacitors (s) at the end of every closed segment."""
    segment_ends: list[tuple[int, int]] = field(default_factory=list)
    """Image and time (ps) at the end of every closed segment."""
    latest: tuple[int, int] = (0, 0)
    """Image and time (ps) that training, or a transfer after it, has reached."""
    samples: Rows = field(default_factory=list)
    """Sampled weights of the last two transfers."""
    learnt: tuple[int, int, float] = (0, 0, 0.0)
    """Training images, those of them recognised, and the sum of their losses, up to the last evaluation."""
    awake: list[NDArray[np.float32]] = field(default_factory=list)
    """All weights when power last went off."""
    awake_accuracy: float = float("nan")
    """... and how accurate the chip was then."""
