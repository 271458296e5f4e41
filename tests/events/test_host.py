"""The host, its link and its queue, against the same recursion in a few lines of Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chipsim.chip.plan import plan_training
from chipsim.scenario.host import Host

IMAGES = 20


def expected(making, sending, latency, queue, ready):
    """Return when images are made, sent, there and begun: each as early as those before it, the link and the queue allow.

    `ready(k, begun)` says from when on the chip could begin image k, if it were there.
    """
    made, sent, there, begun = [], [], [], []
    for k, lasts in enumerate(making):
        made.append((sent[k - 1] if k else 0) + lasts)
        free = [made[k]] + ([sent[k - 1] + sending] if k else []) + ([begun[k - queue]] if k >= queue else [])
        sent.append(max(free))
        there.append(sent[k] + sending + latency)
        begun.append(max(there[k], ready(k, begun)))
    return made, sent, there, begun


def starts(small, told):
    """Return when the first phase of every image began, in order."""
    return [start for start, _, what, _ in small.on(told, "chip/training") if what == "forward layer 1"]


def check(small, told, ready=None):
    """Compare a run with the recursion, moment by moment, and what was counted with both."""
    chip, state, host = told.chip, told.state, told.chip.scenario.host
    image, sending = chip.image_ps, host.send_ps(chip.scenario.network.layers[0])
    after = ready or (lambda k, begun: begun[k - 1] + image if k else 0)
    made, sent, there, begun = expected(chip.making_ps, sending, host.latency, host.queue, after)
    assert starts(small, told) == begun
    assert [(start, end, image) for start, end, _, image in small.on(told, "host/link")] == [(at, at + sending, k) for k, at in enumerate(sent)]
    assert [(start, end) for start, end, *_ in small.on(told, "host/partner")] == [(at - lasts, at) for at, lasts in zip(made, chip.making_ps, strict=True)]
    assert [image for _, _, what, image in small.on(told, "chip/training") if what == "update"] == list(range(len(made)))
    images = len(made)
    assert (state.host.made, state.host.sent, state.host.arrived, state.host.taken) == (images,) * 4
    blocked = sum(b - a for a, b in zip(made, sent, strict=True))
    assert state.host.blocked_ps == state.host.link.waited_ps == blocked
    assert state.host.making_ps == sum(chip.making_ps)
    assert sum(state.host.link.waits) == images
    assert sum(state.host.link.busy.values()) == images * sending
    assert sum(state.host.link.queue.values()) == sum(b - a for a, b in zip(there, begun, strict=True))
    waiting = sum(max(at - after(k, begun), 0) for k, at in enumerate(there))
    assert state.training.waited_ps.get("host", 0) == waiting
    assert state.training.start_ps == images * image + sum(state.training.waited_ps.values())
    queued = [sum(at <= moment for at in there) - sum(at < moment for at in begun) for moment in there]
    assert state.host.most_queued == max(queued) <= host.queue
    assert small.totals(chip)["host link.bit"] == images * chip.scenario.network.layers[0] * host.bits


@given(
    period=st.integers(1_000, 600_000),
    jitter=st.sampled_from([0.0, 0.1, 1.0]),
    latency=st.integers(0, 2_000_000),
    queue=st.integers(1, 12),
    bits=st.integers(1, 64),
    bandwidth=st.sampled_from(["126 Gbps", "5 Gbps", "1 Gbps", "0.1 Gbps"]),
    layers=st.sampled_from([(12, 4), (12, 8, 4), (12, 8, 6, 4)]),
    window=st.sampled_from([1, 7, 1000]),
)
def test_every_moment_is_that_of_the_recursion(small, period, jitter, latency, queue, bits, bandwidth, layers, window):
    """Whatever the pace, link and queue, every image is made, sent and begun at the picosecond that the recursion says."""
    plan = {
        "host.period": f"{period} ps",
        "host.jitter": jitter,
        "host.latency": f"{latency} ps",
        "host.queue": queue,
        "host.bits": bits,
        "host.bandwidth": bandwidth,
        "training.window": window,
    }
    told = small.run(small.WATCHED, plan, images=IMAGES, layers=layers, transfer__every="7 images")
    check(small, told)


@given(period=st.integers(100_000, 900_000), queue=st.integers(1, 6), every=st.integers(2, 9))
def test_the_queue_fills_while_the_chip_transfers(small, period, queue, every):
    """With transfers that stop training, images wait in the queue, the host behind it, and all go on at the moments of the recursion."""
    plan = {"host.period": f"{period} ps", "host.queue": queue, "transfer.policy": "stall", "transfer.every": f"{every} images", "transfer.final": False}
    told = small.run(small.QUICK, small.WATCHED, plan, images=IMAGES, layers=(12, 8, 4))
    ended = {record.step: record.ended_ps for record in told.listener.transfers}

    def ready(k, begun):
        return max(begun[k - 1] + told.chip.image_ps if k else 0, ended.get(k, 0))

    check(small, told, ready)
    assert told.state.training.waited_ps["transfer"] == sum(record.ended_ps - record.started_ps for record in told.listener.transfers)


def test_a_slow_host_starves_the_chip(small):
    """With an image a microsecond the chip waits for the rest of it, and the host for nothing."""
    told = small.run(small.WATCHED, images=IMAGES, host__period="1 us", host__jitter=0.0, host__latency="0 s")
    assert told.state.host.blocked_ps == 0
    assert np.diff(starts(small, told)).tolist() == [10**6] * (IMAGES - 1)


def test_a_fast_host_waits_for_the_chip(small):
    """With an image every 10 ns training never waits after the first image, and the host's images come at the chip's pace once the queue is full."""
    told = small.run(small.WATCHED, images=IMAGES, host__period="10 ns", host__jitter=0.0, host__latency="0 s", host__queue=3)
    begun = starts(small, told)
    assert np.diff(begun).tolist() == [240_000] * (IMAGES - 1)
    assert told.state.host.most_queued == 3
    sent = [start for start, *_ in small.on(told, "host/link")]
    assert sent[4:] == begun[1 : IMAGES - 3]  # a place is free when an image is taken


def test_a_host_runs_ahead_over_epochs_and_stages(small):
    """The host makes the images of all epochs, and goes on while an idle stage fills the queue."""
    stages = ({"kind": "train", "images": 4}, {"kind": "idle", "lasts": "20 us"}, {"kind": "train", "images": 8})
    told = small.run(small.WATCHED, images=6, stage=stages, host__period="1 us", host__jitter=0.0, host__latency="0 s", host__queue=5)
    assert told.state.host.taken == 12
    begun = starts(small, told)
    resumed = begun[3] + 240_000 + 20_000_000
    assert begun[4:9] == [resumed + k * 240_000 for k in range(5)]
    assert begun[11] > begun[4] + 7 * 240_000


# ---- the pace ------------------------------------------------------------------------------------------------------------


def test_the_pace_is_normal_around_its_period(small):
    """Times of making are drawn around the period with the relative spread, one a step, whatever the run's length; without spread all are alike."""
    drawn = np.array(plan_training(small.scenario(host__period="100 us", host__jitter=0.1, training__epochs=20), 500).making_ps)
    assert drawn.shape == (10_000,)
    assert drawn.mean() == pytest.approx(100e6, rel=4 * 0.1 / 100)
    assert drawn.std() == pytest.approx(10e6, rel=0.04)
    fewer = plan_training(small.scenario(host__period="100 us", host__jitter=0.1, training__epochs=1), 500).making_ps
    assert fewer == tuple(drawn[:500].tolist())
    assert set(plan_training(small.scenario(host__period="7 ns", host__jitter=0.0), 50).making_ps) == {7000}
    assert plan_training(small.scenario(), 50).making_ps == ()
    other = plan_training(small.scenario(host__period="100 us", host__jitter=0.1, seed=2), 500).making_ps
    assert other != fewer


def test_making_an_image_takes_some_time(small):
    """Where the spread is as large as the period, no time is below a picosecond."""
    drawn = plan_training(small.scenario(host__period="10 ns", host__jitter=1.0, training__epochs=20), 500).making_ps
    assert min(drawn) == 1
    assert all(isinstance(lasts, int) for lasts in drawn)


def test_the_link_is_busy_for_bits_over_bandwidth():
    """528 values of 8 bits take 33.5 ns at 126 Gbit/s; what is faster than the clock takes a picosecond."""
    assert Host().send_ps(528) == round(528 * 8 / 126e9 * 1e12) == 33_524
    assert Host(bits=1, bandwidth="100000 Gbps").send_ps(1) == 1
