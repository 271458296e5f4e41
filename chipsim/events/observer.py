"""What the processes tell, to whoever listens. Listening never changes what happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from chipsim.kernels.programming import Outcome


@dataclass(frozen=True)
class TransferRecord:
    """One finished transfer."""

    number: int
    step: int
    started_ps: int
    ended_ps: int
    outcome: Outcome


class Observer(Protocol):
    """Listens to a simulation."""

    def trained(self, step: int, now_ps: int) -> None:
        """Hear that training has reached image `step`, at `now_ps`."""

    def evaluate(self, step: int, now_ps: int) -> None:
        """Hear that an evaluation is due."""

    def transferred(self, record: TransferRecord) -> None:
        """Hear that a transfer is complete."""

    def probed(self, number: int, step: int, now_ps: int) -> None:
        """Hear that a probe is due."""

    def aged(self, number: int, age_ps: int, now_ps: int) -> None:
        """Hear that a retention read is due, `age_ps` after the measurement began."""
