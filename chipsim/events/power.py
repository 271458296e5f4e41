"""The power domain: settle what is in hand, move the weights if wanted, go off, come on again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from chipsim.events.clock import Clock, Rank
from chipsim.events.observer import Detail, Observer, SleepRecord
from chipsim.events.refresh import Refreshes
from chipsim.events.transfer import Transfers
from chipsim.scenario import power as plans

NEVER = -1


class Sleeper(Protocol):
    """A chip as its power domain sees it."""

    def idled(self, lasted_ps: int, step: int) -> None:
        """Count time in which the chip was powered, but training stood still."""

    def slept(self, off_ps: int, on_ps: int, ended_ps: int, step: int) -> None:
        """Count a sleep and the wake-up after it; what is volatile has leaked, what is not has drifted."""


@dataclass
class PowerState:
    """All that the power domain knows between two moments."""

    phase: str = "on"
    """`on`, `settling`, `transfer`, `off` or `waking`."""
    planned: int = 0
    """Sleeps of the plan that have begun."""
    step: int = 0
    before: str = "nothing"
    asked_ps: int = 0
    off_ps: int = 0
    on_ps: int = 0
    until_ps: int = NEVER
    """When power comes back; -1 if an image from the host will bring it."""
    sleeps: int = 0
    missed: int = 0
    """Sleeps that came to nothing, because what was done before took as long."""
    asleep_ps: int = 0


class PowerDomain:
    """Puts the chip to sleep between two images, by plan, for want of work, or as a stage."""

    reason = "sleep"

    def __init__(
        self,
        clock: Clock,
        chip: Sleeper,
        state: PowerState,
        observer: Observer,
        plan: plans.Power,
        transfers: Transfers | None,
        refreshes: Refreshes | None,
        detail: Detail | None,
    ) -> None:
        self._clock, self._chip, self.state, self._observer, self._plan = clock, chip, state, observer, plan
        self._transfers, self._refreshes, self._detail = transfers, refreshes, detail
        self.woken: Callable[[], None] = lambda: None
        """Called when the chip can work again."""

    # ---- as a gate of training ---------------------------------------------------------------------------------------------

    def closed(self, step: int) -> bool:
        """Begin a planned sleep whose time has come; return whether one began."""
        naps = self._plan.sleep[self.state.planned :]
        if not naps or naps[0].start_ps > self._clock.now_ps:
            return False
        self.state.planned += 1
        self.sleep(step, self._clock.now_ps + naps[0].lasts_ps, self._plan.before)
        return self.state.phase != "on"

    def next_ps(self) -> int | None:
        """Return when the next planned sleep is due."""
        naps = self._plan.sleep[self.state.planned :]
        return naps[0].start_ps if naps else None

    # ---- going to sleep ----------------------------------------------------------------------------------------------------

    def sleep(self, step: int, until_ps: int, before: str) -> None:
        """Go to sleep as soon as what is in hand is done, until a moment, or until woken."""
        state = self.state
        state.phase, state.step, state.until_ps, state.before, state.asked_ps = "settling", step, until_ps, before, self._clock.now_ps
        for process in (self._transfers, self._refreshes):
            if process is not None:
                process.stop()
        self.proceed()

    def proceed(self) -> None:
        """Go to the next step, if nothing is in hand any more."""
        if self._busy() or self.state.phase not in {"settling", "transfer"}:
            return
        if self.state.phase == "settling":
            self.state.phase = "transfer"
            self._chip.idled(self._clock.now_ps - self.state.asked_ps, max(self.state.step - 1, 0))
            if self.state.before == "transfer" and self._transfers is not None:
                self._transfers.whole(self.state.step, rest=True)
        if self.state.phase == "transfer" and not self._busy():
            self._go_off()

    def _busy(self) -> bool:
        return any(process is not None and process.busy for process in (self._transfers, self._refreshes))

    def _go_off(self) -> None:
        state = self.state
        if state.until_ps != NEVER and state.until_ps <= self._clock.now_ps:  # what was done before has taken all of it
            state.phase = "on"
            state.missed += 1
            self._observer.settled(state.step, self._clock.now_ps)
            self.woken()
            return
        state.phase, state.off_ps = "off", self._clock.now_ps
        self._observer.powered_off(state.step, state.off_ps)
        self.restart()

    def restart(self) -> None:
        """Arm the alarm of the present step; also after a rebuild."""
        state = self.state
        if state.phase == "off" and state.until_ps != NEVER:
            self._clock.call(max(state.until_ps, self._clock.now_ps), Rank.POWER, 0, self._come_on)
        if state.phase == "waking":
            self._clock.call(state.on_ps + self._plan.wake_up, Rank.POWER, 0, self._work)

    # ---- and back ----------------------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """End a sleep that has no planned end: an image has come."""
        if self.state.until_ps == NEVER and self.state.phase != "on":
            self.state.until_ps = self._clock.now_ps
            self.restart()

    def _come_on(self) -> None:
        if self.state.phase == "off":
            self.state.phase, self.state.on_ps = "waking", self._clock.now_ps
            self.restart()

    def _work(self) -> None:
        state, now = self.state, self._clock.now_ps
        self._chip.slept(state.off_ps, state.on_ps, now, max(state.step - 1, 0))
        state.phase = "on"
        state.sleeps += 1
        state.asleep_ps += state.on_ps - state.off_ps
        self._observer.slept(SleepRecord(state.step, state.asked_ps, state.off_ps, state.on_ps, now))
        if self._detail:
            self._detail.note("chip/power", "asleep", state.off_ps, state.on_ps)
            self._detail.note("chip/power", "wake-up", state.on_ps, now)
        self.woken()
