"""Transfers: what goes to the PCM pair, what stays on the capacitor, and what they count."""

from __future__ import annotations

import numpy as np
import pytest

from chipsim.chip.analog import AnalogChip
from chipsim.kernels import programming

LAYERS = (9, 7, 4)
IDEAL = {"cell.pcm.programming": "ideal", "cell.capacitor.thermal_noise": False}
NOW = 10_000_000


def worked(small, *groups, images=6, **plain):
    """Return a chip whose capacitors hold something, as after some training: both signs, a third of a weight or so."""
    made = small.build(*groups, layers=LAYERS, images=images, **plain)
    rng = np.random.default_rng(2)
    real = made.cells.leak > 0
    made.cells.overdrive[real] += rng.normal(0.0, 0.1, real.sum()).astype(np.float32)
    return made


def weights_of(small, made, now):
    """Return all weights as one vector, µS."""
    return np.concatenate([small.weights(made, layer, now).ravel() for layer in range(made.layers)]) * made.device.unit


def flat(small, made, values):
    """Return one value per cell of all layers as one vector."""
    return np.concatenate([small.cells_of(made, values, layer).ravel() for layer in range(made.layers)])


def rise(small, made):
    """Return how far every capacitor stands above the preset voltage, V: positive drives g upward."""
    spec = made.scenario.cell.capacitor
    return flat(small, made, small.deviation(made)) + spec.resting - spec.initial


@pytest.mark.parametrize("inversion", [True, False])
@pytest.mark.parametrize("polarity", [1.0, -1.0])
def test_an_ideal_transfer_keeps_every_weight(small, working, polarity, inversion):
    """With exact programming the weights before and after agree, and the residual drives g upward under both polarities."""
    del working
    made = worked(small, IDEAL, transfer__polarity_inversion=inversion)
    made.columns.polarity[:] = polarity
    before = weights_of(small, made, NOW)
    outcome = made.transfer_now(NOW, 1, 1)
    assert weights_of(small, made, NOW) == pytest.approx(before, abs=2e-4)
    assert outcome.numbers[programming.OUT_SATURATED] == 0
    assert (made.columns.polarity == (-polarity if inversion else polarity)).all()
    assert rise(small, made).min() >= -1e-6
    assert (made.columns.time == NOW).all()
    assert (made.rows.time == NOW).all()


@pytest.mark.parametrize("polarity", [1.0, -1.0])
def test_ideal_programming_is_exact(small, working, polarity):
    """With exact programming a pair holds W - p offset - p mismatch over F, one device of it at zero."""
    del working
    made = worked(small, IDEAL, transfer__polarity_inversion=False)
    made.columns.polarity[:] = polarity
    weight = weights_of(small, made, NOW)
    made.transfer_now(NOW, 1, 1)
    mismatch = -40.0 * flat(small, made, made.cells.threshold) * made.device.threshold_lsb
    aim = weight - polarity * mismatch
    both_reset = (polarity * aim >= 0.0) & (polarity * aim < 2.0)
    expected = np.where(both_reset, 0.0, aim - polarity * 2.0) / 3.0
    plus, minus = flat(small, made, made.cells.g_plus), flat(small, made, made.cells.g_minus)
    clear = (np.abs(polarity * aim) > 1e-3) & (np.abs(polarity * aim - 2.0) > 1e-3)
    assert (plus - minus)[clear] == pytest.approx(expected[clear], abs=1e-4)
    assert np.minimum(plus, minus).max() == 0.0
    assert both_reset.any()


@pytest.mark.parametrize("polarity", [1.0, -1.0])
def test_a_real_transfer_keeps_weights_to_the_verify_read(small, working, polarity):
    """With noise, a weight changes by its read noise and the miss of the last verify read, the residual making up for the rest."""
    del working
    made = worked(small)
    made.columns.polarity[:] = polarity
    before = weights_of(small, made, NOW)
    outcome = made.transfer_now(NOW, 1, 1)
    change = weights_of(small, made, NOW) - before
    cell = made.scenario.cell
    sampled = flat(small, made, made.exchange.wanted)
    seen = 3.0 * (flat(small, made, made.exchange.seen_plus) - flat(small, made, made.exchange.seen_minus))
    true = flat(small, made, made.cells.pcm)
    thermal = 40.0 * cell.capacitor.thermal_sigma
    assert outcome.numbers[programming.OUT_SATURATED] == 0
    assert np.abs(change - (sampled - before) - (true - seen)).max() < 5.0 * thermal
    sigma = 3.0 * np.hypot(*(cell.pcm.read_noise.sigma(25.0, cell.pcm.verify.duration) for _ in range(2)))
    assert np.abs(true - seen).max() < 5.0 * sigma
    assert np.abs(sampled - before).max() < 5.0 * sigma


@pytest.mark.parametrize("polarity", [1.0, -1.0])
def test_the_residual_rises_but_for_programming_errors(small, working, polarity):
    """Under both polarities the capacitor starts above its preset voltage, unless a miss within tolerance eats up the offset."""
    del working
    made = worked(small, {"cell.capacitor.thermal_noise": False}, cell__pcm__ramp__tolerance="0.4 uS", cell__pcm__ramp__max_tries=200)
    made.columns.polarity[:] = polarity
    outcome = made.transfer_now(NOW, 1, 1)
    assert outcome.numbers[programming.OUT_UNCONVERGED] == 0
    aimed = flat(small, made, made.exchange.target) != 0.0
    # the device that stays RESET adds its 0.1 uS and what its verify read misses by
    assert rise(small, made)[aimed].min() * 40.0 >= 2.0 - 3.0 * (0.4 + 0.4)
    assert (rise(small, made) > 0.0).mean() > 0.95


def test_small_weights_leave_both_devices_reset(small, working):
    """Where p times the weight lies between zero and the offset, no device is ramped and the capacitor holds the whole weight."""
    del working
    made = worked(small, small.NO_NOISE, small.NO_SPREAD, transfer__polarity_inversion=False)
    cells = int((made.cells.leak > 0).sum())
    for number, (polarity, weight, ramps) in enumerate([(1.0, 1.0, 0), (1.0, -1.0, cells), (-1.0, -1.0, 0), (-1.0, 1.0, cells), (1.0, 3.0, cells)], start=1):
        made.columns.polarity[:] = polarity
        small.put_deviation(made, made.cells.leak > 0, -0.3 + polarity * weight / 40.0)
        for values in (made.cells.g_plus, made.cells.g_minus, made.cells.pcm):
            values[:] = 0.0
        outcome = made.transfer_now(0, number, 1)
        assert outcome.numbers[programming.OUT_AIMED] == ramps
        assert (np.abs(made.cells.pcm).max() < 0.5) == (ramps == 0)
        assert weights_of(small, made, 0) == pytest.approx(np.full(cells, weight), abs=1e-3)


def test_counts_agree_with_each_other(small, working):
    """Every RESET is verified, tries and errors are counted once a device, and the ledger agrees with the outcome."""
    del working
    made = worked(small)
    before = small.totals(made)
    outcome = made.transfer_now(NOW, 1, 1)
    told = {name: value - before[name] for name, value in small.totals(made).items()}
    numbers = outcome.numbers
    assert told["pcm.RESET pulse"] == told["pcm.verify read"] == numbers[programming.OUT_RESETS] == numbers[programming.OUT_VERIFIES]
    assert told["pcm.SET ramp"] == numbers[programming.OUT_RAMPS] == numbers[programming.OUT_TRIES]
    assert outcome.tries.sum() == outcome.errors.sum() == numbers[programming.OUT_AIMED]
    assert (outcome.tries * np.arange(len(outcome.tries))).sum() == numbers[programming.OUT_TRIES]
    assert np.flatnonzero(outcome.tries).max() == numbers[programming.OUT_MOST_TRIES]
    aimed = flat(small, made, made.exchange.target) != 0.0
    assert numbers[programming.OUT_AIMED] == aimed.sum()
    assert numbers[programming.OUT_RESETS] == 2 * aimed.size + numbers[programming.OUT_TRIES] - numbers[programming.OUT_AIMED]
    assert told["capacitor.preset"] == told["transfer.sample read"] == aimed.size  # each cell of every column
    assert outcome.squares[1] == aimed.size
    error = flat(small, made, made.cells.pcm) - 3.0 * flat(small, made, made.exchange.target)
    assert outcome.squares[0] == pytest.approx(np.sum(error**2), rel=1e-5)


def test_line_sums_follow_the_devices(small, working):
    """Row and column sums of conductance, which energy leans on, are those of the devices after any number of transfers."""
    del working
    made = worked(small)
    for number in (1, 2, 3):
        made.transfer_now(NOW * number, number, 1)
    for layer in range(made.layers):
        pair = small.cells_of(made, made.cells.g_plus, layer) + small.cells_of(made, made.cells.g_minus, layer)
        rows, columns = (small.spread_lines(made, lines.pcm_sum, layer, rows=rows) for lines, rows in ((made.rows, True), (made.columns, False)))
        assert rows[:, 0] == pytest.approx(pair.sum(axis=1), rel=1e-5)
        assert columns[0] == pytest.approx(pair.sum(axis=0), rel=1e-5)
        assert small.cells_of(made, made.cells.pcm, layer) == pytest.approx(
            3.0 * (small.cells_of(made, made.cells.g_plus, layer) - small.cells_of(made, made.cells.g_minus, layer)), abs=1e-5
        )


def test_what_does_not_fit_is_counted_as_saturated(small, working):
    """A weight beyond what pair and capacitor can hold is clipped at the rail, and the cell is counted."""
    del working
    made = worked(small, IDEAL, cell__capacitor__threshold_spread="0 V", cell__pcm__ramp__maximum="5 uS", cell__pcm__ramp__control_limit="4 uS")
    made.cells.g_plus[made.cells.leak > 0] = 25.0
    made.cells.pcm[made.cells.leak > 0] = 75.0
    outcome = made.transfer_now(NOW, 1, 1)
    assert outcome.numbers[programming.OUT_SATURATED] == (made.cells.leak > 0).sum()
    # the polarity is negative now: only less g would help, and g ends at the threshold
    assert weights_of(small, made, NOW).max() == pytest.approx(15.0 + 8.0, abs=1e-3)


def test_a_device_is_given_up_after_so_many_tries(small, working):
    """A tolerance that no ramp meets costs exactly the allowed attempts, and the device is counted as given up."""
    del working
    made = worked(small, cell__pcm__ramp__tolerance="1e-9 uS", cell__pcm__ramp__max_tries=3)
    outcome = made.transfer_now(NOW, 1, 1)
    aimed = outcome.numbers[programming.OUT_AIMED]
    assert outcome.numbers[programming.OUT_UNCONVERGED] == aimed
    assert outcome.tries[3] == aimed
    assert outcome.numbers[programming.OUT_RAMPS] == 3 * aimed


def test_many_tries_are_counted(small, working):
    """Attempts are counted right up to the most that a scenario may allow."""
    if not working:
        pytest.skip("minutes in plain Python")
    made = worked(small, cell__pcm__ramp__tolerance="1e-9 uS", cell__pcm__ramp__max_tries=255)
    outcome = made.transfer_now(NOW, 1, 1)
    assert outcome.numbers[programming.OUT_MOST_TRIES] == 255
    assert outcome.numbers[programming.OUT_TRIES] == outcome.numbers[programming.OUT_RAMPS]


def test_a_transfer_ends_after_the_last_try(small, working):
    """Where no try can hit, an instant transfer stops after as many as are allowed, and gives every device that it aimed at up."""
    del working
    made = worked(small, cell__pcm__ramp__tolerance="1e-9 uS", cell__pcm__ramp__max_tries=2)
    numbers = made.transfer_now(NOW, 1, 1).numbers
    aimed = numbers[programming.OUT_AIMED]
    assert aimed > 50
    assert numbers[programming.OUT_UNCONVERGED] == aimed
    assert numbers[programming.OUT_RAMPS] == numbers[programming.OUT_TRIES] == 2 * aimed


def test_tiles_transfer_the_same(small, working):
    """Cut into tiles, a network draws the same numbers in a transfer and ends with the same devices."""
    del working
    made = [small.build(layers=LAYERS, images=4, tiles__max_rows=size, tiles__max_columns=size) for size in (1024, 4)]
    for one in made:
        one.transfer_now(0, 1, 0)
    for name in ("g_plus", "g_minus", "nu_plus", "nu_minus"):
        one, other = (flat(small, m, getattr(m.cells, name)) for m in made)
        assert one == pytest.approx(other, abs=1e-5), name
    assert small.totals(made[0])["pcm.RESET pulse"] == small.totals(made[1])["pcm.RESET pulse"]


def test_buffered_weights_lie_on_the_buffer_s_grid(small, working):
    """Sampled at the start into a buffer of 8 bits, a weight is a whole number of steps of 2 F Gmax / 2^8."""
    del working
    made = worked(small, transfer__policy="stall", transfer__sampling="at-start")
    weight = weights_of(small, made, NOW)
    for tile in range(made.tiles):
        for column in range(made.columns_of(tile)):
            made.sample_column(tile, column, NOW, 1, 0)
    wanted = flat(small, made, made.exchange.wanted)
    lsb = 2.0 * 3.0 * 25.0 / 256.0
    assert wanted / lsb == pytest.approx(np.rint(wanted / lsb), abs=1e-4)
    assert np.abs(wanted - weight).max() < 0.5 * lsb + 5.0 * 3.0 * 1.5 * made.scenario.cell.pcm.read_noise.sigma(25.0, 1_000_000)


@pytest.mark.parametrize("inversion", [True, False])
def test_polarity_inversion_cancels_a_bias(small, working, inversion):
    """A cell whose pulses carry a fixed bias b gains 2 n b in two equal intervals, and nothing if the polarity is inverted between."""
    del working
    made = worked(small, IDEAL, small.NO_NOISE, small.NO_LEAK, small.NO_SPREAD, transfer__polarity_inversion=inversion)
    assert isinstance(made, AnalogChip)
    real = made.cells.leak > 0
    made.transfer_now(0, 1, 0)
    before = weights_of(small, made, 0)
    bias, pulses = 0.0002, 150
    for number in (2, 3):
        made.cells.overdrive[real] += np.float32(pulses * bias)
        if number == 2:
            made.transfer_now(0, number, 0)
    gained = weights_of(small, made, 0) - before
    expected = 0.0 if inversion else 2 * pulses * bias * 40.0
    assert gained == pytest.approx(np.full(gained.size, made.columns.polarity[0] * expected), abs=1e-3)


def test_thermal_noise_is_that_of_the_capacitance(small, working):
    """Every preset leaves kT/C: 288 uV at 50 fF and 300 K."""
    del working
    quiet, noisy = (
        worked(small, {"cell.pcm.programming": "ideal", "cell.capacitor.thermal_noise": on}, cell__pcm__read_noise__enabled=False) for on in (False, True)
    )
    for made in (quiet, noisy):
        made.transfer_now(NOW, 1, 1)
    drawn = flat(small, noisy, small.deviation(noisy)) - flat(small, quiet, small.deviation(quiet))
    assert drawn.std() == pytest.approx(np.sqrt(1.380649e-23 * 300.0 / 50e-15), rel=5.0 / np.sqrt(2.0 * drawn.size))
    assert abs(drawn.mean()) < 5.0 * drawn.std() / np.sqrt(drawn.size)
