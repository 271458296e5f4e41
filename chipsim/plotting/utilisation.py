"""Who is busy when: arrays, programming current, read-outs and link over chip time, what waits for them, and where the time goes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from chipsim.errors import InputError
from chipsim.plotting.awake import TimeAxis, time_axis
from chipsim.plotting.energy import binned, segments_per_bin
from chipsim.plotting.marks import mark_transfers, shade_stalls, transfer_label
from chipsim.plotting.reading import Table, has, need, transfers
from chipsim.plotting.style import (
    BLACK,
    BLUE,
    DOUBLE_COLUMN,
    GREEN,
    GREY,
    LIGHT_GREY,
    NIGHT,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    YELLOW,
    Floats,
    about,
    duration,
    inside_limits,
    letter,
    mosaic,
    percent,
    prefix,
    styled,
)
from chipsim.units import PS

if TYPE_CHECKING:
    from chipsim.analysis.run import Run

_SHARED = {"programming current": (VERMILION, "-"), "verify read-out": (PURPLE, "--"), "host link": (BLACK, ":")}
"""What all tiles share, with colour and line."""
_ARRAYS = (BLUE, SKY, GREEN, ORANGE, YELLOW)
_TITLES = {"busy": "share of the time in use", "queue": "waiting, on average", "waits": "waiting times", "spent": "where the chip time went"}
_MOST_TILES = 4
"""More tiles than that are drawn as the mean of each layer."""
_TILE = re.compile(r"tile \d+ \((layer \d+)\)")
_PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
"""Behind words that stand among lines."""
_NANOSECOND = 10
"""Bin of waiting times that holds 1 ns."""
_WAITS = {
    "transfer": ("wait for a transfer", GREY),
    "host": ("wait for the host", BLACK),
    "sleep": ("asleep", NIGHT),
    "tile": ("held up at a tile", VERMILION),
}
"""What training waits for, in words, with a colour."""


@dataclass(frozen=True, eq=False)
class Resource:
    """One line of the figure.

    Attributes
    ----------
    columns
        of the traces, one for each tile that it stands for.
    """

    name: str
    columns: tuple[int, ...]
    colour: str
    line: str

    @property
    def shared(self) -> bool:
        """Whether tiles ask for it and may have to wait."""
        return self.name in _SHARED

    def mean(self, values: Floats) -> Floats:
        """Return the mean over its tiles of values (..., resource)."""
        return np.asarray(values[..., list(self.columns)].mean(axis=-1))


@styled
def utilisation(run: Run) -> Figure:
    """Draw how busy every resource was, how many waited for it, for how long, and where the chip time went.

    Segments are joined as in the figure `energy`, and sleeps that took most of the time are left out of the first two panels. A run
    in which nothing is shared has no queues and no waiting times, and two panels.

    Raises
    ------
    InputError
        if the run has no such traces, or no time passed.
    """
    trace = need(run, "utilisation", "utilisation", ("busy", "queue", "resource", "time", "waits"))
    if trace["time"][-1] <= 0:
        msg = f"{run.path}: figure 'utilisation' needs a run that takes chip time, and nothing was trained in any here"
        raise InputError(msg)
    found = resources([str(name) for name in trace["resource"]])
    shared = [resource for resource in found if resource.shared]
    rows = [["busy", "queue"], ["waits", "spent"]] if shared else [["busy", "spent"]]
    figure, axes = mosaic(rows, DOUBLE_COLUMN, 4.9 if shared else 2.9)
    course = _Course.of(run, trace)
    _draw_busy(axes["busy"], run, course, found)
    if shared:
        _draw_queue(axes["queue"], run, course, shared)
        _draw_waits(axes["waits"], trace, shared)
    _draw_spent(axes["spent"], time_spent(run))
    letter(list(axes.values()), [_TITLES[name] for name in axes])
    handles, labels = axes["busy"].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def resources(names: list[str]) -> list[Resource]:
    """Return the lines to draw for the resources of a run, tiles first: each its own, or a line a layer where tiles are many."""
    tiles = {index: match[1] for index, name in enumerate(names) if (match := _TILE.fullmatch(name))}
    groups: dict[str, list[int]] = {}
    for index, layer in tiles.items():
        groups.setdefault(names[index] if len(tiles) <= _MOST_TILES else layer, []).append(index)
    lines = ("-", "--", ":", "-.")
    found = []
    for number, (name, columns) in enumerate(groups.items()):
        label = name if len(columns) == 1 else f"{name}, mean of {len(columns)} tiles"
        found.append(Resource(label, tuple(columns), _ARRAYS[number % len(_ARRAYS)], lines[number // len(_ARRAYS) % len(lines)]))
    others = [(index, name) for index, name in enumerate(names) if index not in tiles]
    return found + [Resource(name, (index,), *_SHARED.get(name, (GREY, "-"))) for index, name in others]


def time_spent(run: Run) -> list[tuple[str, float, str]]:
    """Return where the chip time of a run went: words, seconds and colour of every part that took any; none if it has no summary yet.

    What is left after training, waiting, idle and sleeping stages, and the final transfer, are columns that were still in hand then.
    """
    summary = run.summary
    if not isinstance(summary.get("chip_time_s"), int | float) or "waiting" not in summary:
        return []
    waits = {key.removesuffix("_s"): float(value) for key, value in summary["waiting"].items() if not key.startswith("longest")}
    parts = [("training", float(summary["training_time_s"]), BLUE)]
    staged = _stages_spent(run)
    waits["sleep"] = waits.get("sleep", 0.0) + staged.pop("sleep", 0.0)
    for reason, lasted in waits.items():
        words, colour = _WAITS.get(reason, (f"wait for {reason}", ORANGE))
        parts.append((words, lasted, colour))
    parts.append(("idle stages", staged.get("idle", 0.0), LIGHT_GREY))
    final = _final_transfer(run)
    parts.append(("final transfer", final, PURPLE))
    total = float(summary["chip_time_s"])
    left = total - sum(lasted for _, lasted, _ in parts)
    parts.append(("columns in hand, other", left if left > 1e-9 * total else 0.0, YELLOW))
    return [part for part in parts if part[1] > 0]


def _final_transfer(run: Run) -> float:
    """Return how long the transfer after the last image took, s; none follows a last stage that is no training."""
    events = transfers(run)
    if not events["duration"].size or events["images"][-1] != run.summary["images"]:
        return 0.0
    return float(events["duration"][-1]) if not has(run, "stage", "kind") or run["stage"]["kind"][-1] == "train" else 0.0


def _stages_spent(run: Run) -> dict[str, float]:
    """Return how long stages without training took, by their kind, s."""
    spent: dict[str, float] = {}
    if has(run, "stage", "kind"):
        trace = need(run, "utilisation", "stage", ("kind", "time"))
        for kind, lasted in zip(trace["kind"], np.diff(trace["time"], prepend=0.0), strict=True):
            spent[str(kind)] = spent.get(str(kind), 0.0) + float(lasted)
    return {kind: lasted for kind, lasted in spent.items() if kind in {"idle", "sleep"}}


@dataclass(frozen=True, eq=False)
class _Course:
    """The segments of a run, joined to bins.

    Attributes
    ----------
    edges
        bounds of the bins, in units of the axis.
    busy, queue
        (bin, resource), means over the bin.
    whole
        share of the whole time on the axis in which each resource was in use.
    scale
        from seconds to units of the axis.
    """

    edges: Floats
    busy: Floats
    queue: Floats
    whole: Floats
    axis: TimeAxis
    scale: float
    label: str

    @classmethod
    def of(cls, run: Run, trace: Table) -> _Course:
        axis = time_axis(run, float(trace["time"][-1]))
        time = axis.at(trace["time"])
        used, queued = (trace[name] * np.diff(trace["time"], prepend=0.0)[:, None] for name in ("busy", "queue"))
        bins = binned(time, np.hstack([used, queued]), segments_per_bin(_images(run, time.size), np.asarray(transfers(run)["images"])))
        busy, queue = np.hsplit(bins.power, 2)
        factor, unit = prefix(float(time[-1]), "s")
        return cls(bins.edges * factor, busy, queue, np.asarray(used.sum(axis=0) / bins.edges[-1]), axis, factor, f"{axis.label} ({unit})")


def _images(run: Run, segments: int) -> Floats:
    """Return the images trained at the end of every segment."""
    images = np.asarray(run["energy"]["images"], dtype=np.float64) if has(run, "energy", "images") else np.zeros(0)
    return images if images.size == segments else np.arange(1.0, segments + 1)


def _draw_busy(ax: Axes, run: Run, course: _Course, found: list[Resource]) -> None:
    for number, resource in enumerate(found):
        share = percent(float(resource.mean(course.whole)), 1)
        wide = 1.0 if resource.shared else max(1.8 - 0.4 * number, 1.0)  # so that lines on top of each other are both seen
        _steps(ax, course.edges, resource.mean(course.busy) * 100.0, resource, f"{resource.name}: {share}", wide)
    _mark(ax, run, course)
    top = max(float(resource.mean(course.busy).max()) for resource in found)
    ax.set(ylabel="Busy (%)", ylim=(0, max(104.0, 104.0 * top) if top > 0.25 else max(120.0 * top, 1e-3)), xlabel=course.label)


def _draw_queue(ax: Axes, run: Run, course: _Course, shared: list[Resource]) -> None:
    """Draw mean numbers waiting; logarithmic where one queue is far longer than another."""
    most = np.array([resource.mean(course.queue).max() for resource in shared])
    for resource in shared:
        _steps(ax, course.edges, resource.mean(course.queue), resource)
    _mark(ax, run, course)
    ax.set(ylabel="Number waiting (mean)", xlabel=course.label)
    if any(resource.name == "host link" for resource in shared):
        ax.text(0.02, 0.97, "host link: images queued at the chip", transform=ax.transAxes, va="top", fontsize=7, bbox=_PAPER)
    used = most[most > 0]
    if used.size > 1 and used.max() > 30 * used.min():
        ax.set_yscale("log", nonpositive="clip")
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.set_ylim(float(used.min()) / 30, float(used.max()) * 8)
    else:
        ax.set_ylim(0, max(float(most.max()) * 1.2, 1e-3))


def _steps(ax: Axes, edges: Floats, values: Floats, resource: Resource, label: str | None = None, wide: float = 1.0) -> None:
    ax.stairs(values, edges, baseline=None, color=resource.colour, linestyle=resource.line, linewidth=wide, label=label)


def _mark(ax: Axes, run: Run, course: _Course) -> None:
    events = transfers(run)
    course.axis.mark(ax, course.scale)
    start = course.axis.at(events["time"]) * course.scale
    shade_stalls(ax, start, events["duration"] * course.scale, "transfer, training stands still")
    mark_transfers(ax, start[events["duration"] == 0], transfer_label(events))
    inside_limits(ax, course.edges)


def _draw_waits(ax: Axes, trace: Table, shared: list[Resource]) -> None:
    """Draw shares of the requests by how long they took to be granted; those that did not wait stand apart."""
    shares = {resource: _shares(trace, resource) for resource in shared}
    used = np.flatnonzero(np.sum(list(shares.values()), axis=0)[1:]) + 1
    first, last = (int(used[0]), int(used[-1])) if used.size else (_NANOSECOND, _NANOSECOND + 10)
    width = 0.1 * (last + 1 - first) + 0.4
    for number, (resource, share) in enumerate(shares.items()):
        left = first - (1.6 - number / len(shares)) * width
        ax.bar(left, share[0], width=0.85 * width / len(shares), align="edge", color=resource.colour)
        ax.stairs(share[first : last + 1], np.arange(first, last + 2), color=resource.colour, linestyle=resource.line)
        asked = int(trace["waits"][list(resource.columns)].sum())
        text = f"{percent(1.0 - share[0] / 100.0, 1)} of {asked:,} waited" if asked else "never asked for"
        ax.plot([], [], color=resource.colour, linestyle=resource.line, label=f"{resource.name}: {text}")
    _wait_axis(ax, first - 1.1 * width, first, last)
    low = min((float(share[share > 0].min()) for share in shares.values() if share.any()), default=1.0)
    ax.set(yscale="log", ylabel="Share of the requests (%)", xlabel="Waiting time")
    ax.set_ylim(low / 2.0, 100.0 * (200.0 / low) ** (0.14 * len(shares)))
    ax.yaxis.set_major_locator(FixedLocator([10.0**decade for decade in range(-6, 3)]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.legend(loc="upper right")


def _shares(trace: Table, resource: Resource) -> Floats:
    """Return the share (%) of a resource's requests in every bin of waiting times."""
    counts = np.asarray(trace["waits"], dtype=np.float64)[list(resource.columns)].sum(axis=0)
    return np.asarray(counts / max(float(counts.sum()), 1.0) * 100.0)


def _wait_axis(ax: Axes, apart: float, first: int, last: int) -> None:
    """Label an axis that counts powers of two of a ps: bin k begins at 2^(k-1) ps."""
    decades = [(decade, np.log2(10.0**decade / PS) + 1) for decade in range(-12, 9)]
    inside = [(decade, place) for decade, place in decades if first <= place <= last + 1]
    if len(inside) > 6:
        inside = [(decade, place) for decade, place in inside if decade % 3 == 0]
    words = [f"{10.0 ** (decade % 3):.0f} {prefix(10.0**decade, 's')[1]}" for decade, _ in inside]
    ax.set_xticks([apart, *(place for _, place in inside)], ["none", *words])
    ax.xaxis.set_minor_locator(NullLocator())


def _draw_spent(ax: Axes, parts: list[tuple[str, float, str]]) -> None:
    """Draw a bar for every part of the chip time, with its time and share beside it."""
    total = max(sum(lasted for _, lasted, _ in parts), PS)
    for place, (_, lasted, colour) in enumerate(parts):
        share = lasted / total
        ax.barh(place, share * 100.0, height=0.7, color=colour)
        text = f"{duration(lasted)} ({about(share)})"
        beside = share < 0.55
        dark = colour in {BLUE, BLACK, GREY, VERMILION, PURPLE}
        ax.annotate(
            text,
            (share * 100.0, place),
            xytext=(3 if beside else -3, 0),
            textcoords="offset points",
            ha="left" if beside else "right",
            va="center",
            fontsize=7,
            color=BLACK if beside or not dark else "white",
        )
    ax.set_yticks(range(len(parts)), [words for words, _, _ in parts])
    ax.set_ylim(len(parts) - 0.4, -0.6)
    ax.set(xlim=(0, 100), xlabel="Share of the chip time (%)")
    ax.tick_params(axis="y", length=0)
    if not parts:
        ax.text(0.5, 0.5, "the run has not written its summary yet", transform=ax.transAxes, ha="center")
