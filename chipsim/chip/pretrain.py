"""Weights to start from: drawn, read from a file, or trained in float32 before the chip's life begins."""

from __future__ import annotations

import dataclasses

import numpy as np

from chipsim.chip.plan import Plan, Weights, read_weights, starting_weights
from chipsim.chip.software import SoftwareChip
from chipsim.datasets import Dataset
from chipsim.errors import InputError
from chipsim.kernels import random
from chipsim.scenario.model import Parameters
from chipsim.scenario.stages import Stage

_EPOCHS_APART = 2**32
"""Orders of pre-training epochs are drawn apart from those of the run."""


def programmed_weights(scenario: Parameters, data: Dataset) -> Weights:
    """Return the weights that are programmed at time zero, (inputs + 1, outputs) a layer.

    Raises
    ------
    InputError
        if a file cannot be used, or weights are to be trained before and the data have nothing to train them on.
    """
    first = scenario.stage[0] if scenario.stage else None
    if first is None or first.kind != "program":
        return starting_weights(scenario)
    if first.weights:
        return read_weights(first.weights, "stage[0].weights", scenario.network.layers)
    if not len(data.pretrain_labels):
        msg = f'stage[0].weights: is empty, and {data.name} has no pre-training part; name an npz file, or use data = "spoken-digits"'
        raise InputError(msg)
    return pretrained(scenario, data, first)


def pretrained(scenario: Parameters, data: Dataset, stage: Stage) -> Weights:
    """Train the network in float32 on the pre-training part of the data; the same seed gives the same weights."""
    before = dataclasses.replace(data, train_images=data.pretrain_images, train_labels=data.pretrain_labels)
    images = len(before.train_labels)
    orders = np.empty((stage.pretrain_epochs, images), dtype=np.int64)
    words = np.empty(images, dtype=np.uint64)
    for epoch in range(stage.pretrain_epochs):
        random.fill_words(words, scenario.seed, random.DATA_ORDER, 0, _EPOCHS_APART + epoch)
        orders[epoch] = np.argsort(words, kind="stable")
    rates = stage.pretrain_learning_rate * stage.pretrain_learning_rate_decay ** np.arange(max(stage.pretrain_epochs, 1), dtype=np.float64)
    plan = Plan(order=orders.ravel(), rates=rates)
    network = SoftwareChip(scenario, before, plan)
    network.program(starting_weights(scenario))
    network.train(0, plan.steps, 0)
    return network.weights_at(0)
