"""From a file and all that it extends to one table of raw values, each with the place it came from."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from chipsim import locator
from chipsim.errors import Fault, ScenarioError
from chipsim.scenario.shipped import Head, read_head, shipped_names, shipped_path
from chipsim.scenario.writing import shown

EXTENDS = "extends"
_LARGEST = 2**20
"""Bytes; no scenario comes near it."""


@dataclass
class Raw:
    """Values as read, before anything is checked.

    `places` names where a key or table was last set, `own` holds the keys set by the scenario's own file or an override,
    not by a file that it extends.
    """

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[locator.Path, str] = field(default_factory=dict)
    own: set[locator.Path] = field(default_factory=set)
    head: Head = field(default_factory=Head)
    name: str = ""

    def place(self, path: locator.Path) -> str:
        """Return where a key stands; for one that stands nowhere, where the nearest table around it does."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, self.name)

    def value(self, path: locator.Path, otherwise: Any = None) -> Any:
        """Return a value as the user wrote it, or `otherwise` where there is none at this path."""
        value: Any = self.values
        for part in path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return otherwise
        return value

    def forget(self, path: locator.Path) -> None:
        """Drop the places of everything inside a table or list that another value takes the place of."""
        for stale in [inner for inner in self.places if len(inner) > len(path) and inner[: len(path)] == path]:
            del self.places[stale]
            self.own.discard(stale)


@dataclass(frozen=True)
class _File:
    """A scenario file: where it lies, and how messages call it."""

    path: Path
    label: str

    def key(self) -> Path:
        """Return what identifies the file, to notice cycles."""
        return self.path.resolve()


@dataclass(frozen=True)
class _Document:
    """A file as parsed."""

    file: _File
    values: dict[str, Any]
    lines: dict[locator.Path, int]
    head: Head

    def place(self, path: locator.Path) -> str:
        return f"{self.file.label}:{self.lines.get(path, 1)}"


def gather(name_or_path: str | Path) -> Raw:
    """Read a scenario and all it extends.

    Raises
    ------
    ScenarioError
        if a file is missing, cannot be read or is no TOML, or if `extends` leads nowhere or in a circle.
    """
    start = _find(str(name_or_path), None, "", "")
    chain = _chain(start)
    raw = Raw(head=chain[0].head, name=start.label)
    raw.places[()] = start.label
    for document in reversed(chain):
        places = {path: document.place(path) for path in document.lines}
        merge(raw, raw.values, (), document.values, places, document.file.label)
    raw.own = {path for path in chain[0].lines if path in raw.places}
    return raw


def _chain(start: _File) -> list[_Document]:
    """Return the scenario, what it extends, and so on."""
    documents = [_read(start)]
    seen = [start]
    while EXTENDS in documents[-1].values:
        document = documents[-1]
        wanted = document.values.pop(EXTENDS)
        place = document.place((EXTENDS,))
        if not isinstance(wanted, str) or not wanted:
            raise _error(place, EXTENDS, f"the name of a shipped scenario or the path of a file is wanted, not {shown(wanted)}")
        file = _find(wanted, document.file, place, EXTENDS)
        if file.key() in [other.key() for other in seen]:
            way = " -> ".join(f'"{other.label}"' for other in [*seen, file])
            raise _error(place, EXTENDS, f"scenarios extend each other in a circle: {way}")
        seen.append(file)
        documents.append(_read(file))
    return documents


def _find(wanted: str, beside: _File | None, place: str, key: str) -> _File:
    """Find a scenario by shipped name, or by path (relative to the file that names it)."""
    shipped = shipped_path(wanted)
    if shipped is not None:
        return _File(shipped, shipped.name)
    if beside is None or Path(wanted).is_absolute():
        file = _File(Path(wanted), locator.printable(wanted))
    else:
        file = _File(beside.path.parent / wanted, locator.printable(str(Path(beside.label).parent / wanted)))
    try:
        found = "\0" not in wanted and file.path.exists()
    except OSError:
        found = False
    if not found:
        near = _near(Path(wanted).stem, shipped_names())
        message = f"there is no scenario {shown(wanted)}, neither as a file nor shipped{near}; shipped: {', '.join(shipped_names())}"
        raise _error(place, key, message)
    if beside is not None and file.path.is_dir():
        message = f"{shown(wanted)} is a folder; a scenario is a TOML file"
        raise _error(place, key, message)
    return file


def _read(file: _File) -> _Document:
    content, text = _content(file), ""
    try:
        text = locator.decode(content)
        values = locator.parse(text)
    except tomllib.TOMLDecodeError as error:
        line, message = _syntax_error(str(error), text)
        place = f"{file.label}:{line}"
        raise _error(place, "", message) from None
    except locator.UnreadableError as error:
        place = f"{file.label}:{error.line}"
        raise _error(place, "", str(error)) from None
    return _Document(file, values, locator.locate(text), read_head(text))


def _content(file: _File) -> bytes:
    try:
        with file.path.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
    except IsADirectoryError:
        raise _error(file.label, "", "is a folder; a scenario is a TOML file") from None
    except OSError as error:
        raise _error(file.label, "", f"cannot be read: {error.strerror}") from None
    if len(content) > _LARGEST:
        raise _error(file.label, "", f"is larger than {_LARGEST // 2**20} MiB: no scenario")
    return content


def _syntax_error(message: str, text: str) -> tuple[int, str]:
    """Return the line of a TOML syntax error, and the error in plain words."""
    line = len(text.rstrip().split("\n"))
    match = re.search(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)", message)
    plain = message[: match.start()] if match else message
    if match and match[1]:
        line = int(match[1])
        plain += f", at column {match[2]}"
    elif match:
        plain += ", at the end of the file"
    found = text.split("\n")[line - 1].strip() if line <= text.count("\n") + 1 else ""
    hints = {
        "Cannot overwrite a value": "this key is given twice",
        "Cannot declare": "this table is given twice",
        "Cannot mutate": "this key is given twice",
        "Expected newline": 'more than one value (text stands in quotes: "8000 images")',
        "Invalid value": 'not a TOML value (text stands in quotes: "8000 images")',
    }
    hint = _both_kinds(found, text) or next((plain_words for start, plain_words in hints.items() if message.startswith(start)), "not valid TOML")
    return line, f"{hint}: {plain}: {shown(found)}"


def _both_kinds(found: str, text: str) -> str:
    """Return the error in plain words where the table opened in a line is an array of tables elsewhere, or the other way round."""
    match = re.match(r"(\[\[?)([^\[\]]+)\]", found)
    if match is None:
        return ""
    other = f"[{match[2]}]" if match[1] == "[[" else f"[[{match[2]}]]"
    both = any(line.strip().startswith(other) for line in text.split("\n"))
    return f"a name is either one table, [{match[2]}], or an array of tables, [[{match[2]}]]" if both else ""


def merge(raw: Raw, into: dict[str, Any], path: locator.Path, added: Mapping[str, Any], places: Mapping[locator.Path, str], otherwise: str) -> None:
    """Lay values over what is there: tables are merged key by key, everything else is replaced, arrays of tables as a whole.

    `into` is the table of `raw.values` at `path`; `otherwise` is the place of keys that `places` does not know.
    """
    for key, value in added.items():
        here = (*path, key)
        raw.places[here] = places.get(here, otherwise)
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(raw, into[key], here, value, places, otherwise)
            continue
        if isinstance(into.get(key), dict | list):
            raw.forget(here)
        raw.places |= {inner: places.get(inner, otherwise) for inner in paths(value, here)}
        into[key] = value


def paths(value: object, path: locator.Path = ()) -> list[locator.Path]:
    """Return the paths of everything inside a table or list."""
    items: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    return [inner for key, item in items for inner in ((*path, key), *paths(item, (*path, key)))]


def _near(word: str, words: Sequence[str]) -> str:
    near = get_close_matches(word, words, n=1)
    return f"; did you mean {shown(near[0])}?" if near else ""


def _error(place: str, key: str, message: str) -> ScenarioError:
    return ScenarioError([Fault(place, key, message)])
