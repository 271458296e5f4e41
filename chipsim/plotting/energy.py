"""Energy by component over chip time: power of every segment, and the cumulative energy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from chipsim.plotting.awake import time_axis
from chipsim.plotting.reading import need, transfers
from chipsim.plotting.style import (
    BLACK,
    BLUE,
    CYCLE,
    DOUBLE_COLUMN,
    GREEN,
    GREY,
    LIGHT_GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    YELLOW,
    Floats,
    amount,
    inside_limits,
    letter,
    panels,
    percent,
    prefix,
    styled,
)

if TYPE_CHECKING:
    from chipsim.analysis.run import Run

COLOURS = {
    "static": LIGHT_GREY,
    "array read": BLUE,
    "line drive": SKY,
    "read-out": GREEN,
    "neuron": YELLOW,
    "update pulses": ORANGE,
    "RESET": VERMILION,
    "SET": PURPLE,
    "verify read": BLACK,
    "transfer": GREY,
    "refresh": "#7B3F00",
    "host link": "#004D5A",
    "wake-up": "#F4A9C8",
}
"""Colour of every component, from the bottom of a stack to its top: training below, programming above."""
MOST_BINS = 60


@dataclass(frozen=True, eq=False)
class Binned:
    """Energy in bins of chip time.

    Attributes
    ----------
    edges
        bounds of the bins, s, one more than bins.
    energy
        energy (bin, component), J.
    """

    edges: Floats
    energy: Floats

    @property
    def power(self) -> Floats:
        """Mean power (bin, component), W."""
        return np.asarray(self.energy / np.diff(self.edges)[:, None])


@styled
def energy(run: Run) -> Figure:
    """Draw the energy of a run by component: mean power over chip time, and cumulative energy.

    In the left panel areas are energies. A segment that takes no chip time (an instant transfer at the very end, say) is added to
    its neighbour; where segments are many, neighbours are joined, whole transfer intervals at a time. Years of waiting after
    training are left out of the panels, not of the totals, and so is the time of sleeps that took most of it; a run without training
    has one bar a component.

    Raises
    ------
    InputError
        if the run has no energy trace.
    """
    trace = need(run, "energy", "energy", ("energy", "component", "time", "images"))
    names, joules = _ordered([str(name) for name in trace["component"]], trace["energy"])
    axis = time_axis(run, float(trace["time"][-1]))
    time = axis.at(trace["time"])
    shown = training_part(time, np.asarray(trace["images"]))
    if shown == 0:
        return _totals(names, joules)
    figure, axes = panels(1, 2, DOUBLE_COLUMN, 3.0)
    power, cumulative = axes[0]
    letter(axes, ["mean power: areas are energies", "cumulative energy"])
    colours = [colour_of(name, index) for index, name in enumerate(names)]
    events = transfers(run)
    per_bin = segments_per_bin(np.asarray(trace["images"])[:shown], np.asarray(events["images"]))

    end = time[shown - 1]
    scale, unit = prefix(end, "s")
    _stack_power(power, binned(time[:shown], joules[:shown], per_bin), scale, colours)
    _stack_cumulative(cumulative, time[:shown], joules[:shown], scale, colours)
    for ax in (power, cumulative):
        ax.set_xlabel(f"{axis.label} ({unit})")
        inside_limits(ax, [0.0, end * scale])
    totals = joules.sum(axis=0)
    labels = [f"{name}: {amount(total, 'J')} ({percent(total / max(totals.sum(), 1e-300), 1)})" for name, total in zip(names, totals, strict=True)]
    figure.legend(
        cumulative.collections[: len(names)][::-1],
        labels[::-1],
        loc="outside lower center",
        ncols=3,
        title=f"total {amount(totals.sum(), 'J')}",
        title_fontsize=7,
    )
    return figure


def colour_of(component: str, index: int) -> str:
    """Return a component's colour; one that is not known takes its turn in the cycle."""
    return COLOURS.get(component, CYCLE[index % len(CYCLE)])


def training_part(time: Floats, images: Floats) -> int:
    """Return how many segments to draw: those up to the end of training, and later ones that end within twice that time.

    A retention measurement can follow that is a billion times as long. None are drawn where no image was trained in any time.
    """
    trained = np.flatnonzero(np.diff(images, prepend=0) > 0)
    if trained.size == 0 or time[trained[-1]] <= 0:
        return 0
    return int(np.searchsorted(time, 2 * time[trained[-1]], side="right"))


def segments_per_bin(images: Floats, transferred: Floats) -> int:
    """Return how many segments to join so that about 60 bins remain, each holding whole transfer intervals.

    Otherwise bins with two and with three transfers would alternate and draw a beat that the chip does not have.
    """
    joined = int(np.ceil(images.size / MOST_BINS))
    if joined == 1 or transferred.size < 3 or images.size < 3:
        return joined
    period = float(np.median(np.diff(transferred)) / max(np.median(np.diff(images)), 1.0))
    whole = max(round(period), 1)
    return int(np.ceil(joined / whole)) * whole if abs(period - whole) < 1e-6 and whole <= 4 * joined else joined


def binned(time: Floats, joules: Floats, per_bin: int) -> Binned:
    """Join `per_bin` segments to a bin, and a bin without duration to the one after it (the last: before it).

    Parameters
    ----------
    time
        end of every segment, s.
    joules
        energy (segment, component), J.
    """
    edges, rows = [0.0], []
    held = np.zeros(joules.shape[1])
    for index, (end, row) in enumerate(zip(time, joules, strict=True)):
        held = held + row
        if (index + 1) % per_bin == 0 and end > edges[-1]:
            edges.append(float(end))
            rows.append(held)
            held = np.zeros_like(held)
    if time[-1] > edges[-1]:
        edges.append(float(time[-1]))
        rows.append(held)
    else:
        rows[-1] = rows[-1] + held
    return Binned(np.array(edges), np.array(rows))


def _ordered(names: list[str], joules: Floats) -> tuple[list[str], Floats]:
    """Return the components in their order of stacking, without those that used nothing."""
    order = [*(name for name in COLOURS if name in names), *(name for name in names if name not in COLOURS)]
    totals = np.asarray(joules, dtype=np.float64).sum(axis=0)
    kept = [name for name in order if totals[names.index(name)] > 0] or order
    return kept, np.asarray(joules, dtype=np.float64)[:, [names.index(name) for name in kept]]


def _stack_power(ax: Axes, bins: Binned, scale: float, colours: list[str]) -> None:
    factor, unit = prefix(float(bins.power.sum(axis=1).max()), "W")
    height = bins.power.T * factor
    ax.stackplot(bins.edges * scale, np.column_stack([height, height[:, -1:]]), step="post", colors=colours, linewidth=0)
    ax.set(ylabel=f"Mean power ({unit})", ylim=(0, None))


def _stack_cumulative(ax: Axes, time: Floats, joules: Floats, scale: float, colours: list[str]) -> None:
    factor, unit = prefix(float(joules.sum()), "J")
    summed = np.vstack([np.zeros(joules.shape[1]), np.cumsum(joules, axis=0)])
    ax.stackplot(np.array([0.0, *time]) * scale, summed.T * factor, colors=colours, linewidth=0)
    ax.set(ylabel=f"Cumulative energy ({unit})", ylim=(0, None))


def _totals(names: list[str], joules: Floats) -> Figure:
    """Draw one bar a component for a run without training."""
    figure, axes = panels(1, 1, DOUBLE_COLUMN / 2, 2.4)
    ax = axes[0, 0]
    totals = joules.sum(axis=0)
    factor, unit = prefix(float(totals.max()), "J")
    ax.barh(names, totals * factor, color=[colour_of(name, index) for index, name in enumerate(names)])
    ax.set_xlabel(f"Energy ({unit})")
    ax.set_title(f"total {amount(totals.sum(), 'J')}", loc="left")
    return figure
