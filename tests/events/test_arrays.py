"""Who uses which array when: never two at once, every image once, nobody held up for too long, and all of it counted."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chipsim.events.arrays import Access, Arrays, TileState
from chipsim.events.clock import Clock, Rank
from chipsim.events.simulation import SimulationState
from chipsim.events.training_state import TrainingState
from chipsim.run.detail import tile_track
from chipsim.scenario.cycle import Cycle

TRAINING = ("forward", "backward", "update")


@pytest.fixture(scope="module")
def lived(small):
    """Return a function that runs one of the lives, watched all the time, once."""
    known = {}

    def run(name):
        if name not in known:
            made = small.life(name, small.WATCHED)
            state, listener = SimulationState.start(made.scenario), small.Listener()
            assert small.simulation(made, state, listener).run()
            known[name] = small.Told(made, state, listener)
        return known[name]

    return run


def array_tracks(small, told):
    """Return what was done on the array of every tile."""
    return [small.on(told, f"{tile_track(tile, layer)}/array") for tile, layer in enumerate(told.chip.layer_of)]


def overlaps(small, told):
    """Return pairs of uses of one array that overlap."""
    return [pair for track in array_tracks(small, told) for pair in itertools.pairwise(track) if pair[1][0] < pair[0][1]]


def phases(small, told):
    """Return the phases of training: start, end, what, image."""
    return [entry for entry in small.on(told, "chip/training") if not entry[2].startswith("waits")]


def misplaced(small, told):
    """Return phases that are not the next one of their image, or do not take their time."""
    chip, found = told.chip, phases(small, told)
    whats = ["forward"] * chip.layers + ["backward"] * (chip.layers - 1) + ["update"]
    expected = [(chip.phase_ps[phase], whats[phase], image) for image in range(chip.plan.steps) for phase in range(len(whats))]
    seen = [(end - start, what.split()[0], image) for start, end, what, image in found]
    return [pair for pair in itertools.zip_longest(seen, expected) if pair[0] != pair[1]]


def delays(small, told):
    """Return by image how long tiles held it up."""
    held = {}
    for start, end, what, image in small.on(told, "chip/training"):
        if what == "waits for tile":
            held[image] = held.get(image, 0) + end - start
    return held


def limit(told):
    """Return the longest that an image may be held up."""
    scenario = told.chip.scenario
    allowed = [scenario.transfer.max_delay] if scenario.transfer.interleaved else [0]
    return max(allowed + ([scenario.capacitor_refresh.max_delay] if scenario.capacitor_refresh else []))


def unexplained(small, told):
    """Return stretches between two phases of one run of training that no wait accounts for."""
    between = set(itertools.accumulate(told.chip.plan.stage_images))
    pairs = itertools.pairwise(small.on(told, "chip/training"))
    return [(a, b) for a, b in pairs if a[1] != b[0] and not (a[2] == "update" and a[3] + 1 in between)]


def test_no_array_is_used_twice_at_once(small, lived, any_life):
    """Phases of training, operations on columns and refreshes of rows never overlap on one array."""
    told = lived(any_life)
    whats = {what.split()[0] for track in array_tracks(small, told) for _, _, what, _ in track}
    assert set(TRAINING) < whats
    assert not overlaps(small, told)


def test_every_image_is_trained_once_and_in_order(small, lived, any_life):
    """Every phase of every image happens once, in order, and takes its time, whatever happens beside it."""
    assert not misplaced(small, lived(any_life))


def test_no_image_is_held_up_for_too_long(small, lived, any_life):
    """The delays of an image's phases together stay within `max_delay`, and are what the state has counted."""
    told = lived(any_life)
    held, training = delays(small, told), told.state.training
    assert max(held.values(), default=0) <= limit(told)
    assert sum(held.values()) == training.delayed_ps
    assert max(held.values(), default=0) == training.longest_delay_ps


def test_training_waits_for_nothing_that_is_not_told(small, lived, any_life):
    """Phases follow each other without a gap, but for waits that are told with their reason, and for what lies between stages."""
    assert not unexplained(small, lived(any_life))


def test_chip_time_is_training_waits_and_delays(small, lived, any_life):
    """The moment at which training ends is images, waits and delays, to the picosecond."""
    told = lived(any_life)
    training, chip = told.state.training, told.chip
    if chip.scenario.stage:
        waited = sum(end - start for start, end, what, _ in small.on(told, "chip/training") if what.startswith("waits"))
        assert training.stalled_ps == waited
    else:
        assert training.start_ps == chip.plan.steps * chip.image_ps + sum(training.waited_ps.values()) + training.delayed_ps


def test_powered_time_and_sleep_are_chip_time(small, lived, any_life):
    """The ledger's time under power and asleep together are the chip time of the run, whatever took it."""
    told = lived(any_life)
    amounts = small.totals(told.chip)
    both = amounts["chip.powered time"] + amounts["chip.asleep time"]
    assert both == pytest.approx(told.state.now_ps * small.PS, rel=1e-12, abs=1e-16)
    assert amounts["chip.asleep time"] == pytest.approx(told.state.power.asleep_ps * small.PS, rel=1e-12)


def test_use_of_arrays_is_what_was_told(small, lived, any_life):
    """The time counted for operations on every array is the sum of what was told of it."""
    told = lived(any_life)
    for track, tile in zip(array_tracks(small, told), told.state.tiles, strict=True):
        assert sum(end - start for start, end, what, _ in track if what.split()[0] not in TRAINING) == sum(tile.monitor.busy.values())


@given(data=st.data())
def test_any_plan_keeps_all_of_this(small, data):
    """Whatever is combined: no overlap, every image once and in order, no image held up for too long, all time accounted for."""
    plan = data.draw(small.plans())
    told = small.run(plan, small.WATCHED, layers=plan["network.layers"], images=14)
    assert not overlaps(small, told)
    assert not misplaced(small, told)
    assert not unexplained(small, told)
    assert max(delays(small, told).values(), default=0) <= limit(told)
    amounts = small.totals(told.chip)
    assert amounts["chip.powered time"] + amounts["chip.asleep time"] == pytest.approx(told.state.now_ps * small.PS, rel=1e-12, abs=1e-16)


# ---- locks -------------------------------------------------------------------------------------------------------------


def trained_in_flux(small, told):
    """Return the phases of training that a tile took part in while one of its columns was in flux."""
    found = []
    for tile, layer in enumerate(told.chip.layer_of):
        name = tile_track(tile, layer)
        used = [entry for entry in small.on(told, f"{name}/array") if entry[2].split()[0] in TRAINING]
        operations = small.on(told, f"{name}/transfer")
        begins = [start for start, _, what, _ in operations if what == "sample read"]
        ends = [end for _, end, what, _ in operations if what == "preset"]
        found += [(name, use, flux) for flux in zip(begins, ends, strict=True) for use in used if use[0] < flux[1] and flux[0] < use[1]]
    return found


@pytest.mark.parametrize("beside", ["nothing", "refresh", "slow host", "fast host"])
@pytest.mark.parametrize("policy", ["INTERLEAVED", "OLDEST"])
def test_a_lock_holds_until_the_column_is_done(small, policy, beside):
    """With in_flux = "lock" and all the time in the world a tile takes no part in training from the sample read to the preset."""
    extra = {"nothing": {}, "refresh": small.REFRESHED, "slow host": small.SLOW_HOST, "fast host": small.FAST_HOST}[beside]
    plan = small.QUICK | small.TILED | small.POOR | getattr(small, policy) | extra | small.WATCHED
    told = small.run(plan, layers=(12, 8, 4), images=14, transfer__max_delay="1 ms")
    assert not trained_in_flux(small, told)
    present = small.run(plan, layers=(12, 8, 4), images=14, transfer__max_delay="1 ms", transfer__in_flux="present")
    assert trained_in_flux(small, present)


def test_a_lock_gives_way_in_time(small):
    """With in_flux = "lock" and a short `max_delay` an image passes through a column that takes longer."""
    told = small.run(small.QUICK, small.INTERLEAVED, small.POOR, small.WATCHED, layers=(12, 8, 4), images=14)
    assert trained_in_flux(small, told)


# ---- one array at a time, by hand -----------------------------------------------------------------------------------------

PHASE = 100


class Bench:
    """Two layers on a tile each, phases of 100 ps; training stands where a test puts it."""

    def __init__(self, now_ps=0, **training):
        self.clock = Clock(now_ps)
        self.training = TrainingState(**({"began": True, "until": 9} | training))
        self.states = [TileState(), TileState()]
        self.arrays = Arrays(self.clock, self.states, self.training, Cycle((PHASE,) * 4), (0, 1), lambda: 0)


def test_an_operation_fits_into_a_rest():
    """While the second layer is read forward, then backward, the first one has room for what ends before the update."""
    bench = Bench(now_ps=100, phase=1, start_ps=100, image_ps=0)
    nothing = Access(0, yields=False)
    assert [bench.arrays.room(0, lasts, nothing) for lasts in (50, 100, 200, 201)] == [4, 2, 1, 0]
    assert bench.arrays.room(1, 1, nothing) == 0


def test_an_operation_may_hold_an_image_up():
    """Beyond the rest there is room for as long as the image may be held up, counted over all of its phases."""
    bench = Bench(now_ps=100, phase=1, start_ps=100, image_ps=0)
    assert bench.arrays.room(0, 10, Access(35, yields=False)) == 23
    bench = Bench(now_ps=130, phase=1, start_ps=130, image_ps=0)  # 30 of the 35 ps are spent
    assert bench.arrays.room(0, 10, Access(35, yields=False)) == 20
    assert bench.arrays.room(0, 5, Access(35, yields=False)) == 41


def test_a_phase_under_way_keeps_its_array():
    """A phase that has begun and not ended has its array to itself; the other layer's is free."""
    bench = Bench(now_ps=150, phase=1, start_ps=100, image_ps=0)
    assert bench.arrays.room(1, 1, Access(10**6, yields=False)) == 0
    assert bench.arrays.room(0, 150, Access(0, yields=False)) == 1
    assert bench.arrays.retry_ps(1) == 200


def test_training_gets_its_turn_between_two_operations():
    """An operation that yields does not hold up the phase that the last one has held up already."""
    yielding = Access(150, yields=True)
    bench = Bench(now_ps=90, phase=1, start_ps=100, image_ps=0)
    assert bench.arrays.room(1, 140, yielding) == 1
    assert bench.arrays.take(1, 140) == 230
    bench.clock.at(230, Rank.PROBE)
    bench.clock.step()
    bench.training.start_ps = 230
    assert bench.arrays.room(1, 110, yielding) == 0
    assert bench.arrays.room(1, 10, Access(150, yields=False)) == 2


def test_what_fits_into_a_rest_waits_for_one():
    """An operation that yields holds nothing up where its tile has rests that are long enough; one that does not, does."""
    bench = Bench(now_ps=90, phase=1, start_ps=100, image_ps=0)
    assert bench.arrays.room(1, 40, Access(150, yields=True)) == 0
    assert bench.arrays.room(1, 40, Access(150, yields=False)) == 4
    assert bench.arrays.room(1, 10, Access(150, yields=True)) == 1
    assert bench.arrays.retry_ps(1) == 200
    resting = Bench(now_ps=400, phase=4, start_ps=400, image_ps=400)
    assert resting.arrays.room(1, 40, Access(150, yields=True)) == 2


@pytest.mark.parametrize("stands", [{"waiting": "transfer"}, {"waiting": "sleep"}, {"done": True}, {"began": False}])
def test_arrays_are_free_where_training_stands_still(stands):
    """During a transfer, before a sleep, after training and before it there is room without limit."""
    bench = Bench(now_ps=10**6, **stands)
    for tile in (0, 1):
        assert bench.arrays.room(tile, 10**15, Access(1, yields=True)) >= 1


def test_an_image_from_the_host_may_come_at_any_moment():
    """While training waits for the host there is room for what an image that comes at once may be held up by, and a lock lasts no longer."""
    bench = Bench(now_ps=500, phase=4, start_ps=400, image_ps=400, waiting="host")
    assert bench.arrays.room(0, 30, Access(100, yields=False)) == 3
    bench.arrays.keep(1, Access(100, yields=False))
    assert bench.states[1].kept_ps == 600
    assert bench.arrays.free_ps(1) == 600
    bench.arrays.let_go(1)
    assert bench.arrays.all_free(500)


def test_a_kept_array_is_kept_for_as_long_as_allowed():
    """A tile that waits for current keeps training out until the image has been held up for as long as allowed; use by others does not end that."""
    bench = Bench(now_ps=100, phase=1, start_ps=100, image_ps=0)
    bench.arrays.keep(1, Access(70, yields=False))
    assert bench.arrays.free_ps(1) == 170
    assert bench.arrays.kept_ps(1, 100) == 170
    bench.arrays.take(1, 20)
    assert bench.arrays.free_ps(1) == 170
    bench.arrays.let_go(1)
    assert bench.arrays.free_ps(1) == 120
    assert bench.arrays.kept_ps(1, 100) == 100


# ---- waiting for current and read-outs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["INTERLEAVED", "OLDEST", "STALLED"])
@pytest.mark.parametrize("budget", ["rich", "poor"])
def test_every_wish_is_in_the_histogram_once(small, monkeypatch, policy, budget):
    """Every RESET, every ramp and every verify read of a column is one wish, and shows in the waiting times once; the rich never wait."""
    plan = small.QUICK | small.TILED | getattr(small, policy) | (small.POOR if budget == "poor" else {})
    made = small.build(plan, layers=(12, 8, 4), images=14)
    done = {"current": 0, "read_outs": 0}

    def counted(name, pool):
        method = getattr(made, name)

        def call(*arguments):
            done[pool] += 1
            return method(*arguments)

        monkeypatch.setattr(made, name, call)

    for name, pool in (("reset_column", "current"), ("ramp_column", "current"), ("verify_column", "read_outs")):
        counted(name, pool)
    state = SimulationState.start(made.scenario)
    assert small.simulation(made, state, small.Listener()).run()
    assert done["current"] > done["read_outs"] > 0
    for pool, wishes in done.items():
        monitor = getattr(state, pool).monitor
        assert sum(monitor.waits) == wishes
        assert sum(monitor.queue.values()) == monitor.waited_ps
        assert (monitor.waits[0] < wishes) == (budget == "poor")
        low = sum(count * 2 ** max(k - 1, 0) for k, count in enumerate(monitor.waits) if k)
        assert low <= monitor.waited_ps <= 2 * low
        assert monitor.longest_ps.bit_length() == max(k for k, count in enumerate(monitor.waits) if count)
