"""Reading TOML of any origin, where each of its keys stands, and how keys are written for people.

`tomllib` forgets lines; an error message needs them. `locate` is a reader of structure only: it follows keys, tables and
brackets, skips values, and leaves every judgement about validity to `tomllib`, which has read the text before.
"""

from __future__ import annotations

import json
import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

Path = tuple[str | int, ...]
"""A key as its parts; whole numbers are elements of arrays, which count from 0, as in Python."""

DEEPEST = 32
"""Tables and lists inside each other at most; no text that we read has more than a few."""
TOO_DEEP = f"tables or lists are nested more than {DEEPEST} deep"
MOST = 100
"""Faults that one error tells of."""
MORE = f"has more faults than these {MOST}"
_LONGEST_KEY = 64
"""Parts; beyond it the text is no scenario, and paths would grow with the square of its length."""
_LONG_KEY = re.compile(
    rf"""(?<![A-Za-z0-9_\\-])(?:(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{DEEPEST}}}""",
)
"""A key of so many parts that `tomllib`, whose time grows with their square, would take long over it."""
_LONG_NUMBER = re.compile(r"(?<![A-Za-z0-9_.])[0-9][0-9_]{4300,}")
"""A decimal number of more digits than Python reads."""
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ELEMENT = re.compile(r"[ \t]*\[[ \t]*(-?[0-9]{1,18})[ \t]*\]")
_BASIC_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_LITERAL_STRING = re.compile(r"'[^'\n]*'")
_LONG_BASIC = re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}', re.DOTALL)
_LONG_LITERAL = re.compile(r"'''.*?'{3,5}", re.DOTALL)
_SCALAR = re.compile(r"[^\s,\]}#]+(?: \d{2}:[0-9:.Zz+-]+)?")
_SPACE = re.compile(r"[ \t\r]*")
_SPACE_AND_COMMENTS = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_REST_OF_LINE = re.compile(r"[^\n]*")
_LINE = re.compile(r"[0-9]{1,9}")


class UnreadableError(ValueError):
    """A text that may be TOML, but is nothing that we read: `line` (from 1) is where, the message says why."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


def decode(content: bytes) -> str:
    """Return the text of a file, without the mark that some editors begin it with.

    Raises
    ------
    UnreadableError
        if it is not UTF-8.
    """
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UnreadableError(content.count(b"\n", 0, error.start) + 1, f"is not UTF-8: byte 0x{content[error.start]:02x}") from None


def parse(text: str) -> dict[str, Any]:
    """Return the values of a TOML text, in little time whatever the text.

    Raises
    ------
    UnreadableError
        if tables or lists are nested more than `DEEPEST` deep, or a number has thousands of digits.
    tomllib.TOMLDecodeError
        if it is no TOML.
    """
    if key := _LONG_KEY.search(text):
        raise UnreadableError(_line_at(text, key.start()), TOO_DEEP)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        raise UnreadableError(_deep_line(text), TOO_DEEP) from None
    except ValueError as error:
        number = _LONG_NUMBER.search(text)
        message = "the whole number is beyond 64 bits" if number else f"cannot be read as TOML: {error}"
        raise UnreadableError(_line_at(text, number.start() if number else 0), message) from None
    if too_deep(values):
        raise UnreadableError(_deep_line(text), TOO_DEEP)
    return values


def too_deep(values: Mapping[Any, Any]) -> bool:
    """Return whether tables and lists are nested more than `DEEPEST` deep; without recursion, since that is the point."""
    level: list[Any] = [values]
    for _ in range(DEEPEST):
        level = [item for value in level for item in (value.values() if isinstance(value, dict) else value)]
        level = [item for item in level if isinstance(item, dict | list)]
    return bool(level)


def reading_order(place: str) -> tuple[str, int]:
    """Return what to sort places by, `file.toml:line` or anything else, so that faults come as a reader meets them: file by file, line by line."""
    file, _, line = place.rpartition(":")
    return (file, int(line)) if _LINE.fullmatch(line) else (place, 0)


def locate(text: str) -> dict[Path, int]:
    """Return the line (from 1) of every key, table and array element of a TOML text.

    A table that is opened more than once is located where it is opened first. Text that is not TOML is read as far as it
    can be followed; nothing is raised.
    """
    reader = _Reader(text)
    with suppress(_LostError, RecursionError):
        reader.document()
    return reader.lines


def dotted(path: Path) -> str:
    """Return a key as people write it, `a."b c"[0].d`: parts that are no bare key stand in quotes, elements count from 0."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{_name(part)}" for part in path).removeprefix(".")


def undotted(text: str) -> Path | None:
    """Read a key as `dotted` writes it, with spaces around its parts if need be; None where the text is no key."""
    reader = _Reader(text)
    try:
        path = reader.path()
    except _LostError:
        return None
    return path if reader.at == len(text) else None


def keyed(text: str) -> tuple[Path, str]:
    """Split `a."b c".d: words` into key and words; without a key before a colon, into no key and the text as it is."""
    reader = _Reader(text)
    try:
        path = reader.path()
    except _LostError:
        return (), text
    words = text[reader.at :]
    return (path, words.removeprefix(": ")) if words.startswith(": ") else ((), text)


def header(path: Path, *, array: bool = False) -> str:
    """Return the line that opens a table, `[a.b]`, or an element of an array of tables, `[[a.b]]`."""
    name = dotted(tuple(part for part in path if isinstance(part, str)))
    return f"[[{name}]]" if array else f"[{name}]"


def quoted(text: str) -> str:
    """Return a text as TOML writes it, on one line: what cannot be printed stands as an escape."""
    return printable(json.dumps(text, ensure_ascii=False))


def printable(text: str) -> str:
    """Return a text, the name of a file for instance, with escapes for what cannot be printed."""
    return text if text.isprintable() else "".join(character if character.isprintable() else _escaped(character) for character in text)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _name(part: str) -> str:
    return part if _BARE_KEY.fullmatch(part) else quoted(part)


def _line_at(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _deep_line(text: str) -> int:
    """Return the first line where tables or lists are nested too deep."""
    return min((line for path, line in locate(text).items() if len(path) > DEEPEST), default=1)


class _LostError(Exception):
    """The text cannot be followed any further."""


class _Reader:
    """A cursor over the text; `lines` grows as keys are met."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self._breaks = [match.start() for match in re.finditer("\n", text)]
        self._arrays_of_tables: dict[Path, int] = {}

    def document(self) -> None:
        """Read the whole text, one line's statement after the other."""
        table: Path = ()
        while True:
            self._skip(_SPACE_AND_COMMENTS)
            if self.at >= len(self.text):
                return
            table = self._header() if self._next() == "[" else self._statement(table)
            self._skip(_REST_OF_LINE)

    def path(self) -> Path:
        """Read a key whose parts may name elements of arrays: `a[0].b`."""
        path: list[str | int] = []
        while len(path) < _LONGEST_KEY:
            self._skip(_SPACE)
            path.append(self._key_part())
            while element := _ELEMENT.match(self.text, self.at):
                path.append(int(element[1]))
                self.at = element.end()
            self._skip(_SPACE)
            if self._next() != ".":
                return tuple(path)
            self.at += 1
        raise _LostError

    def _statement(self, table: Path) -> Path:
        self._key_and_value(table)
        return table

    def _header(self) -> Path:
        start = self.at
        brackets = "[[" if self.text.startswith("[[", self.at) else "["
        self.at += len(brackets)
        path: Path = ()
        *parents, last = self._key()
        for part in parents:
            path = self._inside((*path, part))
            self._note(path, start)
        path = (*path, last)
        if brackets == "[[":
            self._arrays_of_tables[path] = self._arrays_of_tables.get(path, -1) + 1
            self._note(path, start)
            path = self._inside(path)
        self._note(path, start)
        return path

    def _inside(self, path: Path) -> Path:
        """Return `path`, or its newest element where it is an array of tables."""
        index = self._arrays_of_tables.get(path)
        return path if index is None else (*path, index)

    def _key_and_value(self, table: Path) -> None:
        start = self.at
        path = table
        for part in self._key():
            path = (*path, part)
            self._note(path, start)
        self._skip(_SPACE)
        self._expect("=")
        self._skip(_SPACE)
        self._value(path)

    def _key(self) -> list[str]:
        parts: list[str] = []
        while len(parts) < _LONGEST_KEY:
            self._skip(_SPACE)
            parts.append(self._key_part())
            self._skip(_SPACE)
            if self._next() != ".":
                return parts
            self.at += 1
        raise _LostError

    def _key_part(self) -> str:
        if self._next() == '"':
            return _unescaped(self._take(_BASIC_STRING))
        if self._next() == "'":
            return self._take(_LITERAL_STRING)[1:-1]
        return self._take(_BARE_KEY)

    def _value(self, path: Path) -> None:
        if self._next() == "[":
            self._array(path)
        elif self._next() == "{":
            self._inline_table(path)
        else:
            self._scalar()

    def _scalar(self) -> None:
        if self.text.startswith('"""', self.at):
            self._take(_LONG_BASIC)
        elif self.text.startswith("'''", self.at):
            self._take(_LONG_LITERAL)
        elif self._next() == '"':
            self._take(_BASIC_STRING)
        elif self._next() == "'":
            self._take(_LITERAL_STRING)
        else:
            self._take(_SCALAR)

    def _array(self, path: Path) -> None:
        self._expect("[")
        index = 0
        while True:
            self._skip(_SPACE_AND_COMMENTS)
            if self._next() == "]":
                break
            self._note((*path, index), self.at)
            self._value((*path, index))
            index += 1
            self._skip(_SPACE_AND_COMMENTS)
            if self._next() != ",":
                break
            self.at += 1
        self._expect("]")

    def _inline_table(self, path: Path) -> None:
        self._expect("{")
        while True:
            self._skip(_SPACE_AND_COMMENTS)
            if self._next() == "}":
                break
            self._key_and_value(path)
            self._skip(_SPACE_AND_COMMENTS)
            if self._next() != ",":
                break
            self.at += 1
        self._expect("}")

    def _note(self, path: Path, position: int) -> None:
        self.lines.setdefault(path, bisect_right(self._breaks, position - 1) + 1)

    def _next(self) -> str:
        return self.text[self.at : self.at + 1]

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise _LostError
        self.at = match.end()
        return match[0]

    def _expect(self, character: str) -> None:
        if self._next() != character:
            raise _LostError
        self.at += 1


def _unescaped(quoted: str) -> str:
    long_form = re.sub(r"\\U([0-9A-Fa-f]{8})", lambda match: _character(int(match[1], 16)), quoted)
    try:
        return str(json.loads(long_form))
    except ValueError:
        return quoted[1:-1]


def _character(code: int) -> str:
    return json.dumps(chr(code))[1:-1] if code <= 0x10FFFF else ""
