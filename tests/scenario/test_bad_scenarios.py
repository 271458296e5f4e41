"""Every file in `tests/bad_scenarios` is refused with the message that its first line expects, and every kind of field has such a file."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from contextlib import chdir
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Union, get_args, get_origin

import pytest

from chipsim.errors import ScenarioError
from chipsim.locator import undotted
from chipsim.scenario import Scenario
from chipsim.scenario.schema import field_at, keys
from chipsim.spec import Spec

FOLDER = Path(__file__).resolve().parent.parent / "bad_scenarios"
FILES = sorted(FOLDER.glob("*.toml"))

PLAIN = {bool: "truth", int: "count", float: "number", str: "text"}
LIMITED = re.compile(r"is out of range|is too short|is shorter than")
"""What a value says that is of the right kind, but too large or too small."""
UNFIT = re.compile(r"wanted, not|has no unit|cannot read|is not a quantity|is neither|is not known|is no (?:window|sleep|whole number)|has no place here")
"""What a value says that is of no right kind; everything else are conflicts between keys, which show nothing about a kind of field."""


def test_there_are_enough():
    """The collection of bad scenarios has not shrunk."""
    assert len(FILES) >= 150


@cache
def refused(name):
    """Return the faults of a bad scenario."""
    with chdir(FOLDER), pytest.raises(ScenarioError) as caught:
        Scenario.load(name)
    return caught.value.faults


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_message(path):
    """A bad scenario is refused in one error that names file, line, key, value and what is allowed."""
    expected = path.read_text(encoding="utf-8", errors="replace").splitlines()[0].removeprefix("# expect: ")
    message = "\n".join(map(str, refused(path.name)))
    assert expected in message
    if expected.startswith(":"):
        assert f"{path.name}{expected}" in message


def kind_of(annotation, metadata=(), meaning=""):
    """Return what people would call the type of a field: `time`, `quantity in uS`, `optional count`, `list of Span`, `4 x number` ..."""
    if get_origin(annotation) is Annotated:
        annotation, *metadata = get_args(annotation)
    arguments = get_args(annotation)
    schemas = [schema for item in metadata if (schema := getattr(item, "json_schema", None))]
    if units := [schema["x-unit"] for schema in schemas if "x-unit" in schema]:
        return "time" if units == ["ps"] else f"quantity in {units[0]}"
    if get_origin(annotation) in {Union, types.UnionType}:
        (inner,) = (choice for choice in arguments if choice is not type(None))
        return f"optional {kind_of(inner, metadata, meaning)}"
    if get_origin(annotation) is tuple:
        inner = kind_of(arguments[0])
        return f"list of {inner}" if arguments[-1] is Ellipsis else f"{len(arguments)} x {inner}"
    if get_origin(annotation) is Literal:
        return "choice"
    if get_origin(annotation) is Mapping:
        return "entries"
    if issubclass(annotation, Spec):
        return "table"
    limits = {name: getattr(item, name) for item in metadata for name in ("gt", "ge", "lt", "le") if hasattr(item, name)}
    if annotation is float and limits.keys() >= {"le"} and 0 < limits["le"] <= 1:
        return "share"
    if annotation is str and "file" in meaning:
        return "path"
    return PLAIN.get(annotation, annotation.__name__)


def kinds():
    """Return every kind of field of the scenario, and whether a field of this kind has limits."""
    found = {}
    for path in keys():
        field = field_at(path)
        kind = kind_of(field.annotation, field.metadata, field.description)
        limits = any(hasattr(item, name) for item in field.metadata for name in ("gt", "ge", "lt", "le", "min_length"))
        found[kind] = found.get(kind, False) or limits
    return found


def shown_by(pattern):
    """Return the kinds of the fields of which a bad scenario tells something that fits the pattern."""
    found = set()
    for path in FILES:
        for fault in refused(path.name):
            field = field_at(undotted(fault.key) or ())
            if field is not None and pattern.search(fault.message):
                found.add(kind_of(field.annotation, field.metadata, field.description))
    return found


def test_every_kind_of_field_is_there():
    """Each kind of field of the scenario has a bad file with a value that is none of this kind: a new kind without one fails here."""
    missing = set(kinds()) - shown_by(UNFIT)
    assert not missing, f"no file in tests/bad_scenarios has a value that is no {', no '.join(sorted(missing))}"


def test_every_kind_of_limit_is_there():
    """Each kind of field that has limits has a bad file with a value beyond one of them."""
    missing = {kind for kind, limited in kinds().items() if limited} - shown_by(LIMITED)
    assert not missing, f"no file in tests/bad_scenarios has a value out of range of a {', of a '.join(sorted(missing))}"


def test_kinds_are_told_apart():
    """The fields of the scenario are of many kinds, the known ones among them; a unit of its own is a kind of its own."""
    found = kinds()
    known = {"table", "optional table", "list of table", "choice", "truth", "text", "path", "entries", "time", "optional time", "count", "optional count"}
    known |= {"number", "share", "optional share", "quantity in uS", "quantity in V", "quantity in bps", "Every", "list of Span", "list of Nap", "2 x count"}
    assert known <= set(found)
