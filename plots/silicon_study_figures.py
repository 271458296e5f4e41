"""Draw the figure of the silicon study from its table: `python plots/silicon_study_figures.py silicon_study.csv [--out FOLDER]`.

Above throughput, below operations per energy: of whole runs against the transfer interval and against the programming current, and of
the peak against the size of tiles. Open marks are chips that fall behind with their transfers. Points that were refused are left out;
the table has their messages.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from study import drawing

from chipsim.plotting import save
from chipsim.plotting.style import BLACK, BLUE, DOUBLE_COLUMN, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, letter, panels, styled

Row = dict[str, str]
BEHIND = 0.95
"""Share of the transfers due below which a chip has fallen behind; what it then gives it gives with fewer transfers than asked for."""
LINES = {"stall": "-", "interleave": "--"}
MARKERS = {"stall": "o", "interleave": "^"}
CURRENTS = (SKY, BLUE, BLACK)
"""Colours of programming currents, from the smallest to the largest."""
POLICIES = {"stall": VERMILION, "interleave": ORANGE}
TABLES = {"bottom-up-14nm": GREEN, "bottom-up-90nm": PURPLE}
BUILT = {"to-fit": ("-", "o"), "full": (":", "s")}
_MOST = 6
"""Ticks that all have a label."""
_WORDS = {"to-fit": "tiles as large as needed", "full": "tiles built in full"}


def read(path: Path) -> list[Row]:
    """Return the rows of a table that have numbers."""
    with path.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["status"] == "done"]


@styled
def study(rows: Sequence[Row]) -> Figure:
    """Draw the six panels."""
    figure, axes = panels(2, 3, DOUBLE_COLUMN, 4.2, sharex="col")
    by = {name: [row for row in rows if row["study"] == name] for name in ("interval", "current", "tile")}
    handles = _intervals(axes[:, 0], by["interval"]), _currents(axes[:, 1], by["current"]), _tiles(axes[:, 2], by["tile"])
    for row, top, label in zip(axes, (None, None), ("TOP/s", "TOP/s/W"), strict=True):
        most = max((ax.dataLim.y1 for ax in row[:2] if ax.lines), default=1.0) if top is None else top
        for ax in row[:2]:
            ax.set_ylim(0, 1.12 * most)
            ax.set_ylabel(f"Whole run ({label})")
    axes[0, 2].set_ylabel("Peak (TOP/s/mm²)")
    axes[1, 2].set_ylabel("Peak (TOP/s/W)")
    letter(axes, ["transfer interval", "programming current", "size of tiles", "", "", ""])
    for ax, found in zip(axes[1], handles, strict=True):
        ax.legend(handles=found, loc="upper center", bbox_to_anchor=(0.5, -0.26), ncols=1 if len(found) < 4 else 2, columnspacing=1.0)
    return figure


def _line(ax: Axes, rows: Sequence[Row], x: str, y: str, *, colour: str, line: str, marker: str) -> None:
    points = sorted((float(row[x]), float(row[y])) for row in rows)
    if points:
        ax.plot(*zip(*points, strict=True), color=colour, linestyle=line, marker=marker, markersize=3)
    late = [(float(row[x]), float(row[y])) for row in rows if row["transfers_done"] and float(row["transfers_done"]) < BEHIND]
    if late:
        ax.plot(*zip(*late, strict=True), color=colour, linestyle="", marker=marker, markersize=3, markerfacecolor="white", label="behind")


def _intervals(axes: Sequence[Axes], rows: Sequence[Row]) -> list[Line2D]:
    """Draw effective figures against the interval: a colour a current, a line a policy, and the peak of the rate."""
    currents = sorted({float(row["programming_current_mA"]) for row in rows})
    colours = dict(zip(currents, CURRENTS, strict=False))
    for ax, key in zip(axes, ("tops_effective", "tops_per_W_effective"), strict=True):
        for current, colour in colours.items():
            for policy, line in LINES.items():
                chosen = [row for row in rows if row["policy"] == policy and float(row["programming_current_mA"]) == current]
                _line(ax, chosen, "every_images", key, colour=colour, line=line, marker=MARKERS[policy])
    _peak(axes[0], rows)
    _ticks(axes, rows, "every_images", "Images between transfers", lambda value: f"{value / 1000:g}k")
    shown = [Line2D([], [], color=colour, label=f"{current:g} mA") for current, colour in colours.items()]
    return [*shown, *(Line2D([], [], color=GREY, linestyle=line, marker=MARKERS[policy], label=policy) for policy, line in LINES.items())]


def _currents(axes: Sequence[Axes], rows: Sequence[Row]) -> list[Line2D]:
    """Draw effective figures against the programming current, a line a policy."""
    for ax, key in zip(axes, ("tops_effective", "tops_per_W_effective"), strict=True):
        for policy, colour in POLICIES.items():
            chosen = [row for row in rows if row["policy"] == policy]
            _line(ax, chosen, "programming_current_mA", key, colour=colour, line=LINES[policy], marker=MARKERS[policy])
    _peak(axes[0], rows)
    _ticks(axes, rows, "programming_current_mA", "Programming current (mA)", lambda value: f"{value:g}")
    shown = [Line2D([], [], color=colour, linestyle=LINES[policy], marker=MARKERS[policy], label=policy) for policy, colour in POLICIES.items()]
    if any(line.get_label() == "behind" for line in axes[0].lines):
        shown.append(Line2D([], [], color=GREY, linestyle="", marker="^", markerfacecolor="white", label="falls behind: fewer transfers\nthan asked for"))
    return shown


def _tiles(axes: Sequence[Axes], rows: Sequence[Row]) -> list[Line2D]:
    """Draw the peak against the size of tiles, logarithmic: a colour a table, a line for how tiles are built."""
    for ax, key in zip(axes, ("tops_per_mm2", "tops_per_W"), strict=True):
        for table, colour in TABLES.items():
            for built, (line, marker) in BUILT.items():
                chosen = [row for row in rows if row["table"] == table and row["built"] == built]
                _line(ax, chosen, "tile_lines", key, colour=colour, line=line, marker=marker)
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.grid(visible=True, axis="y")
        ax.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}" if value > 10 and f"{value:e}"[0] in "25" else ""))
    _ticks(axes, rows, "tile_lines", "Lines of a tile", lambda value: f"{value:g}")
    shown = [Line2D([], [], color=colour, label=table.removeprefix("bottom-up-").replace("nm", " nm")) for table, colour in TABLES.items()]
    return [*shown, *(Line2D([], [], color=GREY, linestyle=line, marker=marker, label=_WORDS[built]) for built, (line, marker) in BUILT.items())]


def _peak(ax: Axes, rows: Sequence[Row]) -> None:
    if rows:
        peak = float(rows[0]["tops_peak"])
        ax.axhline(peak, color=GREY, linestyle=":", linewidth=0.9)
        ax.annotate(
            "peak", (0.03, peak), xycoords=("axes fraction", "data"), xytext=(0, 1), textcoords="offset points", va="bottom", fontsize=7, color="#505050"
        )


def _ticks(axes: Sequence[Axes], rows: Sequence[Row], column: str, label: str, words: Callable[[float], str]) -> None:
    """Make the horizontal axis logarithmic, with a tick at the values there are, as many as have room."""
    values = np.array(sorted({float(row[column]) for row in rows}))
    named = set(values[::2] if values.size > _MOST else values)
    for ax in axes:
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(FixedLocator(list(values)))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: words(value) if value in named else ""))
    axes[-1].set_xlabel(label)


def draw(table: Path, folder: Path) -> list[Path]:
    """Draw a table as PNG and PDF and return the files."""
    return save(study(read(table)), folder, table.stem)


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the figure of a table."""
    drawing(__doc__, "silicon_study.py", draw, arguments)


if __name__ == "__main__":
    main()
