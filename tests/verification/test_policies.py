"""Where nothing is lost or drawn, all policies move the same weights; and energy adds up under every one."""

from __future__ import annotations

import numpy as np
import pytest

from chipsim.costs import COMPONENTS, price
from chipsim.costs.pricing import total
from chipsim.run.results import trace_groups
from chipsim.run.summary import tally_of
from chipsim.silicon import Silicon, account, nested

IMAGES = 24
POLICIES = {
    "instant": {"transfer.policy": "instant"},
    "stall": {"transfer.policy": "stall"},
    "interleave": {"transfer.policy": "interleave"},
    "interleave at once": {"transfer.policy": "interleave", "transfer.spread": 0.0},
    "oldest-first": {"transfer.policy": "oldest-first", "transfer.max_age": "3 us"},
}
EXACT = {
    "training.update": "deterministic",
    "cell.pcm.programming": "ideal",
    "cell.capacitor.step_slope": 0.0,
    "transfer.every": "6 images",
    "transfer.in_flux": "lock",
    "transfer.max_delay": "1 ms",
    "training.learning_rate": 0.02,
    "network.initial_scale": 0.3,
}


@pytest.fixture(scope="module")
def trained(small):
    """Return a function that gives the weights of all layers after a run under a policy, and the run."""

    def run(policy, **plain):
        told = small.run(small.QUICK, EXACT, small.NO_NOISE, small.NO_SPREAD, small.NO_LEAK, POLICIES[policy], images=IMAGES, layers=(12, 8, 4), **plain)
        return np.concatenate([weights.ravel() for weights in told.chip.weights_at(told.state.now_ps)]), told

    return run


@pytest.mark.parametrize("tiles", [{}, {"tiles__max_rows": 7, "tiles__max_columns": 5}], ids=["one tile a layer", "several"])
@pytest.mark.parametrize("policy", list(POLICIES)[1:])
def test_all_policies_move_the_same_weights(trained, policy, tiles):
    """With exact programming, equal steps and no leak, it does not matter when a column is moved: weights agree to 1e-5."""
    expected, _ = trained("instant")
    weights, told = trained(policy, **tiles)
    assert np.abs(weights - expected).max() < 1e-5
    assert np.abs(expected).max() > 0.1
    assert sum(told.state.transfer.columns.values()) > 24  # every column at least twice


def test_training_in_flux_costs_what_it_learns(trained):
    """With in_flux = "present" reads see columns that were RESET, so the same run ends in other weights."""
    expected, _ = trained("instant")
    present, _ = trained("interleave at once", transfer__in_flux="present", transfer__max_delay="100 ns")
    assert np.abs(present - expected).max() > 0.01


def test_leak_tells_policies_apart(small, trained):
    """Where capacitors leak, it does matter: the agreement above is no accident of weights that never moved."""
    leaking = {"cell__capacitor__retention": "20 us"}
    plans = [small.run(small.QUICK, EXACT, small.NO_NOISE, small.NO_SPREAD, POLICIES[name], images=IMAGES, layers=(12, 8, 4), **leaking) for name in POLICIES]
    weights = [np.concatenate([w.ravel() for w in told.chip.weights_at(told.state.now_ps)]) for told in plans]
    assert np.abs(weights[1] - weights[0]).max() > 1e-3
    assert np.abs(weights[2] - weights[1]).max() > 1e-3
    del trained


# ---- energy -------------------------------------------------------------------------------------------------------------


def test_parts_segments_and_amounts_are_one_total(small, any_life):
    """Under every policy, with refresh, sleeps, hosts and stages, components, segments and amounts give the same total energy."""
    told = small.recorded(small.life(any_life, {"record.probe_samples": 0}))
    silicon = Silicon.of(told.chip.scenario)
    parts = nested(account(silicon, tally_of(told.listener, told.chip.plan.steps, told.state)), ["energy_J"])["energy_J"]
    segments = np.asarray(trace_groups(told.listener, silicon.rates, told.state)["energy"]["energy"].data)
    assert set(parts) == {*COMPONENTS, "total"}
    assert min(parts.values()) >= 0.0
    assert segments.min() >= 0.0
    assert parts["total"] == pytest.approx(segments.sum(), rel=1e-12)
    assert parts["total"] == pytest.approx(total(price(small.totals(told.chip), silicon.rates)), rel=1e-12)


def test_actions_are_those_of_the_events(small, monkeypatch, any_life):
    """Under every plan wake-ups and bits on the link are counted once each, cells of refreshed rows and of written columns too."""
    made = small.life(any_life, {"record.probe_samples": 0})
    refreshed, write = [], made.refresh_row

    def watched(tile, *which):
        refreshed.append(made.columns_of(tile))
        write(tile, *which)

    monkeypatch.setattr(made, "refresh_row", watched)
    told = small.recorded(made)
    state, amounts, scenario = told.state, small.totals(made), made.scenario
    whole = sum(made.rows_of(tile) * made.columns_of(tile) for tile in range(made.tiles))  # programmed at time zero
    cells = sum(made.rows_of(tile) * columns for tile, columns in state.transfer.columns.items())
    if scenario.transfer.policy == "instant" and scenario.cell.kind == "2pcm+3t1c":
        cells = state.transfer.rounds * whole
    assert len(refreshed) == state.refresh.rows
    assert amounts["capacitor.refresh"] == sum(refreshed)
    assert amounts["power.wake-up"] == state.power.sleeps == len(told.listener.sleeps)
    assert amounts["host link.bit"] == (state.host.sent * 12 * scenario.host.bits if scenario.host else 0)
    assert amounts["transfer.sample read"] == cells
    assert amounts["capacitor.preset"] == cells + whole


def conductance_time(small, made, phase, start_ps):
    """Return input times PCM conductance times time (S s) for one read, from devices as reads see them, in float64."""
    forward = phase < made.layers
    layer = phase if forward else 2 * made.layers - 1 - phase
    size = np.abs(small.inputs_of(made, layer))[:, None] if forward else np.abs(small.errors_of(made, layer))[None, :]
    age = small.spread_lines(made, made.columns.seen, layer, rows=False)
    drift, pair = made.scenario.cell.pcm.drift, 0.0
    for g, nu in ((made.cells.g_plus, made.cells.nu_plus), (made.cells.g_minus, made.cells.nu_minus)):
        pair = pair + small.cells_of(made, g, layer) * drift.factor(age, small.cells_of(made, nu, layer))
    del start_ps
    return float(np.sum(size * pair)) * made.phase_ps[phase] * 1e-18


@pytest.mark.parametrize(
    "name",
    [
        "interleave, present, poor, refresh",
        "oldest-first, poor, saturation",
        "naps, interleave, refresh",
        "stages, stall, saturation",
        "rest first, interleave",
    ],
)
def test_array_energy_is_what_conductances_say(small, monkeypatch, name):
    """In columns that are in flux, were reset, or have drifted overnight, every read costs what its devices conduct."""
    made = small.life(name, {"record.probe_samples": 0, **small.WATCHED})
    train, seen = made.train, []

    def watched(first, last, start_ps):
        before = small.totals(made)["array.pcm conductance time"]
        ended = train(first, last, start_ps)
        if last == first + 1 and first % 4 < 3:
            seen.append((small.totals(made)["array.pcm conductance time"] - before, conductance_time(small, made, first % 4, start_ps)))
        return ended

    monkeypatch.setattr(made, "train", watched)
    told = small.recorded(made)
    assert len(seen) == 3 * told.chip.plan.steps
    found, expected = np.array(seen).T
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-9 * found.sum())
