"""Figures that remember how they came about: a value with its formula, its inputs, and at the ends of that tree its sources.

Arithmetic on figures writes the formula that it computes, so what is explained is what was done.

>>> ops = given("ops_per_image", 989310, "", "6 per weight")
>>> time = given("time_per_image_s", 2.4e-7, "s", "six phases of 40 ns")
>>> rate = (ops / time * 1e-12).named("tops_peak", "TOP/s")
>>> round(rate.value, 3), rate.formula
(4.122, 'ops_per_image / time_per_image_s * 1e-12')
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from operator import add, mul, sub, truediv

from chipsim.errors import InputError
from chipsim.units import engineering

_PREFIXED = ("J", "W", "s", "C")
"""Units that are told with a prefix."""
_SUM, _PRODUCT, _ATOM = 0, 1, 2
"""How tightly a formula binds, for brackets."""
_MOST = 16
"""Names that a message lists."""


@dataclass(frozen=True, eq=False)
class Figure:
    """A number, and where it comes from."""

    value: float
    unit: str = ""
    name: str = ""
    formula: str = ""
    """How the value follows from its inputs; empty where it is given."""
    inputs: tuple[Figure, ...] = ()
    note: str = ""
    """What it means; for a given value, its source."""
    binding: int = _ATOM

    def named(self, name: str, unit: str = "", note: str = "") -> Figure:
        """Return this value under a name of its own; formulas that use it then say the name."""
        if not self.name:
            return replace(self, name=name, unit=unit, note=note)
        return Figure(self.value, unit or self.unit, name, self.name, (self,), note)

    def __float__(self) -> float:
        """Return the value alone."""
        return self.value

    def __add__(self, other: Figure | float) -> Figure:
        return _combined(self, other, "+", _SUM)

    def __sub__(self, other: Figure | float) -> Figure:
        return _combined(self, other, "-", _SUM)

    def __mul__(self, other: Figure | float) -> Figure:
        return _combined(self, other, "*", _PRODUCT)

    def __truediv__(self, other: Figure | float) -> Figure:
        return _combined(self, other, "/", _PRODUCT)

    def lines(self) -> Iterator[str]:
        """Yield what this figure is, how it was computed, and likewise for all that it was computed from, each once."""
        yield from _explained(self, 0, set())


_OPERATIONS = {"+": add, "-": sub, "*": mul, "/": truediv}


def given(name: str, value: float, unit: str, source: str) -> Figure:
    """Return a figure that nothing is computed for: `source` says where it comes from."""
    return Figure(float(value), unit, name, note=source)


def total(figures: Iterable[Figure]) -> Figure:
    """Return the sum of figures, rounded once."""
    parts = tuple(figures)
    terms = " + ".join(_term(part, _SUM) for part in parts)
    return Figure(math.fsum(part.value for part in parts), formula=terms or "0", inputs=_inputs(*parts), binding=_SUM)


class Sheet(Mapping[str, Figure]):
    """Figures by name, in the order in which they were added."""

    def __init__(self, figures: Iterable[Figure] = ()) -> None:
        self._figures = {figure.name: figure for figure in figures}

    def add(self, figure: Figure) -> Figure:
        """Keep a named figure and return it.

        Raises
        ------
        ValueError
            if it has no name, or one that is taken.
        """
        if not figure.name or figure.name in self._figures:
            msg = f"a figure needs a name of its own, not {figure.name!r}"
            raise ValueError(msg)
        self._figures[figure.name] = figure
        return figure

    def __getitem__(self, name: str) -> Figure:
        return self._figures[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._figures)

    def __len__(self) -> int:
        return len(self._figures)

    def explain(self, name: str) -> list[str]:
        """Return how a figure came about, line by line: formula, inputs, sources.

        Figures that others are computed from can be asked for, too.

        Raises
        ------
        InputError
            if there is no figure of that name; the message names those below it, near ones, or what there is.
        """
        known = self._figures | {figure.name: figure for top in self._figures.values() for figure in _all(top)}
        if name not in known:
            near = get_close_matches(name, known, n=3, cutoff=0.5)
            below = [key for key in known if key.startswith(f"{name}.")]
            hint = f"did you mean {', '.join(near)}?" if near else f"there are: {', '.join(_groups(self._figures))}"
            msg = f"there is no figure '{name}'; {f'it has parts: {_few(below)}' if below else hint}"
            raise InputError(msg)
        return list(known[name].lines())


def _few(names: list[str]) -> str:
    """Return names for a message, the first of them where they are many."""
    more = len(names) - _MOST
    return ", ".join(names[:_MOST]) + (f" and {more} more" if more > 0 else "")


def _groups(names: Iterable[str]) -> Iterator[str]:
    """Yield names, those with the same beginning up to a point as one: `energy_J.*`."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.split(".")[0], []).append(name)
    yield from (members[0] if len(members) == 1 else f"{stem}.*" for stem, members in groups.items())


def _combined(left: Figure, other: Figure | float, sign: str, binding: int) -> Figure:
    right = other if isinstance(other, Figure) else Figure(float(other), formula=_written(other))
    # Rounding tells a (b c) from (a b) c, so what is computed first stands in brackets even where algebra needs none.
    formula = f"{_term(left, binding)} {sign} {_term(right, binding + 1)}"
    return Figure(_OPERATIONS[sign](left.value, right.value), formula=formula, inputs=_inputs(left, right), binding=binding)


def _written(number: float) -> str:
    """Return a number as it stands in a formula: as short as it can be without being another."""
    short = f"{number:g}"
    return short if float(short) == number else repr(float(number))


def _term(figure: Figure, binding: int) -> str:
    """Return a figure as it stands in a formula: its name, or its own formula, in brackets where that binds less."""
    if figure.name:
        return figure.name
    return f"({figure.formula})" if figure.binding < binding else figure.formula


def _inputs(*figures: Figure) -> tuple[Figure, ...]:
    """Return the named figures that formulas are made of, each once."""
    found: dict[str, Figure] = {}
    for figure in figures:
        for part in (figure,) if figure.name else figure.inputs:
            found.setdefault(part.name, part)
    return tuple(found.values())


def _all(figure: Figure) -> Iterator[Figure]:
    for part in figure.inputs:
        yield part
        yield from _all(part)


def _explained(figure: Figure, depth: int, told: set[str], share: str = "") -> Iterator[str]:
    space = "  " * depth
    if figure.name in told:
        return
    told.add(figure.name)
    yield f"{space}{figure.name} = {_amount(figure)}{share}{f'    ({figure.note})' if figure.note and figure.formula else ''}"
    if not figure.formula:
        yield f"{space}  given: {figure.note}"
        return
    yield f"{space}  = {figure.formula}"
    summed = figure.value > 0 and figure.formula == " + ".join(part.name for part in figure.inputs) and len(figure.inputs) > 1
    for part in figure.inputs:
        yield from _explained(part, depth + 1, told, f" ({part.value / figure.value:.1%})" if summed else "")


def _amount(figure: Figure) -> str:
    """Return value and unit, to six digits."""
    if figure.unit in _PREFIXED:
        return engineering(figure.value, figure.unit, digits=6)
    return f"{figure.value:.6g}{f' {figure.unit}' if figure.unit else ''}"
