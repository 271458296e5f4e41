"""A chip's life in stages: how accurate it is after each, and what every sleep costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from chipsim.plotting.marks import log_time
from chipsim.plotting.reading import Table, has, lacking, need
from chipsim.plotting.style import (
    BLACK,
    BLUE,
    DOUBLE_COLUMN,
    NIGHT,
    ORANGE,
    SHADE,
    VERMILION,
    Floats,
    duration,
    letter,
    mosaic,
    percent,
    styled,
)

if TYPE_CHECKING:
    from chipsim.analysis.run import Run

_KINDS = {"program": ("#FBEBC8", "programmed"), "train": ("white", ""), "idle": (SHADE, "idle, power on"), "sleep": (NIGHT, "asleep, power off")}
"""Background and words of every kind of stage; training has none."""
_CURVES = (("accuracy", "{} images", BLUE, "o", "-"), ("accuracy_pretrained", "test images of the training before", ORANGE, "s", "--"))
_LISTED = 30
"""So many stages are listed by name at most; of more only the course is drawn."""


@styled
def stages(run: Run) -> Figure:
    """Draw the accuracy after every stage of a run, and what its sleeps cost.

    Stages are listed from top to bottom with their names and what was done; where they are many, the course is drawn over their
    number. Beside them: change of the weights and accuracy lost over every sleep, against its length. A run that has only stages or
    only sleeps gets the one.

    Raises
    ------
    InputError
        if the run has neither.
    """
    staged, slept = has(run, "stage", "accuracy"), has(run, "sleep", "asleep")
    if not staged and not slept:
        raise lacking(run, "stages", ["stage", "sleep"])
    trace = need(run, "stages", "stage", ("accuracy", "label", "kind", "images", "time"), ("accuracy_pretrained",)) if staged else {}
    count = len(trace["accuracy"]) if staged else 0
    if not slept:
        figure, axes = mosaic([["course"]], DOUBLE_COLUMN, _height(count))
    elif not staged:
        figure, axes = mosaic([["change", "loss"]], DOUBLE_COLUMN, 2.7)
    else:
        figure, axes = mosaic([["course", "change"], ["course", "loss"]], DOUBLE_COLUMN, max(_height(count), 3.6), width_ratios=[1.5, 1.0])
    titles = {"course": "accuracy after each stage", "change": "weights, over each sleep", "loss": "accuracy, over each sleep"}
    if staged and slept:
        _align(axes["course"])
    if staged:
        _draw_course(axes["course"], run, trace)
        figure.legend(handles=_legend(axes["course"], trace), loc="outside lower center", ncols=3)
    if slept:
        _draw_sleeps(axes["change"], axes["loss"], need(run, "stages", "sleep", ("asleep", "weight_change", "accuracy_before", "accuracy_after")))
    shown = [name for name in titles if name in axes]
    letter([axes[name] for name in shown], [titles[name] for name in shown])
    return figure


def _align(ax: Axes) -> None:
    """Leave as much room above as the everyday times of the panels beside take, so that all tops are level."""
    above = ax.secondary_xaxis("top")
    above.set_xticks([50.0], [" "], fontsize=6)
    above.tick_params(length=0, pad=1)
    above.spines["top"].set_visible(False)


def done(trace: Table, number: int) -> str:
    """Return what a stage did, in a few words: how many images it learnt, or how long it lasted, with all that belongs to it."""
    kind = str(trace["kind"][number])
    if kind == "program":
        return "programmed"
    if kind == "train":
        images = int(trace["images"][number]) - (int(trace["images"][number - 1]) if number else 0)
        return f"{images:,} image{'s' if images != 1 else ''}"
    lasted = float(trace["time"][number] - (trace["time"][number - 1] if number else 0.0))
    return f"{duration(lasted)} {'asleep' if kind == 'sleep' else kind}"


def _height(count: int) -> float:
    """Return the height of the figure, inches."""
    return 1.15 + 0.19 * count if count <= _LISTED else 3.6


def _curves(trace: Table) -> list[tuple[Floats, str, str, str, str]]:
    """Return the accuracies (%) that were measured, with words, colour, marker and line."""
    there = [curve for curve in _CURVES if curve[0] in trace and np.isfinite(trace[curve[0]]).any()]
    return [(trace[name] * 100.0, words, colour, marker, line) for name, words, colour, marker, line in there]


def _draw_course(ax: Axes, run: Run, trace: Table) -> None:
    count = len(trace["accuracy"])
    listed = count <= _LISTED
    evaluated: str = run.scenario.data.evaluate
    if isinstance(run.summary.get("test_images"), int):
        evaluated = f"{run.summary['test_images']:,} {evaluated}"
    place = np.arange(count)
    for values, words, colour, marker, line in _curves(trace):
        label = f"{words.format(evaluated)} (last: {percent(values[-1] / 100, 1)})"
        across = (values, place) if listed else (place + 1, values)
        ax.plot(*across, line, color=colour, marker=marker if count <= 60 else "", markersize=4, clip_on=False, zorder=3, label=label)
    low = min(float(np.nanmin(values)) for values, *_ in _curves(trace))
    limits = (max(0.0, 10.0 * np.floor((low - 2) / 10)), 100.0)
    if listed:
        _list(ax, trace, limits)
    else:
        _number(ax, trace, limits)


def _list(ax: Axes, trace: Table, limits: tuple[float, float]) -> None:
    """Name the stages at the left, and say at the right what they did."""
    count = len(trace["accuracy"])
    for number, kind in enumerate(trace["kind"]):
        ax.axhspan(number - 0.5, number + 0.5, color=_KINDS.get(str(kind), _KINDS["train"])[0], linewidth=0, zorder=0)
    ax.set(xlim=limits, ylim=(count - 0.5, -0.5), xlabel="Accuracy (%)")
    ax.set_yticks(range(count), [f"{_short(str(label))}  {number + 1}" for number, label in enumerate(trace["label"])])
    beside = ax.secondary_yaxis("right")
    beside.set_yticks(range(count), [done(trace, number) for number in range(count)], fontsize=7, color="#606060")
    beside.spines["right"].set_visible(False)
    for axis in (ax, beside):
        axis.tick_params(axis="y", length=0)
    ax.grid(visible=True, axis="x")


def _short(label: str) -> str:
    return label if len(label) <= 24 else f"{label[:22].rstrip()}…"


def _number(ax: Axes, trace: Table, limits: tuple[float, float]) -> None:
    for number, kind in enumerate(trace["kind"]):
        ax.axvspan(number + 0.5, number + 1.5, color=_KINDS.get(str(kind), _KINDS["train"])[0], linewidth=0, zorder=0)
    ax.set(ylim=limits, xlim=(0.5, len(trace["accuracy"]) + 0.5), xlabel="Stage", ylabel="Accuracy (%)")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(visible=True, axis="y")


def _legend(ax: Axes, trace: Table) -> list[object]:
    """Return the curves and the kinds of stages that have a background."""
    handles: list[object] = [*ax.get_legend_handles_labels()[0]]
    seen = {str(kind) for kind in trace["kind"]}
    return handles + [Patch(facecolor=colour, label=words) for kind, (colour, words) in _KINDS.items() if kind in seen and words]


def _draw_sleeps(change: Axes, loss: Axes, trace: Table) -> None:
    asleep = np.maximum(np.asarray(trace["asleep"], dtype=np.float64), 1e-12)
    lost = (trace["accuracy_before"] - trace["accuracy_after"]) * 100.0
    alpha = 1.0 if asleep.size <= 30 else 0.4
    low, high = 10.0 ** np.floor(np.log10(asleep.min()) - 0.1), 10.0 ** np.ceil(np.log10(asleep.max()) + 0.1)
    change.plot(asleep, trace["weight_change"], "o", color=BLUE, alpha=alpha, markeredgewidth=0)
    change.set(ylabel="rms change\n(units of weight)", ylim=(0, max(float(np.max(trace["weight_change"])) * 1.15, 1e-6)))
    loss.axhline(0.0, color=BLACK, linewidth=0.5, linestyle=":")
    loss.plot(asleep, lost, "o", color=VERMILION, alpha=alpha, markeredgewidth=0)
    room = max(float(np.ptp(np.append(lost, 0.0))) * 0.12, 0.5)
    loss.set(ylabel="Accuracy lost\n(percentage points)", ylim=(min(0.0, float(lost.min())) - room, max(0.0, float(lost.max())) + room))
    for ax in (change, loss):
        log_time(ax, low, high, "Time asleep (s)", apart=0.13)
