"""What a driver has to charge: the cells on its line, counted for every line that is driven, whether in use or not."""

from __future__ import annotations

import numpy as np
import pytest

from chipsim.kernels import layout

LAYERS = (10, 7, 4)
CUT = {"tiles.max_rows": 4, "tiles.max_columns": 3}
BUILT = {"as large as needed": {}, "full": {"tiles.built": "full"}}
QUANTITIES = {
    "word line.drive load": "word line.drive",
    "bit line.drive load": "bit line.drive",
    "word line.update load": "word line.update slot",
    "bit line.update load": "bit line.update slot",
}


def change(small, made, do):
    """Return how the ledger changes by something that is done."""
    before = small.totals(made)
    do()
    return {name: value - before[name] for name, value in small.totals(made).items()}


def built(tile):
    """Return the word lines and bit lines that a tile has."""
    return int(tile[layout.TILE_BUILT_ROWS]), int(tile[layout.TILE_BUILT_COLUMNS])


def driven(tile, signals, *, rows):
    """Return how many lines of a tile carry a signal."""
    first, count = (layout.TILE_ROW, layout.TILE_ROWS) if rows else (layout.TILE_COLUMN, layout.TILE_COLUMNS)
    return int(np.count_nonzero(signals[tile[first] : tile[first] + tile[count]]))


@pytest.mark.parametrize("name", BUILT)
def test_tiles_are_built_as_the_scenario_says(small, working, name):
    """A tile has the lines of its part of the layer, or all that the largest has; what it uses is the same."""
    del working
    made = small.build(CUT, BUILT[name], images=1, layers=LAYERS)
    fit = [(int(tile[layout.TILE_ROWS]), int(tile[layout.TILE_COLUMNS])) for tile in made.geometry.tiles]
    assert [built(tile) for tile in made.geometry.tiles] == ([(4, 3)] * len(fit) if name == "full" else fit)
    assert sum(rows * columns for rows, columns in fit) == 11 * 7 + 8 * 4


@pytest.mark.parametrize("name", BUILT)
@pytest.mark.parametrize("kind", ["2pcm+3t1c", "2pcm", "3t1c"])
def test_a_read_charges_the_lines_that_it_drives(small, working, kind, name):
    """Forward every row with an input charges the built columns of its tile, backward every column with an error its built rows."""
    del working
    made = small.build(CUT, BUILT[name], images=1, cell__kind=kind, layers=LAYERS)
    for phase, layer, rows in ((0, 0, True), (1, 1, True), (2, 1, False)):
        told = change(small, made, lambda q=phase: made.train(q, q + 1, q * 40_000))
        signals = small.inputs_of(made, layer) if rows else small.errors_of(made, layer)
        lines = [driven(tile, signals, rows=rows) for tile in small.tiles_of(made, layer)]
        loads = [count * built(tile)[rows] for count, tile in zip(lines, small.tiles_of(made, layer), strict=True)]
        line = "word line" if rows else "bit line"
        assert 0 < told[f"{line}.drive"] == sum(lines)
        assert told[f"{line}.drive load"] == sum(loads)
        assert sum(told[load] for load in QUANTITIES) == sum(loads)
        integrated = sum(int(tile[layout.TILE_COLUMNS if rows else layout.TILE_ROWS]) for tile in small.tiles_of(made, layer))
        assert told["read-out.integration"] == told["read-out.conversion"] == integrated


@pytest.mark.parametrize("update", ["stochastic", "deterministic"])
@pytest.mark.parametrize("kind", ["2pcm+3t1c", "2pcm"])
def test_an_update_charges_the_lines_that_it_pulses(small, working, kind, update):
    """Every pulse on a row charges the built columns of its tile, every pulse on a column its built rows."""
    del working
    plan = {"cell.kind": kind, "training.update": update}
    for shape, (rows, columns) in {(): (11, 4), (("tiles.built", "full"), *CUT.items()): (4, 3)}.items():
        made = small.build(plan, dict(shape), images=1, layers=(10, 4))
        made.train(0, 1, 0)
        told = change(small, made, lambda made=made: made.train(1, 2, 40_000))
        assert told["word line.update slot"] > 0
        assert told["word line.update load"] == columns * told["word line.update slot"]
        assert told["bit line.update slot"] > 0
        assert told["bit line.update load"] == rows * told["bit line.update slot"]


@pytest.mark.parametrize("update", ["stochastic", "deterministic"])
def test_cutting_a_layer_changes_drivers_but_no_loads(small, working, update):
    """Tiles that are as large as needed split a line over several drivers; the cells that are charged in training stay the same."""
    del working
    whole, cut = (small.build(plan, images=1, training__update=update, layers=(10, 4)) for plan in ({}, CUT))
    one, many = (change(small, made, lambda made=made: made.train(0, 2, 0)) for made in (whole, cut))
    for load, drive in QUANTITIES.items():
        assert many[load] == one[load]
        assert many[drive] >= one[drive]
    assert many["word line.drive"] == 2 * one["word line.drive"] > 0  # four columns in tiles of three


@pytest.mark.parametrize("name", BUILT)
def test_programming_charges_the_rows_of_its_devices(small, working, name):
    """Each RESET and each ramp charges the built columns of its tile, on every tile of its own."""
    del working
    made = small.build(CUT, BUILT[name], images=1, layers=LAYERS)
    for number, tile in enumerate(made.geometry.tiles):

        def write(number=number):
            made.sample_column(number, 0, 1000, 1, 0)
            made.aim_column(number, 0)
            outcome = made.new_outcome()
            for attempt in (1, 2):
                made.reset_column(number, 0, attempt, 1, 0, outcome)
                made.ramp_column(number, 0, attempt, 1, 0, outcome)
                made.verify_column(number, 0, attempt, 1, 0, outcome)

        told = change(small, made, write)
        assert told["pcm.RESET pulse"] >= 2 * int(tile[layout.TILE_ROWS])
        assert told["word line.RESET load"] == built(tile)[1] * told["pcm.RESET pulse"]
        assert told["word line.SET load"] == built(tile)[1] * told["pcm.SET ramp"]
        assert told["transfer.sample read"] == int(tile[layout.TILE_ROWS])


@pytest.mark.parametrize("shape, columns", [({}, 4), (CUT | BUILT["full"], 3)], ids=["one tile", "full tiles"])
def test_pulsed_pairs_charge_the_rows_of_their_devices(small, working, shape, columns):
    """Writing initial weights, SET pulses of training and refreshes of saturated pairs charge the built columns, pulse by pulse."""
    del working
    plan = {"cell.kind": "2pcm", "cell.pcm.partial_set.refresh_above": "3 uS", "cell.pcm.partial_set.refresh_below": "2 uS"}
    made = small.build(plan, shape, images=1, training__learning_rate=2.0, layers=(10, 4))
    first = small.totals(made)
    trained = change(small, made, lambda: made.train(0, 2, 0))
    made.cells.g_plus[made.cells.g_plus > 0] = 9.0
    refreshed = change(small, made, lambda: made.refresh_pairs(1, 0))
    for told in (first, trained, refreshed):
        assert told["pcm.SET pulse"] > 0
        assert told["word line.SET load"] == columns * told["pcm.SET pulse"]
        assert told["word line.RESET load"] == columns * told["pcm.RESET pulse"]
    assert first["pcm.RESET pulse"] > 0
    assert refreshed["pcm.RESET pulse"] > 0
