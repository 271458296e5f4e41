"""Names beside points, so that none covers another, a point, or the edge of the panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

_DISTANCES = (5.0, 9.0, 14.0, 20.0, 28.0)
"""How far a name may stand from its point, points."""
_LEADER = 10.0
"""Distance from which on a thin line leads to the point."""
_ANGLES = (0.0, 180.0, 30.0, -30.0, 150.0, -150.0, 90.0, -90.0, 60.0, -60.0, 120.0, -120.0)
"""Directions, the most legible first, degrees."""


@dataclass(frozen=True)
class Name:
    """A name, and the point it belongs to in the units of the axes."""

    text: str
    x: float
    y: float
    colour: str


@dataclass(frozen=True)
class _Place:
    """Where a name may stand: offset from its point, points, and the box that it would cover, pixels."""

    offset: tuple[float, float]
    distance: float
    box: Bbox


def name_points(ax: Axes, names: Sequence[Name], occupied: Sequence[tuple[float, float]], size: float = 7.0) -> list[Annotation]:
    """Write names beside their points and return them; place and limits of the axes must be final.

    Every name takes the nearest place where it covers least: no other name, no point of `occupied` (in the units of the axes) or of
    another name, and nothing outside the panel.
    """
    marks = [_around(ax, *point) for point in [*occupied, *((name.x, name.y) for name in names)]]
    taken: list[Bbox] = []
    found = []
    for name in names:
        note = ax.annotate(
            name.text,
            (name.x, name.y),
            xytext=(0, 0),
            textcoords="offset points",
            fontsize=size,
            color=name.colour,
        )
        extent = note.get_window_extent()
        best = min(_places(ax, name, extent.width, extent.height), key=lambda place: _cost(place, taken, marks, ax.bbox))
        note.remove()
        found.append(_written(ax, name, best, size))
        taken.append(best.box)
    return found


def _around(ax: Axes, x: float, y: float) -> Bbox:
    """Return the box that a mark covers, pixels."""
    pixels = 3.5 * ax.figure.dpi / 72
    across, up = ax.transData.transform((x, y))
    return Bbox.from_extents(across - pixels, up - pixels, across + pixels, up + pixels)


def _places(ax: Axes, name: Name, wide: float, tall: float) -> list[_Place]:
    """Return the places for a name, the nearest first."""
    dots = ax.figure.dpi / 72
    across, up = ax.transData.transform((name.x, name.y))
    found = []
    for distance in _DISTANCES:
        for angle in np.radians(_ANGLES):
            dx, dy = distance * np.cos(angle), distance * np.sin(angle)
            left = across + dx * dots - wide * (0.5 - 0.5 * np.sign(round(np.cos(angle), 6)))
            low = up + dy * dots - tall * (0.5 - 0.5 * round(np.sin(angle), 6))
            offset = ((left - across) / dots, (low - up) / dots)
            found.append(_Place(offset, distance, Bbox.from_extents(left, low, left + wide, low + tall)))
    return found


def _cost(place: _Place, taken: Sequence[Bbox], marks: Sequence[Bbox], panel: Bbox) -> float:
    """Return how bad a place is: pixels covered, then distance."""
    box = place.box
    covered = sum(_shared(box, other) for other in (*taken, *marks))
    outside = box.width * box.height - _shared(box, panel)
    return 1e3 * (covered + 2 * outside) + place.distance


def _shared(one: Bbox, other: Bbox) -> float:
    both = Bbox.intersection(one, other)
    return 0.0 if both is None else float(both.width * both.height)


def _written(ax: Axes, name: Name, place: _Place, size: float) -> Annotation:
    line = {"arrowstyle": "-", "color": name.colour, "linewidth": 0.4, "shrinkA": 0, "shrinkB": 2} if place.distance > _LEADER else None
    note = ax.annotate(
        name.text,
        (name.x, name.y),
        xytext=place.offset,
        textcoords="offset points",
        ha="left",
        va="bottom",
        fontsize=size,
        color=name.colour,
        arrowprops=line,
    )
    note.set_in_layout(False)
    return note
