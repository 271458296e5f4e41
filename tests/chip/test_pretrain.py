"""Weights to program at time zero: from a file, or trained in float32 before the chip's life begins."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from chipsim.chip.evaluation import accuracy
from chipsim.chip.plan import starting_weights
from chipsim.chip.pretrain import programmed_weights
from chipsim.errors import InputError

LAYERS = (12, 8, 4)


def with_past(small, images):
    """Return a small data set, and the same with a pre-training part, whose images are another set's."""
    data, other = small.dataset(20, pixels=12), small.dataset(images, pixels=12)
    return other, dataclasses.replace(data, pretrain_images=other.train_images, pretrain_labels=other.train_labels)


def test_programmed_weights_come_from_a_file(small, tmp_path):
    """A first stage that programs a file's weights starts from them."""
    wanted = [np.full((13, 8), 0.1, dtype=np.float32), np.full((9, 4), -0.2, dtype=np.float32)]
    np.savez(tmp_path / "w.npz", w0=wanted[0], w1=wanted[1])
    stage = ({"kind": "program", "weights": str(tmp_path / "w.npz")},)
    found = programmed_weights(small.scenario(layers=LAYERS, stage=stage), small.dataset(4, pixels=12))
    assert all((a == b).all() for a, b in zip(found, wanted, strict=True))


def test_a_file_that_does_not_fit_is_named_with_its_key(small, tmp_path):
    """A file with other shapes is refused by the key that names it."""
    np.savez(tmp_path / "w.npz", w0=np.zeros((13, 8)), w1=np.zeros((9, 4)))
    stage = ({"kind": "program", "weights": str(tmp_path / "w.npz")},)
    with pytest.raises(InputError, match=r"stage\[0\].weights: w0 .* has shape \(13, 8\), the network wants \(11, 8\)"):
        programmed_weights(small.scenario(layers=(10, 8, 4), stage=stage), small.dataset(4, pixels=10))


def test_data_without_a_past_are_told(small):
    """Where weights are to be trained before and the data have nothing to train them on, the user hears what to do."""
    with pytest.raises(InputError, match=r"stage\[0\].weights: is empty, and made-up images has no pre-training part; name an npz file"):
        programmed_weights(small.scenario(layers=LAYERS, stage=({"kind": "program"},)), small.dataset(4, pixels=12))


def test_weights_are_trained_before(small):
    """Without a file the network is trained in float32 on the pre-training part: better than the start, the same for the same seed."""
    other, data = with_past(small, 120)
    plan = small.scenario(layers=LAYERS, stage=({"kind": "program", "pretrain_epochs": 6, "pretrain_learning_rate": 0.05},))
    weights = programmed_weights(plan, data)

    def right(held):
        return accuracy(other.test_images, other.test_labels, held, None, tanh=True, seed=1, event=0)

    assert right(weights) > right(starting_weights(plan)) + 0.2
    assert all((a == b).all() for a, b in zip(weights, programmed_weights(plan, data), strict=True))


def test_no_passes_train_nothing(small):
    """With no passes the drawn weights are programmed as they are."""
    _, data = with_past(small, 8)
    plan = small.scenario(layers=LAYERS, stage=({"kind": "program", "pretrain_epochs": 0},))
    assert all((a == b).all() for a, b in zip(programmed_weights(plan, data), starting_weights(plan), strict=True))


def test_without_a_first_stage_that_programs_the_drawn_weights_are(small):
    """A life that does not begin by programming starts from the weights of `network`."""
    _, data = with_past(small, 8)
    for plan in (small.scenario(layers=LAYERS), small.scenario(layers=LAYERS, stage=({"kind": "train"},))):
        assert all((a == b).all() for a, b in zip(programmed_weights(plan, data), starting_weights(plan), strict=True))
