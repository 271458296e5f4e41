"""What tiles compete for."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import simpy

from chipsim.events.clock import Clock, Rank


@dataclass
class CurrentState:
    """The programming current of the chip: who holds how much, and who waits, in the order of asking."""

    total_ua: float
    held: dict[int, float] = field(default_factory=dict)
    waiting: list[tuple[int, float]] = field(default_factory=list)

    @property
    def free_ua(self) -> float:
        """What nobody holds; summed afresh, because a running difference of fractions would end below the total."""
        return self.total_ua - math.fsum(self.held.values())


class CurrentBudget:
    """Grants programming current to tiles, first come first served; nobody overtakes a larger wish."""

    def __init__(self, clock: Clock, state: CurrentState) -> None:
        self._clock = clock
        self._state = state
        self._signals: dict[int, simpy.Event] = {}

    def ask(self, tile: int, microamperes: float) -> None:
        """Queue a wish; `granted` tells when it is fulfilled."""
        self._state.waiting.append((tile, microamperes))
        self._grant()

    def granted(self, tile: int) -> simpy.Event:
        """Return an event that happens when the tile holds its current."""
        if tile in self._state.held:
            return self._clock.at(self._clock.now_ps, Rank.CURRENT, tile)
        self._signals[tile] = self._clock.signal()
        return self._signals[tile]

    def release(self, tile: int) -> None:
        """Give back what a tile holds."""
        del self._state.held[tile]
        self._grant()

    def _grant(self) -> None:
        state = self._state
        while state.waiting and state.waiting[0][1] <= state.free_ua:
            tile, amount = state.waiting.pop(0)
            state.held[tile] = amount
            if tile in self._signals:
                self._clock.fire(self._signals.pop(tile), Rank.CURRENT, tile)
