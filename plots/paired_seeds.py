"""Compare scenarios over seeds: each seed gives all of them the same initial weights and the same order of images.

    python plots/paired_seeds.py mnist mnist-software --seeds 5 [--set KEY=VALUE ...] [--processes 2] [--out runs/paired]

Prints the test accuracy of every run, and the mean difference of each scenario to the last one with its 95 % interval
(Student's t over seeds). Runs that are finished are not repeated, so a stopped comparison continues. Hyper-parameters are
chosen with `--set data.evaluate=validation`, which holds back the last 5,000 training images and never sees a test image.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(threads, "1")

import numpy as np
from rich.console import Console
from rich.table import Table

from chipsim import Scenario, load_run, simulate
from chipsim.errors import ChipsimError

T_95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
"""Two-sided 95 % points of Student's t, by the number of seeds."""


def finished(folder: Path) -> bool:
    """Return whether a folder holds a run that is done; a broken one is removed."""
    if not folder.exists():
        return False
    try:
        if load_run(folder).status == "done":
            return True
    except ChipsimError:
        pass
    shutil.rmtree(folder)
    return False


def accuracy(name: str, overrides: tuple[str, ...], seed: int, out: Path, data_dir: Path | None) -> tuple[float, Path]:
    """Return the final accuracy of one run, simulated if need be."""
    scenario = Scenario.load(name, overrides, seed=seed)
    digest = hashlib.sha256(scenario.model_dump_json().encode()).hexdigest()[:10]
    folder = out / f"{Path(name).stem}-{seed}-{digest}"
    if not finished(folder):
        simulate(scenario, out=folder, data_dir=data_dir)
    return float(load_run(folder).summary["test_accuracy"]), folder


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
    jobs = [(name, tuple(given.overrides), seed, given.out, given.data_dir) for seed in seeds for name in given.scenarios]
    given.out.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(given.processes, mp_context=get_context("spawn")) as pool:
        results = list(pool.map(accuracy, *zip(*jobs, strict=True)))
    points = 100 * np.array([value for value, _ in results]).reshape(len(seeds), -1)
    table = Table(title="accuracy in %, " + (", ".join(given.overrides) or "as shipped"))
    for heading in ("seed", *given.scenarios):
        table.add_column(heading, justify="right")
    for seed, row in zip(seeds, points, strict=True):
        table.add_row(str(seed), *(f"{value:.2f}" for value in row))
    table.add_row("mean", *(f"{value:.2f}" for value in points.mean(axis=0)))
    difference = points - points[:, -1:]
    spread = difference.std(axis=0, ddof=1) * T_95[len(seeds)] / np.sqrt(len(seeds)) if len(seeds) in T_95 else np.full(points.shape[1], np.nan)
    table.add_row(f"minus {given.scenarios[-1]}", *(f"{m:+.2f} +/- {s:.2f}" for m, s in zip(difference.mean(axis=0), spread, strict=True)))
    Console(width=max(100, 24 * len(given.scenarios))).print(table)


if __name__ == "__main__":
    main()
