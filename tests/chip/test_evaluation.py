"""Accuracy through the chip, with and without read noise."""

from __future__ import annotations

import numpy as np
import pytest

from chipsim.chip.evaluation import accuracy


@pytest.fixture(scope="module")
def task():
    """Return 2,500 images of four pixels whose label is the brightest pixel, with weights that find it."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 200, (2500, 4)).astype(np.uint8)
    labels = images.argmax(axis=1).astype(np.uint8)
    weights = [np.vstack([0.5 * np.eye(4), np.zeros(4)]).astype(np.float32), np.vstack([np.eye(4), np.zeros(4)]).astype(np.float32)]
    return images, labels, weights


@pytest.mark.parametrize("tanh", [True, False])
def test_right_answers_are_counted(task, tanh):
    """A network that picks the brightest pixel is right where that is the label, over more images than are read at once."""
    images, labels, weights = task
    assert accuracy(images, labels, weights, None, tanh=tanh, seed=1, event=0) == 1.0
    wrong = labels.copy()
    wrong[:500] = (wrong[:500] + 1) % 4
    assert accuracy(images, wrong, weights, None, tanh=tanh, seed=1, event=0) == pytest.approx(0.8)


def test_the_bias_is_added(task):
    """A bias in the last row decides where it outweighs the inputs."""
    images, labels, weights = task
    biased = [weights[0], weights[1].copy()]
    biased[1][-1, 2] = 10.0
    assert accuracy(images, labels, biased, None, tanh=True, seed=1, event=0) == pytest.approx((labels == 2).mean())


def test_noise_is_drawn_by_event_and_seed(task):
    """Read noise costs accuracy, is the same for the same seed and event, and another one for others."""
    images, labels, weights = task
    variances = [np.full_like(w, 0.003) for w in weights]
    draws = [accuracy(images, labels, weights, variances, tanh=True, seed=seed, event=event) for seed, event in ((1, 0), (1, 0), (1, 1), (2, 0))]
    assert draws[0] == draws[1]
    assert len(set(draws)) == 3
    assert all(0.5 < share < 1.0 for share in draws)


def test_no_variance_is_no_noise(task):
    """Where every variance is zero, noisy and noise-free reads agree."""
    images, labels, weights = task
    assert accuracy(images, labels, weights, [np.zeros_like(w) for w in weights], tanh=True, seed=1, event=0) == 1.0


def test_scales_multiply_what_is_read(task):
    """Outputs are multiplied layer by layer before the activation, noise and bias with them: as if weights and noise were larger."""
    images, labels, weights = task
    variances, scales = [np.full_like(w, 0.003) for w in weights], np.array([4.0, 2.0])
    larger = [np.float32(scale) * w for scale, w in zip(scales, weights, strict=True)]
    noisier = [np.float32(scale**2) * v for scale, v in zip(scales, variances, strict=True)]
    scaled = accuracy(images, labels, weights, variances, tanh=True, seed=1, event=0, scales=scales)
    assert scaled == accuracy(images, labels, larger, noisier, tanh=True, seed=1, event=0)
    assert scaled != accuracy(images, labels, weights, variances, tanh=True, seed=1, event=0)


def test_no_images_are_no_error():
    """Without images the accuracy is zero rather than a division by zero."""
    assert accuracy(np.zeros((0, 4), np.uint8), np.zeros(0, np.uint8), [np.ones((5, 2), np.float32)], None, tanh=True, seed=1, event=0) == 0.0
