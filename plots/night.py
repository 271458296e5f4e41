"""What a night of sleep costs a device that has learnt its owner's voice.

    python plots/night.py [--data-dir DIR] [--seeds 3] [--processes 2] [--short] [--out FOLDER]

The scenario `edge-device` is run for each of the six speakers as the owner, with the night between the fourth burst and the one in the
morning of another length, without the transfer before it, or with devices that do not drift. OUT gets `night.csv` (a row a run) and the
figure: accuracy for the owner and for the five speakers known before, in the evening, when the device wakes up, and after the burst
that follows. Differences are paired: until the evening, all nights of a speaker and seed are the same to the bit (but for the one without
drift, whose earlier naps have none either). Seeds of a speaker share its 50 test recordings, so intervals are over speakers, of the means of their seeds.
"""

from __future__ import annotations

import argparse
import csv
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks import SPEAKERS
from matplotlib.figure import Figure
from numpy.typing import NDArray
from runner import Job, arguments, command, run_all
from study import half_interval, write_csv

from chipsim.plotting import save
from chipsim.plotting.style import BLUE, CYCLE, DOUBLE_COLUMN, letter, panels, styled

NIGHT = 8
"""Number of the stage that is the night, counted from 0."""
NIGHTS: dict[str, tuple[str, ...]] = {
    "1 ms": (f"stage[{NIGHT}].lasts=1 ms",),
    "10 min": (f"stage[{NIGHT}].lasts=10 min",),
    "8 h": (),
    "a week": (f"stage[{NIGHT}].lasts=7 days",),
    "a year": (f"stage[{NIGHT}].lasts=1 years",),
    "8 h, no drift": ("cell.pcm.drift.enabled=false", "cell.pcm.slow_noise.enabled=false"),
    "8 h, no transfer": (f"stage[{NIGHT}].before=nothing",),
}
"""Nights, with what makes them."""
MOMENTS = {"evening": NIGHT - 1, "waking": NIGHT, "after the burst": NIGHT + 1}
"""Moments by the stage that they are the end of."""
PARTS = {"owner": "accuracy", "others": "accuracy_pretrained"}
COLUMNS = ("night", "speaker", "seed", *(f"{part} {moment}, percent" for part in PARTS for moment in MOMENTS))
SHORT = ("data.name=spoken-digits-1k", "network.layers=[640, 16, 10]", "stage[0].pretrain_epochs=2", "stage[7].images=50")
Floats = NDArray[np.float64]


def rows_of(seeds: int, runs_at: Path, data_dir: Path | None, processes: int, *, short: bool) -> list[dict[str, Any]]:
    """Return a row for every run."""
    speakers, nights = (SPEAKERS[:1], ("8 h", "8 h, no transfer")) if short else (SPEAKERS, tuple(NIGHTS))
    keys = [(night, speaker, seed) for speaker in speakers for seed in range(1, seeds + 1) for night in nights]
    jobs = [Job("edge-device", (f"data.adapt_to={speaker}", *NIGHTS[night], *(SHORT if short else ())), seed) for night, speaker, seed in keys]
    rows = []
    for (night, speaker, seed), run in zip(keys, run_all(jobs, runs_at, data_dir, processes), strict=True):
        stage = run["stage"]
        measured = {f"{part} {moment}, percent": 100.0 * float(stage[name][at]) for part, name in PARTS.items() for moment, at in MOMENTS.items()}
        rows.append({"night": night, "speaker": speaker, "seed": seed, **measured})
    return rows


def read(table: Path) -> dict[str, dict[tuple[str, str], Floats]]:
    """Return accuracies (%), (speakers,), means over seeds, by night and (part, moment)."""
    held: dict[str, dict[tuple[str, str], dict[str, list[float]]]] = {}
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for part, moment in itertools.product(PARTS, MOMENTS):
                seeds = held.setdefault(row["night"], {}).setdefault((part, moment), {}).setdefault(row["speaker"], [])
                seeds.append(float(row[f"{part} {moment}, percent"]))
    return {night: {key: np.array([np.mean(values) for values in seeds.values()]) for key, seeds in parts.items()} for night, parts in held.items()}


def cost(parts: dict[tuple[str, str], Floats], part: str, moment: str) -> Floats:
    """Return what accuracy has changed by since the evening (points), speaker by speaker."""
    return np.asarray(parts[part, moment] - parts[part, "evening"])


@styled
def figure_of(accuracies: dict[str, dict[tuple[str, str], Floats]]) -> Figure:
    """Draw the change since the evening, when waking and after the burst: mean, 95 % interval of the mean, and every speaker."""
    figure, axes = panels(1, 2, DOUBLE_COLUMN, 3.0)
    evening = {part: np.concatenate([parts[part, "evening"] for parts in accuracies.values()]).mean() for part in PARTS}
    for ax, part in zip(axes[0], PARTS, strict=True):
        ax.axhline(0.0, color="0.6", linewidth=0.6)
        for side, (moment, colour, mark) in enumerate((("waking", BLUE, "o"), ("after the burst", CYCLE[1], "s"))):
            for at, parts in enumerate(accuracies.values()):
                changes = cost(parts, part, moment)
                x = at + 0.3 * (side - 0.5)
                spots = x + 0.1 * np.linspace(-1, 1, changes.size) * (changes.size > 1)
                ax.plot(spots, changes, ".", color=colour, alpha=0.35, markersize=2.5)
                half = half_interval(changes)
                ax.errorbar(x, changes.mean(), None if np.isnan(half) else half, fmt=mark, color=colour, capsize=2, label=moment if at == 0 else None)
        ax.set_xticks(range(len(accuracies)), [night.replace(", ", ",\n") for night in accuracies], rotation=35, ha="right")
        ax.set(xlabel="Night", ylabel="Change since the evening (points)")
        ax.grid(visible=True, axis="y")
    letter(axes, [f"owner, {evening['owner']:.0f} % in the evening", f"five others, {evening['others']:.0f} % in the evening"])
    axes[0, 0].legend(loc="lower left")
    return figure


def draw(table: Path, out: Path) -> list[Path]:
    """Draw the figure of a table; return the files."""
    return save(figure_of(read(table)), out, table.stem)


def main(given: Sequence[str] | None = None) -> None:
    """Run what is missing; write the table and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options = arguments(parser, "night", given, seeds=3)
    table = options.out / "night.csv"
    write_csv(table, rows_of(options.seeds, options.runs, options.data_dir, options.processes, short=options.short), COLUMNS)
    for night, parts in read(table).items():
        for part in PARTS:
            told = (f"{moment} {cost(parts, part, moment).mean():+.1f} +/- {half_interval(cost(parts, part, moment)):.1f}" for moment in list(MOMENTS)[1:])
            print(f"{night}, {part}: evening {parts[part, 'evening'].mean():.1f} %; points since: {'; '.join(told)}")
    for file in (table, *draw(table, options.out)):
        print(f"wrote {file}")


if __name__ == "__main__":
    command(main)
