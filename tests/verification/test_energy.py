"""Energy: the parts add up, and the array's share is what voltages and conductances say."""

from __future__ import annotations

import numpy as np
import pytest

from chipsim.costs import COMPONENTS, price
from chipsim.costs.pricing import total
from chipsim.events.simulation import SimulationState
from chipsim.kernels import layout
from chipsim.run.progress import Silent
from chipsim.run.recorder import Recorder
from chipsim.run.results import trace_groups
from chipsim.run.summary import tally_of
from chipsim.silicon import Silicon, account, nested

IMAGES = 12
READ_VOLTAGE = 0.2
SHAPES = {"odd sizes": {}, "small tiles": {"tiles.max_rows": 7, "tiles.max_columns": 5}}


def conductance_time(small, made, phase, start_ps):
    """Return input times conductance times time (S s) of PCM devices and of capacitors for one read, from the arrays in float64."""
    layers = made.layers
    forward = phase < layers
    layer = phase if forward else 2 * layers - 1 - phase
    size = np.abs(small.inputs_of(made, layer))[:, None] if forward else np.abs(small.errors_of(made, layer))[None, :]
    lasts = (made.scenario.timing.forward if forward else made.scenario.timing.backward) * 1e-18
    pcm = capacitor = 0.0
    if made.device.has_pcm:
        pair = small.cells_of(made, made.cells.g_plus, layer) + small.cells_of(made, made.cells.g_minus, layer)
        pcm = float(np.sum(size * pair)) * lasts
    if made.device.has_capacitor:
        capacitor = float(np.sum(size * small.conductances(made, layer, start_ps))) * lasts
        g_ref = small.references(made, layer, start_ps)
        for tile in small.tiles_of(made, layer):  # one reference line a tile is driven beside the cells
            first, rows = tile[layout.TILE_ROW], tile[layout.TILE_ROWS]
            if not forward:
                across = slice(tile[layout.TILE_COLUMN], tile[layout.TILE_COLUMN] + tile[layout.TILE_COLUMNS])
                capacitor += float(np.sum(size[0, across] * g_ref[first, across])) * lasts
            else:
                capacitor += float(np.sum(size[first : first + rows, 0] * g_ref[first : first + rows, tile[layout.TILE_COLUMN]])) * lasts
    return pcm, capacitor


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["2pcm+3t1c", "2pcm", "3t1c"])
def test_conductance_time_follows_from_voltages_and_conductances(small, kind, shape):
    """The conductance-time of every forward and backward read is sum G |x| t, computed apart from the chip's own sums.

    The tolerance is what a row's voltage may lag behind its leak: 2^-12 of the retention.
    """
    made = small.build(SHAPES[shape], images=IMAGES, cell__kind=kind, layers=(21, 13, 9, 4))
    phases = 2 * made.layers
    now, seen = 0, small.totals(made)
    for q in range(IMAGES * phases):
        start, now = now, made.train(q, q + 1, now)
        told = small.totals(made)
        expected = (0.0, 0.0) if q % phases == phases - 1 else conductance_time(small, made, q % phases, start)
        for name, value in zip(("array.pcm conductance time", "array.capacitor conductance time"), expected, strict=True):
            assert told[name] - seen[name] == pytest.approx(value, rel=3e-4, abs=1e-9 * told[name]), f"{name} of phase {q % phases}"
        seen = told


@pytest.mark.parametrize("kind", ["2pcm+3t1c", "2pcm", "3t1c"])
def test_array_energy_integrates_the_power(small, kind):
    """Priced, the ledger's array read is the read voltage squared times the conductance-time added up phase by phase."""
    made = small.build(images=IMAGES, cell__kind=kind, layers=(19, 11, 7, 4))
    phases = 2 * made.layers
    now, joules = 0, 0.0
    for q in range(IMAGES * phases):
        start, now = now, made.train(q, q + 1, now)
        if q % phases < phases - 1:
            joules += sum(conductance_time(small, made, q % phases, start)) * READ_VOLTAGE**2
    rates = Silicon.of(made.scenario).rates
    assert price(small.totals(made), rates)["array read"] == pytest.approx(joules, rel=1e-4)


@pytest.mark.parametrize("policy", ["instant", "stall"])
def test_parts_are_the_total(small, policy):
    """Components, segments and the whole run's amounts all give the same total energy."""
    made = small.build(images=IMAGES, transfer__every="5 images", transfer__policy=policy)
    state, recorder = SimulationState.start(made.scenario), Recorder(made.scenario, made, Silent())
    assert small.simulation(made, state, recorder).run()
    silicon = Silicon.of(made.scenario)
    parts = nested(account(silicon, tally_of(recorder, IMAGES, state)), ["energy_J"])["energy_J"]
    segments = np.asarray(trace_groups(recorder, silicon.rates, state)["energy"]["energy"].data)
    assert set(parts) == {*COMPONENTS, "total"}
    assert min(parts.values()) >= 0.0
    assert parts["total"] == pytest.approx(sum(value for name, value in parts.items() if name != "total"), rel=1e-12)
    assert parts["total"] == pytest.approx(segments.sum(), rel=1e-12)
    assert parts["total"] == pytest.approx(total(price(small.totals(made), silicon.rates)), rel=1e-12)


def test_powered_time_is_chip_time(small):
    """The ledger's time under power, in training and in transfers, is the chip time of the run."""
    told = small.run(images=IMAGES, transfer__every="5 images", transfer__policy="stall")
    assert small.totals(told.chip)["chip.powered time"] == pytest.approx(told.state.now_ps * 1e-12, rel=1e-9)


def test_programming_charge_follows_from_counts(small):
    """RESET charge is current times length times pulses; SET ramps lie between the shortest and the longest."""
    told = small.run(images=IMAGES, transfer__every="5 images")
    amounts, pcm = small.totals(told.chip), told.chip.scenario.cell.pcm
    assert amounts["pcm.RESET charge"] == pytest.approx(amounts["pcm.RESET pulse"] * pcm.reset.current * 1e-6 * pcm.reset.duration * 1e-12, rel=1e-9)
    ramp = pcm.ramp.current * 1e-6 * pcm.ramp.steps * 1e-12 * amounts["pcm.SET ramp"]
    assert ramp * pcm.ramp.shortest_step < amounts["pcm.SET charge"] < ramp * pcm.ramp.longest_step


def test_reads_are_counted_line_by_line(small):
    """Drives, reads, conversions and activations are what the network's shape and its non-zero signals say."""
    made = small.build(images=IMAGES, tiles__max_rows=7, tiles__max_columns=5)
    made.amounts.segment_counts[:] = 0
    phases, sizes = 2 * made.layers, made.scenario.network.layers
    now = driven = columns = 0
    for q in range(IMAGES * phases):
        now = made.train(q, q + 1, now)
        phase = q % phases
        if phase < made.layers:
            driven += np.count_nonzero(small.inputs_of(made, phase)) * -(-sizes[phase + 1] // 5)
        elif phase < phases - 1:
            columns += np.count_nonzero(small.errors_of(made, phases - 1 - phase)) * -(-(sizes[phases - 1 - phase] + 1) // 7)
    told = small.totals(made)
    tiles = [len(small.tiles_of(made, layer)) for layer in range(made.layers)]
    assert told["word line.drive"] == driven
    assert told["bit line.drive"] == columns
    assert told["array.forward read"] == IMAGES * sum(tiles)
    assert told["array.backward read"] == IMAGES * sum(tiles[1:])
    assert told["neuron.activation"] == IMAGES * (sum(sizes[1:]) + sum(sizes[1:-1]))
