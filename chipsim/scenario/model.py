"""The scenario: one frozen value that holds every parameter of a run."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import model_validator

from chipsim.devices import Cell
from chipsim.scenario.parts import Data, Network, Prices, Record, Refresh, Retention, Tiles, Timing, Training, Transfer
from chipsim.spec import Spec, param
from chipsim.units import format_time

_TRAINING = {
    "mnist-5k": 5000,
    "mnist": 60000,
    "cifar10-features": 50000,
    "cifar10-features-1k": 1000,
    "spoken-digits": 450,
    "spoken-digits-1k": 200,
}
"""Training images of the data sets that are known beforehand; all of them have ten classes."""
_PIXELS = {"mnist-5k": (22, 24), "mnist": (28, 28)}
"""Rows and columns of their images."""
_CLASSES = 10


class Parameters(Spec):
    """All parameters of a run, as a TOML file holds them."""

    title: str = param("", "one line for people", basis="choice")
    seed: int = param(1, "seed of every random draw", basis="choice", ge=0, lt=2**63)
    data: Data = param(Data(), "images", basis="choice")
    network: Network = param(Network(), "layers", basis="choice")
    training: Training = param(Training(), "gradient descent", basis="choice")
    timing: Timing = param(Timing(), "the training cycle", basis="choice")
    tiles: Tiles = param(Tiles(), "arrays", basis="choice")
    cell: Cell = param(Cell(), "unit cell", basis="choice")
    transfer: Transfer = param(Transfer(), "capacitor to PCM", basis="choice")
    refresh: Refresh = param(Refresh(), "saturated PCM pairs", basis="choice")
    retention: Retention | None = param(None, "a retention measurement after training (or without, with epochs = 0)", basis="choice")
    record: Record = param(Record(), "traces", basis="choice")
    prices: Prices = param(Prices(), "price table", basis="choice")

    @model_validator(mode="after")
    def _consistent(self) -> Parameters:
        conflicts = [*self._data_conflicts(), *self._timing_conflicts(), *self._cell_conflicts()]
        if conflicts:
            raise ValueError("\n".join(conflicts))
        return self

    def _data_conflicts(self) -> Iterator[str]:
        """Yield `key: message` for everything that data and network disagree about."""
        inputs, (rows, columns) = self.data.inputs, self.data.crop
        if inputs not in {None, self.network.layers[0]}:
            found = f'data.name "{self.data.name}" has {inputs} features' if self.data.features else f"data.crop keeps {rows} x {columns} = {inputs} pixels"
            yield f"network.layers: the first layer has {self.network.layers[0]} inputs, but {found}"
        if self.data.name not in _TRAINING:
            return
        images = _TRAINING[self.data.name]
        yield from self._crop_conflicts()
        if self.network.layers[-1] != _CLASSES:
            yield f'network.layers: the last layer has {self.network.layers[-1]} outputs, but the data "{self.data.name}" has {_CLASSES} classes'
        if self.data.evaluate == "validation" and self.data.validation_images >= images:
            yield (
                f'data.validation_images: {self.data.validation_images} leaves nothing of the {images} training images of "{self.data.name}", '
                'while data.evaluate is "validation"'
            )

    def _crop_conflicts(self) -> Iterator[str]:
        """Yield `key: message` where more is kept of an image than there is."""
        rows, columns = self.data.crop
        most_rows, most_columns = _PIXELS.get(self.data.name, (rows, columns))
        if rows > most_rows or columns > most_columns:
            yield f'data.crop: {rows} x {columns} is larger than the {most_rows} x {most_columns} images of "{self.data.name}"'

    def _timing_conflicts(self) -> Iterator[str]:
        """Yield `key: message` where pulses do not fit into their phase."""
        slots = 2 * self.training.max_pulses * self.timing.pulse_slot
        if slots > self.timing.update:
            yield (
                f"timing.update: training.max_pulses of {self.training.max_pulses} slots of timing.pulse_slot {format_time(self.timing.pulse_slot)} "
                f"in two sub-phases take {format_time(slots)}, more than the update phase of {format_time(self.timing.update)}"
            )

    def _cell_conflicts(self) -> Iterator[str]:
        """Yield `key: message` where the chip cannot do what its cells need."""
        needed = max(self.cell.pcm.reset.current, self.cell.pcm.ramp.current)
        if self.cell.kind == "2pcm+3t1c" and self.transfer.programming_current < needed:
            yield (
                f"transfer.programming_current: {self.transfer.programming_current:g} uA cannot program one device, which takes {needed:g} uA "
                "(cell.pcm.reset.current, cell.pcm.ramp.current)"
            )
        most = self.cell.gain * self.cell.pcm.ramp.maximum
        if self.cell.kind == "2pcm+3t1c" and self.transfer.offset >= most:
            yield (
                f"transfer.offset: {self.transfer.offset:g} uS is no less than the largest PCM weight, "
                f"cell.gain x cell.pcm.ramp.maximum = {most:g} uS, so nothing could be transferred"
            )
        if self.cell.kind == "software" and self.retention is not None:
            yield 'retention.start: cell.kind "software" has no device whose retention could be measured'
