"""Operations per energy against throughput per area: this run, at its peak and over the whole, among GPUs and analog chips."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator

from chipsim.costs.references import Reference, batch_of_one, load_references
from chipsim.plotting.naming import Name, name_points
from chipsim.plotting.reading import sheet
from chipsim.plotting.style import BLACK, BLUE, DOUBLE_COLUMN, GREEN, GREY, VERMILION, panels, plain, styled

if TYPE_CHECKING:
    from chipsim.analysis.run import Run
    from chipsim.silicon.figures import SiliconFigures

COLOURS = {"gpu": GREEN, "analog": BLUE}
_KINDS = {"gpu": "GPU", "analog": "analog memory"}
MARKERS = {"product": "s", "measured chip": "o", "circuit simulation": "^", "simulation": "^", "projection": "D"}
_STATUS = {"s": "product", "o": "measured chip", "^": "simulation", "D": "projection"}
_STEP = 1.25
"""Factor between marks that stand side by side at the edge."""


@dataclass(frozen=True)
class Mark:
    """A reference on the map; `density` is None where no TOP/s/mm² is known, `efficiency` where no TOP/s/W is."""

    label: str
    kind: str
    marker: str
    filled: bool
    density: float | None
    efficiency: float | None


@styled
def landscape(run: Run | SiliconFigures) -> Figure:
    """Draw TOP/s/W against TOP/s/mm² of a run and of references, both axes logarithmic.

    A line joins the run's peak (training alone) with what it gives over the whole run. References of which one number alone is known
    stand at the edge of the panel. GPUs are drawn at their peak, and small at what their memory lets through in fully connected
    training on one image at a time.

    Raises
    ------
    InputError
        if the run has no such figures: it trained nothing, or in software.
    """
    found = sheet(run, "landscape", "tops_per_W", "tops_per_mm2")
    ends = [(found[f"tops_per_mm2{end}"].value, found[f"tops_per_W{end}"].value) for end in ("", "_effective")]
    references = load_references()
    known = marks(references.values())
    alone = [single for reference in references.values() if (single := batch_of_one(reference)) is not None]
    slow = [(single.tops_per_mm2.value, single.tops_per_watt.value) for single in alone]
    figure, axes = panels(1, 1, DOUBLE_COLUMN, 3.9)
    ax = axes[0, 0]
    _frame(ax, [*ends, *slow, *((mark.density, mark.efficiency) for mark in known)])
    names = _draw_run(ax, ends)
    names += [_draw_mark(ax, mark, step) for mark, step in zip(known, _aside(ax, known), strict=True)]
    if slow:
        ax.plot(*zip(*slow, strict=True), linestyle="", marker=".", color=COLOURS["gpu"], markersize=4, label="GPUs, one image at a time")
        x, y = max(slow)
        names.append(Name("the same GPUs, one image at a time:\nbound by their memory", x, y, COLOURS["gpu"]))
    figure.legend(handles=_explained(known), loc="outside lower center", ncols=5)
    figure.draw_without_rendering()  # gives the panel its place
    name_points(ax, names, slow)
    return figure


def marks(references: Iterable[Reference]) -> list[Mark]:
    """Return what is drawn of references, those that share a place as one; cells have no throughput."""
    places: dict[tuple[float | None, float | None], list[Reference]] = {}
    for reference in references:
        density, efficiency = reference.tops_per_mm2(), reference.tops_per_watt()
        if density is not None or efficiency is not None:
            places.setdefault((density.value if density else None, efficiency.value if efficiency else None), []).append(reference)
    return [
        Mark(joined([one.label for one in group]), group[0].kind, MARKERS[group[0].status], group[0].task != "inference", *place)
        for place, group in places.items()
    ]


def joined(labels: Sequence[str]) -> str:
    """Return labels as one, what they share told once: `H100, tensor cores` and `H200, tensor cores` are `H100 and H200, tensor cores`."""
    if len(labels) == 1:
        return labels[0]
    words = [label.replace(",", " ,").split() for label in labels]
    first, last = _alike(words), _alike([found[::-1] for found in words])
    last = min(last, min(map(len, words)) - first)
    middle = [" ".join(found[first : len(found) - last]) for found in words]
    text = [*words[0][:first], " and ".join(part for part in middle if part), *words[0][len(words[0]) - last :]]
    return " ".join(part for part in text if part).replace(" ,", ",")


def _alike(lists: Sequence[Sequence[str]]) -> int:
    """Return how many words all lists begin with."""
    return next((number for number, words in enumerate(zip(*lists, strict=False)) if len(set(words)) > 1), min(map(len, lists)))


def _frame(ax: Axes, points: Iterable[tuple[float | None, float | None]]) -> None:
    """Set logarithmic axes around all points, with room for names to the right and for marks at the edges."""
    every = list(points)
    x = np.array([density for density, _ in every if density is not None])
    y = np.array([efficiency for _, efficiency in every if efficiency is not None])
    ax.set(xscale="log", yscale="log", xlim=(x.min() / 3, x.max() * 6), ylim=(y.min() / 2.5, y.max() * 3))
    ax.set(xlabel="Throughput per area (TOP/s/mm²)", ylabel="Operations per energy (TOP/s/W)")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_locator(NullLocator())
    ax.grid(visible=True)


def _draw_run(ax: Axes, ends: Sequence[tuple[float, float]]) -> list[Name]:
    """Draw peak and effective, joined, and return their names."""
    ax.plot(*zip(*ends, strict=True), color=VERMILION, linewidth=1.2, zorder=3, label="this chip")
    names = []
    for (x, y), words, filled in zip(ends, ("this chip, peak", "this chip, effective"), (False, True), strict=True):
        ax.plot(x, y, marker="*", markersize=10, color=VERMILION, markerfacecolor=VERMILION if filled else "white", linestyle="", zorder=4, label=words)
        names.append(Name(f"{words.removeprefix('this chip, ')}\n{plain(y)} TOP/s/W, {plain(x)} TOP/s/mm²", x, y, VERMILION))
    return names


def _aside(ax: Axes, known: Sequence[Mark]) -> list[int]:
    """Return how many steps a mark at the edge of the panel stands inside, so that it covers no other there."""
    low, high = np.log(ax.get_ylim())
    steps = [0] * len(known)
    edge = sorted((np.log(mark.efficiency), number) for number, mark in enumerate(known) if mark.density is None and mark.efficiency is not None)
    for (before, lower), (here, number) in pairwise(edge):
        if here - before < 0.03 * (high - low):
            steps[number] = steps[lower] + 1
    return steps


def _draw_mark(ax: Axes, mark: Mark, step: int) -> Name:
    """Draw a reference, at the edge where one number is not known, and return its name."""
    colour, dark = COLOURS[mark.kind], BLACK if mark.kind == "analog" else "#00573F"
    x = ax.get_xlim()[0] * _STEP**step if mark.density is None else mark.density
    y = ax.get_ylim()[0] if mark.efficiency is None else mark.efficiency
    face = colour if mark.filled else "white"
    ax.plot(x, y, marker=mark.marker, markersize=5, color=colour, markerfacecolor=face, linestyle="", clip_on=False, label=mark.label)
    return Name(mark.label, x, y, dark)


def _explained(known: Sequence[Mark]) -> list[Line2D]:
    """Return legend entries: colour is the kind, shape how real, filled for training and open for inference."""
    kinds = [Line2D([], [], marker="s", linestyle="", markersize=5, color=COLOURS[kind], label=words) for kind, words in _KINDS.items()]
    used = {mark.marker for mark in known}
    shapes = [Line2D([], [], marker=marker, linestyle="", markersize=5, color=GREY, label=_STATUS[marker]) for marker in _STATUS if marker in used]
    fills = [
        Line2D([], [], marker="o", linestyle="", markersize=5, color=BLACK, label="made for training"),
        Line2D([], [], marker="o", linestyle="", markersize=5, color=BLACK, markerfacecolor="white", label="inference only"),
    ]
    run = [Line2D([], [], marker="*", linestyle="", markersize=8, color=VERMILION, label="this chip")]
    edge = [Line2D([], [], linestyle="", label="left edge: area unknown")]
    return [*run, *kinds, *shapes, *fills, *edge]
