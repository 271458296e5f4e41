"""From archives of features to bytes that a network is fed."""

from __future__ import annotations

import os
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from chipsim.datasets import load_dataset
from chipsim.datasets.features import Limits
from chipsim.datasets.load import DATA_VARIABLE
from chipsim.errors import DataError
from chipsim.scenario.parts import Data


def features(path, **fields):
    """Return the data set of a file of features."""
    return load_dataset(Data(name="features", path=str(path), **fields))


def values(path):
    """Return the arrays of a file of features."""
    with np.load(path) as archive:
        return dict(archive)


def test_int8_features_become_bytes_exactly(saved):
    """An int8 feature becomes q - zero_point; labels, order, classes and checksum are those of the file."""
    path = saved(scale=np.float32(0.02))
    data, held = features(path), values(path)
    assert data.train_images.dtype == np.uint8
    assert data.train_images.flags.c_contiguous
    assert np.array_equal(data.train_images, held["train_f"].astype(int) + 128)
    assert np.array_equal(data.test_images, held["test_f"].astype(int) + 128)
    assert data.train_labels.tolist() == held["train_y"].tolist()
    assert (data.classes, data.shape, data.pixels) == (3, (5,), 5)
    assert list(data.checksums) == ["features.npz"]
    assert data.mapping == {"zero_point": -128, "scale": pytest.approx(0.02)}
    assert "12 + 6 images of 5 features, 3 classes" in repr(data)
    assert data.pretrain_images.shape == data.pretrain_test_images.shape == (0, 5)
    assert data.pretrain_labels.shape == data.pretrain_test_labels.shape == (0,)


@given(zero_point=st.integers(-128, 127), kind=st.sampled_from(["int8", "uint8"]), data=st.data())
def test_any_zero_point_is_exact_or_refused(tmp_path_factory, zero_point, kind, data):
    """Whatever the zero point, features are q - zero_point, or are refused because that is no byte."""
    limits = np.iinfo(kind)
    held = data.draw(arrays(kind, (4, 3), elements=st.integers(limits.min, limits.max)))
    path = tmp_path_factory.mktemp("zero") / "z.npz"
    np.savez(path, train_f=held, train_y=np.arange(4), test_f=held[:2], test_y=np.arange(2), zero_point=zero_point)
    wanted = held.astype(int) - zero_point
    if wanted.min() < 0 or wanted.max() > 255:
        with pytest.raises(DataError, match=rf"train_f: features minus zero_point = {zero_point} go from {wanted.min()} to {wanted.max()}"):
            features(path)
    else:
        assert np.array_equal(features(path).train_images, wanted)


def test_uint8_features_are_taken_as_they_are(saved):
    """Without a zero point uint8 features are the bytes; int8 features need one as soon as one of them is negative."""
    held = np.arange(60, dtype=np.uint8).reshape(12, 5)
    path = saved(train_f=held, test_f=held[:6], zero_point=None)
    assert np.array_equal(features(path).train_images, held)
    assert features(path).mapping == {"zero_point": 0}
    with pytest.raises(DataError, match="features minus zero_point = 0 go from -1 to 0, but an input of the network is a byte, 0 to 255"):
        features(saved(train_f=np.array([[-1, 0]] * 12, np.int8), test_f=np.zeros((6, 2), np.int8), zero_point=None))


@pytest.mark.parametrize("kind", ["float16", "float32", "float64", ">f4"])
def test_floating_features_are_mapped_by_the_training_part(saved, kind):
    """The smallest and largest training feature become 0 and 255, those between lie on a line; test features beyond are clipped and counted."""
    rng = np.random.default_rng(2)
    train, test = rng.normal(0, 1, (12, 5)).astype(kind), rng.normal(0, 1, (6, 5)).astype(kind)
    test[0, :3] = -50, 50, 60
    data = features(saved(train_f=train, test_f=test, zero_point=None))
    lowest, highest = float(train.min()), float(train.max())
    wanted = (train.astype(float) - lowest) / (highest - lowest) * 255
    assert np.abs(data.train_images - wanted).max() <= 0.5 + 1e-9
    assert (data.train_images.min(), data.train_images.max()) == (0, 255)
    assert data.test_images[0, :3].tolist() == [0, 255, 255]
    beyond = int(np.count_nonzero((test < lowest) | (test > highest)))
    assert data.mapping == {"lowest": lowest, "highest": highest, "clipped_test_values": beyond}
    assert beyond >= 3


def test_test_features_do_not_move_the_limits(saved):
    """Training images are the same bytes whatever the test part holds."""
    train = np.linspace(-1, 1, 60).reshape(12, 5)
    one, two = (features(saved(train_f=train, test_f=np.full((6, 5), value), zero_point=None)) for value in (0.0, 1e6))
    assert np.array_equal(one.train_images, two.train_images)
    assert one.mapping["highest"] == two.mapping["highest"] == 1.0


@given(arrays(np.float64, 30, elements=st.floats(-1e3, 1e3)), st.floats(-1e3, 1e3), st.floats(1e-6, 1e3))
def test_limits_keep_order_and_range(held, lowest, width):
    """The map rises, reaches 0 and 255 at its limits, and clips exactly the values that it counts."""
    limits = Limits(lowest, lowest + width)
    held = np.sort(held)
    found = limits.to_bytes(held).astype(int)
    assert (np.diff(found) >= 0).all()
    assert limits.to_bytes(np.array([limits.lowest, limits.highest])).tolist() == [0, 255]
    assert limits.beyond(held) == sum(not limits.lowest <= value <= limits.highest for value in held)


def test_validation_and_limits_keep_their_meaning(saved):
    """The last training rows are held back, the first so many are used, as for images; the map to bytes stays the same."""
    path = saved(train_f=np.linspace(-1, 1, 60).reshape(12, 5), test_f=np.zeros((6, 5)), zero_point=None)
    whole = features(path)
    split = features(path, evaluate="validation", validation_images=4, train_images=3)
    assert np.array_equal(split.train_images, whole.train_images[:3])
    assert np.array_equal(split.test_images, whole.train_images[8:])
    assert np.array_equal(split.test_labels, whole.train_labels[8:])
    with pytest.raises(DataError, match=r"data.train_images: 13 asked for, but .*features.npz has 12"):
        features(path, train_images=13)


def test_network_must_fit(saved):
    """A network with another number of inputs than there are features is refused."""
    data = features(saved())
    data.require(5, 3)
    with pytest.raises(DataError, match=r"network.layers: the first layer has 528 inputs, but the images of .*features.npz have 5 features$"):
        data.require(528, 3)


MALFORMED = {
    "pickled features": ({"train_f": np.array([[1, "x"]] * 12, dtype=object)}, "train_f: holds Python objects"),
    "pickled labels": ({"test_y": np.array([0, None] * 3, dtype=object)}, "test_y: holds Python objects"),
    "wide integers": ({"train_f": np.zeros((12, 5), np.int16)}, "train_f: holds values of type int16, expected: uint8, int8, float16, float32, float64"),
    "complex features": ({"train_f": np.zeros((12, 5), complex)}, "train_f: holds values of type '<c16'"),
    "floating labels": ({"train_y": np.zeros(12)}, "train_y: holds values of type float64, expected: whole numbers"),
    "images instead of rows": ({"train_f": np.zeros((12, 5, 1), np.int8)}, r"train_f: has the shape \(12, 5, 1\), 2 dimensions expected"),
    "one-hot labels": ({"train_y": np.zeros((12, 3), int)}, r"train_y: has the shape \(12, 3\), 1 dimension expected"),
    "fewer labels": ({"train_y": np.zeros(11, int)}, "train_y has 11 values, 12 expected, as many as there are rows in train_f"),
    "more test labels": ({"test_y": np.zeros(7, int)}, "test_y has 7 values, 6 expected, as many as there are rows in test_f"),
    "negative label": ({"train_y": np.arange(12) - 1}, "train_y: label -1 of row 0 is out of range, 0 to 255 expected [(]1 such labels"),
    "large label": ({"test_y": np.arange(6) * 100}, "test_y: label 300 of row 3 is out of range, 0 to 255 expected [(]3 such labels"),
    "other number of features": ({"test_f": np.zeros((6, 4), np.int8)}, "test_f holds 4 features of type int8, expected like train_f 5 of type int8"),
    "other type": ({"test_f": np.zeros((6, 5), np.float32)}, "test_f holds 5 features of type float32, expected like train_f 5 of type int8"),
    "nothing": ({"train_f": np.zeros((0, 5), np.int8), "train_y": np.zeros(0, int)}, r"train_f: has the shape \(0, 5\), so it holds nothing"),
    "no test part": ({"test_f": None}, "holds no array test_f; found: train_f, train_y, test_y, zero_point"),
    "scale of zero": ({"scale": 0.0}, "scale is 0.0, a positive number expected"),
    "infinite scale": ({"scale": np.inf}, "scale is inf, a finite number expected"),
    "list of scales": ({"scale": np.ones(5)}, r"scale: has the shape \(5,\), 0 dimensions expected"),
    "fractional zero point": ({"zero_point": 0.5}, "zero_point: holds values of type float64, expected: whole numbers"),
    "NaN": ({"train_f": np.full((12, 5), np.nan), "test_f": np.zeros((6, 5)), "zero_point": None}, r"train_f: value nan at \[0, 0\] is not finite \(60 such"),
    "infinite test feature": (
        {"train_f": np.eye(12, 5), "test_f": np.full((6, 5), -np.inf), "zero_point": None},
        r"test_f: value -inf at \[0, 0\] is not finite",
    ),
    "all the same": ({"train_f": np.ones((12, 5)), "test_f": np.ones((6, 5)), "zero_point": None}, "train_f: the features go from 1 to 1, which is no range"),
    "too far apart": (
        {"train_f": np.array([[-1.7e308, 1.7e308]] * 12), "test_f": np.ones((6, 2)), "zero_point": None},
        "go from -1.7e[+]308 to 1.7e[+]308, which is no range",
    ),
    "floating with a zero point": ({"train_f": np.eye(12, 5), "test_f": np.eye(6, 5)}, "zero_point is given, but train_f is of type float64"),
}


@pytest.mark.parametrize("arrays_,message", MALFORMED.values(), ids=MALFORMED)
def test_malformed_archives_are_refused(saved, arrays_, message):
    """Whatever is wrong with an archive is told with the file, the array, what was found and what is wanted."""
    with pytest.raises(DataError, match=f"features.npz: .*{message}"):
        features(saved(**arrays_))


def test_refusing_many_bad_values_costs_little(saved):
    """A large archive of nothing but bad values is refused without a list of them all."""
    path = saved(train_f=np.full((4000, 500), np.nan, np.float16), train_y=np.zeros(4000, int), test_f=np.zeros((6, 500), np.float16), zero_point=None)
    tracemalloc.start()
    with pytest.raises(DataError, match="2000000 such values"):
        features(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12_000_000  # 4 MB of values, their finiteness and its copies


def test_features_need_a_file(tmp_path):
    """A path that is empty, missing or a folder says so."""
    with pytest.raises(DataError, match=r"data\.path: is empty; name the npz file"):
        load_dataset(Data().model_copy(update={"name": "features"}))
    with pytest.raises(DataError, match="no such file"):
        features(tmp_path / "none.npz")
    with pytest.raises(DataError, match="is a folder"):
        features(tmp_path)


NAMED = {"cifar10-features": "cifar10_mobilenetv2_1280_int8.npz", "spoken-digits": "fsdd_features.npz"}


@pytest.mark.parametrize("below", ["", "cifar10-features"])
def test_named_features_from_a_folder_or_its_sub_folder(saved, tmp_path, monkeypatch, below):
    """`cifar10-features` looks into the given folder and its sub-folder; data.path and CHIPSIM_DATA stand in for the option."""
    home = tmp_path / "home"
    (home / below).mkdir(parents=True)
    saved().rename(home / below / NAMED["cifar10-features"])
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    data = load_dataset(Data(name="cifar10-features"), home)
    assert (len(data.train_labels), data.classes, data.name) == (12, 10, "cifar10-features")
    assert list(data.checksums) == [NAMED["cifar10-features"]]
    assert len(load_dataset(Data(name="cifar10-features", path=str(home)), tmp_path).train_labels) == 12
    monkeypatch.setenv(DATA_VARIABLE, str(home))
    assert len(load_dataset(Data(name="cifar10-features")).train_labels) == 12


@pytest.mark.parametrize("name", NAMED)
def test_named_features_that_are_not_there(tmp_path, monkeypatch, name):
    """Without a folder the message says how to name one and what is built in instead; a folder without the file is named."""
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    with pytest.raises(DataError, match=rf'(?s)data.name: "{name}" needs the file {NAMED[name]}.*--data-dir.*CHIPSIM_DATA.*"{name}-1k"'):
        load_dataset(Data(name=name))
    with pytest.raises(DataError, match=f"no {NAMED[name]} here or in its folder {name}"):
        load_dataset(Data(name=name), tmp_path)
    with pytest.raises(DataError, match="nowhere: is no folder"):
        load_dataset(Data(name=name), tmp_path / "nowhere")


def test_classes_of_a_named_set_are_known(saved, tmp_path):
    """A label above 9 is none of CIFAR-10."""
    saved(train_y=np.arange(12)).rename(tmp_path / NAMED["cifar10-features"])
    with pytest.raises(DataError, match=r"train_y: label 10 of row 10 is out of range, 0 to 9 expected \(2 such labels\)"):
        load_dataset(Data(name="cifar10-features"), tmp_path)


@pytest.mark.skipif(DATA_VARIABLE not in os.environ, reason="needs the file of cifar10-features: set CHIPSIM_DATA")
def test_the_whole_set_of_cifar10_features():
    """The file holds 5,000 + 1,000 images of each class with 1,280 features; its scale and zero point are those documented."""
    data = load_dataset(Data(name="cifar10-features"))
    assert (data.train_images.shape, data.test_images.shape) == ((50000, 1280), (10000, 1280))
    assert np.bincount(data.train_labels).tolist() == [5000] * 10
    assert np.bincount(data.test_labels).tolist() == [1000] * 10
    assert data.mapping == {"zero_point": -128, "scale": pytest.approx(0.01907783, abs=1e-8)}
    assert (data.train_images.min(), data.train_images.max()) == (0, 255)
