"""What the scripts share that simulate: many runs, a process each, of which those that are done are not repeated."""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryFile

from chipsim import Scenario, __version__, load_run, simulate
from chipsim.analysis.run import Run
from chipsim.errors import ChipsimError, InputError

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Job:
    """A run: a scenario by name or path, what differs from it, and the seed."""

    scenario: str
    overrides: tuple[str, ...] = ()
    seed: int = 1

    def load(self) -> Scenario:
        """Return its scenario."""
        return Scenario.load(self.scenario, self.overrides, seed=self.seed)

    def folder(self, out: Path) -> Path:
        """Return where it lies: the same values always lie in the same place, other values never do."""
        digest = hashlib.sha256(self.load().model_dump_json().encode()).hexdigest()[:10]
        return out / f"{Path(self.scenario).stem}-{self.seed}-{digest}"

    def __str__(self) -> str:
        last = {value.split("=")[0].strip(): value for value in self.overrides}
        return " ".join((self.scenario, f"seed {self.seed}", *last.values()))


def finished(folder: Path) -> bool:
    """Return whether a folder holds a run that this version of chipsim has done; another one is removed."""
    if not folder.exists():
        return False
    try:
        run = load_run(folder)
        if run.status == "done" and run.manifest["versions"]["chipsim"] == __version__:
            return True
    except (ChipsimError, KeyError):
        pass
    shutil.rmtree(folder)
    return False


def run_one(job: Job, folder: Path, data_dir: Path | None) -> str:
    """Simulate a job if need be; return what went wrong, in one line, or nothing."""
    try:
        if not finished(folder):
            simulate(job.load(), out=folder, data_dir=data_dir)
    except ChipsimError as error:
        return "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
    except Exception as error:  # noqa: BLE001  (whatever happened to one run, the others go on)
        return f"{type(error).__name__}: {error}"
    return ""


def run_all(jobs: Sequence[Job], out: Path, data_dir: Path | None = None, processes: int = 2) -> list[Run]:
    """Simulate what is missing, `processes` runs at a time, and return all runs in the order of `jobs`.

    Raises
    ------
    InputError
        if a scenario cannot be used (before anything is simulated), or, when all others are done, if runs have failed.
    KeyboardInterrupt
        if it was interrupted; what is done stays, and the next call goes on from there.
    """
    folders = {job: job.folder(out) for job in jobs}
    left = [job for job, folder in folders.items() if not finished(folder)]
    out.mkdir(parents=True, exist_ok=True)
    began, failed = time.monotonic(), {}
    for number, (job, message) in enumerate(in_processes(left, folders, data_dir, processes), start=1):
        said = message or f"{load_run(folders[job]).summary['test_accuracy']:.2%}"
        print(f"[{number}/{len(left)}] {job}: {said} ({time.monotonic() - began:.0f} s)", flush=True)
        if message:
            failed[job] = message
    if failed:
        raise InputError("\n".join([f"{len(failed)} of {len(folders)} runs failed", *(f"{job}: {message}" for job, message in failed.items())]))
    return [load_run(folders[job]) for job in jobs]


def in_processes(jobs: Sequence[Job], folders: dict[Job, Path], data_dir: Path | None, processes: int) -> Iterator[tuple[Job, str]]:
    """Yield each job when it has ended, with what went wrong."""
    left = list(jobs)
    while left:
        pool = ProcessPoolExecutor(min(processes, len(left)), mp_context=get_context("spawn"))
        futures = {pool.submit(run_one, job, folders[job], data_dir): job for job in left}
        try:
            for future in as_completed(futures):
                message = future.result()
                left.remove(futures[future])
                yield futures[future], message
        except BrokenProcessPool:
            if processes == 1:
                yield left.pop(0), "its process was killed, perhaps for want of memory"
            processes = 1
        except BaseException:
            end(pool)
            raise
        pool.shutdown(cancel_futures=True)


def end(pool: ProcessPoolExecutor) -> None:
    """End the processes of a pool at once: what they have been handed cannot be cancelled, and a run that is broken off is made again."""
    for process in list((pool._processes or {}).values()):  # noqa: SLF001  (the pool has no public way to end its processes before Python 3.14)
        process.terminate()
    pool.shutdown(wait=True, cancel_futures=True)


def positive(text: str) -> int:
    """Return a number of a command line that must be 1 or more."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        msg = f"a whole number from 1 on is wanted, not '{text}'"
        raise argparse.ArgumentTypeError(msg)
    return value


def arguments(parser: argparse.ArgumentParser, name: str, given: Sequence[str] | None, *, seeds: int | None = None) -> argparse.Namespace:
    """Return what a script that simulates was told: its own options and those of all such scripts; its folder can be written to.

    Raises
    ------
    InputError
        if it cannot.
    """
    whole, short = Path("runs/gallery"), Path("runs/gallery-short")
    parser.add_argument("--out", type=Path, help=f"folder for table and figure (default: {whole / name}, with --short {short / name})")
    parser.add_argument("--runs", type=Path, help=f"folder of the runs, which scripts share, one at a time (default: {whole / 'runs'}, or {short / 'runs'})")
    parser.add_argument("--data-dir", type=Path, help="folder of the data (default: CHIPSIM_DATA)")
    parser.add_argument("--processes", type=positive, default=2, help="runs at a time (default: 2)")
    parser.add_argument("--short", action="store_true", help="a small version of everything, on built-in data")
    if seeds is not None:
        parser.add_argument("--seeds", type=positive, default=seeds, help="runs of everything, with the seeds 1, 2, ... (default: %(default)s)")
    options = parser.parse_args(given)
    folder = short if options.short else whole
    options.out, options.runs = options.out or folder / name, options.runs or folder / "runs"
    writable(options.out)
    return options


def writable(folder: Path) -> None:
    """Make a folder if need be.

    Raises
    ------
    InputError
        if it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        msg = f"{folder}: cannot be written to ({error.strerror})"
        raise InputError(msg) from error


def command(main: Callable[[], None]) -> None:
    """Run a script's `main` as a command: one thread a process, and messages instead of tracebacks."""
    for threads in THREADS:
        os.environ.setdefault(threads, "1")
    try:
        main()
    except ChipsimError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted: what is done stays; the same command goes on from there", file=sys.stderr)
        sys.exit(130)
