"""Draw the mismatch of cells from its table: `python plots/cell_mismatch_figures.py cell_mismatch.csv [--out FOLDER]`.

Above the distributions at the initial voltage: bars are 1,000 trials, lines all cells of the chip, dashes the normal distribution that they are
drawn from. Below the same quantities against the voltage: bands hold 68 and 95 % of the cells.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from study import drawing

from chipsim.plotting import save
from chipsim.plotting.style import BLACK, BLUE, DOUBLE_COLUMN, GREEN, GREY, VERMILION, letter, panels, styled

Row = dict[str, str]
QUANTITIES = {"g": (GREEN, "g", "µS"), "step up": (VERMILION, r"$\Delta V_\mathrm{up}$", "mV"), "step down": (BLUE, r"$\Delta V_\mathrm{down}$", "mV")}
BANDS = (("2.5 %", "97.5 %", 0.15), ("16 %", "84 %", 0.3))


def read(path: Path) -> list[Row]:
    """Return the rows of a table."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def points(rows: Sequence[Row], x: str, **keys: str) -> tuple[list[float], list[float]]:
    """Return a column and the values of the rows with these keys, in its order."""
    found = sorted((float(row[x]), float(row["value"])) for row in rows if all(row[key] == wanted for key, wanted in keys.items()))
    return [at for at, _ in found], [value for _, value in found]


@styled
def mismatch(rows: Sequence[Row]) -> Figure:
    """Draw the six panels."""
    figure, axes = panels(2, 3, DOUBLE_COLUMN, 4.4)
    for above, below, name in zip(*axes, QUANTITIES, strict=True):
        _distribution(above, rows, name)
        _curve(below, rows, name)
    volt = next(row["voltage_V"] for row in rows if row["panel"] == "distribution")
    axes[0, 0].set_ylabel("Trials a bin")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    axes[1, 0].legend(loc="upper left")
    letter(axes, [f"read transistor, {volt} V", f"up step, {volt} V", f"down step, {volt} V", "conductance", "up step", "down step"])
    return figure


def _distribution(ax: Axes, rows: Sequence[Row], name: str) -> None:
    colour, symbol, unit = QUANTITIES[name]
    chosen = {"panel": "distribution", "quantity": name}
    trials = next(row["statistic"] for row in rows if row["panel"] == "distribution" and row["statistic"].endswith("trials"))
    x, count = points(rows, "x", **chosen, statistic=trials)
    ax.bar(x, count, width=x[1] - x[0], color=colour, alpha=0.4, linewidth=0, label=f"{int(trials.split()[0]):,} trials")
    ax.plot(*points(rows, "x", **chosen, statistic="all cells"), color=BLACK, label="all cells of the chip, scaled")
    ax.plot(*points(rows, "x", **chosen, basis="closed form"), color=GREY, linestyle="--", linewidth=1.6, label="normal, as specified")
    mean, sigma = (points(rows, "voltage_V", panel=panel, quantity=name, statistic="all cells")[1][0] for panel in ("mean", "sigma"))
    ax.text(0.98, 0.97, f"{mean:.3g} {unit}\nσ = {sigma:.2g} {unit}", transform=ax.transAxes, ha="right", va="top", fontsize=7)
    ax.set_xlabel(f"{symbol} ({unit})")


def _curve(ax: Axes, rows: Sequence[Row], name: str) -> None:
    colour, symbol, unit = QUANTITIES[name]
    chosen = {"panel": "curve", "quantity": name}
    for low, high, alpha in BANDS:
        x, below = points(rows, "voltage_V", **chosen, statistic=low)
        label = f"{float(high[:-2]) - float(low[:-2]):g} % of cells"
        ax.fill_between(x, below, points(rows, "voltage_V", **chosen, statistic=high)[1], color=colour, alpha=alpha, linewidth=0, label=label)
    ax.plot(*points(rows, "voltage_V", **chosen, statistic="median"), "o", color=colour, markersize=2.5, label="median")
    ax.plot(*points(rows, "voltage_V", **chosen, basis="closed form"), color=BLACK, linewidth=0.8, label="nominal")
    ax.set_xlabel("Capacitor voltage (V)")
    ax.set_ylabel(f"{symbol} ({unit})")
    ax.set_xlim(0, float(max(row["voltage_V"] for row in rows if row["panel"] == "curve")))
    ax.set_ylim(bottom=0)


def draw(table: Path, out: Path) -> list[Path]:
    """Draw the figure of a table into `out` and return the files."""
    return save(mismatch(read(table)), out, "cell_mismatch")


def main(given: Sequence[str] | None = None) -> None:
    """Draw the figure, as the command line says."""
    drawing(__doc__, "cell_mismatch.py", draw, given)


if __name__ == "__main__":
    main()
