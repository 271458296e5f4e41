"""Transfers and sleeps on a time axis: a tick for what does not stop training, a shade for what does; and axes over ages."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator
from numpy.typing import ArrayLike

from chipsim.plotting.reading import Table
from chipsim.plotting.style import GREY, SHADE

FEW = 30
"""Up to so many transfers are marked over the whole height; more would hide the data."""
MOST = 300
"""More than so many are not marked at all: their ticks would be a bar."""
_WORDS = ((1e-3, "1 ms"), (1.0, "1 s"), (3600.0, "1 h"), (86400.0, "1 day"), (31557600.0, "1 year"))


def mark_transfers(ax: Axes, moments: ArrayLike, label: str = "transfer") -> LineCollection | None:
    """Mark moments (in units of the axis) by vertical lines, by ticks along the bottom where they are many, or not at all."""
    x = np.asarray(moments, dtype=np.float64)
    if x.size == 0 or x.size > MOST:
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


def transfer_label(events: Table) -> str:
    """Return what the marks of transfers stand for: a moment, or the begin of what then goes on beside training."""
    return "transfer" if events["exclusive"].all() else "transfer begins"


def shade_stalls(ax: Axes, starts: ArrayLike, durations: ArrayLike, label: str, colour: str = SHADE) -> PolyCollection | None:
    """Shade the spans (in units of the axis) in which training stood still; nothing where none took time."""
    start, duration = np.asarray(starts, dtype=np.float64), np.asarray(durations, dtype=np.float64)
    took = duration > 0
    if not took.any():
        return None
    left, right = start[took], start[took] + duration[took]
    corners = [[(a, 0.0), (a, 1.0), (b, 1.0), (b, 0.0)] for a, b in zip(left, right, strict=True)]
    spans = PolyCollection(corners, transform=ax.get_xaxis_transform(), facecolor=colour, edgecolor="none", zorder=0.2, label=label)
    ax.add_collection(spans, autolim=False)
    return spans


def log_time(ax: Axes, low: float, high: float, label: str, apart: float = 0.0) -> None:
    """Make the horizontal axis a logarithmic one of times from `low` to `high` (s), with everyday times along the top.

    Of words that stand closer together than `apart` (share of the axis) the first is kept.
    """
    ax.set_xscale("log")
    if low < high:
        ax.set_xlim(low, high)
    ax.xaxis.set_major_locator(LogLocator(numticks=7))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel(label)
    known: list[tuple[float, str]] = []
    for moment, word in _WORDS:
        if low < moment < high and (not known or np.log(moment / known[-1][0]) > apart * np.log(high / low)):
            known.append((moment, word))
    above = ax.secondary_xaxis("top")
    above.set_xticks([moment for moment, _ in known], [word for _, word in known], fontsize=6, color="#606060")
    above.tick_params(length=0, pad=1)
    above.xaxis.set_minor_locator(NullLocator())
    above.spines["top"].set_visible(False)
    for moment, _ in known:
        ax.axvline(moment, color="#E0E0E0", linewidth=0.6, zorder=0)
