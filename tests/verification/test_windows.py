"""The result of a run does not depend on how it was cut into kernel calls, nor on who looked at it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chipsim.run.results import trace_groups
from chipsim.run.summary import summarise
from chipsim.silicon import Silicon, rates_of

KINDS = ("2pcm+3t1c", "2pcm", "3t1c", "software")
ANALOG = KINDS[:3]
UPDATES = ("stochastic", "deterministic")
IMAGES = 40
BUSY = {
    "transfer.every": "13 images",
    "refresh.every": "9 images",
    "cell.pcm.partial_set.refresh_above": "3 uS",
    "cell.pcm.partial_set.refresh_below": "2 uS",
    "record.accuracy_every": "11 images",
    "record.probe_samples": 0,
}


def record(small, made):
    """Run a chip with the recorder that a run folder is made from; return arrays, state, traces and summary."""
    told = small.recorded(made)
    state, recorder = told.state, told.listener
    silicon = Silicon.of(made.scenario)
    groups = trace_groups(recorder, rates_of(silicon), state)
    traces = {f"{group}.{name}": np.asarray(variable.data) for group, variables in groups.items() for name, variable in variables.items() if group != "probe"}
    return small.snapshot(made), state.now_ps, traces, summarise(recorder, silicon, made.plan.steps, state, {})


def assert_same(small, one, other):
    """Compare arrays and traces byte by byte, time and summary by value."""
    assert not small.differences(one[0], other[0])
    assert one[1] == other[1]
    assert one[2].keys() == other[2].keys()
    assert not [name for name, values in one[2].items() if values.tolist() != other[2][name].tolist() and not _nan_alike(values, other[2][name])]
    assert repr(one[3]) == repr(other[3])


def _nan_alike(a, b):
    return a.dtype.kind == "f" and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("kind", KINDS)
def test_window_length_changes_nothing(small, kind, update):
    """Cells, lines, counts, sums, summary and traces are the same bits for windows of 1, 7 and 1000 images."""
    runs = [record(small, small.build(BUSY, images=IMAGES, cell__kind=kind, training__update=update, training__window=n)) for n in (1, 7, 1000)]
    assert_same(small, runs[0], runs[1])
    assert_same(small, runs[0], runs[2])


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("kind", ANALOG)
def test_phase_by_phase_changes_nothing(small, kind, update):
    """One phase a call, and odd cuts through images, leave the same bits as one call for everything."""
    whole, single, odd = (small.build(images=IMAGES, cell__kind=kind, training__update=update) for _ in range(3))
    phases = IMAGES * len(whole.phase_ps)
    end = whole.train(0, phases, 0)
    now = 0
    for q in range(phases):
        now = single.train(q, q + 1, now)
    assert now == end
    now = 0
    for q in range(0, phases, 11):
        now = odd.train(q, min(q + 11, phases), now)
    assert now == end
    assert not small.differences(small.snapshot(whole), small.snapshot(single))
    assert not small.differences(small.snapshot(whole), small.snapshot(odd))


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("kind", ["2pcm+3t1c", "3t1c"])
def test_probes_change_nothing(small, kind, update):
    """A run with 1,000 probes, most of them in the middle of an image, is the same bits as one without."""
    without = record(small, small.build(BUSY, images=IMAGES, cell__kind=kind, training__update=update))
    made = small.build(BUSY, images=IMAGES, cell__kind=kind, training__update=update, record__probe_samples=1000, record__probe_every="9.3 ns")
    probed = record(small, made)
    assert_same(small, without, probed)
    assert IMAGES * made.image_ps > 1000 * 9300


@pytest.mark.parametrize("sampling", ["per-column", "at-start"])
def test_windows_and_probes_change_nothing_around_stalled_transfers(small, sampling):
    """With transfers that stop training, windows of 1 or 1000 images and probes leave the same bits, too."""
    stall = BUSY | {"transfer.policy": "stall", "transfer.sampling": sampling, "tiles.max_rows": 8, "tiles.max_columns": 5}
    one, many = (record(small, small.build(stall, images=IMAGES, training__window=n)) for n in (1, 1000))
    probed = record(small, small.build(stall, images=IMAGES, record__probe_samples=1000, record__probe_every="277 ns"))
    assert_same(small, one, many)
    assert_same(small, one, probed)


def test_a_transfer_interval_in_time_does_not_see_windows(small):
    """An interval counted in chip time stops training at the same image for every window."""
    interval = BUSY | {"transfer.every": "1.7 us"}
    one, many = (record(small, small.build(interval, images=IMAGES, training__window=n)) for n in (1, 1000))
    assert_same(small, one, many)


@pytest.fixture(scope="module")
def uncut(small):
    """Return a function that gives the end of a run in windows as long as possible without probes, each plan run once."""
    known = {}

    def run(plan):
        key = repr(sorted(plan.items()))
        if key not in known:
            told = small.run(BUSY, plan, images=IMAGES)
            known[key] = (small.snapshot(told.chip), told.state.now_ps, [entry for entry in told.listener.heard if entry[0] != "probe"])
        return known[key]

    return run


@given(
    window=st.integers(1, 50),
    probe_ns=st.integers(1, 3000),
    every=st.sampled_from(["1 image", "13 images", "239 ns", "1701 ns", "2400 ns"]),
    policy=st.sampled_from(["instant", "stall"]),
    evaluation=st.sampled_from(["1 image", "9 images", "1 us"]),
)
def test_any_cut_gives_the_same_run(small, uncut, window, probe_ns, every, policy, evaluation):
    """Whatever the window and the times of probes, chip, clock and everything that is told are the same."""
    plan = {"transfer.every": every, "transfer.policy": policy, "record.accuracy_every": evaluation}
    cut = {"training.window": window, "record.probe_samples": 300, "record.probe_every": f"{probe_ns} ns"}
    told = small.run(BUSY, plan, cut, images=IMAGES)
    arrays, now, heard = uncut(plan)
    assert not small.differences(small.snapshot(told.chip), arrays)
    assert told.state.now_ps == now
    assert [entry for entry in told.listener.heard if entry[0] != "probe"] == heard


# ---- everything that can happen -----------------------------------------------------------------------------------------

CUTS = {
    "windows of one image": {"training.window": 1},
    "windows of seven images": {"training.window": 7},
    "probes in the middle of images": {"record.probe_samples": 1000, "record.probe_every": "9.3 ns"},
    "probes at the edges of phases": {"record.probe_samples": 1000, "record.probe_every": "20 ns"},
    "full detail all the time": {"record.windows": ("0 s .. 2 days",), "record.wave_every": "2 days"},
    "full detail now and then, in windows of three": {
        "record.windows": ("33 ns .. 501 ns", "1.013 us .. 2 us", "2 us .. 2.3 us"),
        "record.wave_every": "7 ns",
        "training.window": 3,
    },
}
SEEN = ("probes", "waves", "probe", "wave")
"""Parts of the state, and of what is told, that say how often somebody looked."""


def ended(small, made):
    """Run a chip to its end; return the end, without how far its windows happened to reach."""
    end = small.moments(made, lambda number: number < 0)[1]
    end.state.training.passed_at = 0
    return end


@pytest.fixture(scope="module")
def whole(small):
    """Return a function that gives the end of a life in windows as long as possible, without anybody looking, each run once."""
    known = {}

    def run(life):
        if life not in known:
            known[life] = ended(small, small.life(life, {"record.probe_samples": 0}))
        return known[life]

    return run


@pytest.mark.parametrize("cut", CUTS)
def test_no_cut_changes_any_life(small, whole, any_life, cut):
    """Under every policy, with refresh, sleeps, hosts and stages, windows, probes and full detail leave the same bytes, and the same is told."""
    made = small.life(any_life, {"record.probe_samples": 0}, CUTS[cut])
    assert not small.unlike(ended(small, made), whole(any_life), but=SEEN)


@given(data=st.data())
def test_no_cut_changes_any_plan(small, data):
    """Whatever is combined, no cut changes a byte."""
    plan, cut = data.draw(small.plans()), data.draw(st.sampled_from(list(CUTS)))
    one, other = (small.build(plan, {"record.probe_samples": 0}, more, images=14, layers=plan["network.layers"]) for more in ({}, CUTS[cut]))
    assert not small.unlike(ended(small, one), ended(small, other), but=SEEN)


@pytest.mark.parametrize("name", ["interleave by time, poor, refresh", "naps, oldest-first, poor", "dozing, interleave", "stages, interleave, refresh"])
def test_summary_and_traces_of_a_life_do_not_see_windows(small, name):
    """What the run folder holds is the same for windows of 1 and of 1000 images, and with probes."""
    one, many = (record(small, small.life(name, {"record.probe_samples": 0, "training.window": n})) for n in (1, 1000))
    probed = record(small, small.life(name, {"record.probe_samples": 1000, "record.probe_every": "9.3 ns"}))
    assert_same(small, one, many)
    assert_same(small, one, probed)
