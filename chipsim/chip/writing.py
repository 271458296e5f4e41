"""Writing a chip's cells outside of training: programming, transfers column by column, refreshes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chipsim.chip import build
from chipsim.chip.looking import Looking
from chipsim.chip.plan import Weights
from chipsim.chip.state import block
from chipsim.kernels import attempt as attempts
from chipsim.kernels import layout, pairs, random, refresh, transfer
from chipsim.kernels.programming import Outcome
from chipsim.units import PS


class Writing(Looking):
    """A chip whose cells can be written. `number` keys the random draws; the segment of image `step` pays."""

    # ---- everything at one moment -------------------------------------------------------------------------------------

    def program(self, weights: Weights) -> Outcome:
        """Write weights (units of weight, (inputs + 1, outputs) a layer) into the cells at time zero; paid for, no chip time."""
        outcome = build.build_outcome()
        counts, sums = self.ledger(0)
        for tile in self.geometry.tiles:
            build.plane(self.exchange.wanted, tile)[...] = block(weights, tile) * np.float32(self.device.unit)
        if self.cell.kind == "2pcm":
            pairs.program_pairs(self.geometry, self.exchange.wanted, 0, self.cells, self.rows, self.columns, self.device, self.pairs, counts, sums)
        elif self.cell.kind == "3t1c":
            self._charge(counts)
        else:
            transfer.program_all(self.geometry, 0, 0, self.cells, self.rows, self.columns, self.device, self.programming, self.exchange, counts, sums, outcome)
        return outcome

    def transfer_now(self, now_ps: int, number: int, step: int, *, rest: bool = False) -> Outcome:
        """Transfer every column at one moment (policy `instant`); `rest` says that weights must last without their capacitors."""
        outcome = build.build_outcome()
        counts, sums = self.ledger(step)
        transfer.transfer_all(
            self.geometry,
            self.scenario.transfer.polarity_inversion,
            self.relative(now_ps),
            number,
            self.cells,
            self.rows,
            self.columns,
            self.device,
            self.lasting if rest else self.programming,
            self.exchange,
            counts,
            sums,
            outcome,
        )
        self.look_at_drift(now_ps)
        return outcome

    def refresh_pairs(self, number: int, step: int) -> int:
        """RESET and rewrite the saturated pairs (cell 2pcm); return how many there were."""
        counts, sums = self.ledger(step)
        return int(pairs.refresh_pairs(self.geometry, number, self.cells, self.rows, self.columns, self.device, self.pairs, counts, sums))

    def _charge(self, counts: NDArray[np.int64]) -> None:
        """Preset the capacitors to `Exchange.wanted` (cell 3t1c), with kT/C noise and within their range."""
        device = self.device
        noise = self.programming.thermal_sigma * build.draw_spread(self.geometry, self.scenario.seed, random.THERMAL_NOISE)
        g_ref = device.transconductance * (device.centre + device.rest_overdrive)
        for tile in self.geometry.tiles:
            settled = self.settled(tile)
            wanted = (g_ref + build.plane(self.exchange.wanted, tile).astype(np.float64)) / device.transconductance
            voltage = wanted - settled + build.plane(noise, tile)
            build.plane(self.cells.overdrive, tile)[...] = settled + np.clip(voltage, device.lowest, device.highest)
            counts[layout.PRESET] += int(tile[layout.TILE_ROWS] * tile[layout.TILE_COLUMNS])

    # ---- one column of one tile -----------------------------------------------------------------------------------------

    def sample_column(self, tile: int, column: int, now_ps: int, number: int, step: int) -> None:
        """Read the weights of one column of a tile for a transfer."""
        transfer.sample_column(
            self.geometry.tiles[tile],
            column,
            self.cells,
            self.rows,
            self.columns,
            self.relative(now_ps),
            number,
            self.device,
            self.programming,
            self.exchange,
            self.ledger(step)[0],
        )

    def aim_column(self, tile: int, column: int, *, rest: bool = False) -> int:
        """Turn the sampled weights of one column into target conductances, likewise; return how many devices are to be programmed."""
        polarity, programming = self.next_polarity(tile, column), self.lasting if rest else self.programming
        transfer.aim_column(self.geometry.tiles[tile], column, polarity, self.cells, self.device, programming, self.exchange)
        return 2 * self.rows_of(tile)

    def reset_column(self, tile: int, column: int, attempt: int, number: int, step: int, outcome: Outcome) -> tuple[int, int]:
        """RESET the pending devices of one column; return how many are to be ramped now, and how long all ramps take, ps."""
        counts, sums = self.ledger(step)
        ramps, ramp_ps = attempts.reset_column(
            self.geometry.tiles[tile],
            column,
            attempt,
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
        return int(ramps), int(ramp_ps)

    def ramp_column(self, tile: int, column: int, attempt: int, number: int, step: int, outcome: Outcome) -> None:
        """Ramp the pending devices of one column."""
        counts, sums = self.ledger(step)
        attempts.ramp_column(
            self.geometry.tiles[tile],
            column,
            attempt,
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

    def verify_column(self, tile: int, column: int, attempt: int, number: int, step: int, outcome: Outcome) -> int:
        """Read the pending devices of one column; return how many missed and are tried again."""
        counts, sums = self.ledger(step)
        return int(
            attempts.verify_column(self.geometry.tiles[tile], column, attempt, number, self.cells, self.programming, self.exchange, counts, sums, outcome)
        )

    def finish_column(self, tile: int, column: int, now_ps: int, number: int, step: int, outcome: Outcome) -> None:
        """Preset one column, put the residuals on its capacitors and flip its polarity."""
        transfer.finish_column(
            self.geometry.tiles[tile],
            column,
            self.next_polarity(tile, column),
            self.relative(now_ps),
            number,
            self.cells,
            self.rows,
            self.columns,
            self.device,
            self.programming,
            self.exchange,
            self.ledger(step)[0],
            outcome,
        )

    def next_polarity(self, tile: int, column: int) -> float:
        """Return the polarity that a column will have after its next transfer."""
        polarity = float(self.columns.polarity[int(self.geometry.tiles[tile, layout.TILE_COLUMN_LINE]) + column])
        return -polarity if self.scenario.transfer.polarity_inversion else polarity

    def buffer_column(self, tile: int, step: int) -> None:
        """Count one sampled column's way into the digital buffer."""
        self.ledger(step)[0][layout.BUFFER_BIT] += self.rows_of(tile) * self.scenario.transfer.buffer_bits

    def stalled(self, now_ps: int, lasted_ps: int, step: int) -> None:
        """Count the time of a transfer that had the chip to itself; it ends `now_ps`."""
        self.ledger(step)[1][layout.POWERED_TIME] += lasted_ps * PS
        self.look_at_drift(now_ps)

    def new_outcome(self) -> Outcome:
        """Return the statistics of a transfer that has not begun."""
        return build.build_outcome()

    # ---- one row of one tile --------------------------------------------------------------------------------------------

    def refresh_row(self, tile: int, row: int, now_ps: int, number: int, step: int) -> None:
        """Read the capacitors of one row through the refresh's read-out, and write them again."""
        refresh.refresh_row(
            self.geometry.tiles[tile],
            row,
            self.relative(now_ps),
            number,
            self.cells,
            self.rows,
            self.columns,
            self.device,
            self.refreshing,
            self.ledger(step)[0],
        )

    # ---- drift ----------------------------------------------------------------------------------------------------------

    def look_at_drift(self, now_ps: int) -> None:
        """Let reads and sums see the pairs as they have drifted, where that matters within a run (`drift.early`)."""
        if self.rule.age_every:
            self.drift(now_ps)

    def drift(self, now_ps: int) -> None:
        """Let reads and sums see the pairs as they have drifted by now."""
        pairs.age_pairs(self.geometry, self.cells, self.rows, self.columns, self.relative(now_ps), self.device, self.rule.aging_par)
