"""How accurate is each cell on each data set? Against float32 software with the same initial weights and order of images.

    python plots/accuracy_table.py [--data-dir DIR] [--seeds 5] [--data-sets mnist ...] [--processes 2] [--short] [--out FOLDER]

Runs that are done are not repeated, so a stopped table continues. OUT gets `accuracy_table.csv` (a row a run),
`accuracy_table.md` (mean, difference to software with its 95 % interval by Student's t over seeds, published figures) and the figure.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks import BENCHMARKS, CELLS, FULL, SOFTWARE, Benchmark, accuracies_of
from matplotlib.figure import Figure
from numpy.typing import NDArray
from runner import arguments, command, run_all
from study import half_interval, points_axis, write_csv, write_text

from chipsim.plotting import save
from chipsim.plotting.style import BLACK, CYCLE, DOUBLE_COLUMN, panels, styled

COLUMNS = ("data_set", "cell", "seed", "test_accuracy_percent", "train_accuracy_percent", "images", "wall_time_s", "folder")
Floats = NDArray[np.float64]


def rows_of(benchmarks: dict[str, Benchmark], seeds: int, runs_at: Path, data_dir: Path | None, processes: int, *, short: bool) -> list[dict[str, Any]]:
    """Return a row for every run: data sets, in them seeds, in them cells."""
    keys = [(name, cell, seed) for name in benchmarks for seed in range(1, seeds + 1) for cell in CELLS]
    runs = run_all([benchmarks[name].job(cell, seed, short=short) for name, cell, seed in keys], runs_at, data_dir, processes)
    return [
        {
            "data_set": name,
            "cell": cell,
            "seed": seed,
            **accuracies_of(run),
            "images": run.summary["images"],
            "wall_time_s": run.summary["wall_time_s"],
            "folder": run.path.name,
        }
        for (name, cell, seed), run in zip(keys, runs, strict=True)
    ]


def read(table: Path) -> dict[str, dict[str, dict[str, Floats]]]:
    """Return the accuracies (%) of a table by data set, cell and `test` or `train`, each (seeds,) in the order of the seeds."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    with table.open(encoding="utf-8", newline="") as file:
        for row in sorted(csv.DictReader(file), key=lambda row: int(row["seed"])):
            values = found.setdefault(row["data_set"], {}).setdefault(row["cell"], {"test": [], "train": []})
            for part, held in values.items():
                held.append(float(row[f"{part}_accuracy_percent"]))
    return {name: {cell: {part: np.array(held) for part, held in parts.items()} for cell, parts in cells.items()} for name, cells in found.items()}


HEADINGS = (
    *("data set", "cell", "test (%)", "against software (points)", "train (%)", "against software (points)", "published test (%)", "how well that is known"),
)


def markdown(accuracies: dict[str, dict[str, dict[str, Floats]]]) -> str:
    """Return the table for people; a difference is paired, seed by seed, with the 95 % interval of its mean."""
    lines = [HEADINGS, ("---", "---", *["---:"] * 4, "---", "---")]
    for name, cells in accuracies.items():
        known = BENCHMARKS[name].published
        published = {FULL: (known.chip, known.confidence), SOFTWARE: (known.software, known.confidence)}
        for cell, parts in cells.items():
            numbers = [text for part in ("test", "train") for text in (f"{parts[part].mean():.2f}", difference(parts[part], cells[SOFTWARE][part]))]
            lines.append((BENCHMARKS[name].label if cell == SOFTWARE else "", cell, *numbers, *published.get(cell, ("", ""))))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def difference(values: Floats, reference: Floats) -> str:
    """Return the mean difference of pairs with its 95 % interval, as text; nothing where there is none."""
    if values is reference:
        return ""
    paired = values - reference
    told = f"{paired.mean():+.2f} ± {half_interval(paired):.2f}" if paired.size > 1 else f"{paired.mean():+.2f}"
    return told.replace("-", "\N{MINUS SIGN}")


MARKS = "osD^v"


@styled
def figure_of(accuracies: dict[str, dict[str, dict[str, Floats]]]) -> Figure:
    """Draw test and training error of every cell, a column a data set, a mark a seed and a bar at the mean."""
    figure, axes = panels(1, 2, DOUBLE_COLUMN, 2.9, sharey=True)
    for ax, part, title in zip(axes[0], ("test", "train"), ("(a) test", "(b) training, last epoch, as seen while learning"), strict=True):
        for at, cells in enumerate(accuracies.values()):
            for step, cell in enumerate(CELLS):
                if cell not in cells:
                    continue
                error = np.maximum(100.0 - cells[cell][part], 0.01)
                centre = at + 0.15 * (step - (len(CELLS) - 1) / 2)
                colour = BLACK if cell == SOFTWARE else CYCLE[step - 1]
                spots = centre + 0.05 * np.linspace(-1, 1, error.size) * (error.size > 1)
                ax.plot(spots, error, MARKS[step], color=colour, markersize=3.2, alpha=0.65, markeredgewidth=0, label=cell if at == 0 else None)
                ax.hlines(error.mean(), centre - 0.065, centre + 0.065, color=colour, linewidth=1.2)
        ax.set(xticks=range(len(accuracies)), xlim=(-0.5, len(accuracies) - 0.5))
        ax.set_xticklabels([BENCHMARKS[name].label.replace(" ", "\n", 1) for name in accuracies])
        ax.set_title(title, loc="left")
        points_axis(ax)
        ax.grid(visible=True, axis="y")
    axes[0, 0].set_ylabel("Error (%)")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def draw(table: Path, out: Path) -> list[Path]:
    """Write the Markdown and draw the figure of a table; return the files."""
    accuracies = read(table)
    told = out / f"{table.stem}.md"
    write_text(told, markdown(accuracies))
    return [told, *save(figure_of(accuracies), out, table.stem)]


def main(given: Sequence[str] | None = None) -> None:
    """Run what is missing; write tables and figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-sets", nargs="+", choices=tuple(BENCHMARKS), default=list(BENCHMARKS), help="which of them (default: all)")
    options = arguments(parser, "accuracy_table", given, seeds=5)
    benchmarks = {name: BENCHMARKS[name] for name in options.data_sets}
    table = options.out / "accuracy_table.csv"
    write_csv(table, rows_of(benchmarks, options.seeds, options.runs, options.data_dir, options.processes, short=options.short), COLUMNS)
    print(markdown(read(table)))
    for file in (table, *draw(table, options.out)):
        print(f"wrote {file}")


if __name__ == "__main__":
    command(main)
