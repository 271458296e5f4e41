"""What a scenario may hold, seen from its keys: for error messages, editors and `chipsim schema`."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from chipsim.scenario.locator import Path
from chipsim.scenario.model import Parameters
from chipsim.scenario.origins import EXTENDS
from chipsim.spec import Spec


def table_at(path: Path) -> type[Spec] | None:
    """Return the parameter class of the table with this key, or None where the key is no table."""
    spec: type[Spec] = Parameters
    for part in path:
        field = spec.model_fields.get(str(part))
        inner = table_of(field) if field else None
        if inner is None:
            return None
        spec = inner
    return spec


def field_at(path: Path) -> FieldInfo | None:
    """Return the declaration of a key, or None where there is no such key; elements of a list belong to their list."""
    while path and isinstance(path[-1], int):
        path = path[:-1]
    table = table_at(path[:-1]) if path else None
    return table.model_fields.get(str(path[-1])) if table else None


def table_of(field: FieldInfo) -> type[Spec] | None:
    """Return the parameter class of a field that is a table, required or not."""
    annotation: Any = field.annotation
    choices = get_args(annotation) if get_origin(annotation) in {Union, types.UnionType} else (annotation,)
    return next((choice for choice in choices if isinstance(choice, type) and issubclass(choice, Spec)), None)


def unit_of(field: FieldInfo | None) -> str:
    """Return the unit that a field is held in ("ps", "uS" ...), or an empty string."""
    schemas = (getattr(item, "json_schema", None) for item in (field.metadata if field else ()))
    return next((str(schema["x-unit"]) for schema in schemas if schema and "x-unit" in schema), "")


def keys(spec: type[Spec] = Parameters, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every key, tables included."""
    for name, field in spec.model_fields.items():
        here = (*path, name)
        yield here
        inner = table_of(field)
        if inner is not None:
            yield from keys(inner, here)


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a scenario file, with unit (`x-unit`), basis and source of every key."""
    schema = Parameters.model_json_schema()
    schema["properties"][EXTENDS] = {
        "type": "string",
        "title": "Extends",
        "description": "name of a shipped scenario, or path of a file (relative to this one), whose values this one starts from",
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "chipsim scenario"}
