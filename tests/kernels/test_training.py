"""The training window: phases, times, predictions, and plain gradient descent inside the chip."""

from __future__ import annotations

import numpy as np
import pytest

LAYERS = (10, 7, 4)


def test_phases_take_their_time(small, working):
    """A window ends when its last phase does: forward, backward and update phases take what the scenario says."""
    del working
    made = small.build(images=4, layers=LAYERS, timing__forward="30 ns", timing__backward="50 ns", timing__update="70 ns")
    assert made.phase_ps == (30_000, 30_000, 50_000, 70_000)
    assert made.train(0, 0, 17) == 17
    assert made.train(0, 3, 1000) == 1000 + 30_000 + 30_000 + 50_000
    assert made.train(3, 9, 111_000) == 111_000 + 70_000 + 180_000 + 30_000
    assert small.totals(made)["chip.powered time"] == pytest.approx((110_000 + 280_000) * 1e-12)


def test_a_phase_does_what_its_number_says(small, working):
    """Forward phases count forward reads, backward phases backward reads, the last phase pulses; of one layer each."""
    del working
    made = small.build(images=2, layers=(10, 7, 5, 4))
    seen = []
    for q in range(6):
        before = small.totals(made)
        made.train(q, q + 1, q * 40_000)
        told = small.totals(made)
        names = ("array.forward read", "array.backward read", "word line.update slot", "read-out.conversion")
        seen.append([told[name] - before[name] for name in names])
    assert [row[0] for row in seen] == [1, 1, 1, 0, 0, 0]
    assert [row[1] for row in seen] == [0, 0, 0, 1, 1, 0]
    assert [row[2] > 0 for row in seen] == [False] * 5 + [True]
    assert [row[3] for row in seen] == [7, 5, 4, 6, 8, 0]


def test_amounts_go_to_their_segment(small, working):
    """What an image does is counted in its own segment; a segment's images, losses and pulses do not leak into the next."""
    del working
    made = small.build(images=10, layers=LAYERS, record__segment=4)
    assert len(made.amounts.correct) == 3
    phases = len(made.phase_ps)
    made.train(0, 5 * phases, 0)
    assert made.amounts.correct[:, 0].tolist() == [4, 1, 0]
    assert (made.amounts.loss[:2] > 0.0).all()
    assert not made.amounts.segment_sums[2].any()
    made.train(5 * phases, 10 * phases, 5 * made.image_ps)
    assert made.amounts.correct[:, 0].tolist() == [4, 4, 2]


def test_images_come_in_the_drawn_order(small, working):
    """Step by step the inputs are pixel / 255 of the image that the plan names, and every epoch has its own order."""
    del working
    made = small.build(images=6, layers=LAYERS, training__epochs=2)
    phases = len(made.phase_ps)
    orders = made.plan.order.reshape(2, 6)
    assert (np.sort(orders, axis=1) == np.arange(6)).all()
    assert (orders[0] != orders[1]).any()
    for step in range(12):
        made.train(step * phases, step * phases + 1, 0)
        assert small.inputs_of(made, 0)[:-1] == pytest.approx(made.data.train_images[made.plan.order[step]] / 255.0, abs=1e-7)
        assert small.inputs_of(made, 0)[-1] == 1.0


def test_the_learning_rate_decays_by_epoch(small, working):
    """An epoch's pulses are drawn at that epoch's rate: at half of it, half as many."""
    del working
    rule = {"training.update": "deterministic", "training.learning_rate": 0.02, "training.learning_rate_decay": 0.5, "training.epochs": 2}
    made = small.build(small.NO_NOISE, small.NO_LEAK, rule, images=2, layers=LAYERS)
    assert made.plan.rates.tolist() == [0.02, 0.01]
    phases = len(made.phase_ps)
    counts = []
    for step in (0, 2):
        made.signals.inputs[:] = 1.0
        made.signals.errors[:] = 1.0
        before = small.totals(made)["update pulse.up"]
        made.train((step + 1) * phases - 1, (step + 1) * phases, 0)
        counts.append(small.totals(made)["update pulse.up"] - before)
    assert counts[0] == 2 * counts[1] == 20 * (11 * 7 + 8 * 4)


@pytest.mark.parametrize("kind", ["2pcm+3t1c", "3t1c", "software"])
def test_chips_learn(small, working, kind):
    """On a few separable patterns the loss of the last images is a small part of the first ones'."""
    if not working:
        pytest.skip("too many images for plain Python")
    made = small.build(images=120, layers=(20, 12, 4), cell__kind=kind, training__epochs=6, record__segment=120, training__learning_rate=0.05)
    made.train(0, made.plan.steps * len(made.phase_ps), 0)
    assert made.amounts.correct[-1, 1] > 110
    assert made.amounts.loss[-1] < 0.3 * made.amounts.loss[0]


@pytest.fixture(scope="session")
def results():
    """Return what each variant of the kernels gave."""
    return {}


def test_both_variants_agree(small, working, results):
    """Compiled or not, a few images of training leave the same voltages to float32, and exactly the same counts."""
    made = small.build(images=3, layers=LAYERS)
    made.train(0, 3 * len(made.phase_ps), 0)
    results[working] = (small.snapshot(made), small.totals(made))
    if len(results) == 2:
        (one, told), (other, same) = results.values()
        assert one["cells.overdrive"] == pytest.approx(other["cells.overdrive"], abs=1e-6)
        assert {name: told[name] for name in told if isinstance(told[name], int)} == {name: same[name] for name in same if isinstance(same[name], int)}
