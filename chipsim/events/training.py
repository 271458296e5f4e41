"""Training: images in windows, as long as nothing else happens and the tiles are free."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from chipsim.events.arrays import Arrays
from chipsim.events.clock import Clock, Rank, Waiting
from chipsim.events.observer import Detail, Observer
from chipsim.events.training_state import TrainingState
from chipsim.spec import Every


class Trainable(Protocol):
    """A chip as training sees it."""

    phase_ps: tuple[int, ...]
    image_ps: int

    def train(self, first: int, last: int, start_ps: int) -> int:
        """Run phases of the run and return when they end."""

    def idled(self, lasted_ps: int, step: int) -> None:
        """Count time in which the chip was powered, but training stood still."""


class Interruption(Protocol):
    """Something that is begun at an image boundary: a transfer, a refresh."""

    every: Every

    def due(self, step: int) -> bool:
        """Return whether it is due at an image for another reason than its interval."""

    def next_look(self, step: int) -> int | None:
        """Return the image at which `due` must be asked next, if it may say yes at all."""

    def begin(self, step: int) -> bool:
        """Start it; return whether training has to wait until `resume`."""


class Gate(Protocol):
    """Something that may keep training from its next image."""

    reason: str

    def closed(self, step: int) -> bool:
        """Return whether training has to wait until `resume`; else the image is training's."""

    def next_ps(self) -> int | None:
        """Return when the gate closes next, if that is known."""


class Training:
    """Learns one image after the other, and stops where others are due."""

    def __init__(
        self,
        clock: Clock,
        chip: Trainable,
        state: TrainingState,
        observer: Observer,
        *,
        window: int,
        grid: int,
        evaluation: Every,
        interruption: Interruption | None,
        arrays: Arrays | None,
        gates: tuple[Gate, ...] = (),
        detail: Detail | None = None,
    ) -> None:
        self._clock, self._chip, self._observer = clock, chip, observer
        self.state = state
        self._phases = len(chip.phase_ps)
        self._window, self._grid = window, grid
        self._evaluation, self._interruption, self._arrays, self._gates, self._detail = evaluation, interruption, arrays, gates, detail
        self._resume = clock.signal()
        self.starved: Callable[[], None] = lambda: None
        """Called when no image has come from the host."""
        if interruption and state.due_ps == 0:
            state.due_ps = interruption.every.time_ps or 0
        if state.evaluation_due_ps == 0:
            state.evaluation_due_ps = evaluation.time_ps or 0

    def resume(self) -> None:
        """Let training go on after an interruption, or through a gate."""
        self._clock.fire(self._resume, Rank.TRAINING)

    def begin(self, until: int) -> None:
        """Train up to image `until`, from now on."""
        state = self.state
        state.until, state.began, state.done = until, True, False
        state.start_ps = state.image_ps = self._clock.now_ps
        if self._interruption and self._interruption.every.time_ps:
            state.due_ps = state.start_ps + self._interruption.every.time_ps
        self._clock.start(self.run())

    def wait_for(self, reason: str) -> None:
        """Change what training waits for, and count the time up to now for what it waited for before."""
        state, now = self.state, self._clock.now_ps
        if self._detail:
            self._detail.note("chip/training", f"waits for {state.waiting}", state.since_ps, now)
        state.waited(now - state.since_ps)
        if state.waiting == "host":
            self._chip.idled(now - state.since_ps, self._step())
        state.waiting, state.since_ps = reason, now

    def run(self) -> Waiting:
        """Train until every image of the run, or of its stage, has been learnt.

        Windows end on the observer's grid of images too, so what it records does not depend on the windows' length.
        """
        state = self.state
        if not state.waiting:  # whatever else happens at this moment goes first, also where a rebuilt simulation begins in its middle
            yield self._clock.at(max(state.start_ps, self._clock.now_ps), Rank.TRAINING)
        while not state.done:
            if state.waiting:
                yield self._resume
                self._resume = self._clock.signal()
                self._go_on()
            elif self._clock.now_ps < state.start_ps and not self._alone():
                yield self._clock.at(state.start_ps, Rank.TRAINING)
            if not self._at_boundary() or state.passed_at == self._step() or not self._stop_here():
                yield from self._advance()

    def _go_on(self) -> None:
        """Count the time waited, and begin the next image now."""
        state, now = self.state, self._clock.now_ps
        if state.waiting in {"transfer", "sleep"}:
            state.due_ps = now + (self._interruption.every.time_ps or 0) if self._interruption else 0
        self.wait_for("")
        state.start_ps = state.image_ps = now

    def _step(self) -> int:
        return self.state.phase // self._phases

    def _at_boundary(self) -> bool:
        return self.state.phase % self._phases == 0

    def _stop_here(self) -> bool:
        """Do what is due at this image boundary; return whether the loop must look again before training on.

        Once it returned False the image is training's: what happens before its first phase can begin changes that no more.
        """
        state = self.state
        step = self._step()
        if self._interruption_due(step) and self._interruption:
            state.interrupted_at = step
            state.due_ps = state.start_ps + (self._interruption.every.time_ps or 0)
            if self._interruption.begin(step):
                return self._wait_for("transfer")
        if self._evaluation_due(step):
            state.evaluated_at = step
            state.evaluation_due_ps = state.start_ps + (self._evaluation.time_ps or 0)
            self._observer.evaluate(step, state.start_ps)
        state.done = step == state.until
        if state.done:
            return True
        for gate in self._gates:
            if gate.closed(step):
                return self._wait_for(gate.reason)
        state.passed_at = step
        return False

    def _wait_for(self, reason: str) -> bool:
        self.state.waiting, self.state.since_ps = reason, self._clock.now_ps
        if reason == "host":
            self.starved()
        return True

    def _interruption_due(self, step: int) -> bool:
        """Return whether the interruption is due at an image; never at the last one, where nothing follows that it could serve."""
        if self._interruption is None or step in {0, self.state.until, self.state.interrupted_at}:
            return False
        return _due(self._interruption.every, step, self.state.start_ps, self.state.due_ps) or self._interruption.due(step)

    def _evaluation_due(self, step: int) -> bool:
        if self.state.evaluated_at == step:
            return False
        return step in {0, self.state.until} or _due(self._evaluation, step, self.state.start_ps, self.state.evaluation_due_ps)

    def _advance(self) -> Waiting:
        """Run as many phases as fit before the next event, the next stop and the end of the window, on tiles that are free."""
        state, clock, arrays = self.state, self._clock, self._arrays
        if state.blocked:
            yield from self._kept_waiting()
            return
        horizon = clock.next_ps()
        crowded = arrays is not None and not arrays.all_free(state.start_ps)
        if arrays is not None and crowded and (free := arrays.free_ps(state.phase % self._phases)) > state.start_ps:
            state.blocked = arrays.kept_ps(state.phase % self._phases, state.start_ps) > state.start_ps
            if not state.blocked:
                self._held_up(free)
            return
        last = self._last_phase(horizon)
        if self._detail:
            last, horizon = self._detail.cut(state.phase, last, state.start_ps, horizon, clock.now_ps)
        if crowded:
            last = self._free_until(last, horizon)
        elif horizon is not None:
            last = self._fitting(last, horizon)
        if last == state.phase:
            yield clock.at(horizon or 0, Rank.TRAINING)
            return
        self._train(last)
        if not self._chip.image_ps or (clock.now_ps < state.start_ps and not self._alone()):  # software takes no time, but others must get a look in
            yield clock.at(state.start_ps, Rank.TRAINING)

    def _alone(self) -> bool:
        """Return whether nothing can happen before the next phase of the image in hand begins, so that it can be looked at now."""
        following = self._clock.next_ps()
        return not self._at_boundary() and following is not None and following > self.state.start_ps

    def _train(self, last: int) -> None:
        state, first, since = self.state, self.state.phase, self.state.start_ps
        state.start_ps = self._chip.train(first, last, since)
        state.phase = last
        if self._detail:
            self._detail.phases(first, last, since, self._chip.phase_ps)
        if last // self._phases > first // self._phases:
            state.image_ps, state.delay_ps = state.start_ps - sum(self._chip.phase_ps[: last % self._phases]), 0
        if self._at_boundary():
            self._observer.trained(last // self._phases, state.start_ps)

    def _kept_waiting(self) -> Waiting:
        """Wait until nobody keeps training from a tile that is not in use; any event may bring that."""
        state, arrays, clock = self.state, self._arrays, self._clock
        while arrays and (kept_ps := arrays.kept_ps(state.phase % self._phases, clock.now_ps)) > clock.now_ps:
            horizon_ps = clock.next_ps()
            yield clock.at(kept_ps if horizon_ps is None else min(kept_ps, horizon_ps), Rank.TRAINING)
        state.blocked = False
        self._held_up(clock.now_ps)

    def _held_up(self, until_ps: int) -> None:
        """Let the next phase begin later, because a tile was or is not free before."""
        state, since = self.state, self.state.start_ps
        state.start_ps = until_ps
        state.held_up(until_ps - since)
        self._chip.idled(until_ps - since, self._step())
        if self._detail:
            self._detail.note("chip/training", "waits for tile", since, until_ps, image=self._step())

    def _last_phase(self, horizon_ps: int | None) -> int:
        """Return the phase before which a window ends at the latest; not looked for further than the image in hand, if that reaches the horizon."""
        step = self._step()
        if horizon_ps is not None and horizon_ps - self.state.start_ps < self._chip.image_ps:
            return (step + 1) * self._phases
        last = min(self.state.until, step + self._window, (step // self._grid + 1) * self._grid)
        if self._interruption:
            last = min(last, self._next_stop(self._interruption.every, step, self.state.due_ps), self._interruption.next_look(step) or last)
        last = min(last, self._next_stop(self._evaluation, step, self.state.evaluation_due_ps))
        for gate in self._gates:
            closes = gate.next_ps()
            if closes is not None:
                last = min(last, self._next_stop(Every(time_ps=1), step, closes))
        return last * self._phases

    def _next_stop(self, every: Every, step: int, due_ps: int) -> int:
        """Return the image boundary at which an interval ends next; `step` is the image being learnt."""
        if every.images is not None:
            return (step // every.images + 1) * every.images
        done_ps = sum(self._chip.phase_ps[: self.state.phase % self._phases])
        begun_ps = self.state.start_ps - done_ps
        return step + max(-(-(due_ps - begun_ps) // max(self._chip.image_ps, 1)), 1)

    def _fitting(self, limit: int, horizon_ps: int) -> int:
        """Return the phase, at most `limit`, before which everything ends by the horizon."""
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

    def _free_until(self, limit: int, horizon_ps: int | None) -> int:
        """Return the phase, at most `limit`, before which every phase finds its tiles free and ends by the horizon."""
        phase, at = self.state.phase, self.state.start_ps
        while phase < limit and self._arrays and self._arrays.free_ps(phase % self._phases) <= at:
            at += self._chip.phase_ps[phase % self._phases]
            if horizon_ps is not None and at > horizon_ps:
                break
            phase += 1
        return phase


def _due(every: Every, step: int, now_ps: int, due_ps: int) -> bool:
    if every.images is not None:
        return step % every.images == 0
    return now_ps >= due_ps
