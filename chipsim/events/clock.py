"""The clock: whole picoseconds, and a declared order of what happens at one moment.

SimPy breaks ties by order of scheduling, which a rebuilt simulation could not repeat. Here every event carries a rank
(which kind of process) and a number (which of them), so that the order at equal times is total.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from enum import IntEnum
from typing import Any

import simpy

from chipsim.errors import SimulationError

Waiting = Generator[simpy.Event, Any, None]


class Rank(IntEnum):
    """Who goes first at equal times; training always goes last, when nothing else is pending."""

    HOST = 0
    PROGRAMMING = 1
    CURRENT = 2
    READ_OUT = 3
    REFRESH = 4
    POWER = 5
    STAGE = 6
    PROBE = 7
    RETENTION = 8
    TRAINING = 9


class Alarm(simpy.Event):
    """An event that happens at a set time, in the order of its rank and number."""

    def __init__(self, env: simpy.Environment, delay: int, rank: Rank, number: int) -> None:
        super().__init__(env)
        self._ok = True
        self._value = None
        env.schedule(self, priority=(rank << 32) + number, delay=delay)  # type: ignore[arg-type]


class Clock:
    """Chip time in integer picoseconds, over SimPy's event queue."""

    def __init__(self, start_ps: int = 0) -> None:
        self._env = simpy.Environment(initial_time=start_ps)

    @property
    def now_ps(self) -> int:
        """The present."""
        return self._env._now  # type: ignore[return-value]  # noqa: SLF001  an integer, since it began as one; asked for at every turn

    def at(self, time_ps: int, rank: Rank, number: int = 0) -> simpy.Event:
        """Return an event that happens at `time_ps`.

        Raises
        ------
        SimulationError
            if that lies in the past.
        """
        if time_ps < self.now_ps:
            msg = f"an event at {time_ps} ps lies in the past of {self.now_ps} ps"
            raise SimulationError(msg)
        return Alarm(self._env, time_ps - self.now_ps, rank, number)

    def call(self, time_ps: int, rank: Rank, number: int, act: Callable[[], None]) -> None:
        """Have a function called at `time_ps`."""

        def happen(event: simpy.Event) -> None:
            del event
            act()

        callbacks = self.at(time_ps, rank, number).callbacks
        if callbacks is not None:
            callbacks.append(happen)

    def next_ps(self) -> int | None:
        """Return when the next event happens, or None if there is none."""
        following = self._env.peek()
        return None if following == simpy.core.Infinity else int(following)

    def start(self, behaviour: Waiting) -> None:
        """Let a process begin, now."""
        self._env.process(behaviour)

    def signal(self) -> simpy.Event:
        """Return an event that `fire` will trigger."""
        return self._env.event()

    def fire(self, signal: simpy.Event, rank: Rank, number: int = 0) -> None:
        """Trigger a signal, now, in the order of its rank."""
        signal._ok = True  # noqa: SLF001  SimPy offers no public way to trigger with a priority
        signal._value = None  # noqa: SLF001
        self._env.schedule(signal, priority=(rank << 32) + number)  # type: ignore[arg-type]

    def step(self) -> bool:
        """Let the next event happen; return False if there was none."""
        try:
            self._env.step()
        except simpy.core.EmptySchedule:
            return False
        return True
