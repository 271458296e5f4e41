"""When training runs, what it stops for, and what time that takes."""

from __future__ import annotations

import itertools

import pytest

from chipsim.kernels import layout

IMAGES = 40


def of(told, kind):
    """Return what was heard of one kind."""
    return [entry[1:] for entry in told.listener.heard if entry[0] == kind]


@pytest.mark.parametrize("layers, image_ns", [((20, 12, 8, 4), 240), ((20, 12, 4), 160), ((20, 4), 80)])
def test_time_of_an_image(small, layers, image_ns):
    """An image takes 240, 160 or 80 ns in three, two or one layers, measured from the events."""
    told = small.run(images=IMAGES, layers=layers, record__accuracy_every="1 image")
    times = [now for _, now in of(told, "evaluate")]
    assert [b - a for a, b in itertools.pairwise(times)] == [image_ns * 1000] * IMAGES
    assert told.state.now_ps == IMAGES * image_ns * 1000


@pytest.mark.parametrize("window", [1, 5, 1000])
def test_a_transfer_interval_in_images_is_exact(small, window):
    """Transfers begin after every so many images, and once more at the end."""
    told = small.run(images=IMAGES, transfer__every="9 images", training__window=window)
    assert [(number, step, start) for number, step, start, *_ in of(told, "transfer")] == [
        (1, 9, 9 * 240_000),
        (2, 18, 18 * 240_000),
        (3, 27, 27 * 240_000),
        (4, 36, 36 * 240_000),
        (5, 40, 40 * 240_000),
    ]


@pytest.mark.parametrize("probes", [0, 500])
@pytest.mark.parametrize("window", [1, 1000])
@pytest.mark.parametrize("every_ns", [240, 1000, 2400, 4001])
def test_a_transfer_interval_in_time_is_exact(small, every_ns, window, probes):
    """Transfers begin at the first image boundary at which the interval since the last one has passed, before the last image."""
    told = small.run(
        images=IMAGES,
        transfer__every=f"{every_ns} ns",
        transfer__final=False,
        training__window=window,
        record__probe_samples=probes,
        record__probe_every="13 ns",
    )
    expected, last = [], 0
    for step in range(1, IMAGES):
        if step * 240 - last >= every_ns:
            expected.append((step, step * 240_000))
            last = step * 240
    assert [(step, start) for _, step, start, *_ in of(told, "transfer")] == expected


def test_evaluations_happen_at_their_images(small):
    """Evaluations come before the first image, at their interval and after the last image."""
    told = small.run(images=IMAGES, record__accuracy_every="15 images", transfer__every="15 images")
    assert [step for step, _ in of(told, "evaluate")] == [0, 15, 30, 40]
    order = [(entry[0], entry[2] if entry[0] == "transfer" else entry[1]) for entry in told.listener.heard if entry[0] != "probe"]
    assert order.index(("transfer", 15)) < order.index(("evaluate", 15))


def test_evaluations_can_be_due_by_time(small):
    """An interval in time evaluates at the first image boundary at or after it."""
    told = small.run(images=IMAGES, record__accuracy_every="2 us")
    assert [step for step, _ in of(told, "evaluate")] == [0, 9, 18, 27, 36, 40]


def test_an_epoch_is_the_default_interval_of_evaluations(small):
    """Without an interval, the network is evaluated after every epoch."""
    told = small.run(images=10, training__epochs=3)
    assert [step for step, _ in of(told, "evaluate")] == [0, 10, 20, 30]


@pytest.mark.parametrize("every", ["7 ns", "40 ns", "240 ns", "1 us"])
def test_probes_come_at_their_times(small, every):
    """Probes happen at exact multiples of their interval, whatever training is doing, and stop with it."""
    told = small.run(images=10, record__probe_every=every, record__probe_samples=100)
    step = told.chip.scenario.record.probe_every
    probes = of(told, "probe")
    assert [now for _, _, now in probes] == [k * step for k in range(len(probes))]
    assert len(probes) == min(100, -(-10 * 240_000 // step)) or len(probes) == min(100, 10 * 240_000 // step + 1)
    assert all(image <= now // 240_000 for _, image, now in probes)


def test_training_reports_every_segment(small):
    """Training reports at least on the grid of segments, whatever its window."""
    told = small.run(images=IMAGES, record__segment=7, training__window=1000)
    steps = [step for step, _ in told.listener.progress]
    assert set(range(7, IMAGES, 7)) <= set(steps)
    assert steps == sorted(set(steps))
    assert steps[-1] == IMAGES


def test_refreshes_come_at_their_interval(small):
    """Saturated pairs are looked for after every so many images, at no chip time; the SET pulses of an update take theirs."""
    plan = {"cell.kind": "2pcm", "refresh.every": "8 images", "cell.pcm.partial_set.refresh_above": "0.2 uS", "cell.pcm.partial_set.refresh_below": "12 uS"}
    told = small.run(plan, images=IMAGES, record__segment=8)
    resets = told.chip.amounts.segment_counts[:, layout.RESET_PULSE]
    assert (resets[:-1] > 0).all()
    assert resets[-1] == 0  # nothing follows the last image that a refresh could serve
    assert told.state.now_ps == IMAGES * (200_000 + 2 * 31 * 50_000)


@pytest.mark.parametrize("kind", ["3t1c", "2pcm", "software"])
def test_only_the_whole_cell_transfers(small, kind):
    """Cells without capacitor or without PCM train without transfers."""
    assert not of(small.run(images=20, cell__kind=kind, transfer__every="5 images"), "transfer")


def test_no_epochs_train_nothing(small):
    """With no epochs nothing is learnt, evaluated only once, and not transferred."""
    told = small.run(images=10, training__epochs=0)
    assert [entry[0] for entry in told.listener.heard] == ["evaluate"]
    assert told.state.now_ps == 0


def test_a_final_transfer_is_made_once(small):
    """A transfer due at the last image is the final one: the weights are not written twice at one moment."""
    told = small.run(images=20, transfer__every="5 images")
    assert [step for _, step, *_ in of(told, "transfer")] == [5, 10, 15, 20]
