"""Traces against the public definitions of Perfetto."""

from __future__ import annotations

import io

import pytest
from perfetto.protos.perfetto.trace import perfetto_trace_pb2

from chipsim.export import perfetto
from chipsim.export.perfetto import TraceWriter

DEFINED = perfetto_trace_pb2.DESCRIPTOR.message_types_by_name


@pytest.mark.parametrize("message", perfetto.MESSAGES, ids=lambda message: message.__name__)
def test_field_numbers_are_the_public_ones(message):
    """Every field has the number that the definitions give it."""
    numbers = {field.name: field.number for field in DEFINED[message.__name__].fields}
    assert {field.name.lower(): field.value for field in message}.items() <= numbers.items()


def test_names_of_annotations_have_the_numbers_of_names_of_events():
    """Both kinds of interned names have the same two fields."""
    for name in ("EventName", "DebugAnnotationName"):
        assert {field.name: field.number for field in DEFINED[name].fields} == {"iid": 1, "name": 2}


@pytest.mark.parametrize(
    "values,message,prefix",
    [
        (perfetto.EventType, perfetto_trace_pb2.TrackEvent, "TYPE_"),
        (perfetto.SequenceFlags, perfetto_trace_pb2.TracePacket, "SEQ_"),
        (perfetto.ChildTracksOrdering, perfetto_trace_pb2.TrackDescriptor, ""),
    ],
)
def test_enumerations_are_the_public_ones(values, message, prefix):
    """Every value of an enumeration has the number that the definitions give it."""
    for value in values:
        assert getattr(message, prefix + value.name) == value.value


def test_tracks_are_described_once_and_in_order(trace):
    """Parents are made where they are missing; siblings have ranks in the order in which they were added."""
    stream = io.BytesIO()
    writer = TraceWriter(stream, "a process")
    writer.track(("chip", "tile 0", "array"))
    writer.track(("chip", "tile 0", "transfer"))
    writer.track(("host",))
    writer.track(("chip", "power"), unit="W")
    told = trace.understand(stream.getvalue())
    assert list(told.rows) == [(), ("chip",), ("chip", "tile 0"), ("chip", "tile 0", "array"), ("chip", "tile 0", "transfer"), ("host",), ("chip", "power")]
    assert all(len(rows) == 1 for rows in told.rows.values())
    assert told.units == {("chip", "power"): "W"}
    assert told.process == "a process"
    packets = perfetto_trace_pb2.Trace.FromString(stream.getvalue()).packet
    ranks = {packet.track_descriptor.name: packet.track_descriptor.sibling_order_rank for packet in packets}
    assert (ranks["chip"], ranks["host"], ranks["tile 0"], ranks["power"], ranks["array"], ranks["transfer"]) == (1, 2, 1, 2, 1, 2)
    explicit = perfetto_trace_pb2.TrackDescriptor.EXPLICIT
    assert all(packet.track_descriptor.child_ordering == explicit for packet in packets)


def test_slices_carry_names_and_annotations(trace):
    """Names are interned, each once; annotations keep their kind: integer, number, text."""
    stream = io.BytesIO()
    writer = TraceWriter(stream, "p")
    track = writer.track(("lane",))
    for start in (0, 10, 2**63 - 2):
        writer.begin(track, start, "µ-step", [("image", start), ("share", 0.5), ("exact", "7 ps"), ("minus", -3)])
        writer.end(track, start + 1)
    told = trace.understand(stream.getvalue())
    assert told.slices == [
        (("lane",), "µ-step", start, start + 1, {"image": start, "share": 0.5, "exact": "7 ps", "minus": -3}) for start in (0, 10, 2**63 - 2)
    ]
    assert stream.getvalue().count("µ-step".encode()) == 1
    assert stream.getvalue().count(b"exact") == 1


def test_counters_keep_every_bit(trace):
    """A counter's values read back as the same floats."""
    stream = io.BytesIO()
    writer = TraceWriter(stream, "p")
    track = writer.track(("power",), unit="W")
    values = [0.0, 0.1, 1e-300, -2.5, 1 / 3]
    for time, value in enumerate(values):
        writer.count(track, time, value)
    assert trace.understand(stream.getvalue()).counters == {("power",): list(enumerate(values))}
