"""Reading a price table from TOML: what it extends, what a scenario replaces, and where each fault stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from chipsim.costs.accelergy import SECTION, PricedTable, imported
from chipsim.costs.accelergy_files import shown
from chipsim.costs.table import KNOWN, PriceTable, entry_faults, shipped_tables, unit_of
from chipsim.errors import Fault, InputError
from chipsim.locator import MORE, MOST, UnreadableError, decode, dotted, keyed, locate, parse, printable, reading_order
from chipsim.locator import Path as Key
from chipsim.spec import Spec

EXTENDS = "extends"
INHERITED = "inherited"
ASSUMED = "assumed"
_DEEPEST = 8
"""Tables that extend each other in a row."""
_LARGEST = 2**20
"""Bytes of a file at most."""
_CHANGED = "set in the scenario"
_NO_NODE = "of no named node"
_NUMBERS = frozenset({"value", "width", "height", "energy", "area"})
"""What a source is the source of."""


@dataclass
class Raw:
    """Tables as TOML holds them, and the place of every key."""

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[Key, str] = field(default_factory=dict)

    def lay(self, values: Mapping[str, Any], places: Mapping[Key, str], at: Key = ()) -> None:
        """Lay values over those that are there, entry by entry: a table of values replaces key by key."""
        target = self.values
        for part in at:
            target = target.setdefault(str(part), {})
        for key, value in values.items():
            if isinstance(value, dict) and isinstance(target.get(key), dict):
                self.lay(value, places, (*at, key))
            else:
                target[key] = value
        self.places |= places

    def place(self, key: Key) -> str:
        """Return where a key stands, or the nearest table around it."""
        return next((self.places[key[:length]] for length in range(len(key), -1, -1) if key[:length] in self.places), "")


def load_table(name_or_path: str | Path, changes: Mapping[str, Mapping[str, str]]) -> PriceTable:
    """Return a table; see `PriceTable.load`."""
    raw = Raw()
    _read(str(name_or_path), raw)
    _check_quotes(raw)
    _change(raw, changes)
    try:
        return PriceTable.model_validate(raw.values, strict=True)
    except ValidationError as error:
        faults = _faults(error, raw, PriceTable)
        told = {fault.key for fault in faults}
        faults += [fault for fault in islice(_entry_faults(raw), MOST + 1) if fault.key not in told]
        raise InputError(_told(faults, str(name_or_path))) from None


def _told(faults: Sequence[Fault], name: str) -> str:
    """Return faults one a line, in the order in which a reader meets them, the first of them where they are very many."""
    lines = [str(fault) for fault in sorted(faults, key=lambda fault: reading_order(fault.place))]
    return "\n".join(lines if len(lines) <= MOST else [*lines[:MOST], f"{name}: {MORE}"])


def _entry_faults(raw: Raw) -> Iterator[Fault]:
    """Yield wrong names and values of entries also where something is missing, which ends the check of a table before it comes to them."""
    for table in KNOWN:
        entries = raw.values.get(table)
        found = {name: entry.get("value") for name, entry in entries.items() if isinstance(entry, dict)} if isinstance(entries, dict) else {}
        for line in entry_faults(table, {name: text for name, text in found.items() if isinstance(text, str)}):
            key, message = keyed(line)
            place = (*key, "value") if (*key, "value") in raw.places and key[-1] in KNOWN[table] else key
            yield Fault(raw.place(place), dotted(place), message)


def _read(name: str, raw: Raw, above: tuple[str, ...] = (), named_at: str = "prices.table") -> None:
    """Lay a table over `raw`, after the one that it extends; `named_at` is what names it, `above` are those that extend it."""
    content, place = _content(name, named_at), _label(name)
    text = ""
    try:
        text = decode(content)
        values = parse(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{place}:{_line(error, text)}: is no TOML: {error}"
        raise InputError(msg) from None
    except UnreadableError as error:
        msg = f"{place}:{error.line}: {error}"
        raise InputError(msg) from None
    lines = {key: f"{place}:{line}" for key, line in locate(text).items()} | {(): place}
    base = values.pop(EXTENDS, None)
    if base is not None:
        named_at = f"{lines.get((EXTENDS,), place)}: {EXTENDS}"
        if isinstance(base, str) and _beside(base, name) in (*above, name):
            msg = f"{named_at}: the tables extend each other in a circle: {printable(' -> '.join((*above, name, _beside(base, name))))}"
            raise InputError(msg)
        if not isinstance(base, str) or len(above) == _DEEPEST:
            msg = f"{named_at}: the name of a shipped table or the path of a file is wanted, and no more than {_DEEPEST} in a row; {shown(base)} found"
            raise InputError(msg)
        _read(_beside(base, name), raw, (*above, name), named_at)
    if INHERITED in values:
        _assume(raw, values.pop(INHERITED), str(base or ""), lines.get((INHERITED,), place))
    if SECTION in values:
        _import(values, lines, Path(name).parent, raw)
    _disown(values, raw.values, place)
    raw.lay(values, lines)


def _disown(values: dict[str, Any], base: Mapping[str, Any], place: str) -> None:
    """Say of numbers that replace those of a base, and name no source, that they have none: the base's is not theirs."""
    for key, value in values.items():
        under = base.get(key)
        if not isinstance(value, dict) or not isinstance(under, dict):
            continue
        if "source" in under and "source" not in value and _NUMBERS & value.keys():
            value["source"] = f"set in {place}, which names no source"
            value.setdefault("basis", ASSUMED)
        else:
            _disown(value, under, place)


def _check_quotes(raw: Raw) -> None:
    """See that names with points stand in quotes.

    Raises
    ------
    InputError
        naming those that TOML reads as tables inside tables.
    """
    faults = []
    for table, known in KNOWN.items():
        entries = raw.values.get(table)
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            for part in entry if name not in known and isinstance(entry, dict) else ():
                if f"{name}.{part}" in known:
                    whole = dotted((table, f"{name}.{part}"))
                    faults.append(
                        Fault(raw.place((table, name, part)), f"{table}.{name}.{part}", f"is read as a table in a table; write [{whole}], with the quotes")
                    )
    if faults:
        raise InputError(_told(faults, raw.place(())))


def _assume(raw: Raw, basis: object, base: str, place: str) -> None:
    """Mark all that a table takes over as assumed: shares of another design, whatever they are based on there."""
    if basis != ASSUMED or not base:
        msg = f'{place}: {INHERITED}: {shown(basis)} found; "{ASSUMED}" is allowed, in a table that has `{EXTENDS}`'
        raise InputError(msg)
    for table in ("energy", "area", "static", "cell"):
        entries = raw.values.get(table)
        for entry in entries.values() if isinstance(entries, dict) else ():
            if isinstance(entry, dict) and isinstance(entry.get("source"), str) and isinstance(entry.get("basis"), str):
                entry.update(source=f"share as in {base}, {entry['basis']} there: {entry['source']}", basis=ASSUMED)


def _import(values: dict[str, Any], lines: dict[Key, str], folder: Path, raw: Raw) -> None:
    """Lay the entries that a table takes from files of Accelergy over `raw`, and drop the section that names them."""
    own = Raw({SECTION: values.pop(SECTION)}, lines)
    try:
        section = PricedTable.model_validate(own.values).accelergy
    except ValidationError as error:
        raise InputError(_told(_faults(error, own, PricedTable), own.place(()))) from None
    found, places = imported(section, folder, own.place)
    given = {table: entries for table in ("energy", "area") if isinstance(entries := values.get(table), dict)}
    twice = [(table, name) for table, entries in given.items() for name in found.get(table, {}) if name in entries]
    if twice:
        raise InputError("\n".join(str(Fault(own.place(key), dotted(key), f"is taken from {SECTION}, too; give one of the two")) for key in twice))
    raw.lay(found, places)


def _beside(base: str, name: str) -> str:
    """Return a table's name, or its path as seen from the table that extends it."""
    return base if base in shipped_tables() or name in shipped_tables() else str(Path(name).parent / base)


def _line(error: Exception, text: str) -> int:
    """Return the line of a TOML error: the one that it names, or the last."""
    match = re.search(r"at line (\d+)", str(error))
    return int(match[1]) if match else len(text.rstrip().split("\n"))


def _label(name: str) -> str:
    """Return what messages call a table."""
    return f"{name}.toml" if name in shipped_tables() else printable(name)


def _content(name: str, named_at: str) -> bytes:
    """Return what the file of a table holds."""
    if name in shipped_tables():
        return resources.files("chipsim.costs").joinpath("tables", f"{name}.toml").read_bytes()
    try:
        with Path(name).open("rb") as stream:
            content = stream.read(_LARGEST + 1)
        if len(content) <= _LARGEST:
            return content
        msg = f"{named_at}: '{printable(name)}' is larger than {_LARGEST // 2**20} MiB: no price table"
    except FileNotFoundError:
        near = get_close_matches(Path(name).name.removesuffix(".toml"), shipped_tables(), n=1, cutoff=0.4)
        hint = f"did you mean '{near[0]}'? " if near else ""
        msg = f"{named_at}: there is no price table '{printable(name)}', {hint}shipped are {', '.join(shipped_tables())}; or give the path of a TOML file"
    except (OSError, ValueError) as error:
        msg = f"{named_at}: '{printable(name)}' cannot be read ({error})"
    raise InputError(msg)


def _change(raw: Raw, changes: Mapping[str, Mapping[str, str]]) -> None:
    """Replace the values of single entries, free of the table's factors."""
    found = (f"prices.{fault}" for table, entries in changes.items() for fault in entry_faults(table, entries))
    if faults := list(islice(found, MOST)):
        raise InputError("\n".join(faults))
    for table, entries in changes.items():
        for name, value in entries.items():
            values = {"value": value, "node": _NO_NODE, "source": _CHANGED, "basis": "assumed", "scaled": False}
            raw.lay({table: {name: values}}, {(table, name, key): dotted(("prices", table, name)) for key in values})


def _faults(error: ValidationError, raw: Raw, spec: type[Spec]) -> list[Fault]:
    faults = []
    for item in error.errors():
        if item["loc"]:
            key = tuple(item["loc"])
            faults.append(Fault(raw.place(key), dotted(key), _message(item, spec)))
            continue
        for line in str(item["ctx"]["error"]).splitlines():
            named, message = keyed(line)
            faults.append(Fault(raw.place(named), dotted(named), message))
    return faults


def _message(item: ErrorDetails, spec: type[Spec]) -> str:
    if item["type"] == "missing":
        return "is missing"
    if item["type"] == "extra_forbidden":
        return f"is unknown; allowed are {', '.join(_allowed(item['loc'][:-1], spec))}"
    if item["type"] == "string_type" and isinstance(item["input"], int | float) and item["loc"][-1] == "value":
        return f'the number {shown(item["input"])} has no unit; write for instance "{shown(item["input"])} {_unit_at(item["loc"])}"'
    return f"{item['msg']}, {shown(item['input'])} found"


def _unit_at(key: Key) -> str:
    """Return the unit of an entry, as far as its name tells."""
    table, name = str(key[0]), str(key[1])
    return unit_of(table, name) if name in KNOWN.get(table, ()) else {"read_voltage": "V", "converter": "Hz"}.get(table, "J")


def _allowed(key: Key, spec: Any) -> Iterable[str]:
    """Return the keys that a part of a table may have."""
    for part in key:
        spec = spec.model_fields[str(part)].annotation if hasattr(spec, "model_fields") else get_args(spec)[1]
    fields: Iterable[str] = spec.model_fields
    return fields
