"""The PCM pair of a cell: what reads use of it, and the cell `2pcm`, which is trained on the pair itself.

An increase SETs G+, a decrease SETs G-; a pair whose devices are both nearly full is refreshed: both RESET, the
difference written again by pulses and verify reads (pulse model: Nandakumar et al., J. Appl. Phys. 124, 152135
(2018)).

`tile` is a row of `Geometry.tiles`, (`j`, `i`) row and column within it, `cell` the index of a cell; conductances in µS; `counts`
(actions,) and `sums` (quantities,) are the bin of `Amounts` that pays.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from chipsim.kernels.bits import popcount
from chipsim.kernels.jit import kernel
from chipsim.kernels.layout import (
    F32,
    F64,
    I64,
    RESET_CHARGE,
    RESET_LOAD,
    RESET_PULSE,
    SET_CHARGE,
    SET_LOAD,
    SET_PULSE,
    TILE_BUILT_COLUMNS,
    TILE_CELL,
    TILE_COLUMN,
    TILE_COLUMN_LINE,
    TILE_COLUMNS,
    TILE_LAYER,
    TILE_ROW,
    TILE_ROW_LINE,
    TILE_ROWS,
    TILE_STRIDE,
    VERIFY_READ,
    VERIFY_TIME,
    Cells,
    ColumnLines,
    Device,
    Geometry,
    Pulses,
    RowLines,
)
from chipsim.kernels.pcm import (
    NOMINAL_RANGE,
    RESET_FLOOR,
    RESET_MEAN,
    RESET_SPREAD,
    draw_exponent,
    loop_draw,
    partial_set,
    program_incremental,
    refresh_needed,
    reset,
    share_left,
)
from chipsim.kernels.random import DRIFT_EXPONENT, PARTIAL_SET, RESET_STATE, cell_normal

_LOW16 = np.uint64(0xFFFF)
_SIXTEEN = np.uint64(16)


class Pairs(NamedTuple):
    """Scalars and vectors of pulsing PCM pairs; constant during a run."""

    seed: int
    set_charge: float
    reset_charge: float
    """Charge of one pulse, C."""
    verify_s: float
    tolerance: float
    """µS."""
    max_pulses: int
    refresh_above: float
    refresh_below: float
    """µS."""
    par: F64
    reset_par: F64
    aging_par: F64


@kernel(error_model="numpy")
def refresh_cell(cells: Cells, cell: int, device: Device) -> None:
    """Recompute what the reads use of one PCM pair, after its conductances changed."""
    plus, minus = cells.g_plus[cell], cells.g_minus[cell]
    noise_plus = device.gain * (device.read_slope * plus + device.read_offset)
    noise_minus = device.gain * (device.read_slope * minus + device.read_offset)
    cells.pcm[cell] = np.float32(device.gain) * (plus - minus)
    if device.noise_lsb == 0.0:
        return
    sigma = math.sqrt(noise_plus * noise_plus + noise_minus * noise_minus) / device.noise_lsb
    cells.noise[cell] = np.uint8(min(sigma + 0.5, 255.0))


@kernel(error_model="numpy")
def set_pairs(
    tile: I64,
    cells: Cells,
    rows: RowLines,
    columns: ColumnLines,
    x: F32,
    d: F32,
    found: int,
    pulses: Pulses,
    event: int,
    pairs: Pairs,
    device: Device,
    counts: I64,
    sums: F64,
) -> None:
    """Apply the first `found` hits of `pulses` to the PCM pairs of one tile: an increase SETs G+, a decrease SETs G-.

    `x` (inputs + 1) and `d` (outputs) are the layer's inputs and errors; their signs decide the direction.
    """
    stride = tile[TILE_STRIDE]
    for h in range(found):
        row = int(np.int64(pulses.place[h] >> _SIXTEEN))
        column = int(np.int64(pulses.place[h] & _LOW16))
        i, j = column - tile[TILE_COLUMN], row - tile[TILE_ROW]
        cell = tile[TILE_CELL] + j * stride + i
        up = (x[row] > 0.0) == (d[column] > 0.0)
        n = np.int64(popcount(pulses.slots[h]))
        g, memory = (cells.g_plus[cell], cells.memory_plus[cell]) if up else (cells.g_minus[cell], cells.memory_minus[cell])
        before = g
        for k in range(n):
            z = cell_normal(pairs.seed, PARTIAL_SET, tile[TILE_LAYER], k, row, column, event)
            g, memory = partial_set(g, memory, z, pairs.par)
        if up:
            cells.g_plus[cell], cells.memory_plus[cell] = g, memory
        else:
            cells.g_minus[cell], cells.memory_minus[cell] = g, memory
        rows.pcm_sum[tile[TILE_ROW_LINE] + j] += g - before
        columns.pcm_sum[tile[TILE_COLUMN_LINE] + i] += g - before
        refresh_cell(cells, cell, device)
        counts[SET_PULSE] += n
        counts[SET_LOAD] += n * tile[TILE_BUILT_COLUMNS]
        sums[SET_CHARGE] += n * pairs.set_charge


@kernel(error_model="numpy")
def program_pair(
    tile: I64,
    j: int,
    i: int,
    wanted: float,
    event: int,
    cells: Cells,
    rows: RowLines,
    columns: ColumnLines,
    device: Device,
    pairs: Pairs,
    counts: I64,
    sums: F64,
) -> None:
    """RESET both devices of one cell and pulse one of them until G+ - G- is `wanted` µS, within the tolerance."""
    layer, row, column = tile[TILE_LAYER], tile[TILE_ROW] + j, tile[TILE_COLUMN] + i
    cell = tile[TILE_CELL] + j * tile[TILE_STRIDE] + i
    before = np.float64(cells.g_plus[cell]) + np.float64(cells.g_minus[cell])
    par = pairs.reset_par
    plus = reset(cell_normal(pairs.seed, RESET_STATE, layer, loop_draw(0, 0), row, column, event), par[RESET_MEAN], par[RESET_SPREAD], par[RESET_FLOOR])
    minus = reset(cell_normal(pairs.seed, RESET_STATE, layer, loop_draw(1, 0), row, column, event), par[RESET_MEAN], par[RESET_SPREAD], par[RESET_FLOOR])
    cells.memory_plus[cell], cells.memory_minus[cell] = 1.0, 1.0
    side = 1 if wanted < 0.0 else 0
    start = minus if side else plus
    g, memory, sets, resets, reads, _ = program_incremental(
        abs(wanted) + par[RESET_MEAN], start, 1.0, pairs.tolerance, pairs.max_pulses, pairs.seed, layer, row, column, side, event, pairs.par, par
    )
    if side:
        minus, cells.memory_minus[cell] = g, memory
    else:
        plus, cells.memory_plus[cell] = g, memory
    cells.g_plus[cell], cells.g_minus[cell] = plus, minus
    z_plus = cell_normal(pairs.seed, DRIFT_EXPONENT, layer, 0, row, column, event)
    z_minus = cell_normal(pairs.seed, DRIFT_EXPONENT, layer, 1, row, column, event)
    cells.nu_plus[cell] = draw_exponent(plus / NOMINAL_RANGE, z_plus, pairs.aging_par)
    cells.nu_minus[cell] = draw_exponent(minus / NOMINAL_RANGE, z_minus, pairs.aging_par)
    change = np.float64(cells.g_plus[cell]) + np.float64(cells.g_minus[cell]) - before
    rows.pcm_sum[tile[TILE_ROW_LINE] + j] += change
    columns.pcm_sum[tile[TILE_COLUMN_LINE] + i] += change
    refresh_cell(cells, cell, device)
    counts[RESET_PULSE] += 2 + resets
    counts[RESET_LOAD] += (2 + resets) * tile[TILE_BUILT_COLUMNS]
    counts[SET_PULSE] += sets
    counts[SET_LOAD] += sets * tile[TILE_BUILT_COLUMNS]
    counts[VERIFY_READ] += reads
    sums[RESET_CHARGE] += (2 + resets) * pairs.reset_charge
    sums[SET_CHARGE] += sets * pairs.set_charge
    sums[VERIFY_TIME] += reads * g * 1e-6 * pairs.verify_s


@kernel(error_model="numpy")
def program_pairs(
    geometry: Geometry, wanted: F32, event: int, cells: Cells, rows: RowLines, columns: ColumnLines, device: Device, pairs: Pairs, counts: I64, sums: F64
) -> None:
    """Write `wanted` ((cells,), µS of F (G+ - G-)) into all pairs (initial weights of the cell 2pcm)."""
    for t in range(geometry.tiles.shape[0]):
        tile = geometry.tiles[t]
        for j in range(tile[TILE_ROWS]):
            for i in range(tile[TILE_COLUMNS]):
                cell = tile[TILE_CELL] + j * tile[TILE_STRIDE] + i
                program_pair(tile, j, i, wanted[cell] / device.gain, event, cells, rows, columns, device, pairs, counts, sums)


@kernel(error_model="numpy")
def refresh_pairs(
    geometry: Geometry, event: int, cells: Cells, rows: RowLines, columns: ColumnLines, device: Device, pairs: Pairs, counts: I64, sums: F64
) -> int:
    """Refresh every saturated pair; return how many there were."""
    refreshed = 0
    looked = 0.0
    for t in range(geometry.tiles.shape[0]):
        tile = geometry.tiles[t]
        for j in range(tile[TILE_ROWS]):
            for i in range(tile[TILE_COLUMNS]):
                cell = tile[TILE_CELL] + j * tile[TILE_STRIDE] + i
                plus, minus = cells.g_plus[cell], cells.g_minus[cell]
                looked += plus + minus
                counts[VERIFY_READ] += 2
                if refresh_needed(plus, minus, pairs.refresh_above, pairs.refresh_below):
                    program_pair(tile, j, i, plus - minus, event, cells, rows, columns, device, pairs, counts, sums)
                    refreshed += 1
    sums[VERIFY_TIME] += looked * 1e-6 * pairs.verify_s
    return refreshed


@kernel(error_model="numpy")
def age_pairs(geometry: Geometry, cells: Cells, rows: RowLines, columns: ColumnLines, now: int, device: Device, par: F64) -> None:
    """Let reads see all pairs as they have drifted by `now` (ps) since their last verify read; `par` is the aging vector.

    Within a training run that is nothing under the published law, whose clock starts at 20 s; it serves the ablation that
    extrapolates the law to microseconds.
    """
    columns.pcm_sum[:] = 0.0
    for column in range(columns.seen.size):
        columns.seen[column] = now * 1e-12 - columns.programmed[column]
    for t in range(geometry.tiles.shape[0]):
        tile = geometry.tiles[t]
        for j in range(tile[TILE_ROWS]):
            line = tile[TILE_ROW_LINE] + j
            rows.pcm_sum[line] = 0.0
            for i in range(tile[TILE_COLUMNS]):
                cell = tile[TILE_CELL] + j * tile[TILE_STRIDE] + i
                column = tile[TILE_COLUMN_LINE] + i
                plus = cells.g_plus[cell] * share_left(columns.seen[column], cells.nu_plus[cell], par)
                minus = cells.g_minus[cell] * share_left(columns.seen[column], cells.nu_minus[cell], par)
                cells.pcm[cell] = device.gain * (plus - minus)
                rows.pcm_sum[line] += plus + minus
                columns.pcm_sum[column] += plus + minus
