"""Count the update pulses of every cell while a scenario trains, and say what became of its weight.

A run keeps no pulses per cell. But inputs and errors of an image stand on the lines until the next one, and every draw is a function of
seed, purpose, place and image: the pulse trains of an image can be drawn a second time, by the kernel that drew them first. So the chip is
trained image by image where pulses are counted, and in the usual windows elsewhere; it learns the same either way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chipsim import Scenario
from chipsim.chip import build
from chipsim.chip.analog import AnalogChip
from chipsim.chip.plan import Plan, Weights, plan_training
from chipsim.chip.pretrain import programmed_weights
from chipsim.datasets import Dataset, load_dataset
from chipsim.errors import InputError, SimulationError
from chipsim.events.simulation import Simulation, SimulationState
from chipsim.kernels import layout, random, update
from chipsim.run.progress import Silent
from chipsim.run.recorder import Recorder
from chipsim.scenario.model import Parameters

Counts = list[NDArray[np.int32]]


@dataclass
class Window:
    """What every cell was asked for from image `first` to before image `last`; arrays are (inputs + 1, outputs), one a layer."""

    name: str
    first: int
    last: int
    total: Counts = field(default_factory=list)
    """Pulses in either direction."""
    net: Counts = field(default_factory=list)
    """Pulses that raise the weight minus those that lower it."""
    booked: int = 0
    """Update pulses of these images by the chip's own ledger."""
    before: Weights = field(default_factory=list)
    after: Weights = field(default_factory=list)
    """Weights (units of weight) when the first image began and when the last one, with the transfer that was due then, was over."""

    @property
    def counted(self) -> int:
        """Return the pulses of all cells."""
        return sum(int(layer.sum()) for layer in self.total)


class CountingChip(AnalogChip):
    """A chip that counts every cell's pulses inside some windows."""

    def __init__(self, scenario: Parameters, data: Dataset, plan: Plan, windows: Sequence[Window]) -> None:
        super().__init__(scenario, data, plan)
        self.windows = windows
        self._lines = build.build_signals(self.geometry)[1]
        for window in windows:
            window.total = [np.zeros(layer.shape, dtype=np.int32) for layer in self.empty_weights()]
            window.net = [np.zeros(layer.shape, dtype=np.int32) for layer in self.empty_weights()]

    @property
    def done(self) -> bool:
        """Whether every window is over."""
        return all(window.after for window in self.windows)

    def train(self, first: int, last: int, start_ps: int) -> int:
        """Run phases as `AnalogChip.train` does, cut at the images that are counted."""
        phases = len(self.phase_ps)
        while first < last:
            step, boundary = first // phases, first % phases == 0
            if boundary:
                self._look(step, start_ps)
            window = next((window for window in self.windows if window.first <= step < window.last), None)
            later = [window.first * phases for window in self.windows if window.first > step]
            stop = min(last, (step + 1) * phases) if window else min([last, *later])
            before = self._booked()
            start_ps = super().train(first, stop, start_ps)
            if window:
                window.booked += self._booked() - before
                if stop % phases == 0:
                    self._count(window, step)
            first = stop
        return start_ps

    def _look(self, step: int, now_ps: int) -> None:
        """Note the weights where a window begins or is over; whatever was due before image `step` has been done."""
        for window in self.windows:
            if window.first == step:
                window.before = self.weights_at(now_ps)
            if window.last == step:
                window.after = self.weights_at(now_ps)

    def _booked(self) -> int:
        """Return the pulses by the ledger; with PCM pairs alone every update pulse is a SET pulse."""
        actions = (layout.PULSE_UP, layout.PULSE_DOWN) if self.device.has_capacitor else (layout.SET_PULSE,)
        return int(self.amounts.segment_counts[:, actions].sum())

    def _count(self, window: Window, step: int) -> None:
        """Draw the pulse trains of image `step` again, and count where they coincide."""
        rate = self.plan.rates[step // (self.plan.order.size // self.plan.rates.size)]
        for layer in range(self.layers):
            x = self.signals.inputs[self.geometry.input_at[layer] : self.geometry.input_at[layer + 1]]
            d = self.signals.errors[self.geometry.output_at[layer] : self.geometry.output_at[layer + 1]]
            slots, scale_x, scale_d = update.pulse_scale(update.largest(x), update.largest(d), rate, self.device.weight_step, self.rule.max_pulses)
            if slots == 0:
                continue
            rows, row_trains = self._fired(x, scale_x, slots, random.ROW_PULSES, layer, step)
            columns, column_trains = self._fired(d, scale_d, slots, random.COLUMN_PULSES, layer, step)
            pulses = np.bitwise_count(row_trains[:, None] & column_trains).astype(np.int32)
            cells = np.ix_(rows, columns)
            window.total[layer][cells] += pulses
            window.net[layer][cells] += pulses * np.sign(x[rows, None] * d[columns]).astype(np.int32)

    def _fired(self, values: layout.F32, scale: float, slots: int, purpose: int, layer: int, step: int) -> tuple[NDArray[np.int64], layout.U64]:
        """Return the lines that carry a pulse, and their pulse trains, as bit masks."""
        place, word = self._lines.row_place, self._lines.row_word
        fired = update.fire_lines(values, scale, slots, self.rule.seed, purpose, layer, step, place, word, self._lines.threshold)
        return place[:fired].astype(np.int64), word[:fired].copy()


class _Unheard(Recorder):
    """Measures no accuracy, which takes longer than all the rest, and follows no cells."""

    def evaluate(self, step: int, now_ps: int) -> None:
        """Measure nothing."""

    def probed(self, number: int, step: int, now_ps: int) -> None:
        """Keep nothing."""


def interval_of(scenario: Parameters) -> int:
    """Return the images between two transfers; also of a cell without a capacitor, which is compared over as many images.

    Raises
    ------
    InputError
        if the interval is a time.
    """
    if scenario.transfer.every.images is None:
        msg = "transfer.every: pulses are counted over intervals of so many images, not over a time; write it like '8000 images'"
        raise InputError(msg)
    return scenario.transfer.every.images


def windows_of(scenario: Parameters, steps: int) -> tuple[Window, Window]:
    """Return two windows of two intervals each: the first of the run, and the last that are followed by a transfer and more images.

    Raises
    ------
    InputError
        if the run is too short for both.
    """
    interval = interval_of(scenario)
    end = (steps - 1) // interval * interval
    if end < 4 * interval:
        msg = f"training.epochs: a run of {steps:,} images is too short; two windows of two intervals take more than {4 * interval:,}"
        raise InputError(msg)
    return Window("early", 0, 2 * interval), Window("late", end - 2 * interval, end)


def count_pulses(scenario: Scenario, data_dir: Path | None = None) -> tuple[Window, Window]:
    """Train a scenario up to the end of its late window; return both windows.

    Raises
    ------
    InputError
        if the scenario or its data cannot be used, it has no devices, or its pulses are no stochastic trains.
    SimulationError
        if the count is not the one that the chip itself kept.
    """
    if scenario.cell.kind == "software" or scenario.training.update != "stochastic" or scenario.stage:
        msg = f"{scenario.name}: pulses are counted on a chip that is trained by stochastic pulse trains, without stages"
        raise InputError(msg)
    data = load_dataset(scenario.data, data_dir)
    data.require(scenario.network.layers[0], scenario.network.layers[-1])
    images = len(data.train_labels)
    plan = plan_training(scenario, images)
    windows = windows_of(scenario, plan.steps)
    chip = CountingChip(scenario, data, plan, windows)
    simulation = Simulation(scenario, chip, SimulationState.start(scenario), _Unheard(scenario, chip, Silent()), steps=plan.steps, images=images)
    chip.program(programmed_weights(scenario, data))
    simulation.run(lambda: chip.done)
    for window in windows:
        if window.counted != window.booked:
            msg = f"{scenario.name}, {window.name}: {window.counted} pulses were counted, the chip booked {window.booked}"
            raise SimulationError(msg)
    return windows
