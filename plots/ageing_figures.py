"""Draw how a chip ages from its table: `python plots/ageing_figures.py ageing.csv [--out FOLDER]`.

Above the test accuracy of trained chips against their age, as they are and with drift compensation; below what is left of the scale of every
layer, and the accuracy with compensation where causes are switched off. Lines are means over seeds, bands reach from the lowest to the highest.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import NDArray
from study import drawing

from chipsim.plotting import save
from chipsim.plotting.style import BLACK, BLUE, DOUBLE_COLUMN, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, letter, mosaic, styled

Row = dict[str, str]
Floats = NDArray[np.float64]
AGES = {"1 ms": 1e-3, "1 s": 1.0, "1 h": 3600.0, "1 day": 86400.0, "1 year": 31557600.0, "10 years": 315576000.0}
WIDE, NARROW = tuple(AGES), ("1 ms", "1 s", "1 h", "1 day", "10 years")
LAYERS = (BLUE, ORANGE, PURPLE, GREEN, SKY)
CAUSES = {
    "all": ("all causes", VERMILION, "-", "o"),
    "no slow noise": ("no slow noise", BLUE, "--", "s"),
    "one exponent": ("one exponent for all", GREEN, "-.", "^"),
    "one exponent, no slow noise": ("neither", BLACK, ":", "D"),
}


def read(path: Path) -> list[Row]:
    """Return the rows of a table."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def over_seeds(rows: Sequence[Row], column: str, **keys: str) -> tuple[Floats, Floats]:
    """Return the ages (s) and the values (seeds, ages) of a column, of the rows with these keys."""
    chosen = [row for row in rows if row[column] and all(row[key] == wanted for key, wanted in keys.items())]
    by_seed = {seed: sorted((float(row["age_s"]), float(row[column])) for row in chosen if row["seed"] == seed) for seed in {row["seed"] for row in chosen}}
    table = np.array(list(by_seed.values()))
    return table[0, :, 0], table[:, :, 1]


@styled
def ageing(rows: Sequence[Row]) -> Figure:
    """Draw the three panels."""
    figure, axes = mosaic([["accuracy", "accuracy"], ["scale", "causes"]], DOUBLE_COLUMN, 5.0)
    _accuracy(axes["accuracy"], rows)
    _scale(axes["scale"], rows)
    _causes(axes["causes"], rows)
    seeds = len({row["seed"] for row in rows})
    titles = [
        f"trained on MNIST, then left alone ({seeds} seed{'s' if seeds > 1 else ''})",
        "what is left of the scale",
        "with compensation, causes switched off",
    ]
    letter(list(axes.values()), titles)
    return figure


def _band(ax: Axes, found: tuple[Floats, Floats], label: str, colour: str, line: str = "-", marker: str = "") -> None:
    age, values = found
    ax.fill_between(age, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, linewidth=0)
    ax.plot(age, values.mean(axis=0), color=colour, linestyle=line, marker=marker, label=label)


def _times(ax: Axes, names: Sequence[str]) -> None:
    ax.set_xscale("log")
    ax.set_xlim(AGES["1 ms"], AGES["10 years"])
    ax.xaxis.set_major_locator(FixedLocator([AGES[name] for name in names]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xticklabels(names)
    ax.set_xlabel("Time since the last transfer")
    ax.grid(visible=True, axis="x")


def _software(ax: Axes, rows: Sequence[Row]) -> None:
    level = float(np.mean([float(row["accuracy_percent"]) for row in rows if row["part"] == "software"]))
    ax.axhline(level, color=GREY, linestyle=":", label=f"software, float32: {level:.2f} %")


def _accuracy(ax: Axes, rows: Sequence[Row]) -> None:
    _software(ax, rows)
    _band(ax, over_seeds(rows, "accuracy_compensated_percent", part="trained"), "with drift compensation", VERMILION, "-", "o")
    _band(ax, over_seeds(rows, "accuracy_percent", part="trained"), "as it is", BLACK, "--", "s")
    _times(ax, WIDE)
    ax.set_ylabel("Test accuracy (%)")
    ax.legend(loc="lower left")


def _scale(ax: Axes, rows: Sequence[Row]) -> None:
    layers = sorted({row["layer"] for row in rows if row["part"] == "trained" and row["layer"]}, key=int)
    for number, layer in enumerate(layers):
        _band(ax, over_seeds(rows, "scale_left_percent", part="trained", layer=layer), f"layer {layer}", LAYERS[number % len(LAYERS)])
    _times(ax, NARROW)
    ax.set_ylim(bottom=0)
    ax.set_ylabel(r"1/$\alpha$ (%)")
    ax.legend(loc="lower left")


def _causes(ax: Axes, rows: Sequence[Row]) -> None:
    for cause, (label, colour, line, marker) in CAUSES.items():
        if any(row["part"] == "programmed" and row["cause"] == cause for row in rows):
            _band(ax, over_seeds(rows, "accuracy_compensated_percent", part="programmed", cause=cause), label, colour, line, marker)
    _times(ax, NARROW)
    ax.set_ylabel("Test accuracy (%)")
    ax.legend(loc="lower left")


def draw(table: Path, out: Path) -> list[Path]:
    """Draw the figure of a table and return the files."""
    return save(ageing(read(table)), out, "ageing")


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw what the command line names."""
    drawing(__doc__, "plots/ageing.py", draw, arguments)


if __name__ == "__main__":
    main()
