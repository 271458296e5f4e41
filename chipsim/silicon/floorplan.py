"""The floorplan: which blocks a scenario's chip has, how many, and what area and idle power a price table gives them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from chipsim.costs.blocks import AREA_COMPONENTS, BLOCKS
from chipsim.costs.derivation import Figure, given, total
from chipsim.costs.table import PriceTable
from chipsim.scenario.model import Parameters
from chipsim.scenario.tiling import TileCut, cut

BITS = 8
"""Bits of an activation or an error in a buffer, as of the converters."""


@dataclass(frozen=True)
class Placed:
    """So many instances of one block, on one tile or beside the tiles."""

    block: str
    count: int
    each: float
    """Area of one, µm²."""

    @property
    def component(self) -> str:
        """The component its area belongs to."""
        return BLOCKS[self.block].component

    @property
    def area(self) -> float:
        """µm²."""
        return self.count * self.each


@dataclass(frozen=True)
class TileFloor:
    """One tile: its array, and the blocks around it."""

    cut: TileCut
    width: float
    """Of the array, along a word line, µm."""
    height: float
    """Of the array, along a bit line, references included, µm."""
    blocks: tuple[Placed, ...]
    forward_read_outs: int
    """Of its read-outs, those of bit lines; the others are for backward reads."""

    @property
    def area(self) -> float:
        """µm², without wiring."""
        return self.width * self.height + sum(block.area for block in self.blocks)


@dataclass(frozen=True)
class Floorplan:
    """All tiles and what the chip has beside them.

    Attributes
    ----------
    tiles
        one a tile, in the order of the chip's tiles.
    beside
        blocks that the chip has once.
    wiring
        factor on every area.
    areas
        component -> mm², in the order of `AREA_COMPONENTS`, and `total`.
    powers
        block -> power of all its instances while idle, W, and `total`.
    """

    tiles: tuple[TileFloor, ...]
    beside: tuple[Placed, ...]
    wiring: float
    areas: dict[str, Figure]
    powers: dict[str, Figure]

    @property
    def area_mm2(self) -> float:
        """Area of the chip, mm²."""
        return self.areas["total"].value


def plan_floor(scenario: Parameters, table: PriceTable) -> Floorplan:
    """Return the floorplan of a scenario's chip; areas and powers remember where they come from.

    Raises
    ------
    ValueError
        if the scenario's cell is software, which has none.
    """
    kind = scenario.cell.kind
    if kind == "software":
        msg = "software has no floorplan"
        raise ValueError(msg)
    cuts = tuple(cut(scenario.network.layers, scenario.tiles.max_rows, scenario.tiles.max_columns, full=scenario.tiles.built == "full"))
    width, height = table.cell_of(kind)
    area_scale = table.scale_of("area")
    side = area_scale.value**0.5 if area_scale else 1.0
    references = _references(scenario)
    each = {name: table.area_of(name).value for name in BLOCKS}
    tiles = tuple(
        TileFloor(
            part,
            part.built_columns * width.value * side,
            (part.built_rows + references) * height.value * side,
            tuple(Placed(name, count, each[name]) for name, count in _tile_counts(scenario, part).items() if count),
            _forward_read_outs(scenario, part),
        )
        for part in cuts
    )
    beside = tuple(Placed(name, count, each[name]) for name, count in _chip_counts(scenario).items() if count)
    counts = _count_figures(tiles, beside)
    wiring = table.factor_of("wiring")
    cells = given("cells", sum(t.cut.built_columns * (t.cut.built_rows + references) for t in tiles), "", _cells_note(scenario, cuts, references))
    cell_area = (width * height).named("area.cell", "um2") if area_scale is None else (width * height * area_scale).named("area.cell.scaled", "um2")
    areas = _areas(cells, cell_area, counts, table, wiring)
    powers = {name: (count * table.static_of(name)).named(f"static_W.{name}", "W") for name, count in counts.items()}
    powers["total"] = total(powers.values()).named("static_W.total", "W", "power of all blocks while idle")
    return Floorplan(tiles, beside, wiring.value, areas, powers)


def _areas(cells: Figure, cell_area: Figure, counts: dict[str, Figure], table: PriceTable, wiring: Figure) -> dict[str, Figure]:
    """Return the area of every component, and the total, mm²."""
    found: dict[str, Figure] = {}
    for component in AREA_COMPONENTS[:-1]:
        terms = [cells * cell_area] if component == "cells" else []
        terms += [count * table.area_of(name) for name, count in counts.items() if BLOCKS[name].component == component]
        found[component] = (total(terms) * 1e-6 if terms else total(())).named(f"area_mm2.{component}", "mm2")
    blocks = total(found.values())
    found["wiring"] = (blocks * (wiring - 1.0)).named("area_mm2.wiring", "mm2", "routing and empty space")
    found["total"] = total(found.values()).named("area_mm2.total", "mm2")
    return found


def _references(scenario: Parameters) -> int:
    """Return the reference cells of a column: a second one where polarity inversion lets them change roles."""
    if not scenario.cell.has_capacitor:
        return 0
    return 2 if scenario.transfer.polarity_inversion and scenario.cell.has_pcm else 1


def _forward_read_outs(scenario: Parameters, part: TileCut) -> int:
    """Return the read-outs of a tile's bit lines."""
    return -(-part.built_columns // scenario.tiles.lines_per_read_out)


def _tile_counts(scenario: Parameters, part: TileCut) -> dict[str, int]:
    """Return how many of each block a tile has."""
    backward = part.layer > 0
    shared = scenario.tiles.lines_per_read_out
    forward_read_outs = _forward_read_outs(scenario, part)
    return {
        "word line driver": part.built_rows,
        "bit line driver": part.built_columns,
        "integrator": part.built_columns + backward * part.built_rows,
        "read-out": forward_read_outs + backward * -(-part.built_rows // shared),
        "neuron": forward_read_outs * (part.row == 0),
        "programming driver": part.built_rows * scenario.cell.has_pcm,
        "tile control": 1,
    }


def _chip_counts(scenario: Parameters) -> dict[str, int]:
    """Return how many of each block the chip has beside its tiles."""
    writes = scenario.cell.has_pcm
    return {
        "programming supply": math.ceil(scenario.transfer.programming_current / 1000.0) * writes,
        "verify read-out": scenario.transfer.verify_units * writes,
        "buffer bit": _buffer_bits(scenario),
        "chip control": 1,
        "host link": int(scenario.host is not None),
    }


def _buffer_bits(scenario: Parameters) -> int:
    """Return the bits of activations and errors of one image, of waiting images, and of weights sampled at a transfer's start."""
    layers = scenario.network.layers
    bits = BITS * (sum(layers[:-1]) + sum(layers[1:]))
    if scenario.host is not None:
        bits += scenario.host.bits * layers[0] * scenario.host.queue
    plan = scenario.transfer
    if scenario.cell.kind == "2pcm+3t1c" and plan.sampling == "at-start" and plan.policy != "instant":
        bits += plan.buffer_bits * scenario.network.weights
    return bits


def _count_figures(tiles: tuple[TileFloor, ...], beside: tuple[Placed, ...]) -> dict[str, Figure]:
    """Return how many of each block there are in all."""
    found: dict[str, Figure] = {}
    for name, block in BLOCKS.items():
        numbers = list(_numbers(name, tiles)) if block.on_tile else [placed.count for placed in beside if placed.block == name]
        if not sum(numbers):
            continue
        listed = " + ".join(f"{number:,}" for number in numbers[:8]) + (" + ..." if len(numbers) > 8 else "")
        found[name] = given(f"blocks.{name}", sum(numbers), "", f"one a {block.per}: {listed}")
    return found


def _numbers(name: str, tiles: tuple[TileFloor, ...]) -> Iterator[int]:
    for tile in tiles:
        yield from (placed.count for placed in tile.blocks if placed.block == name)


def _cells_note(scenario: Parameters, cuts: tuple[TileCut, ...], references: int) -> str:
    built = " + ".join(f"{part.built_rows} x {part.built_columns}" for part in cuts[:6]) + (" + ..." if len(cuts) > 6 else "")
    more = f", and {references} reference cell{'s' if references > 1 else ''} a column" if references else ""
    return f"cells of all tiles, tiles.built = {scenario.tiles.built}: {built}{more}"
