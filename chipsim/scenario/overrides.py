"""Values given beside the file, `dotted.key=value`, laid over those that were read from it."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chipsim.errors import Fault
from chipsim.locator import TOO_DEEP, Path, UnreadableError, dotted, header, parse, too_deep, undotted
from chipsim.scenario.faults import unknown_key
from chipsim.scenario.origins import EXTENDS, Raw, merge, paths
from chipsim.scenario.schema import array_at, field_at
from chipsim.scenario.writing import shown


@dataclass(frozen=True)
class Override:
    """A value given beside the file: `a.b=value` or `a[0].b=value`, and the place to name in messages."""

    text: str
    place: str


def apply(raw: Raw, overrides: Sequence[Override]) -> list[Fault]:
    """Lay overrides over the values in `raw`, one after the other.

    Returns
    -------
    the faults found in them; those that could be read are merged all the same.
    """
    faults = (_apply(raw, override) for override in overrides)
    return [fault for fault in faults if fault]


def _apply(raw: Raw, override: Override) -> Fault | None:
    """Merge one override; return what is wrong with it, if anything."""
    key, equals, text = override.text.partition("=")
    path = undotted(key)
    if not equals or path is None:
        return Fault(override.place, "", f"{shown(override.text)} is not of the form key=value, for instance training.epochs=2 or stage[0].images=200")
    path = _whole_entry(path)
    if path[0] == EXTENDS:
        return Fault(override.place, EXTENDS, "only a file can extend another; name the other scenario on the command line instead")
    try:
        value = _value(text)
    except UnreadableError as error:
        return Fault(override.place, "", str(error))
    if too_deep(_nested(path, value)):
        return Fault(override.place, "", TOO_DEEP)
    fault = _misdirected(path, raw, override.place)
    if fault is None:
        _lay(path, value, raw, override.place)
    return fault


def _whole_entry(path: Path) -> Path:
    """Return a path with the name of a price as one part, also where it was given without quotes: `prices.energy.read-out.conversion`."""
    parts = [part for part in path[2:] if isinstance(part, str)]
    if path[0] == "prices" and len(path) > 3 and len(parts) == len(path) - 2 and field_at((*path[:2], "any")) is not None:
        return (*path[:2], ".".join(parts))
    return path


def _value(text: str) -> Any:
    """Read a TOML value; what is none is a string as it stands, so that `kind=2pcm` needs no quotes.

    Raises
    ------
    UnreadableError
        if it is nested too deep, or a number of thousands of digits.
    """
    try:
        table = parse(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text.strip()
    return table["value"] if table.keys() == {"value"} else text.strip()


def _nested(path: Path, value: Any) -> dict[Any, Any]:
    """Return the tables that hold a value at a path."""
    inner = value if len(path) == 1 else _nested(path[1:], value)
    return {path[0]: inner}


def _misdirected(path: Path, raw: Raw, place: str) -> Fault | None:
    """Return what is wrong where a key leads through arrays: an element must be named, and it must be there."""
    for length in range(1, len(path)):
        key, part = path[:length], path[length]
        if isinstance(part, str):
            if array_at(key):
                words = f"{header(key, array=True)} is an array of tables; say which of them is meant, for instance {_example(key, path[length:])}"
                return Fault(place, dotted(path), words)
            continue
        if field_at(key) is None:
            unknown = next(path[:end] for end in range(1, length + 1) if field_at(path[:end]) is None)
            return Fault(place, dotted(unknown), unknown_key(unknown))
        if not array_at(key):
            return Fault(place, dotted(path), f"{dotted(key)} is no array of tables, whose elements can be set one by one; set it as a whole")
        found = raw.value(key)
        count = len(found) if isinstance(found, list) else 0
        if not 0 <= part < count:
            return Fault(place, dotted(path), f"there is no {dotted((*key, part))}: {_what_there_is(key, count)}")
    return None


def _example(array: Path, rest: Path) -> str:
    """Return how a key of an element may have been meant, where the element was left out or written as a name: `stage.1.images`."""
    index = int(rest[0]) if str(rest[0]).isdecimal() and len(str(rest[0])) < 6 else 0
    return dotted((*array, index, *(part for part in rest if isinstance(part, str) and not part.isdecimal())))


def _what_there_is(array: Path, count: int) -> str:
    if not count:
        return f"the scenario has no {header(array, array=True)}"
    last = f" to {dotted((*array, count - 1))}" if count > 1 else " alone"
    return f"the scenario has {dotted((*array, 0))}{last}"


def _lay(path: Path, value: Any, raw: Raw, place: str) -> None:
    """Merge a value at a path whose elements of arrays are all there."""
    split = next((at for at in range(len(path), 0, -1) if isinstance(path[at - 1], int)), 0)
    element, rest = path[:split], path[split:]
    added = _nested(rest, value) if rest else value
    into = raw.value(element)
    if isinstance(into, dict) and isinstance(added, dict):
        merge(raw, into, element, added, {}, place)
    elif not rest:
        raw.value(element[:-1])[element[-1]] = value
        raw.forget(element)
    else:
        return  # the element is no table, which is refused where it stands
    here = {path[:length] for length in range(split or 1, len(path) + 1)} | set(paths(value, path))
    raw.places |= dict.fromkeys(here, place)
    raw.own |= here | {path[:length] for length in range(1, split)}
