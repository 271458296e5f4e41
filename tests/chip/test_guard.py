"""Guards of a chip's state: every fault is found, named and placed; a healthy chip is left alone."""

from __future__ import annotations

import re

import numpy as np
import pytest

from chipsim.chip.guard import LARGEST_NORMAL, check, largest_conductance
from chipsim.errors import NumericalError
from chipsim.events.simulation import SimulationState
from chipsim.kernels import layout, random

NOW_PS = 1_234_567
TILED = {"tiles.max_rows": 7, "tiles.max_columns": 5}
KINDS = ("2pcm+3t1c", "2pcm", "3t1c", "software")
NAMES = {
    "cells.overdrive": "capacitor voltage",
    "cells.pcm": r"F \(G\+ - G-\)",
    "cells.g_plus": r"PCM conductance G\+",
    "cells.g_minus": "PCM conductance G-",
    "cells.nu_plus": r"drift exponent of G\+",
    "cells.nu_minus": "drift exponent of G-",
    "cells.memory_plus": r"partial-SET memory of G\+",
    "cells.memory_minus": "partial-SET memory of G-",
    "rows.pcm_sum": r"sum of G\+ \+ G- of the row",
    "columns.reference": "reference, from its resting voltage,",
    "columns.polarity": "polarity",
    "columns.pcm_sum": r"sum of G\+ \+ G- of the column",
    "columns.programmed": "time of the last verify read",
    "columns.seen": "age seen by reads",
    "signals.inputs": "input",
    "signals.outputs": "output",
    "signals.errors": "error",
    "exchange.wanted": "wanted of a transfer",
    "exchange.target": "target of a transfer",
    "exchange.seen_plus": "seen_plus of a transfer",
    "exchange.seen_minus": "seen_minus of a transfer",
    "amounts.segment_sums": r"[a-z. A-Z]+: sum",
    "amounts.loss": "training loss: sum",
    "weights": "weight",
}
"""What every array of floats is called."""
BEYOND = {
    "cells.pcm": (-130.0, 130.0, "uS"),
    "cells.g_plus": (-0.01, 39.0, "uS"),
    "cells.g_minus": (-0.01, 39.0, "uS"),
    "cells.nu_plus": (-0.001, 0.4, ""),
    "cells.nu_minus": (-0.001, 0.4, ""),
    "cells.memory_plus": (-0.01, 1.01, ""),
    "cells.memory_minus": (-0.01, 1.01, ""),
    "rows.pcm_sum": (-1.0, 900.0, "uS"),
    "columns.reference": (-0.81, 0.41, "V"),
    "columns.polarity": (-1.5, 1.5, ""),
    "columns.pcm_sum": (-1.0, 900.0, "uS"),
    "columns.seen": (-0.001, None, "s"),
    "signals.inputs": (-1.1, 1.1, ""),
    "rows.time": (-1, 2**62 + 1, "ps"),
    "rows.refreshed": (-1, 2**62 + 1, "ps"),
    "columns.time": (-1, 2**62 + 1, "ps"),
    "amounts.segment_counts": (-1, None, ""),
    "amounts.correct": (-1, None, ""),
}
"""Values below and above what an array may hold, where it is bounded, for the default devices and rows of at most 8 cells in use."""


def trained(small, kind, *groups):
    """Return a small chip that has learnt ten images, in tiles."""
    made = small.build(TILED, {"cell.kind": kind}, *groups, layers=(12, 8, 4))
    made.train(0, 10 * len(made.phase_ps), 0)
    return made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", [np.nan, np.inf, -np.inf])
def test_no_float_of_the_state_escapes(small, kind, fault):
    """What is no number, or infinite, is found in the first, a middle and the last entry of every array of floats, and is called by its name."""
    made = trained(small, kind)
    check(made, NOW_PS)
    for name, values in small.arrays_of(made).items():
        if values.dtype.kind != "f" or not values.size:
            continue
        flat = values.reshape(-1)
        for at in (0, flat.size // 2, flat.size - 1):
            before = flat[at]
            flat[at] = fault
            with pytest.raises(NumericalError, match=rf"{NAMES[name]} is -?(nan|inf).* at 1.234567 us of chip time; allowed is "):
                check(made, NOW_PS)
            flat[at] = before
    check(made, NOW_PS)


@pytest.mark.parametrize("name, value", [(name, value) for name, (*values, _) in BEYOND.items() for value in values if value is not None])
def test_what_cannot_be_is_found_in_every_bounded_array(small, name, value):
    """A value below or above what the model can give is found, and named with the value and the range."""
    made = trained(small, "2pcm" if "memory" in name else "2pcm+3t1c")
    unit = BEYOND[name][2]
    flat = small.arrays_of(made)[name].reshape(-1)
    flat[1] = value
    shown = re.escape(f"{flat[1]:g}") + (f" {unit}" if unit else "")
    with pytest.raises(NumericalError, match=rf" is {shown} at .* to "):
        check(made, NOW_PS)


@pytest.mark.parametrize("kind", ["2pcm+3t1c", "3t1c"])
@pytest.mark.parametrize("volts", [-0.25, 1.5])
def test_capacitors_stay_between_ground_and_supply(small, kind, volts):
    """A capacitor below the lowest or above the highest voltage is found by its layer, row and column, whatever its threshold."""
    made = trained(small, kind)
    tile = made.geometry.tiles[-1]
    j, i = int(tile[layout.TILE_ROWS]) - 1, int(tile[layout.TILE_COLUMNS]) - 1
    at = int(tile[layout.TILE_CELL] + j * tile[layout.TILE_STRIDE] + i)
    small.put_deviation(made, at, volts - made.cell.capacitor.resting)
    with pytest.raises(NumericalError) as found:
        check(made, NOW_PS)
    assert str(found.value) == f"layer 2, row 8, column 3: capacitor voltage is {volts} V at 1.234567 us of chip time; allowed is 0 to 1.2 V"


@pytest.mark.parametrize("kind", ["2pcm+3t1c", "2pcm", "3t1c"])
def test_every_cell_is_placed(small, kind):
    """A fault in any cell of any tile is reported at the logical row and column of its layer."""
    made = trained(small, kind)
    for tile in made.geometry.tiles:
        for j in range(tile[layout.TILE_ROWS]):
            for i in range(tile[layout.TILE_COLUMNS]):
                at = tile[layout.TILE_CELL] + j * tile[layout.TILE_STRIDE] + i
                before, made.cells.g_minus[at] = made.cells.g_minus[at], np.nan
                place = f"layer {tile[layout.TILE_LAYER] + 1}, row {tile[layout.TILE_ROW] + j}, column {tile[layout.TILE_COLUMN] + i}: "
                with pytest.raises(NumericalError, match=f"^{place}"):
                    check(made, 0)
                made.cells.g_minus[at] = before


def test_lines_and_signals_are_placed(small):
    """A fault on a line names its layer and row or column, one of a neuron likewise, one of the ledger the images it belongs to."""
    made = trained(small, "2pcm+3t1c", {"record.segment": 4})
    last = {
        "rows.pcm_sum": "layer 2, row 8: ",
        "columns.reference": "layer 2, column 3: ",
        "signals.inputs": "layer 2, row 8: ",
        "signals.outputs": "layer 2, column 3: ",
        "amounts.loss": "images 56 to 59: training loss: ",
        "amounts.segment_sums": "images 56 to 59: chip.asleep time: ",
    }
    for name, place in last.items():
        flat = small.arrays_of(made)[name].reshape(-1)
        before, flat[-1] = flat[-1], np.inf
        with pytest.raises(NumericalError, match=f"^{place}"):
            check(made, 0)
        flat[-1] = before


def test_weights_in_software_are_placed(small):
    """A weight that is no number is reported at its layer, row and column."""
    made = trained(small, "software")
    made._layer(1)[5, 2] = np.nan
    with pytest.raises(NumericalError, match=r"^layer 2, row 5, column 2: weight is nan at 0 s of chip time; allowed is any finite number$"):
        check(made, 0)


def test_padding_is_named_as_such(small):
    """A fault in a padded cell, which reads pass over, is found and said to be there."""
    made = trained(small, "2pcm+3t1c")
    assert made.cells.leak[31] == 0
    made.cells.overdrive[31] = 0.25
    with pytest.raises(NumericalError, match=r"^layer 1, row 0, column 31 \(padding\): capacitor voltage"):
        check(made, 0)


def test_only_the_wanted_bins_of_the_ledger_are_looked_at(small):
    """Of a ledger with many bins those are read that are asked for."""
    made = trained(small, "2pcm+3t1c", {"record.segment": 4})
    made.amounts.segment_sums[1, 0] = np.nan
    for segments in (slice(0, 1), slice(2, None)):
        check(made, 0, segments)
    with pytest.raises(NumericalError, match=r"images 4 to 7: array\.pcm conductance time: sum is nan"):
        check(made, 0, slice(1, 2))


def test_a_healthy_chip_never_fails_and_is_not_touched(small, any_life):
    """After every event of every life, in mid-transfer, asleep or waiting, the guards find nothing; no byte changes."""
    made = small.life(any_life)
    looked = 0

    def look():
        nonlocal looked
        looked += 1
        before = small.snapshot(made) if looked % 50 == 1 else None
        check(made, state.now_ps)
        assert before is None or not small.differences(before, small.snapshot(made))
        return False

    state = SimulationState.start(made.scenario)
    assert small.simulation(made, state, small.Listener()).run(look)
    assert looked > 10


# ---- where the limits come from ----------------------------------------------------------------------------------------


def test_no_normal_draw_is_larger():
    """The first and the last 32-bit words give the draws of the largest size, which is below the bound."""
    sizes = [abs(random.normal(np.uint64(word))) for word in (0, 1, 2, 2**32 - 2, 2**32 - 1)]
    assert 6.3 < max(sizes) < LARGEST_NORMAL


@pytest.mark.parametrize(
    "overrides, limit",
    [
        # the largest spread of the polynomial lies at g = 1.9650 / (2 x 1.1731): 0.26348 + 1.9650^2 / (4 x 1.1731) = 1.08635 uS, doubled where control is lost
        ({}, 25.0 + LARGEST_NORMAL * 2 * 1.08635),
        ({"cell.pcm.ramp.sigma": (0.5, 0.0, 0.0), "cell.pcm.ramp.control_loss": 0.0}, 25.0 + LARGEST_NORMAL * 0.5),
        ({"cell.pcm.ramp.sigma": (-1.0, 0.5, 0.0)}, 25.0),
        ({"cell.pcm.reset.conductance": "100 uS"}, 100.0 * (1 + 0.1 * LARGEST_NORMAL)),
        ({"cell.kind": "2pcm"}, 12.0),
        ({"cell.kind": "2pcm", "cell.pcm.reset.floor": "15 uS"}, 15.0),
        ({"cell.kind": "3t1c"}, 0.0),
    ],
)
def test_the_largest_conductance_follows_from_the_model(small, overrides, limit):
    """Ramps give at most their maximum and the largest draw of the largest spread, RESETs likewise, partial-SET pulses their limit."""
    assert largest_conductance(small.scenario(overrides).cell) == pytest.approx(limit, rel=1e-5)
