"""What holds the chip back from software: each cause of noise switched off, one at a time, then all of them.

    python plots/ablation.py [--data-set mnist-backrand] [--data-dir DIR] [--seeds 2] [--epochs 10] [--processes 2] [--short] [--out FOLDER]

Random draws of different causes are independent, so a run without one cause draws all others as before, and differences are paired.
OUT gets `ablation.csv` (a row a run) and the figure: test and training accuracy against the chip with all effects on.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks import BENCHMARKS, FULL, SOFTWARE
from matplotlib.figure import Figure
from numpy.typing import NDArray
from runner import Job, arguments, command, run_all
from study import half_interval, write_csv

from chipsim import Scenario
from chipsim.plotting import save
from chipsim.plotting.style import BLUE, CYCLE, DOUBLE_COLUMN, GREY, letter, panels, styled

ON = "all effects on"
OFF: dict[str, tuple[str, ...]] = {
    "no leak": ("cell.capacitor.retention=1000 s",),
    "equal steps": ("cell.capacitor.step_spread=0", "cell.capacitor.step_slope=0"),
    "no shot and thermal noise": ("cell.capacitor.packet_noise=false", "cell.capacitor.thermal_noise=false"),
    "exact programming": ("cell.pcm.ramp.sigma=[0, 0, 0]", "cell.pcm.reset.spread=0"),
    "no read noise": ("cell.pcm.read_noise.enabled=false",),
    "no drift, no slow noise": ("cell.pcm.drift.enabled=false", "cell.pcm.slow_noise.enabled=false"),
    "nothing kept back": ("transfer.offset=0 uS",),
}
"""Causes by what is left without them, with the values that switch them off."""
FINE, NONE, NONE_FINE = "pulses a quarter", "all causes off", "all off, pulses a quarter"
COLUMNS = ("data_set", "without", "seed", "test_accuracy_percent", "train_accuracy_percent")
Floats = NDArray[np.float64]


def variants(step: float) -> dict[str, tuple[str, ...]]:
    """Return every variant of the chip, with the values that make it; `step` is that of a pulse, V."""
    fine = (f"cell.capacitor.step={step / 4:.6g} V",)
    nothing = ("cell.capacitor.threshold_spread=0 V", *(value for values in OFF.values() for value in values))
    return {ON: (), **OFF, FINE: fine, NONE: nothing, NONE_FINE: (*nothing, *fine)}


def rows_of(data_set: str, seeds: int, epochs: int | None, runs_at: Path, data_dir: Path | None, processes: int, *, short: bool) -> list[dict[str, Any]]:
    """Return a row for every run; a shorter schedule ends at the learning rate at which the whole one does."""
    bench = BENCHMARKS[data_set]
    jobs: dict[tuple[str, int], Job] = {}
    for seed in range(1, seeds + 1):
        for name, cell in ((SOFTWARE, SOFTWARE), *((name, FULL) for name in variants(1.0))):
            whole = bench.job(cell, seed, short=short)
            made = variants(whole.load().cell.capacitor.step)[name] if cell == FULL else ()
            jobs[name, seed] = Job(whole.scenario, (*whole.overrides, *made, *shortened(whole.load(), epochs)), seed)
    found = zip(jobs, run_all(list(jobs.values()), runs_at, data_dir, processes), strict=True)
    return [
        {
            "data_set": data_set,
            "without": name,
            "seed": seed,
            "test_accuracy_percent": 100 * run.summary["test_accuracy"],
            "train_accuracy_percent": 100 * run.summary["train_accuracy"],
        }
        for (name, seed), run in found
    ]


def shortened(scenario: Scenario, epochs: int | None) -> tuple[str, ...]:
    """Return the values of a schedule of `epochs` that spans the same learning rates."""
    if epochs is None or epochs >= scenario.training.epochs:
        return ()
    decay = scenario.training.learning_rate_decay ** (scenario.training.epochs / epochs)
    return (f"training.epochs={epochs}", f"training.learning_rate_decay={decay:.6g}")


def read(table: Path) -> tuple[str, dict[str, dict[str, Floats]]]:
    """Return the data set, and accuracies (%), (seeds,), by variant and `test` or `train`."""
    held: dict[str, dict[str, list[float]]] = {}
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            parts, data_set = held.setdefault(row["without"], {"test": [], "train": []}), row["data_set"]
            for part, values in parts.items():
                values.append(float(row[f"{part}_accuracy_percent"]))
    return data_set, {name: {part: np.array(values) for part, values in parts.items()} for name, parts in held.items()}


@styled
def figure_of(data_set: str, accuracies: dict[str, dict[str, Floats]]) -> Figure:
    """Draw what each variant gains against the chip with all effects on: a bar at the mean, a dot a seed."""
    names = [name for name in accuracies if name != ON]
    names.append(names.pop(names.index(SOFTWARE)))
    figure, axes = panels(1, 2, DOUBLE_COLUMN, 3.0, sharey=True)
    for ax, part in zip(axes[0], ("test", "train"), strict=True):
        for at, name in enumerate(names):
            gained = accuracies[name][part] - accuracies[ON][part]
            colour = GREY if name == SOFTWARE else CYCLE[1] if name in {FINE, NONE, NONE_FINE} else BLUE
            ax.barh(at, gained.mean(), color=colour, alpha=0.6)
            ax.plot(gained, np.full(gained.size, at), "k.", markersize=3)
        ax.axvline(0.0, color="black", linewidth=0.6)
        ax.set_yticks(range(len(names)), names)
        ax.set(xlabel="Points gained")
        ax.grid(visible=True, axis="x")
    axes[0, 0].invert_yaxis()
    held = accuracies[ON]
    titles = [f"{title}: {held[part].mean():.2f} % with all effects on" for part, title in (("test", "test"), ("train", "training"))]
    letter(axes, titles)
    figure.suptitle(BENCHMARKS[data_set].label, fontsize=8, x=0.02, ha="left")
    return figure


def draw(table: Path, out: Path) -> list[Path]:
    """Draw the figure of a table; return the files."""
    return save(figure_of(*read(table)), out, table.stem)


def main(given: Sequence[str] | None = None) -> None:
    """Run what is missing; write the table and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments(parser, "ablation")
    parser.add_argument("--data-set", choices=tuple(BENCHMARKS), default="mnist-backrand", help="which of them (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=2, help="runs of every variant")
    parser.add_argument("--epochs", type=int, default=10, help="passes of every run (default: %(default)s)")
    options = parser.parse_args(given)
    table = options.out / "ablation.csv"
    epochs = None if options.short else options.epochs
    rows = rows_of(options.data_set, options.seeds, epochs, options.runs, options.data_dir, options.processes, short=options.short)
    write_csv(table, rows, COLUMNS)
    _, accuracies = read(table)
    for name, parts in accuracies.items():
        gained = parts["test"] - accuracies[ON]["test"]
        print(f"{name}: test {parts['test'].mean():.2f} %, {gained.mean():+.2f} +/- {half_interval(gained):.2f} points; training {parts['train'].mean():.2f} %")
    for file in (table, *draw(table, options.out)):
        print(f"wrote {file}")


if __name__ == "__main__":
    command(main)
