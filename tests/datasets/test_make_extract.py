"""The built-in extracts can be made again, and are what they say."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from chipsim.datasets import load_dataset
from chipsim.datasets.make_extract import CIFAR, SPOKEN, balanced, make_extract
from chipsim.scenario.parts import Data

FOLDER = Path(sys.modules["chipsim.datasets"].__file__ or "").parent
SHIPPED = {
    "mnist-5k": ("mnist_5k", "mnist"),
    "cifar10-features-1k": ("cifar10_features_1k", "cifar10-features"),
    "spoken-digits-1k": ("spoken_digits_1k", "spoken-digits"),
}
"""By the name of an extract: its file, and the folder of the whole data set."""
SPEAKERS = ["george", "jackson", "lucas", "nicolas", "theo", "yweweler"]


def test_choice_is_balanced_and_spread():
    """Every digit gives the same number of images, in file order and evenly spaced."""
    labels = np.tile(np.arange(10, dtype=np.uint8), 30)
    chosen = balanced(labels, 3)
    assert chosen.tolist() == sorted(chosen.tolist())
    assert np.bincount(labels[chosen]).tolist() == [3] * 10
    assert chosen[labels[chosen] == 4].tolist() == [4, 104, 204]


def _mnist(folder, idx_bytes, rng):
    for stem, count in (("train", 5000), ("t10k", 1000)):
        images, labels = rng.integers(0, 256, (count, 28, 28)), np.arange(count) % 10
        (folder / f"{stem}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(images), 1))
        (folder / f"{stem}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(labels), 1))


def _cifar(folder, rng):
    arrays = {"scale": np.float32(0.02), "zero_point": np.int32(-128)}
    for part, count in (("train", 2000), ("test", 600)):
        arrays |= {f"{part}_f": rng.integers(-128, 128, (count, 7)).astype(np.int8), f"{part}_y": np.arange(count) % 10}
    np.savez(folder / CIFAR, **arrays)


def _spoken(folder, rng):
    digit, speaker, number = (axis.ravel() for axis in np.meshgrid(np.arange(10), np.arange(6), np.arange(30), indexing="ij"))
    logmel = rng.normal(-4, 3, (1800, 2, 3)).astype(np.float32)
    np.savez(folder / SPOKEN, logmel=logmel, y=digit, speaker=speaker, speakers=np.array(SPEAKERS), is_test=number < 5)


@pytest.fixture
def whole(tmp_path, idx_bytes):
    """Return a folder of made-up files with the layout of the whole data sets."""
    rng = np.random.default_rng(1)
    _mnist(tmp_path, idx_bytes, rng)
    _cifar(tmp_path, rng)
    _spoken(tmp_path, rng)
    return tmp_path


@pytest.mark.parametrize("name", SHIPPED)
def test_extract_is_the_same_every_time(whole, name):
    """The same files give the same bytes, from Python and from the command line."""
    make_extract(name, whole, whole / "one.npz")
    subprocess.run([sys.executable, "-m", "chipsim.datasets.make_extract", name, str(whole), str(whole / "two.npz")], check=True)
    assert (whole / "one.npz").read_bytes() == (whole / "two.npz").read_bytes()


def test_features_are_rounded_above_the_zero_point(whole):
    """Every chosen feature is the multiple of five nearest to its own, so that 0 and 255 stay what they were."""
    make_extract("cifar10-features-1k", whole, whole / "one.npz")
    with np.load(whole / CIFAR) as held, np.load(whole / "one.npz") as made:
        chosen = balanced(held["train_y"], 100)
        rounded, exact = made["train_f"].astype(int) + 128, held["train_f"][chosen].astype(int) + 128
        assert np.array_equal(made["train_y"], held["train_y"][chosen])
    assert not (rounded % 5).any()
    assert np.abs(rounded - exact).max() == 2
    assert {0, 255} <= set(rounded[np.isin(exact, [0, 255])].tolist())


def test_recordings_are_quantised_by_the_training_part(whole):
    """Every value is within half a step of its own, except where a test recording goes beyond the training recordings."""
    make_extract("spoken-digits-1k", whole, whole / "one.npz")
    with np.load(whole / SPOKEN) as held, np.load(whole / "one.npz") as made:
        kept = np.bincount(made["speaker"][~made["is_test"]] * 10 + made["y"][~made["is_test"]])
        assert kept.tolist() == [20] * 60
        assert np.count_nonzero(made["is_test"]) == np.count_nonzero(held["is_test"]) == 300
        logmel, training = held["logmel"].astype(float), held["logmel"][~held["is_test"]].astype(float)
        found = (made["logmel"].astype(float) - made["zero_point"]) * made["scale"]
        scale = float(made["scale"])
    assert scale == pytest.approx((training.max() - training.min()) / 255)
    originals = logmel.reshape(len(logmel), -1)
    for values in found.reshape(len(found), -1)[::97]:
        nearest = originals[np.abs(originals - values).sum(axis=1).argmin()]
        assert np.abs(np.clip(nearest, training.min(), training.max()) - values).max() <= scale * 1.001


@pytest.mark.skipif("CHIPSIM_DATA" not in os.environ, reason="needs the files of the whole data sets: set CHIPSIM_DATA")
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_extract_comes_from_the_whole_set(tmp_path, name):
    """The arrays that ship are those that the script takes from the real files."""
    file, below = SHIPPED[name]
    home = Path(os.environ["CHIPSIM_DATA"])
    make_extract(name, home / below if (home / below).is_dir() else home, tmp_path / "new.npz")
    with np.load(FOLDER / f"{file}.npz", allow_pickle=False) as shipped, np.load(tmp_path / "new.npz", allow_pickle=False) as made:
        assert set(shipped) == set(made)
        assert all(np.array_equal(shipped[key], made[key]) for key in shipped)


@pytest.mark.parametrize(
    "name,words",
    [
        ("mnist-5k", ["Yann LeCun, Corinna Cortes and Christopher J. C. Burges", "CC BY-SA 3.0"]),
        ("cifar10-features-1k", ["Alex Krizhevsky", "Tiny Images", "MobileNetV2", "Sandler", "Apache License 2.0", "Changes made"]),
        ("spoken-digits-1k", ["Zohar Jackson", *SPEAKERS, "CC BY-SA 4.0", "Changes made", "passed on under the same licence"]),
    ],
)
def test_licence_lies_beside_the_extract(name, words):
    """The attribution, the licence and what was changed ship with every extract."""
    text = (FOLDER / f"{SHIPPED[name][0]}.LICENSE.txt").read_text(encoding="utf-8")
    assert not [word for word in words if word not in text]


def test_extracts_stay_small():
    """No extract is much larger than a megabyte, so that all that ships fits into a small wheel."""
    sizes = {path.name: path.stat().st_size for path in FOLDER.glob("*.npz")}
    assert sizes.keys() == {f"{file}.npz" for file, _ in SHIPPED.values()}
    assert max(sizes.values()) < 1.1e6


# ------------------------------------------------------------------------------------------- what the extracts hold


def _rows(*images):
    return [row for part in images for row in map(bytes, part)]


def _ridge(images, labels, tested):
    """Return the class of each tested image by ridge regression on one-hot labels, with a penalty of a tenth of the mean variance."""
    mean = images.mean(axis=0)
    x, wanted = images - mean, np.eye(10)[labels] - 0.1
    gram = x @ x.T
    dual = np.linalg.solve(gram + 0.1 * np.trace(gram) / len(gram) * np.eye(len(gram)), wanted)
    return ((tested - mean) @ (x.T @ dual)).argmax(axis=1)


def _nearest(images, labels, tested):
    """Return the class of each tested image by the nearest mean of a class."""
    means = np.stack([images[labels == label].mean(axis=0) for label in range(10)])
    return ((tested[:, None, :] - means[None, :, :]) ** 2).sum(axis=2).argmin(axis=1)


def test_extract_of_cifar10_features():
    """There are 100 + 50 images of each class, none twice, with 1,280 features of the whole set's scale and zero point."""
    data = load_dataset(Data(name="cifar10-features-1k"))
    assert (data.train_images.shape, data.test_images.shape) == ((1000, 1280), (500, 1280))
    assert np.bincount(data.train_labels).tolist() == [100] * 10
    assert np.bincount(data.test_labels).tolist() == [50] * 10
    rows = _rows(data.train_images, data.test_images)
    assert len(set(rows)) == len(rows)
    assert data.mapping == {"zero_point": -128, "scale": pytest.approx(0.01907783, abs=1e-8)}
    assert list(data.checksums) == ["cifar10_features_1k.npz"]


@pytest.mark.parametrize("adapt_to", SPEAKERS)
def test_extract_of_spoken_digits(adapt_to):
    """There are 20 + 5 recordings of each digit by each speaker, none twice, whoever the network adapts to."""
    data = load_dataset(Data(name="spoken-digits-1k", adapt_to=adapt_to))
    for labels, count in ((data.train_labels, 20), (data.test_labels, 5), (data.pretrain_labels, 100), (data.pretrain_test_labels, 25)):
        assert np.bincount(labels).tolist() == [count] * 10
    rows = _rows(data.train_images, data.test_images, data.pretrain_images, data.pretrain_test_images)
    assert len(set(rows)) == len(rows) == 1500
    assert data.pixels == 640


@pytest.mark.parametrize("classify", [_ridge, _nearest])
@pytest.mark.parametrize("name", ["cifar10-features-1k", "spoken-digits-1k"])
def test_extracts_can_be_learnt(name, classify):
    """A plain classifier beats guessing by ten standard deviations, and does not once the labels are shuffled."""
    data = load_dataset(Data(name=name))
    whole = len(data.pretrain_labels) > 0
    images, labels = (data.pretrain_images, data.pretrain_labels) if whole else (data.train_images, data.train_labels)
    tested, wanted = (data.pretrain_test_images, data.pretrain_test_labels) if whole else (data.test_images, data.test_labels)
    images, tested = images.astype(float), tested.astype(float)
    sigma = np.sqrt(0.1 * 0.9 / len(wanted))  # of the share of right guesses among ten classes
    assert np.mean(classify(images, labels, tested) == wanted) > 0.1 + 10 * sigma
    shuffled = np.random.default_rng(3).permutation(labels)
    assert np.mean(classify(images, shuffled, tested) == wanted) < 0.1 + 5 * sigma


def test_a_known_speaker_is_heard_better_than_a_new_one():
    """A classifier of five speakers' recordings recognises their test recordings better than the sixth's: there is something to adapt to."""
    known, new, number = 0, 0, 0
    for speaker in SPEAKERS:
        data = load_dataset(Data(name="spoken-digits-1k", adapt_to=speaker))
        tested = np.concatenate([data.pretrain_test_images, data.test_images]).astype(float)
        right = _ridge(data.pretrain_images.astype(float), data.pretrain_labels, tested) == np.concatenate([data.pretrain_test_labels, data.test_labels])
        known, new, number = known + right[:250].sum(), new + right[250:].sum(), number + 50
    # Shares of 1,500 and 300 recordings: five standard deviations of their difference at most.
    assert known / 1500 - new / number > 5 * np.sqrt(0.25 / 1500 + 0.25 / number)
