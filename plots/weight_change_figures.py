"""Draw the weight changes from their table: `python plots/weight_change_figures.py weight_change.csv [--out FOLDER]`.

A column a cell. From above: single cells over the plane of total and net pulses, the section at net zero, where in that plane training lies,
and what training made of the net pulses it asked for.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray
from study import drawing

from chipsim.plotting import save
from chipsim.plotting.style import BLACK, BLUE, DIVERGING, DOUBLE_COLUMN, GREEN, GREY, ORANGE, SHADE, amount, letter, panels, styled

TITLES = {"mnist": "2PCM+3T1C, inversion", "mnist-no-inversion": "2PCM+3T1C, no inversion", "mnist-pcm-only": "PCM pair alone"}
MOMENTS = {"early": (ORANGE, "o"), "late": (BLUE, "^")}
WORDS = {"early": "first images", "late": "last images"}
LABELS = ("Net pulses", "Weight change (steps)\nat net zero", "Net pulses\nin training", "Weight change (steps)\nin training")
HEIGHT = 8.6
"""Inches."""
DRAWN = 1000
"""Cells of training that get a mark."""
Values = NDArray[np.float64]
Columns = dict[str, Values]
Table = dict[tuple[str, str, str], Columns]
"""Numbers of all cells by scenario, part and moment."""


def read(path: Path) -> Table:
    """Return the table's numbers: `total`, `net` and `change` (steps), and the last one as `change_uS`."""
    rows: dict[tuple[str, str, str], list[list[float]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            values = [float(row[name] or "nan") for name in ("total_pulses", "net_pulses", "weight_change_steps", "weight_change_uS")]
            rows.setdefault((row["scenario"], row["part"], row["moment"]), []).append(values)
    return {key: dict(zip(("total", "net", "change", "change_uS"), np.array(values).T, strict=True)) for key, values in rows.items()}


@styled
def weight_change(table: Table) -> Figure:
    """Draw all panels."""
    names = list(dict.fromkeys(scenario for scenario, _, _ in table))
    figure, axes = panels(4, len(names), DOUBLE_COLUMN, HEIGHT)
    letter(axes, [title(table, name) for title in (_title, _step, _medians, _nothing) for name in names])
    for name, (plane, section, place, change) in zip(names, axes.T, strict=True):
        mesh = _plane(plane, table[name, "plane", ""])
        _section(section, table[name, "section", ""])
        moments = {moment: table[name, "training", moment] for moment in MOMENTS if (name, "training", moment) in table}
        _place(place, moments, table[name, "section", ""], _median(table, name))
        _change(change, moments)
    _share_scale(list(axes[1, :2]))
    for ax, label in zip(axes[:, 0], LABELS, strict=True):
        ax.set_ylabel(label)
    bar = figure.colorbar(mesh, ax=axes[0], pad=0.01, aspect=14)
    bar.set_label("Weight change, ideal\nat largest net = 1")
    figure.legend(handles=_legend(), loc="outside lower center", ncols=6, columnspacing=1.2)
    return figure


def _title(table: Table, name: str) -> str:
    del table
    return TITLES.get(name, name)


def _step(table: Table, name: str) -> str:
    """Return what a step is worth, from the greatest change."""
    cells = table[name, "section", ""]
    at = int(np.abs(cells["change"]).argmax())
    return f"1 step = {amount(1e-6 * cells['change_uS'][at] / cells['change'][at], 'S')}"


def _median(table: Table, name: str) -> dict[str, float]:
    """Return the median of pulses of all cells by moment."""
    return {moment: float(table[name, "training median", moment]["total"][0]) for moment in MOMENTS if (name, "training median", moment) in table}


def _medians(table: Table, name: str) -> str:
    return f"median {' → '.join(f'{value:,.0f}' for value in _median(table, name).values())} pulses"


def _nothing(table: Table, name: str) -> str:
    del table, name
    return ""


def _plane(ax: Axes, cells: Columns) -> QuadMesh:
    """Draw a cell a pixel; totals of odd nets are one more, and stand with the even ones."""
    totals, x = np.unique(cells["total"] - cells["net"] % 2, return_inverse=True)
    nets, y = np.unique(cells["net"], return_inverse=True)
    image = np.full((nets.size, totals.size), np.nan)
    image[y, x] = cells["change"] / np.abs(nets).max()
    mesh = ax.pcolormesh(totals, nets, image, cmap=DIVERGING, vmin=-1, vmax=1, rasterized=True)
    ax.set_facecolor(SHADE)
    _typical(ax, totals.max() / 2, np.abs(nets).max() / 2)
    ax.set_xlabel("Pulses, up and down")
    return mesh


def _typical(ax: Axes, total: float, net: float) -> None:
    ax.plot([total, total], [net, -net], linestyle="", marker="x", color=BLACK, markersize=5, markeredgewidth=1.2, zorder=5)


def _section(ax: Axes, cells: Columns) -> None:
    """Draw mean and spread of the cells that were asked for as many pulses up as down."""
    chosen = cells["net"] == 0
    totals = np.unique(cells["total"][chosen])
    change = [cells["change"][chosen & (cells["total"] == total)] for total in totals]
    mean, low, high = (np.array([function(values) for values in change]) for function in (np.mean, _low, _high))
    ax.fill_between(totals, low, high, color=GREEN, alpha=0.25, linewidth=0)
    ax.plot(totals, mean, color=GREEN)
    ax.axhline(0, color=GREY, linestyle="--", linewidth=0.8)
    ax.set_xlim(totals[0], totals[-1])
    ax.set_xlabel("Pulses, up and down")


def _low(values: Values) -> float:
    return float(np.quantile(values, 0.05))


def _high(values: Values) -> float:
    return float(np.quantile(values, 0.95))


def _share_scale(axes: Sequence[Axes]) -> None:
    """Give the two cells whose pulses are the same thing one scale of weight changes."""
    most = max(abs(limit) for ax in axes for limit in ax.get_ylim())
    for ax in axes:
        ax.set_ylim(-most, most)


def _place(ax: Axes, moments: dict[str, Columns], section: Columns, median: dict[str, float]) -> None:
    """Draw what training asked for, totals logarithmic above ten; equal requests of few pulses are pulled apart a little."""
    asked = section["net"] != 0
    most, farthest = float(section["total"][asked].max()), float(section["net"][asked].max())
    _typical(ax, most, farthest)
    for moment, cells in moments.items():
        _cloud(ax, moment, _apart(cells["total"], 0), _apart(cells["net"], 1))
        ax.axvline(median[moment], color=MOMENTS[moment][0], linewidth=0.9, linestyle=":")
        most, farthest = max(most, float(cells["total"].max())), max(farthest, _most(cells["net"]))
    ax.set_xscale("symlog", linthresh=10, linscale=0.5)
    ax.xaxis.set_major_locator(FixedLocator([0, *(10.0**power for power in range(1, 7))]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}" if value < 1000 else f"{value / 1000:g}k"))
    ax.set_xlim(-2, 1.3 * most)
    ax.set_ylim(-1.15 * farthest, 1.15 * farthest)
    ax.set_xlabel("Pulses, up and down")


def _change(ax: Axes, moments: dict[str, Columns]) -> None:
    """Draw weight change against net pulses, with the ideal of one step a net pulse."""
    for moment, cells in moments.items():
        _cloud(ax, moment, _apart(cells["net"], 1), cells["change"])
    wide, high = (max([1.0, *(_most(cells[name]) for cells in moments.values())]) for name in ("net", "change"))
    ax.axline((0, 0), slope=1, color=GREY, linestyle="--", linewidth=0.8)
    ax.set_xlim(-1.1 * wide, 1.1 * wide)
    ax.set_ylim(-1.1 * max(high, wide), 1.1 * max(high, wide))
    ax.set_xlabel("Net pulses")


def _cloud(ax: Axes, moment: str, x: Values, y: Values) -> None:
    """Draw a mark a cell, not too many of them: they stand in a random order."""
    colour, marker = MOMENTS[moment]
    ax.plot(x[:DRAWN], y[:DRAWN], linestyle="", marker=marker, markersize=1.6, markeredgewidth=0, color=colour, alpha=0.5, rasterized=True)


def _apart(counts: Values, seed: int) -> Values:
    return counts + np.random.default_rng(seed).uniform(-0.3, 0.3, counts.size)


def _most(values: Values) -> float:
    """Return the size that one in two hundred exceeds: the few cells of the last layer's bias would take the whole panel."""
    return float(np.quantile(np.abs(values), 0.995))


def _legend() -> list[Line2D]:
    """Return what marks mean."""
    shown = [Line2D([], [], linestyle="", marker="x", color=BLACK, markersize=5, markeredgewidth=1.2, label="typical request of the paper")]
    shown += [Line2D([], [], linestyle=":", marker=marker, color=colour, label=f"training, {WORDS[name]}") for name, (colour, marker) in MOMENTS.items()]
    shown += [Line2D([], [], color=GREEN, label="mean, and 90 % of cells")]
    return [*shown, Line2D([], [], color=GREY, linestyle="--", label="ideal")]


def draw(table: Path, folder: Path) -> list[Path]:
    """Draw a table as PNG and PDF and return the files."""
    return save(weight_change(read(table)), folder, table.stem)


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the figure of a table."""
    drawing(__doc__, "weight_change.py", draw, arguments)


if __name__ == "__main__":
    main()
