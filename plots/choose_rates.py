"""Which learning rate, scale and interval suit a cell on a data set? Compared on training images held back, never on test images.

    python plots/choose_rates.py cifar10-features "2PCM only" --rates 0.0001 0.0003 0.001 [--scales 60 120] [--intervals 2000 8000]
                                 [--epochs 5] [--seeds 1] [--data-dir DIR] [--processes 2] [--out FOLDER]

Without `--scales` (µS a unit of weight) and `--intervals` (images between transfers) those of the benchmark stay. A schedule that is
shorter than the benchmark's spans the same learning rates. OUT gets a CSV named after data set and cell, a row a run; the best comes last on the screen.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from benchmarks import BENCHMARKS, CELLS, Rate, shortened
from runner import Job, arguments, command, run_all
from study import write_csv

COLUMNS = ("data_set", "cell", "learning_rate", "weight_conductance_uS", "every_images", "seed", "validation_accuracy_percent", "train_accuracy_percent")


def settings(rates: Sequence[float], scales: Sequence[float], intervals: Sequence[int]) -> list[dict[str, Any]]:
    """Return every combination of what is compared; None stands for what the benchmark has."""
    names = ("learning_rate", "weight_conductance_uS", "every_images")
    return [dict(zip(names, values, strict=True)) for values in itertools.product(rates, scales or (None,), intervals or (None,))]


def job_of(data_set: str, cell: str, chosen: dict[str, Any], seed: int, epochs: int | None, *, short: bool) -> Job:
    """Return the run of a combination, evaluated on the validation split."""
    bench = BENCHMARKS[data_set]
    whole = bench.job(cell, seed, short=short)
    rate = Rate(chosen["learning_rate"], bench.rates[cell].decay)
    changed = [*rate.overrides, "data.evaluate=validation"]
    if short or bench.validation_images:
        changed.append(f"data.validation_images={50 if short else bench.validation_images}")
    if chosen["weight_conductance_uS"] is not None:
        changed.append(f"cell.weight_conductance={chosen['weight_conductance_uS']} uS")
    if chosen["every_images"] is not None:
        changed.append(f"transfer.every={chosen['every_images']} images")
    return Job(whole.scenario, (*whole.overrides, *changed, *shortened(whole.load(), epochs)), seed)


def main(given: Sequence[str] | None = None) -> None:
    """Run what is missing and tell how good each combination is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_set", choices=tuple(BENCHMARKS))
    parser.add_argument("cell", choices=tuple(CELLS))
    parser.add_argument("--rates", nargs="+", type=float, required=True, help="learning rates of the first epoch")
    parser.add_argument("--scales", nargs="+", type=float, default=[], help="µS a unit of weight")
    parser.add_argument("--intervals", nargs="+", type=int, default=[], help="images between transfers")
    parser.add_argument("--epochs", type=int, help="passes (default: as many as the benchmark has)")
    options = arguments(parser, "choose_rates", given, seeds=1)
    keys = [(chosen, seed) for chosen in settings(options.rates, options.scales, options.intervals) for seed in range(1, options.seeds + 1)]
    jobs = [job_of(options.data_set, options.cell, chosen, seed, options.epochs, short=options.short) for chosen, seed in keys]
    rows = [
        {
            "data_set": options.data_set,
            "cell": options.cell,
            **chosen,
            "seed": seed,
            "validation_accuracy_percent": 100 * run.summary["test_accuracy"],
            "train_accuracy_percent": 100 * run.summary["train_accuracy"],
        }
        for (chosen, seed), run in zip(keys, run_all(jobs, options.runs, options.data_dir, options.processes), strict=True)
    ]
    write_csv(options.out / f"{options.data_set}-{options.cell.replace(' ', '-')}.csv", rows, COLUMNS)
    found: dict[tuple[Any, ...], list[float]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in COLUMNS[2:5]), []).append(row["validation_accuracy_percent"])
    for values, accuracies in sorted(found.items(), key=lambda item: float(np.mean(item[1]))):
        made = ", ".join(f"{name} {value}" for name, value in zip(COLUMNS[2:5], values, strict=True) if value is not None)
        print(f"{np.mean(accuracies):.2f} % of the images held back ({len(accuracies)} seeds): {made}")


if __name__ == "__main__":
    command(main)
