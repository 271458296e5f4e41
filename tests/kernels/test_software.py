"""Float32 gradient descent against the same in float64 NumPy."""

from __future__ import annotations

import numpy as np
import pytest

LAYERS = (10, 8, 6, 4)


def descend(data, plan, weights, steps, *, tanh):
    """Return weights after so many images of plain stochastic gradient descent, and the loss of each."""
    weights, losses = [w.astype(np.float64) for w in weights], []
    per_epoch = plan.order.size // plan.rates.size
    for step in range(steps):
        xs = [np.append(data.train_images[plan.order[step]] / 255.0, 1.0)]
        for w in weights[:-1]:
            y = xs[-1] @ w
            xs.append(np.append(np.tanh(y) if tanh else np.maximum(y, 0.0), 1.0))
        y = xs[-1] @ weights[-1]
        share = np.exp(y - y.max()) / np.exp(y - y.max()).sum()
        label = data.train_labels[plan.order[step]]
        losses.append(-np.log(share[label]))
        d = np.eye(len(y))[label] - share
        for layer in range(len(weights) - 1, -1, -1):
            x = xs[layer]
            slope = (1.0 - x * x) if tanh else (x > 0.0)
            before = ((weights[layer] @ d) * slope)[:-1]
            weights[layer] += plan.rates[step // per_epoch] * np.outer(x, d)
            d = before
    return weights, losses


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_software_is_gradient_descent(small, working, activation):
    """After 60 images in two epochs, weights and losses are those of float64 descent, to float32."""
    del working
    made = small.build(images=30, layers=LAYERS, cell__kind="software", network__activation=activation, training__epochs=2)
    start = made.weights_at(0)
    assert made.train(0, 60, 5) == 5
    weights, losses = descend(made.data, made.plan, start, 60, tanh=activation == "tanh")
    for mine, other in zip(made.weights_at(0), weights, strict=True):
        assert mine == pytest.approx(other, abs=2e-5)
    assert made.amounts.loss.sum() == pytest.approx(sum(losses), rel=1e-5)
    assert made.amounts.correct[:, 0].sum() == 60


def test_an_ideal_chip_learns_like_software(small, working):
    """A chip without noise, spread, leak and limits, with fine steps, follows software on the same images and initial weights."""
    del working
    fine = {"cell.capacitor.step": "0.01 mV", "cell.capacitor.step_slope": 0.0, "cell.capacitor.minimum": "-100 V", "cell.capacitor.maximum": "100 V"}
    rule = {"training.update": "deterministic", "training.learning_rate": 0.0002, "cell.pcm.programming": "ideal"}
    software, chip = (
        small.build(small.NO_NOISE, small.NO_SPREAD, small.NO_LEAK, fine, rule, images=20, layers=LAYERS, cell__kind=kind) for kind in ("software", "2pcm+3t1c")
    )
    start = software.weights_at(0)
    for one, other in zip(start, chip.weights_at(0), strict=True):
        assert one == pytest.approx(other, abs=1e-5)
    software.train(0, 20, 0)
    chip.train(0, 20 * len(chip.phase_ps), 0)
    moved = np.concatenate([(a - b).ravel() for a, b in zip(software.weights_at(0), start, strict=True)])
    apart = np.concatenate([(a - b).ravel() for a, b in zip(software.weights_at(0), chip.weights_at(0), strict=True)])
    assert np.abs(moved).max() > 5e-4
    assert np.abs(apart).max() < 0.5 * 20 * chip.device.weight_step
    assert np.corrcoef(moved, moved - apart)[0, 1] > 0.99
