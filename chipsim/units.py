"""Quantities as people write them: `5.16 ms`, `40 uS`, `10 years`.

Reading goes through `Decimal`, never through float multiplication, so that times become exact integer picoseconds.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal, DecimalException

PICOSECONDS_PER_SECOND = 10**12
PS = 1e-12
"""Seconds in a picosecond, for closed forms that want float seconds."""

_PREFIXES = {
    "": Decimal(1),
    "f": Decimal("1e-15"),
    "p": Decimal("1e-12"),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "µ": Decimal("1e-6"),
    "μ": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal("1e3"),
    "M": Decimal("1e6"),
    "G": Decimal("1e9"),
    "T": Decimal("1e12"),
}
_UNITS = ("bps", "Hz", "m", "s", "S", "V", "A", "F", "J", "W", "K", "Ohm", "C", "OP", "B")
"""Units that take a prefix: those of the SI, bits a second, operations and bytes."""
_TIME_WORDS = {
    "min": Decimal(60),
    "h": Decimal(3600),
    "hour": Decimal(3600),
    "hours": Decimal(3600),
    "day": Decimal(86400),
    "days": Decimal(86400),
    "year": Decimal(31557600),
    "years": Decimal(31557600),
}
_AREAS = {"m2": Decimal(1), "mm2": Decimal("1e-6"), "um2": Decimal("1e-12"), "µm2": Decimal("1e-12"), "nm2": Decimal("1e-18")}
_QUANTITY = re.compile(r"\s*([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*([A-Za-zµμ][A-Za-zµμ0-9/]*)\s*")
_LONGEST = 400
"""Characters of a quantity at most: the smallest that is read, written without an exponent, has some 320."""
_LARGEST, _SMALLEST = Decimal("1e30"), Decimal("1e-300")
"""Limits of what is not zero, in the unit that is wanted: beyond them a float64 would be infinite, or zero, sooner or later."""
_CITED = 60


def cited(value: object) -> str:
    """Return a value for a message as Python writes it, cut where it is long."""
    try:
        text = str(value) if isinstance(value, Decimal) else repr(value)
    except ValueError:  # Python refuses to write thousands of decimal digits
        return "a number of thousands of digits"
    return text if len(text) <= _CITED else f"{text[: _CITED - 4]} ..."


def factor(unit: str) -> tuple[str, Decimal]:
    """Return the base unit and the factor to it: `factor("us")` is `("s", Decimal("1e-6"))`, `factor("GB/s")` is `("B/s", Decimal("1e9"))`.

    Raises
    ------
    ValueError
        if the unit is not known.
    """
    above, *below = unit.split("/")
    base, scale = _simple(above)
    for part in below:
        name, by = _simple(part)
        base, scale = f"{base}/{name}", scale / by
    return base, scale


def _simple(unit: str) -> tuple[str, Decimal]:
    """Return base unit and factor of a unit without a fraction."""
    if unit in _TIME_WORDS:
        return "s", _TIME_WORDS[unit]
    if unit in _AREAS:
        return "m2", _AREAS[unit]
    for base in _UNITS:
        prefix = unit[: -len(base)]
        if unit.endswith(base) and prefix in _PREFIXES:
            return base, _PREFIXES[prefix]
    msg = f"unknown unit '{unit}'"
    raise ValueError(msg)


def parse(text: object, unit: str) -> Decimal:
    """Read a quantity such as `"80 ns"` and return it in multiples of `unit`.

    Raises
    ------
    ValueError
        if the unit is missing, unknown or of another kind, or the number is not finite.
    """
    example = f'write for instance "1 {unit}"'
    if isinstance(text, bool) or not isinstance(text, str | int | float | Decimal):
        msg = f"a quantity in {unit} is wanted, not {cited(text)}; {example}"
        raise ValueError(msg)
    if not isinstance(text, str):
        msg = f'the number {cited(text)} has no unit; write "{cited(text)} {unit}" if {unit} is meant'
        raise ValueError(msg)
    match = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        msg = f"cannot read {cited(text)} as a quantity in {unit}; {example}"
        raise ValueError(msg)
    base, wanted = factor(unit)
    try:
        found_base, scale = factor(match[2])
    except ValueError:
        msg = f"cannot read {cited(text)} as a quantity in {unit}: unknown unit {cited(match[2])}; {example}"
        raise ValueError(msg) from None
    if found_base != base:
        msg = f"{cited(text)} is not a quantity in {unit}; {example}"
        raise ValueError(msg)
    try:
        number = Decimal(match[1])
        value = number * scale / wanted
    except DecimalException:  # an exponent beyond all that Decimal can hold
        number = value = Decimal("Infinity")
    if number and not _SMALLEST <= abs(value) <= _LARGEST:
        msg = f"{cited(text)} is out of range; {example}"
        raise ValueError(msg)
    return value


def parse_time(text: object) -> int:
    """Read a time and return it in whole picoseconds, rounded half to even.

    Raises
    ------
    ValueError
        if it is no time, or shorter than half a picosecond without being zero.
    """
    value = parse(text, "ps")
    rounded = int(value.to_integral_value())
    if rounded == 0 and value != 0:
        msg = f"{cited(text)} is shorter than the clock's 1 ps"
        raise ValueError(msg)
    return rounded


def format_time(picoseconds: int) -> str:
    """Return a time exactly, in the largest unit that keeps it short: `5.16 ms`."""
    if picoseconds == 0:
        return "0 s"
    for unit, scale in (("s", 12), ("ms", 9), ("us", 6), ("ns", 3)):
        if abs(picoseconds) >= 10**scale:
            number = (Decimal(picoseconds) / Decimal(10) ** scale).normalize()
            return f"{number:f} {unit}"
    return f"{picoseconds} ps"


def format_quantity(value: float, unit: str) -> str:
    """Return a number with its unit so that reading it back gives the same float."""
    return f"{Decimal(repr(float(value))).normalize():f} {unit}"


def engineering(value: float, unit: str, digits: int = 3) -> str:
    """Return a value for people, with an SI prefix: `engineering(3.52e-8, "J")` is `35.2 nJ`."""
    if value == 0 or math.isnan(value):
        return f"{value:g} {unit}"
    for prefix, scale in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1.0), ("m", 1e-3), ("u", 1e-6), ("n", 1e-9), ("p", 1e-12)):
        if abs(value) >= scale:
            return f"{value / scale:.{digits}g} {prefix}{unit}"
    return f"{value / 1e-15:.{digits}g} f{unit}"
