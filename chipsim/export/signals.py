"""Signals: values that change at moments, for a waveform. What lanes do and what probed cells hold, made into such values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from chipsim.export.lanes import CHIP, Lane, Moments, detailed_lanes, moments

if TYPE_CHECKING:
    from chipsim.analysis.run import Run

Kind = Literal["bit", "signed", "real", "text"]
Value = int | float | str
SIGNED_BITS = 2
CELLS = "cells"
_IDLE = ("waits", "asleep")
"""What a slice's name begins with where its lane is not at work."""
_NO_WORD = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True)
class Signal:
    """A value over chip time.

    Attributes
    ----------
    scope, name
        where it belongs and what it is called, made of letters, digits and underscores.
    kind
        a bit, a small signed number, a real number, or text without spaces.
    changes
        (ps, value) in the order of time; the same value may stand again.
    """

    scope: tuple[str, ...]
    name: str
    kind: Kind
    changes: list[tuple[int, Value]]

    @property
    def reference(self) -> str:
        """The name with the range of its bits, where there are several."""
        return f"{self.name}[{SIGNED_BITS - 1}:0]" if self.kind == "signed" else self.name


def lane_signals(run: Run) -> list[Signal]:
    """Return what the lanes of the detailed windows do: as text, and as a bit that says whether they are at work.

    Training has a bit that says whether it waits, instead. Where slices nest the innermost counts; one of no length changes nothing.
    """
    return [signal for lane in detailed_lanes(run) for signal in _activity(lane)]


def cell_signals(run: Run) -> list[Signal]:
    """Return voltage (V), conductances (uS) and polarity of every probed cell: fine samples where a run has them, else coarse ones."""
    source = next((name for name in ("wave", "probe") if name in run and "voltage" in run[name] and "row" in run[name]), None)
    if source is None:
        return []
    group = run[source]
    times = moments(group)
    kinds: dict[str, Kind] = {"voltage": "real", "conductance": "real", "reference": "real", "polarity": "signed"}
    tables = {name: group[name].tolist() for name in kinds if name in group}
    places = zip(*(group[name].tolist() for name in ("layer", "row", "column")), strict=True)
    columns = {place: column for column, place in reversed(list(enumerate(places)))}  # a cell may have been chosen twice
    signals = []
    for (layer, row, column), index in sorted(columns.items()):
        scope = (CELLS, f"layer_{layer}_row_{row}_column_{column}")
        for name, table in tables.items():
            signals.append(Signal(scope, name, kinds[name], [(moment, sample[index]) for moment, sample in zip(times, table, strict=True)]))
    return signals


def word(name: str) -> str:
    """Return a name made of letters, digits and underscores: `tile 0 (layer 1)` is `tile_0_layer_1`."""
    return _NO_WORD.sub("_", name).strip("_")


def _activity(lane: Lane) -> Iterator[Signal]:
    scope, name = tuple(map(word, lane.path[:-1])), word(lane.path[-1])
    steps = _innermost(lane)
    yield Signal(scope, name, "text", [(moment, word(text)) for moment, text in steps])
    if lane.path == (CHIP, "training"):
        yield Signal(scope, f"{name}_waits", "bit", _bits(steps, [int(text.startswith("waits")) for _, text in steps]))
    else:
        yield Signal(scope, f"{name}_busy", "bit", _bits(steps, [int(bool(text) and not text.startswith(_IDLE)) for _, text in steps]))


def _bits(steps: Sequence[tuple[int, str]], values: list[int]) -> list[tuple[int, Value]]:
    return _changed([moment for moment, _ in steps], values)


def _changed(times: Moments, values: Sequence[Value]) -> list[tuple[int, Value]]:
    """Return the last value at each time, where it differs from the one before."""
    latest = dict(zip(times, values, strict=True))
    changes: list[tuple[int, Value]] = []
    for moment, value in latest.items():
        if not changes or changes[-1][1] != value:
            changes.append((moment, value))
    return changes


def _innermost(lane: Lane) -> list[tuple[int, str]]:
    """Return the name of the slice begun last that still goes on, at every time when it changes; "" where there is none."""
    steps: list[tuple[int, str]] = []
    stack: list[int] = []

    def end_until(limit: int | None) -> None:
        while stack and (limit is None or lane.end[stack[-1]] <= limit):
            moment = lane.end[stack.pop()]
            while stack and lane.end[stack[-1]] <= moment:
                stack.pop()
            steps.append((moment, lane.name[stack[-1]] if stack else ""))

    for index in sorted(range(len(lane.start)), key=lambda item: (lane.start[item], -lane.end[item])):
        end_until(lane.start[index])
        steps.append((lane.start[index], lane.name[index]))
        stack.append(index)
    end_until(None)
    return [(moment, str(name)) for moment, name in _changed([moment for moment, _ in steps], [name for _, name in steps])]
