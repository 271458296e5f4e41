"""Refresh of capacitors, row by row: when, how often, how late, and what it is good for."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from chipsim.events.simulation import SimulationState
from chipsim.run.clocks import warnings

LAYERS = (12, 8, 4)
ROW = 140_000  # ps to read and write a row


def rows_done(small, *groups, images=200, **plain):
    """Run a chip; return the chip, its state, and what was done to rows: tile, row, when (ps), number of the round."""
    plan = {"cell.kind": "3t1c", "capacitor_refresh.every": "5 us", "capacitor_refresh.max_delay": "300 ns", "record.probe_samples": 0}
    made = small.build(small.QUICK, plan, *groups, images=images, layers=LAYERS, **plain)
    done, refresh_row = [], made.refresh_row

    def note(tile, row, now_ps, number, step):
        done.append((tile, row, now_ps, number))
        refresh_row(tile, row, now_ps, number, step)

    made.refresh_row = note
    told = small.recorded(made)
    return told, done


@pytest.mark.parametrize("tiles", [{}, {"tiles.max_rows": 7, "tiles.max_columns": 5}], ids=["one tile a layer", "several"])
def test_every_row_has_its_turn_in_every_interval(small, tiles):
    """On each tile rows follow each other, evenly spread; row k of n is due k + 1 n-ths into each interval, and done soon after."""
    told, done = rows_done(small, tiles)
    chip = told.chip
    for tile in range(chip.tiles):
        mine = [(row, now, number) for where, row, now, number in done if where == tile]
        rows = chip.rows_of(tile)
        assert [(number, row) for row, _, number in mine] == [divmod(count, rows) for count in range(len(mine))]
        for count, (_, now, _) in enumerate(mine):
            due = 5_000_000 * (count + 1) // rows
            assert due + ROW <= now < due + ROW + 500_000
        assert len(mine) >= (told.state.training.start_ps // 5_000_000) * rows
    assert told.state.refresh.rows == len(done)
    assert told.state.refresh.late == 0
    assert warnings(told.listener, told.state) == []


def test_no_row_waits_longer_than_an_interval_and_a_little(small):
    """Between two refreshes of one row there is an interval, give or take what an operation takes."""
    _, done = rows_done(small)
    for _, group in itertools.groupby(sorted(done), key=lambda entry: entry[:2]):
        times = [now for _, _, now, _ in group]
        assert all(abs(b - a - 5_000_000) < 500_000 for a, b in itertools.pairwise(times))


def test_refreshes_that_cannot_keep_up_are_told(small):
    """Where an interval has hardly time for all rows beside training, rows are late, and the user hears how many and by how much."""
    told, done = rows_done(small, capacitor_refresh__every="1.85 us", capacitor_refresh__max_delay="140 ns", transfer__policy="instant")
    state = told.state.refresh
    assert state.late > 0
    (line,) = warnings(told.listener, told.state)
    assert line.startswith(f"refreshes cannot keep up: {state.late} of {len(done)} rows were more than half an interval late, at most ")
    assert line.endswith("(capacitor_refresh.every = 1.85 us)")
    assert state.latest_ps > 1_850_000 // 2


def test_refresh_keeps_what_would_leak_away(small):
    """Without training, a charged chip that is refreshed for ten retentions holds its weights; one that is not has lost them."""
    kept = {}
    for name, plan in {"refreshed": {"capacitor_refresh.bits": 16}, "left alone": {"capacitor_refresh.every": "1 s"}}.items():
        told, _ = rows_done(
            small,
            small.NO_NOISE,
            small.NO_SPREAD,
            plan,
            images=1500,
            cell__capacitor__retention="24 us",
            network__initial_scale=0.3,
            training__learning_rate=1e-12,
        )
        before = small.build(small.NO_NOISE, small.NO_SPREAD, images=4, layers=LAYERS, cell__kind="3t1c", network__initial_scale=0.3).weights_at(0)
        after = told.chip.weights_at(told.state.now_ps)
        kept[name] = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(before, after, strict=True)], max(np.abs(w).max() for w in after)
    assert min(kept["refreshed"][0]) > 0.9
    assert kept["refreshed"][1] > 0.05
    assert kept["left alone"][1] < 1e-3


@pytest.mark.parametrize("policy", ["instant", "stall", "interleave", "oldest-first"])
def test_refreshes_go_on_beside_transfers(small, policy):
    """Beside every policy rows are refreshed, and the last row in hand is finished before the run ends."""
    plan = {"cell.kind": "2pcm+3t1c", "transfer.policy": policy, "transfer.every": "50 images", "transfer.max_age": "24 us"}
    told, done = rows_done(small, plan)
    assert len(done) > 100
    assert told.state.refresh.jobs == []
    assert max(now for _, _, now, _ in done) <= told.state.now_ps


def test_refreshes_stop_with_training(small):
    """Nothing is refreshed in idle stages, nor after the last image; with the next image rows start from the first again."""
    stages = ({"kind": "train", "images": 40}, {"kind": "idle", "lasts": "50 us"}, {"kind": "train", "images": 40})
    told, done = rows_done(small, images=40, stage=stages)
    ended, began = (entry["now_ps"] for entry in told.listener.stages[:2])
    assert not [now for _, _, now, _ in done if ended < now <= began]
    assert [now for _, _, now, _ in done if now > began]
    assert len({(tile, row, number) for tile, row, _, number in done}) == len(done)


def test_a_new_chip_has_no_refresh(small):
    """Without the table nothing is refreshed."""
    made = small.build(images=10, layers=LAYERS)
    state = SimulationState.start(made.scenario)
    assert small.simulation(made, state, small.Listener()).run()
    assert small.totals(made)["capacitor.refresh"] == 0
    assert state.refresh.jobs == []
