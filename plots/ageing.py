"""How does a trained chip age over ten years, and how much of it is made up for by one factor a layer? Accuracy from 1 ms to 10 years.

    python plots/ageing.py [--seeds 3] [--processes N] [--data-dir DIR] [--short] [--out FOLDER]

Trains the scenario `mnist` as it ships, a run a seed, then leaves the chip alone for 1 ms ... 10 years and measures its test accuracy as it is and
with global drift compensation (Joshi et al., Nat. Commun. 11, 2473 (2020)): every layer's array is read with all inputs at one, at the start and at
each age, and its outputs are multiplied by the ratio of the sums of their amounts. `mnist-software` gives the level to compare with.
What the causes contribute is measured on chips that are programmed, without training, with what the others have learnt: with all causes, without
slow noise, with one drift exponent for all devices, and without either. OUT gets `ageing.csv` and the figure, which `plots/ageing_figures.py`
draws again from the CSV.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from runner import Job, arguments, command, run_all
from study import write_csv as write_rows

from chipsim.analysis.files import WEIGHTS
from chipsim.analysis.run import Run

SEEDS = 3
AGES = ("retention.start=1 ms", "retention.end=10 years")
SMALL = ("data.name=mnist-5k", "data.train_images=2000", "data.test_images=200", "training.epochs=1", "network.layers=[528, 30, 10]")
"""Overrides of a small version, on built-in data."""
PROGRAMMED = ("training.epochs=0", "transfer.offset=0 uS")
"""Overrides of a chip that is programmed and left alone at once: nothing is kept back for capacitors, as in the last transfer before a rest."""
ALIKE = ("cell.pcm.drift.mean=[0, 0.055, 0.055, 0.055]", "cell.pcm.drift.sigma=[0, 0, 0, 0]")
"""Overrides under which all devices drift alike. The exponent is assumed: with it layers lose about what they lose under the fit, whose means are
0.049 (large conductances) to 0.1 (small ones)."""
CAUSES: dict[str, tuple[str, ...]] = {
    "all": (),
    "no slow noise": ("cell.pcm.slow_noise.enabled=false",),
    "one exponent": ALIKE,
    "one exponent, no slow noise": (*ALIKE, "cell.pcm.slow_noise.enabled=false"),
}
COLUMNS = ("part", "cause", "seed", "layer", "age_s", "accuracy_percent", "accuracy_compensated_percent", "scale_left_percent")
write_csv = partial(write_rows, columns=COLUMNS)

Row = dict[str, Any]


def trained_jobs(seeds: Sequence[int], overrides: Sequence[str], per_decade: int) -> list[Job]:
    """Return the runs that train and then age, one a seed."""
    return [Job("mnist", (*overrides, *AGES, f"retention.per_decade={per_decade}"), seed) for seed in seeds]


def software_jobs(seeds: Sequence[int], overrides: Sequence[str]) -> list[Job]:
    """Return the runs in float32, one a seed."""
    return [Job("mnist-software", tuple(overrides), seed) for seed in seeds]


def cause_jobs(trained: Sequence[Run], jobs: Sequence[Job], per_decade: int) -> dict[str, list[Job]]:
    """Return, by cause that is left, the runs that program what `trained` have learnt, which were the runs of `jobs`, and age."""
    found: dict[str, list[Job]] = {}
    for cause, switched in CAUSES.items():
        for run, job in zip(trained, jobs, strict=True):
            weights = f"network.initial_weights={json.dumps(str((run.path / WEIGHTS).resolve()))}"
            values = (*job.overrides, *PROGRAMMED, weights, *switched, f"retention.per_decade={per_decade}")
            found.setdefault(cause, []).append(replace(job, overrides=values))
    return found


def rows_of(part: str, cause: str, run: Run) -> Iterator[Row]:
    """Yield the accuracy at every age, and what is left at every age of the scale of every layer: one over its factor of compensation."""
    trace = run["retention"]
    keys = {"part": part, "cause": cause, "seed": run.scenario.seed}
    plain, compensated, factors = (np.asarray(trace[name], dtype=np.float64) for name in ("accuracy", "accuracy_compensated", "compensation"))
    for number, age in enumerate(np.asarray(trace["age"], dtype=np.float64).tolist()):
        accuracies = {"accuracy_percent": 100.0 * float(plain[number]), "accuracy_compensated_percent": 100.0 * float(compensated[number])}
        yield {**keys, "age_s": age, **accuracies}
        for layer, factor in enumerate(factors[number].tolist()):
            yield {**keys, "layer": layer, "age_s": age, "scale_left_percent": 100.0 / factor}


def measured(out: Path, data_dir: Path | None, *, seeds: Sequence[int], processes: int, short: bool) -> list[Row]:
    """Simulate what is missing and return the rows of the table."""
    small, fine, coarse = (SMALL, 1, 1) if short else ((), 3, 1)
    jobs = trained_jobs(seeds, small, fine)
    trained = run_all(jobs, out, data_dir, processes)
    rows = [row for run in trained for row in rows_of("trained", "all", run)]
    software = run_all(software_jobs(seeds, small), out, data_dir, processes)
    rows += [{"part": "software", "seed": run.scenario.seed, "accuracy_percent": 100.0 * float(run.summary["test_accuracy"])} for run in software]
    causes = cause_jobs(trained, jobs, coarse)
    programmed = iter(run_all([job for group in causes.values() for job in group], out, data_dir, processes))
    return rows + [row for cause, group in causes.items() for _ in group for row in rows_of("programmed", cause, next(programmed))]


def main(given: Sequence[str] | None = None) -> None:
    """Train, wait and measure; write the table and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options = arguments(parser, "ageing", given, seeds=SEEDS)
    seeds = range(1, options.seeds + 1)
    table = options.out / "ageing.csv"
    write_csv(table, measured(options.runs, options.data_dir, seeds=seeds, processes=options.processes, short=options.short))
    from ageing_figures import draw

    for file in (table, *draw(table, options.out)):
        print(f"wrote {file}")


if __name__ == "__main__":
    command(main)
