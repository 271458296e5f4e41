"""All tables and figures of the evidence, one after the other.

    python plots/gallery.py [--data-dir DIR] [--only NAME ...] [--processes 2] [--short] [--list] [--out runs/gallery]

Each script is a process of its own and writes into OUT/NAME; the runs lie in OUT/runs, those that are done are not repeated, and Ctrl-C
stops the gallery where it is: the same command goes on from there (`weight_change` alone begins anew). A script that fails stops no other.
OUT gets `gallery.csv`: what was made, and the wall time of each script when it was last made; one that found its runs done took that little.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner import THREADS, command, positive, writable
from study import write_csv

from chipsim.errors import InputError

HERE = Path(__file__).parent
COLUMNS = ("script", "status", "wall_time_s")
TINY_CLOCK = (
    "mnist-5k",
    *("--train-images", "40", "--epochs", "20", "--only", "current-stall-per-column-[13]0*", "effort-stall*1-try", "--set", "transfer.every=100 images"),
    *("--set", "network.layers=[528, 10]", "--set", "record.segment=50"),
)


@dataclass(frozen=True)
class Script:
    """A script of the gallery: what it can be told, and how it is made short."""

    name: str
    options: frozenset[str] = frozenset({"--out", "--short"})
    short: tuple[str, ...] = ("--short",)

    def arguments(self, out: Path, data_dir: Path | None, processes: int, *, short: bool) -> list[str]:
        """Return what it is told."""
        said = ["--out", str(out / self.name)]
        if "--runs" in self.options:
            said += ["--runs", str(out / "runs")]
        if "--processes" in self.options:
            said += ["--processes", str(processes)]
        if "--jobs" in self.options:
            said += ["--jobs", str(processes)]
        if data_dir and "--data-dir" in self.options:
            said += ["--data-dir", str(data_dir)]
        return [*said, *(self.short if short else ())]


ALONE = frozenset({"--out"})
SIMULATING = frozenset({"--out", "--runs", "--processes", "--data-dir"})
SCRIPTS = (
    Script("pcm_statistics", ALONE),
    Script("programmed_conductance", ALONE),
    Script("cell_mismatch", ALONE),
    Script("accuracy_table", SIMULATING),
    Script("accuracy_epochs", SIMULATING),
    Script("ablation", SIMULATING),
    Script("transfer_correlation", SIMULATING),
    Script("weight_change", frozenset({"--out", "--processes", "--data-dir"})),
    Script("equivalence", SIMULATING),
    Script("night", SIMULATING),
    Script("ageing", SIMULATING),
    Script("clock_study", frozenset({"--out", "--jobs", "--data-dir"}), TINY_CLOCK),
    Script(
        "silicon_study",
        frozenset({"--out", "--data-dir"}),
        ("mnist-5k", "--studies", "current", "--set", "data.train_images=200", "--set", "training.epochs=2"),
    ),
)
"""In the order in which they are made: what is quick and what others rest on comes first."""


def chosen(names: Sequence[str]) -> list[Script]:
    """Return the scripts of these names, all if there are none.

    Raises
    ------
    InputError
        if a name is unknown.
    """
    known = {script.name: script for script in SCRIPTS}
    if unknown := [name for name in names if name not in known]:
        msg = f"--only: no script is called {', '.join(unknown)}; there are: {', '.join(known)}"
        raise InputError(msg)
    return [known[name] for name in names] if names else list(SCRIPTS)


def ended(words: Sequence[str], environment: dict[str, str]) -> int:
    """Run a script and return how it ended; Ctrl-C reaches it, too, and it is waited for, so that nothing of it runs on."""
    with subprocess.Popen(words, env=environment) as process:  # noqa: S603 (ours)
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.wait()
            raise


def kept(table: Path, rows: Sequence[dict[str, object]]) -> list[dict[str, str]]:
    """Return the rows of a table for scripts other than those of `rows`."""
    if not table.exists():
        return []
    with table.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["script"] not in {new["script"] for new in rows}]


def main(given: Sequence[str] | None = None) -> None:
    """Make everything, or what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="folder of everything (default: runs/gallery, with --short runs/gallery-short)")
    parser.add_argument("--data-dir", type=Path, help="folder of the data (default: CHIPSIM_DATA)")
    parser.add_argument("--processes", type=positive, default=2, help="runs at a time (default: 2)")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="scripts to run")
    parser.add_argument("--short", action="store_true", help="small versions, on built-in data")
    parser.add_argument("--list", action="store_true", help="print the names of the scripts and end")
    options = parser.parse_args(given)
    scripts, rows = chosen(options.only), []
    if options.list:
        print("\n".join(script.name for script in scripts))
        return
    out = options.out or Path("runs/gallery-short" if options.short else "runs/gallery")
    writable(out)
    environment = {**dict.fromkeys(THREADS, "1"), **os.environ}
    for script in scripts:
        began = time.monotonic()
        said = script.arguments(out, options.data_dir, options.processes, short=options.short)
        print(f"== {script.name} {' '.join(said)}", flush=True)
        status = ended([sys.executable, str(HERE / f"{script.name}.py"), *said], environment)
        if status in {130, -2}:
            raise KeyboardInterrupt
        rows.append({"script": script.name, "status": "done" if status == 0 else f"failed ({status})", "wall_time_s": time.monotonic() - began})
        write_csv(out / "gallery.csv", [*kept(out / "gallery.csv", rows), *rows], COLUMNS)
    print("\n".join(f"{row['script']}: {row['status']}, {row['wall_time_s']:.0f} s" for row in rows))
    if failed := [row["script"] for row in rows if row["status"] != "done"]:
        msg = f"failed: {', '.join(map(str, failed))}"
        raise InputError(msg)


if __name__ == "__main__":
    command(main)
