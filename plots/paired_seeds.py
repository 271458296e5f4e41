"""Compare scenarios over seeds: each seed gives all of them the same initial weights and the same order of images.

    python plots/paired_seeds.py mnist mnist-software --seeds 5 [--set KEY=VALUE ...] [--processes 2] [--out runs/paired]

Prints the test accuracy of every run, and the mean difference of each scenario to the last one with its 95 % interval
(Student's t over seeds). Runs that are finished are not repeated, so a stopped comparison continues. Hyper-parameters are
chosen with `--set data.evaluate=validation`, which holds back the last 5,000 training images and never sees a test image.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from runner import Job, command, run_all
from study import half_interval


def main() -> None:
    """Run what is missing and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="+")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--out", type=Path, default=Path("runs/paired"))
    parser.add_argument("--data-dir", type=Path, default=None)
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args()
    seeds = range(1, given.seeds + 1)
    jobs = [Job(name, tuple(given.overrides), seed) for seed in seeds for name in given.scenarios]
    runs = run_all(jobs, given.out, given.data_dir, given.processes)
    points = 100 * np.array([run.summary["test_accuracy"] for run in runs]).reshape(len(seeds), -1)
    table = Table(title="accuracy in %, " + (", ".join(given.overrides) or "as shipped"))
    for heading in ("seed", *given.scenarios):
        table.add_column(heading, justify="right")
    for seed, row in zip(seeds, points, strict=True):
        table.add_row(str(seed), *(f"{value:.2f}" for value in row))
    table.add_row("mean", *(f"{value:.2f}" for value in points.mean(axis=0)))
    difference = points - points[:, -1:]
    spread = [half_interval(column) for column in difference.T]
    table.add_row(f"minus {given.scenarios[-1]}", *(f"{m:+.2f} +/- {s:.2f}" for m, s in zip(difference.mean(axis=0), spread, strict=True)))
    Console(width=max(100, 24 * len(given.scenarios))).print(table)


if __name__ == "__main__":
    command(main)
