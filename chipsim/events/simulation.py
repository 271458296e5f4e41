"""All processes of a run on one clock, built from plain state: new, or where an earlier simulation stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from chipsim.errors import SimulationError
from chipsim.events.arrays import Arrays, TileState
from chipsim.events.clock import Clock, Rank
from chipsim.events.column import Columns, Shops, Writable
from chipsim.events.host import Host, HostState
from chipsim.events.observer import Detail, Observer
from chipsim.events.pairs import PairRefresh, Refreshable
from chipsim.events.power import NEVER, PowerDomain, PowerState
from chipsim.events.refresh import Refreshes, RefreshState, RowWritable
from chipsim.events.resources import Pool, PoolState
from chipsim.events.retention import Probes, ProbeState, RetentionReads, RetentionState, Waves
from chipsim.events.stages import Stages, StageState
from chipsim.events.training import Gate, Interruption, Trainable, Training
from chipsim.events.training_state import TrainingState
from chipsim.events.transfer import POLICIES, Transfers, TransferState
from chipsim.scenario.cycle import Cycle
from chipsim.scenario.model import Parameters
from chipsim.spec import Every


class Chip(Trainable, Protocol):
    """A chip as a whole simulation sees it; what has devices is more (`Writable`, `RowWritable`, `Refreshable`)."""

    layer_of: tuple[int, ...]
    """Layer of every tile."""
    stage_images: tuple[int, ...]
    """Images that every stage learns."""
    making_ps: tuple[int, ...]
    """How long the host takes for each image of the run, ps."""

    def rested(self, now_ps: int, lasted_ps: int, step: int) -> None:
        """Count idle time."""

    def slept(self, off_ps: int, on_ps: int, ended_ps: int, step: int) -> None:
        """Count a sleep and the wake-up after it."""

    def sent(self, step: int) -> None:
        """Count an image on the host's link."""


@dataclass
class SimulationState:
    """Everything the processes know; together with the chip's arrays it is the whole simulation."""

    current: PoolState
    read_outs: PoolState
    now_ps: int = 0
    training: TrainingState = field(default_factory=TrainingState)
    tiles: list[TileState] = field(default_factory=list)
    transfer: TransferState = field(default_factory=TransferState)
    refresh: RefreshState = field(default_factory=RefreshState)
    power: PowerState = field(default_factory=PowerState)
    host: HostState = field(default_factory=HostState)
    stages: StageState = field(default_factory=StageState)
    probes: ProbeState = field(default_factory=ProbeState)
    waves: ProbeState = field(default_factory=ProbeState)
    retention: RetentionState | None = None
    ended_ps: int = NEVER
    """Since when what goes on beside training has been coming to its end; -1 if it has, or training goes on."""
    begun: bool = False
    final_begun: bool = False

    @classmethod
    def start(cls, scenario: Parameters) -> SimulationState:
        """Return the state at time zero."""
        plan = scenario.transfer
        return cls(PoolState("programming current", plan.programming_current), PoolState("verify read-out", float(plan.verify_units)))


class Simulation:
    """Lets the processes of one run happen."""

    def __init__(
        self, scenario: Parameters, chip: Chip, state: SimulationState, observer: Observer, *, steps: int, images: int, detail: Detail | None = None
    ) -> None:
        self.state = state
        self._scenario, self._chip, self._observer, self._steps, self._detail = scenario, chip, observer, steps, detail
        self._clock = Clock(state.now_ps)
        self._phases = len(chip.phase_ps)
        self._segment_phases = self._phases * scenario.record.segment
        self._last_segment = max(steps - 1, 0) // scenario.record.segment
        self._arrays = self._make_arrays()
        self._transfers = self._make_transfers()
        self._refreshes = self._make_refreshes()
        self._power = PowerDomain(self._clock, chip, state.power, observer, scenario.power, self._transfers, self._refreshes, detail)
        self._host = self._make_host()
        self._training = self._make_training(images)
        self._stages = Stages(self._clock, chip, state.stages, observer, scenario.stage, chip.stage_images, train=self._train, sleep=self._power.sleep)
        self._connect()
        if state.begun:
            self._rebuild()
        else:
            self._begin()

    # ---- building --------------------------------------------------------------------------------------------------------

    def _make_arrays(self) -> Arrays | None:
        layer_of = self._chip.layer_of
        if not layer_of:
            return None
        if not self.state.tiles:
            self.state.tiles = [TileState() for _ in layer_of]
        return Arrays(self._clock, self.state.tiles, self.state.training, Cycle(self._chip.phase_ps), layer_of, self._segment)

    def _make_transfers(self) -> Transfers | None:
        scenario, state, chip = self._scenario, self.state, self._chip
        if scenario.cell.kind != "2pcm+3t1c" or self._arrays is None or not isinstance(chip, Writable):
            return None
        plan = scenario.transfer
        current = Pool(self._clock, state.current, Rank.CURRENT, self._segment)
        read_outs = Pool(self._clock, state.read_outs, Rank.READ_OUT, self._segment)
        columns = Columns(self._clock, chip, Shops(self._arrays, current, read_outs), plan, scenario.cell, self._detail)
        interval_ps = plan.every.time_ps or (plan.every.images or 0) * chip.image_ps
        policy = POLICIES[plan.policy]
        return policy(self._clock, chip, state.transfer, self._observer, plan, columns, state.training, self._phases, interval_ps, self._detail)

    def _make_refreshes(self) -> Refreshes | None:
        plan, chip = self._scenario.capacitor_refresh, self._chip
        if plan is None or self._arrays is None or not isinstance(chip, RowWritable):
            return None
        return Refreshes(self._clock, chip, self.state.refresh, plan, self._arrays, self._step, self._detail)

    def _make_host(self) -> Host | None:
        plan = self._scenario.host
        if plan is None:
            return None
        return Host(
            self._clock,
            self.state.host,
            making_ps=self._chip.making_ps,
            sending_ps=plan.send_ps(self._scenario.network.layers[0]),
            latency_ps=plan.latency,
            queue=plan.queue,
            sent=self._chip.sent,
            segment=self._segment,
            detail=self._detail,
        )

    def _make_training(self, images: int) -> Training:
        scenario, chip = self._scenario, self._chip
        interruption: Interruption | None = self._transfers
        if scenario.cell.kind == "2pcm" and isinstance(chip, Refreshable):
            interruption = PairRefresh(chip, scenario.refresh)
        gates: tuple[Gate, ...] = (self._power,) if scenario.power.sleep else ()
        return Training(
            self._clock,
            chip,
            self.state.training,
            self._observer,
            window=scenario.training.window,
            grid=scenario.record.segment,
            evaluation=scenario.record.accuracy_every or Every(images=max(images, 1)),
            interruption=interruption,
            arrays=self._arrays,
            gates=(*gates, self._host) if self._host else gates,
            detail=self._detail,
        )

    def _connect(self) -> None:
        """Tell the processes whom to call."""
        self._power.woken = self._woken
        if self._transfers:
            self._transfers.finished = self._finished_writing
        if self._refreshes:
            self._refreshes.finished = self._power.proceed
        if self._host:
            self._host.came = self._image_came
            self._training.starved = self._starved

    def _begin(self) -> None:
        """Let everything start that does so by itself."""
        scenario, state = self._scenario, self.state
        state.begun = True
        self._start_probes()
        if self._host:
            self._host.start()
        if not scenario.stage:
            self._train(self._steps)

    def _rebuild(self) -> None:
        """Let everything go on that was under way."""
        state = self.state
        self._start_probes()
        if self._transfers and state.transfer.jobs:
            self._transfers.restart()
        if self._refreshes:
            self._refreshes.restart()
        self._power.restart()
        self._stages.restart()
        if self._host:
            self._host.start()
            self._starved()
        if state.training.going_on:
            self._clock.start(self._training.run())
            if self._called():
                self._training.resume()
        if state.retention is not None:
            self._start_retention(state.retention)

    def _called(self) -> bool:
        """Return whether training had been told to go on, but had not gone on yet."""
        training = self.state.training
        if training.waiting == "transfer":
            return not self.state.transfer.jobs
        if training.waiting == "sleep":
            return self.state.power.phase == "on"
        return training.waiting == "host" and self.state.host.arrived > self.state.host.taken

    def _start_probes(self) -> None:
        scenario, state, clock = self._scenario, self.state, self._clock
        if scenario.cell.has_capacitor and scenario.record.probe_samples and self._steps:
            clock.start(Probes(clock, state.probes, self._observer, scenario.record, self._step).run())
        if scenario.cell.has_capacitor and scenario.record.windows and scenario.record.probes:
            clock.start(Waves(clock, state.waves, self._observer, scenario.record, self._step).run())

    def _start_retention(self, state: RetentionState) -> None:
        if self._scenario.retention is not None:
            self._clock.start(RetentionReads(self._clock, state, self._observer, self._scenario.retention).run())

    # ---- who calls whom --------------------------------------------------------------------------------------------------

    def _train(self, until: int) -> None:
        for process in (self._transfers, self._refreshes):
            if process is not None:
                process.start()
        self._training.begin(until)

    def _finished_writing(self) -> None:
        if self.state.power.phase != "on":
            self._power.proceed()
        elif self.state.training.waiting == "transfer":
            self._training.resume()

    def _woken(self) -> None:
        if self.state.training.waiting == "sleep":
            for process in (self._transfers, self._refreshes):
                if process is not None:
                    process.start()
            self._training.resume()

    def _image_came(self) -> None:
        self._power.wake()
        if self.state.training.waiting == "host":
            self._training.resume()

    def _starved(self) -> None:
        """See that the chip goes to sleep while no image comes: where that is planned, or after long enough."""
        idle_ps, nap_ps, training, now = self._scenario.power.idle_after, self._power.next_ps(), self.state.training, self._clock.now_ps
        if training.waiting != "host":
            return
        if idle_ps is not None:
            self._clock.call(max(training.since_ps + idle_ps, now), Rank.POWER, 1, self._idle)
        if nap_ps is not None:
            self._clock.call(max(nap_ps, now), Rank.POWER, 2, self._nap)

    def _idle(self) -> None:
        training, idle_ps = self.state.training, self._scenario.power.idle_after or 0
        if training.waiting == "host" and self._clock.now_ps - training.since_ps >= idle_ps and self.state.power.phase == "on":
            self._training.wait_for("sleep")
            self._power.sleep(self._step(), NEVER, self._scenario.power.before)

    def _nap(self) -> None:
        nap_ps = self._power.next_ps()
        if self.state.training.waiting == "host" and nap_ps is not None and nap_ps <= self._clock.now_ps:
            self._training.wait_for("sleep")
            self._power.closed(self._step())

    # ---- running ---------------------------------------------------------------------------------------------------------

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
                msg = f"deadlock at {self._clock.now_ps} ps: {'; '.join(self._waiting()) or 'nobody waits for anything'}"
                raise SimulationError(msg)
            self.state.now_ps = self._clock.now_ps
        return True

    def _finished(self) -> bool:
        return not self.state.training.going_on and not self._under_way() and not self._go_on()

    def _under_way(self) -> bool:
        """Return whether anything goes on that ends by itself; what goes on all the time is stopped where training is over."""
        if self.state.training.going_on:
            return True
        return self._at_work() or self.state.power.phase != "on" or self._stages.resting

    def _at_work(self) -> bool:
        """Let what goes on beside training come to its end, and count the time that takes; return whether that, or a transfer, goes on."""
        state, now = self.state, self._clock.now_ps
        exclusive = bool(state.transfer.jobs) and state.transfer.exclusive
        if self._refreshes and self._refreshes.busy:
            self._refreshes.stop()
        if self._transfers and self._transfers.busy and not exclusive and not state.transfer.stopping:
            self._transfers.stop()
        busy = any(process is not None and process.busy for process in (self._transfers, self._refreshes))
        if busy and not exclusive and state.ended_ps == NEVER:
            state.ended_ps = now
        if not busy and state.ended_ps != NEVER:
            self._chip.idled(now - state.ended_ps, max(self._step() - 1, 0))
            self._observer.settled(self._step(), now)
            state.ended_ps = NEVER
        return busy

    def _go_on(self) -> bool:
        """Begin what follows: the next stage, the final transfer, the retention reads; return whether there is anything left."""
        state, scenario = self.state, self._scenario
        if self._under_way():
            return False
        if scenario.stage and self._stages.go_on():
            return True
        if self._transfers and scenario.transfer.final and state.training.phase and not state.final_begun and self._ends_in_training():
            state.final_begun = True
            self._transfers.whole(state.training.until, rest=scenario.retention is not None)
            return True
        if scenario.retention is not None and state.retention is None:
            state.retention = RetentionState(began_ps=self._clock.now_ps)
            self._start_retention(state.retention)
            return True
        return state.retention is not None and state.retention.taken < state.retention.wanted

    def _ends_in_training(self) -> bool:
        return not self._scenario.stage or self._scenario.stage[-1].kind == "train"

    def _step(self) -> int:
        return self.state.training.phase // self._phases

    def _segment(self) -> int:
        """Return the segment that a use belongs to: while training stands still for a transfer, that of the last image, as with energy."""
        transfer = self.state.transfer
        phase = self.state.training.phase
        if transfer.exclusive and transfer.outcome is not None:
            phase = max(phase - self._phases, 0)
        return min(phase // self._segment_phases, self._last_segment)

    def _waiting(self) -> list[str]:
        """Say who waits for what."""
        state = self.state
        found = [f"training waits for {state.training.waiting}"] if state.training.waiting else []
        found += [f"power is {state.power.phase}"] if state.power.phase != "on" else []
        if state.training.waiting == "host":
            found.append(f"the host has made {state.host.made} images, sent {state.host.sent}, and {state.host.arrived} have arrived")
        found += [f"tile {job.tile} is at: {job.stage.value}, column {job.column}" for job in state.transfer.jobs]
        for pool in (state.current, state.read_outs):
            found += [f"tile {tile} waits for {amount:g} of {pool.name}, {pool.free:g} of {pool.total:g} are free" for tile, amount, _ in pool.waiting]
        return found
