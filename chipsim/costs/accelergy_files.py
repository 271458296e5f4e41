"""Reading the tables that Accelergy writes: ERT (energy), ART (area) and their summaries, every entry with its line.

Layouts of versions 0.3 and 0.4 (github.com/Accelergy-Project/accelergy, ERT_generator.py and ART_generator.py; Timeloop and CiMLoop write
0.4). Energies are pJ per action, areas µm², both of one instance: `[1..256]` behind a name says how many there are. Accelergy is not needed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from chipsim.errors import InputError

Top = Literal["ERT", "ART"]

VERSIONS = ("0.3", "0.4")
"""Of the layout; older ones differ."""
_LARGEST = 2**26
"""Bytes of a file at most."""
_PIECE = 2**20
LINES = "\0lines"
"""Key under which a mapping keeps the lines of its other keys; none that a file would use."""
MOST = 12
"""Names that a message lists."""
_INDEX = re.compile(r"\[[^\[\]]*\]")
_LONGEST_NAME = 60
"""Characters of a name in a message."""
_MOST_PARTS = 16
"""Parts of a component's path that a near spelling is looked for in."""
_UNITS = {"ERT": "pJ", "ART": "um2"}


@dataclass(frozen=True)
class Entry:
    """An action of a component with one combination of arguments; in an ART the component itself, and `action` is empty.

    Attributes
    ----------
    values
        by their keys: `energy` or `average_energy`, `max_energy` and `min_energy`; or `area`.
    estimators
        where its numbers are from, if the file tells.
    """

    component: str
    action: str
    arguments: Mapping[str, Any]
    values: Mapping[str, Any]
    estimators: tuple[str, ...]

    def number(self, key: str, document: Document) -> float:
        """Return a value, pJ or µm².

        Raises
        ------
        InputError
            if it is missing, no number, negative or not finite.
        """
        line = self.values[LINES].get(key, _line(self.values))
        place = f"{document.file}:{line}: {'.'.join(part for part in (self.component, self.action) if part)}: {key}"
        if key not in self.values:
            msg = f"{place}: is missing; there is {', '.join(name for name in self.values if name != LINES)}"
            raise InputError(msg)
        found = self.values[key]
        try:
            # YAML 1.1 takes 1e-09, as Accelergy writes it, for text
            value = math.nan if isinstance(found, bool) else float(found)
        except (TypeError, ValueError, OverflowError):
            value = math.nan
        if not (math.isfinite(value) and value >= 0):
            msg = f"{place}: {shown(found)} is {'negative' if value < 0 else 'no finite number'}; zero or more {_UNITS[document.top]} is wanted"
            raise InputError(msg)
        return value


@dataclass(frozen=True)
class Document:
    """What a file holds: `summary` says that it has one entry per action, without arguments."""

    file: str
    top: Top
    summary: bool
    entries: tuple[Entry, ...]

    def component(self, name: str) -> tuple[Entry, ...]:
        """Return the entries of a component: its whole path or the last parts of it, instances left out or not.

        Raises
        ------
        InputError
            if there is none of that name, or more than one.
        """
        names = list(dict.fromkeys(entry.component for entry in self.entries))
        wanted = _parts(name)
        fitting = [found for found in names if _parts(found)[-len(wanted) :] == wanted]
        chosen = [found for found in fitting if found == name] or [found for found in fitting if _parts(found) == wanted] or fitting
        if len(chosen) == 1:
            return tuple(entry for entry in self.entries if entry.component == chosen[0])
        if chosen:
            msg = f"'{name}' is ambiguous in {self.file}: {listed(chosen)}; give more of the path"
            raise InputError(msg)
        near = {".".join(parts[-count:]): None for parts in map(_parts, names) for count in range(min(len(parts), _MOST_PARTS), 0, -1)}
        msg = f"{self.file} has no component '{name}'; {hint(name, near, names)}"
        raise InputError(msg)

    def actions(self, component: str, action: str) -> tuple[Entry, ...]:
        """Return the entries of an action, one per combination of arguments.

        Raises
        ------
        InputError
            if there is no such component, or it has no such action.
        """
        entries = self.component(component)
        found = tuple(entry for entry in entries if entry.action == action)
        if found:
            return found
        known = list(dict.fromkeys(entry.action for entry in entries))
        msg = f"{entries[0].component} in {self.file} has no action '{action}'; {hint(action, known, known)}"
        raise InputError(msg)


def read(path: Path, top: Top) -> Document:
    """Return what an ERT or ART, or the summary of one, holds.

    Raises
    ------
    InputError
        if PyYAML is missing, the file is, or it is not such a table; the message names the file and, where there is one, the line.
    """
    file = str(path)
    values = _yaml(path)
    tops = {top: "tables", f"{top}_summary": "table_summary"}
    title = next((name for name in tops if isinstance(values, dict) and name in values), None)
    if title is None:
        found = listed([name if isinstance(name, str) else shown(name) for name in values if name != LINES]) if isinstance(values, dict) else shown(values)
        msg = f"{file}: {' or '.join(tops)} is wanted at the top; {found} found"
        raise InputError(msg)
    body = _mapping(values[title], file, title, _line(values, title))
    version = body.get("version")
    if not isinstance(version, str | float) or str(version) not in VERSIONS:
        msg = f"{file}:{_line(body, 'version')}: version: {shown(version)} is not known; {' and '.join(VERSIONS)} are"
        raise InputError(msg)
    tables = _list(body, tops[title], file)
    return Document(file, top, title != top, tuple(_entries([_named(table, file, _line(body, tops[title])) for table in tables], file, top)))


def hint(name: str, near: Iterable[str], known: list[str]) -> str:
    """Return a near spelling and what there is, for a message."""
    close = get_close_matches(name[:_LONGEST_NAME], list(near), n=1)
    return (f"did you mean '{close[0]}'? " if close else "") + f"there is {listed(known)}"


def shown(value: object) -> str:
    """Return a value of a file for a message, in a few words whatever it is."""
    if isinstance(value, str):
        return repr(value[:60])
    if isinstance(value, int) and abs(value) > 10**30:
        return "a number beyond 1e30"
    if value is None or isinstance(value, bool):
        return "nothing" if value is None else str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    return "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else f"a {type(value).__name__}"


def listed(names: list[str]) -> str:
    """Return names for a message, the first of them where they are many."""
    more = len(names) - MOST
    return (", ".join(name[:_LONGEST_NAME] for name in names[:MOST]) or "nothing") + (f" and {more} more" if more > 0 else "")


def _entries(tables: list[dict[str, Any]], file: str, top: Top) -> Iterator[Entry]:
    seen: dict[str, int] = {}
    for table in tables:
        name, line = table["name"], _line(table, "name")
        if name in seen:
            msg = f"{file}:{line}: component '{name}' stands there twice, first in line {seen[name]}"
            raise InputError(msg)
        seen[name] = line
        estimators = _estimators(table)
        if top == "ART":
            yield Entry(name, "", {}, table, estimators)
            continue
        for action in _list(table, "actions", file):
            key = "action_name" if isinstance(action, dict) and "action_name" in action else "name"  # the former in verbose summaries
            values = _named(action, file, _line(table, "actions"), key)
            arguments = _mapping(values.get("arguments") or {}, file, "arguments", _line(values, "arguments"))
            yield Entry(name, values[key], {part: value for part, value in arguments.items() if part != LINES}, values, estimators)


def _named(value: object, file: str, line: int, key: str = "name") -> dict[str, Any]:
    """Return a mapping that has a name."""
    found = _mapping(value, file, "an entry of the table", line)
    if not isinstance(found.get(key), str):
        msg = f"{file}:{_line(found, key)}: {key}: {'a text is wanted, ' + shown(found[key]) + ' found' if key in found else 'is missing'}"
        raise InputError(msg)
    return found


def _mapping(value: object, file: str, what: str, line: int) -> dict[str, Any]:
    if not isinstance(value, dict):
        msg = f"{file}:{line}: {what}: a mapping is wanted, {shown(value)} found"
        raise InputError(msg)
    return value


def _list(around: Mapping[str, Any], key: str, file: str) -> list[Any]:
    value = around.get(key)
    if not isinstance(value, list):
        msg = f"{file}:{_line(around, key)}: {key}: {'a list is wanted, ' + shown(value) + ' found' if key in around else 'is missing'}"
        raise InputError(msg)
    return value


def _estimators(table: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the plug-ins that a summary names: text for a primitive component, a list for a compound one."""
    found = table.get("primitive_estimation(s)", table.get("primitive_estimations"))
    each = found if isinstance(found, list) else [found]
    names = (part.get("estimator") if isinstance(part, dict) else part for part in each)
    return tuple(dict.fromkeys(name if isinstance(name, str) else shown(name) for name in names if name))


def _parts(name: str) -> list[str]:
    return _INDEX.sub("", name).split(".")


def _line(mapping: Mapping[str, Any], key: str = "") -> int:
    """Return the line of a key, or the first line of the mapping."""
    lines: Mapping[str, int] = mapping.get(LINES, {})
    return lines.get(key, min(lines.values(), default=1))


def _yaml(path: Path) -> Any:
    """Return what a YAML file holds; mappings keep the lines of their keys."""
    try:
        from yaml import MarkedYAMLError, YAMLError, load

        from chipsim.costs.yaml_lines import LinesLoader
    except ImportError:
        msg = "reading Accelergy's files needs the package PyYAML, which is not installed; install it with: pip install 'chipsim[accelergy]'"
        raise InputError(msg) from None
    try:
        with path.open("rb") as stream:
            content = bytearray()  # a piece at a time, since reading takes memory for all that it may get
            while len(content) <= _LARGEST and (piece := stream.read(_PIECE)):
                content += piece
        if len(content) <= _LARGEST:
            return load(content.decode("utf-8"), Loader=LinesLoader)  # noqa: S506  a SafeLoader
        msg = f"{path}: is larger than {_LARGEST // 2**20} MiB: no table of Accelergy"
    except FileNotFoundError:
        msg = f"{path}: there is no such file"
    except MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        msg = f"{path}{line}: is no YAML: {error.problem}"
    except (YAMLError, RecursionError) as error:
        msg = f"{path}: is no YAML: {' '.join(str(error).split())}"
    except MemoryError:
        msg = f"{path}: there is no memory for what it holds"
    except (OSError, ValueError) as error:
        msg = f"{path}: cannot be read ({error})"
    raise InputError(msg)
