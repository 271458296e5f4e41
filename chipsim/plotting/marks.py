"""Transfers on a time axis: a tick for one that takes no chip time, a shade for one that stops training."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from numpy.typing import ArrayLike

from chipsim.plotting.style import GREY, SHADE

FEW = 30
"""Up to so many transfers are marked over the whole height; more would hide the data."""


def mark_transfers(ax: Axes, moments: ArrayLike, label: str = "transfer") -> LineCollection | None:
    """Mark moments (in units of the axis) by vertical lines, or by ticks along the bottom where they are many."""
    x = np.asarray(moments, dtype=np.float64)
    if x.size == 0:
        return None
    few = x.size <= FEW
    return ax.vlines(
        x,
        0.0,
        1.0 if few else 0.05,
        transform=ax.get_xaxis_transform(),
        colors=GREY,
        linewidth=0.5,
        linestyles=(0, (2, 2)) if few else "solid",
        zorder=0.5,
        label=label,
    )


def shade_stalls(ax: Axes, starts: ArrayLike, durations: ArrayLike, label: str) -> PolyCollection | None:
    """Shade the spans (in units of the axis) in which training stood still; nothing where none took time."""
    start, duration = np.asarray(starts, dtype=np.float64), np.asarray(durations, dtype=np.float64)
    took = duration > 0
    if not took.any():
        return None
    left, right = start[took], start[took] + duration[took]
    corners = [[(a, 0.0), (a, 1.0), (b, 1.0), (b, 0.0)] for a, b in zip(left, right, strict=True)]
    spans = PolyCollection(corners, transform=ax.get_xaxis_transform(), facecolor=SHADE, edgecolor="none", zorder=0.2, label=label)
    ax.add_collection(spans, autolim=False)
    return spans
