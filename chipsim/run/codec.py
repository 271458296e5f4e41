"""Plain data to JSON and arrays, and back: what a run knows, without pickles.

Types are read from annotations on the way back, and held against what is found: data of another layout are refused, never guessed at.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from chipsim.run.kept import Rows

Arrays = dict[str, NDArray[Any]]
T = TypeVar("T")
_ARRAY = "array"
_INT64 = 2**63


def pack(value: object, name: str, arrays: Arrays, kind: Any = None) -> Any:
    """Return `value` as JSON knows it; arrays inside it go to `arrays`, under names that begin with `name`.

    Parameters
    ----------
    value
        numbers, text, None, arrays, and lists, tuples, mappings, dataclasses and named tuples of them.
    kind
        its declared type, where that matters: `Rows` are packed column by column.

    Raises
    ------
    TypeError
        if it holds anything else.
    """
    if _has_columns(kind) and isinstance(value, list):
        return _pack_rows(value, name, arrays) if kind == Rows else _pack_table(value, name, arrays)
    if isinstance(value, np.ndarray):
        arrays[name] = value
        return {_ARRAY: name}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        hints = _hints(type(value))
        return {field.name: pack(getattr(value, field.name), f"{name}.{field.name}", arrays, hints[field.name]) for field in fields(value)}
    if hasattr(value, "_asdict"):
        return {key: pack(item, f"{name}.{key}", arrays) for key, item in value._asdict().items()}
    if isinstance(value, Mapping):
        return [[pack(key, name, arrays), pack(item, f"{name}.{key}", arrays)] for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [pack(item, f"{name}.{index}", arrays) for index, item in enumerate(value)]
    msg = f"{name}: a {type(value).__name__} is no plain data"
    raise TypeError(msg)


def unpack(kind: type[T], tree: Any, arrays: Mapping[str, NDArray[Any]], name: str) -> T:
    """Return what `pack` was given, of a declared type.

    Raises
    ------
    ValueError
        naming the part that is missing, unknown or of another type.
    """
    return _unpack(kind, tree, arrays, name)  # type: ignore[no-any-return]


def _unpack(kind: Any, tree: Any, arrays: Mapping[str, NDArray[Any]], name: str) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if _has_columns(kind):
        return _unpack_rows(tree, arrays, name) if kind == Rows else _unpack_table(get_args(inner[0]), tree, arrays, name)
    if origin in {Union, types.UnionType}:
        return None if tree is None and type(None) in inner else _unpack(next(one for one in inner if one is not type(None)), tree, arrays, name)
    if kind is np.ndarray or origin is np.ndarray:
        return _array(tree, arrays, name)
    if origin is dict:
        _require(tree, list, name)
        return {_unpack(inner[0], key, arrays, name): _unpack(inner[1], item, arrays, f"{name}.{key}") for key, item in tree}
    if origin is list:
        _require(tree, list, name)
        return [_unpack(inner[0], item, arrays, f"{name}.{index}") for index, item in enumerate(tree)]
    if origin is tuple:
        return _tuple(inner, tree, arrays, name)
    if is_dataclass(kind) or hasattr(kind, "_fields"):
        return _record(kind, tree, arrays, name)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(tree)
    if kind is float and type(tree) is int:
        return float(tree)
    _require(tree, kind, name)
    return tree


def _tuple(inner: tuple[Any, ...], tree: Any, arrays: Mapping[str, NDArray[Any]], name: str) -> tuple[Any, ...]:
    _require(tree, list, name)
    if len(tree) != len(inner):
        msg = f"{name}: {len(tree)} values found, {len(inner)} expected"
        raise ValueError(msg)
    return tuple(_unpack(one, item, arrays, f"{name}.{index}") for index, (one, item) in enumerate(zip(inner, tree, strict=True)))


def _record(kind: Any, tree: Any, arrays: Mapping[str, NDArray[Any]], name: str) -> Any:
    """Return a dataclass or a named tuple; every field must be there, and no other."""
    _require(tree, dict, name)
    hints = _hints(kind)
    names = [field.name for field in fields(kind)] if is_dataclass(kind) else list(kind._fields)
    if set(names) != set(tree):
        odd = ", ".join(sorted(set(names) ^ set(tree)))
        msg = f"{name}: has other parts than this version of chipsim knows: {odd}"
        raise ValueError(msg)
    return kind(**{key: _unpack(hints[key], tree[key], arrays, f"{name}.{key}") for key in names})


def _array(tree: Any, arrays: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any]:
    _require(tree, dict, name)
    if tree.get(_ARRAY) not in arrays:
        msg = f"{name}: its array is missing"
        raise ValueError(msg)
    return arrays[tree[_ARRAY]].copy()


def _require(tree: Any, kind: Any, name: str) -> None:
    if type(tree) is not kind:
        msg = f"{name}: {type(tree).__name__} found, {kind.__name__} expected"
        raise ValueError(msg)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


# ---- rows: one array a column instead of one a value --------------------------------------------------------------------


def _has_columns(kind: Any) -> bool:
    """Return whether a type is a list of rows or of tuples."""
    return kind == Rows or (get_origin(kind) is list and get_origin(get_args(kind)[0]) is tuple)


def _pack_table(value: Sequence[tuple[Any, ...]], name: str, arrays: Arrays) -> dict[str, Any]:
    columns = [list(column) for column in zip(*value, strict=True)]
    return {"rows": len(value), "columns": [_pack_column(column, f"{name}.{index}", arrays) for index, column in enumerate(columns)]}


def _pack_rows(rows: Sequence[Mapping[str, Any]], name: str, arrays: Arrays) -> dict[str, Any]:
    keys = list(rows[0]) if rows else []
    if any(row.keys() != rows[0].keys() for row in rows):
        msg = f"{name}: rows differ in what they hold"
        raise TypeError(msg)
    return {"rows": len(rows), "columns": {key: _pack_column([row[key] for row in rows], f"{name}.{key}", arrays) for key in keys}}


def _pack_column(values: list[Any], name: str, arrays: Arrays) -> Any:
    """Return values as one array where they are arrays, integers of 64 bits or texts, for a run may have a million of them; else as they are."""
    if all(isinstance(value, np.ndarray) for value in values):
        return pack(np.stack(values), name, arrays)
    if all(type(value) is int and -_INT64 <= value < _INT64 for value in values):
        return {"whole": pack(np.array(values, dtype=np.int64), name, arrays)}
    if all(type(value) is str for value in values):
        words = {word: index for index, word in enumerate(dict.fromkeys(values))}
        return {"words": list(words), "at": pack(np.array([words[value] for value in values], dtype=np.int64), name, arrays)}
    return [pack(value, name, arrays) for value in values]


def _unpack_column(column: Any, arrays: Mapping[str, NDArray[Any]], name: str) -> Sequence[Any]:
    if not isinstance(column, dict):
        _require(column, list, name)
        return column  # type: ignore[no-any-return]
    if "whole" in column:
        return _array(column["whole"], arrays, name).tolist()  # type: ignore[no-any-return]
    if "words" in column:
        return [column["words"][at] for at in _array(column["at"], arrays, name).tolist()]
    return list(_array(column, arrays, name))


def _unpack_table(kinds: tuple[Any, ...], tree: Any, arrays: Mapping[str, NDArray[Any]], name: str) -> list[tuple[Any, ...]]:
    _require(tree, dict, name)
    columns = [_unpack_column(column, arrays, f"{name}.{index}") for index, column in enumerate(tree["columns"])]
    if tree["rows"] and (len(columns) != len(kinds) or any(len(column) != tree["rows"] for column in columns)):
        msg = f"{name}: {len(columns)} columns found, {len(kinds)} of {tree['rows']} values expected"
        raise ValueError(msg)
    checked = [_checked(kind, column, arrays, f"{name}.{index}") for index, (kind, column) in enumerate(zip(kinds, columns, strict=False))]
    return list(zip(*checked, strict=True))


def _checked(kind: Any, column: Sequence[Any], arrays: Mapping[str, NDArray[Any]], name: str) -> Sequence[Any]:
    """Return a column whose values are of a declared type."""
    if all(type(value) is kind for value in column):
        return column
    return [_unpack(kind, value, arrays, name) for value in column]


def _unpack_rows(tree: Any, arrays: Mapping[str, NDArray[Any]], name: str) -> Rows:
    _require(tree, dict, name)
    columns = {key: _unpack_column(column, arrays, f"{name}.{key}") for key, column in tree["columns"].items()}
    if any(len(column) != tree["rows"] for column in columns.values()):
        msg = f"{name}: columns differ in length"
        raise ValueError(msg)
    return [{key: column[index] for key, column in columns.items()} for index in range(tree["rows"])]
