"""Training: images in windows, as long as nothing else happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from chipsim.events.clock import Clock, Rank, Waiting
from chipsim.events.observer import Observer
from chipsim.spec import Every


class Trainable(Protocol):
    """A chip as training sees it."""

    phase_ps: tuple[int, ...]
    image_ps: int

    def train(self, first: int, last: int, start_ps: int) -> int:
        """Run phases of the run and return when they end."""


class Interruption(Protocol):
    """Something that training stops for at an image boundary: a transfer, a refresh."""

    every: Every

    def begin(self, step: int) -> bool:
        """Start it; return whether training has to wait until `resume`."""


@dataclass
class TrainingState:
    """All that training knows between two moments."""

    phase: int = 0
    """Next phase of the run."""
    start_ps: int = 0
    """When it starts."""
    waiting: bool = False
    """Whether an interruption holds training up."""
    interrupted_at: int = -1
    """Image at which the last interruption began."""
    due_ps: int = 0
    """When the next one is due, where its interval is a time."""
    evaluated_at: int = -1
    """Image of the last evaluation."""
    evaluation_due_ps: int = 0
    stalled_ps: int = 0
    done: bool = False


class Training:
    """Learns one image after the other, and stops where others are due."""

    def __init__(
        self,
        clock: Clock,
        chip: Trainable,
        state: TrainingState,
        observer: Observer,
        *,
        steps: int,
        window: int,
        grid: int,
        evaluation: Every,
        interruption: Interruption | None,
    ) -> None:
        self._clock, self._chip, self._observer = clock, chip, observer
        self.state = state
        self._phases = len(chip.phase_ps)
        self._steps, self._window, self._grid = steps, window, grid
        self._evaluation, self._interruption = evaluation, interruption
        self._resume = clock.signal()
        if interruption and state.due_ps == 0:
            state.due_ps = interruption.every.time_ps or 0
        if state.evaluation_due_ps == 0:
            state.evaluation_due_ps = evaluation.time_ps or 0

    def resume(self) -> None:
        """Let training go on after an interruption."""
        self._clock.fire(self._resume, Rank.TRAINING)

    def run(self) -> Waiting:
        """Train until every image of the run has been learnt.

        Windows end on the observer's grid of images too, so what it records does not depend on the windows' length.
        """
        state = self.state
        while not state.done:
            if state.waiting:
                yield self._resume
                self._resume = self._clock.signal()
                state.waiting = False
                state.stalled_ps += self._clock.now_ps - state.start_ps
                state.start_ps = self._clock.now_ps
                state.due_ps = state.start_ps + (self._interruption.every.time_ps or 0) if self._interruption else 0
            elif self._clock.now_ps < state.start_ps:
                yield self._clock.at(state.start_ps, Rank.TRAINING)
            if not self._at_boundary() or not self._stop_here():
                yield from self._advance()

    def _at_boundary(self) -> bool:
        return self.state.phase % self._phases == 0

    def _stop_here(self) -> bool:
        """Do what is due at this image boundary; return whether the loop must look again before training on."""
        state = self.state
        step = state.phase // self._phases
        if self._interruption_due(step) and self._interruption:
            state.interrupted_at = step
            state.due_ps = state.start_ps + (self._interruption.every.time_ps or 0)
            state.waiting = self._interruption.begin(step)
            if state.waiting:
                return True
        if self._evaluation_due(step):
            state.evaluated_at = step
            state.evaluation_due_ps = state.start_ps + (self._evaluation.time_ps or 0)
            self._observer.evaluate(step, state.start_ps)
        state.done = step == self._steps
        return state.done

    def _interruption_due(self, step: int) -> bool:
        """Return whether the interruption is due at an image; never at the last one, where nothing follows that it could serve."""
        if self._interruption is None or step in {0, self._steps, self.state.interrupted_at}:
            return False
        return _due(self._interruption.every, step, self.state.start_ps, self.state.due_ps)

    def _evaluation_due(self, step: int) -> bool:
        if self.state.evaluated_at == step:
            return False
        return step in {0, self._steps} or _due(self._evaluation, step, self.state.start_ps, self.state.evaluation_due_ps)

    def _advance(self) -> Waiting:
        """Run as many phases as fit before the next event, the next stop and the end of the window."""
        state, phases = self.state, self._phases
        horizon = self._clock.next_ps()
        last = self._last_phase() if horizon is None else self._fitting(horizon)
        if last == state.phase:
            yield self._clock.at(horizon or 0, Rank.TRAINING)
            return
        state.start_ps = self._chip.train(state.phase, last, state.start_ps)
        state.phase = last
        if last % phases == 0:
            self._observer.trained(last // phases, state.start_ps)
        if self._clock.now_ps < state.start_ps:
            yield self._clock.at(state.start_ps, Rank.TRAINING)

    def _last_phase(self) -> int:
        step = self.state.phase // self._phases
        last = min(self._steps, step + self._window, (step // self._grid + 1) * self._grid)
        if self._interruption:
            last = min(last, self._next_stop(self._interruption.every, step, self.state.due_ps))
        last = min(last, self._next_stop(self._evaluation, step, self.state.evaluation_due_ps))
        return last * self._phases

    def _next_stop(self, every: Every, step: int, due_ps: int) -> int:
        """Return the image boundary at which an interval ends next; `step` is the image being learnt."""
        if every.images is not None:
            return (step // every.images + 1) * every.images
        done_ps = sum(self._chip.phase_ps[: self.state.phase % self._phases])
        begun_ps = self.state.start_ps - done_ps
        return step + max(-(-(due_ps - begun_ps) // max(self._chip.image_ps, 1)), 1)

    def _fitting(self, horizon_ps: int) -> int:
        """Return the phase before which everything ends by the horizon."""
        limit = self._last_phase()
        room = horizon_ps - self.state.start_ps
        phase = self.state.phase
        while phase < limit and phase % self._phases and self._chip.phase_ps[phase % self._phases] <= room:
            room -= self._chip.phase_ps[phase % self._phases]
            phase += 1
        if phase % self._phases == 0 and self._chip.image_ps:
            images = min(room // self._chip.image_ps, (limit - phase) // self._phases)
            phase += images * self._phases
            room -= images * self._chip.image_ps
            while phase < limit and self._chip.phase_ps[phase % self._phases] <= room:
                room -= self._chip.phase_ps[phase % self._phases]
                phase += 1
        return phase


def _due(every: Every, step: int, now_ps: int, due_ps: int) -> bool:
    if every.images is not None:
        return step % every.images == 0
    return now_ps >= due_ps
