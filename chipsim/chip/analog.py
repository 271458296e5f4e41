"""The chip: training in windows, and what time does to it while nothing is trained.

Nothing here knows about events; methods say what happens to the arrays at a moment, and the ledger (`amounts`) says what was done.
Reading without touching stands in `looking`, writing outside of training in `writing`, the arrays in `state`.
"""

from __future__ import annotations

import numpy as np

from chipsim.chip import build
from chipsim.chip.writing import Writing
from chipsim.kernels import layout, training
from chipsim.units import PS


class AnalogChip(Writing):
    """A network in 2PCM+3T1C, 2PCM or 3T1C cells."""

    def train(self, first: int, last: int, start_ps: int) -> int:
        """Run phases `first .. last - 1` of the run, the first one starting at `start_ps`; return when they end.

        Raises
        ------
        SimulationError
            if they may end beyond the kernels' clock (`relative`).
        """
        self.relative(start_ps + -(-(last - first) // len(self.phase_ps)) * self.image_ps)
        ended = training.train_phases(
            first,
            last,
            self.relative(start_ps),
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
        return int(ended) + self.origin_ps

    def idled(self, lasted_ps: int, step: int) -> None:
        """Count time in which the chip was powered, but training stood still."""
        self.ledger(step)[1][layout.POWERED_TIME] += lasted_ps * PS

    def sent(self, step: int) -> None:
        """Count an image on the host's link."""
        if self.scenario.host is not None:
            self.ledger(step)[0][layout.LINK_BIT] += self.scenario.network.layers[0] * self.scenario.host.bits

    def rested(self, now_ps: int, lasted_ps: int, step: int) -> None:
        """Count time under power in which nothing was done; capacitors have leaked, PCM has drifted."""
        self.idled(lasted_ps, step)
        self._pass_time(now_ps)

    def slept(self, off_ps: int, on_ps: int, ended_ps: int, step: int) -> None:
        """Count a sleep and the wake-up after it; capacitors have leaked, PCM has drifted."""
        counts, sums = self.ledger(step)
        counts[layout.WAKE_UP] += 1
        sums[layout.ASLEEP_TIME] += (on_ps - off_ps) * PS
        sums[layout.POWERED_TIME] += (ended_ps - on_ps) * PS
        self._pass_time(ended_ps)

    def update_pulses(self) -> int:
        """Return the update pulses of the run so far."""
        return int(self.amounts.segment_counts[:, (layout.PULSE_UP, layout.PULSE_DOWN)].sum())

    def _pass_time(self, now_ps: int) -> None:
        """Bring the whole chip up to date and make this moment the origin of its times."""
        elapsed_ps = self.since(now_ps)
        if self.device.has_capacitor:
            for tile in self.geometry.tiles:
                settled = self.settled(tile)
                build.plane(self.cells.overdrive, tile)[...] = settled + self.tile_deviation(tile, now_ps)
            left = np.exp(-(elapsed_ps - self.columns.time) * PS * self.device.nominal_leak)
            self.columns.reference[...] = self.columns.reference * left
        self.rows.time[...] = 0
        self.rows.refreshed[...] = 0
        self.columns.time[...] = 0
        self.columns.programmed[...] -= elapsed_ps * PS
        self.origin_ps = now_ps
        if self.device.has_pcm and self.cell.pcm.drift.enabled:
            self.drift(now_ps)


__all__ = ["AnalogChip"]
