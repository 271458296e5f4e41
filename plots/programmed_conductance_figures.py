"""Draw programmed conductances from their table: `python plots/programmed_conductance_figures.py programmed_conductance.csv [--out FOLDER]`.

Above the cumulative distributions of every pulse sequence, without and with verify; below the spread, the share of pairs of devices that neighbouring
sequences leave in the wrong order, and what verification takes. Grey is where control is lost.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from study import drawing

from chipsim.plotting import save
from chipsim.plotting.style import BLUE, DOUBLE_COLUMN, SEQUENTIAL, SHADE, VERMILION, letter, mosaic, styled

Row = dict[str, str]
LOOPS = {"one ramp": (VERMILION, "o"), "verified": (BLUE, "^")}
LIMIT = 20.0
"""µS above which control degrades (Ambrogio et al., 2018, Extended Data Fig. 7)."""
HIGHEST = 31.0
"""µS at which the axes of conductance end."""
STEPS_NS = (1.7, 5, 20, 100, 550)
"""Ticks of the step length."""


def read(path: Path) -> list[Row]:
    """Return the rows of a table."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def points(rows: Sequence[Row], loop: str, quantity: str, basis: str = "drawn") -> tuple[list[float], list[float]]:
    """Return what sequences aim at (µS) and their values, from the shortest on."""
    chosen = [row for row in rows if (row["loop"], row["quantity"], row["basis"]) == (loop, quantity, basis)]
    found = sorted((float(row["aimed_uS"]), float(row["value"])) for row in chosen)
    return [aim for aim, _ in found], [value for _, value in found]


@styled
def distributions(rows: Sequence[Row]) -> Figure:
    """Draw the five panels."""
    figure, axes = mosaic([["open"] * 3 + ["closed"] * 3, ["spread"] * 2 + ["order"] * 2 + ["ramps"] * 2], DOUBLE_COLUMN, 5.0)
    steps = sorted({float(row["step_ns"]) for row in rows})
    scale = ScalarMappable(LogNorm(steps[0], steps[-1]), colormaps[SEQUENTIAL])
    for name, loop in (("open", "one ramp"), ("closed", "verified")):
        _cumulative(axes[name], [row for row in rows if row["loop"] == loop and row["quantity"] == "conductance"], scale)
    bar = figure.colorbar(scale, ax=axes["closed"], label="Length of a step (ns)")
    bar.ax.yaxis.set_major_locator(FixedLocator(STEPS_NS))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    _spread(axes["spread"], rows)
    _order(axes["order"], rows)
    _ramps(axes["ramps"], rows)
    letter(list(axes.values()), ["RESET and one ramp", "repeated until verified", "spread", "neighbouring sequences", "cost of verification"])
    return figure


def _shade(ax: Axes) -> None:
    ax.axvspan(LIMIT, HIGHEST, color=SHADE, linewidth=0, zorder=0)


def _cumulative(ax: Axes, rows: Sequence[Row], scale: ScalarMappable) -> None:
    _shade(ax)
    steps = sorted({float(row["step_ns"]) for row in rows})
    for step, colour in zip(steps, scale.to_rgba(np.array(steps)), strict=True):
        found = sorted((float(row["level"]), float(row["value"])) for row in rows if float(row["step_ns"]) == step)
        ax.plot([value for _, value in found], [100.0 * level for level, _ in found], color=colour, linewidth=1.2)
    ax.set_xlim(-0.5, HIGHEST)
    ax.set_ylim(0, 100)
    ax.set_xlabel("Conductance (µS)")
    ax.set_ylabel("Devices below (%)")


def _aims(ax: Axes) -> None:
    _shade(ax)
    ax.set_xlim(0, 26)
    ax.set_xlabel("Aimed at (µS)")


def _spread(ax: Axes, rows: Sequence[Row]) -> None:
    for loop, (colour, marker) in LOOPS.items():
        ax.plot(*points(rows, loop, "spread", "closed form"), color=colour)
        mean, spread = points(rows, loop, "mean")[1], points(rows, loop, "spread")[1]
        ax.plot(mean, spread, marker, color=colour, label=loop)
    _aims(ax)
    ax.set_xlabel("Mean conductance (µS)")
    ax.set_ylabel("Spread, σ (µS)")
    ax.set_ylim(0, 2.3)
    ax.legend(loc="upper left")


def _order(ax: Axes, rows: Sequence[Row]) -> None:
    ax.plot(*_percent(points(rows, "one ramp", "wrong order", "closed form")), color=VERMILION)
    for loop, (colour, marker) in LOOPS.items():
        ax.plot(*_percent(points(rows, loop, "wrong order")), marker, color=colour, label=loop)
    _aims(ax)
    ax.set_xlabel("Shorter ramp aims at (µS)")
    ax.set_ylabel("Pairs in the wrong order (%)")
    ax.set_ylim(-1, 32)


def _percent(found: tuple[list[float], list[float]]) -> tuple[list[float], list[float]]:
    return found[0], [100.0 * value for value in found[1]]


def _ramps(ax: Axes, rows: Sequence[Row]) -> None:
    for loop, (colour, marker) in LOOPS.items():
        ax.plot(*points(rows, loop, "ramps"), f"{marker}-", color=colour)
    _aims(ax)
    ax.set_ylabel("Ramps a device, mean")
    ax.set_ylim(0, 4.2)


def draw(table: Path, out: Path) -> list[Path]:
    """Draw the figure of a table into `out` and return the files."""
    return save(distributions(read(table)), out, "programmed_conductance")


def main(given: Sequence[str] | None = None) -> None:
    """Draw the figure, as the command line says."""
    drawing(__doc__, "programmed_conductance.py", draw, given)


if __name__ == "__main__":
    main()
