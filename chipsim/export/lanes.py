"""Lanes: what happened one after the other in one place of the chip, in exact picoseconds, as a saved run holds it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chipsim.units import PICOSECONDS_PER_SECOND

if TYPE_CHECKING:
    from chipsim.analysis.run import Run
    from chipsim.analysis.traces import Group

DETAIL = "timeline"
"""The group of traces that holds windows of full detail."""
CHIP = "chip"
_ABSENT = -1
"""Stands in a run's arrays where a slice has no image, column or amount."""
_NOTED = ("image", "column", "amount")

Moments = list[int]
"""Times in picoseconds; Python integers, since 64 bits end after 106 days."""


@dataclass(frozen=True)
class Lane:
    """Slices of one track.

    Attributes
    ----------
    path
        the track and those that it lies in, the outermost first.
    start, end
        when each slice begins and ends.
    name
        what it is.
    notes
        further values of each slice by name; None where a slice has none.
    """

    path: tuple[str, ...]
    start: Moments
    end: Moments
    name: list[str]
    notes: Mapping[str, Sequence[int | float | None]] = field(default_factory=dict)

    def noted(self, index: int) -> Iterator[tuple[str, int | float]]:
        """Yield the notes of one slice as (name, value)."""
        for label, values in self.notes.items():
            value = values[index]
            if value is not None:
                yield label, value


def picoseconds(seconds: NDArray[np.int64], rest: NDArray[np.int64]) -> Moments:
    """Return exact times from whole seconds and picoseconds within the second."""
    return [whole * PICOSECONDS_PER_SECOND + part for whole, part in zip(seconds.tolist(), rest.tolist(), strict=True)]


def moments(group: Group, name: str = "time") -> Moments:
    """Return the exact times of a group: `name_s` and `name_ps`."""
    return picoseconds(group[f"{name}_s"], group[f"{name}_ps"])


def detailed_lanes(run: Run) -> list[Lane]:
    """Return the lanes of a run's windows of full detail, as they are shown; none where it has no such window.

    The chip's own lanes come first, then its tiles by number, then what is outside the chip.
    """
    if DETAIL not in run:
        return []
    group = run[DETAIL]
    start, end = moments(group, "start"), moments(group, "end")
    names = group["what_name"].tolist()
    name = [names[what] for what in group["what"].tolist()]
    notes = {label: group[label].tolist() for label in _NOTED}
    members: dict[int, list[int]] = {}
    for index, track in enumerate(group["track"].tolist()):
        members.setdefault(track, []).append(index)
    lanes = []
    for track, path in sorted(enumerate(map(nested, group["track_name"].tolist())), key=lambda item: _order(*item)):
        chosen = members.get(track, [])
        lanes.append(
            Lane(
                path,
                [start[index] for index in chosen],
                [end[index] for index in chosen],
                [name[index] for index in chosen],
                {label: [None if values[index] == _ABSENT else values[index] for index in chosen] for label, values in notes.items()},
            )
        )
    return lanes


def nested(track: str) -> tuple[str, ...]:
    """Return the path of a track from its name: `tile 0 (layer 1)/array` lies in the chip."""
    parts = tuple(part.strip() for part in track.split("/"))
    return (CHIP, *parts) if _is_tile(parts[0]) else parts


def detailed_windows(run: Run) -> list[tuple[int, int]]:
    """Return begin and end (ps) of the windows of full detail, in order; those that touch or overlap as one."""
    if DETAIL not in run:
        return []
    group = run[DETAIL]
    return merged(zip(moments(group, "window_start"), moments(group, "window_end"), strict=True))


def merged(spans: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans in order, those that touch or overlap as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def arrange(start: Sequence[int], end: Sequence[int]) -> list[list[tuple[int, bool]]]:
    """Return rows of events, (slice, whether it begins), such that the slices of a row are nested or apart.

    Slices that overlap without one holding the other cannot share a row; the later one goes to a further row. In a row
    events are in the order of time, and at one time in the order in which a stack can follow them: what ends there first,
    and of slices that begin there the longest first. A slice of no length begins and ends without anything in between.
    """
    rows: list[list[tuple[int, bool]]] = [[]]
    open_slices: list[list[int]] = [[]]
    for index in sorted(range(len(start)), key=lambda item: (start[item], -end[item])):
        for row, stack in zip(rows, open_slices, strict=True):
            while stack and end[stack[-1]] <= start[index]:
                row.append((stack.pop(), False))
            if not stack or end[index] <= end[stack[-1]]:
                break
        else:
            row, stack = [], []
            rows.append(row)
            open_slices.append(stack)
        row.append((index, True))
        stack.append(index)
    for row, stack in zip(rows, open_slices, strict=True):
        row.extend((index, False) for index in reversed(stack))
    return rows


def _is_tile(name: str) -> bool:
    return name.startswith("tile")


def _order(track: int, path: tuple[str, ...]) -> tuple[int, list[int], int]:
    """Return what tracks are sorted by: those of the chip, tiles by number, the others; else as they come."""
    if path[0] != CHIP:
        return 2, [], track
    tile = len(path) > 1 and _is_tile(path[1])
    return int(tile), [int(number) for number in re.findall(r"\d+", path[1])] if tile else [], track
