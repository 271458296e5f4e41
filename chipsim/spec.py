"""The frozen base of every parameter class, and the field types that carry units.

A parameter class is at once the TOML table, its documentation (unit, meaning, source on every field) and the argument of
the physics. Pydantic is used in this module and in `scenario.loading` only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, TypeAdapter, WithJsonSchema
from pydantic.config import JsonDict

from chipsim import units

_COUNT = re.compile(r"[0-9]{1,19}")

Basis = Literal["read", "derived", "assumed", "choice"]
"""Where a default comes from: read in a source, derived from one, assumed (an input to sweep), or a user's choice."""


class Spec(BaseModel):
    """Base of all parameter classes: frozen, unknown keys refused, defaults checked."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


def param(default: Any, meaning: str, *, basis: Basis, source: str = "", **limits: Any) -> Any:
    """Declare a field: default, meaning, where the default comes from and its source, then limits (`gt=0` ...)."""
    extra: JsonDict = {"basis": basis, "source": source}
    if default is ...:
        return Field(description=meaning, json_schema_extra=extra, **limits)
    return Field(default=default, description=meaning, json_schema_extra=extra, **limits)


@cache
def default_of(spec: type[Spec], name: str) -> Any:
    """Return the default of a field as objects of its class hold it, units read, also where other fields are required.

    Raises
    ------
    ValueError
        if the field is itself required.
    """
    field = spec.model_fields[name]
    if field.is_required():
        msg = f"{name} has no default"
        raise ValueError(msg)
    declared: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    return TypeAdapter(declared).validate_python(field.default)


def _quantity(unit: str) -> tuple[BeforeValidator, PlainSerializer, WithJsonSchema]:
    def read(value: object) -> float:
        return float(units.parse(value, unit))

    schema = {"type": "string", "x-unit": unit, "pattern": r"^\s*[+-]?[0-9.]+([eE][+-]?[0-9]+)?\s*[A-Za-zµ]+\s*$", "examples": [f"1 {unit}"]}
    return (
        BeforeValidator(read),
        PlainSerializer(lambda value: units.format_quantity(value, unit), return_type=str),
        WithJsonSchema(schema),
    )


Time = Annotated[
    int,
    BeforeValidator(units.parse_time),
    PlainSerializer(units.format_time, return_type=str),
    WithJsonSchema({"type": "string", "x-unit": "ps", "examples": ["5.16 ms"]}),
]
"""A time, held as a whole number of picoseconds."""
Microsiemens = Annotated[float, *_quantity("uS")]
Volts = Annotated[float, *_quantity("V")]
Microamperes = Annotated[float, *_quantity("uA")]
Femtofarads = Annotated[float, *_quantity("fF")]
Kelvin = Annotated[float, *_quantity("K")]
BitsPerSecond = Annotated[float, *_quantity("bps")]


class FrozenEntries(Mapping[str, str]):
    """Texts by names that are not known beforehand, frozen like everything around them: equal, and hashed, by what they hold."""

    def __init__(self, entries: Mapping[str, str]) -> None:
        self._entries = dict(entries)

    def __getitem__(self, name: str) -> str:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __hash__(self) -> int:
        return hash(frozenset(self._entries.items()))

    def __repr__(self) -> str:
        return repr(self._entries)


Entries = Annotated[Mapping[str, str], AfterValidator(FrozenEntries), PlainSerializer(dict, return_type=dict[str, str])]
"""A table whose keys are no fields: any name, with a text."""


@dataclass(frozen=True)
class Every:
    """An interval counted in images or in chip time: exactly one of the two is set."""

    images: int | None = None
    time_ps: int | None = None

    @classmethod
    def parse(cls, value: object) -> Every:
        """Read `"8000 images"` or `"1.92 ms"`.

        Raises
        ------
        ValueError
            if it is neither, or not positive.
        """
        if isinstance(value, Every):
            return value
        words = value.split() if isinstance(value, str) else []
        if words[-1:] in (["images"], ["image"]):
            images = int(words[0]) if len(words) == 2 and _COUNT.fullmatch(words[0]) else 0
            if not 0 < images < 2**63:
                msg = f'{units.cited(value)} is no whole number of images, one or more in 64 bits; write for instance "8000 images"'
                raise ValueError(msg)
            return cls(images=images)
        try:
            time_ps = units.parse_time(value)
        except ValueError:
            msg = f'{units.cited(value)} is neither images nor a time; write for instance "8000 images" or "1.92 ms"'
            raise ValueError(msg) from None
        if time_ps <= 0:
            msg = f"{units.cited(value)} is not a positive interval"
            raise ValueError(msg)
        return cls(time_ps=time_ps)

    def __str__(self) -> str:
        """Return the interval as it would be written in a scenario."""
        return f"{self.images} images" if self.images is not None else units.format_time(self.time_ps or 0)


Interval = Annotated[
    Every,
    BeforeValidator(Every.parse),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["8000 images", "1.92 ms"]}),
]
"""An interval in images or in time."""


@dataclass(frozen=True)
class Span:
    """A stretch of chip time from `start_ps` to `end_ps`, whole picoseconds; the end is later than the start."""

    start_ps: int
    end_ps: int

    @classmethod
    def parse(cls, value: object) -> Span:
        """Read `"1.9 ms .. 1.95 ms"`.

        Raises
        ------
        ValueError
            if it is no window, begins before the start of chip time, or does not end after it begins.
        """
        if isinstance(value, Span):
            return value
        ends = value.split("..") if isinstance(value, str) else []
        if len(ends) != 2:
            msg = f'{units.cited(value)} is no window of chip time; write for instance "1.9 ms .. 1.95 ms"'
            raise ValueError(msg)
        try:
            start_ps, end_ps = (units.parse_time(end.strip()) for end in ends)
        except ValueError as error:
            msg = f"{units.cited(value)} is no window of chip time: {error}"
            raise ValueError(msg) from None
        if start_ps < 0:
            msg = f"{units.cited(value)} begins before chip time does, at 0 s"
            raise ValueError(msg)
        if end_ps <= start_ps:
            msg = f"{units.cited(value)} is no window of chip time: its end must be later than its start"
            raise ValueError(msg)
        return cls(start_ps, end_ps)

    def __str__(self) -> str:
        """Return the window as it would be written in a scenario."""
        return f"{units.format_time(self.start_ps)} .. {units.format_time(self.end_ps)}"


Window = Annotated[
    Span,
    BeforeValidator(Span.parse),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["1.9 ms .. 1.95 ms"]}),
]
"""A window of chip time."""
