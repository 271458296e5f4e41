"""Reads of one tile: forward (rows driven) and backward (columns driven).

Lines are driven bipolar: a value is the width and sign of a pulse of the read voltage, so positive and negative values
integrate at once. Sums run over float32 cells; white read noise is added once per line by the caller, with the variance
summed here, which is exact in distribution.

`tile` is a row of `Geometry.tiles`, `now` in ps; arrays of cells are the tile's (padded rows, padded columns), conductances in
µS; `places` and `values` list driven rows of the tile and their inputs, in groups of four.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from chipsim.kernels.capacitor import leak_row, reference_conductance
from chipsim.kernels.jit import FLOAT_MATH, kernel
from chipsim.kernels.layout import (
    F32,
    I8,
    I64,
    TILE_CELL,
    TILE_COLUMN,
    TILE_COLUMN_LINE,
    TILE_COLUMNS,
    TILE_HEIGHT,
    TILE_ROW,
    TILE_ROW_LINE,
    TILE_ROWS,
    TILE_STRIDE,
    U8,
    Cells,
    ColumnLines,
    Device,
    RowLines,
)

Scalar = TypeVar("Scalar", bound=np.generic)


@kernel(fastmath=FLOAT_MATH, error_model="numpy")
def add_pcm(total: F32, pcm: F32, places: I64, values: F32, first: int, last: int) -> None:
    """Add the PCM part of the driven rows `places[first:last]` to the sums of all columns.

    Four rows at a time, because the sums then travel to memory and back a quarter as often; one sum a loop, because the
    compiler vectorises only where few pointers can overlap.
    """
    for at in range(first, last, 4):
        j0, j1, j2, j3 = places[at], places[at + 1], places[at + 2], places[at + 3]
        x0, x1, x2, x3 = values[at], values[at + 1], values[at + 2], values[at + 3]
        for i in range(total.size):
            total[i] += (x0 * pcm[j0, i] + x1 * pcm[j1, i]) + (x2 * pcm[j2, i] + x3 * pcm[j3, i])


@kernel(fastmath=FLOAT_MATH, error_model="numpy")
def add_noise(variance: F32, noise: U8, places: I64, values: F32, first: int, last: int) -> None:
    """Add the noise variance (squared lsb) of the driven rows `places[first:last]` to the sums of all columns."""
    for at in range(first, last, 4):
        j0, j1, j2, j3 = places[at], places[at + 1], places[at + 2], places[at + 3]
        x0, x1, x2, x3 = values[at], values[at + 1], values[at + 2], values[at + 3]
        for i in range(variance.size):
            s0 = x0 * np.float32(noise[j0, i])
            s1 = x1 * np.float32(noise[j1, i])
            s2 = x2 * np.float32(noise[j2, i])
            s3 = x3 * np.float32(noise[j3, i])
            variance[i] += (s0 * s0 + s1 * s1) + (s2 * s2 + s3 * s3)


@kernel(fastmath=FLOAT_MATH, error_model="numpy")
def add_capacitor(total: F32, overdrive: F32, places: I64, values: F32, first: int, last: int) -> None:
    """Add the read transistors of the driven rows `places[first:last]`, in units of the transconductance, to the sums of all columns."""
    zero = np.float32(0.0)
    for at in range(first, last, 4):
        j0, j1, j2, j3 = places[at], places[at + 1], places[at + 2], places[at + 3]
        x0, x1, x2, x3 = values[at], values[at + 1], values[at + 2], values[at + 3]
        for i in range(total.size):
            g0 = x0 * max(overdrive[j0, i], zero) + x1 * max(overdrive[j1, i], zero)
            g2 = x2 * max(overdrive[j2, i], zero) + x3 * max(overdrive[j3, i], zero)
            total[i] += g0 + g2


@kernel(fastmath=FLOAT_MATH, error_model="numpy")
def dot_pcm(pcm: F32, noise: U8, error: F32, out: F32, variance: F32) -> None:
    """Write every row's PCM sum over all driven columns, and its noise variance (squared lsb)."""
    for j in range(0, pcm.shape[0], 4):
        y0, y1, y2, y3 = np.float32(0.0), np.float32(0.0), np.float32(0.0), np.float32(0.0)
        v0, v1, v2, v3 = np.float32(0.0), np.float32(0.0), np.float32(0.0), np.float32(0.0)
        for i in range(error.size):
            d = error[i]
            y0 += pcm[j, i] * d
            y1 += pcm[j + 1, i] * d
            y2 += pcm[j + 2, i] * d
            y3 += pcm[j + 3, i] * d
            s0 = np.float32(noise[j, i]) * d
            s1 = np.float32(noise[j + 1, i]) * d
            s2 = np.float32(noise[j + 2, i]) * d
            s3 = np.float32(noise[j + 3, i]) * d
            v0 += s0 * s0
            v1 += s1 * s1
            v2 += s2 * s2
            v3 += s3 * s3
        out[j], out[j + 1], out[j + 2], out[j + 3] = y0, y1, y2, y3
        variance[j], variance[j + 1], variance[j + 2], variance[j + 3] = v0, v1, v2, v3


@kernel(fastmath=FLOAT_MATH, error_model="numpy")
def dot_capacitor(overdrive: F32, signed: F32, size: F32, out: F32) -> np.float32:
    """Add every row's read-transistor sum to `out`, and return the drive of all without signs.

    `signed` is the error times polarity and transconductance, `size` the error's magnitude.
    """
    zero = np.float32(0.0)
    drive = zero
    for j in range(0, overdrive.shape[0], 4):
        y0, y1, y2, y3 = zero, zero, zero, zero
        for i in range(signed.size):
            d = signed[i]
            g0 = max(overdrive[j, i], zero)
            g1 = max(overdrive[j + 1, i], zero)
            g2 = max(overdrive[j + 2, i], zero)
            g3 = max(overdrive[j + 3, i], zero)
            y0 += g0 * d
            y1 += g1 * d
            y2 += g2 * d
            y3 += g3 * d
            drive += size[i] * ((g0 + g1) + (g2 + g3))
        out[j] += y0
        out[j + 1] += y1
        out[j + 2] += y2
        out[j + 3] += y3
    return drive


@kernel(inline="always")
def plane(values: NDArray[Scalar], tile: I64) -> NDArray[Scalar]:
    """Return one tile's part of a flat array of cells, as (padded rows, padded columns)."""
    height, stride = tile[TILE_HEIGHT], tile[TILE_STRIDE]
    return values[tile[TILE_CELL] : tile[TILE_CELL] + height * stride].reshape((height, stride))


@kernel(error_model="numpy")
def references(tile: I64, columns: ColumnLines, now: int, device: Device, out: F32) -> None:
    """Write g_ref (µS) of every column of a tile at `now` into `out`; columns of one age share the exponential."""
    since = np.int64(-1)
    start = np.float32(0.0)
    g_ref = np.float32(0.0)
    for i in range(tile[TILE_COLUMNS]):
        c = tile[TILE_COLUMN_LINE] + i
        if i == 0 or columns.time[c] != since or columns.reference[c] != start:
            since = columns.time[c]
            start = columns.reference[c]
            g_ref = reference_conductance(start, since, now, device)
        out[i] = g_ref


@kernel(error_model="numpy")
def bring_up(tile: I64, overdrive: F32, threshold: I8, leak: U8, rows: RowLines, places: I64, first: int, last: int, now: int, device: Device) -> None:
    """Bring the rows `places[first:last]` of a tile up to date; gaps below the quantum are left to the next access."""
    quantum, nominal, lsb = device.quantum, device.nominal_leak, device.leak_lsb
    rest, threshold_lsb = np.float32(device.rest_overdrive), np.float32(device.threshold_lsb)
    for r in range(first, last):
        line = tile[TILE_ROW_LINE] + places[r]
        gap = now - rows.time[line]
        if gap >= quantum:
            leak_row(overdrive, threshold, leak, places[r], gap * 1e-12, nominal, lsb, rest, threshold_lsb)
            rows.time[line] = now


@kernel(error_model="numpy")
def driven_rows(tile: I64, rows: RowLines, x: F32, places: I64, values: F32) -> tuple[int, int, int, int, float, float, float]:
    """List the rows of a tile with a positive input from place 0 on, those with a negative one from `split` on.

    Both lists are filled up to a multiple of four with silent rows. Returns `split`, the ends of the two lists, the rows
    driven, the sums of positive and of negative inputs, and the sum of |x| times the row's PCM conductance. There is no
    branch on the sign, which no processor could predict.
    """
    height = tile[TILE_ROWS]
    split = tile[TILE_HEIGHT] + 4
    up, down = 0, split
    size_up, size_down, pcm_drive = 0.0, 0.0, 0.0
    for j in range(height):
        xj = x[tile[TILE_ROW] + j]
        places[up] = j
        values[up] = xj
        up += xj > 0.0
        places[down] = j
        values[down] = xj
        down += xj < 0.0
        size_up += max(xj, np.float32(0.0))
        size_down += min(xj, np.float32(0.0))
        pcm_drive += abs(xj) * rows.pcm_sum[tile[TILE_ROW_LINE] + j]
    driven = up + down - split
    for k in range(4):
        places[up + k] = 0
        values[up + k] = 0.0
        places[down + k] = 0
        values[down + k] = 0.0
    return split, up, down, driven, size_up, size_down, pcm_drive


@kernel(error_model="numpy")
def forward_tile(
    tile: I64, cells: Cells, rows: RowLines, columns: ColumnLines, x: F32, now: int, device: Device, scratch: F32, places: I64
) -> tuple[float, float, int]:
    """Read one tile forward with the layer's inputs `x`.

    Adds to the layer's sums in `scratch[0]` (µS) and variances in `scratch[1]` (squared lsb). Returns input times
    conductance summed over the PCM devices and over the read transistors (µS), and the number of driven rows.
    """
    width, stride, first = tile[TILE_COLUMNS], tile[TILE_STRIDE], tile[TILE_COLUMN]
    pcm, noise = plane(cells.pcm, tile), plane(cells.noise, tile)
    overdrive, threshold, leak = plane(cells.overdrive, tile), plane(cells.threshold, tile), plane(cells.leak, tile)
    y, variance = scratch[0, first : first + stride], scratch[1, first : first + stride]
    upward, downward, g_ref, values = scratch[2, :stride], scratch[3, :stride], scratch[4], scratch[5]
    split, up, down, driven, size_up, size_down, pcm_drive = driven_rows(tile, rows, x, places, values)
    if device.has_pcm:
        add_pcm(y, pcm, places, values, 0, up)
        add_pcm(y, pcm, places, values, split, down)
        add_noise(variance, noise, places, values, 0, up)
        add_noise(variance, noise, places, values, split, down)
    if not device.has_capacitor:
        return pcm_drive, 0.0, driven
    bring_up(tile, overdrive, threshold, leak, rows, places, 0, up, now, device)
    bring_up(tile, overdrive, threshold, leak, rows, places, split, down, now, device)
    upward[:] = 0.0
    downward[:] = 0.0
    add_capacitor(upward, overdrive, places, values, 0, up)
    add_capacitor(downward, overdrive, places, values, split, down)
    references(tile, columns, now, device, g_ref)
    k = np.float32(device.transconductance)
    total_input = np.float32(size_up + size_down)
    drive = 0.0
    for i in range(width):
        y[i] += columns.polarity[tile[TILE_COLUMN_LINE] + i] * (k * (upward[i] + downward[i]) - g_ref[i] * total_input)
        drive += upward[i] - downward[i]
    return pcm_drive, device.transconductance * drive + (size_up - size_down) * g_ref[0], driven


@kernel(error_model="numpy")
def backward_tile(
    tile: I64, cells: Cells, rows: RowLines, columns: ColumnLines, d: F32, now: int, device: Device, scratch: F32, places: I64
) -> tuple[float, float, int]:
    """Read one tile backward with the layer's errors `d`; arguments and results as `forward_tile`, rows for columns."""
    width, stride, first = tile[TILE_COLUMNS], tile[TILE_STRIDE], tile[TILE_COLUMN]
    pcm, noise = plane(cells.pcm, tile), plane(cells.noise, tile)
    overdrive, threshold, leak = plane(cells.overdrive, tile), plane(cells.threshold, tile), plane(cells.leak, tile)
    signed, size, error = scratch[2, :stride], scratch[3, :stride], scratch[4, :stride]
    sums, variances, g_ref = scratch[5], scratch[6], scratch[7]
    scratch[2:5, :stride] = 0.0
    k = np.float32(device.transconductance)
    pcm_drive, reference_drive = 0.0, 0.0
    reference_sum = np.float32(0.0)
    driven = 0
    if device.has_capacitor:
        for j in range(tile[TILE_ROWS]):
            places[j] = j
        bring_up(tile, overdrive, threshold, leak, rows, places, 0, tile[TILE_ROWS], now, device)
        references(tile, columns, now, device, g_ref)
    for i in range(width):
        c = tile[TILE_COLUMN_LINE] + i
        error[i] = d[first + i]
        size[i] = abs(error[i])
        pcm_drive += size[i] * columns.pcm_sum[c]
        driven += error[i] != 0.0
        if device.has_capacitor:
            signed[i] = columns.polarity[c] * error[i] * k
            reference_sum += columns.polarity[c] * error[i] * g_ref[i]
            reference_drive += size[i] * g_ref[i]
    capacitor_drive = 0.0
    dot_pcm(pcm, noise, error, sums, variances)
    if device.has_capacitor:
        capacitor_drive += np.float64(dot_capacitor(overdrive, signed, size, sums))
    for j in range(tile[TILE_ROWS]):
        scratch[0, tile[TILE_ROW] + j] += sums[j] - reference_sum
        scratch[1, tile[TILE_ROW] + j] += variances[j]
    return pcm_drive, device.transconductance * capacitor_drive + reference_drive, driven
