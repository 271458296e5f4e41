"""Stages: what a chip goes through, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from chipsim.events.clock import Clock, Rank
from chipsim.events.observer import Observer
from chipsim.scenario.stages import Stage


class Idler(Protocol):
    """A chip as stages see it."""

    def rested(self, now_ps: int, lasted_ps: int, step: int) -> None:
        """Count time in which the chip was powered and did nothing; what is volatile has leaked, what is not has drifted."""


@dataclass
class StageState:
    """All that the stages know between two moments."""

    number: int = 0
    """Stages begun."""
    running: bool = False
    step: int = 0
    """Image at which the one under way ends."""
    began_ps: int = 0
    idle_until_ps: int = 0


class Stages:
    """Begins one stage when the one before is over."""

    def __init__(
        self,
        clock: Clock,
        chip: Idler,
        state: StageState,
        observer: Observer,
        plan: Sequence[Stage],
        images: Sequence[int],
        *,
        train: Callable[[int], None],
        sleep: Callable[[int, int, str], None],
    ) -> None:
        """`images` says how many images each stage learns, `train` begins training up to an image, `sleep` a sleep until a moment."""
        self._clock, self._chip, self.state, self._observer = clock, chip, state, observer
        self._plan, self._images, self._train, self._sleep = plan, images, train, sleep

    @property
    def resting(self) -> bool:
        """Whether an idle stage is under way."""
        return self.state.running and self._clock.now_ps < self.state.idle_until_ps

    def go_on(self) -> bool:
        """End the stage under way and begin the next one that takes time; return whether there is any."""
        state = self.state
        if state.running:
            self._end()
        if state.number == len(self._plan):
            return False
        self._begin(self._plan[state.number])
        return self.go_on() if self._plan[state.number - 1].kind == "program" else True

    def _begin(self, stage: Stage) -> None:
        state = self.state
        state.number += 1
        state.running, state.began_ps = True, self._clock.now_ps
        if stage.kind == "train":
            state.step += self._images[state.number - 1]
            self._train(state.step)
        elif stage.kind == "idle":
            state.idle_until_ps = self._clock.now_ps + (stage.lasts or 0)
            self.restart()
        elif stage.kind == "sleep":
            self._sleep(state.step, self._clock.now_ps + (stage.lasts or 0), stage.before)

    def restart(self) -> None:
        """Arm the alarm of an idle stage; also after a rebuild."""
        if self.resting:
            self._clock.call(self.state.idle_until_ps, Rank.STAGE, 0, lambda: None)

    def _end(self) -> None:
        state, stage = self.state, self._plan[self.state.number - 1]
        state.running = False
        if stage.kind == "idle":
            self._chip.rested(self._clock.now_ps, self._clock.now_ps - state.began_ps, max(state.step - 1, 0))
        self._observer.staged(state.number - 1, state.step, self._clock.now_ps)
