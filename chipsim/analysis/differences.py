"""In what figures and arrays differ: how much, how often, and where first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chipsim.analysis.inputs import WALL_CLOCK, flattened
from chipsim.locator import dotted

NO_RESULTS = ("schema", "scenario", "title", "seed", "exit_reason", *WALL_CLOCK)
"""Keys of the summary that are no results of the chip: they name the run, or tell of the computer's time."""
Only = Literal["", "A", "B"]
How = Literal["same bytes", "same values", "values", "shape", "type", "only in A", "only in B"]


@dataclass(frozen=True)
class Figure:
    """A figure of the summary in which two runs differ.

    Attributes
    ----------
    key
        dotted key.
    a, b
        the values.
    absolute, relative
        |b - a|, and that over the larger of the two; None where one is no number.
    only
        the run that alone has it.
    """

    key: str
    a: Any
    b: Any
    absolute: float | None = None
    relative: float | None = None
    only: Only = ""

    @property
    def rank(self) -> float:
        """How different it is: what has no number to tell is more different than any that has."""
        return math.inf if self.relative is None else self.relative


@dataclass(frozen=True)
class Array:
    """An array of two runs.

    Attributes
    ----------
    name
        `group.variable`, or `weights.npz: w0`.
    how
        whether it is the same, and in what it differs.
    shapes
        of A and of B; empty where there is none.
    differing, values
        values that differ, and values compared: where two arrays are of different length, only rows that both have.
    largest, largest_at
        largest absolute difference, and its index; NaN is like NaN, and infinitely far from any number. None for text.
    relative
        that over the largest finite value of the two arrays.
    first_at, first_ps
        index of the first value that differs, and its chip time (ps) where the traces tell it.
    """

    name: str
    how: How
    shapes: tuple[tuple[int, ...], ...]
    differing: int = 0
    values: int = 0
    largest: float | None = None
    largest_at: tuple[int, ...] = ()
    relative: float | None = None
    first_at: tuple[int, ...] = ()
    first_ps: int | None = None

    @property
    def same(self) -> bool:
        """Whether the two are the same byte for byte."""
        return self.how == "same bytes"

    @property
    def rank(self) -> tuple[bool, float]:
        """How different it is: arrays of other shapes and types come before those of other values."""
        return self.how not in {"values", "same values", "same bytes"}, math.inf if self.differing and self.relative is None else self.relative or 0.0


def figure_differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[list[Figure], int]:
    """Return the results in which two summaries differ, the most different first, and how many there are in either."""
    mine, other = ({path: value for path, value in flattened(summary, elements=True) if path and path[0] not in NO_RESULTS} for summary in (a, b))
    paths = dict.fromkeys((*mine, *other))
    found = [figure for path in paths for figure in _figure(dotted(path), path in mine, path in other, mine.get(path), other.get(path))]
    return sorted(found, key=lambda figure: -figure.rank), len(paths)


def _figure(key: str, in_a: bool, in_b: bool, a: Any, b: Any) -> Iterator[Figure]:
    if not (in_a and in_b):
        yield Figure(key, a, b, only="A" if in_a else "B")
    elif not (_is_number(a) and _is_number(b)):
        if type(a) is not type(b) or a != b:
            yield Figure(key, a, b)
    elif a != b and not (a != a and b != b):  # noqa: PLR0124 (NaN is the one number unlike itself)
        yield Figure(key, a, b, *_distance(a, b))
    elif type(a) is not type(b):
        yield Figure(key, a, b, 0.0, 0.0)


def _distance(a: float, b: float) -> tuple[float | None, float | None]:
    try:
        absolute, scale = float(abs(b - a)), float(max(abs(a), abs(b)))
    except OverflowError:  # an integer that no float can hold
        return None, None
    return (absolute, absolute / scale) if math.isfinite(absolute) and math.isfinite(scale) else (math.inf, math.inf)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def array_difference(name: str, a: NDArray[Any], b: NDArray[Any]) -> Array:
    """Compare two arrays; where they are of different length alone, the rows that both have."""
    shapes = (a.shape, b.shape)
    text = a.dtype.kind in "US" and b.dtype.kind in "US"
    if a.shape == b.shape and (a.tolist() == b.tolist() if text else a.dtype == b.dtype and a.tobytes() == b.tobytes()):
        return Array(name, "same bytes", shapes, values=a.size)
    if a.shape != b.shape:
        if a.ndim != b.ndim or a.shape[1:] != b.shape[1:]:
            return Array(name, "shape", shapes)
        rows = min(len(a), len(b))
        a, b = a[:rows], b[:rows]
    how: How = "shape" if shapes[0] != shapes[1] else "type" if not text and a.dtype != b.dtype else "values"
    unlike = _unlike(a, b)
    count = int(unlike.sum())
    if count == 0:
        return Array(name, "same values" if how == "values" else how, shapes, values=a.size)
    first = _index(int(np.argmax(unlike)), a.shape)
    distance = _distances(a, b, unlike)
    if distance is None:
        return Array(name, how, shapes, count, a.size, first_at=first)
    at = int(np.argmax(distance))
    largest = float(distance.ravel()[at])
    return Array(name, how, shapes, count, a.size, largest, _index(at, a.shape), largest / _scale(a, b), first)


def _unlike(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.bool]:
    """Return where two arrays differ; NaN is like NaN."""
    unlike = np.asarray(a != b)
    if a.dtype.kind == "f" and b.dtype.kind == "f":
        unlike &= ~(np.isnan(a) & np.isnan(b))
    return unlike


def _distances(a: NDArray[Any], b: NDArray[Any], unlike: NDArray[np.bool]) -> NDArray[np.float64] | None:
    """Return |b - a| where the arrays differ and 0 elsewhere, infinity where it cannot be told; None for what has no numbers."""
    if not {a.dtype.kind, b.dtype.kind} <= set("iuf"):
        return None
    found = np.zeros(a.shape)
    one, two = a[unlike], b[unlike]
    if a.dtype == b.dtype and a.dtype.kind in "iu":
        found[unlike] = np.maximum(one, two).astype(np.uint64) - np.minimum(one, two).astype(np.uint64)  # modulo 2^64: exact
    else:
        with np.errstate(invalid="ignore", over="ignore"):
            found[unlike] = np.nan_to_num(np.abs(two.astype(np.float64) - one.astype(np.float64)), nan=np.inf, posinf=np.inf)
    return found


def _scale(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Return the largest finite size of any value in two arrays that differ."""
    sizes = [np.abs(values.astype(np.float64)) for values in (a, b)]
    return max(float(np.max(size, initial=0.0, where=np.isfinite(size))) for size in sizes) or 1.0


def _index(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(part) for part in np.unravel_index(flat, shape))
