"""A chip's state: its arrays, its ledger, and how its times relate to the run's clock."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from chipsim.chip import build
from chipsim.chip.plan import Plan, Weights
from chipsim.datasets import Dataset
from chipsim.errors import SimulationError
from chipsim.kernels import layout
from chipsim.scenario.model import Parameters

LAST_TIME = 2**62
"""ps since the origin that the kernels' int64 clock goes to, 53 days; what adds to it has as much room again."""


class ChipState:
    """All arrays of a network in unit cells. Methods take picoseconds of the run's clock (Python integers).

    Kernels count int64 picoseconds from an origin of the chip's own, which moves forward over sleeps and idle stages: years may
    pass, while the clock within a window stays exact.
    """

    def __init__(self, scenario: Parameters, data: Dataset, plan: Plan) -> None:
        self.scenario = scenario
        self.data = data
        self.plan = plan
        self.cell = scenario.cell
        sizes = scenario.network.layers
        self.layers = len(sizes) - 1
        self.geometry = build.build_geometry(sizes, scenario.tiles.max_rows, scenario.tiles.max_columns, full=scenario.tiles.built == "full")
        self.device = build.build_device(scenario.cell, scenario.timing.forward)
        self.rule = build.build_rule(scenario)
        self.programming = build.build_programming(scenario)
        self.lasting = self.programming._replace(offset=scenario.transfer.rest_offset)
        """The scalars of a transfer after which weights must last without their capacitors."""
        self.pairs = build.build_pairs(scenario)
        self.refreshing = build.build_refreshing(scenario)
        self.cells = build.build_cells(self.geometry, scenario.cell, self.device, scenario.seed)
        self.rows, self.columns = build.build_lines(self.geometry, self.device)
        self.signals, self.pulses = build.build_signals(self.geometry)
        self.exchange = build.build_exchange(self.geometry)
        self.amounts = build.build_amounts(max(-(-plan.steps // scenario.record.segment), 1))
        self.origin_ps = 0
        """Moment of the run's clock that the arrays' times count from."""
        self.phase_ps = scenario.phase_ps
        self.image_ps = sum(self.phase_ps)
        self.layer_of = tuple(int(tile[layout.TILE_LAYER]) for tile in self.geometry.tiles)
        self.stage_images = plan.stage_images
        self.making_ps = plan.making_ps

    @property
    def tiles(self) -> int:
        """Number of tiles."""
        return len(self.geometry.tiles)

    def columns_of(self, tile: int) -> int:
        """Return the bit lines of a tile."""
        return int(self.geometry.tiles[tile, layout.TILE_COLUMNS])

    def rows_of(self, tile: int) -> int:
        """Return the word lines of a tile."""
        return int(self.geometry.tiles[tile, layout.TILE_ROWS])

    def ledger(self, step: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the bin of the ledger that image `step` belongs to: counts of actions, sums of quantities."""
        at = min(step // self.rule.segment, len(self.amounts.segment_counts) - 1)
        return self.amounts.segment_counts[at], self.amounts.segment_sums[at]

    def since(self, now_ps: int) -> float:
        """Return the time since the origin, ps, for closed forms."""
        return float(now_ps - self.origin_ps)

    def relative(self, now_ps: int) -> int:
        """Return the time since the origin for kernels, ps.

        Raises
        ------
        SimulationError
            if it lies beyond their clock of 2^62 ps, 53 days without a pause.
        """
        if now_ps - self.origin_ps > LAST_TIME:
            msg = f"training at {now_ps} ps lies beyond the kernels' clock of {LAST_TIME} ps since {self.origin_ps} ps"
            raise SimulationError(msg)
        return now_ps - self.origin_ps

    def empty_weights(self) -> Weights:
        """Return zeros, (inputs + 1, outputs) a layer."""
        sizes = self.scenario.network.layers
        return [np.zeros((a + 1, b), dtype=np.float32) for a, b in pairwise(sizes)]


def block(weights: Weights, tile: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the part of a layer's weights that a tile holds, a view."""
    row, column = int(tile[layout.TILE_ROW]), int(tile[layout.TILE_COLUMN])
    layer = weights[int(tile[layout.TILE_LAYER])]
    return layer[row : row + int(tile[layout.TILE_ROWS]), column : column + int(tile[layout.TILE_COLUMNS])]
