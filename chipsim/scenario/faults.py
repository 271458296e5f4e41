"""From what the parameter classes refuse to plain sentences, each with its place, key and value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from chipsim import units
from chipsim.errors import Fault
from chipsim.locator import MORE, MOST, Path, dotted, header, keyed, reading_order, undotted
from chipsim.scenario.origins import Raw
from chipsim.scenario.schema import array_at, field_at, keys, table_at, unit_of
from chipsim.scenario.writing import is_array_of_tables, shown

_WORD = re.compile(r"[a-z_][a-z0-9_]*(?:\.[a-z0-9_]+|\[[0-9]+\])*")
_STEP = re.compile(r"[.\[]")
_WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of at most 64 bits",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text in quotes",
    "tuple_type": "a list in brackets",
    "list_type": "a list in brackets",
    "model_type": "a table",
    "dict_type": "a table",
}
_LIMITS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def plain_faults(values: Mapping[str, Any], raw: Raw, path: Path = ()) -> Iterator[Fault]:
    """Yield a fault for every raw value that no key can take: dates, integers beyond 64 bits, text that is no Unicode."""
    for key, value in values.items():
        here = (*path, key)
        if isinstance(value, dict):
            yield from plain_faults(value, raw, here)
        elif field_at(here) is not None:
            items = [((*here, index), item) for index, item in enumerate(value)] if isinstance(value, list) else [(here, value)]
            yield from (Fault(raw.place(at), dotted(at), wrong) for at, item in items if (wrong := _plainly_wrong(item)))
            for at, item in items:
                if isinstance(item, dict) and array_at(here):
                    yield from plain_faults(item, raw, at)


def _plainly_wrong(value: object) -> str:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return "the whole number is beyond 64 bits"
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        return "the text is not valid Unicode"
    if not isinstance(value, bool | int | float | str | list | dict):
        return f"a date or time of day has no place here: {shown(value)}"
    return ""


def faults_of(error: ValidationError, raw: Raw, told: Sequence[Fault] = ()) -> list[Fault]:
    """Return what pydantic found wrong, in plain sentences, one fault a key; nothing of keys that have been `told` of, or lie inside them.

    Of very many faults, the first in reading order: a few more than `MOST`.
    """
    known = {fault.key for fault in told}
    items = [item for item in error.errors(include_url=False) if not _inside(dotted(tuple(item["loc"])), known)]
    items.sort(key=lambda item: reading_order(raw.place(tuple(item["loc"]))))
    faults: list[Fault] = []
    for item in items[: MOST + 1]:
        path: Path = tuple(item["loc"])
        if item["type"] == "value_error":
            faults.extend(_own_words(path, str(item["ctx"]["error"]), raw))
        else:
            named = path[:-1] if item["type"] == "missing" and isinstance(path[-1], int) else path
            faults.append(Fault(raw.place(path), dotted(named), _sentence(item, path, raw)))
    return [fault for fault in dict.fromkeys(faults) if not _inside(fault.key, known)]


def _inside(key: str, known: set[str]) -> bool:
    """Return whether a dotted key is one of those known, or lies inside one."""
    return key in known or any(key[: match.start()] in known for match in _STEP.finditer(key))


def _own_words(path: Path, message: str, raw: Raw) -> Iterator[Fault]:
    """Yield the faults of a validator of ours; a line `key: message` names the key it is about, from its table on."""
    table = table_at(path)
    if table is None:
        yield Fault(raw.place(path), dotted(path), message)
        return
    for line in message.splitlines():
        named, words = keyed(line)
        here = (*path, *(named or (line.split(" ", 1)[0],)))
        found = field_at(here) is not None
        yield Fault(_place(here if found else path, line, path, raw), dotted(here if found else path), words if found else line)


def _place(key: Path, message: str, table: Path, raw: Raw) -> str:
    """Return the place of a key; where it has only its default, that of another key that the message speaks of."""
    mentioned = (undotted(word) for word in _WORD.findall(message))
    candidates = [key, *((*table, *word) for word in mentioned if word)]
    return next((raw.places[path] for path in candidates if path in raw.places and field_at(path)), raw.place(key))


def _sentence(item: Mapping[str, Any], path: Path, raw: Raw) -> str:
    kind = item["type"]
    if kind == "extra_forbidden":
        return unknown_key(path)
    field = field_at(path)
    found = raw.value(path, item["input"])
    value = shown(found)
    context = item.get("ctx", {})
    if kind == "literal_error":
        choices = _choices(field)
        return f"{value} is not known{_near(str(item['input']), choices)}; allowed: {', '.join(map(shown, choices))}"
    if kind in _LIMITS:
        name, words = _LIMITS[kind]
        return f"{value} is out of range: {words} {_limit(context[name], field)} is wanted"
    if kind == "missing" and isinstance(path[-1], str):
        allowed = ", ".join(map(shown, _choices(field)))
        return f"is missing {_where(path[:-1])}{f'; allowed: {allowed}' if allowed else ''}"
    if kind in {"too_short", "too_long", "missing"}:
        return _length(item, path, raw, field)
    if kind == "tuple_type" and array_at(path):
        return f"an array of tables, {header(path, array=True)}, is wanted, not {'one table, ' if isinstance(found, dict) else ''}{value}"
    if kind == "model_type" and is_array_of_tables(found):
        return f"one table, {header(path)}, is wanted, not an array of tables, {value}"
    wanted = _WANTED.get(kind)
    return f"{wanted} is wanted, not {value}" if wanted else f"{item['msg'][:1].lower()}{item['msg'][1:]}; found {value}"


def _length(item: Mapping[str, Any], path: Path, raw: Raw, field: FieldInfo | None) -> str:
    whole = path[:-1] if isinstance(path[-1], int) else path
    found = raw.value(whole, item["input"])
    value = shown(found)
    if item["type"] == "too_short":
        return f"{value} is too short: at least {item['ctx']['min_length']} values are wanted, not {len(found)}"
    wanted = len(getattr(field.annotation, "__args__", ())) if field else 0
    return f"a list of {wanted} values is wanted, not {value}"


def _limit(limit: float, field: FieldInfo | None) -> str:
    unit = unit_of(field)
    if unit == "ps":
        return units.format_time(int(limit))
    return f"{limit} {unit}".rstrip()


def _choices(field: FieldInfo | None) -> list[str]:
    """Return the values that a key may have, where they can be listed."""
    return [str(choice) for choice in get_args(field.annotation) if isinstance(choice, str)] if field else []


def _where(table: Path) -> str:
    """Return where a key stands, with its table as a file opens it."""
    return f"in {header(table, array=isinstance(table[-1], int))}" if table else "at the top level"


def unknown_key(path: Path) -> str:
    """Say what an unknown key may have meant."""
    table = table_at(path[:-1])
    name = str(path[-1])
    here = _where(path[:-1])
    siblings = list(table.model_fields) if table else []
    near = get_close_matches(name, siblings, n=1)
    if near:
        return f"there is no such key {here}; did you mean {shown(near[0])}?"
    homes = [other[:-1] for other in keys() if other[-1] == name]
    if homes:
        places = " or ".join(_where(home) for home in homes)
        return f"there is no such key {here}; it belongs {places}"
    return f"there is no such key {here}; allowed: {', '.join(siblings)}"


def _near(word: str, words: Sequence[str]) -> str:
    near = get_close_matches(word, words, n=1)
    return f"; did you mean {shown(near[0])}?" if near else ""


def by_place(faults: Sequence[Fault], name: str) -> list[Fault]:
    """Return faults in the order in which a reader meets them; of more than `MOST`, the first, and a last one that says so of the file `name`."""
    ordered = sorted(faults, key=lambda fault: reading_order(fault.place))
    return ordered if len(ordered) <= MOST else [*ordered[:MOST], Fault(name, "", MORE)]
