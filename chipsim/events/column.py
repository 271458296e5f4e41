"""One column after the other, on one tile: sampled, RESET, ramped, verified, preset; each operation when the tile has room for it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

import numpy as np
import simpy
from numpy.typing import NDArray

from chipsim.devices import Cell
from chipsim.events.arrays import Access, Arrays
from chipsim.events.clock import Clock, Rank
from chipsim.events.observer import Detail
from chipsim.events.resources import Pool
from chipsim.kernels.programming import Outcome
from chipsim.scenario.transfer import Transfer


@runtime_checkable
class Writable(Protocol):
    """A chip as transfers see it: `number` keys the random draws, `step` says which segment pays."""

    def transfer_now(self, now_ps: int, number: int, step: int, *, rest: bool) -> Outcome:
        """Transfer everything at one moment; `rest` says that the weights must last without their capacitors."""

    def sample_column(self, tile: int, column: int, now_ps: int, number: int, step: int) -> None:
        """Read one column's weights."""

    def aim_column(self, tile: int, column: int, *, rest: bool) -> int:
        """Turn them into targets, likewise; return how many devices are to be programmed."""

    def reset_column(self, tile: int, column: int, attempt: int, number: int, step: int, outcome: Outcome) -> tuple[int, int]:
        """RESET what is pending; return how many devices are to be ramped now, and how long that takes, ps."""

    def ramp_column(self, tile: int, column: int, attempt: int, number: int, step: int, outcome: Outcome) -> None:
        """Ramp what is pending."""

    def verify_column(self, tile: int, column: int, attempt: int, number: int, step: int, outcome: Outcome) -> int:
        """Read what is pending; return how many devices missed."""

    def finish_column(self, tile: int, column: int, now_ps: int, number: int, step: int, outcome: Outcome) -> None:
        """Preset and flip one column."""

    def buffer_column(self, tile: int, step: int) -> None:
        """Count one column's way into the buffer."""

    def stalled(self, now_ps: int, lasted_ps: int, step: int) -> None:
        """Count the time of a transfer that had the chip to itself; it ends now."""

    def new_outcome(self) -> Outcome:
        """Return empty statistics."""

    def columns_of(self, tile: int) -> int:
        """Return the bit lines of a tile."""

    def ages(self, tile: int, now_ps: int) -> NDArray[np.float64]:
        """Return how long ago every column of a tile was written, ps."""

    def saturated_share(self, now_ps: int) -> float:
        """Return the share of capacitors near a limit."""

    @property
    def tiles(self) -> int:
        """Number of tiles."""


class Stage(StrEnum):
    """Where a tile stands in the transfer of a column."""

    IDLE = "wait for its turn"
    SAMPLE = "sample read"
    RESET_CURRENT = "wait for RESET current"
    RESET = "RESET"
    RAMP_CURRENT = "wait for ramp current"
    RAMP = "SET ramp"
    VERIFY_UNITS = "wait for verify read-out"
    VERIFY = "verify read"
    PRESET = "preset"


@dataclass
class TileJob:
    """All that one tile's transfer knows between two moments."""

    tile: int
    columns: int
    number: int = 0
    """Keys the draws of the column in hand."""
    rest: bool = False
    """Whether the weights must last without their capacitors."""
    column: int = 0
    sampled: int = 0
    """Columns read so far."""
    stage: Stage = Stage.SAMPLE
    due_ps: int = 0
    """When the operation under way ends, or the wait for a turn or for room does."""
    running: bool = False
    """Whether an operation is under way."""
    asked: bool = False
    """Whether the wish for current or read-outs is queued or granted."""
    left: int = 0
    """Groups of devices that the operation has still to serve, one after the other."""
    piece_ps: int = 0
    """How long one group takes."""
    began_ps: int = 0
    """When the column in hand was taken up."""
    age_ps: int = 0
    """How old the capacitors of the last column were when they were written."""
    attempt: int = 1
    pending: int = 0
    """Devices to be programmed in this attempt."""
    ramps: int = 0
    ramp_ps: int = 0
    hurry: int = 0
    """Columns to be written without a rest in between, where a policy has rests."""
    done: bool = False


@dataclass(frozen=True)
class Shops:
    """What the columns of all tiles compete for."""

    arrays: Arrays
    current: Pool
    read_outs: Pool


class Columns:
    """Carries a tile's job through one column; policies say which column is next, and when."""

    def __init__(self, clock: Clock, chip: Writable, shops: Shops, plan: Transfer, cell: Cell, detail: Detail | None) -> None:
        self._clock, self._chip, self._shops, self._plan, self._pcm, self._detail = clock, chip, shops, plan, cell.pcm, detail
        self._begin = Access(plan.max_delay, yields=True)
        self._access = Access(plan.max_delay, yields=plan.in_flux == "present")
        self._resets_at_once, self._ramps_at_once = (max(int(plan.programming_current // ua), 1) for ua in (cell.pcm.reset.current, cell.pcm.ramp.current))

    def work(self, job: TileJob, outcome: Callable[[], Outcome], step: Callable[[], int]) -> Generator[simpy.Event, Any, None]:
        """Do what a job's column wants, from where it stands, until the column is done."""
        while True:
            if job.stage in _POOLED:
                yield from self._acquire(job)
                job.stage = _POOLED[job.stage]
            if not job.running and not job.left:
                job.left, job.piece_ps = self._groups(job)
            while job.left or job.running:
                yield from self._operate(job)
            if self._left(job, outcome(), step()):
                return

    # ---- waiting for current and read-outs -------------------------------------------------------------------------------

    def _acquire(self, job: TileJob) -> Generator[simpy.Event, Any, None]:
        pool, amount = self._wish(job)
        if not job.asked:
            if pool.ask(job.tile, amount):
                return
            job.asked = True
            if self._plan.in_flux == "lock":
                self._shops.arrays.keep(job.tile, self._access)
        yield pool.granted(job.tile)
        job.asked = False

    def _wish(self, job: TileJob) -> tuple[Pool, float]:
        if job.stage is Stage.VERIFY_UNITS:
            return self._shops.read_outs, float(min(job.pending, self._plan.verify_units))
        if job.stage is Stage.RESET_CURRENT:
            return self._shops.current, min(job.pending, self._resets_at_once) * self._pcm.reset.current
        return self._shops.current, min(job.ramps, self._ramps_at_once) * self._pcm.ramp.current

    # ---- operations ------------------------------------------------------------------------------------------------------

    def _groups(self, job: TileJob) -> tuple[int, int]:
        """Return how many groups of devices an operation serves one after the other, and how long each takes, ps."""
        pcm = self._pcm
        match job.stage:
            case Stage.RESET:
                return -(-job.pending // self._resets_at_once), pcm.reset.duration
            case Stage.RAMP:
                groups = -(-job.ramps // self._ramps_at_once)
                return groups, -(-job.ramp_ps // groups)
            case Stage.VERIFY:
                return -(-job.pending // self._plan.verify_units), pcm.verify.duration
            case Stage.PRESET:
                return 1, self._plan.preset
        return 1, self._plan.sample_read

    def _operate(self, job: TileJob) -> Generator[simpy.Event, Any, None]:
        """Serve as many groups as the tile has room for, or wait until it may have some."""
        arrays, clock = self._shops.arrays, self._clock
        if not job.running and clock.now_ps >= job.due_ps:
            access = self._begin if job.stage is Stage.SAMPLE else self._access  # also a tile that locks lets training in between two columns
            served = min(job.left, arrays.room(job.tile, job.piece_ps, access))
            arrays.let_go(job.tile)
            if served:
                job.running = True
                job.left -= served
                job.due_ps = arrays.take(job.tile, served * job.piece_ps)
                self._use(job, served * job.piece_ps)
            else:
                job.due_ps = arrays.retry_ps(job.tile)
        yield clock.at(job.due_ps, Rank.PROGRAMMING, job.tile)
        job.running = False

    def _use(self, job: TileJob, lasts_ps: int) -> None:
        if job.stage in _CURRENT:
            self._shops.current.use(job.tile, lasts_ps)
        elif job.stage is Stage.VERIFY:
            self._shops.read_outs.use(job.tile, lasts_ps)
        if self._detail:
            devices = {Stage.RAMP: job.ramps, Stage.RESET: job.pending, Stage.VERIFY: job.pending}.get(job.stage, -1)
            for lane in ("array", "transfer"):
                self._detail.note(
                    f"{self._detail.tiles[job.tile]}/{lane}", job.stage.value, job.due_ps - lasts_ps, job.due_ps, column=job.column, amount=devices
                )

    def _left(self, job: TileJob, outcome: Outcome, step: int) -> bool:
        """Let an operation take effect, and go to the next; return whether the column is done."""
        chip = self._chip
        match job.stage:
            case Stage.SAMPLE:
                self._sampled(job, step)
            case Stage.RESET:
                self._shops.current.release(job.tile)
                job.ramps, job.ramp_ps = chip.reset_column(job.tile, job.column, job.attempt, job.number, step, outcome)
                job.stage = Stage.RAMP_CURRENT if job.ramps else Stage.VERIFY_UNITS
            case Stage.RAMP:
                self._shops.current.release(job.tile)
                chip.ramp_column(job.tile, job.column, job.attempt, job.number, step, outcome)
                job.stage = Stage.VERIFY_UNITS
            case Stage.VERIFY:
                self._shops.read_outs.release(job.tile)
                job.pending = chip.verify_column(job.tile, job.column, job.attempt, job.number, step, outcome)
                job.attempt += 1
                job.stage = Stage.RESET_CURRENT if job.pending else Stage.PRESET
            case Stage.PRESET:
                job.age_ps = int(chip.ages(job.tile, self._clock.now_ps)[job.column])
                chip.finish_column(job.tile, job.column, self._clock.now_ps, job.number, step, outcome)
                return True
        return False

    def _sampled(self, job: TileJob, step: int) -> None:
        """Read the column whose time has come, and go on to program it, or to read the next if all are read first."""
        self._chip.sample_column(job.tile, job.sampled if self._plan.sampling == "at-start" else job.column, self._clock.now_ps, job.number, step)
        job.sampled += 1
        if self._plan.sampling == "at-start":
            self._chip.buffer_column(job.tile, step)
            if job.sampled < job.columns:
                return
        self.aim(job)

    def aim(self, job: TileJob) -> None:
        """Turn a sampled column into targets, the first attempt at which comes next."""
        job.pending = self._chip.aim_column(job.tile, job.column, rest=job.rest)
        job.attempt = 1
        job.stage = Stage.RESET_CURRENT


_POOLED = {Stage.RESET_CURRENT: Stage.RESET, Stage.RAMP_CURRENT: Stage.RAMP, Stage.VERIFY_UNITS: Stage.VERIFY}
"""What a tile waits for, and what it does then."""
_CURRENT = (Stage.RESET, Stage.RAMP)
