"""What the studies share: writing a table as a whole, intervals of means, an axis of points, and the command that draws a study's figures from its table."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import NDArray

T_95 = dict(
    enumerate(
        (
            *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145),
            *(2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045),
        ),
        start=2,
    )
)
"""Two-sided 95 % points of Student's t, by the number of values."""


def half_interval(values: NDArray[np.float64]) -> float:
    """Return half the 95 % interval of the mean of `values` (n,); not a number for a single one. Above 30 values it is a little too wide."""
    if values.size < 2:
        return float("nan")
    return T_95.get(values.size, 2.045) * float(values.std(ddof=1)) / float(np.sqrt(values.size))


def points_axis(ax: Axes) -> None:
    """Make the vertical axis of accuracy, in points or %, logarithmic with ticks at 1, 2 and 5."""
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(FixedLocator([step * 10.0**power for power in range(-2, 2) for step in (1, 2, 5)] + [100.0]))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_locator(NullLocator())


def write_text(path: Path, text: str) -> None:
    """Replace a text file as a whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def write_csv(path: Path, rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    """Replace a CSV by rows; what a row lacks stays empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows({key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()} for row in rows)
    unfinished.replace(path)


def drawing(description: str | None, script: str, draw: Callable[[Path, Path], list[Path]], arguments: Sequence[str] | None) -> None:
    """Draw the figures of the table that a script wrote, as the command line says."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path, help=f"the CSV that {script} wrote")
    parser.add_argument("--out", type=Path, help="folder to draw into (default: that of the table)")
    given = parser.parse_args(arguments)
    try:
        files = draw(given.table, given.out or given.table.parent)
    except (OSError, KeyError, ValueError, IndexError) as error:
        parser.exit(2, f"{given.table}: not the table that {script} wrote ({type(error).__name__}: {error})\n")
    for file in files:
        print(f"wrote {file}")
