"""The errors that chipsim raises, all under one root.

Messages name what was found, what is allowed and, where a scenario file is at fault, `file:line: key`.
"""

from __future__ import annotations

from dataclasses import dataclass


class ChipsimError(Exception):
    """Root of every error that chipsim raises on purpose."""


class InputError(ChipsimError):
    """Something the user gave is wrong: the command ends with exit code 2."""


class SimulationError(ChipsimError):
    """The simulation itself cannot go on: the command ends with exit code 1."""


class NumericalError(SimulationError):
    """A value is not a number, has overflowed, or lies outside what is physically possible."""


@dataclass(frozen=True)
class Fault:
    """One thing wrong in a scenario: where it stands and what is allowed there.

    `place` is `file.toml:line`, `--set #n` or `Scenario(...)`; `key` is the dotted key.
    """

    place: str
    key: str
    message: str

    def __str__(self) -> str:
        """Return the fault as one line, `place: key: message`."""
        return ": ".join(part for part in (self.place, self.key, self.message) if part)


class ScenarioError(InputError):
    """A scenario cannot be used; carries every fault found, not only the first."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("\n".join(str(fault) for fault in faults))


class DataError(InputError):
    """A data file is missing, damaged, or does not hold what it should."""


class RunFolderError(InputError):
    """A run folder exists already, cannot be written, or cannot be read."""
