"""Values as TOML writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from chipsim.locator import Path, dotted, header, quoted

_SHORT = 60
_LARGEST = 2**64
"""Beyond it an integer is written in hexadecimal: Python refuses to write thousands of decimal digits."""


def toml_value(value: object) -> str:
    """Return a string, number, list or table as a TOML value on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{dotted((str(key),))} = {toml_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, int) and abs(value) > _LARGEST:
        return hex(value)
    return str(value)


def shown(value: object) -> str:
    """Return a value for an error message: as TOML, cut where it is long."""
    text = toml_value(value)
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 4]} ..."


def toml_tables(values: Mapping[str, Any], notes: Mapping[str, str], unset: str = "not set") -> list[str]:
    """Return nested tables as the lines of a TOML file, with the note on each dotted key as a comment behind it.

    A list of tables is written as an array of tables, `[[a.b]]` for each; an empty one, which has no such form, as `b = []`.
    A value of None has no TOML; it stands as a comment that says `unset`.
    """
    lines: list[str] = []
    _write_table(lines, (), values, notes, unset)
    return lines


def is_array_of_tables(value: object) -> TypeGuard[Sequence[Mapping[str, Any]]]:
    """Return whether a value is a list that holds tables and nothing else."""
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _write_table(lines: list[str], path: Path, values: Mapping[str, Any], notes: Mapping[str, str], unset: str) -> None:
    plain = {key: value for key, value in values.items() if not isinstance(value, Mapping) and not is_array_of_tables(value)}
    element = bool(path) and isinstance(path[-1], int)
    if path and (plain or element):
        lines.extend(["", header(path, array=element)])
    for key, value in plain.items():
        note = _printable(notes.get(dotted((*path, key)), ""))
        text = f"# {dotted((key,))} is {unset}" if value is None else f"{dotted((key,))} = {toml_value(value)}"
        lines.append(f"{text}  # {note}" if note else text)
    for key, value in values.items():
        if isinstance(value, Mapping):
            _write_table(lines, (*path, key), value, notes, unset)
        elif is_array_of_tables(value):
            for index, table in enumerate(value):
                _write_table(lines, (*path, key, index), table, notes, unset)


def _printable(note: str) -> str:
    """Return a comment without what TOML forbids in one: the name of a file may hold anything."""
    return "".join(character if character.isprintable() else "?" for character in note)
