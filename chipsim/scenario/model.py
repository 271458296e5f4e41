"""The scenario: one frozen value that holds every parameter of a run."""

from __future__ import annotations

from pydantic import model_validator

from chipsim.devices import Cell
from chipsim.scenario.conflicts import conflicts
from chipsim.scenario.host import Host
from chipsim.scenario.parts import Checkpoint, Data, Network, Prices, Record, Retention, Tiles, Timing, Training
from chipsim.scenario.power import Power
from chipsim.scenario.stages import Stage
from chipsim.scenario.transfer import CapacitorRefresh, Refresh, Transfer
from chipsim.spec import Spec, param


class Parameters(Spec):
    """All parameters of a run, as a TOML file holds them."""

    title: str = param("", "one line for people", basis="choice")
    seed: int = param(1, "seed of every random draw", basis="choice", ge=0, lt=2**63)
    data: Data = param(Data(), "images", basis="choice")
    network: Network = param(Network(), "layers", basis="choice")
    training: Training = param(Training(), "gradient descent", basis="choice")
    stage: tuple[Stage, ...] = param((), "steps of the chip's life, run one after the other on the same chip", basis="choice")
    timing: Timing = param(Timing(), "the training cycle", basis="choice")
    tiles: Tiles = param(Tiles(), "arrays", basis="choice")
    cell: Cell = param(Cell(), "unit cell", basis="choice")
    transfer: Transfer = param(Transfer(), "capacitor to PCM", basis="choice")
    refresh: Refresh = param(Refresh(), "saturated PCM pairs", basis="choice")
    capacitor_refresh: CapacitorRefresh | None = param(None, "refresh of capacitors, beside transfers or instead of them", basis="choice")
    power: Power = param(Power(), "the power domain", basis="choice")
    host: Host | None = param(None, "what feeds the chip; without it images are always at hand", basis="choice")
    retention: Retention | None = param(None, "a retention measurement after training (or without, with epochs = 0)", basis="choice")
    record: Record = param(Record(), "traces", basis="choice")
    checkpoint: Checkpoint = param(Checkpoint(), "states from which a run is resumed", basis="choice")
    prices: Prices = param(Prices(), "price table", basis="choice")

    @property
    def phase_ps(self) -> tuple[int, ...]:
        """How long each phase of an image lasts: forward through every layer, backward through all but the first, one update.

        With PCM pairs alone the update takes at least as long as the SET pulses of both directions.
        """
        timing, layers = self.timing, len(self.network.layers) - 1
        update = timing.update
        if self.cell.kind == "2pcm":
            update = max(update, 2 * self.training.max_pulses * self.cell.pcm.partial_set.duration)
        return (timing.forward,) * layers + (timing.backward,) * (layers - 1) + (update,)

    @model_validator(mode="after")
    def _consistent(self) -> Parameters:
        found = list(conflicts(self))
        if found:
            raise ValueError("\n".join(found))
        return self
