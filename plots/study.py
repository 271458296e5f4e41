"""What the studies share: writing a table as a whole, and the command that draws a study's figures from its table."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


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
