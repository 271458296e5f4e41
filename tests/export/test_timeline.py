"""Timelines, read back by the public definitions: every slice, every counter."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chipsim.errors import InputError, RunFolderError
from chipsim.export.timeline import write_timeline

COMPONENTS = ("array read", "update pulses", "RESET")


def nanoseconds(picoseconds):
    """Return a time in ns, rounded half up."""
    return int((Decimal(picoseconds) / 1000).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def exact(group, name):
    """Return exact times of a group, ps."""
    return [int(s) * 10**12 + int(ps) for s, ps in zip(group[f"{name}_s"], group[f"{name}_ps"], strict=True)]


def recorded(run, moment=nanoseconds):
    """Return the slices that a timeline of a run must hold in its detailed tracks."""
    group = dict(run["timeline"])
    found = []
    for k, (start, end) in enumerate(zip(exact(group, "start"), exact(group, "end"), strict=True)):
        track = str(group["track_name"][group["track"][k]])
        path = tuple(("chip/" + track if track.startswith("tile") else track).split("/"))
        notes = {name: int(group[name][k]) for name in ("image", "column", "amount") if group[name][k] != -1}
        notes |= {"start_ps_exact": str(start), "end_ps_exact": str(end)}
        found.append((path, str(group["what_name"][group["what"][k]]), moment(start), moment(end), notes))
    return found


def keyed(slices):
    """Return slices in an order that does not depend on nesting."""
    return sorted(slices, key=lambda item: (item[0], item[2], item[3], item[1], sorted(item[4].items())))


def detailed(told):
    """Return the slices of a trace outside the summary."""
    return keyed(item for item in told.slices if item[0][0] != "whole run")


def summarised(told, name):
    """Return (begin, end, notes) of a lane of the summary."""
    return [(begin, end, notes) for path, _, begin, end, notes in told.slices if path == ("whole run", name)]


def test_every_slice_is_there(full_run, read_trace, tmp_path):
    """Track, name, rounded times, exact times and numbers of each slice are those of the traces."""
    told = read_trace(write_timeline(full_run, tmp_path))
    assert detailed(told) == keyed(recorded(full_run))
    assert told.process == "chipsim small (chip time, rounded to 1 ns)"


def test_picoseconds_can_be_shown(full_run, read_trace, tmp_path):
    """With the unit ps every time is exact in the trace itself, and the process says what a nanosecond is."""
    told = read_trace(write_timeline(full_run, tmp_path, unit="ps"))
    assert detailed(told) == keyed(recorded(full_run, moment=int))
    assert told.process == "chipsim small (1 ns shown is 1 ps of chip time)"
    assert told.counters["whole run", "accuracy"][1][0] == exact(full_run["accuracy"], "time")[1]


def test_every_counter_is_there(full_run, read_trace, tmp_path):
    """Accuracy, power by segment and component, capacitor age, shares and queues are those of the traces, with their units."""
    told = read_trace(write_timeline(full_run, tmp_path))
    accuracy, energy, use = (full_run[name] for name in ("accuracy", "energy", "utilisation"))
    times = list(map(nanoseconds, exact(accuracy, "time")))
    assert told.counters["whole run", "accuracy"] == list(zip(times, (100 * accuracy["accuracy"]).tolist(), strict=True))
    ends = exact(energy, "time")
    begins = [0, *ends[:-1]]
    seconds = (np.array(ends) - np.array(begins)) * 1e-12
    shown = [*map(nanoseconds, begins), nanoseconds(ends[-1])]
    parts = {("power by component", name): energy["energy"][:, k] for k, name in enumerate(COMPONENTS)}
    for path, joules in [(("power",), energy["energy"].sum(axis=1)), *parts.items()]:
        moments, watts = zip(*told.counters["whole run", *path], strict=True)
        assert list(moments) == shown
        assert np.array(watts) == pytest.approx([*(joules / seconds), 0.0], rel=1e-12)
        assert told.units["whole run", *path] == "W"
    starts = list(map(nanoseconds, begins))
    assert told.counters["whole run", "mean age of capacitors"] == list(zip(starts, use["capacitor_age"].tolist(), strict=True))
    for k, resource in enumerate(use["resource"]):
        assert told.counters["whole run", "busy", str(resource)] == list(zip(starts, (100 * use["busy"][:, k]).tolist(), strict=True))
        assert told.counters["whole run", "queue", str(resource)] == list(zip(starts, use["queue"][:, k].astype(float).tolist(), strict=True))
    units = {told.units["whole run", *path] for path in (("accuracy",), ("busy", "programming current"))}
    assert (units, told.units["whole run", "mean age of capacitors"], told.units["whole run", "queue", "programming current"]) == ({"%"}, "s", "")


def test_power_integrates_to_the_energy(full_run, read_trace, tmp_path):
    """Power times time over the whole run is the energy of all segments."""
    samples = read_trace(write_timeline(full_run, tmp_path, unit="ps")).counters["whole run", "power"]
    joules = sum(watts * (after - before) * 1e-12 for (before, watts), (after, _) in pairwise(samples))
    assert joules == pytest.approx(full_run["energy"]["energy"].sum(), rel=1e-12)


def test_the_whole_run_can_be_seen(full_run, read_trace, tmp_path):
    """Segments of training, transfers, sleeps and the windows themselves have lanes over the whole run."""
    told = read_trace(write_timeline(full_run, tmp_path, unit="ps"))
    energy, transfer = full_run["energy"], full_run["transfer"]
    ends = exact(energy, "time")
    segments = summarised(told, "training")
    assert [(begin, end) for begin, end, _ in segments] == list(zip([0, *ends[:-1]], ends, strict=True))
    assert [notes["images"] for *_, notes in segments] == energy["images"].tolist()
    assert [notes["energy_J"] for *_, notes in segments] == energy["energy"].sum(axis=1).tolist()
    begins = exact(transfer, "time")
    shown = summarised(told, "transfers")
    assert [(begin, end) for begin, end, _ in shown] == [(begin, begin + 70_000_000) for begin in begins]
    assert [(notes["images"], notes["reset_pulses"], notes["rms_error_uS"]) for *_, notes in shown] == [
        (int(images), int(pulses), 1.125) for images, pulses in zip(transfer["images"], transfer["reset_pulses"], strict=True)
    ]
    ((begin, end, _),) = summarised(told, "sleeps")
    assert (begin, end) == (3_000_000_123, 3_100_000_123)
    assert [span[:2] for span in summarised(told, "in full detail")] == [(1_900_000_000, 1_950_000_000), (4_000_000_000, 4_012_000_000)]


def test_tracks_nest_and_come_in_order(full_run, read_trace, tmp_path):
    """The whole run comes first, then the chip with its training and its tiles, then the host; one row a lane."""
    rows = read_trace(write_timeline(full_run, tmp_path)).rows
    assert [path[0] for path in rows if len(path) == 1] == ["whole run", "chip", "host"]
    assert [path[1] for path in rows if len(path) == 2 and path[0] == "chip"] == ["training", *(f"tile {k} (layer {k})" for k in range(3))]
    assert [path[2] for path in rows if path[:2] == ("chip", "tile 0 (layer 0)") and len(path) == 3] == ["array", "transfer"]
    assert all(len(numbers) == 1 for numbers in rows.values())


def test_slices_below_a_nanosecond_survive(make_run, trace, read_trace, tmp_path):
    """Neighbours of 300 ps stay apart and in order, those inside a longer slice stay inside, and exact times tell them apart."""
    pulses = [("chip/training", f"slot {k}", 1000 + 300 * k, 1300 + 300 * k, -1, k, -1) for k in range(8)]
    slices = [("chip/training", "update", 1000, 3400, 0, -1, -1), *pulses]
    run = make_run({"timeline": trace.timeline_group(slices, [(0, 4000)])})
    told = read_trace(write_timeline(run, tmp_path))
    assert detailed(told) == keyed(recorded(run))
    assert [name for path, name, *_ in told.slices if path[0] == "chip"] == [*(f"slot {k}" for k in range(8)), "update"]
    assert [end - begin for path, _, begin, end, _ in told.slices if path[0] == "chip"] == [0, 1, 0, 0, 1, 0, 0, 0, 2]


def test_slices_that_cannot_nest_get_rows_of_their_own(make_run, trace, read_trace, tmp_path):
    """Slices of one lane that overlap go to two tracks of one name, and none is cut or lost."""
    slices = [("host/link", "send", 0, 10_000, -1, -1, 1), ("host/link", "send", 5_000, 15_000, -1, -1, 2), ("host/link", "send", 12_000, 13_000, -1, -1, 3)]
    run = make_run({"timeline": trace.timeline_group(slices, [(0, 20_000)])})
    told = read_trace(write_timeline(run, tmp_path))
    assert detailed(told) == keyed(recorded(run))
    assert len(told.rows["host", "link"]) == 2


row = st.tuples(
    st.sampled_from(["chip/training", "tile 0 (layer 0)/array", "host/link"]),
    st.sampled_from(["forward", "update", "RESET"]),
    st.integers(0, 9_000),
    st.sampled_from([0, 1, 499, 500, 501, 999, 1000, 1500, 4000]),
    *(st.integers(-1, 3) for _ in range(3)),
)


@given(st.lists(row, min_size=1, max_size=30), st.sampled_from([0, 10**12 - 2_000, 3 * 10**17 + 123]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_slices_are_shown_as_they_are(make_run, trace, tmp_path_factory, rows, since):
    """Whatever slices a lane holds, each is in the trace with its exact times, and nesting is well formed."""
    slices = [(track, what, since + start, since + start + length, *numbers) for track, what, start, length, *numbers in rows]
    folder = tmp_path_factory.mktemp("any")
    run = make_run({"timeline": trace.timeline_group(slices, [(since, since + 20_000)])}, name=folder / "run")
    assert detailed(trace.understand(write_timeline(run, folder).read_bytes())) == keyed(recorded(run))


def test_a_replay_gives_the_details_and_the_run_the_rest(make_run, trace, read_trace, tmp_path):
    """The details of another run stand within the summary of this one."""
    run = make_run(trace.whole_run())
    window = (500_000_000, 502_000_000)
    again = make_run(trace.whole_run(images=4000) | {"timeline": trace.timeline_group(trace.detailed(*window), [window])}, name="again")
    told = read_trace(write_timeline(run, tmp_path, detail=again))
    assert detailed(told) == keyed(recorded(again))
    assert len(summarised(told, "training")) == 10
    assert [span[:2] for span in summarised(told, "in full detail")] == [(500_000, 502_000)]


def test_a_run_with_little_is_shown_as_far_as_it_goes(make_run, trace, read_trace, tmp_path):
    """A run that was broken off early has what it has: here segments and power, and nothing else."""
    told = read_trace(write_timeline(make_run({"energy": trace.whole_run()["energy"]}), tmp_path))
    assert {path for path, *_ in told.slices} == {("whole run", "training")}
    assert {path[1] for path in told.counters} == {"power", "power by component"}


def test_a_sleep_of_a_year_is_shown(make_run, trace, read_trace, tmp_path):
    """A duration beyond 64 bits of picoseconds keeps its length."""
    groups = trace.whole_run()
    groups["sleep"]["duration"].data[:] = 31_557_600.0
    told = read_trace(write_timeline(make_run(groups), tmp_path))
    assert [span[:2] for span in summarised(told, "sleeps")] == [(3_000_000, 31_557_600 * 10**9 + 3_000_000)]


def test_a_window_in_which_nothing_happened_is_shown(make_run, trace, read_trace, tmp_path):
    """A window without a single slice is a window all the same."""
    told = read_trace(write_timeline(make_run({"timeline": trace.timeline_group([], [(1000, 5000)])}), tmp_path))
    assert [item[:4] for item in told.slices] == [(("whole run", "in full detail"), "in full detail", 1, 5)]


def test_instant_transfers_are_shown(make_run, trace, read_trace, tmp_path):
    """A transfer that takes no chip time is a slice of no length."""
    groups = trace.whole_run()
    groups["transfer"]["duration"].data[:] = 0.0
    told = read_trace(write_timeline(make_run(groups), tmp_path))
    assert len(summarised(told, "transfers")) == 4
    assert all(begin == end for begin, end, _ in summarised(told, "transfers"))


def test_a_segment_without_length_has_no_power(make_run, trace, read_trace, tmp_path):
    """Energy of a segment that took no chip time has no power; its neighbours keep theirs."""
    groups = trace.whole_run()
    for name in ("time_s", "time_ps"):
        groups["energy"][name].data[4] = groups["energy"][name].data[3]
    run = make_run(groups)
    told = read_trace(write_timeline(run, tmp_path, unit="ps"))
    ends = exact(run["energy"], "time")
    assert [moment for moment, _ in told.counters["whole run", "power"]] == [0, *ends[:4], *ends[5:]]
    assert len(summarised(told, "training")) == 10


@pytest.mark.parametrize(
    "since,unit,told",
    [
        (2**63, "ps", "lasts 9223372.036854775908 s of chip time, but a trace in ps ends at 9223372.036854775807 s; use --trace-unit ns"),
        (2**63 * 1000, "ns", "but a trace in ns ends at 9223372036.854775807 s; export a window of it"),
    ],
)
def test_times_beyond_64_bits_are_refused(make_run, trace, tmp_path, since, unit, told):
    """A time that the trace's unit cannot hold is an error that says how far it goes, and nothing is written."""
    run = make_run({"timeline": trace.timeline_group([("host/link", "send", since, since + 100, -1, -1, -1)], [(since, since + 100)])})
    with pytest.raises(InputError, match=re.escape(told)):
        write_timeline(run, tmp_path / "out", unit=unit)
    assert not (tmp_path / "out").exists()


def test_the_last_moment_that_fits_is_written(make_run, trace, read_trace, tmp_path):
    """Times up to 2^63 - 1 are written exactly."""
    last = 2**63 - 1
    run = make_run({"timeline": trace.timeline_group([("host/link", "send", last - 1, last, -1, -1, -1)], [(0, last)])})
    assert [item[2:4] for item in detailed(read_trace(write_timeline(run, tmp_path, unit="ps")))] == [(last - 1, last)]


def test_a_run_without_chip_time_has_no_timeline(make_run, trace, tmp_path):
    """A run that took no chip time, as one of float32 software, is an input error."""
    groups = {"accuracy": trace.whole_run()["accuracy"]}
    for name in ("time_s", "time_ps"):
        groups["accuracy"][name].data[:] = 0
    with pytest.raises(InputError, match="shows chip time, of which this run has taken none"):
        write_timeline(make_run(groups), tmp_path)


def test_a_folder_that_cannot_be_made_is_named(full_run, tmp_path):
    """Where a file stands in the folder's place the message names the file to be written."""
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"timeline\.pftrace: cannot be written"):
        write_timeline(full_run, tmp_path / "taken")


def test_the_same_run_gives_the_same_bytes(full_run, tmp_path):
    """Traces carry no date."""
    assert write_timeline(full_run, tmp_path / "a").read_bytes() == write_timeline(full_run, tmp_path / "b").read_bytes()
