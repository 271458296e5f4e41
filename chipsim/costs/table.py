"""Price tables: what one action costs, each price with its node, source and basis."""

from __future__ import annotations

import re
import tomllib
from difflib import get_close_matches
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from chipsim import units
from chipsim.costs.actions import ACTIONS, UNITS
from chipsim.errors import Fault, InputError
from chipsim.spec import Spec


class Price(Spec):
    """What one action costs, and how we know."""

    value: str = Field(description='a quantity such as "1.67 pJ"; its unit follows from what the action counts')
    node: str = Field(description="technology node the value belongs to", min_length=1)
    source: str = Field(description="where the value comes from, with what was assumed on the way", min_length=1)
    basis: Literal["read", "derived", "assumed"] = Field(description="read in the source, derived from it, or assumed")


class PriceTable(Spec):
    """A price for every action; energies are counts times prices, so that a saved run can be priced again.

    >>> table = PriceTable.load("bottom-up-14nm")
    >>> table.value("read-out.conversion")
    1.67e-12
    """

    title: str = Field(description="one line for people", min_length=1)
    node: str = Field(description="technology node of the periphery", min_length=1)
    converter: str = Field(description="which analog-to-digital converter the read-out is priced by, and what others would cost", min_length=1)
    price: dict[str, Price] = Field(description="action -> price; every action must be there")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        faults = [*(_unknown(name) for name in self.price if name not in ACTIONS)]
        faults += [f'price."{name}": is missing; give a value, node, source and basis' for name in ACTIONS if name not in self.price]
        faults += [fault for name in self.price if name in ACTIONS and (fault := _bad_value(name, self.price[name].value))]
        if faults:
            raise ValueError("\n".join(faults))
        return self

    @classmethod
    def load(cls, name_or_path: str | Path) -> PriceTable:
        """Return a shipped table by its name, or a table from a TOML file.

        Raises
        ------
        InputError
            if there is none, or it is damaged, incomplete or holds a wrong value; the message names the file, the key, the
            value and what is allowed, for all faults at once.
        """
        name = str(name_or_path)
        if name in shipped_tables():
            file = resources.files("chipsim.costs").joinpath("tables", f"{name}.toml")
            return cls._parse(file.read_text(encoding="utf-8"), f"{name}.toml")
        path = Path(name_or_path)
        try:
            return cls._parse(path.read_text(encoding="utf-8"), name)
        except FileNotFoundError:
            near = get_close_matches(name, shipped_tables(), n=1, cutoff=0.4)
            hint = f"did you mean '{near[0]}'? " if near else ""
            msg = f"prices.table: there is no price table '{name}', {hint}shipped are {', '.join(shipped_tables())}; or give the path of a TOML file"
        except (OSError, ValueError) as error:
            msg = f"prices.table: '{name}' cannot be read ({error})"
        raise InputError(msg)

    @classmethod
    def _parse(cls, text: str, place: str) -> PriceTable:
        try:
            return cls.model_validate(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            msg = f"{place}: is no TOML: {error}"
        except ValidationError as error:
            msg = "\n".join(str(fault) for fault in _faults(error, text, place))
        raise InputError(msg)

    def value(self, action: str) -> float:
        """Return the price of an action in the SI unit of its measure: J, V or W."""
        return _quantity(action, self.price[action].value)

    @cached_property
    def rates(self) -> dict[str, float]:
        """Joules per amount of each action."""
        return {name: action.rate(self.value(name)) for name, action in ACTIONS.items()}


def shipped_tables() -> tuple[str, ...]:
    """Return the names of the price tables that come with chipsim."""
    names = (entry.name for entry in resources.files("chipsim.costs").joinpath("tables").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def unknown_action(name: str) -> str:
    """Return a message for a name that is no action, with a near spelling where there is one."""
    near = get_close_matches(name, ACTIONS, n=1)
    return f"'{name}' is no action that chipsim knows" + (f"; did you mean '{near[0]}'?" if near else f"; known are: {', '.join(ACTIONS)}")


def _quantity(action: str, text: str) -> float:
    return float(units.parse(text, UNITS[ACTIONS[action].measure]))


def _unknown(name: str) -> str:
    return f'price."{name}": {unknown_action(name)}'


def _bad_value(name: str, text: str) -> str | None:
    try:
        value = _quantity(name, text)
    except ValueError as error:
        return f'price."{name}".value: {error}'
    return f'price."{name}".value: {text!r} is negative; zero or more is allowed' if value < 0 else None


def _faults(error: ValidationError, text: str, place: str) -> list[Fault]:
    faults = []
    for item in error.errors():
        if not item["loc"]:
            for line in str(item["ctx"]["error"]).splitlines():
                key, _, message = line.partition(": ")
                faults.append(_fault(key, message, text, place))
            continue
        faults.append(_fault(_dotted(item["loc"]), _message(item), text, place))
    return faults


def _message(item: ErrorDetails) -> str:
    if item["type"] == "missing":
        return "is missing"
    if item["type"] == "extra_forbidden":
        known = PriceTable.model_fields if len(item["loc"]) == 1 else Price.model_fields
        return f"is unknown; allowed are {', '.join(known)}"
    return f"{item['msg']}, {item['input']!r} found"


def _fault(key: str, message: str, text: str, place: str) -> Fault:
    line = _line(key, text)
    return Fault(f"{place}:{line}" if line else place, key, message)


def _dotted(loc: tuple[Any, ...]) -> str:
    return ".".join(f'"{part}"' if "." in str(part) else str(part) for part in loc)


def _line(key: str, text: str) -> int | None:
    """Return the line of the table's header that a key lies under, or of a key at the top, for messages."""
    match = re.match(r'price\.("[^"]+"|[^.]+)', key)
    wanted = f"[price.{match[1]}]" if match else key
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip().startswith(wanted):
            return number
    return None
