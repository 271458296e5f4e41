"""Accuracy over images and over chip time, with the transfers to PCM marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from chipsim.errors import InputError
from chipsim.plotting.awake import TimeAxis, time_axis
from chipsim.plotting.marks import mark_transfers, shade_stalls, transfer_label
from chipsim.plotting.reading import Table, need, transfers
from chipsim.plotting.style import BLUE, DOUBLE_COLUMN, GREEN, ORANGE, Floats, image_scale, inside_limits, letter, panels, percent, prefix, styled

if TYPE_CHECKING:
    from chipsim.analysis.run import Run

TICKS = (0.0, 50.0, 80.0, 90.0, 95.0, 98.0, 99.0, 99.5, 100.0)
"""Accuracies (%) that can carry a tick."""
_CURVES = {
    "train_accuracy": ("training images", ORANGE, "-"),
    "accuracy_noise_free": ("{} images, without read noise", GREEN, "--"),
    "accuracy": ("{} images, through the chip", BLUE, "-"),
}
_ROOM = 0.1
"""Percent added to the error before its logarithm is taken, so that 100 % has a place on the axis."""


@styled
def accuracy(run: Run) -> Figure:
    """Draw the accuracy of a training run: over images, and over chip time where any passed.

    The vertical axis is logarithmic in the error (100 % - accuracy), so that 98 % and 99 % can be told apart.
    Transfers are marked; where they stop training, the time they take is shaded. Sleeps are shaded, too, or left out if they
    took most of the time.

    Raises
    ------
    InputError
        if the run has no evaluations, or trained nothing.
    """
    trace = need(run, "accuracy", "accuracy", ("accuracy", "images", "time"), ("accuracy_noise_free", "train_accuracy"))
    if run.scenario.training.epochs == 0:
        msg = f"{run.path}: figure 'accuracy' needs a run that trains, and training.epochs is 0 here"
        raise InputError(msg)
    events = transfers(run)
    end = max(float(trace["time"].max()), float(np.max(events["time"] + events["duration"], initial=0.0)))
    figure, axes = panels(1, 2 if end > 0 else 1, DOUBLE_COLUMN, 2.8, sharey=True)
    every = list(axes[0])
    letter(every, ["over images", "over chip time"][: len(every)])
    _over_images(every[0], trace, events, run.scenario.data.evaluate)
    if end > 0:
        _over_time(every[1], trace, events, time_axis(run, end), run.scenario.data.evaluate, end)
    for ax in every:
        error_axis(ax, *(trace[name] * 100.0 for name in _CURVES if name in trace))
    every[0].set_ylabel("Accuracy (%)\nlogarithmic in the error")
    handles, labels = _unique(every)
    figure.legend(handles=handles, labels=labels, loc="outside lower center", ncols=2)
    return figure


def error_axis(ax: Axes, *values: Floats) -> None:
    """Make the vertical axis (accuracy in %) logarithmic in the error, with limits and ticks around `values`."""
    finite = np.concatenate([np.asarray(value, dtype=np.float64)[np.isfinite(value)] for value in values])
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 100.0)
    bottom = max((tick for tick in TICKS if tick <= low), default=TICKS[0])
    top = min((tick for tick in TICKS if tick >= high and tick > bottom), default=TICKS[-1])
    ax.set_yscale("function", functions=(_compress, _expand))
    ax.yaxis.set_major_locator(FixedLocator([tick for tick in TICKS if bottom <= tick <= top]))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_ylim(bottom, top)
    ax.grid(visible=True, axis="y")


def _compress(accuracy_percent: Floats) -> Floats:
    return np.asarray(-np.log10(np.maximum(100.0 + _ROOM - accuracy_percent, 1e-3)))


def _expand(position: Floats) -> Floats:
    return np.asarray(100.0 + _ROOM - 10.0 ** -np.asarray(position))


def _over_images(ax: Axes, trace: Table, events: Table, evaluated: str) -> None:
    scale, label = image_scale(trace["images"])
    _curves(ax, trace["images"] * scale, trace, evaluated)
    mark_transfers(ax, events["images"] * scale, transfer_label(events))
    inside_limits(ax, [0.0, float(trace["images"].max()) * scale])
    ax.set_xlabel(label)


def _over_time(ax: Axes, trace: Table, events: Table, axis: TimeAxis, evaluated: str, end: float) -> None:
    last = float(axis.at(end))
    scale, unit = prefix(last, "s")
    _curves(ax, axis.at(trace["time"]) * scale, trace, evaluated)
    axis.mark(ax, scale)
    start = axis.at(events["time"]) * scale
    stall = float(events["duration"].sum()) / last
    shade_stalls(ax, start, events["duration"] * scale, f"transfer, training stands still ({percent(stall, 0)} of {'this' if axis.cut else 'chip'} time)")
    mark_transfers(ax, start[events["duration"] == 0], transfer_label(events))
    inside_limits(ax, [0.0, last * scale])
    ax.set_xlabel(f"{axis.label} ({unit})")


def _curves(ax: Axes, x: Floats, trace: Table, evaluated: str) -> None:
    """Draw every accuracy there is; the legend carries the last value."""
    for name, (words, colour, line) in _CURVES.items():
        values = trace.get(name)
        if values is None or not np.isfinite(values).any():
            continue
        last = percent(values[np.isfinite(values)][-1], 2)
        alone = np.count_nonzero(np.isfinite(values)) == 1
        marker = "o" if alone or (name == "accuracy" and x.size <= 60) else ""
        label = f"{words.format(evaluated)} (last: {last})"
        ax.plot(x, values * 100.0, line, color=colour, marker=marker, clip_on=False, label=label)


def _unique(axes: Sequence[Axes]) -> tuple[list[Artist], list[str]]:
    found: dict[str, Artist] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(str(label), handle)
    return list(found.values()), list(found)
