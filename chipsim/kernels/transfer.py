"""Moving weights from the capacitors to the PCM pairs, one column of one tile at a time.

    sample    read the column's weights (with read noise), or take them from the buffer that was filled at the start
    target    F (G+ - G-) = W - p offset - p mismatch, where p is the polarity after the transfer; if p times the target
              before the offset lies between 0 and the offset, both devices stay RESET (Ambrogio et al., Nature 558, 60
              (2018), Extended Data Fig. 9)
    attempt   RESET, ramp, verify (`chipsim.kernels.attempt`); devices that miss their target are tried again
    finish    flip the polarity, preset the capacitors, put the residual on them: it drives g upward under either polarity

Draws are keyed by the cell's logical place and the transfer's number; sub-draws are laid out as in `pcm`.

`tile` is a row of `Geometry.tiles`, `i` a column of that tile, `now` in ps, `transfer` the transfer's number, `polarity` the one
after the transfer (+1 or -1); `counts` (actions,) and `sums` (quantities,) are the bin of `Amounts` that pays.
"""

from __future__ import annotations

import math

import numpy as np

from chipsim.kernels.attempt import ramp_column, reset_column, verify_column
from chipsim.kernels.capacitor import bring_row_up
from chipsim.kernels.jit import kernel
from chipsim.kernels.layout import (
    F64,
    I64,
    PRESET,
    SAMPLE_READ,
    TILE_CELL,
    TILE_COLUMN,
    TILE_COLUMN_LINE,
    TILE_COLUMNS,
    TILE_LAYER,
    TILE_ROW,
    TILE_ROWS,
    TILE_STRIDE,
    Cells,
    ColumnLines,
    Device,
    Geometry,
    RowLines,
)
from chipsim.kernels.pairs import refresh_cell
from chipsim.kernels.pcm import NOMINAL_RANGE, draw_exponent
from chipsim.kernels.programming import OUT_SATURATED, Exchange, Outcome, Programming
from chipsim.kernels.random import DRIFT_EXPONENT, SAMPLE_NOISE, THERMAL_NOISE, cell_normal


@kernel(error_model="numpy")
def bring_tile_up(tile: I64, cells: Cells, rows: RowLines, now: int, device: Device) -> None:
    """Bring every capacitor of a tile up to date: a column write touches the clock of all its rows."""
    for j in range(tile[TILE_ROWS]):
        bring_row_up(tile, j, cells, rows, now, device)


@kernel(error_model="numpy")
def cell_threshold(cells: Cells, cell: int, device: Device) -> float:
    """Return how far the cell's read transistor starts to conduct above the nominal threshold, V."""
    return float(device.threshold_lsb * cells.threshold[cell])


@kernel(error_model="numpy")
def cell_weight(cells: Cells, columns: ColumnLines, cell: int, column: int, g_ref: float, device: Device) -> float:
    """Return one cell's weight in µS; its row must be up to date, `g_ref` (µS) is the reference of its column line now."""
    g = device.transconductance * max(cells.overdrive[cell], 0.0)
    return float(cells.pcm[cell] + columns.polarity[column] * (g - g_ref))


@kernel(error_model="numpy")
def sample_column(
    tile: I64,
    i: int,
    cells: Cells,
    rows: RowLines,
    columns: ColumnLines,
    now: int,
    transfer: int,
    device: Device,
    programming: Programming,
    exchange: Exchange,
    counts: I64,
) -> None:
    """Read the weights (µS) of one column into `Exchange.wanted`: read noise of both devices, then the buffer's steps."""
    bring_tile_up(tile, cells, rows, now, device)
    c = tile[TILE_COLUMN_LINE] + i
    left = np.float64(columns.reference[c]) * math.exp(-(now - columns.time[c]) * 1e-12 * device.nominal_leak)
    g_ref = max(device.transconductance * (left + device.rest_overdrive), 0.0)
    for j in range(tile[TILE_ROWS]):
        cell = tile[TILE_CELL] + j * tile[TILE_STRIDE] + i
        weight = cell_weight(cells, columns, cell, c, g_ref, device)
        plus = programming.sample_slope * cells.g_plus[cell] + programming.sample_offset
        minus = programming.sample_slope * cells.g_minus[cell] + programming.sample_offset
        if plus > 0.0:
            z = cell_normal(programming.seed, SAMPLE_NOISE, tile[TILE_LAYER], 0, tile[TILE_ROW] + j, tile[TILE_COLUMN] + i, transfer)
            weight += z * device.gain * math.sqrt(plus * plus + minus * minus)
        if programming.buffer_lsb > 0.0:
            weight = programming.buffer_lsb * min(
                max(math.floor(weight / programming.buffer_lsb + 0.5), -programming.buffer_levels), programming.buffer_levels - 1.0
            )
        exchange.wanted[cell] = weight
    counts[SAMPLE_READ] += tile[TILE_ROWS]


@kernel(error_model="numpy")
def aim_column(tile: I64, i: int, polarity: float, cells: Cells, device: Device, programming: Programming, exchange: Exchange) -> None:
    """Turn the wanted weights of a column into target conductances (µS), both devices of every cell pending."""
    for j in range(tile[TILE_ROWS]):
        cell = tile[TILE_CELL] + j * tile[TILE_STRIDE] + i
        mismatch = -device.transconductance * cell_threshold(cells, cell, device)
        aim = exchange.wanted[cell] - polarity * mismatch
        if 0.0 <= polarity * aim < programming.offset:
            aim = 0.0
        else:
            aim -= polarity * programming.offset
        target = min(max(aim / device.gain, -programming.maximum), programming.maximum)
        exchange.target[cell] = target
        exchange.pending[cell] = 3
        exchange.tries[cell] = 0


@kernel(error_model="numpy")
def finish_column(
    tile: I64,
    i: int,
    polarity: float,
    now: int,
    transfer: int,
    cells: Cells,
    rows: RowLines,
    columns: ColumnLines,
    device: Device,
    programming: Programming,
    exchange: Exchange,
    counts: I64,
    outcome: Outcome,
) -> None:
    """Preset the column's capacitors and reference, put the residuals on them, and take the new PCM values into use."""
    bring_tile_up(tile, cells, rows, now, device)
    c = tile[TILE_COLUMN_LINE] + i
    columns.polarity[c] = polarity
    columns.reference[c] = programming.initial
    columns.time[c] = now
    columns.programmed[c] = now * 1e-12
    g_ref = device.transconductance * (programming.initial + device.rest_overdrive)
    layer = tile[TILE_LAYER]
    for j in range(tile[TILE_ROWS]):
        cell = tile[TILE_CELL] + j * tile[TILE_STRIDE] + i
        row, column = tile[TILE_ROW] + j, tile[TILE_COLUMN] + i
        residual = exchange.wanted[cell] - device.gain * (exchange.seen_plus[cell] - exchange.seen_minus[cell])
        g = g_ref + polarity * residual
        voltage = g / device.transconductance - device.rest_overdrive + cell_threshold(cells, cell, device)
        held = min(max(voltage, device.lowest), device.highest)
        if held != voltage or g < 0.0:
            outcome.numbers[OUT_SATURATED] += 1
        if programming.thermal_sigma > 0.0:
            held += programming.thermal_sigma * cell_normal(programming.seed, THERMAL_NOISE, layer, 0, row, column, transfer)
            held = min(max(held, device.lowest), device.highest)
        cells.overdrive[cell] = held + device.rest_overdrive - cell_threshold(cells, cell, device)
        z_plus = cell_normal(programming.seed, DRIFT_EXPONENT, layer, 0, row, column, transfer)
        z_minus = cell_normal(programming.seed, DRIFT_EXPONENT, layer, 1, row, column, transfer)
        cells.nu_plus[cell] = draw_exponent(cells.g_plus[cell] / NOMINAL_RANGE, z_plus, programming.aging_par)
        cells.nu_minus[cell] = draw_exponent(cells.g_minus[cell] / NOMINAL_RANGE, z_minus, programming.aging_par)
        refresh_cell(cells, cell, device)
        error = cells.pcm[cell] - device.gain * exchange.target[cell]
        outcome.squares[0] += error * error
        outcome.squares[1] += 1.0
    counts[PRESET] += tile[TILE_ROWS]


@kernel(error_model="numpy")
def program_column(
    tile: I64,
    i: int,
    polarity: float,
    now: int,
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
    """Write `Exchange.wanted` of one column, all attempts at one instant."""
    aim_column(tile, i, polarity, cells, device, programming, exchange)
    for attempt in range(1, programming.max_tries + 1):
        reset_column(tile, i, attempt, transfer, cells, rows, columns, device, programming, exchange, counts, sums, outcome)
        ramp_column(tile, i, attempt, transfer, cells, rows, columns, device, programming, exchange, counts, sums, outcome)
        if verify_column(tile, i, attempt, transfer, cells, programming, exchange, counts, sums, outcome) == 0:
            break
    finish_column(tile, i, polarity, now, transfer, cells, rows, columns, device, programming, exchange, counts, outcome)


@kernel(error_model="numpy")
def transfer_all(
    geometry: Geometry,
    invert: bool,
    now: int,
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
    """Transfer every column of every tile at one instant (policy `instant`)."""
    for t in range(geometry.tiles.shape[0]):
        tile = geometry.tiles[t]
        for i in range(tile[TILE_COLUMNS]):
            sample_column(tile, i, cells, rows, columns, now, transfer, device, programming, exchange, counts)
            p = columns.polarity[tile[TILE_COLUMN_LINE] + i]
            polarity = -p if invert else p
            program_column(tile, i, polarity, now, transfer, cells, rows, columns, device, programming, exchange, counts, sums, outcome)


@kernel(error_model="numpy")
def program_all(
    geometry: Geometry,
    now: int,
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
    """Write `Exchange.wanted` everywhere at one instant, polarities as they are (initial weights)."""
    for t in range(geometry.tiles.shape[0]):
        tile = geometry.tiles[t]
        for i in range(tile[TILE_COLUMNS]):
            p = columns.polarity[tile[TILE_COLUMN_LINE] + i]
            program_column(tile, i, p, now, transfer, cells, rows, columns, device, programming, exchange, counts, sums, outcome)
