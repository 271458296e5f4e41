"""Where the blocks of a floorplan can lie: tiles as rectangles around their arrays, packed on a chip whose empty part is the wiring.

Nothing here is a layout to be built; it is an arrangement in which every block has its true area, and every array its true sides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from chipsim.costs.blocks import BLOCKS
from chipsim.silicon import Floorplan
from chipsim.silicon.floorplan import Placed, TileFloor

CELLS = "cells"
FORWARD = ("bit line driver", "integrator", "read-out", "neuron")
"""Blocks along the bit lines, from the array outwards; integrators and converters of backward reads lie along the word lines."""
SIDE = ("word line driver", "programming driver", "integrator", "read-out", "tile control")
"""Blocks along the word lines, likewise."""
_ASPECTS = (np.geomspace(1.0, 1.7, 12), np.geomspace(1.0, 0.6, 12), np.geomspace(1.8, 12.0, 20), np.geomspace(0.55, 0.08, 20))
"""Width over height of a chip. The first group with one that works is taken, and from it the widest channels that do."""
_CHANNELS = (1.0, 0.8, 0.6, 0.4, 0.2, 0.0)
"""Shares of the wiring that are tried as channels around the tiles."""
_FEW = 150
"""Tiles from which on only the narrowest channels are tried: packing them takes time."""


@dataclass(frozen=True)
class Rectangle:
    """A block, or all blocks of a kind along one side of an array; lengths in µm, the origin at the lower left."""

    block: str
    x: float
    y: float
    width: float
    height: float
    tile: int | None = None
    """Number of the tile it belongs to."""

    @property
    def component(self) -> str:
        """The component its area belongs to."""
        return BLOCKS[self.block].component if self.block in BLOCKS else self.block

    @property
    def area(self) -> float:
        """µm²."""
        return self.width * self.height

    def moved(self, x: float, y: float) -> Rectangle:
        """Return it elsewhere."""
        return replace(self, x=self.x + x, y=self.y + y)


@dataclass(frozen=True)
class Placement:
    """An arrangement: the chip's sides (µm), and what lies on it without overlap."""

    width: float
    height: float
    rectangles: tuple[Rectangle, ...]

    @property
    def empty(self) -> float:
        """What no block covers, µm²."""
        return self.width * self.height - sum(found.area for found in self.rectangles)


def place(floor: Floorplan) -> Placement:
    """Return an arrangement of a floorplan, as square as can be.

    The chip is as large as the floorplan says, so that what is empty is the wiring; where the blocks cannot be packed as tightly, because
    a table leaves next to no room for wiring, it is larger.
    """
    tiles = [_tile(number, tile) for number, tile in enumerate(floor.tiles)]
    area = floor.area_mm2 * 1e6
    share = 1.0 - 1.0 / floor.wiring if floor.wiring > 1.0 else 0.0
    channels = _CHANNELS if len(tiles) < _FEW else _CHANNELS[-2:]
    for aspects, channel in product(_ASPECTS, channels):
        stretch = (1.0 - channel * share) ** -0.5
        for width in np.sqrt(area * aspects):
            found = _packed(tiles, floor.beside, float(width), float(area / width), stretch)
            if found is not None:
                return found
    return _grown(tiles, floor.beside, area)


def _grown(tiles: Sequence[Sequence[Rectangle]], beside: Sequence[Placed], area: float) -> Placement:
    """Return an arrangement on a chip that grows until everything fits."""
    side = max(area**0.5, *(extent(tile)[0] for tile in tiles))
    while True:
        found = _packed(tiles, beside, side, max(side, 1.02 * area / side), 1.0)
        if found is not None:
            return found
        side *= 1.02


def extent(rectangles: Sequence[Rectangle]) -> tuple[float, float]:
    """Return width and height of the box around rectangles that begin at the origin."""
    return max(r.x + r.width for r in rectangles), max(r.y + r.height for r in rectangles)


# ---- one tile ----------------------------------------------------------------------------------------------------------


def _tile(number: int, tile: TileFloor) -> tuple[Rectangle, ...]:
    """Return a tile as a rectangle without gaps: the array at the upper right, strips below it and, over the whole height, to its left."""
    below, aside = _along(tile)
    bottom, left = sum(below.values()) / tile.width, sum(aside.values()) / (tile.height + sum(below.values()) / tile.width)
    found = [Rectangle(CELLS, left, bottom, tile.width, tile.height, number)]
    level = bottom
    for block, area in below.items():
        level -= area / tile.width
        found.append(Rectangle(block, left, level, tile.width, area / tile.width, number))
    edge, tall = left, tile.height + bottom
    for block, area in aside.items():
        edge -= area / tall
        found.append(Rectangle(block, edge, 0.0, area / tall, tall, number))
    return tuple(found)


def _along(tile: TileFloor) -> tuple[dict[str, float], dict[str, float]]:
    """Return the areas (µm²) of the blocks below the array, and of those to its left, from the array outwards."""
    held = {block.block: block for block in tile.blocks}
    forward = {"integrator": tile.cut.built_columns, "read-out": tile.forward_read_outs}
    below, aside = {}, {}
    for name, block in held.items():
        count = forward.get(name, block.count if name in FORWARD else 0)
        below[name], aside[name] = count * block.each, (block.count - count) * block.each
    return {name: below[name] for name in FORWARD if below.get(name)}, {name: aside[name] for name in SIDE if aside.get(name)}


# ---- all of them -------------------------------------------------------------------------------------------------------


def _packed(tiles: Sequence[Sequence[Rectangle]], beside: Sequence[Placed], width: float, height: float, stretch: float) -> Placement | None:
    """Return tiles packed from below, each with a channel around it, and what lies beside them in a row above or to their right; None if that does not fit."""
    corners = _skyline(tiles, width, stretch)
    row = None if corners is None else _row(beside, width, height - _top(tiles, corners, stretch))
    if corners is not None and row is not None:
        top = _top(tiles, corners, stretch)
        return Placement(width, height, (*_laid(tiles, corners, stretch), *(part.moved(0.0, top) for part in row)))
    room = width - 1.1 * sum(block.area for block in beside) / height
    corners = _skyline(tiles, room, stretch)
    column = None if corners is None or _top(tiles, corners, stretch) > height * (1 + 1e-9) else _row(beside, height, width - room)
    if corners is None or column is None:
        return None
    turned = [Rectangle(part.block, room + part.y, part.x, part.height, part.width) for part in column]
    return Placement(width, height, (*_laid(tiles, corners, stretch), *turned))


def _top(tiles: Sequence[Sequence[Rectangle]], corners: Sequence[tuple[float, float]], stretch: float) -> float:
    return max(y + extent(tile)[1] * stretch for tile, (_, y) in zip(tiles, corners, strict=True))


def _laid(tiles: Sequence[Sequence[Rectangle]], corners: Sequence[tuple[float, float]], stretch: float) -> Iterator[Rectangle]:
    """Yield the rectangles of all tiles, each tile in the middle of its place."""
    for tile, (x, y) in zip(tiles, corners, strict=True):
        wide, tall = extent(tile)
        yield from (part.moved(x + wide * (stretch - 1) / 2, y + tall * (stretch - 1) / 2) for part in tile)


def _row(beside: Sequence[Placed], width: float, height: float) -> list[Rectangle] | None:
    """Return blocks side by side in the middle of a strip, the largest first, or None where it is too small for them."""
    area = sum(block.area for block in beside)
    if not beside:
        return [] if height >= 0 else None
    for margin in (share * 0.03 * width for share in (1.0, 0.5, 0.25, 0.1, 0.0)):
        usable = width - margin * (len(beside) + 1)
        most = height - margin  # below, the channels of the tiles keep their distance
        if most > 0 and area <= usable * most * (1 + 1e-9):
            tall, x, found = area / usable, margin, []
            for block in sorted(beside, key=lambda placed: -placed.area):
                found.append(Rectangle(block.block, x, max(most - tall, 0.0) / 2, block.area / tall, tall))
                x += block.area / tall + margin
            return found
    return None


def _skyline(tiles: Sequence[Sequence[Rectangle]], width: float, stretch: float) -> list[tuple[float, float]] | None:
    """Return the lower left corners of tiles packed into a strip, the tallest first, each as low and then as far left as it goes."""
    boxes = [(wide * stretch, tall * stretch) for wide, tall in map(extent, tiles)]
    level: list[tuple[float, float, float]] = [(0.0, width, 0.0)]  # from, to, height; from left to right without gaps
    corners: list[tuple[float, float]] = [(0.0, 0.0)] * len(boxes)
    for index in sorted(range(len(boxes)), key=lambda i: (-boxes[i][1], -boxes[i][0], i)):
        wide, tall = boxes[index]
        places = list(_places(level, wide, width))
        if not places:
            return None
        y, x = min(places)
        corners[index] = (x, y)
        level = _raised(level, x, x + wide, y + tall)
    return corners


def _places(level: Sequence[tuple[float, float, float]], wide: float, width: float) -> Iterator[tuple[float, float]]:
    """Yield (height, left edge) of every place where a box of some width can lie on the skyline."""
    for start, _, _ in level:
        if start + wide > width * (1 + 1e-9):
            break
        yield max(height for a, b, height in level if a < start + wide * (1 - 1e-9) and b > start), start


def _raised(level: Sequence[tuple[float, float, float]], start: float, end: float, height: float) -> list[tuple[float, float, float]]:
    """Return the skyline with a stretch of it at another height."""
    left = [(a, min(b, start), h) for a, b, h in level if a < start]
    right = [(max(a, end), b, h) for a, b, h in level if b > end * (1 + 1e-12)]
    return [*left, (start, end, height), *right]
