"""The plan of a run, fixed before it begins: which image when, at which rate, the host's pace, the weights to start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chipsim.chip import build
from chipsim.datasets.npz import open_archive
from chipsim.errors import DataError, InputError
from chipsim.kernels import random
from chipsim.scenario.model import Parameters

Weights = list[NDArray[np.float32]]

_ROW = 1024
"""Draws of the host's jitter are keyed by row and column of so many columns."""


@dataclass(frozen=True)
class Plan:
    """Which image every step of the run learns from, and at which rate."""

    order: NDArray[np.int64]
    """(steps,) image of every step."""
    rates: NDArray[np.float64]
    """(epochs,) learning rates; the steps of an epoch are `order.size // rates.size`, or `epoch_images` where stages cut the last one short."""
    stage_images: tuple[int, ...] = ()
    """Images that every stage of the scenario learns."""
    making_ps: tuple[int, ...] = ()
    """How long the host takes for the image of every step, ps; empty without a host."""

    @property
    def steps(self) -> int:
        """Images of the whole run."""
        return int(self.order.size)


def plan_training(scenario: Parameters, images: int) -> Plan:
    """Draw the order of images of every epoch, list the learning rates, and draw the host's pace."""
    counts = tuple((stage.images or images) if stage.kind == "train" else 0 for stage in scenario.stage)
    steps = sum(counts) if scenario.stage else scenario.training.epochs * images
    epochs = -(-steps // images)
    orders = np.empty((epochs, images), dtype=np.int64)
    words = np.empty(images, dtype=np.uint64)
    for epoch in range(epochs):
        random.fill_words(words, scenario.seed, random.DATA_ORDER, 0, epoch)
        orders[epoch] = np.argsort(words, kind="stable") if scenario.data.shuffle else np.arange(images)
    rates = scenario.training.learning_rate * scenario.training.learning_rate_decay ** (np.arange(steps, dtype=np.int64) // max(images, 1))
    if not scenario.stage:
        rates = rates[:: max(images, 1)] if steps else np.array([scenario.training.learning_rate])
    return Plan(order=orders.ravel()[:steps], rates=np.ascontiguousarray(rates, dtype=np.float64), stage_images=counts, making_ps=_making(scenario, steps))


def _making(scenario: Parameters, steps: int) -> tuple[int, ...]:
    """Draw how long the host takes for each image: normal around its period, never below 1 ps."""
    if scenario.host is None:
        return ()
    drawn = np.empty((-(-steps // _ROW), _ROW), dtype=np.float32)
    random.fill_cell_normals(drawn, scenario.seed, random.HOST_JITTER, 0, 0, 0, 0, 0)
    relative = 1.0 + scenario.host.jitter * drawn.ravel()[:steps].astype(np.float64)
    return tuple(np.maximum(np.rint(scenario.host.period * relative), 1.0).astype(np.int64).tolist())


def read_weights(path: str, key: str, layers: Sequence[int]) -> Weights:
    """Return the weights of an npz file with arrays w0, w1, ..., (inputs + 1, outputs) each.

    Raises
    ------
    InputError
        naming `key`, if the file is missing or damaged, or its arrays do not fit the network.
    """
    try:
        with open_archive(Path(path)) as archive:
            weights = [archive.read(archive.header(f"w{layer}", 2, (np.floating,))).astype(np.float32) for layer in range(len(layers) - 1)]
    except DataError as error:
        msg = f"{key}: {error}"
        raise InputError(msg) from None
    for layer, (inputs, outputs) in enumerate(pairwise(layers)):
        if weights[layer].shape != (inputs + 1, outputs):
            msg = f"{key}: w{layer} in {path} has shape {weights[layer].shape}, the network wants {(inputs + 1, outputs)}"
            raise InputError(msg)
        if not np.isfinite(weights[layer]).all():
            msg = f"{key}: w{layer} in {path} holds values that are not finite"
            raise InputError(msg)
    return weights


def starting_weights(scenario: Parameters) -> Weights:
    """Return the initial weights: drawn, or read from `network.initial_weights`.

    Raises
    ------
    InputError
        if the file is missing, damaged, or its arrays do not fit the network.
    """
    network = scenario.network
    if not network.initial_weights:
        return build.initial_weights(network.layers, network.initial_scale, scenario.seed)
    return read_weights(network.initial_weights, "network.initial_weights", network.layers)
