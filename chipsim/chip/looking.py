"""Reading a chip without touching it: what cells hold at a moment, in closed form."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chipsim.chip import build
from chipsim.chip.plan import Weights
from chipsim.chip.state import ChipState, block
from chipsim.kernels import layout, refresh
from chipsim.units import PS


class Looking(ChipState):
    """A chip that can be looked at; nothing here writes."""

    def capacitor_at(self, now_ps: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return all capacitors' conductance g and p (g - g_ref) at a moment, µS, in the order of the cells; writes nothing."""
        g = np.zeros(self.cells.overdrive.size)
        signal = np.zeros(self.cells.overdrive.size)
        for tile in self.geometry.tiles:
            plane_g, polarity, g_ref = self._tile_capacitor(tile, now_ps)
            build.plane(g, tile)[...] = plane_g
            build.plane(signal, tile)[...] = polarity * (plane_g - g_ref)
        return g, signal

    def reference_at(self, now_ps: int) -> NDArray[np.float64]:
        """Return g_ref (µS) of every bit line at a moment."""
        device = self.device
        elapsed = (self.since(now_ps) - self.columns.time) * PS
        left = self.columns.reference.astype(np.float64) * np.exp(-elapsed * device.nominal_leak)
        return np.asarray(np.maximum(device.transconductance * (left + device.rest_overdrive), 0.0))

    def voltage_at(self, now_ps: int) -> NDArray[np.float64]:
        """Return every capacitor's voltage (V) at a moment, in the order of the cells; writes nothing."""
        voltage = np.zeros(self.cells.overdrive.size)
        for tile in self.geometry.tiles:
            build.plane(voltage, tile)[...] = self.tile_deviation(tile, now_ps) + self.cell.capacitor.resting
        return voltage

    def weights_at(self, now_ps: int) -> Weights:
        """Return all layers' weights at a moment, (inputs + 1, outputs) in units of weight; writes nothing."""
        weights = self.empty_weights()
        for tile in self.geometry.tiles:
            total = build.plane(self.cells.pcm, tile).astype(np.float64)
            if self.device.has_capacitor:
                g, polarity, g_ref = self._tile_capacitor(tile, now_ps)
                total = total + polarity * (g - g_ref)
            block(weights, tile)[...] = total / self.device.unit
        return weights

    def read_variance(self) -> Weights:
        """Return the variance of every weight in one training read, units of weight squared."""
        variances = self.empty_weights()
        for tile in self.geometry.tiles:
            sigma = build.plane(self.cells.noise, tile).astype(np.float64) * (self.device.noise_lsb / self.device.unit)
            block(variances, tile)[...] = sigma * sigma
        return variances

    def tile_deviation(self, tile: NDArray[np.int64], now_ps: int) -> NDArray[np.float64]:
        """Return how far a tile's capacitors are from the resting voltage at a moment, V, (rows, columns)."""
        lines = slice(int(tile[layout.TILE_ROW_LINE]), int(tile[layout.TILE_ROW_LINE] + tile[layout.TILE_ROWS]))
        elapsed = (self.since(now_ps) - self.rows.time[lines]) * PS
        leak = build.plane(self.cells.leak, tile).astype(np.float64) * self.device.leak_lsb
        held = build.plane(self.cells.overdrive, tile).astype(np.float64) - self.settled(tile)
        return np.asarray(held * np.exp(-leak * elapsed[:, None]))

    def settled(self, tile: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the overdrive (V) at which every cell of a tile comes to rest."""
        return np.asarray(self.device.rest_overdrive - self.device.threshold_lsb * build.plane(self.cells.threshold, tile).astype(np.float64))

    def _tile_capacitor(self, tile: NDArray[np.int64], now_ps: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        lines = slice(int(tile[layout.TILE_COLUMN_LINE]), int(tile[layout.TILE_COLUMN_LINE] + tile[layout.TILE_COLUMNS]))
        device = self.device
        g = device.transconductance * np.maximum(self.tile_deviation(tile, now_ps) + self.settled(tile), 0.0)
        return g, self.columns.polarity[lines].astype(np.float64), self.reference_at(now_ps)[lines]

    def ages(self, tile: int, now_ps: int) -> NDArray[np.float64]:
        """Return how long ago every column of a tile was written, ps."""
        first = int(self.geometry.tiles[tile, layout.TILE_COLUMN_LINE])
        programmed = self.columns.programmed[first : first + self.columns_of(tile)]
        return np.asarray(np.rint(self.since(now_ps) - programmed / PS))

    def capacitor_age(self, now_ps: int) -> float:
        """Return the mean age of the capacitors since they were written, s."""
        rows = [np.full(self.columns_of(tile), self.rows_of(tile)) for tile in range(self.tiles)]
        ages = [self.ages(tile, now_ps) for tile in range(self.tiles)]
        return float(np.average(np.concatenate(ages), weights=np.concatenate(rows)) * PS)

    def saturated_share(self, now_ps: int) -> float:
        """Return the share of capacitors that are within the margin of a limit at a moment."""
        found = refresh.count_saturated(self.geometry, self.cells, self.rows, self.relative(now_ps), self.device, self.scenario.transfer.saturation_margin)
        return float(found) / max(int(np.count_nonzero(self.cells.leak)), 1)
