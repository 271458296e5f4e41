"""The chip drawn to scale, and what its area is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle as Patch

from chipsim.costs.blocks import AREA_COMPONENTS
from chipsim.plotting.placement import CELLS, Placement, place
from chipsim.plotting.reading import silicon
from chipsim.plotting.style import BLACK, BLUE, DOUBLE_COLUMN, GREEN, ORANGE, PURPLE, SHADE, SKY, VERMILION, YELLOW, about, letter, panels, plain, styled

if TYPE_CHECKING:
    from chipsim.analysis.run import Run
    from chipsim.silicon import Floorplan
    from chipsim.silicon.figures import SiliconFigures

COLOURS = {
    "cells": BLUE,
    "line drivers": SKY,
    "read-out": GREEN,
    "neurons": YELLOW,
    "programming": VERMILION,
    "verify read-out": BLACK,
    "buffers": PURPLE,
    "control": ORANGE,
    "wiring": SHADE,
}
"""Colour of every part of the area; where one takes the energy that a part of the energy stands for, it is the same."""
PANEL = (3.7, 2.6)
"""Width and height that the chip is drawn in, inches, roughly."""
LEGIBLE = (0.72, 0.3)
"""Width and height of an array's name, inches."""


@styled
def floorplan(run: Run | SiliconFigures) -> Figure:
    """Draw the chip of a run to scale, and the area of its parts.

    Arrays have their true sides, and everything its true area; where blocks lie is an arrangement for the eye. Those along word lines
    stand to the left of their array, those along bit lines below it; what the chip has once lies in a row above. The background is the
    wiring.

    Raises
    ------
    InputError
        if the run was trained in software, which has no chip.
    """
    chip = silicon(run, "floorplan")
    floor, arrangement = chip.floorplan, place(chip.floorplan)
    figure, axes = panels(1, 2, DOUBLE_COLUMN, 3.1, width_ratios=[1.25, 1.0])
    drawn, shares = axes[0]
    letter(axes, [f"{chip.scenario.prices.table}: {_mm2(floor.area_mm2)} in all", "area by component"])
    _draw_chip(drawn, arrangement, floor)
    _draw_shares(shares, floor)
    return figure


def _draw_chip(ax: Axes, arrangement: Placement, floor: Floorplan) -> None:
    """Draw every block as a rectangle in µm; the axes have the same scale in both directions."""
    ax.add_patch(Patch((0, 0), arrangement.width, arrangement.height, facecolor=COLOURS["wiring"], edgecolor=BLACK, linewidth=0.6, label="wiring"))
    for component in AREA_COMPONENTS[:-1]:
        parts = [Patch((r.x, r.y), r.width, r.height) for r in arrangement.rectangles if r.component == component]
        if parts:
            edge = 0.3 if len(parts) < 60 else 0.1
            ax.add_collection(PatchCollection(parts, facecolor=COLOURS[component], edgecolor="white", linewidth=edge, label=component))
    _name_arrays(ax, arrangement, floor)
    _scale_bar(ax, arrangement)
    margin = 0.01 * arrangement.width
    ax.set(xlim=(-margin, arrangement.width + margin), ylim=(-0.1 * arrangement.height, arrangement.height + margin), aspect="equal")
    ax.set_axis_off()
    ax.set_anchor("W")


def _name_arrays(ax: Axes, arrangement: Placement, floor: Floorplan) -> None:
    """Write layer, and word lines x bit lines, onto the arrays that are large enough."""
    inches = min(PANEL[0] / arrangement.width, PANEL[1] / arrangement.height)
    for array in arrangement.rectangles:
        if array.block != CELLS or array.width * inches < LEGIBLE[0] or array.height * inches < LEGIBLE[1]:
            continue
        part = floor.tiles[array.tile or 0].cut
        words = f"layer {part.layer + 1}\n{part.built_rows} × {part.built_columns}"
        ax.text(array.x + array.width / 2, array.y + array.height / 2, words, ha="center", va="center", color="white", fontsize=7, linespacing=1.1)


def _scale_bar(ax: Axes, arrangement: Placement) -> None:
    """Draw a bar of a round length below the chip."""
    length = _round_below(0.3 * arrangement.width)
    y = -0.045 * arrangement.height
    ax.plot([0.0, length], [y, y], color=BLACK, linewidth=1.6, solid_capstyle="butt", label="scale")
    text = f"{length:g} µm" if length < 1000 else f"{length / 1000:g} mm"
    ax.annotate(text, (length, y), xytext=(3, 0), textcoords="offset points", va="center", fontsize=7)


def _round_below(length: float) -> float:
    """Return the largest of 1, 2, 5, 10, 20, ... that is no longer."""
    decade = 10.0 ** np.floor(np.log10(length))
    return float(decade * max(step for step in (1, 2, 5) if step * decade <= length * (1 + 1e-9)))


def _draw_shares(ax: Axes, floor: Floorplan) -> None:
    """Draw the area of every component as a bar, with its share."""
    parts = [(name, floor.areas[name].value) for name in AREA_COMPONENTS if floor.areas[name].value > 0]
    scale, unit = (1.0, "mm²") if floor.area_mm2 >= 0.01 else (1e6, "µm²")
    for place_, (name, area) in enumerate(parts):
        ax.barh(place_, area * scale, height=0.7, color=COLOURS[name], edgecolor=BLACK if name == "wiring" else "none", linewidth=0.4)
        text = f"{plain(area * scale)} ({about(area / floor.area_mm2)})"
        ax.annotate(text, (area * scale, place_), xytext=(3, 0), textcoords="offset points", va="center", fontsize=7)
    ax.set_yticks(range(len(parts)), [name for name, _ in parts])
    ax.set_ylim(len(parts) - 0.4, -0.6)
    ax.set_xlim(0, 1.5 * max(area for _, area in parts) * scale)
    ax.set_xlabel(f"Area ({unit})")
    ax.tick_params(axis="y", length=0)


def _mm2(area: float) -> str:
    return f"{plain(area)} mm²" if area >= 0.01 else f"{plain(area * 1e6)} µm²"
