"""One attempt at a column, step by step: the same bits as all at once, and what reads see in between."""

from __future__ import annotations

import numpy as np
import pytest

from chipsim.kernels import layout

LAYERS = (9, 7, 4)
NOW = 10_000_000
IDEAL = {"cell.pcm.programming": "ideal"}
SPLIT = {"tiles.max_rows": 6, "tiles.max_columns": 3}


def worked(small, *groups, **plain):
    """Return a chip whose capacitors hold something, as after some training."""
    made = small.build(*groups, layers=LAYERS, images=6, **plain)
    rng = np.random.default_rng(2)
    real = made.cells.leak > 0
    made.cells.overdrive[real] += rng.normal(0.0, 0.1, real.sum()).astype(np.float32)
    return made


def write(made, tile, column, number, outcome, between=lambda: None):
    """Write one column in steps, with something done after each; return how many attempts it took."""
    made.sample_column(tile, column, NOW, number, 1)
    pending, attempt = made.aim_column(tile, column), 0
    assert pending == 2 * made.rows_of(tile)
    while pending:
        attempt += 1
        ramps, ramp_ps = made.reset_column(tile, column, attempt, number, 1, outcome)
        assert (ramps > 0) == (ramp_ps > 0)
        assert ramps <= pending
        between()
        if ramps:
            made.ramp_column(tile, column, attempt, number, 1, outcome)
            between()
        pending = made.verify_column(tile, column, attempt, number, 1, outcome)
        between()
    made.finish_column(tile, column, NOW, number, 1, outcome)
    return attempt


def places(made):
    """Return every column of every tile."""
    return [(tile, column) for tile in range(made.tiles) for column in range(made.columns_of(tile))]


@pytest.mark.parametrize("policy", ["stall", "interleave", "oldest-first"])
@pytest.mark.parametrize("tiles", [{}, SPLIT], ids=["one tile a layer", "several"])
def test_steps_give_the_bits_of_an_instant_transfer(small, working, policy, tiles):
    """Sampled, RESET, ramped, verified and preset in steps, column by column, a chip ends in the bytes of an instant transfer."""
    del working
    once = worked(small, tiles)
    told = once.transfer_now(NOW, 5, 1)
    steps = worked(small, tiles, transfer__policy=policy)
    outcome = steps.new_outcome()
    attempts = [write(steps, tile, column, 5, outcome) for tile, column in places(steps)]
    assert max(attempts) > 1
    assert not small.differences(small.snapshot(once), small.snapshot(steps))
    for name in ("numbers", "squares", "tries", "errors"):
        assert getattr(told, name).tolist() == getattr(outcome, name).tolist(), name


def test_the_order_of_columns_does_not_matter(small, working):
    """Columns written in any order get the same devices: draws are keyed by place, attempt and number."""
    del working
    forth, back = (worked(small, SPLIT, transfer__policy="interleave") for _ in range(2))
    for made, order in ((forth, places(forth)), (back, places(back)[::-1])):
        outcome = made.new_outcome()
        for tile, column in order:
            write(made, tile, column, 5, outcome)
    for name in ("g_plus", "g_minus", "nu_plus", "nu_minus", "pcm", "noise"):
        assert getattr(forth.cells, name).tobytes() == getattr(back.cells, name).tobytes(), name


def test_training_in_between_does_not_change_what_is_programmed(small, working):
    """Images learnt between the steps of a column leave its devices the same: the targets were fixed when it was read."""
    del working
    quiet, busy = (worked(small, transfer__policy="interleave", transfer__in_flux="present") for _ in range(2))
    phase = 0

    def learn():
        nonlocal phase
        busy.train(phase, phase + 1, NOW)
        phase += 1

    outcomes = quiet.new_outcome(), busy.new_outcome()
    for column in range(3):
        write(quiet, 0, column, 5 + column, outcomes[0])
        write(busy, 0, column, 5 + column, outcomes[1], learn)
    assert phase > 9
    cells = np.arange(10)[:, None] * int(quiet.geometry.tiles[0][layout.TILE_STRIDE])
    assert quiet.exchange.wanted[cells] == pytest.approx(busy.exchange.wanted[cells])  # the first column was read before any training
    assert quiet.cells.g_plus[cells].tolist() == busy.cells.g_plus[cells].tolist()
    assert quiet.cells.g_minus[cells].tolist() == busy.cells.g_minus[cells].tolist()


@pytest.mark.parametrize("policy, seen", [("stall", False), ("interleave", True), ("oldest-first", True)])
def test_reads_see_a_column_in_flux_as_it_is(small, working, policy, seen):
    """Under interleaved policies what is read of a column after its RESET is the RESET state, and after its ramp the ramped one."""
    del working
    made = worked(small, transfer__policy=policy)
    outcome, before = made.new_outcome(), small.cells_of(made, made.cells.pcm, 0).copy()
    made.sample_column(0, 2, NOW, 5, 1)
    made.aim_column(0, 2)
    for step in (made.reset_column, made.ramp_column):
        step(0, 2, 1, 5, 1, outcome)
        pair = 3.0 * (small.cells_of(made, made.cells.g_plus, 0) - small.cells_of(made, made.cells.g_minus, 0))
        found = small.cells_of(made, made.cells.pcm, 0)
        assert found[:, 2] == pytest.approx(pair[:, 2] if seen else before[:, 2], abs=1e-5)
        others = np.arange(7) != 2
        assert (found[:, others] == before[:, others]).all()
    assert np.abs(before[:, 2]).max() > 1.0


def test_a_read_of_a_reset_column_gives_next_to_nothing(small, working):
    """A forward read while a column is RESET sees no more of its pairs than the RESET state: its output is what the capacitors make of it."""
    del working
    made = worked(small, IDEAL, small.NO_NOISE, transfer__policy="interleave", transfer__in_flux="present")
    made.sample_column(0, 2, NOW, 5, 1)
    made.aim_column(0, 2)
    made.reset_column(0, 2, 1, 5, 1, made.new_outcome())
    made.train(0, 1, NOW)
    inputs = small.inputs_of(made, 0)
    signal = small.conductances(made, 0, NOW) - small.references(made, 0, NOW)
    assert small.outputs_of(made, 0)[2] == pytest.approx((inputs @ signal)[2] / 40.0, abs=1e-3)
    assert np.abs(small.outputs_of(made, 0) - (inputs @ signal) / 40.0).max() > 0.05


def test_only_what_missed_is_tried_again(small, working):
    """A second attempt RESETs and ramps the devices that missed their target, and leaves all others as they are."""
    del working
    made = worked(small, cell__pcm__ramp__tolerance="0.2 uS")
    outcome = made.new_outcome()
    made.sample_column(0, 1, NOW, 5, 1)
    made.aim_column(0, 1)
    made.reset_column(0, 1, 1, 5, 1, outcome)
    made.ramp_column(0, 1, 1, 5, 1, outcome)
    missed = made.verify_column(0, 1, 1, 5, 1, outcome)
    cells = np.arange(10) * int(made.geometry.tiles[0][layout.TILE_STRIDE]) + 1
    pending = made.exchange.pending[cells].copy()
    assert 0 < missed == sum(int(mask).bit_count() for mask in pending) < 20
    held = made.cells.g_plus[cells].copy(), made.cells.g_minus[cells].copy()
    resets = small.totals(made)["pcm.RESET pulse"]
    ramps, _ = made.reset_column(0, 1, 2, 5, 1, outcome)
    assert ramps == missed  # a device without a target never misses
    assert small.totals(made)["pcm.RESET pulse"] - resets == missed
    for bit, (now, before) in enumerate(zip((made.cells.g_plus[cells], made.cells.g_minus[cells]), held, strict=True)):
        same = (pending & (1 << bit)) == 0
        assert (now[same] == before[same]).all()
        assert (now[~same] != before[~same]).all()


def test_groups_take_the_time_of_their_longest_ramp(small, working):
    """Ramps at once take as long as the longest; under a small budget groups follow each other, each as long as its longest."""
    del working
    one, all_ = (
        worked(small, IDEAL, transfer__policy="stall", transfer__programming_current=current, cell__pcm__reset__current="100 uA")
        for current in ("150 uA", "50 mA")
    )
    times = []
    for made in (one, all_):
        made.sample_column(0, 1, NOW, 5, 1)
        made.aim_column(0, 1)
        ramps, ramp_ps = made.reset_column(0, 1, 1, 5, 1, made.new_outcome())
        target = np.abs(made.exchange.target[np.arange(10) * int(made.geometry.tiles[0][layout.TILE_STRIDE]) + 1].astype(np.float64))
        ramp = made.scenario.cell.pcm.ramp
        lengths = [int(ramp.steps * ramp.shortest_step * (ramp.longest_step / ramp.shortest_step) ** (t / ramp.maximum) + 0.5) for t in target if t > 0]
        assert ramps == len(lengths)
        times.append((ramp_ps, lengths))
    assert times[0][0] == pytest.approx(sum(times[0][1]), abs=len(times[0][1]))
    assert times[1][0] == pytest.approx(max(times[1][1]), abs=1)
