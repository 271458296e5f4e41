"""What tiles compete for, each with a monitor: how much was used, who waited and for how long."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import simpy

from chipsim.events.clock import Clock, Rank

WAIT_BINS = 64
"""Waiting times by powers of two: bin 0 for none, bin k for 2^(k-1) to 2^k - 1 ps."""


@dataclass
class Monitor:
    """What is known of one resource; by segments of the traces where it changes over time."""

    busy: dict[int, float] = field(default_factory=dict)
    """Amount in use times ps, from the durations of what was done with it, by segment."""
    queue: dict[int, int] = field(default_factory=dict)
    """Number waiting times ps, by segment."""
    waits: list[int] = field(default_factory=lambda: [0] * WAIT_BINS)
    """Fulfilled wishes by waiting time."""
    waited_ps: int = 0
    longest_ps: int = 0
    since_ps: int = 0
    """When the queue was last looked at."""

    def used(self, segment: int, amount: float, lasts_ps: int) -> None:
        """Note a use of some amount for some time."""
        self.busy[segment] = self.busy.get(segment, 0.0) + amount * lasts_ps

    def queued(self, segment: int, waiting: int, now_ps: int) -> None:
        """Note how many have been waiting up to now; called whenever that is about to change."""
        if waiting:
            self.queue[segment] = self.queue.get(segment, 0) + waiting * (now_ps - self.since_ps)
        self.since_ps = now_ps

    def waited(self, lasted_ps: int) -> None:
        """Note how long a wish took to be fulfilled."""
        self.waits[min(lasted_ps.bit_length(), WAIT_BINS - 1)] += 1
        self.waited_ps += lasted_ps
        self.longest_ps = max(self.longest_ps, lasted_ps)


@dataclass
class PoolState:
    """A divisible resource: who holds how much, and who waits for how much since when, in the order of asking."""

    name: str
    total: float
    held: dict[int, float] = field(default_factory=dict)
    waiting: list[tuple[int, float, int]] = field(default_factory=list)
    monitor: Monitor = field(default_factory=Monitor)

    @property
    def free(self) -> float:
        """What nobody holds; summed afresh, because a running difference of fractions would end below the total."""
        return self.total - math.fsum(self.held.values())


class Pool:
    """Grants shares of a resource to tiles, first come first served; nobody overtakes a larger wish."""

    def __init__(self, clock: Clock, state: PoolState, rank: Rank, segment: Callable[[], int]) -> None:
        self._clock, self.state, self._rank, self._segment = clock, state, rank, segment
        self._signals: dict[int, simpy.Event] = {}

    def ask(self, tile: int, amount: float) -> bool:
        """Queue a wish; return whether it was fulfilled at once. If not, `granted` tells when it is."""
        self._look()
        self.state.waiting.append((tile, amount, self._clock.now_ps))
        self._grant()
        return tile in self.state.held

    def granted(self, tile: int) -> simpy.Event:
        """Return an event that happens when the tile holds its share."""
        if tile in self.state.held:
            return self._clock.at(self._clock.now_ps, self._rank, tile)
        self._signals[tile] = self._clock.signal()
        return self._signals[tile]

    def use(self, tile: int, lasts_ps: int) -> None:
        """Note that the tile's share is in use for some time from now."""
        self.state.monitor.used(self._segment(), self.state.held[tile], lasts_ps)

    def release(self, tile: int) -> None:
        """Give back what a tile holds."""
        self._look()
        del self.state.held[tile]
        self._grant()

    def _look(self) -> None:
        if self.state.waiting:
            self.state.monitor.queued(self._segment(), len(self.state.waiting), self._clock.now_ps)
        else:
            self.state.monitor.since_ps = self._clock.now_ps

    def _grant(self) -> None:
        state = self.state
        while state.waiting and state.waiting[0][1] <= state.free:
            tile, amount, asked_ps = state.waiting.pop(0)
            state.held[tile] = amount
            state.monitor.waited(self._clock.now_ps - asked_ps)
            if tile in self._signals:
                self._clock.fire(self._signals.pop(tile), self._rank, tile)
