"""Where does the chip stay equivalent to software? Interval between transfers, retention and gain F.

    python plots/equivalence.py [--data-dir DIR] [--seeds 2] [--processes 2] [--short] [--out FOLDER]

Every point is a run of the benchmark MNIST with 10,000 images x 4 epochs, against software with the same initial weights and order.
OUT gets `equivalence.csv` (a row a run) and the figure: points of accuracy lost against the interval, by retention, a panel a gain.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks import BENCHMARKS, FEW, FULL, SOFTWARE
from matplotlib import colormaps
from matplotlib.figure import Figure
from runner import Job, arguments, command, run_all
from study import points_axis, write_csv

from chipsim.plotting import save
from chipsim.plotting.style import CYCLE, DOUBLE_COLUMN, LIGHT_GREY, SEQUENTIAL, letter, panels, styled

EQUIVALENT = 0.5
"""Points below software up to which a point counts as equivalent; one seed of so short a run is good to about 0.3."""
FLOOR = 0.1
"""Points at which the axis begins."""
FOREVER_MS = 1e6
LENGTH = ("data.train_images=10000", "training.epochs=4", "training.learning_rate_decay=0.6")
COLUMNS = ("cell", "gain", "retention_ms", "every_images", "seed", "test_accuracy_percent", "software_accuracy_percent", "saturated_last")


@dataclass(frozen=True)
class Grid:
    """What is varied."""

    gains: tuple[int, ...] = (1, 2, 3, 4, 8)
    retentions_ms: tuple[float, ...] = (0.5, 1, 2, 5.16, 20, FOREVER_MS)
    intervals: tuple[int, ...] = (1000, 2000, 4000, 8000, 16_000, 32_000)
    drawn: tuple[int, ...] = (1, 3, 8)
    """Gains at every retention; the others only at the scenario's."""
    length: tuple[str, ...] = LENGTH

    def points(self) -> list[tuple[int, float, int]]:
        """Return (gain, retention in ms, images between transfers)."""
        shipped = 5.16 if 5.16 in self.retentions_ms else self.retentions_ms[0]
        return [(f, tau, every) for f in self.gains for tau in self.retentions_ms if f in self.drawn or tau == shipped for every in self.intervals]


SHORT = Grid((3, 8), (0.5, 5.16), (50, 200), (3, 8), tuple(value for value in FEW if not value.startswith("transfer")))


def rows_of(grid: Grid, seeds: int, runs_at: Path, data_dir: Path | None, processes: int) -> list[dict[str, Any]]:
    """Return a row for every run of the chip."""
    bench = BENCHMARKS["mnist"]
    short = tuple(value for value in bench.short if value not in FEW) if grid is SHORT else ()
    points = [(point, seed) for point in grid.points() for seed in range(1, seeds + 1)]
    software = [Job(bench.scenario, (*bench.job(SOFTWARE, 1).overrides, *short, *grid.length), seed) for seed in range(1, seeds + 1)]
    chips = [
        Job(
            bench.scenario,
            (
                *bench.job(FULL, 1).overrides,
                *short,
                *grid.length,
                f"cell.gain={gain}",
                f"cell.capacitor.retention={tau} ms",
                f"transfer.every={every} images",
            ),
            seed,
        )
        for (gain, tau, every), seed in points
    ]
    runs = run_all([*software, *chips], runs_at, data_dir, processes)
    reference = [100 * run.summary["test_accuracy"] for run in runs[:seeds]]
    return [
        {
            "cell": FULL,
            "gain": gain,
            "retention_ms": tau,
            "every_images": every,
            "seed": seed,
            "test_accuracy_percent": 100 * run.summary["test_accuracy"],
            "software_accuracy_percent": reference[seed - 1],
            "saturated_last": run.summary["transfers"]["saturated_last"],
        }
        for ((gain, tau, every), seed), run in zip(points, runs[seeds:], strict=True)
    ]


def read(table: Path) -> dict[tuple[int, float], dict[int, float]]:
    """Return points lost against software, the mean of the seeds, by (gain, retention in ms) and interval."""
    held: dict[tuple[int, float], dict[int, list[float]]] = {}
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            lost = float(row["software_accuracy_percent"]) - float(row["test_accuracy_percent"])
            held.setdefault((int(row["gain"]), float(row["retention_ms"])), {}).setdefault(int(row["every_images"]), []).append(lost)
    return {key: {every: float(np.mean(values)) for every, values in sorted(curve.items())} for key, curve in held.items()}


def named(retention_ms: float) -> str:
    """Return a retention for a legend."""
    return "no leak" if retention_ms >= FOREVER_MS else f"{retention_ms:g} ms"


@styled
def figure_of(lost: dict[tuple[int, float], dict[int, float]]) -> Figure:
    """Draw a panel for every gain that has several retentions, and one for the gains at the same retention."""
    retentions = sorted({tau for _, tau in lost})
    several = [gain for gain in sorted({gain for gain, _ in lost}) if len([tau for key, tau in lost if key == gain]) > 1]
    common = max(retentions, key=lambda tau: len([gain for gain, other in lost if other == tau]))
    titles = [f"F = {gain}" for gain in several] + [f"retention {named(common)}"]
    figure, axes = panels(1, len(titles), DOUBLE_COLUMN, 2.9, sharey=True)
    for ax, gain in zip(axes[0], several, strict=False):
        for tau, colour in zip(retentions, CYCLE, strict=False):
            if curve := lost.get((gain, tau)):
                ax.plot(list(curve), _shown(curve), "o-", color=colour, label=named(tau))
    for gain, shade in zip(sorted({gain for gain, _ in lost}), np.linspace(0.1, 0.9, len({gain for gain, _ in lost})), strict=True):
        curve = lost[gain, common]
        axes[0, -1].plot(list(curve), _shown(curve), "s-", color=colormaps[SEQUENTIAL](shade), label=f"F = {gain}")
    for ax in axes[0]:
        ax.axhspan(FLOOR, EQUIVALENT, color=LIGHT_GREY, alpha=0.5, linewidth=0)
        points_axis(ax)
        ax.set(xscale="log", xlabel="Images between transfers", ylim=(FLOOR, 60))
    axes[0, 0].set_ylabel("Accuracy lost against software (points)")
    letter(axes, titles)
    axes[0, 0].legend(loc="upper left", ncols=2, title="retention", columnspacing=0.8)
    axes[0, -1].legend(loc="upper left", ncols=2, columnspacing=0.8)
    return figure


def _shown(curve: dict[int, float]) -> list[float]:
    """Return what is lost, but at least what the logarithmic axis shows: a chip that loses nothing stands on it."""
    return [max(value, FLOOR) for value in curve.values()]


def draw(table: Path, out: Path) -> list[Path]:
    """Draw the figure of a table; return the files."""
    return save(figure_of(read(table)), out, table.stem)


def main(given: Sequence[str] | None = None) -> None:
    """Run what is missing; write the table and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options = arguments(parser, "equivalence", given, seeds=2)
    table = options.out / "equivalence.csv"
    write_csv(table, rows_of(SHORT if options.short else Grid(), options.seeds, options.runs, options.data_dir, options.processes), COLUMNS)
    for file in (table, *draw(table, options.out)):
        print(f"wrote {file}")


if __name__ == "__main__":
    command(main)
