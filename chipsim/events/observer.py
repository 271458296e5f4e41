"""What the processes tell, to whoever listens. Listening never changes what happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from chipsim.kernels.programming import Outcome
from chipsim.spec import Span


@dataclass(frozen=True)
class TransferRecord:
    """One finished transfer."""

    number: int
    step: int
    started_ps: int
    ended_ps: int
    outcome: Outcome
    exclusive: bool = True
    """Whether training stood still meanwhile."""
    backlog: int = 0
    """Columns that were still to be written when the next transfer was due already."""


@dataclass(frozen=True)
class SleepRecord:
    """One sleep: from the last image before it to the first operation after it."""

    step: int
    asked_ps: int
    """When it was due; what is done before power goes off begins."""
    off_ps: int
    on_ps: int
    ended_ps: int


class Observer(Protocol):
    """Listens to a simulation."""

    def trained(self, step: int, now_ps: int) -> None:
        """Hear that training has reached image `step`, at `now_ps`."""

    def evaluate(self, step: int, now_ps: int) -> None:
        """Hear that an evaluation is due."""

    def transferred(self, record: TransferRecord) -> None:
        """Hear that a transfer is complete."""

    def powered_off(self, step: int, now_ps: int) -> None:
        """Hear that power goes off, while the cells are still as they were."""

    def slept(self, record: SleepRecord) -> None:
        """Hear that a sleep is over."""

    def settled(self, step: int, now_ps: int) -> None:
        """Hear that what went on beside training has come to its end, after the last image of the run, of a stage, or before a sleep that it used up."""

    def staged(self, number: int, step: int, now_ps: int) -> None:
        """Hear that a stage is over."""

    def probed(self, number: int, step: int, now_ps: int) -> None:
        """Hear that a probe is due."""

    def waved(self, step: int, now_ps: int) -> None:
        """Hear that a fine probe inside a window of full detail is due."""

    def aged(self, number: int, age_ps: int, now_ps: int) -> None:
        """Hear that a retention read is due, `age_ps` after the measurement began."""

    def happened(self, track: str, what: str, start_ps: int, end_ps: int, image: int, column: int, amount: int) -> None:
        """Hear what was done on a track inside a window of full detail; -1 where a number does not apply."""


@dataclass(frozen=True)
class PhaseName:
    """What a phase of an image is called on the tracks, and the arrays that it uses."""

    what: str
    layer: str
    tracks: tuple[str, ...]


class Detail:
    """Passes on what happens inside the windows of full detail, and cuts training into single phases there."""

    def __init__(self, windows: tuple[Span, ...], observer: Observer, names: tuple[PhaseName, ...], tiles: tuple[str, ...], pulses: Callable[[], int]) -> None:
        """`names` has one entry a phase of an image, `tiles` one a tile; `pulses` counts update pulses so far."""
        self._windows, self._observer, self._names, self.tiles, self._pulses = windows, observer, names, tiles, pulses
        self._before = 0

    def note(self, track: str, what: str, start_ps: int, end_ps: int, *, image: int = -1, column: int = -1, amount: int = -1) -> None:
        """Tell of something that lasted from start to end, if it touches a window."""
        if self._touched(start_ps, end_ps):
            self._observer.happened(track, what, start_ps, end_ps, image, column, amount)

    def cut(self, phase: int, last: int, start_ps: int, horizon_ps: int | None, now_ps: int) -> tuple[int, int | None]:
        """Return the last phase and the horizon of a window of training: one phase inside a window of detail, else up to its start."""
        reached = max(start_ps, now_ps)
        for window in self._windows:
            if window.start_ps > reached:
                horizon_ps = window.start_ps if horizon_ps is None else min(horizon_ps, window.start_ps)
            elif start_ps < window.end_ps:
                last = min(last, phase + 1)
        self._before = self._pulses() if last == phase + 1 else 0
        return last, horizon_ps

    def phases(self, first: int, last: int, start_ps: int, phase_ps: tuple[int, ...]) -> None:
        """Tell of the phases of the run that were done from `start_ps` on."""
        for phase in range(first, last):
            name = self._names[phase % len(phase_ps)]
            end_ps = start_ps + phase_ps[phase % len(phase_ps)]
            if self._touched(start_ps, end_ps):
                amount = self._pulses() - self._before if name.what == "update" and last == first + 1 else -1
                self.note("chip/training", name.what + name.layer, start_ps, end_ps, image=phase // len(phase_ps), amount=amount)
                for track in name.tracks:
                    self.note(track, name.what, start_ps, end_ps, image=phase // len(phase_ps))
            start_ps = end_ps

    def _touched(self, start_ps: int, end_ps: int) -> bool:
        return any(start_ps < window.end_ps and end_ps > window.start_ps for window in self._windows)
