"""Chip time on an axis: as it passed, or without sleeps and idle stages where these leave no room for anything else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from chipsim.plotting.marks import shade_stalls
from chipsim.plotting.reading import Table, has, need, sleeps
from chipsim.plotting.style import NIGHT, Floats, duration

if TYPE_CHECKING:
    from chipsim.analysis.run import Run

DWARFED = 0.8
"""Share of the chip time from which pauses are left out."""
_CUT = "#7A9CC0"


@dataclass(frozen=True, eq=False)
class TimeAxis:
    """A time axis without some pauses.

    Attributes
    ----------
    begun, lasted
        start and length of every pause that is left out, s, in their order and without overlap.
    naps
        the sleeps of the run, which are shaded where they are not left out.
    """

    begun: Floats
    lasted: Floats
    naps: Table

    @property
    def cut(self) -> bool:
        """Whether anything is left out."""
        return self.begun.size > 0

    @property
    def label(self) -> str:
        """Name of the axis, without its unit."""
        return "Chip time without sleep and idle stages" if self.cut else "Chip time"

    def at(self, time: ArrayLike) -> Floats:
        """Return the place (s) of moments of chip time (s); all moments of a pause have that of its start."""
        moments = np.asarray(time, dtype=np.float64)
        if not self.cut:
            return moments
        before = np.searchsorted(self.begun, moments, side="right")
        gone = np.append(0.0, np.cumsum(self.lasted))[before]
        latest = np.maximum(before - 1, 0)
        inside = np.where(before > 0, np.maximum(self.begun[latest] + self.lasted[latest] - moments, 0.0), 0.0)
        return np.asarray(moments - gone + inside)

    def mark(self, ax: Axes, scale: float) -> None:
        """Shade the sleeps, or mark where pauses have been left out; `scale` leads from s to units of the axis."""
        if not self.cut:
            shade_stalls(ax, self.naps["time"] * scale, self.naps["duration"] * scale, "asleep", NIGHT)
            return
        words = f"{duration(float(self.lasted.sum()))} of sleep and idle stages left out"
        ax.vlines(self.at(self.begun) * scale, 0.0, 1.0, transform=ax.get_xaxis_transform(), colors=_CUT, linewidth=0.8, zorder=0.6, label=words)


def time_axis(run: Run, end: float) -> TimeAxis:
    """Return the axis for chip time up to `end` (s): without pauses if they took most of it."""
    naps = sleeps(run)
    begun, lasted = _pauses(run, naps)
    seen = (begun < end) & (lasted > 0)
    begun, lasted = begun[seen], np.minimum(lasted[seen], end - begun[seen])
    if lasted.sum() <= DWARFED * end:
        begun = lasted = np.zeros(0)
    return TimeAxis(begun, lasted, naps)


def _pauses(run: Run, naps: Table) -> tuple[Floats, Floats]:
    """Return start and length (s) of all sleeps and idle stages, in their order."""
    begun, lasted = naps["time"], naps["duration"]
    if has(run, "stage", "kind"):
        trace = need(run, "stages", "stage", ("kind", "time"))
        idle = np.asarray(trace["kind"]) == "idle"
        begun = np.append(begun, np.append(0.0, trace["time"][:-1])[idle])
        lasted = np.append(lasted, np.diff(trace["time"], prepend=0.0)[idle])
    order = np.argsort(begun, kind="stable")
    return np.asarray(begun[order], dtype=np.float64), np.asarray(lasted[order], dtype=np.float64)
