"""Spoken digits: who is learnt, who was known before, and how values become bytes."""

from __future__ import annotations

import os

import numpy as np
import pytest

from chipsim.datasets import load_dataset
from chipsim.datasets.load import DATA_VARIABLE
from chipsim.datasets.spoken import DIGITS, in_turn
from chipsim.errors import DataError
from chipsim.scenario.parts import Data

SPEAKERS = ["george", "jackson", "lucas", "nicolas", "theo", "yweweler"]


def spoken(folder, **fields):
    """Return the spoken digits in a folder."""
    return load_dataset(Data(name="spoken-digits", **fields), folder)


def values(folder):
    """Return the arrays of the file in a folder."""
    with np.load(folder / "spoken-digits" / "fsdd_features.npz") as archive:
        return dict(archive)


def parts(data):
    """Return images and labels of the four parts."""
    return {
        "train": (data.train_images, data.train_labels),
        "test": (data.test_images, data.test_labels),
        "pretrain": (data.pretrain_images, data.pretrain_labels),
        "pretrain_test": (data.pretrain_test_images, data.pretrain_test_labels),
    }


@pytest.mark.parametrize("adapt_to", SPEAKERS)
def test_one_speaker_is_learnt_and_five_were_known_before(recordings, adapt_to):
    """Every recording is in exactly one of four parts: by the speaker adapted to, and by the official split; mapped by the limits stated."""
    folder = recordings()
    data, held = spoken(folder, adapt_to=adapt_to), values(folder)
    logmel = held["logmel"].reshape(240, 640).astype(float)
    adapted = held["speaker"] == SPEAKERS.index(adapt_to)
    known = logmel[~adapted & ~held["is_test"]]
    lowest, highest = np.percentile(known, [0.1, 99.9])
    assert data.mapping["lowest"] == pytest.approx(lowest)
    assert data.mapping["highest"] == pytest.approx(highest)
    wanted = np.rint((np.clip(logmel, lowest, highest) - lowest) / (highest - lowest) * 255).astype(np.uint8)
    choices = {
        "train": adapted & ~held["is_test"],
        "test": adapted & held["is_test"],
        "pretrain": ~adapted & ~held["is_test"],
        "pretrain_test": ~adapted & held["is_test"],
    }
    for part, (images, labels) in parts(data).items():
        assert images.dtype == labels.dtype == np.uint8
        assert images.flags.c_contiguous
        found = sorted(zip(labels.tolist(), map(bytes, images), strict=True))
        chosen = choices[part]
        assert found == sorted(zip(held["y"][chosen].tolist(), map(bytes, wanted[chosen]), strict=True)), part
        outside = np.count_nonzero((logmel[chosen] < lowest) | (logmel[chosen] > highest))
        assert data.mapping[f"clipped_{part}_values"] == outside, part
    assert (data.classes, data.shape) == (10, (640,))
    assert "30 + 10 images of 640 features, 10 classes, 150 + 50 before" in repr(data)


def test_the_speaker_adapted_to_does_not_move_the_limits(recordings):
    """Limits come from the training recordings of the others: neither the speaker's own nor test recordings move them."""
    folder = recordings()
    before = spoken(folder)
    held = values(folder)
    louder = held["logmel"].copy()
    louder[(held["speaker"] == SPEAKERS.index("theo")) | held["is_test"]] += 100
    after = spoken(recordings(logmel=louder))
    assert (after.mapping["lowest"], after.mapping["highest"]) == (before.mapping["lowest"], before.mapping["highest"])
    assert np.array_equal(after.pretrain_images, before.pretrain_images)
    assert (after.train_images == 255).all()


def test_the_first_recordings_are_of_all_digits(recordings):
    """Recordings take turns by digit and speaker, so that a limit, or a validation split, is balanced."""
    folder = recordings()
    data = spoken(folder, train_images=20)
    assert data.train_labels.tolist() == list(range(10)) * 2
    assert data.pretrain_labels[:50].tolist() == list(range(10)) * 5
    split = spoken(folder, evaluate="validation", validation_images=10)
    assert np.array_equal(split.test_labels, np.arange(10))


def test_validation_holds_back_of_both_parts(recordings):
    """With `validation` both parts are evaluated on their last training recordings, and no test recording is looked at."""
    folder = recordings()
    whole, split = spoken(folder), spoken(folder, evaluate="validation", validation_images=10)
    assert np.array_equal(split.train_images, whole.train_images[:20])
    assert np.array_equal(split.test_images, whole.train_images[20:])
    assert np.array_equal(split.pretrain_images, whole.pretrain_images[:140])
    assert np.array_equal(split.pretrain_test_images, whole.pretrain_images[140:])
    assert np.array_equal(split.pretrain_test_labels, whole.pretrain_labels[140:])
    with pytest.raises(DataError, match=r"data.validation_images: 30 leaves nothing of the 30 training images of spoken-digits"):
        spoken(folder, evaluate="validation", validation_images=30)


def test_limits_on_images_leave_the_known_speakers_alone(recordings):
    """`train_images` and `test_images` are of the speaker adapted to; what was learnt before stays whole."""
    data = spoken(recordings(), train_images=5, test_images=3)
    assert [len(labels) for _, labels in parts(data).values()] == [5, 3, 150, 50]


def test_quantised_recordings_are_read_in_their_scale(recordings):
    """A uint8 file with scale and zero point gives, within a step, what the floating-point file gives."""
    exact = spoken(recordings())
    held = values(recordings())["logmel"].astype(float)
    scale = (held.max() - held.min()) / 255
    zero_point = round(-held.min() / scale)
    quantised = np.clip(np.rint(held / scale) + zero_point, 0, 255).astype(np.uint8)
    data = spoken(recordings(logmel=quantised, scale=scale, zero_point=zero_point))
    assert data.mapping["lowest"] == pytest.approx(exact.mapping["lowest"], abs=scale)
    step = scale / (exact.mapping["highest"] - exact.mapping["lowest"]) * 255
    assert np.abs(data.train_images.astype(int) - exact.train_images).max() <= 1.5 * step + 1


def test_groups_take_turns():
    """The first of every group, then the second of every group, in the order of the file within each."""
    groups = np.array([1, 1, 1, 0, 0, 2])
    assert in_turn(groups).tolist() == [3, 0, 5, 4, 1, 2]


MALFORMED = {
    "pickled names": ({"speakers": np.array([*SPEAKERS], dtype=object)}, "speakers: holds Python objects"),
    "pickled values": ({"logmel": np.full((240, 2, 2), None)}, "logmel: holds Python objects"),
    "flat values": ({"logmel": np.zeros((240, 640))}, r"logmel: has the shape \(240, 640\), 3 dimensions expected"),
    "fewer labels": ({"y": np.zeros(239, int)}, "y has 239 values, 240 expected"),
    "fewer speakers": ({"speaker": np.zeros(3, int)}, "speaker has 3 values, 240 expected"),
    "split of integers": ({"is_test": np.zeros(240, int)}, "is_test: holds values of type int64, expected: bool"),
    "no digit": ({"y": np.full(240, 10)}, "y: label 10 of row 0 is out of range, 0 to 9 expected"),
    "no speaker": ({"speaker": np.full(240, 6)}, "speaker: label 6 of row 0 is out of range, 0 to 5 expected"),
    "NaN": ({"logmel": np.full((240, 32, 20), np.nan)}, r"logmel: value nan at \[0, 0, 0\] is not finite"),
    "silence": ({"logmel": np.zeros((240, 32, 20))}, "logmel: the features go from 0 to 0, which is no range"),
    "far apart": ({"logmel": np.resize([-1.7e308, 1.7e308], (240, 32, 20))}, "logmel: the features go from .*, which is no range"),
    "nothing to test on": ({"is_test": np.zeros(240, bool)}, 'leaves no recordings for the part "test"'),
    "one speaker": ({"speaker": np.full(240, 4)}, 'leaves no recordings for the part "pretrain"'),
    "scale of floats": ({"scale": 1.0}, "scale is given, but logmel is of type float32"),
    "no split": ({"is_test": None}, "holds no array is_test"),
}


@pytest.mark.parametrize("arrays,message", MALFORMED.values(), ids=MALFORMED)
def test_malformed_archives_are_refused(recordings, arrays, message):
    """Whatever is wrong with the file is told with the array, what was found and what is wanted."""
    with pytest.raises(DataError, match=f"fsdd_features.npz: .*{message}"):
        spoken(recordings(**arrays))


def test_a_file_without_the_speaker_names_those_it_has(recordings):
    """A speaker who is not in the file is answered with a near spelling and the list."""
    folder = recordings(speakers=np.array([*SPEAKERS[:4], "theodor", "yweweler"]))
    with pytest.raises(DataError, match=r'data.adapt_to: "theo" is no speaker of .*; did you mean "theodor"\?; known: george, .*, yweweler'):
        spoken(folder)


def test_names_that_are_no_text_are_refused(recordings):
    """Code points that Unicode does not have give a DataError."""
    broken = np.frombuffer(np.full(6, 0x7FFFFFFF, "<u4").tobytes(), "<U1")
    with pytest.raises(DataError, match="speakers: is no text"):
        spoken(recordings(speakers=broken))


@pytest.mark.skipif(DATA_VARIABLE not in os.environ, reason="needs the file of spoken-digits: set CHIPSIM_DATA")
@pytest.mark.parametrize("adapt_to", SPEAKERS)
def test_the_whole_set_of_spoken_digits(adapt_to):
    """Of each digit by each speaker there are 45 training and 5 test recordings of 640 values; few values are clipped."""
    data = load_dataset(Data(name="spoken-digits", adapt_to=adapt_to))
    for (images, labels), count in zip(parts(data).values(), (45, 5, 225, 25), strict=True):
        assert images.shape == (count * DIGITS, 640)
        assert np.bincount(labels).tolist() == [count] * DIGITS
    assert data.mapping["clipped_pretrain_values"] == pytest.approx(0.002 * data.pretrain_images.size, rel=0.02)
