"""Stages: one after the other on the same chip, each with its time and its images."""

from __future__ import annotations

import numpy as np
import pytest

from chipsim.chip.plan import plan_training

LAYERS = (12, 8, 4)
IMAGE = 160_000


def of(told, kind):
    """Return what was heard of one kind."""
    return [entry[1:] for entry in told.listener.heard if entry[0] == kind]


def lived(small, stages, *groups, images=10, **plain):
    """Run a chip through stages."""
    return small.run(small.QUICK, {"record.probe_samples": 0}, *groups, images=images, layers=LAYERS, stage=stages, **plain)


def test_stages_follow_each_other(small):
    """Program, train, idle, sleep, train: each ends where the next begins, with as many images learnt as it says."""
    stages = (
        {"kind": "program"},
        {"kind": "train", "images": 3},
        {"kind": "idle", "lasts": "1 us"},
        {"kind": "sleep", "lasts": "2 us", "before": "nothing"},
        {"kind": "train"},
    )
    told = lived(small, stages, transfer__policy="instant", power__wake_up="1 us")
    assert of(told, "stage") == [
        (0, 0, 0),
        (1, 3, 3 * IMAGE),
        (2, 3, 3 * IMAGE + 1_000_000),
        (3, 3, 3 * IMAGE + 4_000_000),
        (4, 13, 13 * IMAGE + 4_000_000),
    ]
    assert told.state.training.phase == 13 * 4
    assert [entry[1] for entry in of(told, "transfer")] == [13]  # the final one


def test_two_rests_in_a_row_take_both_times(small):
    """Stages of the same kind are stages each."""
    told = lived(small, ({"kind": "idle", "lasts": "1 us"}, {"kind": "idle", "lasts": "2 us"}))
    assert of(told, "stage") == [(0, 0, 1_000_000), (1, 0, 3_000_000)]
    assert small.totals(told.chip)["chip.powered time"] == pytest.approx(3e-6)


@pytest.mark.parametrize("last, finals", [({"kind": "train", "images": 2}, 1), ({"kind": "idle", "lasts": "1 us"}, 0), ({"kind": "sleep", "lasts": "1 us"}, 1)])
def test_the_final_transfer_belongs_to_training(small, last, finals):
    """A life that ends in training ends with a transfer; one that ends in a rest does not, but a sleep may have one before it."""
    told = lived(small, ({"kind": "train", "images": 3}, last), transfer__policy="stall", transfer__every="1000 images")
    assert len(of(told, "transfer")) == finals


def test_images_go_on_where_the_last_stage_stopped(small):
    """Two stages of training learn the images that one stage of both would have learnt, at the same rates, to the same bytes."""
    one = lived(small, ({"kind": "train", "images": 13},), transfer__every="4 images", transfer__policy="instant", record__accuracy_every="100 images")
    two = lived(
        small,
        ({"kind": "train", "images": 5}, {"kind": "train", "images": 8}),
        transfer__every="4 images",
        transfer__policy="instant",
        record__accuracy_every="100 images",
    )
    assert not small.differences(small.snapshot(one.chip), small.snapshot(two.chip))
    assert one.state.now_ps == two.state.now_ps == 13 * IMAGE


def test_rates_and_order_of_stages_are_those_of_epochs(small):
    """Stages draw their images from the epochs of a run without stages, at the rate of the epoch that an image belongs to."""
    stages = ({"kind": "train", "images": 7}, {"kind": "idle", "lasts": "1 us"}, {"kind": "train", "images": 18})
    plan = plan_training(small.scenario(stage=stages, training__learning_rate_decay=0.5), 10)
    plain = plan_training(small.scenario(training__epochs=3, training__learning_rate_decay=0.5), 10)
    assert plan.stage_images == (7, 0, 18)
    assert plan.steps == 25
    assert plan.order.tolist() == plain.order[:25].tolist()
    assert plan.rates.tolist() == np.repeat(plain.rates, 10)[:25].tolist()


def test_a_stage_without_images_learns_an_epoch(small):
    """A stage of training that does not say how many images learns all of them once."""
    assert plan_training(small.scenario(stage=({"kind": "train"},)), 10).stage_images == (10,)


def test_a_life_without_training(small):
    """A chip may be programmed, idle for a day and sleep for a year, without an image."""
    told = lived(small, ({"kind": "program"}, {"kind": "idle", "lasts": "1 day"}, {"kind": "sleep", "lasts": "1 year"}), transfer__policy="stall")
    assert [entry[:2] for entry in of(told, "stage")] == [(0, 0), (1, 0), (2, 0)]
    assert told.state.now_ps > (86_400 + 31_557_600) * 10**12
    assert of(told, "evaluate") == []
    assert small.totals(told.chip)["power.wake-up"] == 1


def test_an_idle_stage_leaks_and_drifts_under_power(small):
    """After an idle stage of a day capacitors are at rest, pairs have drifted, and the time was under power."""
    told = lived(small, ({"kind": "train", "images": 5}, {"kind": "idle", "lasts": "1 day"}), transfer__every="2 images")
    made = told.chip
    for layer in range(2):
        assert np.abs(small.deviations(made, layer, 0)).max() < 1e-6
        drifted = np.abs(small.cells_of(made, made.cells.pcm, layer)) - 3.0 * np.abs(small.cells_of(made, made.cells.g_plus - made.cells.g_minus, layer))
        assert drifted.min() < -1.0
    amounts = small.totals(made)
    assert amounts["chip.powered time"] == pytest.approx(86_400.0 + 5 * 160e-9, rel=1e-12)
    assert amounts["chip.asleep time"] == 0.0
    assert amounts["power.wake-up"] == 0
