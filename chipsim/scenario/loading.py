"""Reading a scenario: from a name or path and overrides to one frozen value that knows where each part of it came from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import PrivateAttr, ValidationError

from chipsim.errors import Fault, ScenarioError
from chipsim.locator import Path as Key
from chipsim.locator import dotted
from chipsim.scenario.faults import by_place, faults_of, plain_faults
from chipsim.scenario.model import Parameters
from chipsim.scenario.origins import Raw, gather
from chipsim.scenario.overrides import Override, apply
from chipsim.scenario.schema import value_keys
from chipsim.scenario.shipped import Head
from chipsim.scenario.unused import warnings_of
from chipsim.scenario.writing import toml_tables
from chipsim.spec import Spec

_IN_PYTHON = "Scenario(...)"


class Scenario(Parameters):
    """All parameters of a run, checked, frozen, and with the origin of every value.

    Scenarios are equal when their parameters are; where values came from does not matter.

    Examples
    --------
    >>> scenario = Scenario.load("mnist-5k", ["training.epochs=2"])
    >>> scenario.training.epochs, scenario.origins["training.epochs"]
    (2, '--set #1')

    Raises
    ------
    ScenarioError
        if a parameter is unknown, of the wrong kind or out of range; it names every fault.
    """

    _origins: dict[str, str] = PrivateAttr(default_factory=dict)
    _warnings: tuple[str, ...] = PrivateAttr(default=())
    _head: Head = PrivateAttr(default_factory=Head)
    _name: str = PrivateAttr(default="scenario")

    def __init__(self, **values: Any) -> None:
        """Check parameters given in Python: tables as mappings or as objects of their classes, arrays of tables as lists of them."""
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ScenarioError(by_place(faults_of(error, Raw(values=values, name=_IN_PYTHON)), _IN_PYTHON)) from None
        self._origins = _origins(self, dict.fromkeys(_given(self), _IN_PYTHON))

    @classmethod
    def load(cls, name_or_path: str | Path, overrides: Sequence[str] = (), *, seed: int | None = None, name: str = "") -> Scenario:
        """Read a shipped scenario by its name, or a TOML file by its path.

        Parameters
        ----------
        name_or_path
            `mnist-5k`, or `some/folder/my.toml`.
        overrides
            `dotted.key=value`; a value that is no TOML is taken as text, so `cell.kind=2pcm` needs no quotes. `stage[0].images=200`
            sets one key of one element of an array of tables; elements count from 0, and must be there.
        seed
            stands in for the scenario's seed.
        name
            stands in for the file's name without its suffix.

        Raises
        ------
        ScenarioError
            with every fault found, each with its file and line (or the number of the override), key and value.
        """
        given = [Override(text, f"--set #{number}") for number, text in enumerate(overrides, start=1)]
        if seed is not None:
            given.append(Override(f"seed={seed}", "--seed"))
        raw = gather(name_or_path)
        faults = apply(raw, given)
        parameters, found = _checked(raw)
        if parameters is None or faults or found:
            raise ScenarioError(by_place([*faults, *found], raw.name))
        scenario = cls(**{name: getattr(parameters, name) for name in Parameters.model_fields})
        scenario._origins = _origins(scenario, raw.places)
        scenario._warnings = tuple(warnings_of(parameters, raw))
        scenario._head = raw.head
        scenario._name = name or Path(raw.name).stem
        return scenario

    @property
    def name(self) -> str:
        """The name of the file it was read from, without folder and suffix."""
        return self._name

    @property
    def head(self) -> Head:
        """Question, source and expectation, from the first comment lines of the file."""
        return self._head

    @property
    def origins(self) -> dict[str, str]:
        """Where each value came from: `default`, `file.toml:line`, `--set #n` or `Scenario(...)`.

        The keys are dotted, `training.epochs`. An array of tables has a key of its own, `stage`, and those of each element, counted
        from 0: `stage[1].images` is the origin of `scenario.stage[1].images`.
        """
        return dict(self._origins)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Settings that have no effect, one line each."""
        return self._warnings

    def to_toml(self) -> str:
        """Return the whole scenario as TOML, every value with its origin behind it; reading it gives an equal scenario."""
        lines = [*self._head.lines(), "", "# Every value that this run used, and where it came from."]
        lines += toml_tables(self.model_dump(), self._origins)
        return "\n".join(lines) + "\n"

    def __eq__(self, other: object) -> bool:
        """Compare parameters, not origins."""
        if not isinstance(other, Scenario):
            return NotImplemented
        return self._parameters() == other._parameters()

    def __hash__(self) -> int:
        """Hash the parameters."""
        return hash(self._parameters())

    def _parameters(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in Parameters.model_fields)


def _checked(raw: Raw) -> tuple[Parameters | None, list[Fault]]:
    """Check raw values without coercion: text is no number, and 1 is not true."""
    faults = list(plain_faults(raw.values, raw))
    try:
        return Parameters.model_validate_json(_json(raw.values), strict=True), faults
    except ValidationError as error:
        return None, [*faults, *faults_of(error, raw, faults)]


def _json(values: Mapping[str, Any]) -> str:
    """Return values as JSON, the form in which pydantic takes lists for tuples and is strict about everything else."""
    return json.dumps(_plain(values))


def _plain(value: Any) -> Any:
    """Replace what JSON cannot hold, and `plain_faults` has refused, by something of the same kind."""
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, int):
        return max(-(2**63), min(value, 2**63 - 1)) if not isinstance(value, bool) else value
    return value if isinstance(value, float) else str(value)


def _origins(scenario: Parameters, places: Mapping[Key, str]) -> dict[str, str]:
    """Return the origin of every value, by dotted key."""
    return {dotted(path): places.get(path, "default") for path in value_keys(scenario)}


def _given(spec: Spec, path: Key = ()) -> Iterator[Key]:
    """Yield the keys of all that was given in Python; an object of a parameter class gives what it was made with."""
    for name in spec.model_fields_set:
        here, value = (*path, name), getattr(spec, name)
        yield here
        yield from ((*here, entry) for entry in value) if isinstance(value, Mapping) else ()
        tables = enumerate(value) if isinstance(value, tuple) else ()
        for inner, table in [(here, value), *(((*here, index), item) for index, item in tables)]:
            if isinstance(table, Spec):
                yield from _given(table, inner)
