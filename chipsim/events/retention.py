"""Probes: reads that touch nothing, on a regular grid while the chip works and on a logarithmic one while it rests."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from chipsim.events.clock import Clock, Rank, Waiting
from chipsim.events.observer import Observer
from chipsim.scenario.parts import Record, Retention


@dataclass
class ProbeState:
    """Probes taken so far."""

    taken: int = 0


class Probes:
    """Looks at chosen cells every so often, from the start of training."""

    def __init__(self, clock: Clock, state: ProbeState, observer: Observer, record: Record, step: Callable[[], int]) -> None:
        self._clock, self._observer = clock, observer
        self.state, self._record, self._step = state, record, step

    def run(self) -> Waiting:
        """Probe until the wanted number has been taken."""
        while self.state.taken < self._record.probe_samples:
            yield self._clock.at(self.state.taken * self._record.probe_every, Rank.PROBE)
            self._observer.probed(self.state.taken, self._step(), self._clock.now_ps)
            self.state.taken += 1


class Waves:
    """Looks at chosen cells finely inside the windows of full detail."""

    def __init__(self, clock: Clock, state: ProbeState, observer: Observer, record: Record, step: Callable[[], int]) -> None:
        self._clock, self._observer = clock, observer
        self.state, self._step, self._every = state, step, record.wave_every
        self._windows = sorted(record.windows, key=lambda window: window.start_ps)

    def run(self) -> Waiting:
        """Look until the last window ends."""
        while (time_ps := self._next()) is not None:
            yield self._clock.at(max(time_ps, self._clock.now_ps), Rank.PROBE, 1)
            self._observer.waved(self._step(), self._clock.now_ps)
            self.state.taken += 1

    def _next(self) -> int | None:
        """Return when to look next."""
        left = self.state.taken
        for window in self._windows:
            looks = -(-(window.end_ps - window.start_ps) // self._every)
            if left < looks:
                return window.start_ps + left * self._every
            left -= looks
        return None


@dataclass
class RetentionState:
    """A retention measurement: when it began, and the reads taken."""

    began_ps: int = 0
    taken: int = 0
    wanted: int = 1


class RetentionReads:
    """Reads everything on a logarithmic grid of age while nothing else happens."""

    def __init__(self, clock: Clock, state: RetentionState, observer: Observer, plan: Retention) -> None:
        self._clock, self._observer = clock, observer
        self.state = state
        self.ages = log_grid(plan.start, plan.end, plan.per_decade)
        state.wanted = len(self.ages)

    def run(self) -> Waiting:
        """Read at every age of the grid."""
        while self.state.taken < len(self.ages):
            age = self.ages[self.state.taken]
            yield self._clock.at(self.state.began_ps + age, Rank.RETENTION)
            self._observer.aged(self.state.taken, age, self._clock.now_ps)
            self.state.taken += 1


def log_grid(start_ps: int, end_ps: int, per_decade: int) -> list[int]:
    """Return ages from start to end (both included), spaced evenly in their logarithm."""
    decades = math.log10(end_ps / start_ps)
    grid = (round(start_ps * 10 ** (k / per_decade)) for k in range(math.ceil(decades * per_decade)))
    return [*sorted({age for age in grid if age < end_ps}), end_ps]
