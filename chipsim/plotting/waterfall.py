"""From peak to effective: what programming, idle power and waiting leave of the operations a joule and of those a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from chipsim.plotting.energy import COLOURS
from chipsim.plotting.reading import sheet
from chipsim.plotting.style import BLUE, DOUBLE_COLUMN, GREEN, GREY, LIGHT_GREY, NIGHT, ORANGE, VERMILION, letter, panels, percent, plain, styled

if TYPE_CHECKING:
    from chipsim.analysis.run import Run
    from chipsim.costs import Sheet
    from chipsim.silicon.figures import SiliconFigures

_LOSSES = {
    "programming": ("after programming", VERMILION),
    "static": ("after static power", COLOURS["static"]),
    "refresh": ("after refresh", COLOURS["refresh"]),
    "host link": ("after the host link", COLOURS["host link"]),
    "wake-up": ("after wake-up", COLOURS["wake-up"]),
    "transfer": ("after waits for transfers", VERMILION),
    "tile": ("after waits for tiles", ORANGE),
    "host": ("after waits for the host", COLOURS["host link"]),
    "sleep": ("after sleep", NIGHT),
}
"""What takes of the peak, by the ends of the keys: words and colour."""
_REST = ("after all other time", LIGHT_GREY)
"""The last transfer, and stages in which nothing is trained."""
_LEFT = "#B5D3E7"
"""Of what a step leaves: pale blue."""
_SMALL = 5e-4
"""Loss that is not worth a row, as a share of what was left: rounding, say."""


@dataclass(frozen=True)
class Step:
    """A row of a waterfall: what it is, the value that is left, and the colour of what was lost on the way to it."""

    words: str
    value: float
    colour: str


@styled
def waterfall(run: Run | SiliconFigures) -> Figure:
    """Draw what is left of TOP/s/W and of TOP/s from the peak, training alone, to the whole run, step by step.

    The coloured end of a bar is what a step takes; the percentage is of what the step before had left.

    Raises
    ------
    InputError
        if the run has no such figures: it trained nothing, or in software.
    """
    found = sheet(run, "waterfall", "tops_per_W", "tops_peak")
    efficiency, rate = steps(found, "tops_per_W", "tops_per_W"), steps(found, "tops_peak", "tops")
    figure, axes = panels(1, 2, DOUBLE_COLUMN, 0.75 + 0.24 * max(len(efficiency), len(rate)))
    letter(axes, ["per watt", "per second, and per area"])
    _draw(axes[0, 0], efficiency, "Operations per energy (TOP/s/W)")
    _draw(axes[0, 1], rate, "Throughput (TOP/s); in brackets TOP/s/mm²", found["area_mm2.total"].value)
    rows = max(len(efficiency), len(rate))
    for ax in axes[0]:
        ax.set_ylim(rows - 0.5, -0.6)
    return figure


def steps(found: Sheet, peak: str, stem: str) -> list[Step]:
    """Return the rows from `peak` over `STEM_after.*` to `STEM_effective`, losses that nobody would see left out."""
    rows = [Step("peak: training alone", found[peak].value, BLUE)]
    for key, figure in found.items():
        if not key.startswith(f"{stem}_after."):
            continue
        words, colour = _LOSSES[key.removeprefix(f"{stem}_after.")]
        rows.append(Step(words, figure.value, colour))
    effective = found[f"{stem}_effective"].value
    if rows[-1].value - effective > _SMALL * rows[-1].value:
        rows.append(Step(_REST[0], effective, _REST[1]))
    return [*rows, Step("effective: whole run", effective, GREEN)]


def _draw(ax: Axes, rows: list[Step], label: str, area: float | None = None) -> None:
    """Draw a bar of what is left a row, with the loss as its end, and both as text; in brackets what is left per mm² of an area."""
    most = rows[0].value
    before = np.array([most, *(row.value for row in rows[:-1])])
    for place, (row, held) in enumerate(zip(rows, before, strict=True)):
        ends = place in {0, len(rows) - 1}
        ax.barh(place, row.value, height=0.66, color=row.colour if ends else _LEFT)
        ax.barh(place, held - row.value, left=row.value, height=0.66, color=row.colour)
        if not ends:
            ax.plot([row.value] * 2, [place - 0.33, place + 0.67], color=GREY, linewidth=0.5)
        density = "" if area is None else f" ({plain(row.value / area)})"
        lost = f", {_lost(row.value / held)}" if held - row.value > _SMALL * held else ""
        ax.annotate(f"{plain(row.value)}{density}{lost}", (held, place), xytext=(3, 0), textcoords="offset points", va="center", fontsize=7)
    ax.set_yticks(range(len(rows)), [row.words for row in rows])
    ax.set_xlim(0, 1.7 * most)
    ax.set_xlabel(label)
    ax.tick_params(axis="y", length=0)


def _lost(left: float) -> str:
    """Return what a step takes, given the share that it leaves: per cent, or by how much it divides where little is left."""
    return f"−{percent(1 - left, 1)}" if left > 0.02 else f"÷ {plain(1 / left)}"
