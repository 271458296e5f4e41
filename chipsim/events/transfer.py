"""Transfers of the weights from the capacitors to the PCM pairs: the policies, one class each.

A policy says which column of which tile is written when; `Columns` does the writing. To add one: a class here, a line in `POLICIES`,
and its name in `chipsim.scenario.transfer.Policy`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from chipsim.errors import SimulationError
from chipsim.events.clock import Clock, Rank, Waiting
from chipsim.events.column import Columns, Stage, TileJob, Writable
from chipsim.events.observer import Detail, Observer, TransferRecord
from chipsim.events.training_state import TrainingState
from chipsim.kernels.programming import Outcome
from chipsim.scenario.transfer import Transfer
from chipsim.spec import Every


@dataclass
class TransferState:
    """All that the transfers of a chip know between two moments."""

    number: int = 0
    """Transfers begun, or columns, where a policy has no rounds; keys the draws."""
    rounds: int = 0
    """Transfers complete."""
    step: int = 0
    started_ps: int = 0
    exclusive: bool = False
    """Whether the transfer under way has the chip to itself."""
    rest: bool = False
    """Whether the weights must last without their capacitors after it."""
    outcome: Outcome | None = None
    jobs: list[TileJob] = field(default_factory=list)
    """Tiles still at work."""
    queued: int = -1
    """Image at which a transfer was due that had to wait for the one under way."""
    backlog: int = 0
    """Columns that the transfer under way had still to write then."""
    late: int = 0
    """Transfers that were due before the one before was complete."""
    worst_backlog: int = 0
    broken_off: int = 0
    """Transfers that a sleep broke off, and the most columns that any of them had still to write."""
    left_unwritten: int = 0
    hurried: bool = False
    """Whether the columns of the round under way follow each other without a rest, because capacitors saturate."""
    written: int = 0
    """Columns written since the last record, where a policy has no rounds."""
    stopping: bool = False
    """Whether no more columns are begun."""
    columns: dict[int, int] = field(default_factory=dict)
    """Columns of every tile that have been written."""
    spent_ps: dict[int, int] = field(default_factory=dict)
    slowest_ps: dict[int, int] = field(default_factory=dict)
    """How long they took in all, and the one that took longest."""
    oldest_ps: int = 0
    """The greatest age of a capacitor when its column was written."""
    since_ps: int = 0
    """Since when a policy without rounds has been at work, without a sleep."""
    overdue: int = 0
    """Columns whose capacitors had become older than allowed in that time."""
    overdue_ps: int = 0
    """The greatest age among them."""


class Transfers:
    """What all policies share: transfers of the whole chip while training stands still, and how columns are worked on."""

    shares = False
    """Whether training goes on during a transfer."""

    def __init__(
        self,
        clock: Clock,
        chip: Writable,
        state: TransferState,
        observer: Observer,
        plan: Transfer,
        columns: Columns,
        training: TrainingState,
        phases: int,
        interval_ps: int,
        detail: Detail | None,
    ) -> None:
        self._clock, self._chip, self._observer, self._detail = clock, chip, observer, detail
        self.state, self._plan, self._columns, self._training = state, plan, columns, training
        self._phases, self._interval_ps = phases, interval_ps
        self.every: Every = plan.every
        self.finished: Callable[[], None] = lambda: None
        """Called when a transfer that training waits for is complete."""

    # ---- what training asks ----------------------------------------------------------------------------------------------

    def due(self, step: int) -> bool:
        """Return whether so many capacitors are near a limit that the weights must be moved now."""
        if self._plan.saturation is None or step % self._plan.saturation_look:
            return False
        return self._chip.saturated_share(self._clock.now_ps) >= self._plan.saturation

    def next_look(self, step: int) -> int | None:
        """Return the image at which the capacitors are looked at next."""
        if self._plan.saturation is None:
            return None
        return (step // self._plan.saturation_look + 1) * self._plan.saturation_look

    def begin(self, step: int) -> bool:
        """Do what the policy does when a transfer is due; return whether training has to wait."""
        self.whole(step)
        return True

    # ---- the whole chip at once ------------------------------------------------------------------------------------------

    def whole(self, step: int, *, rest: bool = False) -> None:
        """Transfer everything while nothing else happens; `finished` is called at the end.

        `rest` says that the weights must last without their capacitors: a sleep or a measurement of retention follows.
        """
        self._open(step, exclusive=True, rest=rest)
        self.state.jobs = [self._job(tile) for tile in range(self._chip.tiles)]
        self.restart()

    def restart(self) -> None:
        """Start the processes of all tiles at work; also after a rebuild."""
        for job in list(self.state.jobs):
            self._clock.start(self._lane(job))

    def start(self) -> None:
        """Begin what goes on all the time; most policies wait until a transfer is due."""

    def stop(self) -> None:
        """Let columns in hand be finished, and begin no more; `finished` is called at the end, if there were any."""
        self.state.stopping = bool(self.state.jobs)
        if not self._training.done:
            left = sum(job.columns - job.column - (job.stage is not Stage.IDLE) for job in self.state.jobs)
            self.state.broken_off += bool(left)
            self.state.left_unwritten = max(self.state.left_unwritten, left)
        for job in self.state.jobs:
            job.done = job.stage is Stage.IDLE
        self.state.jobs = [job for job in self.state.jobs if not job.done]
        if self.state.stopping and not self.state.jobs:
            self._close()

    @property
    def busy(self) -> bool:
        """Whether a column is being written, or is to be."""
        return bool(self.state.jobs)

    def _open(self, step: int, *, exclusive: bool, rest: bool = False) -> None:
        state = self.state
        if state.outcome is not None and state.written:
            self._record(exclusive=False)
        state.number += 1
        state.step, state.started_ps, state.exclusive = step, self._clock.now_ps, exclusive
        state.rest, state.outcome = rest, self._chip.new_outcome()

    def _job(self, tile: int) -> TileJob:
        return TileJob(tile, self._chip.columns_of(tile), number=self.state.number, rest=self.state.rest, began_ps=self._clock.now_ps)

    def _lane(self, job: TileJob) -> Waiting:
        """Write the columns of one tile, one after the other."""
        if not job.running:  # it takes its turn in the order of ranks, also where a rebuilt simulation begins in the middle of a moment
            yield self._clock.at(self._clock.now_ps, Rank.PROGRAMMING, job.tile)
            if job.done:
                return
        while not job.done:
            if job.stage is Stage.IDLE:
                yield self._clock.at(max(job.due_ps, self._clock.now_ps), Rank.PROGRAMMING, job.tile)
                if job.done:
                    return
                self._take_up(job)
            yield from self._columns.work(job, self._outcome, self._step)
            self._note(job)
            self._following(job)
        self.state.jobs.remove(job)
        if not self.state.jobs:
            self._close()

    def _outcome(self) -> Outcome:
        if self.state.outcome is None:
            msg = "a column is written outside of a transfer"
            raise SimulationError(msg)
        return self.state.outcome

    def _step(self) -> int:
        """Return the image whose segment pays: the last one learnt, or the one in hand where training goes on."""
        if self.state.exclusive:
            return max(self.state.step - 1, 0)
        return self._training.phase // self._phases

    def _take_up(self, job: TileJob) -> None:
        """Begin the column whose turn has come."""
        job.stage, job.began_ps = Stage.SAMPLE, self._clock.now_ps

    def _note(self, job: TileJob) -> None:
        state, took = self.state, self._clock.now_ps - job.began_ps
        state.columns[job.tile] = state.columns.get(job.tile, 0) + 1
        state.spent_ps[job.tile] = state.spent_ps.get(job.tile, 0) + took
        state.slowest_ps[job.tile] = max(state.slowest_ps.get(job.tile, 0), took)
        if not state.exclusive or not self.shares:  # a final transfer, after training, keeps no promise of age
            state.oldest_ps = max(state.oldest_ps, job.age_ps)
        if self._detail:
            self._detail.note(f"{self._detail.tiles[job.tile]}/column", "column in flux", job.began_ps, self._clock.now_ps, column=job.column)

    def _following(self, job: TileJob) -> None:
        """Say what a tile does after a column."""
        job.column += 1
        job.done = job.column == job.columns or self.state.stopping
        job.began_ps = self._clock.now_ps
        if job.done:
            return
        if self._plan.sampling == "at-start":
            self._columns.aim(job)
        else:
            job.stage = Stage.SAMPLE

    def _close(self) -> None:
        """End a transfer."""
        exclusive, stopping = self.state.exclusive, self.state.stopping
        self.state.stopping = False
        self._record(exclusive=exclusive)
        if exclusive or stopping:
            self.finished()

    def _record(self, *, exclusive: bool) -> None:
        state, now = self.state, self._clock.now_ps
        record = TransferRecord(state.number, state.step, state.started_ps, now, self._outcome(), exclusive=exclusive, backlog=state.backlog)
        if self._detail:
            self._detail.note("chip/transfer", "transfer", state.started_ps, now, image=state.step)
        if exclusive and now > state.started_ps:
            self._chip.stalled(now, now - state.started_ps, max(state.step - 1, 0))
        state.rounds += 1
        state.outcome, state.backlog, state.written = None, 0, 0
        self._observer.transferred(record)


class Instant(Transfers):
    """The weights move in no time, as in the experiment of Ambrogio et al., Nature 558, 60 (2018); every pulse is drawn and paid for."""

    def begin(self, step: int) -> bool:
        """Transfer everything now."""
        self.whole(step)
        return False

    def whole(self, step: int, *, rest: bool = False) -> None:
        """Transfer everything now."""
        self.state.number += 1
        self.state.step, self.state.started_ps = step, self._clock.now_ps
        self.state.outcome = self._chip.transfer_now(self._clock.now_ps, self.state.number, max(step - 1, 0), rest=rest)
        self._record(exclusive=True)
        self.finished()


class Stall(Transfers):
    """Training waits until every column of every tile has been written."""


class Interleave(Transfers):
    """Column by column while training goes on, the columns of a tile spread over the interval."""

    shares = True

    def due(self, step: int) -> bool:
        """Return whether so many capacitors are near a limit that a round must begin; one under way is as good."""
        return not self.state.jobs and super().due(step)

    def begin(self, step: int) -> bool:
        """Begin a round; one that is still under way is finished first, and the delay is told."""
        state = self.state
        if state.jobs:
            state.backlog = max(state.backlog, sum(job.columns - job.column for job in state.jobs))
            state.worst_backlog = max(state.worst_backlog, state.backlog)
            state.late += 1
            state.queued = step
            return False
        state.hurried = self.due(step)
        self._round(step)
        return False

    def _round(self, step: int) -> None:
        self._open(step, exclusive=False)
        self.state.jobs = [self._job(tile) for tile in range(self._chip.tiles)]
        self.restart()

    def _following(self, job: TileJob) -> None:
        super()._following(job)
        if not job.done and not self.state.exclusive:
            job.stage = Stage.IDLE
            spread_ps = 0 if self.state.hurried else int(self._plan.spread * self._interval_ps)
            job.due_ps = self.state.started_ps + spread_ps * job.column // job.columns

    def _close(self) -> None:
        stopping, step = self.state.stopping, self.state.queued
        self.state.queued, self.state.hurried = -1, False
        super()._close()
        if step >= 0 and not stopping and not self._training.done:
            self._round(step)


class OldestFirst(Transfers):
    """Without rounds: on every tile the column whose capacitors are oldest, in time for none to get older than allowed."""

    shares = True

    def start(self) -> None:
        """Let every tile look after its columns, from now on."""
        self._open(0, exclusive=False)
        self.state.since_ps = self._clock.now_ps
        self.state.jobs = [self._job(tile) for tile in range(self._chip.tiles)]
        for job in self.state.jobs:
            self._rest(job)
        self.restart()

    def begin(self, step: int) -> bool:
        """Do nothing at an interval; where capacitors saturate, transfer everything as soon as they have been looked at."""
        if self.due(step):
            self.state.jobs = [self._hurry(job) for job in self.state.jobs]
        return False

    def _hurry(self, job: TileJob) -> TileJob:
        """Let a tile write all of its columns without a rest; return its job from now on."""
        if job.hurry:
            return job
        job.hurry = job.columns
        if job.stage is not Stage.IDLE:
            return job
        job.done = True  # its process is told when its alarm rings, and another takes over
        job = replace(job, due_ps=self._clock.now_ps, done=False)
        self._clock.start(self._lane(job))
        return job

    def _take_up(self, job: TileJob) -> None:
        self.state.number += 1
        job.number, job.column = self.state.number, int(self._chip.ages(job.tile, self._clock.now_ps).argmax())
        super()._take_up(job)

    def _following(self, job: TileJob) -> None:
        if self.state.exclusive:
            super()._following(job)
            return
        self.state.written += 1
        if self._plan.max_age < job.age_ps <= self._clock.now_ps - self.state.since_ps:
            self.state.overdue += 1
            self.state.overdue_ps = max(self.state.overdue_ps, job.age_ps)
        job.hurry = max(job.hurry - 1, 0)
        job.done = self.state.stopping
        if not job.done:
            self._rest(job)
        if self.state.written == sum(self._chip.columns_of(tile) for tile in range(self._chip.tiles)):
            self._record(exclusive=False)
            self.state.step, self.state.started_ps, self.state.outcome = self._step(), self._clock.now_ps, self._chip.new_outcome()

    def _rest(self, job: TileJob) -> None:
        """Wait until the columns, oldest first, would only just be in time.

        Columns are reckoned at their mean so far, counting one at all that there is time for; the last one at the worst, or at half of
        that; and a standard deviation is kept back, as wide as anything between nothing and the worst with this mean can have.
        """
        state, tile = self.state, job.tile
        job.stage, job.due_ps = Stage.IDLE, self._clock.now_ps
        if job.hurry:
            return
        share_ps = self._plan.max_age / job.columns
        mean_ps = (share_ps + state.spent_ps.get(tile, 0)) / (state.columns.get(tile, 0) + 1)
        worst_ps = max(state.slowest_ps.get(tile, 0), share_ps / 2, mean_ps)
        before = np.arange(job.columns)
        needed_ps = mean_ps * before + np.sqrt(before * mean_ps * (worst_ps - mean_ps)) + worst_ps
        ages = -np.sort(-self._chip.ages(tile, self._clock.now_ps))
        job.due_ps += int((self._plan.max_age - ages - needed_ps).min())

    def _close(self) -> None:
        if self.state.exclusive or self.state.written:
            super()._close()
            return
        self.state.stopping, self.state.outcome = False, None
        self.finished()


POLICIES: dict[str, type[Transfers]] = {"instant": Instant, "stall": Stall, "interleave": Interleave, "oldest-first": OldestFirst}
"""Every policy by its name in a scenario."""
