"""What a scenario may hold, seen from its keys: for error messages, editors and `chipsim schema`."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from typing import Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from chipsim.locator import Path
from chipsim.scenario.model import Parameters
from chipsim.scenario.origins import EXTENDS
from chipsim.spec import Spec


def table_at(path: Path) -> type[Spec] | None:
    """Return the parameter class of the table with this key, or None where the key is no table.

    An element of an array of tables is a table, `stage[0]`; the array itself is none.
    """
    spec: type[Spec] | None = Parameters
    elements: type[Spec] | None = None
    for part in path:
        if isinstance(part, int):
            spec, elements = elements, None
            continue
        field = spec.model_fields.get(part) if spec else None
        spec, elements = (table_of(field), elements_of(field)) if field else (None, None)
    return spec


def array_at(path: Path) -> type[Spec] | None:
    """Return the parameter class of the elements of the array of tables with this key, or None where it is no such array."""
    field = field_at(path) if path and isinstance(path[-1], str) else None
    return elements_of(field) if field else None


def field_at(path: Path) -> FieldInfo | None:
    """Return the declaration of a key, or None where there is no such key.

    Elements of a list belong to their list, and entries of a table whose keys are no fields to that table.
    """
    while path and isinstance(path[-1], int):
        path = path[:-1]
    if not path:
        return None
    table = table_at(path[:-1])
    if table is not None:
        return table.model_fields.get(str(path[-1]))
    holder = field_at(path[:-1])
    return holder if holder is not None and get_origin(holder.annotation) is Mapping else None


def table_of(field: FieldInfo) -> type[Spec] | None:
    """Return the parameter class of a field that is a table, required or not."""
    annotation: Any = field.annotation
    choices = get_args(annotation) if get_origin(annotation) in {Union, types.UnionType} else (annotation,)
    return next((choice for choice in choices if isinstance(choice, type) and issubclass(choice, Spec)), None)


def elements_of(field: FieldInfo) -> type[Spec] | None:
    """Return the parameter class of the elements of a field that is an array of tables, `tuple[Stage, ...]`."""
    choices = get_args(field.annotation) if get_origin(field.annotation) is tuple else ()
    return next((choice for choice in choices if isinstance(choice, type) and issubclass(choice, Spec)), None)


def unit_of(field: FieldInfo | None) -> str:
    """Return the unit that a field is held in ("ps", "uS" ...), also where it need not be given, or an empty string."""
    if field is None:
        return ""
    inner = [item for choice in get_args(field.annotation) for item in getattr(choice, "__metadata__", ())]
    schemas = (getattr(item, "json_schema", None) for item in (*field.metadata, *inner))
    return next((str(schema["x-unit"]) for schema in schemas if schema and "x-unit" in schema), "")


def keys(spec: type[Spec] = Parameters, path: Path = ()) -> Iterator[Path]:
    """Yield the path of every key, tables included; the keys of an array's elements once, as those of element 0."""
    for name, field in spec.model_fields.items():
        here = (*path, name)
        yield here
        inner, elements = table_of(field), elements_of(field)
        if inner is not None:
            yield from keys(inner, here)
        elif elements is not None:
            yield from keys(elements, (*here, 0))


def value_keys(scenario: Parameters) -> list[Path]:
    """Return the path of every value of a scenario, also in tables that are not set; an array of tables, then the values of each element.

    A table whose keys are no fields is a value, too, and so is each of its entries.
    """
    return list(_value_keys(Parameters, scenario, ()))


def _value_keys(spec: type[Spec], holder: object, path: Path) -> Iterator[Path]:
    for name, field in spec.model_fields.items():
        here, value = (*path, name), getattr(holder, name, None)
        inner, elements = table_of(field), elements_of(field)
        if inner is not None:
            yield from _value_keys(inner, value, here)
            continue
        yield here
        yield from ((*here, entry) for entry in value) if isinstance(value, Mapping) else ()
        if elements is not None and isinstance(value, tuple):
            for index, element in enumerate(value):
                yield from _value_keys(elements, element, (*here, index))


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a scenario file, with unit (`x-unit`), basis and source of every key."""
    schema = Parameters.model_json_schema()
    schema["properties"][EXTENDS] = {
        "type": "string",
        "title": "Extends",
        "description": "name of a shipped scenario, or path of a file (relative to this one), whose values this one starts from",
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "chipsim scenario"}
