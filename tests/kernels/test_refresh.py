"""Refreshing rows, and counting what is near a limit, against the same in float64 NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from chipsim.kernels import refresh

LAYERS = (9, 7, 4)
NOW = 700_000_000  # 0.7 ms
QUIET = {"cell.capacitor.thermal_noise": False}
SPLIT = {"tiles.max_rows": 6, "tiles.max_columns": 3}


def charged(small, *groups, spread=0.1, **plain):
    """Return a chip whose capacitors hold something, whose columns and rows were written at different times."""
    plan = {"cell.kind": "3t1c", "capacitor_refresh.every": "1 ms", "capacitor_refresh.rounding": "nearest"}
    made = small.build(plan, QUIET, *groups, layers=LAYERS, images=6, **plain)
    rng = np.random.default_rng(7)
    real = made.cells.leak > 0
    made.cells.overdrive[real] += rng.normal(0.0, spread, real.sum()).astype(np.float32)
    made.rows.time[:] = rng.integers(0, NOW // 2, made.rows.time.size)
    made.rows.refreshed[:] = rng.integers(0, NOW // 2, made.rows.time.size)
    made.columns.time[:] = rng.integers(0, NOW // 2, made.columns.time.size)
    made.columns.reference[:] += rng.normal(0.0, 0.02, made.columns.time.size).astype(np.float32)
    made.columns.polarity[::2] = -1.0
    return made


def rewritten(small, made, layer):
    """Return what a refresh at `NOW` should write, V from rest, and how far the read was from the next step, in steps."""
    plan, spec = made.scenario.capacitor_refresh, made.scenario.cell.capacitor
    g_ref = small.references(made, layer, NOW)
    signal = small.conductances(made, layer, NOW) - g_ref
    lsb = 2.0 * plan.full_scale / 2**plan.bits
    steps = np.clip(np.floor(signal / lsb + 0.5), -(2 ** (plan.bits - 1)), 2 ** (plan.bits - 1) - 1)
    edge = np.abs(np.mod(signal / lsb, 1.0) - 0.5)
    written = np.maximum(small.spread_lines(made, made.rows.refreshed, layer, rows=True), small.spread_lines(made, made.columns.time, layer, rows=False))
    wanted = lsb * steps * (np.exp((NOW - written) / spec.retention) if plan.compensate else 1.0)
    threshold = spec.threshold + small.cells_of(made, made.cells.threshold, layer) * made.device.threshold_lsb
    voltage = (g_ref + wanted) / spec.transconductance + threshold
    return np.clip(voltage, spec.minimum, spec.maximum) - spec.resting, edge


def refresh_all(made, now=NOW, number=3):
    """Refresh every row of every tile."""
    for tile in range(made.tiles):
        for row in range(made.rows_of(tile)):
            made.refresh_row(tile, row, now, number, 0)


@pytest.mark.parametrize("tiles", [{}, SPLIT], ids=["one tile a layer", "several"])
@pytest.mark.parametrize("compensate", [True, False])
@pytest.mark.parametrize("bits, full_scale", [(8, "20 uS"), (3, "20 uS"), (1, "20 uS"), (16, "20 uS"), (6, "2 uS")])
def test_a_refreshed_row_is_read_rounded_and_written(small, working, tiles, compensate, bits, full_scale):
    """Every cell is read with the resolution of the read-out, made up for its leak since it was written, and written within its limits."""
    del working
    made = charged(small, tiles, capacitor_refresh__bits=bits, capacitor_refresh__full_scale=full_scale, capacitor_refresh__compensate=compensate)
    expected = [rewritten(small, made, layer) for layer in range(2)]
    refresh_all(made)
    for layer, (written, edge) in enumerate(expected):
        clear = edge > 1e-3  # float32 may round the other way at the edge of a step
        assert clear.mean() > 0.9 or bits == 16
        found = small.deviations(made, layer, NOW)
        assert found[clear] == pytest.approx(written[clear], abs=2e-6)
        assert found == pytest.approx(written, abs=2e-6 + 2.0 * made.refreshing.lsb / 40.0)
    assert (made.rows.time == NOW).all()
    assert (made.rows.refreshed == NOW).all()


def test_rounding_by_chance_keeps_the_mean(small, working):
    """Rounded by chance a cell gets one of the two steps around it, and on average over draws what it was; the bound is five standard errors."""
    del working
    draws = 60
    plan = {"capacitor_refresh__bits": 6, "capacitor_refresh__compensate": False, "capacitor_refresh__rounding": "stochastic"}
    made = charged(small, spread=0.05, **plan)
    saved, lsb = small.snapshot(made), made.refreshing.lsb
    before = [small.conductances(made, layer, NOW) - small.references(made, layer, NOW) for layer in range(2)]
    room = 2.0 * lsb  # from where g ends, and from where the read-out or the capacitor does
    inside = [(small.conductances(made, layer, NOW) > room) & (before[layer] < 20.0 - room) & (before[layer] > room - 20.0) for layer in range(2)]
    top = made.scenario.cell.capacitor.maximum - made.scenario.cell.capacitor.resting - room / 40.0
    inside = [inside[layer] & (small.deviations(made, layer, NOW) < top) for layer in range(2)]
    sums, seen = [np.zeros_like(values) for values in before], [[], []]
    for number in range(draws):
        small.restore(made, saved)
        refresh_all(made, number=number)
        for layer in range(2):
            after = small.conductances(made, layer, NOW) - small.references(made, layer, NOW)
            sums[layer] += after
            seen[layer].append(after)
    for layer in range(2):
        off = (sums[layer] / draws - before[layer])[inside[layer]]
        assert np.abs(off.mean()) < 5.0 * 0.5 * lsb / np.sqrt(draws * off.size)
        steps = np.array(seen[layer])[:, inside[layer]] / lsb
        assert np.abs(steps - np.rint(steps)).max() < 1e-3
        assert np.ptp(np.rint(steps), axis=0).max() <= 1


def test_limits_hold(small, working):
    """Charge beyond what a capacitor can hold is cut at its limits, also where leak is made up for that was none."""
    del working
    made = charged(small, spread=0.4, cell__capacitor__retention="0.3 ms")
    refresh_all(made)
    spec = made.scenario.cell.capacitor
    voltage = np.concatenate([small.deviations(made, layer, NOW).ravel() for layer in range(2)]) + spec.resting
    assert voltage.min() >= spec.minimum - 1e-6
    assert voltage.max() <= spec.maximum + 1e-6
    assert ((voltage < spec.minimum + 1e-6) | (voltage > spec.maximum - 1e-6)).sum() > 5


@pytest.mark.parametrize("retention", ["1 us", "100 ns"])
def test_what_has_faded_long_ago_stays_a_number(small, working, retention):
    """Thousands of time constants after the last refresh the compensation is beyond any number, and every voltage still within its limits."""
    del working
    made = charged(small, cell__capacitor__retention=retention)
    refresh_all(made)
    assert np.isfinite(made.cells.overdrive).all()
    spec = made.scenario.cell.capacitor
    for layer in range(2):
        voltage = small.deviations(made, layer, NOW) + spec.resting
        assert voltage.min() >= spec.minimum - 1e-6
        assert voltage.max() <= spec.maximum + 1e-6


def test_a_refresh_keeps_the_weights(small, working):
    """At a fine resolution, without spread, a refresh after a tenth of the retention puts weights back to what they were when written."""
    del working
    made = charged(small, small.NO_SPREAD, spread=0.05, capacitor_refresh__bits=16, cell__capacitor__retention="7 ms", network__initial_scale=1e-6)
    for values in (made.rows.time, made.rows.refreshed, made.columns.time):
        values[:] = 0
    before = [small.conductances(made, layer, 0) - small.references(made, layer, 0) for layer in range(2)]
    faded = [small.conductances(made, layer, NOW) - small.references(made, layer, NOW) for layer in range(2)]
    refresh_all(made)
    for layer in range(2):
        after = small.conductances(made, layer, NOW) - small.references(made, layer, NOW)
        assert after == pytest.approx(before[layer], abs=0.005)
        assert np.abs(faded[layer] - before[layer]).max() > 0.2


def test_only_the_row_is_touched(small, working):
    """A refresh changes the cells and the clock of its row, counts a refresh, an integration and a conversion a cell, and nothing else."""
    del working
    made = charged(small, SPLIT)
    before, told = small.snapshot(made), small.totals(made)
    made.refresh_row(1, 2, NOW, 0, 0)
    after = {name: value - told[name] for name, value in small.totals(made).items() if value != told[name]}
    assert after == dict.fromkeys(("capacitor.refresh", "read-out.integration", "read-out.conversion"), made.columns_of(1))
    assert set(small.differences(before, small.snapshot(made))) == {"cells.overdrive", "rows.time", "rows.refreshed", "amounts.segment_counts"}
    tile = made.geometry.tiles[1]
    start = int(tile[5] + 2 * tile[8])
    changed = np.flatnonzero(before["cells.overdrive"] != made.cells.overdrive)
    assert set(changed) <= set(range(start, start + int(tile[4])))
    assert np.flatnonzero(before["rows.time"] != made.rows.time).tolist() == [int(tile[6]) + 2]


def test_writing_leaves_thermal_noise(small, working):
    """Every write leaves kT/C, 288 uV at 50 fF and 300 K: the same for the same number, another for another, whatever the tiles."""
    del working

    def noise(number, *groups):
        noisy, quiet = (charged(small, *groups, cell__capacitor__thermal_noise=on) for on in (True, False))
        for made in (noisy, quiet):
            made.columns.polarity[:] = 1.0
            for values in (made.rows.time, made.rows.refreshed, made.columns.time):
                values[:] = 0
            made.columns.reference[:] = made.device.centre
            made.cells.overdrive[:] = quiet.cells.overdrive
            refresh_all(made, number=number)
        return np.concatenate([(small.deviations(noisy, layer, NOW) - small.deviations(quiet, layer, NOW)).ravel() for layer in range(2)])

    drawn = noise(3)
    assert drawn.std() == pytest.approx(np.sqrt(1.380649e-23 * 300.0 / 50e-15), rel=5.0 / np.sqrt(2.0 * drawn.size))
    assert abs(drawn.mean()) < 5.0 * drawn.std() / np.sqrt(drawn.size)
    assert noise(3).tolist() == drawn.tolist()
    assert noise(3, SPLIT) == pytest.approx(drawn, abs=1e-6)
    assert abs(np.corrcoef(noise(4), drawn)[0, 1]) < 5.0 / np.sqrt(drawn.size)


# ---- saturation ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("margin", ["0 V", "20 mV", "150 mV", "600 mV"])
@pytest.mark.parametrize("now", [0, NOW, 20 * NOW])
def test_saturated_capacitors_are_those_near_a_limit(small, working, margin, now):
    """The share near a limit is that of the voltages at that moment: near either rail, or near where the cell conducts nothing; looking writes nothing."""
    del working
    made = small.build(
        QUIET, SPLIT, layers=LAYERS, images=6, transfer__saturation=0.5, transfer__saturation_margin=margin, cell__capacitor__threshold_spread="80 mV"
    )
    rng = np.random.default_rng(3)
    real = made.cells.leak > 0
    spec = made.scenario.cell.capacitor
    small.put_deviation(made, real, np.clip(rng.normal(-0.2, 0.45, real.sum()), spec.minimum - spec.resting, spec.maximum - spec.resting))
    before = small.snapshot(made)
    width, near, cells = made.scenario.transfer.saturation_margin, 0, 0
    voltage = made.voltage_at(now)
    threshold = spec.threshold + made.device.threshold_lsb * made.cells.threshold.astype(np.float64)
    low, high = np.maximum(spec.minimum, threshold), spec.maximum
    sure = (np.abs(voltage - low - width) > 1e-6) & (np.abs(voltage - high + width) > 1e-6)
    near = ((voltage <= low + width) | (voltage >= high - width)) & real
    cells = real.sum()
    found = made.saturated_share(now) * cells
    assert found == pytest.approx(near.sum(), abs=(real & ~sure).sum() + 1e-6)
    assert not small.differences(before, small.snapshot(made))
    if width == 0.6:
        assert found > 0.5 * cells
    if now == 0:
        assert found > 0


def test_the_count_is_whole(small, variant):
    """What the kernel returns is a whole number of cells, padding left out: all of them where the margin covers everything."""
    made = small.build(SPLIT, layers=LAYERS, images=6)
    counted = variant(refresh.count_saturated)(made.geometry, made.cells, made.rows, NOW, made.device, 2.0)
    assert counted == 10 * 7 + 8 * 4
    assert variant(refresh.count_saturated)(made.geometry, made.cells, made.rows, NOW, made.device, -2.0) == 0
