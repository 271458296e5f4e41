"""What the clocks leave in a run folder: use and waiting, sleeps, stages, the host, windows of full detail."""

from __future__ import annotations

import numpy as np
import pytest

from chipsim.kernels import layout
from chipsim.run.clocks import clock_groups, clock_summary, monitors
from chipsim.run.detail import tile_track
from chipsim.run.summary import end_of, times_of

LAYERS = (12, 8, 4)
TRAINING = ("forward", "backward", "update")


@pytest.fixture(scope="module")
def recorded(small):
    """Return a function that runs one of the lives with the recorder, watched all the time, once."""
    known = {}

    def run(name):
        if name not in known:
            known[name] = small.recorded(small.life(name, small.WATCHED))
        return known[name]

    return run


def data(group, name):
    """Return the values of one variable."""
    return np.asarray(group[name].data)


def sliced(told, track):
    """Return how long something was done on a track, ps."""
    return sum(end - start for name, _, start, end, *_ in told.listener.happenings if name == track)


def test_busy_shares_are_those_of_the_slices(recorded, any_life):
    """In every life the share of time that an array and the link are in use is the sum of what was told of them, over the chip time."""
    told = recorded(any_life)
    summary = clock_summary(told.listener, told.state)["utilisation"]
    end = end_of(told.state)
    for tile, layer in enumerate(told.chip.layer_of):
        name = tile_track(tile, layer)
        assert summary[name]["busy_share"] == pytest.approx(sliced(told, f"{name}/array") / end, rel=1e-9)
    if "host link" in summary:
        assert summary["host link"]["busy_share"] == pytest.approx(sliced(told, "host/link") / end, rel=1e-9)


def test_segments_cover_the_chip_time(recorded, any_life):
    """Whatever happens between images, the segments' ends rise to the end of the chip's work, and shares of use lie between nothing and all."""
    told = recorded(any_life)
    ends = [now for _, now in told.listener.ends()]
    assert ends == sorted(ends)
    assert ends[-1] == end_of(told.state)
    busy = data(clock_groups(told.listener, told.state)["utilisation"], "busy")
    assert busy.min() >= 0.0
    assert np.isfinite(busy).all()


def test_every_segment_pays_for_its_own_time(recorded, small, any_life):
    """In every segment the ledger's time under power and asleep is the time between the segment's ends, whatever happened in it."""
    told = recorded(any_life)
    sums = told.chip.amounts.segment_sums
    paid = sums[:, layout.POWERED_TIME] + sums[:, layout.ASLEEP_TIME]
    lasted = np.diff([0, *(now for _, now in told.listener.ends())]) * small.PS
    assert paid[: len(lasted)] == pytest.approx(lasted, rel=1e-12, abs=1e-17)
    assert not paid[len(lasted) :].any()


def test_current_in_use_is_what_pulses_take(recorded, small):
    """The share of the programming current in use is the charge of all pulses over budget and chip time, groups of pulses taken as full."""
    told = recorded("interleave, present, poor, refresh")
    summary = clock_summary(told.listener, told.state)["utilisation"]["programming current"]
    amounts, first = small.totals(told.chip), small.totals(small.life("interleave, present, poor, refresh"))
    charge = sum(amounts[name] - first[name] for name in ("pcm.RESET charge", "pcm.SET charge"))
    used = summary["busy_share"] * 0.9e-3 * end_of(told.state) * small.PS
    assert charge < used < 2.5 * charge
    assert summary["wait_longest_s"] > summary["wait_mean_s"] > 0.0
    assert summary["queue_mean"] == pytest.approx(told.state.current.monitor.waited_ps / end_of(told.state), rel=1e-9)


def test_waiting_times_are_a_histogram(recorded):
    """Bins of waiting times are powers of two from 1 ps on, and hold every wish once."""
    told = recorded("oldest-first, poor, refresh")
    group = clock_groups(told.listener, told.state)["utilisation"]
    low, high, waits = data(group, "wait_low"), data(group, "wait_high"), data(group, "waits")
    assert low[0] == 0.0
    assert (low[1:] == high[:-1]).all()
    assert high[1:] == pytest.approx(2.0 * np.maximum(low[1:], 1e-12))
    names = data(group, "resource").tolist()
    monitor = told.state.current.monitor
    assert waits[names.index("programming current")].sum() == sum(monitor.waits)
    longest = monitor.longest_ps * 1e-12
    last = np.flatnonzero(waits[names.index("programming current")])[-1]
    assert low[last] <= longest < high[last]


def test_resources_without_a_use_are_left_out(recorded):
    """A chip whose transfers take no time has no current to share, one without a host no link."""
    assert [name for name in monitors(*_of(recorded("instant, refresh"))) if "tile" not in name] == []
    assert [name for name in monitors(*_of(recorded("refresh alone"))) if "tile" not in name] == []
    assert [name for name in monitors(*_of(recorded("slow host, interleave, poor"))) if "tile" not in name] == [
        "programming current",
        "verify read-out",
        "host link",
    ]


def _of(told):
    return told.listener, told.state


def test_sleeps_are_in_the_traces(recorded):
    """Every sleep is a row: when it was due, how long it took, what was lost; and the summary has their sum."""
    told = recorded("naps, oldest-first, poor")
    group, summary = clock_groups(*_of(told))["sleep"], clock_summary(*_of(told))["sleeps"]
    assert len(data(group, "asleep")) == summary["count"] == told.state.power.sleeps > 0
    assert data(group, "asleep").sum() == pytest.approx(summary["asleep_s"], rel=1e-12)
    assert (data(group, "duration") >= data(group, "asleep") + 100e-9 - 1e-15).all()
    assert summary["weight_change_rms"] == pytest.approx(np.sqrt(np.mean(data(group, "weight_change") ** 2)))
    assert "sleep" not in clock_groups(*_of(recorded("interleave")))
    assert clock_summary(*_of(recorded("interleave")))["sleeps"] is None


def test_stages_are_in_the_traces(recorded):
    """Every stage is a row with its kind, its end and how accurate the network was then."""
    told = recorded("stages, interleave, refresh")
    group, rows = clock_groups(*_of(told))["stage"], clock_summary(*_of(told))["stages"]
    kinds = ["train", "idle", "train", "sleep", "train"]
    assert data(group, "kind").tolist() == [row["kind"] for row in rows] == kinds
    assert data(group, "images").tolist() == [5, 5, 9, 9, 14]
    ends = data(group, "time_s") + data(group, "time_ps") * 1e-12
    assert ends == pytest.approx([row["ended_s"] for row in rows])
    assert (np.diff(ends) > 0).all()
    assert ((data(group, "accuracy") >= 0) & (data(group, "accuracy") <= 1)).all()
    assert np.isnan(data(group, "accuracy_pretrained")).all()  # nothing to compare with


def test_the_host_is_in_the_summary(recorded):
    """What part of the time the chip waited for images, the host could not go on, and it computed."""
    told = recorded("slow host, interleave, poor")
    host, end = clock_summary(*_of(told))["host"], told.state.training.start_ps
    assert host["images_sent"] == 14
    assert host["chip_waits_share"] == told.state.training.waited_ps["host"] / end
    assert host["host_waits_share"] == told.state.host.blocked_ps / end
    assert host["host_computes_share"] == min(sum(told.chip.making_ps) / end, 1.0)
    assert clock_summary(*_of(recorded("interleave")))["host"] is None


def test_waiting_adds_up(recorded, any_life):
    """Chip time is training and everything else, and of the waits in the summary none is lost."""
    told = recorded(any_life)
    waiting, times = clock_summary(*_of(told))["waiting"], times_of(*_of(told))
    assert times["training_time_s"] == pytest.approx(told.chip.plan.steps * told.chip.image_ps * 1e-12)
    assert times["chip_time_s"] == pytest.approx(times["training_time_s"] + times["stall_time_s"], rel=1e-12)
    known = {f"{reason}_s": lasted * 1e-12 for reason, lasted in told.state.training.waited_ps.items()}
    assert {key: waiting[key] for key in known} == known
    assert waiting["tile_s"] == told.state.training.delayed_ps * 1e-12
    if not told.chip.scenario.stage and told.chip.scenario.transfer.policy == "instant" and told.chip.scenario.capacitor_refresh is None:
        assert sum(known.values()) + waiting["tile_s"] == pytest.approx(times["stall_time_s"])


def test_the_timeline_names_what_was_done(recorded):
    """The timeline's slices point to names of tracks and of what was done, and say image, column and amount where they apply."""
    told = recorded("oldest-first, present, refresh")
    group = clock_groups(*_of(told))["timeline"]
    tracks, whats = data(group, "track_name")[data(group, "track")], data(group, "what_name")[data(group, "what")]
    assert len(tracks) == len(told.listener.happenings)
    assert {"chip/training", "tile 0 (layer 1)/array", "tile 1 (layer 2)/transfer", "tile 0 (layer 1)/column"} <= set(tracks)
    assert {"forward", "update", "sample read", "RESET", "SET ramp", "verify read", "preset", "refresh row"} <= set(whats)
    columns, amounts = data(group, "column"), data(group, "amount")
    assert (columns[whats == "RESET"] >= 0).all()
    assert (amounts[whats == "RESET"] > 0).all()
    assert (columns[whats == "forward"] == -1).all()
    updates = (whats == "update") & (tracks == "chip/training")
    assert amounts[updates].sum() == told.chip.update_pulses()


def test_full_detail_is_kept_inside_its_windows_only(small):
    """Slices that touch a window are kept, others not; capacitors are followed finely inside."""
    plan = {"record.windows": ("500 ns .. 900 ns", "1.5 us .. 1.6 us"), "record.wave_every": "10 ns", "record.probes": 3}
    told = small.recorded(small.life("oldest-first, present, refresh", plan))
    whole = small.recorded(small.life("oldest-first, present, refresh", small.WATCHED))
    inside = [
        slice_
        for slice_ in whole.listener.happenings
        if any(slice_[2] < end and slice_[3] > start for start, end in ((500_000, 900_000), (1_500_000, 1_600_000)))
    ]
    assert sorted(told.listener.happenings) == sorted(inside)
    group = clock_groups(*_of(told))["wave"]
    times = data(group, "time_ps") + data(group, "time_s") * 10**12
    assert times.tolist() == [*range(500_000, 900_000, 10_000), *range(1_500_000, 1_600_000, 10_000)]
    assert data(group, "voltage").shape == (50, 6)


def test_a_full_run_folder_has_all_of_it(small, recorded, tmp_path):
    """Written as NetCDF-4 and read again, all groups of a full life are there with their units."""
    import h5py

    from chipsim.run.results import trace_groups
    from chipsim.run.traces import write_traces
    from chipsim.silicon import Silicon

    told = recorded("stages, interleave, refresh")
    write_traces(tmp_path / "traces.nc", trace_groups(told.listener, Silicon.of(told.chip.scenario).rates, told.state), {})
    with h5py.File(tmp_path / "traces.nc") as file:
        assert {"utilisation", "sleep", "stage", "timeline", "transfer"} <= set(file)
        assert file["utilisation"]["busy"].attrs["units"] == "1"
        assert file["sleep"]["asleep"].attrs["units"] == "s"
    del small


TOLD = {
    "sleeps came to nothing": {"power.sleep": ("1 us for 1 ns",), "transfer.policy": "stall", "transfer.every": "100 images"},
    "planned sleeps were never reached": {"power.sleep": ("1 s for 1 s",)},
    "windows of full detail lie beyond the end of the run": {"record.windows": ("1 s .. 1.001 s",)},
    "transfers were broken off by a sleep": {
        "power.sleep": ("1.5 us for 1 ms",),
        "power.before": "nothing",
        "transfer.policy": "interleave",
        "transfer.every": "4 images",
    },
}


@pytest.mark.parametrize("words", TOLD)
def test_plans_that_came_to_nothing_are_told(small, words):
    """A sleep that a transfer used up or that was never reached, a window beyond the end and a round broken off each give one warning."""
    made = small.build(TOLD[words], images=20, layers=LAYERS, record__probe_samples=0, record__wave_every="1 ms")
    told = small.recorded(made)
    (line,) = [line for line in clock_summary(told.listener, told.state)["warnings"] if words in line]
    assert line.startswith("1 ")
