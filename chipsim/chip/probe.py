"""Looking at cells without touching them: chosen cells during a run, and all cells as they age."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from chipsim.chip import build
from chipsim.chip.analog import AnalogChip
from chipsim.chip.plan import Weights
from chipsim.chip.state import block
from chipsim.kernels import layout, pcm, random
from chipsim.units import PS

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Places:
    """Chosen cells: logical place, and where their values lie."""

    layer: Integers
    row: Integers
    column: Integers
    cell: Integers
    row_line: Integers
    column_line: Integers


@dataclass(frozen=True)
class CapacitorReading:
    """What a probe sees, one value per chosen cell."""

    voltage: Floats
    """V."""
    conductance: Floats
    """g, µS."""
    reference: Floats
    """g_ref, µS."""
    polarity: Floats
    weight: Floats
    """Units of weight."""

    @property
    def signal(self) -> Floats:
        """Return p (g - g_ref), µS."""
        return np.asarray(self.polarity * (self.conductance - self.reference))


def choose_cells(chip: AnalogChip, per_layer: int) -> Places:
    """Choose cells at random, the same for a seed whatever the tiling; cells of the bias row take part."""
    sizes = chip.scenario.network.layers
    found: list[tuple[int, int, int]] = []
    for layer, (inputs, outputs) in enumerate(pairwise(sizes)):
        words = np.empty(2 * per_layer, dtype=np.uint64)
        random.fill_words(words, chip.scenario.seed, random.PROBE_CHOICE, layer, 0)
        found += [(layer, int(a % (inputs + 1)), int(b % outputs)) for a, b in words.reshape(-1, 2)]
    places = [_locate(chip, *place) for place in found]
    table = np.array([(*place, *where) for place, where in zip(found, places, strict=True)], dtype=np.int64).reshape(-1, 6)
    return Places(*(np.ascontiguousarray(column) for column in table.T))


def read_capacitors(chip: AnalogChip, places: Places, now_ps: int) -> CapacitorReading:
    """Return what the chosen cells' capacitors hold at a moment."""
    device, cells = chip.device, chip.cells
    elapsed = (chip.since(now_ps) - chip.rows.time[places.row_line]) * PS
    left = np.exp(-cells.leak[places.cell].astype(np.float64) * device.leak_lsb * elapsed)
    settled = device.rest_overdrive - device.threshold_lsb * cells.threshold[places.cell].astype(np.float64)
    deviation = (cells.overdrive[places.cell].astype(np.float64) - settled) * left
    conductance = device.transconductance * np.maximum(deviation + settled, 0.0)
    reference = chip.reference_at(now_ps)[places.column_line]
    polarity = chip.columns.polarity[places.column_line].astype(np.float64)
    weight = (cells.pcm[places.cell] + polarity * (conductance - reference)) / device.unit
    return CapacitorReading(deviation + chip.cell.capacitor.resting, conductance, reference, polarity, weight)


def slow_draws(chip: AnalogChip) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the standard normals that fix the slow deviation of every G+ and G-, in the order of the cells."""
    seed = chip.scenario.seed
    return build.draw_spread(chip.geometry, seed, random.SLOW_NOISE, sub=0), build.draw_spread(chip.geometry, seed, random.SLOW_NOISE, sub=1)


def aged_conductances(chip: AnalogChip, now_ps: int, draws: tuple[NDArray[np.float32], NDArray[np.float32]]) -> tuple[Floats, Floats]:
    """Return all G+ and G- (µS, in the order of the cells) at a moment: drift and slow noise since each column's last verify read."""
    par, cells, ages = chip.programming.aging_par, chip.cells, np.zeros(chip.cells.g_plus.size)
    for tile in chip.geometry.tiles:
        first = int(tile[layout.TILE_COLUMN_LINE])
        programmed = chip.columns.programmed[first : first + int(tile[layout.TILE_COLUMNS])]
        build.plane(ages, tile)[...] = np.maximum(chip.since(now_ps) * PS - programmed, 0.0)
    plus = pcm.aged(cells.g_plus, cells.nu_plus, draws[0], ages, par)
    return plus, pcm.aged(cells.g_minus, cells.nu_minus, draws[1], ages, par)


def aged_weights(chip: AnalogChip, plus: Floats, minus: Floats, now_ps: int) -> Weights:
    """Return all layers' weights (units of weight) at `now_ps`, with aged conductances (µS) and leaked capacitors."""
    aged = chip.device.gain * (plus - minus)
    weights = chip.weights_at(now_ps)
    for tile in chip.geometry.tiles:
        change = (build.plane(aged, tile) - build.plane(chip.cells.pcm, tile)) / chip.device.unit
        row, column = int(tile[layout.TILE_ROW]), int(tile[layout.TILE_COLUMN])
        rows, columns = change.shape
        weights[int(tile[layout.TILE_LAYER])][row : row + rows, column : column + columns] += change
    return weights


def aged_variances(chip: AnalogChip, plus: Floats, minus: Floats) -> Weights:
    """Return the variance of every weight in one training read, units of weight squared, with aged conductances (µS)."""
    device, variances = chip.device, chip.empty_weights()
    scale = device.gain / device.unit
    squares = (device.read_slope * plus + device.read_offset) ** 2 + (device.read_slope * minus + device.read_offset) ** 2
    for tile in chip.geometry.tiles:
        block(variances, tile)[...] = scale * scale * build.plane(squares, tile)
    return variances


def _locate(chip: AnalogChip, layer: int, row: int, column: int) -> tuple[int, int, int]:
    for tile in chip.geometry.tiles[chip.geometry.first_tile[layer] : chip.geometry.first_tile[layer + 1]]:
        j, i = row - int(tile[layout.TILE_ROW]), column - int(tile[layout.TILE_COLUMN])
        if 0 <= j < tile[layout.TILE_ROWS] and 0 <= i < tile[layout.TILE_COLUMNS]:
            cell = int(tile[layout.TILE_CELL] + j * tile[layout.TILE_STRIDE] + i)
            return cell, int(tile[layout.TILE_ROW_LINE] + j), int(tile[layout.TILE_COLUMN_LINE] + i)
    msg = f"no cell at row {row}, column {column} of layer {layer}"
    raise LookupError(msg)
