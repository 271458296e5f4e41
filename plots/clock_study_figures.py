"""Draw the figures of the clock study from its table: `python plots/clock_study_figures.py clock_study.csv [--out FOLDER]`.

`NAME_current` shows images per second, energy and accuracy against the programming current, a line a policy; `NAME_effort` the same
for every verify effort at one current. Of several seeds the mean is drawn, and bars from the lowest to the highest. A point that was
refused or failed is a cross at the edge of the first panel.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter
from study import drawing

from chipsim.plotting import save
from chipsim.plotting.style import BLACK, BLUE, DOUBLE_COLUMN, GREEN, ORANGE, SKY, VERMILION, letter, panels, styled

REFERENCE = "instant"
LOOKS = {
    REFERENCE: (BLACK, "", ":"),
    "stall, per column": (BLUE, "o", "-"),
    "stall, at start": (SKY, "s", "--"),
    "interleave, lock": (VERMILION, "^", "-"),
    "interleave, present": (ORANGE, "v", "--"),
    "oldest-first": (GREEN, "D", "-."),
}
"""Colour, marker and line of every policy."""
SHIPPED = "as shipped"
Row = dict[str, str]


@dataclass(frozen=True)
class Quantity:
    """One panel: a column of the table, with the factor to the unit of its axis."""

    column: str
    factor: float
    label: str
    title: str


QUANTITIES = (
    Quantity("images_per_s", 1e-6, "Images per second (millions)", "throughput"),
    Quantity("energy_per_image_J", 1e9, "Energy per image (nJ)", "energy"),
    Quantity("test_accuracy", 100.0, "Test accuracy (%)", "accuracy"),
)


def read(path: Path) -> list[Row]:
    """Return the rows of a table."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def spread(rows: Sequence[Row], quantity: Quantity) -> tuple[float, float, float]:
    """Return mean, lowest and highest value over seeds, in units of the axis; not a number where no row is done."""
    values = np.array([float(row[quantity.column]) for row in rows if row["status"] == "done"]) * quantity.factor
    return (float(values.mean()), float(values.min()), float(values.max())) if values.size else (np.nan, np.nan, np.nan)


def policies(rows: Sequence[Row]) -> list[str]:
    """Return the policies of some rows in their usual order, the reference left out."""
    return [policy for policy in LOOKS if policy != REFERENCE and any(row["policy"] == policy for row in rows)]


@styled
def against_current(rows: Sequence[Row]) -> Figure:
    """Draw the three quantities against the programming current, for the verify effort as shipped."""
    figure, axes = panels(1, 3, DOUBLE_COLUMN, 2.75)
    used = [row for row in rows if row["effort"] == SHIPPED]
    for ax, quantity in zip(axes[0], QUANTITIES, strict=True):
        for policy in policies(used):
            currents, values = _line(used, policy, quantity)
            colour, marker, line = LOOKS[policy]
            ax.errorbar(currents, values[0], _bars(values), color=colour, marker=marker, linestyle=line, linewidth=1.0, elinewidth=0.6, capsize=1.5)
        _reference(ax.axhline, used, quantity)
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.set(xlabel="Programming current (mA)", ylabel=quantity.label)
    for ax in axes[0, :2]:
        _plain_log(ax)
    _crosses(axes[0, 0], used, lambda row: float(row["programming_current_mA"]))
    _finish(figure, axes, used, lines=True)
    return figure


def _line(rows: Sequence[Row], policy: str, quantity: Quantity) -> tuple[list[float], Any]:
    """Return the currents of a policy and mean, lowest and highest values (3, currents)."""
    mine = [row for row in rows if row["policy"] == policy]
    currents = sorted({float(row["programming_current_mA"]) for row in mine})
    at = [[row for row in mine if float(row["programming_current_mA"]) == current] for current in currents]
    return currents, np.array([spread(group, quantity) for group in at]).T


def _bars(values: Any) -> Any:
    """Return the lengths of error bars, or None where no two seeds differ."""
    lengths = np.vstack([values[0] - values[1], values[2] - values[0]])
    return lengths if np.nanmax(lengths, initial=0.0) > 0 else None


def _reference(draw: Callable[..., object], rows: Sequence[Row], quantity: Quantity) -> None:
    mean, _, _ = spread([row for row in rows if row["policy"] == REFERENCE], quantity)
    if np.isfinite(mean):
        draw(mean, color=BLACK, linestyle=":", linewidth=0.9, zorder=1)


def _plain_log(ax: Axes) -> None:
    """Make a vertical axis logarithmic, with plain numbers beside it, where its values lie far apart."""
    values = np.concatenate([np.asarray(line.get_ydata(), dtype=np.float64) for line in ax.lines if line.get_marker() != "None"] or [np.zeros(0)])
    values = values[np.isfinite(values)]
    if values.size == 0 or values.max() <= 3 * values.min():
        return
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else ""))


def _crosses(ax: Axes, rows: Sequence[Row], place: Callable[[Row], float]) -> None:
    """Mark points without a result along the bottom."""
    for row in rows:
        if row["status"] != "done":
            ax.plot(place(row), 0.03, "x", color=LOOKS[row["policy"]][0], transform=ax.get_xaxis_transform(), clip_on=False, markersize=4)


@styled
def against_effort(rows: Sequence[Row]) -> Figure:
    """Draw the three quantities for every verify effort, a row each, at the current that the efforts share."""
    currents = {row["programming_current_mA"] for row in rows if row["effort"] != SHIPPED}
    compared = {row["policy"] for row in rows if row["effort"] != SHIPPED}
    used = [row for row in rows if row["policy"] in compared and row["programming_current_mA"] in currents]
    efforts = list(dict.fromkeys(row["effort"] for row in used))
    figure, axes = panels(1, 3, DOUBLE_COLUMN, 1.1 + 0.24 * len(efforts), sharey=True)
    shift = np.linspace(-0.25, 0.25, max(len(policies(used)), 2))
    for ax, quantity in zip(axes[0], QUANTITIES, strict=True):
        for number in range(0, len(efforts), 2):
            ax.axhspan(number - 0.5, number + 0.5, color="#F3F3F3", linewidth=0, zorder=0)
        for policy, aside in zip(policies(used), shift, strict=False):
            colour, marker, _ = LOOKS[policy]
            values = np.array([spread([row for row in used if (row["policy"], row["effort"]) == (policy, effort)], quantity) for effort in efforts]).T
            ax.errorbar(values[0], np.arange(len(efforts)) + aside, xerr=_bars(values), color=colour, marker=marker, linestyle="", elinewidth=0.6, markersize=4)
        _reference(ax.axvline, rows, quantity)
        ax.set_xlabel(quantity.label)
        ax.grid(visible=True, axis="x")
    axes[0, 0].set_yticks(range(len(efforts)), [effort.replace("uS", "µS") for effort in efforts])
    axes[0, 0].set_ylim(len(efforts) - 0.5, -0.5)
    _missing(axes[0, 0], used, efforts)
    for ax in axes[0]:
        ax.tick_params(axis="y", length=0)
    _finish(figure, axes, [*used, *(row for row in rows if row["policy"] == REFERENCE)], lines=False)
    return figure


def _missing(ax: Axes, rows: Sequence[Row], efforts: Sequence[str]) -> None:
    for row in rows:
        if row["status"] != "done":
            ax.plot(0.03, efforts.index(row["effort"]), "x", color=LOOKS[row["policy"]][0], transform=ax.get_yaxis_transform(), clip_on=False, markersize=4)


def _finish(figure: Figure, axes: Any, rows: Sequence[Row], *, lines: bool) -> None:
    """Letter the panels and explain the policies once."""
    letter(axes, [quantity.title for quantity in QUANTITIES])
    shown = [*policies(rows), *([REFERENCE] if any(row["policy"] == REFERENCE for row in rows) else [])]
    style = {name: LOOKS[name][2] if lines or name == REFERENCE else "" for name in shown}
    handles = [Line2D([], [], color=LOOKS[name][0], marker=LOOKS[name][1], linestyle=style[name], label=name) for name in shown]
    if any(row["status"] != "done" for row in rows):
        handles.append(Line2D([], [], color=BLACK, marker="x", linestyle="", label="refused or failed: see the table"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)


def draw(table: Path, folder: Path) -> list[Path]:
    """Draw what a table has points for, as PNG and PDF, and return the files."""
    rows = read(table)
    done = [row for row in rows if row["status"] == "done"]
    files = []
    if len({row["programming_current_mA"] for row in done if row["policy"] != REFERENCE and row["effort"] == SHIPPED}) > 1:
        files += save(against_current(rows), folder, f"{table.stem}_current")
    if any(row["effort"] != SHIPPED for row in done):
        files += save(against_effort(rows), folder, f"{table.stem}_effort")
    return files


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the figures of a table."""
    drawing(__doc__, "clock_study.py", draw, arguments)


if __name__ == "__main__":
    main()
