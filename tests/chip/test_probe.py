"""Probes and ageing: looks at chosen cells, and at all of them after years."""

from __future__ import annotations

import numpy as np
import pytest

from chipsim.chip.probe import aged_conductances, aged_variances, aged_weights, choose_cells, read_capacitors, slow_draws
from chipsim.run.ageing import Ageing
from chipsim.scenario.parts import Retention

DAY = 86400 * 10**12


def test_chosen_cells_do_not_depend_on_tiles(small):
    """The probed cells are the same logical places however layers are cut, and lie inside their layers."""
    whole, cut = (small.build(images=4, tiles__max_rows=size, tiles__max_columns=size) for size in (1024, 5))
    one, other = choose_cells(whole, 30), choose_cells(cut, 30)
    for name in ("layer", "row", "column"):
        assert (getattr(one, name) == getattr(other, name)).all()
    assert (one.row < np.array([21, 13, 9])[one.layer]).all()
    assert (one.column < np.array([12, 8, 4])[one.layer]).all()
    assert len(set(zip(one.layer.tolist(), one.row.tolist(), one.column.tolist(), strict=True))) > 60


def test_a_probe_reads_what_the_cell_holds(small):
    """Voltage, conductance, reference, polarity and weight of a probe are those of its cell at that moment."""
    told = small.run(images=20, transfer__every="6 images", transfer__policy="stall", tiles__max_rows=8, tiles__max_columns=5)
    chip, now = told.chip, told.state.now_ps + 3_000_000
    places = choose_cells(chip, 20)
    seen = read_capacitors(chip, places, now)
    for k, (layer, row, column) in enumerate(zip(places.layer, places.row, places.column, strict=True)):
        assert seen.voltage[k] == pytest.approx(small.deviations(chip, layer, now)[row, column] + 0.8, abs=1e-9)
        assert seen.conductance[k] == pytest.approx(small.conductances(chip, layer, now)[row, column], abs=1e-6)
        assert seen.reference[k] == pytest.approx(small.references(chip, layer, now)[row, column], abs=1e-6)
        assert seen.weight[k] == pytest.approx(small.weights(chip, layer, now)[row, column], abs=1e-6)
    assert seen.signal == pytest.approx(seen.polarity * (seen.conductance - seen.reference))


def test_fresh_devices_have_not_aged(small):
    """At age zero PCM conductances are what was verified, and drift alone does nothing to them within a training run."""
    made, still = small.build(images=4), small.build(images=4, cell__pcm__slow_noise__enabled=False)
    for chip, age in ((made, 0), (still, 0), (still, 10**9)):
        plus, minus = aged_conductances(chip, age, slow_draws(chip))
        assert plus == pytest.approx(chip.cells.g_plus.astype(np.float64), rel=1e-4)
        assert minus == pytest.approx(chip.cells.g_minus.astype(np.float64), rel=1e-4)


def test_devices_drift_by_their_exponents(small):
    """After a day, without slow noise, a device holds ((t + 20 s) / 20 s)^-nu of its conductance, nu its own."""
    made = small.build(images=4, cell__pcm__slow_noise__enabled=False)
    plus, minus = aged_conductances(made, DAY, slow_draws(made))
    for aged, fresh, nu in ((plus, made.cells.g_plus, made.cells.nu_plus), (minus, made.cells.g_minus, made.cells.nu_minus)):
        assert aged == pytest.approx(fresh * (86420.0 / 20.0) ** -nu.astype(np.float64), rel=1e-5, abs=1e-9)


def test_aged_weights_follow_their_devices(small):
    """Aged weights are F times the aged pair, plus what the capacitors still hold then."""
    made = small.build(images=4)
    for age in (10**6, DAY):
        plus, minus = aged_conductances(made, age, slow_draws(made))
        for layer, held in enumerate(aged_weights(made, plus, minus, age)):
            pair = 3.0 * (small.cells_of(made, plus, layer) - small.cells_of(made, minus, layer))
            signal = small.conductances(made, layer, age) - small.references(made, layer, age)
            assert held == pytest.approx((pair + signal) / 40.0, abs=1e-5)


def test_aged_devices_are_read_with_the_noise_of_what_they_hold(small):
    """Fresh devices are as noisy as training reads are, on whose 8-bit grid noise stands; drifted ones are less so, by slope G + offset."""
    made = small.build(images=4, cell__pcm__slow_noise__enabled=False)
    step, draws, before = made.device.noise_lsb / made.device.unit, slow_draws(made), made.read_variance()
    for fresh, grid in zip(aged_variances(made, *aged_conductances(made, 0, draws)), before, strict=True):
        assert np.sqrt(fresh) == pytest.approx(np.sqrt(grid), abs=0.5001 * step)
    plus, minus = aged_conductances(made, DAY, draws)
    for layer, aged in enumerate(aged_variances(made, plus, minus)):
        pair = [made.device.read_slope * small.cells_of(made, g, layer) + made.device.read_offset for g in (plus, minus)]
        assert np.sqrt(aged) == pytest.approx(3.0 * np.hypot(*pair) / 40.0, rel=1e-5)
        assert aged.sum() < before[layer].sum()


def test_without_drift_and_noise_pcm_keeps_for_ever(small):
    """With drift and slow noise off, ten years change nothing."""
    made = small.build(images=4, cell__pcm__slow_noise__enabled=False, cell__pcm__drift__enabled=False)
    plus, _ = aged_conductances(made, 3652 * DAY, slow_draws(made))
    assert plus == pytest.approx(made.cells.g_plus.astype(np.float64))


def test_a_rest_before_counts_for_the_devices_age(small):
    """In a retention measurement after a day's rest, pairs start with what that day has left, each column at its own age."""
    stages = ({"kind": "train", "images": 4}, {"kind": "idle", "lasts": "1 day"})
    plan = {"retention.start": "1 s", "retention.end": "1 day", "retention.per_decade": 1, "cell.pcm.slow_noise.enabled": False}
    told = small.recorded(small.build(plan, images=4, stage=stages, transfer__every="2 images", transfer__policy="stall"))
    made, rows = told.chip, told.listener.retention
    first, last = (aged_conductances(made, told.state.retention.began_ps + row["age_ps"], slow_draws(made))[0] for row in (rows[0], rows[-1]))
    age = small.spread_lines(made, made.columns.programmed, 0, rows=False)
    nu, fresh = small.cells_of(made, made.cells.nu_plus, 0), small.cells_of(made, made.cells.g_plus, 0)
    for found, since in ((first, 1.0), (last, 86_400.0)):
        assert small.cells_of(made, found, 0) == pytest.approx(fresh * ((since - age + 20.0) / 20.0) ** -nu, rel=1e-5, abs=1e-9)
    assert rows[0]["pcm_left"][2] < 0.9
    assert rows[0]["weight_error"] < 1e-4  # the measurement begins with the weights as they are then
    assert rows[-1]["pcm_left"][2] < rows[0]["pcm_left"][2]


def test_an_ageing_chip_is_looked_at_without_touching_it(small):
    """Retention reads with their reference reads write nothing: the chip is the same, byte by byte, after them."""
    made = small.build(images=4)
    before = {name: values.tobytes() for name, values in small.arrays_of(made).items()}
    plan = Retention(start="1 us", end="1 day")
    ageing = Ageing(made, plan, 0)
    rows = [ageing.read(number, age, age) for number, age in enumerate((10**6, DAY))]
    assert {name: values.tobytes() for name, values in small.arrays_of(made).items()} == before
    assert Ageing(made, plan, 0).read(1, DAY, DAY)["compensation"].tolist() == rows[1]["compensation"].tolist()
