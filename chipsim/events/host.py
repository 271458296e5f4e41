"""The host: a partner that makes images, a link that sends them, and the queue that the chip takes them from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chipsim.events.clock import Clock, Rank
from chipsim.events.observer import Detail
from chipsim.events.resources import Monitor

NOT = -1
"""Stands for a moment where there is none."""


@dataclass
class HostState:
    """All that the host and its link know between two moments."""

    made: int = 0
    """Images whose making has begun."""
    sent: int = 0
    """... whose sending has begun."""
    arrived: int = 0
    taken: int = 0
    making_until_ps: int = NOT
    ready_ps: int = NOT
    """Since when a finished image has waited for the link or for room in the queue."""
    sending_until_ps: int = NOT
    on_way_ps: list[int] = field(default_factory=list)
    """When images on their way arrive."""
    blocked_ps: int = 0
    """How long the host could not go on, because its image had not left."""
    making_ps: int = 0
    most_queued: int = 0
    link: Monitor = field(default_factory=Monitor)


class Host:
    """Feeds the chip, image by image; what the queue has no room for stays with the host, which then stands still."""

    reason = "host"

    def __init__(
        self,
        clock: Clock,
        state: HostState,
        *,
        making_ps: Sequence[int],
        sending_ps: int,
        latency_ps: int,
        queue: int,
        sent: Callable[[int], None],
        segment: Callable[[], int],
        detail: Detail | None,
    ) -> None:
        """`making_ps` says how long each image takes to make; `sent` hears of the image whose sending begins."""
        self._clock, self.state, self._making_ps, self._sending_ps = clock, state, making_ps, sending_ps
        self._latency_ps, self._queue, self._sent, self._segment, self._detail = latency_ps, queue, sent, segment, detail
        self.came: Callable[[], None] = lambda: None
        """Called when an image has arrived."""

    # ---- as a gate of training ---------------------------------------------------------------------------------------------

    def closed(self, step: int) -> bool:
        """Take the next image from the queue; return whether there was none."""
        del step
        if self.state.arrived == self.state.taken:
            return True
        self._look()
        self.state.taken += 1
        self._send()
        return False

    def next_ps(self) -> int | None:
        """Return the present: the queue is looked at before every image."""
        return self._clock.now_ps

    # ---- making, sending, arriving -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to make images, or go on where a rebuilt simulation stood."""
        state = self.state
        if state.making_until_ps != NOT:
            self._clock.call(state.making_until_ps, Rank.HOST, 0, self._made)
        elif state.ready_ps == NOT:
            self._make()
        if state.sending_until_ps != NOT:
            self._clock.call(state.sending_until_ps, Rank.HOST, 1, self._gone)
        for due_ps in state.on_way_ps:
            self._clock.call(due_ps, Rank.HOST, 2, self._come)

    def _make(self) -> None:
        state = self.state
        if state.made < len(self._making_ps):
            lasts_ps = int(self._making_ps[state.made])
            state.made += 1
            state.making_ps += lasts_ps
            state.making_until_ps = self._clock.now_ps + lasts_ps
            if self._detail:
                self._detail.note("host/partner", "compute", self._clock.now_ps, state.making_until_ps, image=state.made - 1)
            self._clock.call(state.making_until_ps, Rank.HOST, 0, self._made)

    def _made(self) -> None:
        self.state.making_until_ps, self.state.ready_ps = NOT, self._clock.now_ps
        self._send()

    def _send(self) -> None:
        """Send the finished image if the link is free and the queue has room for it."""
        state, now = self.state, self._clock.now_ps
        if state.ready_ps == NOT or state.sending_until_ps != NOT or state.sent - state.taken >= self._queue:
            return
        state.link.waited(now - state.ready_ps)
        state.blocked_ps += now - state.ready_ps
        state.ready_ps, state.sending_until_ps = NOT, now + self._sending_ps
        state.link.used(self._segment(), 1.0, self._sending_ps)
        self._sent(state.sent)
        if self._detail:
            self._detail.note("host/link", "send", now, state.sending_until_ps, image=state.sent)
        state.sent += 1
        self._clock.call(state.sending_until_ps, Rank.HOST, 1, self._gone)
        self._make()

    def _gone(self) -> None:
        self.state.sending_until_ps = NOT
        due_ps = self._clock.now_ps + self._latency_ps
        self.state.on_way_ps.append(due_ps)
        self._clock.call(due_ps, Rank.HOST, 2, self._come)
        self._send()

    def _come(self) -> None:
        self._look()
        self.state.on_way_ps.pop(0)
        self.state.arrived += 1
        self.state.most_queued = max(self.state.most_queued, self.state.arrived - self.state.taken)
        self.came()

    def _look(self) -> None:
        self.state.link.queued(self._segment(), self.state.arrived - self.state.taken, self._clock.now_ps)
