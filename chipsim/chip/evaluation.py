"""Accuracy of the network as it stands: read through the chip, at no chip time and without touching it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from chipsim.kernels import random

CHUNK = 1000
"""Images evaluated at once."""


def accuracy(
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    weights: list[NDArray[np.float32]],
    variances: list[NDArray[np.float32]] | None,
    *,
    tanh: bool,
    seed: int,
    event: int,
    scales: Sequence[float] | NDArray[np.float64] | None = None,
) -> float:
    """Return the share of images recognised.

    Parameters
    ----------
    images, labels
        (n, pixels) and (n,), uint8; an input is pixel / 255.
    weights, variances
        per layer (inputs + 1, outputs), in units of weight and squared; without variances the read is free of noise.
    seed, event
        of the read noise.
    scales
        what the outputs of every layer are multiplied by as they are read, before the activation; nothing if not given.
    """
    right = 0
    for start in range(0, len(labels), CHUNK):
        x = images[start : start + CHUNK].astype(np.float32) * np.float32(1.0 / 255.0)
        for layer, w in enumerate(weights):
            y = x @ w[:-1] + w[-1]
            if variances is not None:
                variance = (x * x) @ variances[layer][:-1] + variances[layer][-1]
                drawn = np.empty_like(y)
                random.fill_cell_normals(drawn, seed, random.EVALUATION_NOISE, layer, 0, start, 0, event)
                y += drawn * np.sqrt(variance)
            if scales is not None:
                y *= np.float32(scales[layer])
            x = np.tanh(y) if tanh else np.maximum(y, np.float32(0.0))
        right += int(np.count_nonzero(y.argmax(axis=1) == labels[start : start + CHUNK]))
    return right / max(len(labels), 1)
