"""The chip: its state, and the only calls into kernels.

Times are picoseconds of the run's clock (Python integers). Nothing here knows about events; methods say what happens to
the arrays at a moment, and the ledger (`amounts`) says what was done.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from chipsim.chip import build
from chipsim.datasets import Dataset
from chipsim.errors import InputError, SimulationError
from chipsim.kernels import layout, pairs, random, training, transfer
from chipsim.kernels.programming import Outcome
from chipsim.scenario.model import Parameters
from chipsim.units import PS

Weights = list[NDArray[np.float32]]

_LAST_TIME = 2**62


@dataclass(frozen=True)
class Plan:
    """Which image every step of the run learns from, and at which rate."""

    order: NDArray[np.int64]
    """(steps,) image of every step."""
    rates: NDArray[np.float64]
    """(epochs,) learning rates."""

    @property
    def steps(self) -> int:
        """Images of the whole run."""
        return int(self.order.size)


def plan_training(scenario: Parameters, images: int) -> Plan:
    """Draw the order of images of every epoch, and list the learning rates."""
    epochs = scenario.training.epochs
    orders = np.empty((epochs, images), dtype=np.int64)
    words = np.empty(images, dtype=np.uint64)
    for epoch in range(epochs):
        random.fill_words(words, scenario.seed, random.DATA_ORDER, 0, epoch)
        orders[epoch] = np.argsort(words, kind="stable") if scenario.data.shuffle else np.arange(images)
    rates = scenario.training.learning_rate * scenario.training.learning_rate_decay ** np.arange(max(epochs, 1), dtype=np.float64)
    return Plan(order=orders.ravel(), rates=rates)


class AnalogChip:
    """A network in 2PCM+3T1C, 2PCM or 3T1C cells."""

    def __init__(self, scenario: Parameters, data: Dataset, plan: Plan) -> None:
        self.scenario = scenario
        self.data = data
        self.plan = plan
        self.cell = scenario.cell
        sizes = scenario.network.layers
        self.layers = len(sizes) - 1
        self.geometry = build.build_geometry(sizes, scenario.tiles.max_rows, scenario.tiles.max_columns)
        self.device = build.build_device(scenario.cell, scenario.timing.forward)
        self.rule = build.build_rule(scenario)
        self.programming = build.build_programming(scenario)
        self.pairs = build.build_pairs(scenario)
        self.cells = build.build_cells(self.geometry, scenario.cell, self.device, scenario.seed)
        self.rows, self.columns = build.build_lines(self.geometry, self.device)
        self.signals, self.pulses = build.build_signals(self.geometry)
        self.exchange = build.build_exchange(self.geometry)
        self.amounts = build.build_amounts(max(-(-plan.steps // scenario.record.segment), 1))
        timing = scenario.timing
        self.phase_ps = (timing.forward,) * self.layers + (timing.backward,) * (self.layers - 1) + (build.update_time(scenario),)
        self.image_ps = sum(self.phase_ps)

    # ---- training -------------------------------------------------------------------------------------------------

    def train(self, first: int, last: int, start_ps: int) -> int:
        """Run phases `first .. last - 1` of the run, the first one starting at `start_ps`; return when they end."""
        return int(
            training.train_phases(
                first,
                last,
                self._relative(start_ps),
                self.data.train_images,
                self.data.train_labels,
                self.plan.order,
                self.plan.rates,
                self.geometry,
                self.cells,
                self.rows,
                self.columns,
                self.signals,
                self.pulses,
                self.rule,
                self.pairs,
                self.device,
                self.amounts,
            )
        )

    # ---- programming ----------------------------------------------------------------------------------------------

    def program(self, weights: Weights) -> Outcome:
        """Write weights (units of weight, (inputs + 1, outputs) a layer) into the cells at time zero; paid for, no chip time."""
        outcome = build.build_outcome()
        counts, sums = self._ledger(0)
        for tile in self.geometry.tiles:
            build.plane(self.exchange.wanted, tile)[...] = _block(weights, tile) * np.float32(self.device.unit)
        if self.cell.kind == "2pcm":
            pairs.program_pairs(self.geometry, self.exchange.wanted, 0, self.cells, self.rows, self.columns, self.device, self.pairs, counts, sums)
        elif self.cell.kind == "3t1c":
            self._charge(counts)
        else:
            transfer.program_all(self.geometry, 0, 0, self.cells, self.rows, self.columns, self.device, self.programming, self.exchange, counts, sums, outcome)
        return outcome

    def transfer_now(self, now_ps: int, number: int, step: int) -> Outcome:
        """Transfer every column at one moment (policy `instant`)."""
        outcome = build.build_outcome()
        counts, sums = self._ledger(step)
        transfer.transfer_all(
            self.geometry,
            self.scenario.transfer.polarity_inversion,
            self._relative(now_ps),
            number,
            self.cells,
            self.rows,
            self.columns,
            self.device,
            self.programming,
            self.exchange,
            counts,
            sums,
            outcome,
        )
        self._look_at_drift(now_ps)
        return outcome

    def _look_at_drift(self, now_ps: int) -> None:
        """Let reads and sums see the pairs as they have drifted, where that matters within a run (`drift.early`)."""
        if self.rule.age_every:
            pairs.age_pairs(self.geometry, self.cells, self.rows, self.columns, self._relative(now_ps), self.device, self.rule.aging_par)

    def sample_column(self, tile: int, column: int, now_ps: int, number: int, step: int) -> None:
        """Read the weights of one column of a tile for a transfer."""
        transfer.sample_column(
            self.geometry.tiles[tile],
            column,
            self.cells,
            self.rows,
            self.columns,
            self._relative(now_ps),
            number,
            self.device,
            self.programming,
            self.exchange,
            self._ledger(step)[0],
        )

    def aim_column(self, tile: int, column: int) -> None:
        """Turn the sampled weights of one column into target conductances."""
        transfer.aim_column(self.geometry.tiles[tile], column, self.next_polarity(tile, column), self.cells, self.device, self.programming, self.exchange)

    def attempt_column(self, tile: int, column: int, attempt: int, number: int, step: int, outcome: Outcome) -> tuple[int, int, int, int]:
        """RESET, ramp and verify the pending devices of one column; return (RESETs, ramps, ramp time in ps, missed)."""
        counts, sums = self._ledger(step)
        resets, ramps, ramp_ps, missed = transfer.attempt_column(
            self.geometry.tiles[tile],
            column,
            attempt,
            number,
            self.cells,
            self.rows,
            self.columns,
            self.programming,
            self.exchange,
            counts,
            sums,
            outcome,
        )
        return int(resets), int(ramps), int(ramp_ps), int(missed)

    def finish_column(self, tile: int, column: int, now_ps: int, number: int, step: int, outcome: Outcome) -> None:
        """Preset one column, put the residuals on its capacitors and flip its polarity."""
        transfer.finish_column(
            self.geometry.tiles[tile],
            column,
            self.next_polarity(tile, column),
            self._relative(now_ps),
            number,
            self.cells,
            self.rows,
            self.columns,
            self.device,
            self.programming,
            self.exchange,
            self._ledger(step)[0],
            outcome,
        )

    def next_polarity(self, tile: int, column: int) -> float:
        """Return the polarity that a column will have after its next transfer."""
        polarity = float(self.columns.polarity[int(self.geometry.tiles[tile, layout.TILE_COLUMN_LINE]) + column])
        return -polarity if self.scenario.transfer.polarity_inversion else polarity

    def refresh_pairs(self, number: int, step: int) -> int:
        """RESET and rewrite the saturated pairs (cell 2pcm); return how many there were."""
        counts, sums = self._ledger(step)
        return int(pairs.refresh_pairs(self.geometry, number, self.cells, self.rows, self.columns, self.device, self.pairs, counts, sums))

    def buffer_column(self, tile: int, step: int) -> None:
        """Count one sampled column's way into the digital buffer."""
        bits = int(self.geometry.tiles[tile, layout.TILE_ROWS]) * self.scenario.transfer.buffer_bits
        self._ledger(step)[0][layout.BUFFER_BIT] += bits

    def stalled(self, now_ps: int, lasted_ps: int, step: int) -> None:
        """Count time in which the chip was powered but did not train; it ends `now_ps`."""
        self._ledger(step)[1][layout.POWERED_TIME] += lasted_ps * PS
        self._look_at_drift(now_ps)

    def new_outcome(self) -> Outcome:
        """Return the statistics of a transfer that has not begun."""
        return build.build_outcome()

    def columns_of(self, tile: int) -> int:
        """Return the bit lines of a tile."""
        return int(self.geometry.tiles[tile, layout.TILE_COLUMNS])

    @property
    def tiles(self) -> int:
        """Number of tiles."""
        return len(self.geometry.tiles)

    # ---- reading without touching -----------------------------------------------------------------------------------

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
        elapsed = (float(now_ps) - self.columns.time) * PS
        left = self.columns.reference.astype(np.float64) * np.exp(-elapsed * device.nominal_leak)
        return np.asarray(np.maximum(device.transconductance * (left + device.rest_overdrive), 0.0))

    def voltage_at(self, now_ps: int) -> NDArray[np.float64]:
        """Return every capacitor's voltage (V) at a moment, in the order of the cells; writes nothing."""
        voltage = np.zeros(self.cells.overdrive.size)
        for tile in self.geometry.tiles:
            build.plane(voltage, tile)[...] = self._tile_deviation(tile, now_ps) + self.cell.capacitor.resting
        return voltage

    def weights_at(self, now_ps: int) -> Weights:
        """Return all layers' weights at a moment, (inputs + 1, outputs) in units of weight; writes nothing."""
        weights = self._empty_weights()
        for tile in self.geometry.tiles:
            total = build.plane(self.cells.pcm, tile).astype(np.float64)
            if self.device.has_capacitor:
                g, polarity, g_ref = self._tile_capacitor(tile, now_ps)
                total = total + polarity * (g - g_ref)
            _block(weights, tile)[...] = total / self.device.unit
        return weights

    def read_variance(self) -> Weights:
        """Return the variance of every weight in one training read, units of weight squared."""
        variances = self._empty_weights()
        for tile in self.geometry.tiles:
            sigma = build.plane(self.cells.noise, tile).astype(np.float64) * (self.device.noise_lsb / self.device.unit)
            _block(variances, tile)[...] = sigma * sigma
        return variances

    def _empty_weights(self) -> Weights:
        sizes = self.scenario.network.layers
        return [np.zeros((a + 1, b), dtype=np.float32) for a, b in pairwise(sizes)]

    def _tile_deviation(self, tile: NDArray[np.int64], now_ps: int) -> NDArray[np.float64]:
        lines = slice(int(tile[layout.TILE_ROW_LINE]), int(tile[layout.TILE_ROW_LINE] + tile[layout.TILE_ROWS]))
        elapsed = (float(now_ps) - self.rows.time[lines]) * PS
        leak = build.plane(self.cells.leak, tile).astype(np.float64) * self.device.leak_lsb
        held = build.plane(self.cells.overdrive, tile).astype(np.float64) - self._settled(tile)
        return np.asarray(held * np.exp(-leak * elapsed[:, None]))

    def _settled(self, tile: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the overdrive (V) at which every cell of a tile comes to rest."""
        return np.asarray(self.device.rest_overdrive - self.device.threshold_lsb * build.plane(self.cells.threshold, tile).astype(np.float64))

    def _tile_capacitor(self, tile: NDArray[np.int64], now_ps: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        lines = slice(int(tile[layout.TILE_COLUMN_LINE]), int(tile[layout.TILE_COLUMN_LINE] + tile[layout.TILE_COLUMNS]))
        device = self.device
        g = device.transconductance * np.maximum(self._tile_deviation(tile, now_ps) + self._settled(tile), 0.0)
        return g, self.columns.polarity[lines].astype(np.float64), self.reference_at(now_ps)[lines]

    # ---- helpers ----------------------------------------------------------------------------------------------------

    def _charge(self, counts: NDArray[np.int64]) -> None:
        """Preset the capacitors to `Exchange.wanted` (cell 3t1c), with kT/C noise and within their range."""
        device = self.device
        noise = self.programming.thermal_sigma * build.draw_spread(self.geometry, self.scenario.seed, random.THERMAL_NOISE)
        g_ref = device.transconductance * (device.centre + device.rest_overdrive)
        for tile in self.geometry.tiles:
            settled = self._settled(tile)
            wanted = (g_ref + build.plane(self.exchange.wanted, tile).astype(np.float64)) / device.transconductance
            voltage = wanted - settled + build.plane(noise, tile)
            build.plane(self.cells.overdrive, tile)[...] = settled + np.clip(voltage, device.lowest, device.highest)
            counts[layout.PRESET] += int(tile[layout.TILE_COLUMNS])

    def _ledger(self, step: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        at = min(step // self.rule.segment, len(self.amounts.segment_counts) - 1)
        return self.amounts.segment_counts[at], self.amounts.segment_sums[at]

    def _relative(self, now_ps: int) -> int:
        if now_ps > _LAST_TIME:
            msg = f"training at {now_ps} ps lies beyond the kernels' clock of {_LAST_TIME} ps"
            raise SimulationError(msg)
        return now_ps


def _block(weights: Weights, tile: NDArray[np.int64]) -> NDArray[np.float32]:
    row, column = int(tile[layout.TILE_ROW]), int(tile[layout.TILE_COLUMN])
    layer = weights[int(tile[layout.TILE_LAYER])]
    return layer[row : row + int(tile[layout.TILE_ROWS]), column : column + int(tile[layout.TILE_COLUMNS])]


def starting_weights(scenario: Parameters) -> Weights:
    """Return the initial weights: drawn, or read from `network.initial_weights`.

    Raises
    ------
    InputError
        if the file is missing, damaged, or its arrays do not fit the network.
    """
    network = scenario.network
    if not network.initial_weights:
        return build.initial_weights(network.layers, network.initial_scale, scenario.seed)
    path = network.initial_weights
    try:
        with np.load(path, allow_pickle=False) as archive:
            weights = [np.asarray(archive[f"w{layer}"], dtype=np.float32) for layer in range(len(network.layers) - 1)]
    except (OSError, ValueError, KeyError) as error:
        msg = f"network.initial_weights: cannot read {path}: {error}"
        raise InputError(msg) from None
    for layer, (inputs, outputs) in enumerate(pairwise(network.layers)):
        if weights[layer].shape != (inputs + 1, outputs):
            msg = f"network.initial_weights: w{layer} in {path} has shape {weights[layer].shape}, the network wants {(inputs + 1, outputs)}"
            raise InputError(msg)
        if not np.isfinite(weights[layer]).all():
            msg = f"network.initial_weights: w{layer} in {path} holds values that are not finite"
            raise InputError(msg)
    return weights
