"""What two runs were given: scenario, prices, data, versions, machine; and which of it can change a result."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from chipsim.analysis.files import MANIFEST, PRICES, SCENARIO
from chipsim.analysis.integrity import SEAL
from chipsim.analysis.run import Run
from chipsim.locator import Path as Key
from chipsim.locator import dotted, locate

Weight = Literal["decides", "recording", "circumstance", "none"]
WEIGHTS: tuple[Weight, ...] = ("decides", "recording", "circumstance", "none")
"""What an input may do: change results; change what is written down of them; nothing as it should be, but other versions or
machines may round otherwise; nothing."""

WALL_CLOCK = ("started", "ended", "wall_time_s", "images_per_wall_second")
"""Keys of the manifest and of the summary that tell of the computer's time: they differ between any two runs, and mean nothing."""
_DECIDING = ("seed", "data", "mapping", "parent")
"""Keys of the manifest that results depend on; `parent` is the run that this one was forked from."""
_IDLE = (*WALL_CLOCK, "command", "resumed")
"""Keys of the manifest that no result depends on."""
_APART = ("schema", "status", "reason", "scenario", "files", SEAL)
"""Keys of the manifest that are no inputs: they tell how the run stands, name its scenario, or follow from files that are compared themselves."""
_IDLE_SETTINGS = ("title", "training.window")
"""Keys of the scenario that no result depends on; the window is a matter of speed."""
_IDLE_TABLE = "checkpoint."
"""What is kept of a run to resume it: nor does any result depend on that."""
_RECORDING = "record."

_WITH_COMMENT = re.compile(r"""(?:[^"#]|"(?:\\.|[^"\\])*")*\#\s*(.*)""")
"""A line of TOML as chipsim writes it, with basic strings alone, and its comment."""
_ABSENT = object()
_NOTHING: tuple[Any, ...] = (None, {}, [], "")
"""Values of a manifest that say as little as a key that is not there, as in one of an older version."""


@dataclass(frozen=True)
class Input:
    """An input in which two runs differ.

    Attributes
    ----------
    part
        `scenario`, `prices`, or a key of the manifest.
    key
        dotted key in it; empty where the part is one value.
    a, b
        the values as they stand in the file, quantities with their units; None where there is none.
    from_a, from_b
        where a value of the scenario came from: `default`, `file.toml:line`, `--set #n`.
    weight
        what it can change.
    """

    part: str
    key: str
    a: Any
    b: Any
    weight: Weight
    from_a: str = ""
    from_b: str = ""

    @property
    def name(self) -> str:
        """Part and key in one."""
        return f"{self.part}.{self.key}" if self.key else self.part


def input_differences(a: Run, b: Run) -> tuple[list[Input], list[str]]:
    """Return the inputs in which two runs differ, those that matter most first, and what could not be compared."""
    missing: list[str] = []
    scenarios = [_toml(run, SCENARIO, side, missing) for run, side in ((a, "A"), (b, "B"))]
    prices = [_toml(run, PRICES, side, missing) for run, side in ((a, "A"), (b, "B"))]
    found = list(_of_manifests(a.manifest, b.manifest))
    if all(scenarios):
        found = [item for item in found if item.part != "seed"]  # the scenario has it, with its origin
        found += _of_scenarios(scenarios[0], scenarios[1], same_data=_same_data(a, b))
    if all(prices):
        found += _of_prices(prices[0], prices[1])
    elif any(prices):
        missing.append(f"{'A' if prices[1] else 'B'}: {PRICES}: has none, so prices cannot be compared")
    return sorted(found, key=lambda item: WEIGHTS.index(item.weight)), missing


def flattened(value: object, path: Key = (), *, elements: bool) -> Iterator[tuple[Key, Any]]:
    """Yield (path, value) for everything in nested tables; lists of plain values are taken apart only if `elements`."""
    inner: Iterator[tuple[str | int, Any]] = iter(())
    if isinstance(value, Mapping) and value:
        inner = ((str(key), item) for key, item in value.items())
    elif isinstance(value, list) and value and (elements or all(isinstance(item, Mapping) for item in value)):
        inner = iter(enumerate(value))
    else:
        yield path, value
    for key, item in inner:
        yield from flattened(item, (*path, key), elements=elements)


Settings = dict[str, tuple[Any, str]]
"""Dotted key -> value and origin."""


def settings_of(text: str) -> Settings:
    """Return every value of a TOML text by its dotted key, with the comment that follows it.

    Raises
    ------
    ValueError
        if it is no TOML.
    """
    values, lines, rows = tomllib.loads(text), locate(text), text.split("\n")
    found: Settings = {}
    for path, value in flattened(values, elements=False):
        match = _WITH_COMMENT.fullmatch(rows[lines[path] - 1]) if path in lines else None
        found[dotted(path)] = (value, match[1].strip() if match else "")
    return found


def _toml(run: Run, name: str, side: str, missing: list[str]) -> Settings:
    """Return the values of a TOML file in a run folder; nothing where it is not there or damaged."""
    file = run.path / name
    if name in run.faults or (name == PRICES and not file.exists()):
        return {}
    try:
        return settings_of(file.read_text(encoding="utf-8"))
    except OSError as error:
        missing.append(f"{side}: {file}: cannot be read ({error.strerror or error})")
    except (ValueError, RecursionError) as error:
        missing.append(f"{side}: {file}: is damaged, no TOML ({error})")
    return {}


def _of_scenarios(a: Settings, b: Settings, *, same_data: bool) -> Iterator[Input]:
    for key in dict.fromkeys((*a, *b)):
        (mine, from_a), (other, from_b) = a.get(key, (_ABSENT, "")), b.get(key, (_ABSENT, ""))
        if not _alike(mine, other):
            yield Input("scenario", key, _given(mine), _given(other), _weight_of(key, same_data=same_data), from_a, from_b)


def _weight_of(key: str, *, same_data: bool) -> Weight:
    if key in _IDLE_SETTINGS or key.startswith(_IDLE_TABLE) or (key == "data.path" and same_data):
        return "none"
    return "recording" if key.startswith(_RECORDING) else "decides"


def _of_prices(a: Settings, b: Settings) -> Iterator[Input]:
    for key in dict.fromkeys((*a, *b)):
        mine, other = a.get(key, (_ABSENT, ""))[0], b.get(key, (_ABSENT, ""))[0]
        if not _alike(mine, other):
            yield Input("prices", key, _given(mine), _given(other), "decides")


def _of_manifests(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Input]:
    """Yield what differs in any key of the manifest, known or not."""
    for part in dict.fromkeys((*a, *b)):
        if part in _APART:
            continue
        weight: Weight = "decides" if part in _DECIDING else "none" if part in _IDLE else "circumstance"
        mine, other = (dict(flattened(content[part], elements=False)) if content.get(part) not in _NOTHING else {} for content in (a, b))
        for path in dict.fromkeys((*mine, *other)):
            one, two = mine.get(path, _ABSENT), other.get(path, _ABSENT)
            if not _alike(one, two):
                yield Input(part, dotted(path), _given(one), _given(two), weight)


def _same_data(a: Run, b: Run) -> bool:
    """Return whether both manifests name the same data files with the same checksums."""
    return bool(a.manifest.get("data")) and a.manifest.get("data") == b.manifest.get("data")


def _alike(one: object, two: object) -> bool:
    """Return whether two values are the same; a NaN is like another, and 1 is neither true nor 1.0."""
    return type(one) is type(two) and (one == two or repr(one) == repr(two))


def _given(value: object) -> Any:
    return None if value is _ABSENT else value


def manifest_faults(run: Run, side: str) -> Iterator[str]:
    """Yield what is wrong with the files of a run, for the list of what could not be compared."""
    for fault in run.faults.values():
        yield f"{side}: {fault}"
    if run.status == "running":
        yield f"{side}: is still running ({MANIFEST}); what it holds by now is compared"
