"""A run that is stopped anywhere and rebuilt from plain data goes on as if nothing had happened."""

from __future__ import annotations

import copy
import pickle

import pytest

from chipsim.chip.analog import AnalogChip
from chipsim.events.column import Stage
from chipsim.events.simulation import SimulationState

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


def stopped(small, made, every):
    """Run to the end; return what there was after every `every`-th event, with what had been told by then, and the end."""
    state, listener = SimulationState.start(made.scenario), small.Listener()
    simulation = small.simulation(made, state, listener)
    moments = []
    seen = 0

    def look():
        nonlocal seen
        seen += 1
        if seen % every == 0:
            moments.append((*small.saved(made, state), list(listener.heard)))
        return False

    assert simulation.run(look)
    return moments, (small.snapshot(made), copy.deepcopy(state), list(listener.heard))


def resumed(small, made, moment):
    """Build a new chip and new processes from plain data and run them to the end."""
    arrays, state, heard = moment
    again = AnalogChip(made.scenario, made.data, made.plan)
    small.restore(again, arrays)
    state, listener = copy.deepcopy(state), small.Listener(heard=list(heard))
    assert small.simulation(again, state, listener).run()
    return small.snapshot(again), state, listener.heard


def assert_same(small, one, other):
    """Compare arrays, states and what was told."""
    assert not small.differences(one[0], other[0])
    assert one[2] == other[2]
    assert pickle.dumps(_plain(one[1])) == pickle.dumps(_plain(other[1]))


def _plain(state):
    """Return a state as text: equal states pickle alike only if they share alike, which a copy need not."""
    return repr(state)


@pytest.mark.parametrize("sampling", ["per-column", "at-start"])
def test_any_event_of_a_stalled_run_is_a_place_to_stop(small, sampling):
    """Stopped after every third event (training, in mid-transfer, in the final transfer) and rebuilt, a run ends in the same bytes."""
    made = small.build(STALL, images=IMAGES, layers=LAYERS, transfer__sampling=sampling)
    moments, end = stopped(small, made, 3)
    stages = {job.stage for _, state, _ in moments for job in state.transfer.jobs}
    assert stages == set(Stage) - {Stage.IDLE}
    assert any(state.current.waiting for _, state, _ in moments)
    assert len(moments) > 100
    for moment in moments:
        assert_same(small, resumed(small, made, moment), end)


@pytest.mark.parametrize("sampling", ["per-column", "at-start"])
def test_the_moment_between_transfer_and_training_is_a_place_to_stop(small, sampling):
    """Stopped after any event around the end of a transfer, when training has been called but has not gone on, a run ends in the same bytes."""
    made = small.build(STALL, images=IMAGES, layers=LAYERS, transfer__sampling=sampling)
    moments, end = stopped(small, made, 1)
    between = [moment for moment in moments if moment[1].training.waiting and not moment[1].transfer.jobs]
    assert between
    for moment in between:
        assert_same(small, resumed(small, made, moment), end)


@pytest.mark.parametrize("kind", ["2pcm+3t1c", "2pcm", "3t1c"])
def test_any_event_of_a_training_run_is_a_place_to_stop(small, kind):
    """Stopped between windows or in the middle of an image, also where transfers and refreshes take no time, a run ends in the same bytes."""
    plan = STALL | {"transfer.policy": "instant", "refresh.every": "5 images", "record.probe_every": "170 ns"}
    made = small.build(plan, images=IMAGES, layers=LAYERS, cell__kind=kind)
    moments, end = stopped(small, made, 2)
    assert len(moments) > 2
    for moment in moments:
        assert_same(small, resumed(small, made, moment), end)


def test_retention_reads_are_places_to_stop(small):
    """Stopped among the reads of a retention measurement, a run ends in the same bytes."""
    made = small.build(images=4, layers=LAYERS, training__epochs=0, retention__start="1 us", retention__end="1 s", retention__per_decade=2)
    moments, end = stopped(small, made, 1)
    assert len(moments) >= 12
    for moment in moments:
        assert_same(small, resumed(small, made, moment), end)


def test_the_state_is_plain_data(small):
    """The state of all processes survives pickling in the middle of a transfer, and is equal afterwards."""
    made = small.build(STALL, images=IMAGES, layers=LAYERS)
    moments, _ = stopped(small, made, 40)
    middle = next(state for _, state, _ in moments if state.transfer.jobs)
    assert repr(pickle.loads(pickle.dumps(middle))) == repr(middle)  # noqa: S301  bytes made one line above
