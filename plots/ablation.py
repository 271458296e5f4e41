"""What holds the chip back from software: each cause of noise switched off, one at a time, then all of them.

    python plots/ablation.py [--data-sets cifar10-features ...] [--data-dir DIR] [--seeds 2] [--processes 2] [--short] [--out FOLDER]

Random draws of different causes are independent, so a run without one cause draws all others as before, and differences are paired.
MNIST-backrand, where asked for, is trained for 10 epochs, which span the learning rates of the benchmark's 20. OUT gets `ablation.csv`
(a row a run) and the figure: test and training accuracy against the chip with all effects on, a row a data set.
"""

from __future__ import annotations

import argparse
import csv
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks import BENCHMARKS, FULL, SOFTWARE, accuracies_of, shortened
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from runner import Job, arguments, command, run_all
from study import half_interval, write_csv

from chipsim.plotting import save
from chipsim.plotting.style import BLUE, CYCLE, DOUBLE_COLUMN, GREY, letter, panels, styled

ON = "all effects on"
OFF: dict[str, tuple[str, ...]] = {
    "no leak": ("cell.capacitor.retention=1000 s",),
    "equal, straight steps": ("cell.capacitor.step_spread=0", "cell.capacitor.step_slope=0"),
    "equal thresholds": ("cell.capacitor.threshold_spread=0 V",),
    "no shot and thermal noise": ("cell.capacitor.packet_noise=false", "cell.capacitor.thermal_noise=false"),
    "exact programming": ("cell.pcm.ramp.sigma=[0, 0, 0]", "cell.pcm.reset.spread=0"),
    "no read noise": ("cell.pcm.read_noise.enabled=false",),
    "no drift, no slow noise": ("cell.pcm.drift.enabled=false", "cell.pcm.slow_noise.enabled=false"),
    "nothing kept back": ("transfer.offset=0 uS",),
}
"""Causes by what is left without them, with the values that switch them off."""
SHORTFALLS = ("cifar10-features",)
"""Data sets on which the chip stays below software by more than half a point."""
EPOCHS = {"mnist-backrand": 10}
"""Passes where a whole run would take too long."""
FINE, WIDE, NONE, NONE_FINE, NONE_WIDE = "pulses a quarter", "range x 3 (F = 9)", "all causes off", "all off, pulses a quarter", "all off, range x 3"
CHANGED = (FINE, WIDE, NONE, NONE_FINE, NONE_WIDE)
COLUMNS = ("data_set", "without", "seed", "test_accuracy_percent", "train_accuracy_percent")
Floats = NDArray[np.float64]


def variants(step: float) -> dict[str, tuple[str, ...]]:
    """Return every variant of the chip, with the values that make it; `step` is that of a pulse, V.

    A gain of 9 instead of 3 lets pairs hold weights three times as large, but makes their noise three times as large, too.
    """
    fine, wide = (f"cell.capacitor.step={step / 4:.6g} V",), ("cell.gain=9",)
    nothing = tuple(value for values in OFF.values() for value in values)
    return {ON: (), **OFF, FINE: fine, WIDE: wide, NONE: nothing, NONE_FINE: (*nothing, *fine), NONE_WIDE: (*nothing, *wide)}


def rows_of(data_sets: Sequence[str], seeds: int, runs_at: Path, data_dir: Path | None, processes: int, *, short: bool) -> list[dict[str, Any]]:
    """Return a row for every run; a shorter schedule ends at the learning rate at which the whole one does."""
    jobs: dict[tuple[str, str, int], Job] = {}
    for data_set, seed in itertools.product(data_sets, range(1, seeds + 1)):
        for name, cell in ((SOFTWARE, SOFTWARE), *((name, FULL) for name in variants(1.0))):
            whole = BENCHMARKS[data_set].job(cell, seed, short=short)
            scenario = whole.load()
            made = variants(scenario.cell.capacitor.step)[name] if cell == FULL else ()
            length = () if short else shortened(scenario, EPOCHS.get(data_set))
            jobs[data_set, name, seed] = Job(whole.scenario, (*whole.overrides, *made, *length), seed)
    found = zip(jobs, run_all(list(jobs.values()), runs_at, data_dir, processes), strict=True)
    return [
        {
            "data_set": data_set,
            "without": name,
            "seed": seed,
            **accuracies_of(run),
        }
        for (data_set, name, seed), run in found
    ]


def read(table: Path) -> dict[str, dict[str, dict[str, Floats]]]:
    """Return accuracies (%), (seeds,), by data set, variant and `test` or `train`."""
    held: dict[str, dict[str, dict[str, list[float]]]] = {}
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for part, values in held.setdefault(row["data_set"], {}).setdefault(row["without"], {"test": [], "train": []}).items():
                values.append(float(row[f"{part}_accuracy_percent"]))
    return {data_set: {name: {part: np.array(values) for part, values in parts.items()} for name, parts in found.items()} for data_set, found in held.items()}


@styled
def figure_of(accuracies: dict[str, dict[str, dict[str, Floats]]]) -> Figure:
    """Draw what each variant gains against the chip with all effects on, a row a data set: a bar at the mean, a dot a seed."""
    figure, axes = panels(len(accuracies), 2, DOUBLE_COLUMN, 0.3 + 2.7 * len(accuracies), sharey="row")
    titles = []
    for row, (data_set, found) in zip(axes, accuracies.items(), strict=True):
        for ax, part, title in zip(row, ("test", "train"), ("test", "training"), strict=True):
            _bars(ax, {name: parts[part] - found[ON][part] for name, parts in found.items() if name != ON})
            titles.append(f"{BENCHMARKS[data_set].label.split(' (')[0]}, {title}: {found[ON][part].mean():.2f} % with all on")
        row[0].invert_yaxis()
    for ax in axes[-1]:
        ax.set_xlabel("Points gained")
    letter(axes, titles)
    return figure


def _bars(ax: Axes, gained: dict[str, Floats]) -> None:
    names = [*(name for name in gained if name != SOFTWARE), SOFTWARE]
    for at, name in enumerate(names):
        colour = GREY if name == SOFTWARE else CYCLE[1] if name in CHANGED else BLUE
        ax.barh(at, gained[name].mean(), color=colour, alpha=0.6)
        ax.plot(gained[name], np.full(gained[name].size, at), "k.", markersize=3)
    ax.axvline(0.0, color="black", linewidth=0.6)
    ax.set_yticks(range(len(names)), names)
    ax.grid(visible=True, axis="x")


def draw(table: Path, out: Path) -> list[Path]:
    """Draw the figure of a table; return the files."""
    return save(figure_of(read(table)), out, table.stem)


def main(given: Sequence[str] | None = None) -> None:
    """Run what is missing; write the table and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-sets", nargs="+", choices=tuple(BENCHMARKS), default=list(SHORTFALLS), help="which of them (default: %(default)s)")
    options = arguments(parser, "ablation", given, seeds=2)
    table = options.out / "ablation.csv"
    write_csv(table, rows_of(options.data_sets, options.seeds, options.runs, options.data_dir, options.processes, short=options.short), COLUMNS)
    for data_set, found in read(table).items():
        for name, parts in found.items():
            gained = parts["test"] - found[ON]["test"]
            told = f"test {parts['test'].mean():.2f} %, {gained.mean():+.2f} +/- {half_interval(gained):.2f} points; training {parts['train'].mean():.2f} %"
            print(f"{data_set}, {name}: {told}")
    for file in (table, *draw(table, options.out)):
        print(f"wrote {file}")


if __name__ == "__main__":
    command(main)
