"""Years of chip time, and a thousand million images, cost no picosecond and no count."""

from __future__ import annotations

import mmap

import numpy as np
import pytest

from chipsim.chip.plan import Plan
from chipsim.errors import SimulationError
from chipsim.events.simulation import SimulationState
from chipsim.kernels import layout
from chipsim.run.results import trace_groups
from chipsim.run.summary import end_of
from chipsim.units import PICOSECONDS_PER_SECOND, format_time, parse_time

TEN_YEARS_PS = parse_time("10 years")
PAUSE_PS = 50_000_001
IMAGES = 14
LAYERS = (12, 8, 4)
TIMELESS = {"cell.capacitor.retention": "1e18 s", "cell.capacitor.retention_spread": 0.0, "cell.pcm.drift.enabled": False}
"""Overrides under which ten years change nothing that a float32 could hold: only times move."""
DETAILED = {"record.windows": ("0 s .. 11 years",), "record.wave_every": "11 years", "record.probe_samples": 0, "record.accuracy_every": "4 images"}
PLANS = {
    "instant": {"transfer.every": "5 images"},
    "stall": {"transfer.policy": "stall", "transfer.every": "5 images"},
    "interleave": {"transfer.policy": "interleave", "transfer.every": "5 images", "transfer.in_flux": "lock"},
    "3t1c": {"cell.kind": "3t1c"},
    "2pcm": {"cell.kind": "2pcm"},
}


def rested(rest, pause_ps):
    """Return the stages of a chip that learns, rests for so long, and learns on."""
    pause = {"kind": rest, "lasts": format_time(pause_ps)} | ({"before": "nothing"} if rest == "sleep" else {})
    return ({"kind": "train", "images": 8}, pause, {"kind": "train", "images": 6})


@pytest.fixture(scope="module")
def lives(small):
    """Return a function that runs a plan with a short rest, and with one that is ten years longer."""

    def run(plan, rest):
        pauses = (PAUSE_PS, PAUSE_PS + TEN_YEARS_PS)
        return [small.run(small.QUICK, TIMELESS, DETAILED, plan, images=IMAGES, layers=LAYERS, stage=rested(rest, pause_ps)) for pause_ps in pauses]

    return run


def shifted(short, long):
    """Return by how much every time of one list is later in the other one."""
    assert len(short) == len(long)
    return [b - a for a, b in zip(short, long, strict=True)]


@pytest.mark.parametrize("rest", ["idle", "sleep"])
@pytest.mark.parametrize("plan", PLANS)
def test_ten_years_in_the_middle_move_what_follows_by_exactly_ten_years(small, lives, plan, rest):
    """With ten years more of rest a run does the same in the same picoseconds, or exactly ten years later, and ends with the same cells."""
    short, long = lives(PLANS[plan], rest)
    one, other = short.listener.happenings, long.listener.happenings
    assert [entry[:2] + entry[4:] for entry in one] == [entry[:2] + entry[4:] for entry in other]
    starts, ends = (shifted([entry[at] for entry in one], [entry[at] for entry in other]) for at in (2, 3))
    assert set(starts) == set(ends) == {0, TEN_YEARS_PS}
    lasting = [entry[1] for entry, start, end in zip(one, starts, ends, strict=True) if start != end]
    assert lasting == (["asleep"] if rest == "sleep" else [])  # all else lasts as long, to the picosecond
    assert set(shifted([now for _, now in short.listener.progress], [now for _, now in long.listener.progress])) == {0, TEN_YEARS_PS}
    assert end_of(long.state) - end_of(short.state) == TEN_YEARS_PS
    times = {"origin", "rows.time", "columns.time", "columns.programmed", "amounts.segment_sums"}
    assert set(small.differences(small.snapshot(short.chip), small.snapshot(long.chip))) <= times
    passed = long.chip.amounts.segment_sums.sum(axis=0) - short.chip.amounts.segment_sums.sum(axis=0)
    quantity = layout.ASLEEP_TIME if rest == "sleep" else layout.POWERED_TIME
    # the ledger adds seconds as float64: beside ten years every phase that follows in the same bin rounds to within 30 ns
    assert passed[quantity] == pytest.approx(315_576_000.0, abs=30e-9 * 6 * len(short.chip.phase_ps))
    assert not np.delete(passed, quantity).any()


@pytest.mark.parametrize("rest", ["idle", "sleep"])
def test_traces_keep_the_picosecond_after_ten_years(small, rest):
    """Whole seconds and picoseconds within the second say exactly when segments ended and accuracies were measured, ten years on as at the start."""
    stages = rested(rest, PAUSE_PS + TEN_YEARS_PS)
    told = small.recorded(small.build(small.QUICK, TIMELESS, PLANS["stall"], images=IMAGES, layers=LAYERS, stage=stages, record__segment=1))
    recorder = told.listener
    groups = trace_groups(recorder, dict.fromkeys(layout.ACTIONS + layout.QUANTITIES, 1.0), told.state)
    wanted = {
        "energy": [now for _, now in recorder.ends()],
        "accuracy": [row["now_ps"] for row in recorder.evaluations],
        "transfer": [row["now_ps"] for row in recorder.transfers],
    }
    for name, moments in wanted.items():
        seconds, rest_ps = (groups[name][key].data.tolist() for key in ("time_s", "time_ps"))
        assert [s * PICOSECONDS_PER_SECOND + ps for s, ps in zip(seconds, rest_ps, strict=True)] == moments
    image_ps = told.chip.image_ps
    gaps = np.diff(np.array(wanted["energy"], dtype=object))
    assert gaps[-1 - 2] == image_ps == gaps[0]  # images ten years apart take the same picoseconds


# ---- a thousand million images ----------------------------------------------------------------------------------------

FAR = 10**9
AHEAD = 20


@pytest.fixture(scope="module")
def zeros(tmp_path_factory):
    """Return the order of a thousand million images that are all the first one; a file with a hole takes neither memory nor disk."""
    path = tmp_path_factory.mktemp("order") / "order"
    with path.open("wb+") as file:
        file.truncate(8 * (FAR + AHEAD))
        return np.frombuffer(mmap.mmap(file.fileno(), 0), dtype=np.int64)


def at_image(small, first, order, *groups):
    """Train so many images from image `first` of a run on, whose clock stands where that many images end; return what came of it."""
    made = small.build(small.QUICK, *groups, images=IMAGES, layers=LAYERS, record__segment=10**8, record__probe_samples=0, transfer__every="7 images")
    made = type(made)(made.scenario, made.data, Plan(order=order[: first + AHEAD], rates=np.array([0.05])))
    made.program(small.starting_weights(made.scenario))
    state, listener = SimulationState.start(made.scenario), small.Listener()
    now_ps = first * made.image_ps
    made.origin_ps = state.now_ps = now_ps
    training, phases = state.training, len(made.phase_ps)
    state.begun = training.began = True
    training.phase, training.until, training.start_ps, training.image_ps = first * phases, first + AHEAD, now_ps, now_ps
    assert small.simulation(made, state, listener).run()
    return small.Told(made, state, listener)


EXACT = {
    "training.update": "deterministic",
    "cell.capacitor.packet_noise": False,
    "cell.capacitor.thermal_noise": False,
    "cell.pcm.read_noise.enabled": False,
    "cell.pcm.programming": "ideal",
    "transfer.final": False,
}
"""Overrides under which nothing is drawn while training."""


def test_the_thousand_millionth_image_is_trained_as_the_first(small, zeros):
    """Where nothing is drawn, twenty images far into a run change the cells as the first twenty do, and are counted and timed exactly."""
    # 10^9 is no multiple of the transfer's interval of 7: the near run starts at the image that is.
    near, far = (at_image(small, first, zeros, EXACT) for first in (FAR % 7, FAR))
    skipped = {"amounts", "origin"}
    found = small.differences(
        *({name: values for name, values in small.snapshot(told.chip).items() if name.split(".")[0] not in skipped} for told in (near, far))
    )
    assert set(found) <= {"cells.nu_plus", "cells.nu_minus"}  # drift exponents are drawn by the number of the transfer, as ever
    assert end_of(far.state) == (FAR + AHEAD) * far.chip.image_ps
    assert far.state.training.phase == (FAR + AHEAD) * len(far.chip.phase_ps)
    assert [now - FAR * far.chip.image_ps for _, now in far.listener.progress] == [now - (FAR % 7) * near.chip.image_ps for _, now in near.listener.progress]
    counted = far.chip.amounts.segment_counts
    assert not counted[1:-1].any()  # the last bin holds the images, the first one the programming
    assert counted[-1, layout.FORWARD_READ] == AHEAD * (len(LAYERS) - 1)
    assert counted[-1].tolist() == (near.chip.amounts.segment_counts[0] - counted[0]).tolist()


def test_the_thousand_millionth_image_draws_numbers_of_its_own(small, zeros):
    """With noise, twenty images far into a run are other draws than the first twenty, and a second time the same ones."""
    far, again, near = (at_image(small, first, zeros, {"transfer.final": False}) for first in (FAR, FAR, FAR % 7))
    assert not small.differences(small.snapshot(far.chip), small.snapshot(again.chip))
    assert (far.chip.signals.outputs != near.chip.signals.outputs).all()


def test_a_window_that_would_leave_the_kernels_clock_is_refused(small):
    """Phases that would end beyond the 53 days of a clock of int64 are not begun: an error, not times that run over."""
    made = small.build(images=4, layers=LAYERS)
    with pytest.raises(SimulationError, match="beyond the kernels' clock"):
        made.train(0, 4 * len(made.phase_ps), 2**62 - made.image_ps)
