"""A run that is stopped anywhere and rebuilt from plain data goes on as if nothing had happened."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chipsim.events.column import Stage

STALL = {
    "transfer.policy": "stall",
    "transfer.every": "5 images",
    "transfer.programming_current": "1.4 mA",
    "transfer.verify_units": 5,
    "tiles.max_rows": 5,
    "tiles.max_columns": 3,
    "training.window": 3,
    "record.accuracy_every": "4 images",
    "record.probe_every": "1.1 us",
    "record.probe_samples": 10000,
    "record.segment": 4,
}
LAYERS = (6, 5, 4)
IMAGES = 12


@pytest.mark.parametrize("sampling", ["per-column", "at-start"])
def test_any_event_of_a_stalled_run_is_a_place_to_stop(small, sampling):
    """Stopped after every third event (training, in mid-transfer, in the final transfer) and rebuilt, a run ends in the same bytes."""
    made = small.build(STALL, images=IMAGES, layers=LAYERS, transfer__sampling=sampling)
    moments, end = small.moments(made, lambda number: number % 3 == 0)
    stages = {job.stage for moment in moments for job in moment.state.transfer.jobs}
    assert stages == set(Stage) - {Stage.IDLE}
    assert any(moment.state.current.waiting for moment in moments)
    assert len(moments) > 100
    for moment in moments:
        assert not small.unlike(small.resumed(made, moment), end)


@pytest.mark.parametrize("sampling", ["per-column", "at-start"])
def test_the_moment_between_transfer_and_training_is_a_place_to_stop(small, sampling):
    """Stopped after any event around the end of a transfer, when training has been called but has not gone on, a run ends in the same bytes."""
    made = small.build(STALL, images=IMAGES, layers=LAYERS, transfer__sampling=sampling)
    moments, end = small.moments(made, lambda number: number > 0)
    between = [moment for moment in moments if moment.state.training.waiting and not moment.state.transfer.jobs]
    assert between
    for moment in between:
        assert not small.unlike(small.resumed(made, moment), end)


@pytest.mark.parametrize("kind", ["2pcm+3t1c", "2pcm", "3t1c"])
def test_any_event_of_a_training_run_is_a_place_to_stop(small, kind):
    """Stopped between windows or in the middle of an image, also where transfers and refreshes take no time, a run ends in the same bytes."""
    plan = STALL | {"transfer.policy": "instant", "refresh.every": "5 images", "record.probe_every": "170 ns"}
    made = small.build(plan, images=IMAGES, layers=LAYERS, cell__kind=kind)
    moments, end = small.moments(made, lambda number: number % 2 == 0)
    assert len(moments) > 2
    for moment in moments:
        assert not small.unlike(small.resumed(made, moment), end)


def test_retention_reads_are_places_to_stop(small):
    """Stopped among the reads of a retention measurement, a run ends in the same bytes."""
    made = small.build(images=4, layers=LAYERS, training__epochs=0, retention__start="1 us", retention__end="1 s", retention__per_decade=2)
    moments, end = small.moments(made, lambda number: number > 0)
    assert len(moments) >= 12
    for moment in moments:
        assert not small.unlike(small.resumed(made, moment), end)


def test_the_state_is_plain_data(small):
    """The state of all processes survives pickling in the middle of a transfer, and is equal afterwards."""
    made = small.build(STALL, images=IMAGES, layers=LAYERS)
    moments, _ = small.moments(made, lambda number: number % 40 == 0)
    middle = next(moment.state for moment in moments if moment.state.transfer.jobs)
    assert repr(pickle.loads(pickle.dumps(middle))) == repr(middle)  # noqa: S301  bytes made one line above


# ---- everything that can happen -----------------------------------------------------------------------------------------

PROBED = {"record.probe_every": "37 ns", "record.probe_samples": 300}


def test_any_event_of_any_life_is_a_place_to_stop(small, any_life):
    """Under every policy, with refresh, sleeps, hosts and stages, a run stopped after every 23rd event and rebuilt ends in the same bytes."""
    made = small.life(any_life, PROBED)
    moments, end = small.moments(made, lambda number: number % 23 == 0)
    assert len(moments) > 8
    for moment in moments:
        assert not small.unlike(small.resumed(made, moment), end), f"after event {moment.number}"


@given(data=st.data())
def test_any_event_of_any_plan_is_a_place_to_stop(small, data):
    """Whatever is combined, and wherever it is stopped, a rebuilt run ends in the same bytes and has told the same."""
    plan = data.draw(small.plans())
    made = small.build(plan, PROBED, images=14, layers=plan["network.layers"], record__probe_every=data.draw(st.sampled_from(["20 ns", "37 ns", "111 ns"])))
    every, first = data.draw(st.integers(60, 120)), data.draw(st.integers(1, 59))
    moments, end = small.moments(made, lambda number: number % every == first)
    for moment in moments:
        assert not small.unlike(small.resumed(made, moment), end), f"after event {moment.number}"


WATCHING = {
    "a tile waits for current and keeps training out": ("interleave at once, poor", lambda state: state.training.blocked),
    "columns in hand are finished before a sleep": ("naps, interleave, refresh", lambda state: state.power.phase == "settling"),
    "the weights are moved before a sleep": ("naps, stall", lambda state: state.power.phase == "transfer"),
    "power is off": ("naps, 3t1c", lambda state: state.power.phase == "off"),
    "power comes back": ("naps, oldest-first, poor", lambda state: state.power.phase == "waking"),
    "the chip is starved": ("slow host, interleave, poor", lambda state: state.training.waiting == "host"),
    "the host cannot go on": ("fast host, stall", lambda state: state.host.ready_ps >= 0),
    "a row is being refreshed": ("refresh alone", lambda state: any(job.running for job in state.refresh.jobs)),
    "columns are hurried": ("oldest-first, poor, saturation", lambda state: any(job.hurry for job in state.transfer.jobs)),
    "a stage is idle": ("stages, stall, saturation", lambda state: state.stages.idle_until_ps > state.now_ps),
    "what goes on beside training comes to its end": ("stages, oldest-first, poor", lambda state: state.ended_ps >= 0),
}


@pytest.mark.parametrize("what", WATCHING)
def test_special_moments_are_places_to_stop(small, what):
    """Moments in which something is under way that seldom is are places to stop as any other."""
    name, wanted = WATCHING[what]
    made = small.life(name, PROBED)
    moments, end = small.moments(made, lambda number: number > 0)
    special = [moment for moment in moments if wanted(moment.state)]
    assert special
    for moment in special[:: max(len(special) // 12, 1)]:
        assert not small.unlike(small.resumed(made, moment), end), f"after event {moment.number}"


@pytest.mark.parametrize("first", ["interleave by time, poor, refresh", "dozing, naps, oldest-first, refresh"])
def test_a_rebuilt_run_can_be_stopped_again(small, first):
    """Stopped, rebuilt, stopped and rebuilt once more, a run still ends in the same bytes."""
    made = small.life(first, PROBED)
    (one,), end = small.moments(made, lambda number: number == 200)
    (two,), again = small.resumed_moments(made, one, lambda number: number == 220)
    assert not small.unlike(again, end)
    assert not small.unlike(small.resumed(made, two), end)


def test_the_same_seed_gives_the_same_bytes(small, any_life):
    """Two runs of one plan from the beginning are the same bytes and tell the same; another seed is not."""
    one, same, other = (small.moments(small.life(any_life, {"seed": seed}), lambda number: number < 0)[1] for seed in (4, 4, 5))
    assert not small.unlike(one, same)
    assert small.unlike(one, other)
