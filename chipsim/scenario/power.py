"""The parameter classes of the power domain: when the chip sleeps, and what that takes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema, model_validator

from chipsim import units
from chipsim.scenario.parts import LONGEST, SECOND
from chipsim.spec import Spec, Time, param


@dataclass(frozen=True)
class Nap:
    """One planned sleep, in ps of chip time."""

    start_ps: int
    lasts_ps: int

    @classmethod
    def parse(cls, value: object) -> Nap:
        """Read `"10 ms for 5 ms"`.

        Raises
        ------
        ValueError
            if it is no pair of times, or the sleep never ends or takes no time.
        """
        if isinstance(value, Nap):
            return value
        start, found, lasts = value.partition(" for ") if isinstance(value, str) else ("", "", "")
        if not found:
            msg = f'{units.cited(value)} is no sleep that begins and ends; write for instance "10 ms for 5 ms"'
            raise ValueError(msg)
        nap = cls(units.parse_time(start), units.parse_time(lasts))
        if nap.start_ps < 0 or nap.lasts_ps <= 0:
            msg = f"{units.cited(value)} must begin at 0 s or later and take some time"
            raise ValueError(msg)
        if nap.lasts_ps > LONGEST:
            msg = f"{units.cited(value)} never ends: a sleep takes at most {units.format_time(LONGEST)}"
            raise ValueError(msg)
        return nap

    @property
    def end_ps(self) -> int:
        """When it is planned to end."""
        return self.start_ps + self.lasts_ps

    def __str__(self) -> str:
        """Return the sleep as it would be written in a scenario."""
        return f"{units.format_time(self.start_ps)} for {units.format_time(self.lasts_ps)}"


Sleep = Annotated[
    Nap,
    BeforeValidator(Nap.parse),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["10 ms for 5 ms"]}),
]
"""A planned sleep: when it begins and how long it lasts."""


class Power(Spec):
    """The power domain. While it is off capacitors go on leaking and PCM keeps; nothing is read, written or trained."""

    sleep: tuple[Sleep, ...] = param((), 'planned sleeps in chip time, `"10 ms for 5 ms"`, each beginning after the image in hand', basis="choice")
    idle_after: Time | None = param(None, "sleep when no image has come from the host for so long, until the next one comes", basis="choice", gt=0)
    before: Literal["transfer", "nothing"] = param("transfer", "what is done before power goes off", basis="choice")
    wake_up: Time = param("10 us", "from power on to the first operation", basis="assumed", gt=0, le=SECOND)

    @model_validator(mode="after")
    def _ordered(self) -> Power:
        for first, second in pairwise(self.sleep):
            if second.start_ps < first.end_ps + self.wake_up:
                msg = f'sleep: "{second}" overlaps "{first}" with its wake-up of {units.format_time(self.wake_up)}, or comes before it'
                raise ValueError(msg)
        return self
