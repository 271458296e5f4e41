"""The capacitor: closed-form leak, and what a burst of update pulses does.

Voltages are kept as overdrives, above the threshold of the cell's own read transistor, so that a read needs nothing else; leak
pulls them towards the resting voltage. A row carries the time at which it was last brought up to date; gaps below
`Device.quantum` (a 2^-12 part of the retention) are left to the next access, which keeps float32 from rounding them away; a
read then sees at most 2.5e-4 of a deviation too much. No time is ever dropped.
"""

from __future__ import annotations

import math

import numpy as np

from chipsim.kernels.jit import kernel
from chipsim.kernels.layout import F32, I8, I64, TILE_CELL, TILE_HEIGHT, TILE_ROW_LINE, TILE_STRIDE, U8, Cells, Device, RowLines

SHORT = 1.0 / 64.0
"""Gaps up to this part of the nominal retention take the polynomial, longer ones the exponential."""

_ONE = np.float32(1.0)
_HALF = np.float32(0.5)
_SIXTH = np.float32(1.0 / 6.0)
_TWENTY_FOURTH = np.float32(1.0 / 24.0)


@kernel(inline="always")
def leak_short(overdrive: F32, threshold: I8, leak: U8, row: int, scaled: np.float32, rest: np.float32, lsb: np.float32) -> None:
    """Let the cells of one row leak for a short gap (s, times the leak's lsb): good to 2e-8 at four times the mean leak."""
    for i in range(overdrive.shape[1]):
        x = np.float32(leak[row, i]) * scaled
        deviation = overdrive[row, i] - (rest - lsb * np.float32(threshold[row, i]))
        overdrive[row, i] -= deviation * (x * (_ONE - x * (_HALF - x * (_SIXTH - x * _TWENTY_FOURTH))))


@kernel(error_model="numpy")
def leak_long(overdrive: F32, threshold: I8, leak: U8, row: int, scaled: float, rest: np.float32, lsb: np.float32) -> None:
    """Let the cells of one row leak for any gap (s, times the leak's lsb)."""
    for i in range(overdrive.shape[1]):
        settled = rest - lsb * np.float32(threshold[row, i])
        left = math.exp(-np.float64(leak[row, i]) * scaled)
        overdrive[row, i] = settled + np.float32((overdrive[row, i] - settled) * left)


@kernel(inline="always")
def leak_row(overdrive: F32, threshold: I8, leak: U8, row: int, elapsed: float, nominal: float, leak_lsb: float, rest: np.float32, lsb: np.float32) -> None:
    """Let the cells of one row leak for `elapsed` s, in place, towards their own overdrive at rest, `rest` - threshold.

    All arrays are (rows, columns); `leak` is 1/retention in `leak_lsb` (1/s), `nominal` the mean (1/s), `threshold` in `lsb` (V).
    """
    if elapsed * nominal <= SHORT:
        leak_short(overdrive, threshold, leak, row, np.float32(elapsed * leak_lsb), rest, lsb)
    else:
        leak_long(overdrive, threshold, leak, row, elapsed * leak_lsb, rest, lsb)


@kernel(error_model="numpy")
def bring_row_up(tile: I64, j: int, cells: Cells, rows: RowLines, now: int, device: Device) -> None:
    """Let the capacitors of one row of a tile leak up to `now` (ps)."""
    height, stride = tile[TILE_HEIGHT], tile[TILE_STRIDE]
    a, b = tile[TILE_CELL], tile[TILE_CELL] + height * stride
    overdrive = cells.overdrive[a:b].reshape((height, stride))
    threshold = cells.threshold[a:b].reshape((height, stride))
    leak = cells.leak[a:b].reshape((height, stride))
    line = tile[TILE_ROW_LINE] + j
    gap = now - rows.time[line]
    if gap > 0:
        rest, lsb = np.float32(device.rest_overdrive), np.float32(device.threshold_lsb)
        leak_row(overdrive, threshold, leak, j, gap * 1e-12, device.nominal_leak, device.leak_lsb, rest, lsb)
        rows.time[line] = now


@kernel(error_model="numpy")
def reference_conductance(reference: np.float32, since: np.int64, now: int, device: Device) -> np.float32:
    """Return g_ref (µS) at `now` of a reference preset to the deviation `reference` (V) at `since`; it leaks like a cell."""
    left = np.float64(reference) * math.exp(-(now - since) * 1e-12 * device.nominal_leak)
    return np.float32(max(device.transconductance * (left + device.rest_overdrive), 0.0))


@kernel(inline="always")
def pulse_step(above: np.float32, pulses: np.int64, sign: np.float32, step: np.float32, noise: np.float32, slope: np.float32) -> np.float32:
    """Return the voltage change of equal pulses, with the state dependence to second order in the steps.

    One pulse moves by `step (1 - s (V - V0))` upward (`sign` +1) or `-step (1 + s (V - V0))` downward (-1); `slope` is s
    (1/V), `above` is V - V0, `noise` is the noise of the whole burst in steps. All float32.
    """
    first = step * (_ONE - sign * slope * above)
    count = np.float32(pulses)
    return sign * first * (count * (_ONE - _HALF * (count - _ONE) * slope * step) + noise)
