"""Run folders with windows of full detail, made from closed forms in a moment: nothing is simulated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from perfetto.protos.perfetto.trace import perfetto_trace_pb2

from chipsim.analysis.run import load_run
from chipsim.run.folder import RunFolder
from chipsim.run.provenance import Manifest
from chipsim.run.traces import Variable, time_variables, write_traces

SECOND = 10**12
IMAGE = 240_000
"""Chip time of one image, ps."""
PHASES = (("forward", 0), ("forward", 1), ("forward", 2), ("backward", 2), ("backward", 1), ("update", -1))
"""What a training image does, and in which layer; an update in all."""
COMPONENTS = ("array read", "update pulses", "RESET")
RESOURCES = ("array of tile 0", "programming current")


def renamed(variables: dict, name: str) -> dict:
    """Return `time_s`, `time_ps` and `time` under another name."""
    return {label.replace("time", name, 1): variable for label, variable in variables.items()}


def timeline_group(slices: list[tuple], windows: list[tuple[int, int]]) -> dict:
    """Return the group `timeline` from (track, what, start, end, image, column, amount) and windows, all times in ps."""
    tracks, whats = (list(dict.fromkeys(row[place] for row in slices)) for place in (0, 1))
    columns = {
        "track": (np.array([tracks.index(row[0]) for row in slices], dtype=np.int32), "index into track_name"),
        "what": (np.array([whats.index(row[1]) for row in slices], dtype=np.int32), "index into what_name"),
        "image": (np.array([row[4] for row in slices], dtype=np.int64), "image, -1 if none"),
        "column": (np.array([row[5] for row in slices], dtype=np.int32), "column, -1 if none"),
        "amount": (np.array([row[6] for row in slices], dtype=np.int64), "devices, pulses or rows, -1 if none"),
    }
    return {
        "track_name": Variable("track_number", np.array(tracks, dtype=object), "1", "track"),
        "what_name": Variable("what_number", np.array(whats, dtype=object), "1", "what happens"),
        **renamed(time_variables("slice", [row[2] for row in slices]), "start"),
        **renamed(time_variables("slice", [row[3] for row in slices]), "end"),
        **{name: Variable("slice", values, "1", text) for name, (values, text) in columns.items()},
        **renamed(time_variables("window", [start for start, _ in windows]), "window_start"),
        **renamed(time_variables("window", [end for _, end in windows]), "window_end"),
    }


def sampled_group(times: list[int], places: list[tuple[int, int, int]], since: int = 0) -> dict:
    """Return the group `wave` or `probe`: cells at (layer, row, column) that leak from 0.5 V towards 0.8 V, at `times` (ps)."""
    age = (np.array(times, dtype=np.float64) - since)[:, None] * 1e-12
    kinds = np.array([sum(place) % 7 for place in places])
    steps = 1e-3 * (np.floor(np.array(times)[:, None] / IMAGE + kinds) % 7)
    voltage = 0.8 - 0.3 * np.exp(-age / (5.16e-3 * (1 + 0.1 * kinds))) + steps
    polarity = np.where((np.array(times)[:, None] - since) % 100_000_000 < 50_000_000, 1, -1) * np.ones(len(places))
    tables = {"voltage": (voltage, "V"), "conductance": (40 * np.maximum(voltage - 0.3, 0), "uS"), "reference": (np.full_like(voltage, 8.0), "uS")}
    return {
        **time_variables("sample", times),
        **{name: Variable(("sample", "cell"), values, unit, name) for name, (values, unit) in tables.items()},
        "polarity": Variable(("sample", "cell"), polarity.astype(np.int8), "1", "polarity"),
        **{name: Variable("cell", np.array([place[k] for place in places]), "1", name) for k, name in enumerate(("layer", "row", "column"))},
    }


def detailed(start: int, end: int) -> list[tuple]:
    """Return what happens in a window: three layers train, one tile a layer, columns of tile 0 are transferred, the host sends."""
    slices = []
    for image in range(start // IMAGE, end // IMAGE):
        for phase, (what, layer) in enumerate(PHASES):
            span = (image * IMAGE + phase * 40_000, image * IMAGE + (phase + 1) * 40_000)
            slices.append(("chip/training", what, *span, image, -1, -1))
            slices += [(f"tile {tile} (layer {tile})/array", what, *span, image, -1, -1) for tile in range(3) if layer in {tile, -1}]
    steps = (("sample read", 1_000_000), ("RESET", 50_000), ("SET ramp", 1_234_567), ("verify read", 1_000_000), ("preset", 100_001))
    for column in range((end - start) // 4_000_000):
        at = start + column * 4_000_000
        lane = "tile 0 (layer 0)/transfer"
        slices.append((lane, "transfer", at, at + sum(length for _, length in steps), -1, column, 529))
        for what, length in steps:
            slices.append((lane, what, at, at + length, -1, column, 529 if what != "RESET" else 113))
            at += length
    slices.append(("host/link", "send", start, start + 812_345, -1, -1, 8))
    slices.append(("chip/training", "waits for transfer", end - end % IMAGE, end, -1, -1, -1))
    return slices


def whole_run(images: int = 20_000, segment: int = 2000) -> dict:
    """Return the groups that every run has: accuracy, energy, transfers, and those of the events."""
    count = images // segment
    ends = [(k + 1) * segment * IMAGE + (k // 2) * 70_000_000 for k in range(count)]
    rng = np.random.default_rng(1)
    evaluated = [0, *ends[1::2]]
    transferred = [end - 70_000_000 for end in ends[2::2]]
    return {
        "accuracy": {
            "images": Variable("evaluation", [0, *(2 * segment * (k + 1) for k in range(count // 2))], "1", "images trained"),
            **time_variables("evaluation", evaluated),
            "accuracy": Variable("evaluation", 1 - 0.9 / (1 + np.arange(len(evaluated))), "1", "accuracy"),
        },
        "energy": {
            "images": Variable("segment", segment * np.arange(1, count + 1), "1", "images trained"),
            **time_variables("segment", ends),
            "component": Variable("component", np.array(COMPONENTS, dtype=object), "1", "component"),
            "energy": Variable(("segment", "component"), rng.random((count, 3)) * 1e-5, "J", "energy"),
        },
        "transfer": {
            "images": Variable("transfer", 2 * segment * np.arange(1, len(transferred) + 1), "1", "images trained"),
            **time_variables("transfer", transferred),
            "duration": Variable("transfer", np.full(len(transferred), 70e-6), "s", "duration"),
            "reset_pulses": Variable("transfer", np.arange(len(transferred)) + 1000, "1", "RESET pulses"),
            "rms_error": Variable("transfer", np.full(len(transferred), 1.125), "uS", "rms error"),
        },
        "utilisation": {
            **time_variables("segment", ends),
            "capacitor_age": Variable("segment", rng.random(count) * 1e-3, "s", "mean age of the capacitors"),
            "resource": Variable("resource", np.array(RESOURCES, dtype=object), "1", "resource"),
            "busy": Variable(("segment", "resource"), rng.random((count, 2)), "1", "share of the time busy"),
            "queue": Variable(("segment", "resource"), rng.integers(0, 5, (count, 2)), "1", "waiting"),
        },
        "sleep": {**time_variables("sleep", [3_000_000_123]), "duration": Variable("sleep", [1e-4], "s", "duration")},
    }


@pytest.fixture
def make_run(tmp_path: Path) -> Callable:
    """Return a function that makes a run folder of groups of variables, and opens it."""

    def make(groups, name="run", scenario="small"):
        folder = RunFolder.create(tmp_path / name)
        folder.write_json("manifest.json", Manifest.begin(seed=1).end("done", "training done", 2.0, {}).to_dict())
        folder.write_json("summary.json", {"schema": 1, "scenario": scenario})
        write_traces(folder.path / "traces.nc", groups, {"title": "made up"})
        return load_run(folder.path)

    return make


@pytest.fixture
def full_run(make_run):
    """Return a run with everything: two windows of full detail with fine samples, and the whole run around them."""
    windows = [(1_900_000_000, 1_950_000_000), (4_000_000_000, 4_012_000_000)]
    slices = [row for window in windows for row in detailed(*window)]
    times = [moment for start, end in windows for moment in range(start, end + 1, 200_000)]
    places = [(0, 12, 3), (0, 528, 249), (1, 100, 77), (2, 7, 9), (0, 12, 3)]
    return make_run(whole_run() | {"timeline": timeline_group(slices, windows), "wave": sampled_group(times, places, 1_900_000_000)})


@dataclass
class Told:
    """A trace as a viewer understands it.

    `slices` are (path of the track, name, begin, end, notes), in the order in which they end; `rows` numbers of tracks by path;
    `counters` (time, value) by path; `units` by path of the counter; `process` is the name of the process.
    """

    slices: list[tuple] = field(default_factory=list)
    rows: dict[tuple, list[int]] = field(default_factory=dict)
    counters: dict[tuple, list[tuple]] = field(default_factory=dict)
    units: dict[tuple, str] = field(default_factory=dict)
    process: str = ""


def understand(data: bytes) -> Told:
    """Read a trace by the public definitions alone: events sorted by time where the file leaves them, ends closing what was begun last."""
    trace = perfetto_trace_pb2.Trace()
    trace.ParseFromString(data)
    assert trace.packet[0].sequence_flags == perfetto_trace_pb2.TracePacket.SEQ_INCREMENTAL_STATE_CLEARED
    told, paths, names, labels = Told(), {}, {}, {}
    for packet in trace.packet:
        assert packet.trusted_packet_sequence_id == 1
        names.update((entry.iid, entry.name) for entry in packet.interned_data.event_names)
        labels.update((entry.iid, entry.name) for entry in packet.interned_data.debug_annotation_names)
        if packet.HasField("track_descriptor"):
            track = packet.track_descriptor
            assert track.uuid not in paths, "a track is described once"
            paths[track.uuid] = (*paths[track.parent_uuid], track.name) if track.HasField("parent_uuid") else ()
            told.rows.setdefault(paths[track.uuid], []).append(track.uuid)
            if track.HasField("counter"):
                told.units[paths[track.uuid]] = track.counter.unit_name
            told.process = told.process or track.process.process_name
    open_slices: dict[int, list[tuple]] = {}
    for packet in sorted((packet for packet in trace.packet if packet.HasField("track_event")), key=lambda packet: packet.timestamp):
        event, stack = packet.track_event, open_slices.setdefault(packet.track_event.track_uuid, [])
        if event.type == event.TYPE_COUNTER:
            told.counters.setdefault(paths[event.track_uuid], []).append((packet.timestamp, event.double_counter_value))
        elif event.type == event.TYPE_SLICE_BEGIN:
            notes = {labels[note.name_iid]: getattr(note, note.WhichOneof("value")) for note in event.debug_annotations}
            stack.append((names[event.name_iid], packet.timestamp, notes))
        else:
            assert event.type == event.TYPE_SLICE_END
            name, begin, notes = stack.pop()
            told.slices.append((paths[event.track_uuid], name, begin, packet.timestamp, notes))
    assert not any(open_slices.values()), "every slice ends"
    return told


@pytest.fixture
def read_trace() -> Callable:
    """Return a function that reads a trace file."""
    return lambda path: understand(Path(path).read_bytes())


@pytest.fixture
def trace() -> SimpleNamespace:
    """Return what tests of traces need from this file."""
    return SimpleNamespace(understand=understand, timeline_group=timeline_group, sampled_group=sampled_group, whole_run=whole_run, detailed=detailed)
