"""Writing a Perfetto trace: nested tracks, slices with annotations, counters with units.

Field numbers are facts of the public definitions, https://perfetto.dev/docs/reference/trace-packet-proto; the tests compare
each with those of the package `perfetto`. Names are interned: written once, then referred to by number.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import BinaryIO

from chipsim.export.protobuf import delimited, double, integer, text

Note = int | float | str
"""The value of an annotation."""
_ROOT = 1
"""Number of the process's track; the others follow."""
_SEQUENCE = 1


class Trace(IntEnum):
    """Fields of the message `Trace`, the whole file."""

    PACKET = 1


class TracePacket(IntEnum):
    """Fields of the message `TracePacket`."""

    TIMESTAMP = 8
    TRUSTED_PACKET_SEQUENCE_ID = 10
    TRACK_EVENT = 11
    INTERNED_DATA = 12
    SEQUENCE_FLAGS = 13
    TRACK_DESCRIPTOR = 60


class TrackDescriptor(IntEnum):
    """Fields of the message `TrackDescriptor`."""

    UUID = 1
    NAME = 2
    PROCESS = 3
    PARENT_UUID = 5
    COUNTER = 8
    CHILD_ORDERING = 11
    SIBLING_ORDER_RANK = 12


class ProcessDescriptor(IntEnum):
    """Fields of the message `ProcessDescriptor`."""

    PID = 1
    PROCESS_NAME = 6


class CounterDescriptor(IntEnum):
    """Fields of the message `CounterDescriptor`."""

    UNIT_NAME = 6


class TrackEvent(IntEnum):
    """Fields of the message `TrackEvent`."""

    DEBUG_ANNOTATIONS = 4
    TYPE = 9
    NAME_IID = 10
    TRACK_UUID = 11
    DOUBLE_COUNTER_VALUE = 44


class DebugAnnotation(IntEnum):
    """Fields of the message `DebugAnnotation`."""

    NAME_IID = 1
    INT_VALUE = 4
    DOUBLE_VALUE = 5
    STRING_VALUE = 6


class InternedData(IntEnum):
    """Fields of the message `InternedData`."""

    EVENT_NAMES = 2
    DEBUG_ANNOTATION_NAMES = 3


class EventName(IntEnum):
    """Fields of the message `EventName`, and of `DebugAnnotationName` alike."""

    IID = 1
    NAME = 2


class EventType(IntEnum):
    """Values of `TrackEvent.Type`."""

    SLICE_BEGIN = 1
    SLICE_END = 2
    COUNTER = 4


class SequenceFlags(IntEnum):
    """Values of `TracePacket.SequenceFlags`."""

    INCREMENTAL_STATE_CLEARED = 1
    NEEDS_INCREMENTAL_STATE = 2


class ChildTracksOrdering(IntEnum):
    """Values of `TrackDescriptor.ChildTracksOrdering`."""

    EXPLICIT = 3


MESSAGES = (
    *(Trace, TracePacket, TrackDescriptor, ProcessDescriptor, CounterDescriptor),
    *(TrackEvent, DebugAnnotation, InternedData, EventName),
)
"""The messages used here, each with the numbers of its fields."""

_TAIL = integer(TracePacket.TRUSTED_PACKET_SEQUENCE_ID, _SEQUENCE) + integer(TracePacket.SEQUENCE_FLAGS, SequenceFlags.NEEDS_INCREMENTAL_STATE)
_FIRST = integer(TracePacket.TRUSTED_PACKET_SEQUENCE_ID, _SEQUENCE) + integer(TracePacket.SEQUENCE_FLAGS, SequenceFlags.INCREMENTAL_STATE_CLEARED)
_BEGIN, _END, _COUNT = (integer(TrackEvent.TYPE, kind) for kind in (EventType.SLICE_BEGIN, EventType.SLICE_END, EventType.COUNTER))


class TraceWriter:
    """Writes one trace to a stream: a process that holds a tree of tracks.

    Events of a track are written in the order in which they happen; those at one time nest as they are written, the
    first begun being the outermost. Tracks may be written one after the other.
    """

    def __init__(self, stream: BinaryIO, process: str) -> None:
        """Begin a trace whose tracks all belong to a process of the name `process`."""
        self._stream = stream
        self._tracks: dict[tuple[str, ...], int] = {(): _ROOT}
        self._children: dict[int, int] = {}
        self._names: dict[str, bytes] = {}
        self._notes: dict[str, bytes] = {}
        self._last = _ROOT
        described = integer(ProcessDescriptor.PID, 1) + text(ProcessDescriptor.PROCESS_NAME, process)
        self._describe(_FIRST, integer(TrackDescriptor.UUID, _ROOT) + delimited(TrackDescriptor.PROCESS, described))

    def track(self, path: tuple[str, ...], unit: str | None = None) -> int:
        """Add a track, below the tracks that its path names, and return its number.

        Tracks of one parent are shown in the order in which they are added; those of one name as rows of one track.

        Parameters
        ----------
        unit
            that of a counter, "" for a pure number; a track that is no counter has none.
        """
        parent = self._group(path[:-1])
        self._last += 1
        rank = self._children[parent] = self._children.get(parent, 0) + 1
        content = [
            integer(TrackDescriptor.UUID, self._last),
            text(TrackDescriptor.NAME, path[-1]),
            integer(TrackDescriptor.PARENT_UUID, parent),
            integer(TrackDescriptor.SIBLING_ORDER_RANK, rank),
        ]
        if unit is not None:
            content.append(delimited(TrackDescriptor.COUNTER, text(CounterDescriptor.UNIT_NAME, unit)))
        self._describe(_TAIL, b"".join(content))
        self._tracks.setdefault(path, self._last)
        return self._last

    def begin(self, track: int, time: int, name: str, notes: Iterable[tuple[str, Note]] = ()) -> None:
        """Begin a slice on a track, with annotations (name, value)."""
        fresh = b""
        if name not in self._names:
            fresh = self._intern(InternedData.EVENT_NAMES, self._names, name, TrackEvent.NAME_IID)
        content = [_BEGIN, integer(TrackEvent.TRACK_UUID, track), self._names[name]]
        for label, value in notes:
            if label not in self._notes:
                fresh += self._intern(InternedData.DEBUG_ANNOTATION_NAMES, self._notes, label, DebugAnnotation.NAME_IID)
            content.append(delimited(TrackEvent.DEBUG_ANNOTATIONS, self._notes[label] + _value(value)))
        self._event(time, b"".join(content), fresh)

    def end(self, track: int, time: int) -> None:
        """End the slice of a track that was begun last."""
        self._event(time, _END + integer(TrackEvent.TRACK_UUID, track))

    def count(self, track: int, time: int, value: float) -> None:
        """Give a counter's value from `time` on."""
        self._event(time, _COUNT + integer(TrackEvent.TRACK_UUID, track) + double(TrackEvent.DOUBLE_COUNTER_VALUE, value))

    def _group(self, path: tuple[str, ...]) -> int:
        """Return the number of the track at a path, which is added where it is missing."""
        return self._tracks[path] if path in self._tracks else self.track(path)

    def _intern(self, kind: InternedData, known: dict[str, bytes], name: str, reference: int) -> bytes:
        """Give a name a number; return the entry that says so. `known` holds the encoded references."""
        number = len(known) + 1
        known[name] = integer(reference, number)
        return delimited(kind, integer(EventName.IID, number) + text(EventName.NAME, name))

    def _describe(self, tail: bytes, content: bytes) -> None:
        ordering = integer(TrackDescriptor.CHILD_ORDERING, ChildTracksOrdering.EXPLICIT)
        self._packet(delimited(TracePacket.TRACK_DESCRIPTOR, content + ordering) + tail)

    def _event(self, time: int, content: bytes, interned: bytes = b"") -> None:
        names = delimited(TracePacket.INTERNED_DATA, interned) if interned else b""
        self._packet(integer(TracePacket.TIMESTAMP, time) + names + delimited(TracePacket.TRACK_EVENT, content) + _TAIL)

    def _packet(self, content: bytes) -> None:
        self._stream.write(delimited(Trace.PACKET, content))


def _value(value: Note) -> bytes:
    if isinstance(value, str):
        return text(DebugAnnotation.STRING_VALUE, value)
    if isinstance(value, float):
        return double(DebugAnnotation.DOUBLE_VALUE, value)
    return integer(DebugAnnotation.INT_VALUE, value)
