"""Draw the statistics of phase-change devices from their table: `python plots/pcm_statistics_figures.py pcm_statistics.csv [--out FOLDER]`.

Marks are devices as drawn, lines closed forms, open squares what was read off published figures; where there is no closed form, marks are
joined.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from study import drawing

from chipsim.plotting import save
from chipsim.plotting.style import BLACK, BLUE, DOUBLE_COLUMN, GREEN, GREY, VERMILION, letter, panels, styled

Row = dict[str, str]
COLOURS = (BLUE, VERMILION, GREEN)
_LIMIT = 20.0
"""µS above which ramps lose control."""
_AGES = {1.0: "1 s", 60.0: "1 min", 3600.0: "1 h", 86_400.0: "1 day", 315_576_000.0: "10 years"}
"""Ticks of the retention, s."""


def read(path: Path) -> list[Row]:
    """Return the rows of a table."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def points(rows: Sequence[Row], **keys: str) -> tuple[list[float], list[float]]:
    """Return x and value of the rows with these keys, in the order of x."""
    found = sorted((float(row["x"]), float(row["value"])) for row in rows if all(row[key] == wanted for key, wanted in keys.items()))
    return [x for x, _ in found], [value for _, value in found]


def conditions(rows: Sequence[Row], panel: str, basis: str = "drawn") -> list[str]:
    """Return the conditions of a panel, in the order of the table."""
    return list(dict.fromkeys(row["condition"] for row in rows if row["panel"] == panel and row["basis"] == basis))


def _micro(text: str) -> str:
    return text.replace("uS", "µS")


@styled
def statistics(rows: Sequence[Row]) -> Figure:
    """Draw the nine panels."""
    figure, axes = panels(3, 3, DOUBLE_COLUMN, 6.0)
    drawings: tuple[tuple[str, Callable[[Axes, Sequence[Row]], None]], ...] = (
        ("mean after SET pulses", _mean),
        ("spread after SET pulses", _spread),
        ("closed loop: pulses", _loop),
        ("closed loop: success", _converged),
        ("one ramp", _programming),
        ("drift exponent", _exponent),
        ("retention, 90 % of devices", _retention),
        ("slow noise", _slow),
        ("white read noise", _read),
    )
    for ax, (_, drawn) in zip(axes.flat, drawings, strict=True):
        drawn(ax, rows)
    letter(axes, [title for title, _ in drawings])
    return figure


def _accumulation(ax: Axes, rows: Sequence[Row], quantity: str) -> None:
    ax.plot(*points(rows, panel="accumulation", quantity=quantity, basis="closed form"), color=BLACK, label="closed form, no limits")
    for condition, colour in zip(conditions(rows, "accumulation"), COLOURS, strict=False):
        at = points(rows, panel="accumulation", quantity=quantity, condition=condition, basis="drawn")
        ax.plot(*at, "o", color=colour, markersize=2.5, label=f"drawn, {_micro(condition)}")
    published = points(rows, panel="accumulation", quantity=quantity, basis="published")
    ax.plot(*published, "s", color=GREY, markerfacecolor="none", markersize=5, label="published curve")
    ax.set_xlabel("SET pulses after RESET")
    ax.set_ylim(bottom=0)


def _mean(ax: Axes, rows: Sequence[Row]) -> None:
    _accumulation(ax, rows, "mean")
    ax.set_ylabel("Mean read (µS)")
    ax.legend(loc="lower right")


def _spread(ax: Axes, rows: Sequence[Row]) -> None:
    _accumulation(ax, rows, "spread")
    ax.set_ylabel("Spread of reads, σ (µS)")


def _loop(ax: Axes, rows: Sequence[Row]) -> None:
    for condition, colour in zip(conditions(rows, "loop"), COLOURS, strict=False):
        for quantity, line, marker in (("SET pulses", "-", "o"), ("RESET pulses", "--", "^")):
            at = points(rows, panel="loop", quantity=quantity, condition=condition)
            ax.plot(*at, line, color=colour, marker=marker, label=f"{quantity[:-7]}, {_micro(condition).removeprefix('tolerance ')}")
    ax.set_xlabel("Target (µS)")
    ax.set_ylabel("Pulses a device, mean")
    ax.legend(loc="upper left", title="pulse, tolerance", title_fontsize=7, alignment="left")


def _converged(ax: Axes, rows: Sequence[Row]) -> None:
    for condition, colour in zip(conditions(rows, "loop"), COLOURS, strict=False):
        x, share = points(rows, panel="loop", quantity="converged", condition=condition)
        ax.plot(x, [100.0 * value for value in share], "o-", color=colour, label=_micro(condition))
    ax.set_xlabel("Target (µS)")
    ax.set_ylabel("Converged in 60 reads (%)")
    ax.legend(loc="lower left")


def _programming(ax: Axes, rows: Sequence[Row]) -> None:
    ax.axvline(_LIMIT, color=GREY, linestyle=":", linewidth=0.8)
    for condition, colour in zip(conditions(rows, "programming"), (VERMILION, BLUE), strict=False):
        ax.plot(*points(rows, panel="programming", condition=condition, basis="closed form"), color=colour)
        ax.plot(*points(rows, panel="programming", condition=condition, basis="drawn"), "o", color=colour, markersize=2.5, label=_micro(condition))
    ax.plot(*points(rows, panel="programming", basis="published"), "s", color=GREY, markerfacecolor="none", markersize=5, label="measured")
    ax.set_xlabel("Target (µS)")
    ax.set_ylabel("Programming spread, σ (µS)")
    ax.set_xticks(range(0, 26, 5))
    ax.set_ylim(0, 2.3)
    ax.legend(loc="upper left")


def _pair(ax: Axes, rows: Sequence[Row], panel: str, quantities: Sequence[tuple[str, str]]) -> None:
    """Draw two quantities of a panel: closed forms as lines, draws as marks."""
    for (quantity, label), colour in zip(quantities, COLOURS, strict=False):
        ax.plot(*points(rows, panel=panel, quantity=quantity, basis="closed form"), color=colour)
        ax.plot(*points(rows, panel=panel, quantity=quantity, basis="drawn"), "o", color=colour, markersize=2.5, label=label)
    ax.set_xscale("log")
    ax.set_xlabel("g = G / 25 µS")


def _exponent(ax: Axes, rows: Sequence[Row]) -> None:
    _pair(ax, rows, "drift", (("mean exponent", "mean"), ("spread of exponent", "spread, σ")))
    ax.set_ylabel("Drift exponent ν")
    ax.set_ylim(0, 0.11)
    ax.legend(loc="upper right")


def _retention(ax: Axes, rows: Sequence[Row]) -> None:
    for condition, colour in zip(conditions(rows, "retention"), (GREEN, VERMILION, BLUE), strict=False):
        chosen = {"panel": "retention", "condition": condition}
        x, low = points(rows, **chosen, quantity="5 % of devices below")
        ax.fill_between(x, low, points(rows, **chosen, quantity="95 % of devices below")[1], color=colour, alpha=0.15, linewidth=0)
        ax.plot(*points(rows, **chosen, basis="closed form"), color=colour)
        ax.plot(*points(rows, **chosen, quantity="mean left", basis="drawn"), "o", color=colour, markersize=2, label=condition)
    ax.set_xscale("log")
    ax.set_xticks(list(_AGES), list(_AGES.values()))
    ax.minorticks_off()
    ax.set_xlabel("Time since programming")
    ax.set_ylabel("Conductance left (share)")
    ax.set_ylim(0, 1.3)
    ax.legend(loc="lower left")


def _slow(ax: Axes, rows: Sequence[Row]) -> None:
    _pair(ax, rows, "slow noise", (("relative sigma at 20 s", "deviation at 20 s, σ/G"), ("Q_s", "amplitude $Q_s$")))
    ax.set_yscale("log")
    ax.set_ylim(5e-3, 1.0)
    ax.set_ylabel("Slow noise, relative")
    ax.legend(loc="upper right")


def _read(ax: Axes, rows: Sequence[Row]) -> None:
    for condition, colour in zip(conditions(rows, "read noise"), (GREEN, VERMILION, BLUE), strict=False):
        chosen = {"panel": "read noise", "condition": condition}
        ax.plot(*points(rows, **chosen, basis="closed form"), color=colour)
        ax.plot(*points(rows, **chosen, basis="drawn"), "o", color=colour, markersize=2.5, label=_micro(condition))
    ax.set_xscale("log")
    ax.set_xlabel("Integration time (ns)")
    ax.set_ylabel("One read, σ (µS)")
    ax.set_ylim(bottom=0)
    ax.legend(loc="upper right")


def draw(table: Path, out: Path) -> list[Path]:
    """Draw the figure of a table into `out` and return the files."""
    return save(statistics(read(table)), out, "pcm_statistics")


def main(given: Sequence[str] | None = None) -> None:
    """Draw the figure, as the command line says."""
    drawing(__doc__, "pcm_statistics.py", draw, given)


if __name__ == "__main__":
    main()
