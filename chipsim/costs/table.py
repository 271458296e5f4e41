"""Price tables: joules per action, area and static power per block, each with its node, source and basis."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from chipsim import units
from chipsim.costs.actions import ACTIONS, UNITS
from chipsim.costs.blocks import BLOCKS, FACTORS
from chipsim.costs.derivation import Figure, given
from chipsim.errors import InputError
from chipsim.locator import MOST, dotted
from chipsim.locator import Path as Key
from chipsim.spec import Spec

PRICED = tuple(name for name, action in ACTIONS.items() if action.priced)
"""Actions that a table has an energy for."""
KNOWN: dict[str, tuple[str, ...]] = {"energy": PRICED, "area": tuple(BLOCKS), "static": tuple(BLOCKS)}
"""The entries of a table's tables: all must be there, and no others can be."""
CONVERSIONS = ("read-out.conversion", "transfer.sample read")
"""Actions that are a conversion by the read-out."""
CELLS = ("2pcm+3t1c", "2pcm", "3t1c")
"""Kinds of cell that a table has a size for."""

Basis = Literal["read", "derived", "assumed"]


class Sourced(Spec):
    """How we know a value."""

    node: str = Field(description="technology node the value belongs to", min_length=1)
    source: str = Field(description="where the value comes from, with what was assumed on the way", min_length=1)
    basis: Basis = Field(description="read in the source, derived from it, or assumed")

    @property
    def origin(self) -> str:
        """Basis, node and source in one line."""
        return f"{self.basis}, {self.node}: {self.source}"


class Price(Sourced):
    """What one action costs, or how large a block is, or what it takes while idle."""

    value: str = Field(description='a quantity such as "1.67 pJ"; its unit follows from what it is the price of')
    scaled: bool = Field(default=True, description="whether the table's factor on energy or area holds for it")


class CellSize(Sourced):
    """The pitch of a cell."""

    width: str = Field(description="along a word line: the pitch of bit lines")
    height: str = Field(description="along a bit line: the pitch of word lines")


class Factor(Sourced):
    """A number without a unit."""

    value: float = Field(description="the number")


class Alternative(Sourced):
    """Another converter: what a conversion and a read-out would cost with it."""

    energy: str = Field(description="energy of a conversion")
    area: str | None = Field(default=None, description="area of a read-out, where it is known")


class Converter(Spec):
    """What the read-out is priced by, and what would come out with others."""

    what: str = Field(description="the converter", min_length=1)
    rate: Price = Field(description="conversions a second up to which its energy and area hold")
    alternative: dict[str, Alternative] = Field(default={}, description="other published converters, by their names")


class PriceTable(Spec):
    """Prices of everything that a chip does and is built of; energies are counts times prices, so a saved run can be priced again.

    >>> table = PriceTable.load("bottom-up-14nm")
    >>> table.energy_of("read-out.conversion").value
    1.67e-12
    """

    title: str = Field(description="one line for people", min_length=1)
    node: str = Field(description="technology node of the periphery", min_length=1)
    read_voltage: Price = Field(description="voltage on bit lines that reads are priced for; cell.read_voltage must agree")
    converter: Converter = Field(description="the converter of the read-out, and others")
    energy: dict[str, Price] = Field(description="action -> energy; every action must be there")
    cell: dict[str, CellSize] = Field(description="kind of cell -> pitch")
    area: dict[str, Price] = Field(description="block -> area; every block must be there")
    static: dict[str, Price] = Field(description="block -> power while idle; every block must be there")
    factor: dict[str, Factor] = Field(description="wiring, asleep, and, where they are not 1, energy and area")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        found = list(islice(filter(None, self._faults()), MOST + 1))
        if found:
            raise ValueError("\n".join(found))
        return self

    def _faults(self) -> Iterator[str | None]:
        """Yield what is missing, unknown, of a wrong unit or outside its limits; None for everything that is not."""
        for table, entries in (("energy", self.energy), ("area", self.area), ("static", self.static)):
            yield from _missing(table, entries, KNOWN[table])
            yield from (_bad((table, name, "value"), entry.value, unit_of(table, name)) for name, entry in entries.items() if name in KNOWN[table])
        yield from _missing("cell", self.cell, CELLS)
        for kind, size in self.cell.items():
            yield from (_bad(("cell", kind, side), getattr(size, side), "um", zero=False) for side in ("width", "height"))
        yield _bad(("read_voltage", "value"), self.read_voltage.value, "V", zero=False)
        yield _bad(("converter", "rate", "value"), self.converter.rate.value, "Hz", zero=False)
        for name, other in self.converter.alternative.items():
            yield _bad(("converter", "alternative", name, "energy"), other.energy, "J")
            yield _bad(("converter", "alternative", name, "area"), other.area, "um2") if other.area is not None else None
        yield from _missing("factor", self.factor, FACTORS, ("wiring", "asleep"))
        for name, factor in self.factor.items():
            low, high, _ = FACTORS.get(name, (-math.inf, math.inf, ""))
            yield f"factor.{name}.value: {factor.value:g} is not in {low:g} ... {high:g}" if not low <= factor.value <= high else None

    @classmethod
    def load(cls, name_or_path: str | Path, changes: Mapping[str, Mapping[str, str]] | None = None) -> PriceTable:
        """Return a shipped table by its name, or a table from a TOML file.

        Parameters
        ----------
        name_or_path
            a table that comes with chipsim, or a file.
        changes
            values to replace, `{"energy": {"read-out.conversion": "0.36 pJ"}}`, likewise `area` and `static`.

        Raises
        ------
        InputError
            if there is none, or it is damaged, incomplete or holds a wrong value; the message names the file, the line, the key, the
            value and what is allowed, for all faults at once.
        """
        from chipsim.costs.reading import load_table

        return load_table(name_or_path, changes or {})

    def with_converter(self, other: Alternative) -> PriceTable:
        """Return the table with another converter: its energy, and its area where that is known, free of the table's factors."""
        origin = {"node": other.node, "source": other.source, "basis": other.basis, "scaled": False}
        area = {"read-out": Price.model_validate({"value": other.area, **origin})} if other.area else {}
        energy = dict.fromkeys(CONVERSIONS, Price.model_validate({"value": other.energy, **origin}))
        return self.model_copy(update={"energy": {**self.energy, **energy}, "area": {**self.area, **area}})

    def energy_of(self, action: str) -> Figure:
        """Return the energy of an action: J, or V where it is one of charge."""
        return self._figure("energy", action, self.energy[action], unit_of("energy", action), "energy")

    def area_of(self, block: str) -> Figure:
        """Return the area of a block, µm²."""
        return self._figure("area", block, self.area[block], "um2", "area")

    def static_of(self, block: str) -> Figure:
        """Return the power of a block while idle, W."""
        return self._figure("static", block, self.static[block], "W", "energy")

    def cell_of(self, kind: str) -> tuple[Figure, Figure]:
        """Return width and height of a cell, µm, without the table's factor on areas."""
        size = self.cell[kind]
        width, height = (given(f"cell.{side}", float(units.parse(getattr(size, side), "um")), "um", size.origin) for side in ("width", "height"))
        return width, height

    def read_voltage_figure(self) -> Figure:
        """Return the read voltage, V."""
        return given("read_voltage", float(units.parse(self.read_voltage.value, "V")), "V", self.read_voltage.origin)

    def factor_of(self, name: str) -> Figure:
        """Return a factor that every table has: `wiring` or `asleep`."""
        found = self.factor[name]
        return given(f"factor.{name}", found.value, "", found.origin)

    def scale_of(self, what: str) -> Figure | None:
        """Return the table's factor on every `energy` or `area`; None where it has none."""
        return self.factor_of(what) if what in self.factor else None

    @property
    def conversions_per_second(self) -> float:
        """The most that a read-out can convert a second."""
        return float(units.parse(self.converter.rate.value, "Hz"))

    def _figure(self, table: str, name: str, entry: Price, unit: str, factor: str) -> Figure:
        value = given(f"{table}.{name}", float(units.parse(entry.value, unit)), unit, entry.origin)
        scale = self.scale_of(factor) if entry.scaled else None
        return value if scale is None else (value * scale).named(f"{table}.{name}.scaled", unit)


def entries_of(table: PriceTable) -> Iterator[tuple[str, str, Sourced]]:
    """Yield every entry of a table as key, value and itself."""
    yield "read_voltage", table.read_voltage.value, table.read_voltage
    yield "converter.rate", table.converter.rate.value, table.converter.rate
    for name, prices in (("energy", table.energy), ("area", table.area), ("static", table.static)):
        yield from ((dotted((name, key)), price.value, price) for key, price in prices.items())
    yield from ((dotted(("cell", kind)), f"{size.width} x {size.height}", size) for kind, size in table.cell.items())
    yield from ((dotted(("factor", name)), f"{factor.value:g}", factor) for name, factor in table.factor.items())


def shipped_tables() -> tuple[str, ...]:
    """Return the names of the price tables that come with chipsim."""
    names = (entry.name for entry in resources.files("chipsim.costs").joinpath("tables").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def unit_of(table: str, name: str) -> str:
    """Return the unit of an entry of `energy`, `area` or `static`."""
    return UNITS[ACTIONS[name].measure] if table == "energy" else {"area": "um2", "static": "W"}[table]


def unknown(name: str, known: Mapping[str, object] | tuple[str, ...], what: str) -> str:
    """Return a message for a name that is not known, with a near spelling where there is one."""
    if what == _WHAT["area"] and name in ("cell", "cells"):
        return f"{name!r} is no block: the size of a cell is its pitch, width and height in [cell.{json.dumps(CELLS[0])}] of a price table"
    near = get_close_matches(name, known, n=1)
    return f"{units.cited(name)} is no {what} that chipsim knows" + (f"; did you mean '{near[0]}'?" if near else f"; known are: {', '.join(known)}")


def entry_faults(table: str, entries: Mapping[str, str]) -> Iterator[str]:
    """Yield `key: message` for every entry of `energy`, `area` or `static` whose name, unit or sign is wrong."""
    for name, text in entries.items():
        if name not in KNOWN[table]:
            yield f"{dotted((table, name))}: {unknown(name, KNOWN[table], _WHAT[table])}"
        elif fault := _bad((table, name), text, unit_of(table, name)):
            yield fault


_WHAT = {"energy": "action with a price", "area": "block", "static": "block", "cell": "kind of cell", "factor": "factor"}


def _missing(table: str, entries: Mapping[str, object], known: Mapping[str, object] | tuple[str, ...], needed: tuple[str, ...] | None = None) -> Iterator[str]:
    """Yield what a table has that is not known, and what it lacks."""
    yield from (f"{dotted((table, name))}: {unknown(name, known, _WHAT[table])}" for name in entries if name not in known)
    yield from (f"{dotted((table, name))}: is missing" for name in needed or known if name not in entries)


def _bad(key: Key, text: str, unit: str, *, zero: bool = True) -> str | None:
    try:
        value = float(units.parse(text, unit))
    except ValueError as error:
        return f"{dotted(key)}: {error}"
    if value < 0 or (value == 0 and not zero):
        return f"{dotted(key)}: {units.cited(text)} is {'negative; zero or more' if value else 'zero; more than that'} is allowed"
    return None


def check_read_voltage(table: PriceTable, name: str, voltage: float) -> None:
    """See that reads happen at the voltage that a table is priced for.

    Raises
    ------
    InputError
        if they do not.
    """
    priced = table.read_voltage_figure().value
    if abs(priced - voltage) > 1e-9 * priced:
        msg = f"prices.table: '{name}' holds for reads at {priced:g} V, but cell.read_voltage is {voltage:g} V; set one to the other"
        raise InputError(msg)
