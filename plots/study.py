"""What the studies share: writing a table as a whole, intervals of means, and the command that draws a study's figures from its table."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

T_95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262, 12: 2.201, 15: 2.145, 18: 2.110, 24: 2.069, 30: 2.045}
"""Two-sided 95 % points of Student's t, by the number of values."""


def half_interval(values: NDArray[np.float64]) -> float:
    """Return half the 95 % interval of the mean of `values` (n,); not a number for a count that `T_95` lacks."""
    return T_95[values.size] * float(values.std(ddof=1)) / float(np.sqrt(values.size)) if values.size in T_95 else float("nan")


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
    for file in draw(given.table, given.out or given.table.parent):
        print(f"wrote {file}")
