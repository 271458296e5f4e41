"""Sleeping: what is done before, what time does meanwhile, what it costs, and how the chip comes back."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from chipsim.kernels import layout
from chipsim.scenario.power import Nap

IMAGE = 160_000  # ps, two layers
WAKE_UP = 100_000
YEARS = 315_576_000  # s in ten years
LAYERS = (12, 8, 4)


def of(told, kind):
    """Return what was heard of one kind."""
    return [entry[1:] for entry in told.listener.heard if entry[0] == kind]


def slept(small, *groups, images=20, **plain):
    """Run a chip that sleeps."""
    return small.run(small.QUICK, {"power.wake_up": "100 ns", "record.probe_samples": 0}, *groups, images=images, layers=LAYERS, **plain)


# ---- when ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["transfer", "nothing"])
def test_a_planned_sleep_begins_after_the_image_in_hand(small, before):
    """A sleep of 5 us planned at 1 us begins with the first image boundary after it, ends 5 us later, and wakes up in its time."""
    told = slept(small, power__sleep=("1 us for 5 us",), power__before=before, transfer__policy="instant")
    asked = 7 * IMAGE
    assert of(told, "slept") == [(7, asked, asked, asked + 5_000_000, asked + 5_000_000 + WAKE_UP)]
    assert of(told, "off") == [(7, asked)]
    assert [entry[1] for entry in of(told, "transfer")] == ([7, 20] if before == "transfer" else [20])
    assert told.state.training.waited_ps == {"sleep": 5_000_000 + WAKE_UP}
    assert told.state.now_ps == 20 * IMAGE + 5_000_000 + WAKE_UP


def test_a_sleep_at_zero_comes_before_the_first_image(small):
    """A sleep planned at 0 s begins at once."""
    told = slept(small, power__sleep=("0 s for 1 us",), power__before="nothing")
    assert of(told, "slept") == [(0, 0, 0, 1_000_000, 1_000_000 + WAKE_UP)]


def test_what_is_done_before_takes_its_time_from_the_sleep(small):
    """The weights are moved first, under power; the chip comes back when planned, and stays on where that took longer than the sleep."""
    long = slept(small, power__sleep=("1 us for 1 ms",), transfer__policy="stall", transfer__every="100 images")
    ((_, asked, off, on, _),) = of(long, "slept")
    assert asked < off < on == asked + 10**9
    record = of(long, "transfer")[0]
    assert (record[2], record[3]) == (asked, off)
    short = slept(small, power__sleep=("1 us for 1 ns",), transfer__policy="stall", transfer__every="100 images")
    assert not of(short, "slept")
    assert (short.state.power.missed, short.state.power.sleeps) == (1, 0)
    assert small.totals(short.chip)["power.wake-up"] == 0
    assert short.state.training.waited_ps["sleep"] == short.listener.transfers[0].ended_ps - short.listener.transfers[0].started_ps


def test_all_planned_sleeps_happen_in_their_order(small):
    """Several planned sleeps come one after the other, each at the first boundary at or after its time."""
    naps = ("480 ns for 1 us", "2 us for 1 ns", "3 us for 200 ns")
    told = slept(small, power__sleep=naps, power__before="nothing", transfer__policy="instant")
    asked = [entry[1] for entry in of(told, "slept")]
    planned = [Nap.parse(nap).start_ps for nap in naps]
    assert len(asked) == told.state.power.sleeps == told.state.power.planned == 3
    assert all(plan <= at < plan + IMAGE for plan, at in zip(planned, asked, strict=True))
    assert asked[0] == 480_000


def test_a_sleep_after_the_last_image_does_not_happen(small):
    """What is planned for later than the end of training does not keep the chip going."""
    told = slept(small, power__sleep=("1 ms for 1 us",))
    assert of(told, "slept") == []
    assert told.state.power.sleeps == 0


def test_a_planned_sleep_does_not_wait_for_an_image(small):
    """Where the host keeps the chip waiting, a planned sleep begins at its time, not with the next image, and no image ends it."""
    told = slept(small, host__period="100 us", host__jitter=0.0, host__latency="0 s", power__sleep=("250 us for 120 us",), power__before="nothing", images=5)
    assert [entry[1:4] for entry in of(told, "slept")] == [(250_000_000, 250_000_000, 370_000_000)]
    assert told.state.training.waited_ps["sleep"] == 120_000_000 + WAKE_UP


# ---- what time does -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["2pcm+3t1c", "3t1c"])
def test_capacitors_leak_in_closed_form_while_the_chip_sleeps(small, monkeypatch, kind):
    """Over a sleep every capacitor and every reference falls towards rest as exp(-t / tau), each with its own tau."""
    made = small.build(small.QUICK, images=20, layers=LAYERS, cell__kind=kind, power__sleep=("1 us for 3 ms",), power__before="nothing", power__wake_up="2 us")
    kept = {}
    pass_time, state = type(made)._pass_time, small.SimulationState.start(made.scenario)

    def passing(self, now_ps):
        off = kept["off"]
        kept["before"] = [small.deviations(self, layer, off - self.origin_ps) for layer in range(2)], self.reference_at(off)
        pass_time(self, now_ps)
        kept["after"] = [small.deviations(self, layer, 0) for layer in range(2)], self.reference_at(now_ps)
        kept["lasted"] = (now_ps - off) * small.PS

    listener = small.Listener()
    monkeypatch.setattr(listener, "powered_off", lambda step, now_ps: kept.update(off=now_ps, step=step))
    monkeypatch.setattr(type(made), "_pass_time", passing)
    assert small.simulation(made, state, listener).run()
    spec = made.scenario.cell.capacitor
    assert kept["lasted"] == pytest.approx(3.002e-3)
    for layer in range(2):
        rate = small.cells_of(made, made.cells.leak, layer) * made.device.leak_lsb
        expected = kept["before"][0][layer] * np.exp(-kept["lasted"] * rate)
        assert kept["after"][0][layer] == pytest.approx(expected, abs=1e-6)
    rest = spec.transconductance * (spec.resting - spec.threshold)
    left = np.exp(-kept["lasted"] / (spec.retention * small.PS))
    assert kept["after"][1] == pytest.approx(rest + (kept["before"][1] - rest) * left, abs=1e-5)


def night(small, lasts, **plain):
    """Return a chip that was trained, slept, and was trained again, and what it held in between."""
    stages = ({"kind": "train", "images": 8}, {"kind": "sleep", "lasts": lasts}, {"kind": "train", "images": 8})
    return small.run(small.QUICK, {"record.probe_samples": 0}, images=8, layers=LAYERS, stage=stages, **plain)


@pytest.mark.parametrize("enabled", [True, False])
def test_pairs_drift_over_a_night_by_the_power_law(small, monkeypatch, enabled):
    """After eight hours reads see G ((t + 20 s) / 20 s)^-nu of every device, and what was programmed where drift is off."""
    made = small.build(
        small.QUICK,
        {"record.probe_samples": 0},
        images=8,
        layers=LAYERS,
        stage=({"kind": "train", "images": 8}, {"kind": "sleep", "lasts": "8 hours"}),
        cell__pcm__drift__enabled=enabled,
        transfer__policy="stall",
    )
    ages = []
    listener = small.Listener()
    monkeypatch.setattr(listener, "slept", lambda record: ages.append(record.ended_ps))
    assert small.simulation(made, small.SimulationState.start(made.scenario), listener).run()
    (ended,) = ages
    written = np.array([entry[4] for entry in [("", *record) for record in of(small.Told(made, None, listener), "transfer")]])
    for layer in range(2):
        programmed = small.spread_lines(made, made.columns.programmed, layer, rows=False)  # s before the wake-up
        age = -programmed
        assert age == pytest.approx(np.full(age.shape, (ended - written[-1]) * small.PS), abs=1e-4)
        share = ((age + 20.0) / 20.0) if enabled else np.ones_like(age)
        cells = made.cells
        plus = small.cells_of(made, cells.g_plus, layer) * share ** -small.cells_of(made, cells.nu_plus, layer)
        minus = small.cells_of(made, cells.g_minus, layer) * share ** -small.cells_of(made, cells.nu_minus, layer)
        assert small.cells_of(made, cells.pcm, layer) == pytest.approx(3.0 * (plus - minus), abs=1e-4)
        lost = np.abs(small.cells_of(made, cells.pcm, layer) - 3.0 * small.cells_of(made, cells.g_plus - cells.g_minus, layer)).max()
        assert (lost > 1.0) == enabled
        tiles = small.tiles_of(made, layer)
        first = int(tiles[0][6])
        assert made.rows.pcm_sum[first : first + len(plus)] == pytest.approx((plus + minus).sum(axis=1), rel=1e-5)


def test_a_columns_age_knows_of_the_night(small):
    """After a sleep and a little training columns are as old as the time since their last transfer, sleep included."""
    told = night(small, "8 hours", transfer__policy="instant", transfer__final=False)
    (_, _, off, on, ended) = of(told, "slept")[0]
    assert on - off == 8 * 3600 * 10**12
    now = told.state.now_ps
    for tile in range(told.chip.tiles):
        assert told.chip.ages(tile, now) == pytest.approx(np.full(told.chip.columns_of(tile), float(now - off)), rel=1e-12)
    assert told.chip.capacitor_age(now) == pytest.approx((now - off) * small.PS, rel=1e-12)
    assert told.chip.origin_ps == ended


@pytest.mark.parametrize("policy", ["instant", "stall", "interleave", "oldest-first"])
def test_ten_years_fit_on_the_clock(small, policy):
    """A sleep of ten years passes: the origin of the kernels' clock moves, and training, transfers and ages go on as on the first day."""
    told = night(small, "10 years", transfer__policy=policy, transfer__every="3 images", transfer__max_age="3 us")
    chip, now = told.chip, told.state.now_ps
    assert now > YEARS * 10**12 > 2**63
    assert now - chip.origin_ps < 10**9
    for name, values in small.arrays_of(chip).items():
        assert np.isfinite(values).all(), name
        assert values.dtype != np.int64 or np.abs(values).max() < 10**12, name
    assert told.state.training.phase == 16 * 4
    assert 0.0 <= chip.ages(0, now).min() <= chip.ages(0, now).max() < 10**9  # written again by the final transfer
    assert small.totals(chip)["chip.asleep time"] == pytest.approx(YEARS, rel=1e-9)
    assert small.totals(chip)["chip.powered time"] < 1.0
    for weights in chip.weights_at(now):
        assert np.isfinite(weights).all()


@pytest.mark.parametrize("policy", ["instant", "stall", "interleave", "oldest-first"])
def test_line_sums_stay_right_after_a_night(small, policy):
    """Lines whose devices have drifted, and are written again one column after the other, know what their devices conduct."""
    told = night(small, "10 years", transfer__policy=policy, transfer__every="3 images", transfer__max_age="3 us")
    made = told.chip
    assert not made.columns.seen.any()  # all were written since
    pair = (made.cells.g_plus + made.cells.g_minus).astype(np.float64)
    for layer in range(2):
        for tile in small.tiles_of(made, layer):
            lines = [made.rows.pcm_sum[int(tile[6]) :][: int(tile[2])], made.columns.pcm_sum[int(tile[7]) :][: int(tile[4])]]
            held = small.cells_of(made, pair, layer)
            assert lines[0] == pytest.approx(held.sum(axis=1), rel=1e-5)
            assert lines[1] == pytest.approx(held.sum(axis=0), rel=1e-5)


def test_training_after_ten_years_is_training(small):
    """Before and after a sleep of ten years images are learnt: update pulses are given in every segment."""
    told = night(small, "10 years", cell__pcm__drift__enabled=False, transfer__policy="instant", cell__pcm__programming="ideal")
    pulses = told.chip.amounts.segment_counts[:, (layout.PULSE_UP, layout.PULSE_DOWN)].sum(axis=1)
    assert (pulses > 0).all()


@pytest.mark.parametrize("kind", ["2pcm+3t1c", "2pcm", "3t1c", "software"])
def test_every_kind_of_cell_can_sleep(small, kind):
    """Chips of all cells, and software, come through a day's sleep between two stages."""
    told = night(small, "1 day", cell__kind=kind)
    assert told.state.training.phase == 16 * len(told.chip.phase_ps)
    assert [entry[0] for entry in of(told, "stage")] == [0, 1, 2]


# ---- what it costs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["INTERLEAVED", "OLDEST", "STALLED"])
@pytest.mark.parametrize("before", ["transfer", "nothing"])
def test_every_wake_up_is_counted_once(small, policy, before):
    """Three sleeps are three wake-ups, each with its time asleep; what comes to its end before, and the wake-up, are under power."""
    naps = ("1 us for 20 us", "30 us for 20 us", "60 us for 20 us")
    told = slept(small, getattr(small, policy), small.REFRESHED, power__sleep=naps, power__before=before, images=300, record__segment=1000)
    amounts, records = small.totals(told.chip), of(told, "slept")
    assert amounts["power.wake-up"] == len(records) == 3
    assert amounts["chip.asleep time"] == pytest.approx(sum(on - off for _, _, off, on, _ in records) * small.PS)
    assert amounts["chip.powered time"] == pytest.approx((told.state.now_ps - sum(on - off for _, _, off, on, _ in records)) * small.PS)
    for _, asked, off, on, ended in records:
        assert asked <= off <= on < ended == on + WAKE_UP


def test_nothing_is_written_while_power_is_off(small):
    """Between power off and the end of the wake-up no image, no operation on a column and no row happens."""
    told = slept(small, small.WATCHED, small.INTERLEAVED, small.REFRESHED, small.POOR, power__sleep=("1 us for 90 us", "96 us for 90 us"), images=60)
    for _, _, off, _, ended in of(told, "slept"):
        busy = [entry for entry in told.listener.happenings if entry[0].endswith(("array", "transfer")) and entry[2] < ended and entry[3] > off]
        assert not [entry for entry in busy if not entry[0].startswith("chip/")]
    assert len(of(told, "slept")) == 2


def test_refreshes_after_a_sleep_draw_noise_of_their_own(small, monkeypatch):
    """The noise of writing rows is keyed by a number that goes on after a sleep, so no row gets the same noise twice."""
    made = small.build(small.QUICK, small.REFRESHED, images=100, layers=LAYERS, cell__kind="3t1c", power__sleep=("7 us for 1 us",), power__wake_up="1 us")
    events, refresh_row = [], made.refresh_row
    monkeypatch.setattr(
        made, "refresh_row", lambda tile, row, now, number, step: (events.append((tile, row, number)), refresh_row(tile, row, now, number, step))
    )
    assert small.simulation(made, small.SimulationState.start(made.scenario), small.Listener()).run()
    assert len(events) == len(set(events)) > 60
    assert {number for _, _, number in events} >= {0, 1, 2}


def test_the_recorder_knows_what_was_lost(small):
    """Sleeping with charge on the capacitors loses weight and is recorded; moved to PCM first, less is lost."""
    lost = {}
    for before in ("transfer", "nothing"):
        made = small.build(
            small.QUICK, images=60, layers=LAYERS, transfer__every="1000 images", power__sleep=("9 us for 1 s",), power__before=before, record__probe_samples=0
        )
        told = small.recorded(made)
        (row,) = told.listener.sleeps
        assert row["asleep"] == pytest.approx(1.0, rel=1e-3)
        assert row["duration"] == pytest.approx(1.0 + 10e-6, rel=1e-3)
        assert row["step"] == 57
        assert 0.0 <= row["accuracy_after"] <= 1.0
        lost[before] = row["weight_change"]
    assert lost["nothing"] > 2 * lost["transfer"] > 0.0


# ---- for want of images -------------------------------------------------------------------------------------------------


def test_the_chip_dozes_off_for_want_of_images(small):
    """With one image every 100 us it sleeps 10 us after it has nothing to do, and wakes with the next image, which is trained after the wake-up."""
    plan = {"host.period": "100 us", "host.jitter": 0.0, "host.latency": "0 s", "power.idle_after": "10 us", "power.before": "nothing"}
    told = slept(small, plan, images=5, transfer__policy="instant")
    send = told.chip.scenario.host.send_ps(12)
    arrivals = [k * 100_000_000 + send for k in range(1, 6)]
    records = of(told, "slept")
    assert len(records) == told.state.power.sleeps == 5
    idle = 10_000_000
    begun = [0, *[at + WAKE_UP + IMAGE for at in arrivals]]
    for (step, asked, off, on, ended), at, since in zip(records, arrivals, begun, strict=False):
        assert (asked, off) == (since + idle, since + idle)
        assert (on, ended) == (at, at + WAKE_UP)
        assert begun.index(since) == step
    assert told.state.training.start_ps == arrivals[-1] + WAKE_UP + IMAGE
    assert told.state.training.waited_ps["host"] == 5 * idle


def test_an_image_that_comes_in_time_keeps_the_chip_awake(small):
    """Where images come before `idle_after` has passed, the chip never sleeps."""
    told = slept(small, host__period="1 us", host__jitter=0.0, power__idle_after="2.1 us")
    assert told.state.training.waited_ps["host"] > 17_000_000
    assert told.state.power.sleeps == 0


def test_an_image_during_the_last_transfer_wakes_the_chip_at_once(small):
    """An image that comes while weights are still being moved before the sleep keeps the chip on, and is trained; the sleep is told as missed."""
    plan = {"host.period": "3 us", "host.jitter": 0.0, "host.latency": "0 s", "power.idle_after": "2 us", "transfer.policy": "stall"}
    told = slept(small, plan, images=6, transfer__every="1000 images")
    records = of(told, "slept")
    assert told.state.power.missed > 0
    assert all(off < on for _, _, off, on, _ in records)
    assert told.state.power.sleeps == len(records)
    assert told.state.training.phase == 6 * 4


def test_sleeps_never_overlap(small, any_life):
    """Whatever puts the chip to sleep, it is on before it goes off again, and on at the end."""
    end = small.moments(small.life(any_life), lambda number: number < 0)[1]
    records = [entry[1:] for entry in end.heard if entry[0] == "slept"]
    assert all(one[4] <= other[1] for one, other in itertools.pairwise(records))
    assert end.state.power.phase == "on"
    assert end.state.power.sleeps == len(records)
