"""One attempt at programming a column: RESET, ramp, verify, each a step of its own, because time passes between them.

Devices that are pending are RESET; those with a target are ramped; all are read. What misses its target stays pending and is
tried again. Draws are keyed by the cell's logical place, the device, the attempt and the transfer's number, so the three steps
give the same bits whether they follow each other at once or with training in between.

`tile` is a row of `Geometry.tiles`, `i` a column of that tile; attempts count from 1; `counts` (actions,) and `sums` (quantities,)
are the bin of `Amounts` that pays.
"""

from __future__ import annotations

import numpy as np

from chipsim.kernels.jit import kernel
from chipsim.kernels.layout import (
    F64,
    I64,
    RESET_CHARGE,
    RESET_LOAD,
    RESET_PULSE,
    SET_CHARGE,
    SET_LOAD,
    SET_RAMP,
    TILE_BUILT_COLUMNS,
    TILE_CELL,
    TILE_COLUMN,
    TILE_COLUMN_LINE,
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
    RowLines,
)
from chipsim.kernels.pairs import refresh_cell
from chipsim.kernels.pcm import RESET_FLOOR, RESET_MEAN, RESET_SPREAD, loop_draw, ramp, ramp_duration_ps, read, reset, share_left
from chipsim.kernels.programming import (
    ERROR_BINS,
    ERROR_LIMIT,
    OUT_AIMED,
    OUT_MOST_TRIES,
    OUT_RAMPS,
    OUT_RESETS,
    OUT_TRIES,
    OUT_UNCONVERGED,
    OUT_VERIFIES,
    TRIES_BINS,
    Exchange,
    Outcome,
    Programming,
)
from chipsim.kernels.random import RAMP_NOISE, RESET_STATE, VERIFY_NOISE, cell_normal


@kernel(error_model="numpy")
def device_target(exchange: Exchange, cell: int, minus: int) -> float:
    """Return the conductance (µS) that device 0 (G+) or 1 (G-) of a cell is to get; 0 leaves it RESET."""
    return float(max(-exchange.target[cell] if minus else exchange.target[cell], np.float32(0.0)))


@kernel(error_model="numpy")
def put_device(tile: I64, i: int, j: int, minus: int, conductance: float, cells: Cells, rows: RowLines, columns: ColumnLines, programming: Programming) -> None:
    """Give one device of row `j` a new conductance (µS), and keep the lines' sums right, which count it as reads see it."""
    cell = tile[TILE_CELL] + j * tile[TILE_STRIDE] + i
    held = np.float64(cells.g_minus[cell] if minus else cells.g_plus[cell])
    age = columns.seen[tile[TILE_COLUMN_LINE] + i]
    if age > 0.0:
        held *= share_left(age, np.float64(cells.nu_minus[cell] if minus else cells.nu_plus[cell]), programming.aging_par)
    rows.pcm_sum[tile[TILE_ROW_LINE] + j] += conductance - held
    columns.pcm_sum[tile[TILE_COLUMN_LINE] + i] += conductance - held
    if minus:
        cells.g_minus[cell] = conductance
    else:
        cells.g_plus[cell] = conductance


@kernel(error_model="numpy")
def reset_column(
    tile: I64,
    i: int,
    attempt: int,
    transfer: int,
    cells: Cells,
    rows: RowLines,
    columns: ColumnLines,
    device: Device,
    programming: Programming,
    exchange: Exchange,
    counts: I64,
    sums: F64,
    outcome: Outcome,
) -> tuple[int, np.int64]:
    """RESET every pending device of a column.

    Returns
    -------
    (ramps, ramp_ps)
        devices that want a ramp now, and the time (ps) of all their ramps in groups under the current budget.
    """
    layer, par = tile[TILE_LAYER], programming.reset_par
    resets, ramps, group_size = 0, 0, 0
    ramp_ps, group_ps = np.int64(0), np.int64(0)
    for j in range(tile[TILE_ROWS]):
        cell = tile[TILE_CELL] + j * tile[TILE_STRIDE] + i
        for minus in range(2):
            if not exchange.pending[cell] & (1 << minus):
                continue
            conductance = 0.0
            if not programming.ideal:
                z = cell_normal(programming.seed, RESET_STATE, layer, loop_draw(minus, attempt), tile[TILE_ROW] + j, tile[TILE_COLUMN] + i, transfer)
                conductance = reset(z, par[RESET_MEAN], par[RESET_SPREAD], par[RESET_FLOOR])
            put_device(tile, i, j, minus, conductance, cells, rows, columns, programming)
            resets += 1
            target = device_target(exchange, cell, minus)
            if target > 0.0:
                ramps += 1
                group_ps = max(group_ps, ramp_duration_ps(target, programming.ramp_par))
                group_size += 1
                if group_size == programming.ramp_group:
                    ramp_ps += group_ps
                    group_ps, group_size = np.int64(0), 0
        if programming.present:
            refresh_cell(cells, cell, device)
    columns.seen[tile[TILE_COLUMN_LINE] + i] = 0.0
    sums[RESET_CHARGE] += resets * programming.reset_charge
    counts[RESET_PULSE] += resets
    counts[RESET_LOAD] += resets * tile[TILE_BUILT_COLUMNS]
    outcome.numbers[OUT_RESETS] += resets
    return ramps, ramp_ps + group_ps


@kernel(error_model="numpy")
def ramp_column(
    tile: I64,
    i: int,
    attempt: int,
    transfer: int,
    cells: Cells,
    rows: RowLines,
    columns: ColumnLines,
    device: Device,
    programming: Programming,
    exchange: Exchange,
    counts: I64,
    sums: F64,
    outcome: Outcome,
) -> None:
    """Ramp every pending device of a column that has a target; they have been RESET."""
    layer = tile[TILE_LAYER]
    ramps = 0
    for j in range(tile[TILE_ROWS]):
        cell = tile[TILE_CELL] + j * tile[TILE_STRIDE] + i
        for minus in range(2):
            target = device_target(exchange, cell, minus)
            if target <= 0.0 or not exchange.pending[cell] & (1 << minus):
                continue
            conductance = target
            if not programming.ideal:
                z = cell_normal(programming.seed, RAMP_NOISE, layer, loop_draw(minus, attempt), tile[TILE_ROW] + j, tile[TILE_COLUMN] + i, transfer)
                held = cells.g_minus[cell] if minus else cells.g_plus[cell]
                conductance = max(ramp(target, z, programming.ramp_par), held)
            put_device(tile, i, j, minus, conductance, cells, rows, columns, programming)
            exchange.tries[cell] += 1
            ramps += 1
            sums[SET_CHARGE] += programming.ramp_current * ramp_duration_ps(target, programming.ramp_par) * 1e-12
            if programming.present:
                refresh_cell(cells, cell, device)
    counts[SET_RAMP] += ramps
    counts[SET_LOAD] += ramps * tile[TILE_BUILT_COLUMNS]
    outcome.numbers[OUT_RAMPS] += ramps


@kernel(error_model="numpy")
def verify_column(
    tile: I64,
    i: int,
    attempt: int,
    transfer: int,
    cells: Cells,
    programming: Programming,
    exchange: Exchange,
    counts: I64,
    sums: F64,
    outcome: Outcome,
) -> int:
    """Read every pending device of a column; return how many missed their target and may be tried again."""
    layer = tile[TILE_LAYER]
    verifies, missed = 0, 0
    for j in range(tile[TILE_ROWS]):
        cell = tile[TILE_CELL] + j * tile[TILE_STRIDE] + i
        for minus in range(2):
            if not exchange.pending[cell] & (1 << minus):
                continue
            target = device_target(exchange, cell, minus)
            true = float(cells.g_minus[cell] if minus else cells.g_plus[cell])
            seen = true
            if not programming.ideal:
                z = cell_normal(programming.seed, VERIFY_NOISE, layer, loop_draw(minus, attempt), tile[TILE_ROW] + j, tile[TILE_COLUMN] + i, transfer)
                seen = read(true, z, programming.verify_slope, programming.verify_offset)
            if minus:
                exchange.seen_minus[cell] = seen
            else:
                exchange.seen_plus[cell] = seen
            verifies += 1
            sums[VERIFY_TIME] += true * 1e-6 * programming.verify_s
            hit = target <= 0.0 or abs(seen - target) <= programming.tolerance
            if hit or attempt >= programming.max_tries:
                exchange.pending[cell] &= ~np.uint8(1 << minus)
                if target > 0.0:
                    note_device(outcome, seen - target, exchange.tries[cell], hit)
            else:
                missed += 1
    counts[VERIFY_READ] += verifies
    outcome.numbers[OUT_VERIFIES] += verifies
    return missed


@kernel(error_model="numpy")
def note_device(outcome: Outcome, error: float, tries: int, hit: bool) -> None:
    """Add one programmed device to the statistics of a transfer: `error` (µS) of its last verify read, its attempts, success."""
    place = int((error + ERROR_LIMIT) * (ERROR_BINS / (2.0 * ERROR_LIMIT)))
    outcome.errors[min(max(place, 0), ERROR_BINS - 1)] += 1
    outcome.tries[min(tries, TRIES_BINS - 1)] += 1
    outcome.numbers[OUT_AIMED] += 1
    outcome.numbers[OUT_TRIES] += tries
    outcome.numbers[OUT_MOST_TRIES] = max(outcome.numbers[OUT_MOST_TRIES], tries)
    outcome.numbers[OUT_UNCONVERGED] += not hit
