"""Refresh of capacitors, row by row, on every tile for itself: an alternative to moving weights to PCM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from chipsim.events.arrays import Access, Arrays
from chipsim.events.clock import Clock, Rank, Waiting
from chipsim.events.observer import Detail
from chipsim.scenario.transfer import CapacitorRefresh


@runtime_checkable
class RowWritable(Protocol):
    """A chip as refreshes see it."""

    def refresh_row(self, tile: int, row: int, now_ps: int, number: int, step: int) -> None:
        """Read the capacitors of one row and write them again."""

    def rows_of(self, tile: int) -> int:
        """Return the word lines of a tile."""

    @property
    def tiles(self) -> int:
        """Number of tiles."""


@dataclass
class RefreshJob:
    """All that the refresh of one tile knows between two moments."""

    tile: int
    rows: int
    began_ps: int
    event: int = 0
    """Number of its first round; keys the draws of all rounds."""
    count: int = 0
    """Rows done since then, counted through the rounds."""
    due_ps: int = 0
    running: bool = False
    done: bool = False


@dataclass
class RefreshState:
    """All that the refreshes of a chip know between two moments."""

    jobs: list[RefreshJob] = field(default_factory=list)
    events: int = 0
    """Rounds that have numbers already: no row ever draws the same noise twice."""
    rows: int = 0
    """Rows refreshed."""
    late: int = 0
    """... of them by more than half an interval too late."""
    latest_ps: int = 0
    """The most that any of them was late."""


class Refreshes:
    """Rows in turn, spread evenly over the interval, each when its tile has room for it."""

    def __init__(
        self,
        clock: Clock,
        chip: RowWritable,
        state: RefreshState,
        plan: CapacitorRefresh,
        arrays: Arrays,
        step: Callable[[], int],
        detail: Detail | None,
    ) -> None:
        self._clock, self._chip, self.state, self._plan, self._arrays, self._step, self._detail = clock, chip, state, plan, arrays, step, detail
        self._access = Access(plan.max_delay, yields=True)
        self.finished: Callable[[], None] = lambda: None
        """Called when the last row in hand is done, after `stop`."""

    def start(self) -> None:
        """Begin to refresh, every row for the first time within an interval from now."""
        self.state.jobs = [RefreshJob(tile, self._chip.rows_of(tile), self._clock.now_ps, self.state.events) for tile in range(self._chip.tiles)]
        self.restart()

    def restart(self) -> None:
        """Start the processes of all tiles; also after a rebuild."""
        for job in self.state.jobs:
            self._clock.start(self._lane(job))

    def stop(self) -> None:
        """Let rows in hand be finished, and begin no more."""
        for job in self.state.jobs:
            job.done = True
        self.state.jobs = [job for job in self.state.jobs if job.running]

    @property
    def busy(self) -> bool:
        """Whether a row is in hand or will be."""
        return bool(self.state.jobs)

    def _lane(self, job: RefreshJob) -> Waiting:
        lasts_ps = self._plan.read + self._plan.write
        while True:
            if not job.running:
                yield self._clock.at(max(self._wanted(job), job.due_ps, self._clock.now_ps), Rank.REFRESH, job.tile)
                if job.done:
                    return
                if not self._arrays.room(job.tile, lasts_ps, self._access):
                    job.due_ps = self._arrays.retry_ps(job.tile)
                    continue
                job.running, job.due_ps = True, self._arrays.take(job.tile, lasts_ps)
            yield self._clock.at(job.due_ps, Rank.REFRESH, job.tile)
            job.running = False
            self._write(job, lasts_ps)
            if job.done:
                self.state.jobs.remove(job)
                if not self.state.jobs:
                    self.finished()
                return

    def _wanted(self, job: RefreshJob) -> int:
        return job.began_ps + self._plan.every * (job.count + 1) // job.rows

    def _write(self, job: RefreshJob, lasts_ps: int) -> None:
        state, now = self.state, self._clock.now_ps
        round_, row = divmod(job.count, job.rows)
        self._chip.refresh_row(job.tile, row, now, job.event + round_, self._step())
        state.events = max(state.events, job.event + round_ + 1)
        state.rows += 1
        behind_ps = now - lasts_ps - self._wanted(job)
        state.late += behind_ps > self._plan.every // 2
        state.latest_ps = max(state.latest_ps, behind_ps)
        if self._detail:
            self._detail.note(f"{self._detail.tiles[job.tile]}/array", "refresh row", now - lasts_ps, now, amount=row)
        job.count += 1
