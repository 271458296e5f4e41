"""Refreshes of saturated PCM pairs (cell `2pcm`)."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from chipsim.scenario.transfer import Refresh
from chipsim.spec import Every


@runtime_checkable
class Refreshable(Protocol):
    """A chip as refreshes of pairs see it."""

    def refresh_pairs(self, number: int, step: int) -> int:
        """Refresh saturated pairs; return how many there were."""


class PairRefresh:
    """Refreshes saturated PCM pairs at an image interval; takes no chip time, but is paid for."""

    def __init__(self, chip: Refreshable, refresh: Refresh) -> None:
        self._chip = chip
        self.every: Every = refresh.every

    def due(self, step: int) -> bool:
        """Return False: only the interval counts."""
        del step
        return False

    def next_look(self, step: int) -> int | None:
        """Return None: nothing is looked at in between."""
        del step
        return None

    def begin(self, step: int) -> bool:
        """Refresh all saturated pairs; training does not wait."""
        self._chip.refresh_pairs(step, max(step - 1, 0))
        return False
