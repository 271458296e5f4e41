"""Does the chip learn as fast as software? Test and training accuracy over epochs, 2PCM+3T1C against float32, on every data set.

    python plots/accuracy_epochs.py [--data-dir DIR] [--seeds 5] [--processes 2] [--short] [--out FOLDER]

The runs are those of `plots/accuracy_table.py`. OUT gets `accuracy_epochs.csv` (a row an evaluation) and the figure: mean over seeds, and
the range of the seeds as a band.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks import BENCHMARKS, FULL, SOFTWARE
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from runner import arguments, command, run_all
from study import write_csv

from chipsim.plotting import save
from chipsim.plotting.accuracy import error_axis
from chipsim.plotting.style import BLACK, BLUE, DOUBLE_COLUMN, letter, panels, styled

COLUMNS = ("data_set", "cell", "seed", "epoch", "test_accuracy_percent", "train_accuracy_percent")
CELLS = (SOFTWARE, FULL)
FITTED = 99.0
"""Training accuracy of software (%) from which an axis is logarithmic in the error."""
Floats = NDArray[np.float64]


def rows_of(seeds: int, runs_at: Path, data_dir: Path | None, processes: int, *, short: bool) -> list[dict[str, Any]]:
    """Return a row for every evaluation of every run."""
    keys = [(name, cell, seed) for name in BENCHMARKS for cell in CELLS for seed in range(1, seeds + 1)]
    runs = run_all([BENCHMARKS[name].job(cell, seed, short=short) for name, cell, seed in keys], runs_at, data_dir, processes)
    rows = []
    for (name, cell, seed), run in zip(keys, runs, strict=True):
        seen, each = run["accuracy"], run.summary["images"] / run.scenario.training.epochs
        rows += [
            {"data_set": name, "cell": cell, "seed": seed, "epoch": images / each, "test_accuracy_percent": 100 * test, "train_accuracy_percent": 100 * train}
            for images, test, train in zip(seen["images"], seen["accuracy"], seen["train_accuracy"], strict=True)
        ]
    return rows


def read(table: Path) -> dict[str, dict[str, tuple[Floats, Floats, Floats]]]:
    """Return epochs (n,) and test and training accuracy (seeds, n) in % by data set and cell."""
    held: dict[str, dict[str, dict[int, list[tuple[float, float, float]]]]] = {}
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            values = (float(row["epoch"]), float(row["test_accuracy_percent"]), float(row["train_accuracy_percent"]))
            held.setdefault(row["data_set"], {}).setdefault(row["cell"], {}).setdefault(int(row["seed"]), []).append(values)
    curves = {name: {cell: np.array(list(seeds.values())) for cell, seeds in cells.items()} for name, cells in held.items()}
    return {name: {cell: (every[0, :, 0], every[:, :, 1], every[:, :, 2]) for cell, every in cells.items()} for name, cells in curves.items()}


@styled
def figure_of(curves: dict[str, dict[str, tuple[Floats, Floats, Floats]]]) -> Figure:
    """Draw a panel for every data set; where software learns nearly all training images, the vertical axis is logarithmic in the error."""
    columns = min(len(curves), 2)
    rows = -(-len(curves) // columns)
    figure, axes = panels(rows, columns, DOUBLE_COLUMN, 0.5 + 2.3 * rows)
    for ax in axes.ravel()[len(curves) :]:
        ax.remove()
    used = list(axes.ravel()[: len(curves)])
    for ax, cells in zip(used, curves.values(), strict=True):
        for cell, colour in ((SOFTWARE, BLACK), (FULL, BLUE)):
            epochs, test, train = cells[cell]
            _curve(ax, epochs[1:], test[:, 1:], colour, f"{cell}, test", "-")
            _curve(ax, epochs[1:], train[:, 1:], colour, f"{cell}, training", ":")
        if cells[SOFTWARE][2][:, -1].mean() > FITTED:
            error_axis(ax, *(part[:, 1:] for _, *parts in cells.values() for part in parts))
        else:
            ax.set_ylim(top=min(100.0, ax.get_ylim()[1]))
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        ax.grid(visible=True, axis="y")
        ax.set(xlabel="Epoch", ylabel="Accuracy (%)")
    letter(used, [BENCHMARKS[name].label for name in curves])
    figure.legend(*used[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _curve(ax: Axes, epochs: Floats, accuracy: Floats, colour: str, label: str, line: str) -> None:
    ax.plot(epochs, accuracy.mean(axis=0), line, color=colour, label=label)
    if line == "-" and len(accuracy) > 1:
        ax.fill_between(epochs, accuracy.min(axis=0), accuracy.max(axis=0), color=colour, alpha=0.2, linewidth=0)


def draw(table: Path, out: Path) -> list[Path]:
    """Draw the figure of a table; return the files."""
    return save(figure_of(read(table)), out, table.stem)


def main(given: Sequence[str] | None = None) -> None:
    """Run what is missing; write the table and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options = arguments(parser, "accuracy_epochs", given, seeds=5)
    table = options.out / "accuracy_epochs.csv"
    write_csv(table, rows_of(options.seeds, options.runs, options.data_dir, options.processes, short=options.short), COLUMNS)
    for file in (table, *draw(table, options.out)):
        print(f"wrote {file}")


if __name__ == "__main__":
    command(main)
