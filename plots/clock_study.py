"""Which way of moving weights to PCM costs least? Policies against programming current and verify effort.

    python plots/clock_study.py [SCENARIO] [--data-dir DIR] [--jobs 2] [--only 'current-*' ...] [--list] [--full]

Every point is one run of the scenario (`mnist` if none is named), of `--train-images` x `--epochs` images; `--full` runs a few
selected points as the scenario is. Runs lie in OUT/runs; those that are done are not repeated, so a stopped study continues (one
study at a time may use a folder). OUT gets `clock_study.csv`, `clock_study.md` and the figures; `plots/clock_study_figures.py`
draws them again from the CSV. A point that the checks of a scenario refuse, or that fails, keeps its row, with the message.

Rates, shares and energy are those of whole transfer intervals in the middle of a run: from the begin of the first transfer to that of
the last one. The start, the initial programming and the final transfer, which are a part of a short run that they are not of a long
one, are left out. The accuracy is that of the end.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # the processes that this one starts inherit it
    for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(threads, "1")

import numpy as np
from runner import finished
from study import write_csv as write_rows
from study import write_text

from chipsim import Scenario, load_run, simulate
from chipsim.analysis.run import Run
from chipsim.errors import ChipsimError, InputError

POLICIES = {
    "instant": ("transfer.policy=instant",),
    "stall, per column": ("transfer.policy=stall", "transfer.sampling=per-column"),
    "stall, at start": ("transfer.policy=stall", "transfer.sampling=at-start"),
    "interleave, lock": ("transfer.policy=interleave", "transfer.in_flux=lock"),
    "interleave, present": ("transfer.policy=interleave", "transfer.in_flux=present"),
    "oldest-first": ("transfer.policy=oldest-first", "transfer.in_flux=lock"),
}
"""Policies by the names they have in tables and figures, with the values that make them."""
CURRENTS_MA = (1, 3, 10, 30, 100, 300, 1000)
SHIPPED_MA = 50
"""Programming current of the study of verify effort, mA."""

SEGMENT = 500
"""Images over which energy is binned: fine enough to tell intervals apart that are no whole number of images."""


@dataclass(frozen=True)
class Effort:
    """What is done to write a device as it is wanted."""

    read_ns: int = 1000
    """Verify read, and sampling one column."""
    tolerance_uS: float = 0.7  # noqa: N815 (the unit)
    max_tries: int = 20
    verify_units: int = 2048

    @property
    def overrides(self) -> tuple[str, ...]:
        """The values that make it."""
        return (
            f"cell.pcm.verify.duration={self.read_ns} ns",
            f"transfer.sample_read={self.read_ns} ns",
            f"cell.pcm.ramp.tolerance={self.tolerance_uS} uS",
            f"cell.pcm.ramp.max_tries={self.max_tries}",
            f"transfer.verify_units={self.verify_units}",
        )


EFFORTS = {
    "as shipped": Effort(),
    "reads of 250 ns": Effort(read_ns=250),
    "reads of 128 ns": Effort(read_ns=128),
    "tolerance of 1.4 uS": Effort(tolerance_uS=1.4),
    "3 tries at most": Effort(max_tries=3),
    "1 try": Effort(max_tries=1),
    "256 read-outs": Effort(verify_units=256),
    "128 ns, 1.4 uS, 3 tries": Effort(read_ns=128, tolerance_uS=1.4, max_tries=3),
}
"""One thing less than shipped at a time, and at last nearly all of it."""
EFFORT_POLICIES = ("stall, per column", "interleave, lock", "interleave, present")
FULL_EFFORTS = ("as shipped", "reads of 128 ns")


@dataclass(frozen=True)
class Point:
    """One point of the study: a policy, a programming current (mA) and a verify effort."""

    policy: str
    current_mA: int = SHIPPED_MA  # noqa: N815 (the unit)
    effort: str = "as shipped"

    @property
    def name(self) -> str:
        """Its name in `--only`, `--list` and among the runs."""
        study = "current" if self.effort == "as shipped" else "effort"
        words = f"{study} {self.policy} {self.current_mA} mA" + ("" if study == "current" else f" {self.effort}")
        return re.sub(r"[^a-z0-9.]+", "-", words.lower())

    @property
    def overrides(self) -> tuple[str, ...]:
        """The values that make it; nothing depends on the current where transfers take no time."""
        return (*POLICIES[self.policy], f"transfer.programming_current={self.current_mA} mA", *EFFORTS[self.effort].overrides)


def grid(*, full: bool = False) -> list[Point]:
    """Return the points of the study, or the few that a `full` one has, each once."""
    timed = [policy for policy in POLICIES if policy != "instant"]
    if full:
        compared = [Point(policy, effort=effort) for policy in timed for effort in FULL_EFFORTS if policy != "stall, at start"]
        return [Point("instant"), Point("stall, at start"), *compared]
    swept = [Point(policy, current) for policy in timed for current in CURRENTS_MA]
    eased = [Point(policy, effort=effort) for policy in EFFORT_POLICIES for effort in EFFORTS]
    return list(dict.fromkeys([Point("instant"), *swept, *eased]))


def chosen(points: Sequence[Point], patterns: Sequence[str]) -> list[Point]:
    """Return the points whose name fits one of the patterns (`current-stall*`), all of them if there are no patterns."""
    return [point for point in points if not patterns or any(fnmatch(point.name, pattern.lower()) for pattern in patterns)]


@dataclass(frozen=True)
class Study:
    """What all points share."""

    scenario: str
    overrides: tuple[str, ...]
    out: Path
    data_dir: Path | None

    def load(self, point: Point, seed: int) -> Scenario:
        """Return the scenario of a point; `InputError` where it is refused."""
        return Scenario.load(self.scenario, [*self.overrides, *point.overrides], seed=seed)

    def folder(self, point: Point, scenario: Scenario) -> Path:
        """Return where the run of a point lies; one of other values lies elsewhere."""
        digest = hashlib.sha256(scenario.model_dump_json().encode()).hexdigest()[:10]
        return self.out / "runs" / f"{Path(self.scenario).stem}-{point.name}-{scenario.seed}-{digest}"


# ---- one point ---------------------------------------------------------------------------------------------------------


def run_point(study: Study, point: Point, seed: int) -> dict[str, Any]:
    """Return the row of a point, simulated if need be; a refused or failed one has its message instead of numbers."""
    row = {**swept_keys(point), "seed": seed}
    try:
        scenario = study.load(point, seed)
        folder = study.folder(point, scenario)
        if not finished(folder):
            simulate(scenario, out=folder, data_dir=study.data_dir)
        return {**row, "status": "done", **measured(load_run(folder)), "folder": folder.name}
    except InputError as error:
        return {**row, "status": "refused", "message": plain(error)}
    except Exception as error:  # noqa: BLE001  (whatever happened to one point, the others go on, and its row says so)
        return {**row, "status": "failed", "message": plain(error) if isinstance(error, ChipsimError) else f"{type(error).__name__}: {error}"}


def plain(error: Exception) -> str:
    """Return a message in one line."""
    return "; ".join(line.strip() for line in str(error).splitlines() if line.strip())


def swept_keys(point: Point) -> dict[str, Any]:
    """Return what makes a point, as columns."""
    effort = EFFORTS[point.effort]
    return {
        "point": point.name,
        "policy": point.policy,
        "effort": point.effort,
        "programming_current_mA": point.current_mA,
        "read_duration_ns": effort.read_ns,
        "tolerance_uS": effort.tolerance_uS,
        "max_tries": effort.max_tries,
        "verify_units": effort.verify_units,
    }


@dataclass(frozen=True)
class Stretch:
    """A part of a run that stands for a long one: its images, chip time (s), energy (J), and the mean duration of a transfer (s)."""

    images: int
    lasted_s: float
    energy_J: float  # noqa: N815 (the unit)
    transfer_s: float


def steady(run: Run) -> Stretch:
    """Return what lies between the begin of the first transfer of a run and that of the last before its end.

    These are whole intervals of every policy, whatever they depend on. Where there are not two transfers it is all of the training.
    """
    if "transfer" in run:
        table = {key: np.asarray(run["transfer"][key]) for key in ("images", "time", "duration")}
        kept = (table["images"] < run.summary["images"]) & (table["time"] > 0)
        images, time, duration = (table[key][kept] for key in ("images", "time", "duration"))
        if images.size > 1 and images[-1] > images[0]:
            spent = np.interp(images[[0, -1]], *spent_until(run))
            return Stretch(int(images[-1] - images[0]), float(time[-1] - time[0]), float(spent[1] - spent[0]), float(duration[:-1].mean()))
    waited = sum(value for key, value in run.summary["waiting"].items() if not key.startswith("longest"))
    return Stretch(int(run.summary["images"]), run.summary["training_time_s"] + waited, run.summary["energy_J"]["total"], float("nan"))


def spent_until(run: Run) -> tuple[Any, Any]:
    """Return images, and the energy (J) that was spent until they were learnt, transfers that they end with included."""
    trace = run["energy"]
    return np.append(0, trace["images"]), np.append(0.0, np.cumsum(np.asarray(trace["energy"]).sum(axis=1)))


def measured(run: Run) -> dict[str, Any]:
    """Return what a run says, as columns."""
    summary, part = run.summary, steady(run)
    training = part.images * summary["time_per_image_s"] / part.lasted_s
    waits = {key.removesuffix("_s"): value for key, value in summary["waiting"].items() if not key.startswith("longest")}
    waited = max(sum(waits.values()), 1e-300)
    shares = {f"wait_{reason}_share": (1 - training) * waits.get(reason, 0.0) / waited for reason in ("transfer", "tile", "host", "sleep")}
    moved = summary["transfers"]
    return {
        "images": summary["images"],
        "images_per_s": part.images / part.lasted_s,
        "energy_per_image_J": part.energy_J / part.images,
        "test_accuracy": summary["test_accuracy"],
        "training_share": training,
        **shares,
        "transfer_duration_mean_s": part.transfer_s,
        "transfers": moved["count"],
        "late": moved.get("late", 0),
        "worst_backlog_columns": moved.get("worst_backlog_columns", 0),
        "oldest_capacitor_s": moved.get("oldest_capacitor_s", 0.0),
        "longest_delay_of_an_image_s": summary["waiting"]["longest_delay_of_an_image_s"],
        "mean_tries": moved.get("mean_tries"),
        "unconverged": moved.get("unconverged"),
        "warnings": len(summary["warnings"]),
        "message": "; ".join(summary["warnings"]),
        "whole_run_images_per_s": summary["images_per_second"],
        "whole_run_energy_per_image_J": summary["energy_per_image_J"],
        "chip_time_s": summary["chip_time_s"],
        "wall_time_s": summary["wall_time_s"],
    }


# ---- all points --------------------------------------------------------------------------------------------------------


@dataclass
class Progress:
    """Rows as they come in, in the order of the grid, kept in files at every moment."""

    study: Study
    jobs: list[tuple[Point, int]]
    stem: str
    rows: dict[tuple[Point, int], dict[str, Any]] = field(default_factory=dict)

    def add(self, job: tuple[Point, int], row: dict[str, Any]) -> None:
        """Keep the row of a point, and say so."""
        self.rows[job] = row
        said = f"{row['images_per_s'] / 1e6:.3f} M images/s, {row['test_accuracy']:.2%}" if row["status"] == "done" else f"{row['status']}: {row['message']}"
        print(f"[{len(self.rows)}/{len(self.jobs)}] {row['point']}, seed {row['seed']}: {said}", flush=True)
        self.write()

    def write(self) -> None:
        """Replace the table and its Markdown."""
        rows = [self.rows[job] for job in self.jobs if job in self.rows]
        write_csv(self.study.out / f"{self.stem}.csv", rows)
        write_text(self.study.out / f"{self.stem}.md", markdown(rows))


def run_all(study: Study, jobs: Sequence[tuple[Point, int]], processes: int) -> Iterator[tuple[tuple[Point, int], dict[str, Any]]]:
    """Yield the row of every job as it is done; where a process dies, every job that is left gets one of its own."""
    left = list(jobs)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(run_point, study, *job): job for job in left}
        try:
            for future in as_completed(futures):
                row = future.result()
                left.remove(futures[future])
                yield futures[future], row
        except BrokenProcessPool:
            print("a process was killed; going on one by one", flush=True)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    for job in left:
        yield job, run_alone(study, *job)


def run_alone(study: Study, point: Point, seed: int) -> dict[str, Any]:
    """Return the row of a point from a process of its own; that it was killed is a row, too."""
    try:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            return pool.submit(run_point, study, point, seed).result()
    except BrokenProcessPool:
        return {**swept_keys(point), "seed": seed, "status": "failed", "message": "its process was killed, perhaps for want of memory"}


COLUMNS = (
    *("point", "policy", "effort", "programming_current_mA", "read_duration_ns", "tolerance_uS", "max_tries", "verify_units", "seed", "status", "images"),
    *("images_per_s", "energy_per_image_J", "test_accuracy", "training_share"),
    *("wait_transfer_share", "wait_tile_share", "wait_host_share", "wait_sleep_share"),
    *("transfer_duration_mean_s", "transfers", "late", "worst_backlog_columns", "oldest_capacitor_s", "longest_delay_of_an_image_s"),
    *("mean_tries", "unconverged", "warnings", "whole_run_images_per_s", "whole_run_energy_per_image_J", "chip_time_s", "wall_time_s", "message", "folder"),
)
"""Of the CSV, a row a point and seed; quantities have their unit in the name, shares and accuracies are 0 ... 1."""
write_csv = partial(write_rows, columns=COLUMNS)


HEADINGS = (
    *("policy", "current (mA)", "verify effort", "seed", "images/s (millions)", "energy an image (nJ)"),
    *("test accuracy (%)", "training (% of the time)", "transfer (ms)", "late", "note"),
)


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows as a table for people."""
    lines = [HEADINGS, ("---", "---:", "---", *["---:"] * 7, "---")]
    for row in rows:
        current = "" if row["policy"] == "instant" else str(row["programming_current_mA"])
        made = (row["policy"], current, row["effort"].replace("uS", "µS"), str(row["seed"]))
        if row["status"] == "done":
            lines.append((*made, *numbers(row), row["message"]))
        else:
            lines.append((*made, *[""] * 6, f"{row['status']}: {row['message']}"))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def numbers(row: dict[str, Any]) -> tuple[str, ...]:
    """Return the results of a row as people read them."""
    return (
        f"{row['images_per_s'] / 1e6:.3f}",
        f"{row['energy_per_image_J'] * 1e9:.2f}",
        f"{row['test_accuracy'] * 100:.2f}",
        f"{row['training_share'] * 100:.1f}",
        f"{row['transfer_duration_mean_s'] * 1e3:.2f}",
        str(row["late"]),
    )


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="?", default="mnist", help="name or path of the scenario (default: mnist)")
    parser.add_argument("--train-images", type=int, help="training images of every run (default: 10000; with --full: all)")
    parser.add_argument("--epochs", type=int, help="passes through them (default: 4; with --full: the scenario's)")
    parser.add_argument("--test-images", type=int, help="test images (default: all)")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE", help="change another value, in all runs")
    parser.add_argument("--seeds", type=int, default=1, help="runs of every point, with the seeds 1, 2, ...")
    parser.add_argument("--data-dir", type=Path, help="folder of the data (default: CHIPSIM_DATA)")
    parser.add_argument("--out", type=Path, default=Path("runs/clock-study"), help="folder for runs, table and figures")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="points to run, by name or pattern")
    parser.add_argument("--full", action="store_true", help="few points, with all images and epochs of the scenario")
    parser.add_argument("--list", action="store_true", help="print the names of the points and end")
    return parser.parse_args(given)


def sizes(given: argparse.Namespace) -> tuple[str, ...]:
    """Return the values that say how long the runs are."""
    images = given.train_images if given.train_images or given.full else 10_000
    epochs = given.epochs if given.epochs or given.full else 4
    keys = {"data.train_images": images, "training.epochs": epochs, "data.test_images": given.test_images, "record.segment": SEGMENT}
    return tuple(f"{key}={value}" for key, value in keys.items() if value is not None)


def main(given: Sequence[str] | None = None) -> None:
    """Run what is missing; write the table and draw the figures."""
    options = arguments(given)
    points = chosen(grid(full=options.full), options.only)
    if options.list or not points:
        print("\n".join(point.name for point in points) or f"no point is called {' or '.join(options.only)}; --list names all")
        return
    data_dir = options.data_dir or (Path(os.environ["CHIPSIM_DATA"]) if os.environ.get("CHIPSIM_DATA") else None)
    study = Study(options.scenario, (*sizes(options), *options.overrides), options.out, data_dir)
    progress = Progress(
        study, [(point, seed) for seed in range(1, options.seeds + 1) for point in points], "clock_study_full" if options.full else "clock_study"
    )
    try:
        for job, row in run_all(study, progress.jobs, options.jobs):
            progress.add(job, row)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here")
        return
    from clock_study_figures import draw

    table = study.out / f"{progress.stem}.csv"
    for file in (table, table.with_suffix(".md"), *draw(table, study.out)):
        print(f"wrote {file}")


if __name__ == "__main__":
    main()
