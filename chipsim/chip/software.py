"""The network in float32, without a device: the baseline. It has the chip's face, but no time and no energy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chipsim.chip import build
from chipsim.chip.plan import Plan, Weights
from chipsim.datasets import Dataset
from chipsim.kernels import software
from chipsim.kernels.layout import TILE_CELL
from chipsim.scenario.model import Parameters


class SoftwareChip:
    """Plain stochastic gradient descent on the same images, order and initial weights as an `AnalogChip`."""

    def __init__(self, scenario: Parameters, data: Dataset, plan: Plan) -> None:
        self.scenario = scenario
        self.data = data
        self.plan = plan
        self.cell = scenario.cell
        self.layers = len(scenario.network.layers) - 1
        self.geometry = build.build_geometry(scenario.network.layers, 65536, 65536)
        self.rule = build.build_rule(scenario)
        self.signals, _ = build.build_signals(self.geometry)
        self.weights = np.zeros(build.cell_count(self.geometry), dtype=np.float32)
        self.amounts = build.build_amounts(max(-(-plan.steps // scenario.record.segment), 1))
        self.phase_ps: tuple[int, ...] = (0,)
        self.image_ps = 0
        self.layer_of: tuple[int, ...] = ()
        self.stage_images = plan.stage_images
        self.making_ps = plan.making_ps

    def program(self, weights: Weights) -> None:
        """Take over the initial weights."""
        for layer, values in enumerate(weights):
            self._layer(layer)[...] = values

    def train(self, first: int, last: int, start_ps: int) -> int:
        """Learn images `first .. last - 1` of the run; an image is one phase and takes no chip time."""
        software.train_float(
            first,
            last,
            self.data.train_images,
            self.data.train_labels,
            self.plan.order,
            self.plan.rates,
            self.geometry,
            self.weights,
            self.signals,
            self.rule,
            self.amounts,
        )
        return start_ps

    def idled(self, lasted_ps: int, step: int) -> None:
        """Count nothing: software has no chip whose time would be."""

    def sent(self, step: int) -> None:
        """Count nothing, likewise."""

    def rested(self, now_ps: int, lasted_ps: int, step: int) -> None:
        """Forget nothing."""

    def slept(self, off_ps: int, on_ps: int, ended_ps: int, step: int) -> None:
        """Forget nothing."""

    def update_pulses(self) -> int:
        """Return 0: software has no pulses."""
        return 0

    def weights_at(self, now_ps: int) -> Weights:
        """Return all layers' weights, (inputs + 1, outputs)."""
        del now_ps
        return [self._layer(layer).copy() for layer in range(self.layers)]

    def read_variance(self) -> Weights:
        """Return zeros: software reads without noise."""
        return [np.zeros_like(w) for w in self.weights_at(0)]

    def _layer(self, layer: int) -> NDArray[np.float32]:
        inputs, outputs = self.scenario.network.layers[layer : layer + 2]
        start = int(self.geometry.tiles[layer, TILE_CELL])
        return self.weights[start : start + (inputs + 1) * outputs].reshape(inputs + 1, outputs)
