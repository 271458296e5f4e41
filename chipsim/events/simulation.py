"""All processes of a run on one clock, built from plain state: new, or where an earlier simulation stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from chipsim.errors import SimulationError
from chipsim.events.clock import Clock
from chipsim.events.observer import Observer
from chipsim.events.resources import CurrentState
from chipsim.events.retention import Probes, ProbeState, RetentionReads, RetentionState
from chipsim.events.training import Interruption, Trainable, Training, TrainingState
from chipsim.events.transfer import PairRefresh, Transferable, Transfers, TransferState
from chipsim.scenario.model import Parameters
from chipsim.spec import Every


@dataclass
class SimulationState:
    """Everything the processes know; together with the chip's arrays it is the whole simulation."""

    transfer: TransferState
    now_ps: int = 0
    training: TrainingState = field(default_factory=TrainingState)
    probes: ProbeState = field(default_factory=ProbeState)
    retention: RetentionState | None = None
    final_begun: bool = False

    @classmethod
    def start(cls, scenario: Parameters) -> SimulationState:
        """Return the state at time zero."""
        return cls(transfer=TransferState(CurrentState(scenario.transfer.programming_current)))


class Simulation:
    """Lets the processes of one run happen."""

    def __init__(self, scenario: Parameters, chip: Trainable, state: SimulationState, observer: Observer, *, steps: int, images: int) -> None:
        self.state = state
        self._scenario = scenario
        self._clock = clock = Clock(state.now_ps)
        self._observer, self._steps = observer, steps
        capacitors = scenario.cell.kind == "2pcm+3t1c"
        self._transfers: Transfers | None = None
        if capacitors:
            self._transfers = Transfers(clock, _with_pcm(chip), state.transfer, observer, scenario.transfer, scenario.cell, self._resume)
        interruption: Interruption | None = self._transfers
        if scenario.cell.kind == "2pcm":
            interruption = PairRefresh(_with_pcm(chip), scenario.refresh)
        self._training = Training(
            clock,
            chip,
            state.training,
            observer,
            steps=steps,
            window=scenario.training.window,
            grid=scenario.record.segment,
            evaluation=scenario.record.accuracy_every or Every(images=max(images, 1)),
            interruption=interruption,
        )
        if self._transfers and state.transfer.jobs:
            self._transfers.restart()
        if scenario.cell.has_capacitor and scenario.record.probe_samples and steps:
            phases = len(chip.phase_ps)
            clock.start(Probes(clock, state.probes, observer, scenario.record, lambda: state.training.phase // phases).run())
        if not state.training.done:
            clock.start(self._training.run())
        if state.training.waiting and not state.transfer.jobs:
            self._training.resume()  # it had been called, but had not gone on yet
        if state.retention is not None:
            self._start_retention(state.retention)

    def run(self, stop: Callable[[], bool] | None = None) -> bool:
        """Run to the end, or until `stop` says so between two events; return whether the end was reached.

        Raises
        ------
        SimulationError
            if processes wait for each other for ever.
        """
        while not self._finished():
            if stop is not None and stop():
                return False
            if not self._clock.step() and not self._go_on():
                msg = f"deadlock at {self._clock.now_ps} ps: training waits for a transfer, tiles wait for current: {self.state.transfer.current}"
                raise SimulationError(msg)
            self.state.now_ps = self._clock.now_ps
        return True

    def _finished(self) -> bool:
        state = self.state
        if not state.training.done or state.transfer.jobs:
            return False
        return not self._go_on()

    def _go_on(self) -> bool:
        """Begin what follows training: the final transfer, then the retention reads; return whether there is anything left."""
        state = self.state
        if not state.training.done or state.transfer.jobs:
            return False
        if self._transfers and self._scenario.transfer.final and state.training.phase and not state.final_begun:
            state.final_begun = True
            self._transfers.begin(self._steps)
            return True
        if self._scenario.retention is not None and state.retention is None:
            state.retention = RetentionState(began_ps=self._clock.now_ps)
            self._start_retention(state.retention)
            return True
        return state.retention is not None and self._clock.next_ps() is not None

    def _start_retention(self, state: RetentionState) -> None:
        if self._scenario.retention is not None:
            self._clock.start(RetentionReads(self._clock, state, self._observer, self._scenario.retention).run())

    def _resume(self) -> None:
        if not self.state.training.done:
            self._training.resume()


def _with_pcm(chip: Trainable) -> Transferable:
    """Return the chip as transfers and refreshes see it; the software network has no devices to write."""
    if not isinstance(chip, Transferable):
        msg = f"a {type(chip).__name__} has no PCM devices to write"
        raise SimulationError(msg)
    return chip
