"""Columns that are written while training goes on: in rounds, oldest first, and where capacitors saturate."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from chipsim.events.simulation import SimulationState
from chipsim.run.clocks import warnings
from chipsim.run.detail import tile_track

LAYERS = (12, 8, 4)
IMAGE = 160_000


def written(told, tile):
    """Return the columns of a tile in the order in which they were sampled: start (ps), column."""
    name = f"{tile_track(tile, told.chip.layer_of[tile])}/transfer"
    return [(start, column) for track, what, start, _, _, column, _ in told.listener.happenings if track == name and what == "sample read"]


def watched(small, *groups, images=100, **plain):
    """Run a plan that is told in full."""
    return small.run(small.QUICK, small.WATCHED, *groups, images=images, layers=LAYERS, **plain)


# ---- rounds -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("every", ["100 images", "16 us"])
@pytest.mark.parametrize("spread", [0.0, 0.5, 1.0])
def test_a_round_is_spread_over_its_interval(small, spread, every):
    """Column k of n is not taken up before its share of the interval has passed, and soon after; with a spread of 0 columns follow each other."""
    told = watched(small, small.INTERLEAVED, images=310, transfer__every=every, transfer__spread=spread, transfer__final=False)
    records = told.listener.transfers[:2]
    interval = 100 * IMAGE
    assert [record.exclusive for record in records] == [False, False]
    assert told.state.transfer.late == 0
    for record, number in zip(records, (0, 1), strict=True):
        for tile in range(2):
            columns = told.chip.columns_of(tile)
            starts = written(told, tile)[number * columns : (number + 1) * columns]
            assert [column for _, column in starts] == list(range(columns))
            for start, column in starts:
                due = record.started_ps + int(spread * interval) * column // columns
                assert start >= due
                assert start < due + 3 * IMAGE or spread == 0.0
    assert (records[0].ended_ps - records[0].started_ps > 0.8 * interval) == (spread == 1.0)


def test_every_round_writes_every_column_once(small):
    """A round writes each column of each tile once and turns its polarity over; its record counts what it did."""
    told = watched(small, small.INTERLEAVED, small.TILED, images=420, transfer__every="100 images", transfer__final=False)
    chip, records = told.chip, told.listener.transfers
    assert [record.step for record in records] == [100, 200, 300, 400]
    complete = [record for record in records if record.outcome.squares[1] == 13 * 8 + 9 * 4]
    assert len(complete) >= 3
    for tile in range(chip.tiles):
        columns = [column for _, column in written(told, tile)]
        assert columns[: 3 * chip.columns_of(tile)] == list(range(chip.columns_of(tile))) * 3
        first = int(chip.geometry.tiles[tile][7])
        flips = np.bincount(columns, minlength=chip.columns_of(tile))
        assert chip.columns.polarity[first : first + chip.columns_of(tile)].tolist() == (1.0 - 2.0 * (flips % 2)).tolist()


def test_a_late_round_is_told(small):
    """A round that is due before the one before is complete begins right after it, and is told with figures and backlog."""
    made = small.build(small.QUICK, small.INTERLEAVED, small.POOR, images=60, layers=LAYERS, transfer__every="4 images", record__probe_samples=0)
    told = small.recorded(made)
    state, rounds = told.state.transfer, told.listener.transfers
    assert state.late > 0
    late = [row for row in rounds if row["backlog"]]
    assert max(row["backlog"] for row in late) == state.worst_backlog <= 12
    for one, other in itertools.pairwise(row for row in rounds if not row["exclusive"]):
        if one["backlog"]:
            assert other["now_ps"] == pytest.approx(one["now_ps"] + one["duration"] / small.PS, abs=1)
    (line,) = warnings(told.listener, told.state)
    assert line == (
        f"transfers cannot keep up: {state.late} times one was due before the one before was complete, with up to {state.worst_backlog} columns "
        f"still to be written; {state.rounds} were completed (transfer.every = 4 images)"
    )


def test_a_round_in_time_is_not_told(small):
    """Where every round is complete before the next is due there is nothing to warn of."""
    made = small.build(small.QUICK, small.INTERLEAVED, images=250, layers=LAYERS, transfer__every="100 images", record__probe_samples=0)
    told = small.recorded(made)
    assert warnings(told.listener, told.state) == []
    assert all(row["backlog"] == 0 for row in told.listener.transfers)


def test_what_is_in_hand_at_the_end_is_finished(small):
    """When training ends columns in hand are finished, no more are begun, and the final transfer writes all of them."""
    told = watched(small, small.INTERLEAVED, images=107, transfer__every="100 images")
    *_, last, final = told.listener.transfers
    assert last.exclusive is False
    assert 0 < last.outcome.squares[1] < 13 * 8 + 9 * 4
    assert final.exclusive
    assert final.step == 107
    assert final.outcome.squares[1] == 13 * 8 + 9 * 4
    assert last.ended_ps <= final.started_ps
    assert final.started_ps >= told.state.training.start_ps


# ---- oldest first -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("in_flux", ["lock", "present"])
@pytest.mark.parametrize("tiles", [{}, {"tiles.max_rows": 7, "tiles.max_columns": 5}], ids=["one tile a layer", "several"])
def test_oldest_first_keeps_the_age_where_it_can(small, in_flux, tiles):
    """With arrays and current enough no capacitor gets older than `max_age`, and columns are written hardly more often than that asks."""
    told = watched(small, small.OLDEST, tiles, images=500, transfer__max_age="24 us", transfer__in_flux=in_flux, transfer__max_delay="300 ns")
    state, columns = told.state.transfer, sum(told.chip.columns_of(tile) for tile in range(told.chip.tiles))
    assert 0 < state.oldest_ps <= 24_000_000
    assert state.overdue == 0
    without_final = sum(state.columns.values()) - columns
    assert without_final * 24_000_000 < 1.2 * columns * told.state.training.start_ps
    for tile in range(told.chip.tiles):
        columns = told.chip.columns_of(tile)
        order = [column for _, column in written(told, tile)][:-columns]  # without the final transfer
        rounds = [order[k : k + columns] for k in range(0, len(order) - columns + 1, columns)]
        assert len(rounds) > 2
        assert all(sorted(one) == list(range(columns)) for one in rounds)  # none is written twice before the others are


def test_oldest_first_takes_the_oldest(small):
    """Whenever a tile takes up a column, none of its columns is older."""
    plan = small.QUICK | small.OLDEST | {"transfer.max_age": "10 us", "transfer.max_delay": "300 ns", "transfer.final": False}
    made = small.build(plan, images=200, layers=LAYERS)
    seen, sample = [], made.sample_column

    def watch(tile, column, now_ps, number, step):
        ages = made.ages(tile, now_ps)
        seen.append(ages[column] == ages.max())
        sample(tile, column, now_ps, number, step)

    made.sample_column = watch
    assert small.simulation(made, SimulationState.start(made.scenario), small.Listener()).run()
    assert len(seen) > 30
    assert all(seen)


def test_oldest_first_warns_where_it_cannot(small):
    """With current for two devices at once it falls behind, and says by how much; the same plan with plenty does not."""
    plan = small.QUICK | small.OLDEST | {"record.probe_samples": 0, "transfer.max_age": "16 us"}
    made = small.build(plan, small.POOR, images=300, layers=LAYERS)
    told = small.recorded(made)
    state = told.state.transfer
    assert state.overdue > 0
    (line,) = warnings(told.listener, told.state)
    assert line.startswith(
        f"transfers cannot keep up: {state.overdue} of {sum(state.columns.values())} columns were written too late, the oldest capacitor was "
    )
    assert line.endswith("old, transfer.max_age is 16 us")
    rich = small.recorded(small.build(plan, images=300, layers=LAYERS))
    assert warnings(rich.listener, rich.state) == []


def test_a_sleep_is_no_fault_of_the_transfers(small):
    """Capacitors that grew old while the chip slept are not held against the policy."""
    plan = small.QUICK | small.OLDEST | {"record.probe_samples": 0, "transfer.max_age": "16 us", "transfer.max_delay": "300 ns"}
    told = small.recorded(small.build(plan, images=300, layers=LAYERS, power__sleep=("5 us for 1 ms",), power__before="nothing"))
    assert told.state.transfer.oldest_ps > 10**9
    assert warnings(told.listener, told.state) == []


# ---- saturation ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("probes", [0, 10000])
@pytest.mark.parametrize("policy", ["instant", "stall", "interleave"])
def test_saturation_begins_a_transfer_at_the_look_where_it_is_reached(small, policy, probes):
    """Capacitors are looked at after every so many images, and at no other; a transfer begins at the looks where the share is reached, and only there."""
    plan = {"transfer.policy": policy, "transfer.every": "100000 images", "transfer.final": False, "transfer.saturation": 0.06}
    look = {"transfer.saturation_look": 7, "transfer.saturation_margin": "100 mV", "record.probe_samples": probes, "record.probe_every": "13 ns"}
    made = small.build(small.QUICK, plan, look, images=200, layers=LAYERS)
    looks, share = [], made.saturated_share

    def watch(now_ps):
        looks.append((now_ps, share(now_ps)))
        return looks[-1][1]

    made.saturated_share = watch
    state, listener = SimulationState.start(made.scenario), small.Listener()
    assert small.simulation(made, state, listener).run()
    begun = [(record.step, record.started_ps) for record in listener.transfers]
    reached = sorted({now for now, found in looks if found >= 0.06})
    assert 2 <= len(begun) < len(looks)
    assert all(step % 7 == 0 for step, _ in begun)
    assert [now for _, now in begun] == reached
    if policy != "interleave":
        assert len(looks) == 199 // 7  # one a look, none at the end


def test_a_round_under_way_is_as_good_as_another(small):
    """Where the share stays reached while a round is under way no other is asked for, and nobody is warned."""
    plan = small.INTERLEAVED | small.POOR | {"transfer.every": "100000 images", "transfer.saturation": 0.01, "transfer.saturation_look": 1}
    told = small.recorded(small.build(small.QUICK, plan, images=60, layers=LAYERS, transfer__saturation_margin="250 mV", record__probe_samples=0))
    assert told.state.transfer.rounds >= 3
    assert told.state.transfer.late == 0
    assert warnings(told.listener, told.state) == []


def test_a_sleep_may_begin_at_the_very_look(small):
    """A sleep that is due at the image boundary where capacitors are found saturated begins: no column that rests is begun any more."""
    plan = small.OLDEST | {"transfer.max_age": "1 s", "transfer.saturation": 0.06, "transfer.saturation_look": 5, "transfer.saturation_margin": "100 mV"}
    made = small.build(small.QUICK, plan, images=60, layers=LAYERS, transfer__final=False)
    looks, share = [], made.saturated_share

    def watch(now_ps):
        looks.append((now_ps, share(now_ps)))
        return looks[-1][1]

    made.saturated_share = watch
    assert small.simulation(made, SimulationState.start(made.scenario), small.Listener()).run()
    look = next(now for now, found in looks if found >= 0.06)
    told = small.run(small.QUICK, plan, images=60, layers=LAYERS, transfer__final=False, power__sleep=(f"{look} ps for 1 us",), power__before="nothing")
    (sleep,) = [entry for entry in told.listener.heard if entry[0] == "slept"]
    assert sleep[2] == sleep[3] == look


def test_saturation_hurries_every_column(small):
    """Oldest-first writes all columns of all tiles without a rest once the share is reached, and then rests again."""
    plan = small.OLDEST | {"transfer.max_age": "1 s", "transfer.saturation": 0.06, "transfer.saturation_look": 5, "transfer.saturation_margin": "100 mV"}
    made = small.build(small.QUICK, plan, images=150, layers=LAYERS, transfer__final=False, transfer__max_delay="5 us")
    looks, share, samples, sample = [], made.saturated_share, [], made.sample_column

    def watch(now_ps):
        looks.append((now_ps, share(now_ps)))
        return looks[-1][1]

    def note(tile, column, now_ps, number, step):
        samples.append((tile, column, now_ps))
        sample(tile, column, now_ps, number, step)

    made.saturated_share, made.sample_column = watch, note
    assert small.simulation(made, SimulationState.start(made.scenario), small.Listener()).run()
    first = next(now for now, found in looks if found >= 0.06)
    later = [sample for sample in samples if sample[2] > first]
    assert len(samples) - len(later) <= 4  # not even the first rounds would have been over within the second
    assert sorted((tile, column) for tile, column, _ in later[:12]) == [(0, column) for column in range(8)] + [(1, column) for column in range(4)]
    after = next(found for now, found in looks if now > later[11][2])
    assert after < 0.06
    assert len(samples) < 12 * len(looks)
