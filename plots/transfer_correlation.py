"""What is written where? Wanted against written weights at the last two transfers of a training run.

    python plots/transfer_correlation.py [--scenario mnist] [--data-dir DIR] [--short] [--out FOLDER]

OUT gets `transfer_correlation.csv` (a row a sampled weight) and the figure: what the PCM pairs held before the last transfer against
what they were to hold after it; wanted against written at both transfers; and the whole weight before and after, once the capacitor
holds what the pair lacks. Between transfers a pair changes by drift alone, which is nothing in 2 ms, so what it held before the last
transfer is what the one before had written.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks import BENCHMARKS, FULL
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray
from runner import Job, arguments, command, run_all
from study import write_csv

from chipsim.analysis.run import Run
from chipsim.errors import InputError
from chipsim.plotting import save
from chipsim.plotting.style import BLACK, DOUBLE_COLUMN, letter, panels, styled

MAPS = {
    "held": ("pair before the last transfer", "Held before $F(G^+ - G^-)$ (µS)", "Wanted $F(G^+ - G^-)$ (µS)"),
    "first": ("pair, last but one", "Wanted $F(G^+ - G^-)$ (µS)", "Written $F(G^+ - G^-)$ (µS)"),
    "last": ("pair, last", "Wanted $F(G^+ - G^-)$ (µS)", "Written $F(G^+ - G^-)$ (µS)"),
    "whole": ("whole weight, last", "Weight before (µS)", "Weight after (µS)"),
}
"""Maps of the figure: title, and what is across and up."""
COLUMNS = tuple(f"{name}_{side}_uS" for name in MAPS for side in ("across", "up"))
Floats = NDArray[np.float64]


def pairs_of(run: Run) -> dict[str, tuple[Floats, Floats]]:
    """Return what each map shows (µS): two arrays (weights sampled,).

    Raises
    ------
    InputError
        if the run has no two transfers.
    """
    trace = {name: np.asarray(run["transfer"][name], dtype=np.float64) for name in ("wanted", "programmed", "weight_before", "weight_after")}
    if len(trace["wanted"]) < 2:
        msg = f"{run.path}: two sampled transfers are wanted, there are {len(trace['wanted'])}"
        raise InputError(msg)
    first, last = ({name: values[at] for name, values in trace.items()} for at in (-2, -1))
    return {
        "held": (first["programmed"], last["wanted"]),
        "first": (first["wanted"], first["programmed"]),
        "last": (last["wanted"], last["programmed"]),
        "whole": (last["weight_before"], last["weight_after"]),
    }


def rows_of(pairs: dict[str, tuple[Floats, Floats]]) -> list[dict[str, Any]]:
    """Return a row for every sampled weight."""
    columns = [values for pair in pairs.values() for values in pair]
    return [dict(zip(COLUMNS, map(float, row), strict=True)) for row in zip(*columns, strict=True)]


def read(table: Path) -> dict[str, tuple[Floats, Floats]]:
    """Return what each map of a table shows."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: (column(rows, f"{name}_across_uS"), column(rows, f"{name}_up_uS")) for name in MAPS}


def column(rows: Sequence[dict[str, str]], name: str) -> Floats:
    """Return a column of a table."""
    return np.array([float(row[name]) for row in rows])


def told(across: Floats, up: Floats) -> dict[str, float]:
    """Return correlation, slope of the best line, and mean and rms of the difference (µS)."""
    return {
        "correlation": float(np.corrcoef(across, up)[0, 1]),
        "slope": float(np.polyfit(across, up, 1)[0]),
        "mean_uS": float((up - across).mean()),
        "rms_uS": float(np.sqrt(((up - across) ** 2).mean())),
    }


@styled
def figure_of(pairs: dict[str, tuple[Floats, Floats]]) -> Figure:
    """Draw a density map for every pair, all on one scale."""
    figure, axes = panels(2, 2, DOUBLE_COLUMN, 6.0)
    bound = 1.05 * max(float(np.abs(values).max()) for pair in pairs.values() for values in pair)
    counts = {name: np.histogram2d(*pair, bins=90, range=[[-bound, bound]] * 2) for name, pair in pairs.items()}
    colours = LogNorm(vmin=1, vmax=max(2.0, *(float(count.max()) for count, *_ in counts.values())))
    for ax, name in zip(axes.ravel(), MAPS, strict=True):
        _, across, up = MAPS[name]
        count, columns, rows = counts[name]
        density = ax.pcolormesh(columns, rows, np.ma.masked_equal(count.T, 0), norm=colours, rasterized=True)
        ax.plot([-bound, bound], [-bound, bound], ":", color=BLACK, linewidth=0.5)
        ax.set(xlabel=across, ylabel=up, aspect="equal")
        _tell(ax, told(*pairs[name]))
    letter(axes, [title for title, *_ in MAPS.values()])
    figure.colorbar(density, ax=axes, label="Weights in a bin", shrink=0.5, pad=0.02)
    return figure


def _tell(ax: Axes, found: dict[str, float]) -> None:
    words = f"correlation {found['correlation']:.4f}\nslope {found['slope']:.3f}\nmean {found['mean_uS']:+.2f} µS\nrms {found['rms_uS']:.2f} µS"
    ax.text(0.03, 0.97, words.replace("-", "\N{MINUS SIGN}"), transform=ax.transAxes, ha="left", va="top", fontsize=7)


def draw(table: Path, out: Path) -> list[Path]:
    """Draw the figure of a table; return the files."""
    return save(figure_of(read(table)), out, table.stem)


def main(given: Sequence[str] | None = None) -> None:
    """Run the scenario if need be; write the table and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", help="name or path (default: the benchmark mnist)")
    options = arguments(parser, "transfer_correlation", given)
    job = Job(options.scenario) if options.scenario else BENCHMARKS["mnist"].job(FULL, 1, short=options.short)
    table = options.out / "transfer_correlation.csv"
    write_csv(table, rows_of(pairs_of(run_all([job], options.runs, options.data_dir, 1)[0])), COLUMNS)
    for name, pair in read(table).items():
        print(f"{MAPS[name][0]}: " + ", ".join(f"{key} {value:.4g}" for key, value in told(*pair).items()))
    for file in (table, *draw(table, options.out)):
        print(f"wrote {file}")


if __name__ == "__main__":
    command(main)
