"""Transfers of the weights from the capacitors to the PCM pairs, and refreshes of saturated pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

import simpy

from chipsim.devices import Cell
from chipsim.events.clock import Clock, Rank, Waiting
from chipsim.events.observer import Observer, TransferRecord
from chipsim.events.resources import CurrentBudget, CurrentState
from chipsim.kernels.programming import Outcome
from chipsim.scenario.parts import Refresh, Transfer
from chipsim.spec import Every


@runtime_checkable
class Transferable(Protocol):
    """A chip as transfers see it."""

    def transfer_now(self, now_ps: int, number: int, step: int) -> Outcome:
        """Transfer everything at one moment."""

    def sample_column(self, tile: int, column: int, now_ps: int, number: int, step: int) -> None:
        """Read one column's weights."""

    def aim_column(self, tile: int, column: int) -> None:
        """Turn them into targets."""

    def attempt_column(self, tile: int, column: int, attempt: int, number: int, step: int, outcome: Outcome) -> tuple[int, int, int, int]:
        """RESET, ramp and verify what is pending."""

    def finish_column(self, tile: int, column: int, now_ps: int, number: int, step: int, outcome: Outcome) -> None:
        """Preset and flip one column."""

    def refresh_pairs(self, number: int, step: int) -> int:
        """Refresh saturated pairs."""

    def buffer_column(self, tile: int, step: int) -> None:
        """Count one column's way into the buffer."""

    def stalled(self, now_ps: int, lasted_ps: int, step: int) -> None:
        """Count the time that training stood still."""

    def new_outcome(self) -> Outcome:
        """Return empty statistics."""

    def columns_of(self, tile: int) -> int:
        """Return the bit lines of a tile."""

    @property
    def tiles(self) -> int:
        """Number of tiles."""


class Stage(StrEnum):
    """Where a tile stands in the transfer of a column."""

    SAMPLE = "sample"
    RESET_CURRENT = "wait for RESET current"
    RESET = "RESET"
    RAMP_CURRENT = "wait for ramp current"
    RAMP = "ramp"
    VERIFY = "verify"
    PRESET = "preset"


@dataclass
class TileJob:
    """All that one tile's transfer knows between two moments."""

    tile: int
    columns: int
    column: int = 0
    sampled: int = 0
    """Columns read so far."""
    stage: Stage = Stage.SAMPLE
    entered: bool = False
    due_ps: int = 0
    attempt: int = 1
    resets: int = 0
    ramps: int = 0
    ramp_ps: int = 0
    missed: int = 0

    @property
    def done(self) -> bool:
        """Whether every column has been transferred."""
        return self.column == self.columns


@dataclass
class TransferState:
    """All that the transfers of a chip know between two moments."""

    current: CurrentState
    number: int = 0
    """Transfers begun."""
    step: int = 0
    started_ps: int = 0
    outcome: Outcome | None = None
    jobs: list[TileJob] = field(default_factory=list)
    """Tiles still at work."""


class Transfers:
    """Begins a transfer of the whole chip when training asks for it: policies `instant` and `stall`."""

    def __init__(
        self, clock: Clock, chip: Transferable, state: TransferState, observer: Observer, plan: Transfer, cell: Cell, resume: Callable[[], None]
    ) -> None:
        self._clock, self._chip, self._observer = clock, chip, observer
        self.state, self._plan, self._cell = state, plan, cell
        self._resume = resume
        self._budget = CurrentBudget(clock, state.current)
        self.every: Every = plan.every

    def begin(self, step: int) -> bool:
        """Start a transfer; return whether training must wait for it."""
        state = self.state
        state.number += 1
        state.step, state.started_ps = step, self._clock.now_ps
        if self._plan.policy == "instant":
            outcome = self._chip.transfer_now(self._clock.now_ps, state.number, self._last_step())
            self._observer.transferred(TransferRecord(state.number, step, state.started_ps, state.started_ps, outcome))
            return False
        state.outcome = self._chip.new_outcome()
        state.jobs = [TileJob(tile, self._chip.columns_of(tile)) for tile in range(self._chip.tiles)]
        self.restart()
        return True

    def restart(self) -> None:
        """Start the processes of all tiles at work; also after a rebuild."""
        for job in list(self.state.jobs):
            self._clock.start(self._transfer_tile(job))

    def _transfer_tile(self, job: TileJob) -> Waiting:
        while not job.done:
            if not job.entered:
                self._enter(job)
                job.entered = True
            yield self._wait(job)
            job.entered = False
            self._leave(job)
        self.state.jobs.remove(job)
        if not self.state.jobs and self.state.outcome is not None:
            state = self.state
            self._chip.stalled(self._clock.now_ps, self._clock.now_ps - state.started_ps, self._last_step())
            self._observer.transferred(TransferRecord(state.number, state.step, state.started_ps, self._clock.now_ps, self.state.outcome))
            self._resume()

    def _wait(self, job: TileJob) -> simpy.Event:
        if job.stage in (Stage.RESET_CURRENT, Stage.RAMP_CURRENT):
            return self._budget.granted(job.tile)
        return self._clock.at(job.due_ps, Rank.PROGRAMMING, job.tile)

    def _enter(self, job: TileJob) -> None:
        pcm = self._cell.pcm
        match job.stage:
            case Stage.SAMPLE:
                self._due(job, self._plan.sample_read)
            case Stage.RESET_CURRENT:
                job.resets, job.ramps, job.ramp_ps, job.missed = self._attempt(job)
                self._budget.ask(job.tile, min(job.resets, self._group(pcm.reset.current)) * pcm.reset.current)
            case Stage.RESET:
                self._due(job, -(-job.resets // self._group(pcm.reset.current)) * pcm.reset.duration)
            case Stage.RAMP_CURRENT:
                self._budget.ask(job.tile, min(job.ramps, self._group(pcm.ramp.current)) * pcm.ramp.current)
            case Stage.RAMP:
                self._due(job, job.ramp_ps)
            case Stage.VERIFY:
                self._due(job, pcm.verify.duration)
            case Stage.PRESET:
                self._due(job, self._plan.preset)

    def _leave(self, job: TileJob) -> None:
        match job.stage:
            case Stage.SAMPLE:
                self._sampled(job)
            case Stage.RESET_CURRENT:
                job.stage = Stage.RESET
            case Stage.RESET:
                self._budget.release(job.tile)
                job.stage = Stage.RAMP_CURRENT if job.ramps else Stage.VERIFY
            case Stage.RAMP_CURRENT:
                job.stage = Stage.RAMP
            case Stage.RAMP:
                self._budget.release(job.tile)
                job.stage = Stage.VERIFY
            case Stage.VERIFY:
                job.attempt += 1
                job.stage = Stage.RESET_CURRENT if job.missed else Stage.PRESET
            case Stage.PRESET:
                self._finished(job)

    def _sampled(self, job: TileJob) -> None:
        """Read the column whose time has come, and go on to program, or to the next column if all are read first."""
        state, now = self.state, self._clock.now_ps
        self._chip.sample_column(job.tile, job.sampled, now, state.number, self._last_step())
        job.sampled += 1
        if self._plan.sampling == "at-start":
            self._chip.buffer_column(job.tile, self._last_step())
            if job.sampled < job.columns:
                return
        self._next_column(job)

    def _next_column(self, job: TileJob) -> None:
        self._chip.aim_column(job.tile, job.column)
        job.attempt = 1
        job.stage = Stage.RESET_CURRENT

    def _finished(self, job: TileJob) -> None:
        state = self.state
        if state.outcome is not None:
            self._chip.finish_column(job.tile, job.column, self._clock.now_ps, state.number, self._last_step(), state.outcome)
        job.column += 1
        if self._plan.sampling == "per-column":
            job.stage = Stage.SAMPLE
        elif not job.done:
            self._next_column(job)

    def _attempt(self, job: TileJob) -> tuple[int, int, int, int]:
        state = self.state
        if state.outcome is None:
            return 0, 0, 0, 0
        return self._chip.attempt_column(job.tile, job.column, job.attempt, state.number, self._last_step(), state.outcome)

    def _group(self, microamperes: float) -> int:
        return max(int(self._plan.programming_current // microamperes), 1)

    def _due(self, job: TileJob, lasts_ps: int) -> None:
        job.due_ps = self._clock.now_ps + lasts_ps

    def _last_step(self) -> int:
        return max(self.state.step - 1, 0)


class PairRefresh:
    """Refreshes saturated PCM pairs at an image interval (cell 2pcm); takes no chip time, but is paid for."""

    def __init__(self, chip: Transferable, refresh: Refresh) -> None:
        self._chip = chip
        self.every: Every = refresh.every

    def begin(self, step: int) -> bool:
        """Refresh all saturated pairs; training does not wait."""
        self._chip.refresh_pairs(step, max(step - 1, 0))
        return False
