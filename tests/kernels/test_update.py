"""The weight update: how many pulses, in which direction, and how far they move the capacitors."""

from __future__ import annotations

import numpy as np
import pytest

SIGMAS = 5.0
LAYERS = (12, 8)
LINEAR = {"cell.capacitor.step_slope": 0.0, "cell.capacitor.minimum": "-100 V", "cell.capacitor.maximum": "100 V", "cell.capacitor.step": "0.976562 mV"}


@pytest.fixture
def single(small, working):
    """Return a function that builds one layer whose signals a test sets itself."""
    del working

    def build(*groups, quiet=True, **plain):
        calm = (small.NO_NOISE, small.NO_SPREAD, small.NO_LEAK, LINEAR) if quiet else ()
        return small.build(*calm, *groups, layers=LAYERS, images=plain.pop("images", 4), **plain)

    return build


def update(small, made, x, d, *, rate, step=0):
    """Let one layer learn `x` and `d` at a rate; return the voltage changes, (inputs + 1, outputs)."""
    made.signals.inputs[:] = x
    made.signals.errors[:] = d
    made.plan.rates[:] = rate
    before = small.cells_of(made, small.deviation(made), 0)
    made.train(2 * step + 1, 2 * step + 2, 0)
    return small.cells_of(made, small.deviation(made), 0) - before


def random_signals(seed=3):
    """Return inputs and errors of both signs, some of them zero."""
    rng = np.random.default_rng(seed)
    x, d = rng.uniform(-1.0, 1.0, LAYERS[0] + 1), rng.uniform(-0.9, 0.9, LAYERS[1])
    x[::4], d[::3] = 0.0, 0.0
    return x.astype(np.float32), d.astype(np.float32)


def expected_pulses(made, x, d, rate):
    """Return slots and firing probabilities of rows and columns: Gokmen and Vlasov (2016) with aihwkit's update management."""
    wanted = rate * np.abs(x).max() * np.abs(d).max() / made.device.weight_step
    most = made.scenario.training.max_pulses
    slots = min(int(np.ceil(wanted)), most)
    management = np.sqrt(np.abs(x).max() / np.abs(d).max() * min(1.0, most / wanted) ** -1.0)
    share = np.sqrt(rate / (made.device.weight_step * slots))
    return slots, np.minimum(share / management * np.abs(x), 1.0), np.minimum(share * management * np.abs(d), 1.0)


@pytest.mark.parametrize("wanted, most", [(0.7, 31), (6.4, 31), (31.0, 31), (50.0, 31), (49.3, 63), (80.0, 63)])
def test_stochastic_coincidences_have_the_published_statistics(small, single, working, wanted, most):
    """Pulses of a cell have mean lr |x| |d| / step and variance BL p (1 - p) (Gokmen and Vlasov, Front. Neurosci. 10, 333 (2016))."""
    count = 4000 if working else 150
    made = single(images=count, training__max_pulses=most, timing__update="80 ns")
    x, d = random_signals()
    rate = wanted * made.device.weight_step / (np.abs(x).max() * np.abs(d).max())
    pulses = np.empty((count, LAYERS[0] + 1, LAYERS[1]))
    for step in range(count):
        small.put_deviation(made, made.cells.leak > 0, 0.0)
        pulses[step] = update(small, made, x, d, rate=rate, step=step) / made.device.step
    assert pulses == pytest.approx(np.rint(pulses), abs=1e-3)
    pulses = np.abs(np.rint(pulses))
    slots, p_x, p_d = expected_pulses(made, x.astype(np.float64), d.astype(np.float64), rate)
    p = np.outer(p_x, p_d)
    mean, variance = slots * p, slots * p * (1.0 - p)
    if wanted <= most:
        assert mean == pytest.approx(rate * np.outer(np.abs(x), np.abs(d)) / made.device.weight_step, rel=1e-5)
    assert (np.abs(pulses.mean(axis=0) - mean) <= SIGMAS * np.sqrt(variance / count) + 1e-9).all()
    fourth = variance * (1.0 + 3.0 * p * (1.0 - p) * (slots - 2.0))
    error = np.sqrt(np.maximum(fourth - variance**2, 0.0) / count)
    assert (np.abs(pulses.var(axis=0) - variance) <= SIGMAS * error + 2.0 * variance / count + 30.0 / count * (variance < 10.0 / count)).all()


def test_stochastic_trains_of_one_line_are_shared(small, single, working):
    """All cells of a row see one train: with certain columns, every cell of a row gets the same number of pulses."""
    del working
    made = single(images=50)
    for step in range(50):
        x = np.linspace(0.1, 1.0, LAYERS[0] + 1)
        moved = update(small, made, x, np.ones(LAYERS[1]), rate=31.0 * made.device.weight_step, step=step) / made.device.step
        assert moved.std(axis=1).max() < 1e-3


@pytest.mark.parametrize("rule", ["stochastic", "deterministic"])
def test_ten_steps_are_ten_pulses(small, single, rule):
    """Where x = d = largest and lr x d is ten steps, there are ten slots, and every cell gets exactly ten pulses."""
    made = single(training__update=rule)
    moved = update(small, made, 1.0, 1.0, rate=10.0 * made.device.weight_step)
    assert moved == pytest.approx(np.full_like(moved, 10.0 * made.device.step), rel=1e-5)
    told = small.totals(made)
    assert told["update pulse.up"] == 10 * moved.size
    assert told["update pulse.down"] == 0
    assert told["word line.update slot"] == 10 * (LAYERS[0] + 1)


@pytest.mark.parametrize("wanted", [0.4, 3.3, 12.0, 31.0])
def test_deterministic_pulses_are_the_rounded_product(small, single, wanted):
    """Pulse widths count pulses: n = round(BL p_x p_d), as in IBM aihwkit's deterministic update."""
    made = single(training__update="deterministic")
    x, d = random_signals(5)
    rate = wanted * made.device.weight_step / (np.abs(x).max() * np.abs(d).max())
    moved = update(small, made, x, d, rate=rate) / made.device.step
    slots, p_x, p_d = expected_pulses(made, x.astype(np.float64), d.astype(np.float64), rate)
    exact = slots * np.outer(p_x, p_d)
    clear = np.abs(exact - np.floor(exact) - 0.5) > 1e-4
    assert np.abs(moved)[clear] == pytest.approx(np.floor(exact + 0.5)[clear], abs=1e-3)


@pytest.mark.parametrize("polarity", [1.0, -1.0])
@pytest.mark.parametrize("rule", ["stochastic", "deterministic"])
def test_weights_move_down_the_gradient(small, single, rule, polarity):
    """Whatever the signs of input and error and the polarity, a weight moves in the direction of x d, minus the gradient."""
    made = single(training__update=rule)
    made.columns.polarity[:] = polarity
    x, d = random_signals(7)
    before = small.weights(made, 0, 0)
    update(small, made, x, d, rate=20.0 * made.device.weight_step)
    change = small.weights(made, 0, 0) - before
    wanted = np.sign(np.outer(x, d))
    assert (change * wanted >= -1e-9).all()
    assert np.abs(change[wanted == 0.0]).max() == 0.0
    assert (np.abs(change) > 0.5 * made.device.weight_step).sum() > 20
    told = small.totals(made)
    rises = wanted * polarity > 0.0
    pulses = np.rint(np.abs(change) / made.device.weight_step)
    assert told["update pulse.up"] == pulses[rises].sum()
    assert told["update pulse.down"] == pulses[~rises].sum()


def test_no_signal_moves_nothing(small, single):
    """Without inputs, or without errors, nothing is pulsed, drawn or counted."""
    made = single()
    counts = made.amounts.segment_counts.copy()
    assert not update(small, made, 0.0, 1.0, rate=0.1).any()
    assert not update(small, made, 1.0, 0.0, rate=0.1).any()
    assert (made.amounts.segment_counts == counts).all()


def test_packet_noise_is_shot_noise(small, single, working):
    """A burst of n pulses is n steps on average, with a variance of n times that of one packet of electrons."""
    count = 600 if working else 30
    made = single({"cell.capacitor.packet_noise": True}, images=count, training__update="deterministic")
    sigma = made.scenario.cell.capacitor.packet_sigma
    assert sigma == pytest.approx((50e-15 * 0.976562e-3 / 1.602177e-19) ** -0.5, rel=1e-6)
    for pulses in (1, 16):
        moved = np.empty((count, LAYERS[0] + 1, LAYERS[1]))
        for step in range(count):
            small.put_deviation(made, made.cells.leak > 0, 0.0)
            moved[step] = update(small, made, 1.0, 1.0, rate=pulses * made.device.weight_step, step=step) / made.device.step
        draws = moved.size
        assert moved.mean() == pytest.approx(pulses, abs=SIGMAS * sigma * np.sqrt(pulses / draws))
        assert moved.var() == pytest.approx(pulses * sigma**2, rel=SIGMAS * np.sqrt(2.0 / draws))


def test_steps_differ_from_cell_to_cell(small, single):
    """Up and down steps have the spread that the scenario gives, independent of each other, and are a cell's own."""
    made = single({"cell.capacitor.step_spread": 0.1}, training__update="deterministic")
    up = update(small, made, 1.0, 1.0, rate=5.0 * made.device.weight_step) / (5.0 * made.device.step)
    again = update(small, made, 1.0, 1.0, rate=5.0 * made.device.weight_step) / (5.0 * made.device.step)
    down = -update(small, made, 1.0, -1.0, rate=5.0 * made.device.weight_step) / (5.0 * made.device.step)
    assert up == pytest.approx(again, abs=1e-4)
    for steps in (up, down):
        assert steps.mean() == pytest.approx(1.0, abs=SIGMAS * 0.1 / np.sqrt(steps.size))
        assert steps.std() == pytest.approx(0.1, rel=SIGMAS / np.sqrt(2 * steps.size))
    assert abs(np.corrcoef(up.ravel(), down.ravel())[0, 1]) < SIGMAS / np.sqrt(up.size)


def test_a_wide_layer_is_updated_in_one_go(small, working):
    """A layer with more hits than are collected at once gets all of them, each once."""
    if not working:
        pytest.skip("too many cells for plain Python")
    made = small.build(small.NO_NOISE, small.NO_SPREAD, small.NO_LEAK, LINEAR, layers=(90, 80), images=2, training__update="deterministic")
    moved = update(small, made, 1.0, 1.0, rate=3.0 * made.device.weight_step)
    assert moved == pytest.approx(np.full_like(moved, 3.0 * made.device.step), rel=1e-5)
    assert small.totals(made)["update pulse.up"] == 3 * 91 * 80


@pytest.mark.parametrize("kind", ["2pcm+3t1c", "2pcm"])
@pytest.mark.parametrize("rule", ["stochastic", "deterministic"])
def test_the_room_for_hits_changes_nothing(small, working, rule, kind):
    """Where hits are applied a dozen at a time, because there is room for no more, the same cells move by the same pulses."""
    del working
    one, other = (small.build(layers=LAYERS, images=4, training__update=rule, cell__kind=kind) for _ in range(2))
    other.pulses = other.pulses._replace(**{name: getattr(other.pulses, name)[: LAYERS[1] + 12] for name in ("place", "slots", "noise")})
    x, d = random_signals()
    for made in (one, other):
        update(small, made, x, d, rate=12.0 * made.device.weight_step)
    assert sum(small.totals(one)[name] for name in ("update pulse.up", "update pulse.down", "pcm.SET pulse")) > 60
    # sums over lines and of charge are added up in another order
    assert set(small.differences(small.snapshot(one), small.snapshot(other))) <= {"amounts.segment_sums"}
    np.testing.assert_allclose(one.amounts.segment_sums, other.amounts.segment_sums, rtol=1e-12)


@pytest.mark.parametrize("rule", ["stochastic", "deterministic"])
def test_tiles_share_the_trains_of_their_layer(small, working, rule):
    """Cut into tiles of 5 x 3, a layer moves by exactly the same pulses, and each tile drives its own lines."""
    del working
    whole, cut = (
        small.build(small.NO_NOISE, layers=LAYERS, images=4, training__update=rule, tiles__max_rows=rows, tiles__max_columns=columns)
        for rows, columns in ((1024, 1024), (5, 3))
    )
    x, d = random_signals()
    one, other = (update(small, made, x, d, rate=12.0 * made.device.weight_step) for made in (whole, cut))
    assert one == pytest.approx(other, abs=1e-7)
    assert small.totals(cut)["word line.update slot"] == 3 * small.totals(whole)["word line.update slot"]


def test_trains_of_all_lines_are_independent(small, working):
    """Among 200 rows and 140 columns no two lines fire together more often than chance, and none repeats itself."""
    if not working:
        pytest.skip("too many lines for plain Python")
    count, layers = 1500, (199, 140)
    made = small.build(small.NO_NOISE, small.NO_SPREAD, small.NO_LEAK, LINEAR, layers=layers, images=count)
    pulses = np.empty((count, 200 + 140))
    for step in range(count):
        small.put_deviation(made, made.cells.leak > 0, 0.0)
        x, d = np.full(200, 0.5), np.full(140, 0.5)
        x[-1], d[-1] = 1.0, 1.0  # these two always fire, and so show all other trains
        moved = update(small, made, x, d, rate=31.0 * made.device.weight_step, step=step) / made.device.step
        pulses[step] = np.concatenate([moved[:, -1], moved[-1]])
    assert (np.rint(pulses[:, [199, -1]]) == 31.0).all()
    free = np.rint(np.delete(pulses, [199, 339], axis=1))
    assert free.mean() == pytest.approx(15.5, abs=SIGMAS * np.sqrt(31 / 4 / free.size))
    together = np.corrcoef(free.T)[~np.eye(free.shape[1], dtype=bool)]
    assert np.abs(together).max() < 6.0 / np.sqrt(count)
    assert together.std() == pytest.approx(1.0 / np.sqrt(count), rel=0.05)
    white = (free - free.mean(axis=0)) / free.std(axis=0)
    assert np.abs(np.mean(white[1:] * white[:-1], axis=0)).max() < 6.0 / np.sqrt(count)


@pytest.mark.parametrize("rule", ["stochastic", "deterministic"])
def test_wide_layers_do_not_see_their_tiles(small, working, rule):
    """A layer of 300 x 170, cut or not, moves by the same pulses."""
    if not working:
        pytest.skip("too many cells for plain Python")
    rng = np.random.default_rng(8)
    x, d = rng.uniform(-1.0, 1.0, 301), rng.uniform(-1.0, 1.0, 170)
    moved = []
    for size in (1024, 90):
        made = small.build(layers=(300, 170), images=2, training__update=rule, tiles__max_rows=size, tiles__max_columns=size)
        moved.append(update(small, made, x, d, rate=17.0 * made.device.weight_step))
    assert (moved[0] == moved[1]).all()
    assert np.abs(moved[0]).max() > 0.005
