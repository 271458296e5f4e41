"""Refresh of capacitors, and the look at how many of them are near their limits.

A refresh reads one row through a read-out of finite resolution and writes it again. What is read is g - g_ref, the part that is
signal; what leaked away of it since the row was last written is made up for at the nominal retention, if that is wanted. The
reference is left to itself, as cells and reference leak alike.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from chipsim.kernels.capacitor import bring_row_up, reference_conductance
from chipsim.kernels.jit import kernel
from chipsim.kernels.layout import (
    CONVERSION,
    I64,
    INTEGRATION,
    REFRESH,
    TILE_CELL,
    TILE_COLUMN,
    TILE_COLUMN_LINE,
    TILE_COLUMNS,
    TILE_LAYER,
    TILE_ROW,
    TILE_ROW_LINE,
    TILE_ROWS,
    TILE_STRIDE,
    Cells,
    ColumnLines,
    Device,
    Geometry,
    RowLines,
)
from chipsim.kernels.random import REFRESH_NOISE, cell_normal, cell_place, uniform, words

MOST_FADED = 700.0
"""Time constants beyond which no more leak is made up for: its factor would be no number any more."""


class Refreshing(NamedTuple):
    """Scalars of refreshes; constant during a run."""

    seed: int
    lsb: float
    """Step of the read-out, µS."""
    levels: float
    """Steps on either side of zero."""
    stochastic: bool
    """Whether rounding is by chance, so that what is less than a step survives on average."""
    compensate: bool
    thermal_sigma: float
    """kT/C noise of writing, V."""


@kernel(error_model="numpy")
def refresh_row(
    tile: I64,
    j: int,
    now: int,
    event: int,
    cells: Cells,
    rows: RowLines,
    columns: ColumnLines,
    device: Device,
    refreshing: Refreshing,
    counts: I64,
) -> None:
    """Read the capacitors of row `j` of a tile at `now` (ps) and write them again; `event` numbers the refreshes of the row."""
    bring_row_up(tile, j, cells, rows, now, device)
    line = tile[TILE_ROW_LINE] + j
    layer, row = tile[TILE_LAYER], tile[TILE_ROW] + j
    for i in range(tile[TILE_COLUMNS]):
        c = tile[TILE_COLUMN_LINE] + i
        cell = tile[TILE_CELL] + j * tile[TILE_STRIDE] + i
        g_ref = np.float64(reference_conductance(columns.reference[c], columns.time[c], now, device))
        signal = device.transconductance * max(cells.overdrive[cell], np.float32(0.0)) - g_ref
        dither = 0.5
        if refreshing.stochastic:
            dither = uniform(words(refreshing.seed, REFRESH_NOISE, layer, 1, cell_place(row, tile[TILE_COLUMN] + i), event)[0])
        steps = min(max(math.floor(signal / refreshing.lsb + dither), -refreshing.levels), refreshing.levels - 1.0)
        wanted = refreshing.lsb * steps
        if refreshing.compensate:
            since = max(rows.refreshed[line], columns.time[c])
            wanted *= math.exp(min((now - since) * 1e-12 * device.nominal_leak, MOST_FADED))
        threshold = device.threshold_lsb * cells.threshold[cell]
        voltage = (g_ref + wanted) / device.transconductance - device.rest_overdrive + threshold
        if refreshing.thermal_sigma > 0.0:
            voltage += refreshing.thermal_sigma * cell_normal(refreshing.seed, REFRESH_NOISE, layer, 0, row, tile[TILE_COLUMN] + i, event)
        held = min(max(voltage, device.lowest), device.highest)
        cells.overdrive[cell] = held + device.rest_overdrive - threshold
    rows.refreshed[line] = now
    counts[REFRESH] += tile[TILE_COLUMNS]
    counts[INTEGRATION] += tile[TILE_COLUMNS]
    counts[CONVERSION] += tile[TILE_COLUMNS]


@kernel(error_model="numpy")
def count_saturated(geometry: Geometry, cells: Cells, rows: RowLines, now: int, device: Device, margin: float) -> int:
    """Return how many capacitors are within `margin` (V) of a limit of their voltage, or of conducting nothing, at `now` (ps)."""
    found = 0
    for t in range(geometry.tiles.shape[0]):
        tile = geometry.tiles[t]
        for j in range(tile[TILE_ROWS]):
            elapsed = (now - rows.time[tile[TILE_ROW_LINE] + j]) * 1e-12 * device.leak_lsb
            for i in range(tile[TILE_COLUMNS]):
                cell = tile[TILE_CELL] + j * tile[TILE_STRIDE] + i
                settled = device.rest_overdrive - device.threshold_lsb * cells.threshold[cell]
                deviation = (cells.overdrive[cell] - settled) * math.exp(-elapsed * cells.leak[cell])
                low = max(device.lowest, -settled) + margin
                found += deviation <= low or deviation >= device.highest - margin
    return found
