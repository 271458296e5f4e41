"""Finding, checking, cropping and splitting data sets."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from chipsim.datasets import Dataset, check_finite, load, load_dataset, read_idx
from chipsim.datasets.images import on_background
from chipsim.datasets.load import DATA_VARIABLE
from chipsim.errors import DataError
from chipsim.scenario.parts import Data


def idx(path, **fields):
    """Return the `[data]` table for a folder of small images."""
    return Data(name="idx", path=str(path), **{"crop": (6, 8), **fields})


def test_built_in_digits():
    """The built-in extract holds 500 training and 100 test images of each digit, 22 x 24 pixels."""
    data = load_dataset(Data())
    assert data.train_images.shape == (5000, 528)
    assert data.test_images.shape == (1000, 528)
    assert np.bincount(data.train_labels).tolist() == [500] * 10
    assert np.bincount(data.test_labels).tolist() == [100] * 10
    assert data.classes == 10
    assert data.shape == (22, 24)
    assert data.train_images.dtype == np.uint8
    assert data.train_images.flags.c_contiguous
    assert list(data.checksums) == ["mnist_5k.npz"]


def test_built_in_digits_are_too_small_for_a_larger_crop():
    """A crop larger than the extract is refused, a smaller one is its centre."""
    with pytest.raises(DataError, match=r"data.crop: \[28, 28\] does not fit .*22 x 24"):
        load_dataset(Data(crop=(28, 28)))
    whole = load_dataset(Data()).test_images.reshape(-1, 22, 24)
    small = load_dataset(Data(crop=(10, 12))).test_images.reshape(-1, 10, 12)
    assert np.array_equal(small, whole[:, 6:16, 6:18])


def test_damaged_extract_is_a_data_error(monkeypatch, tmp_path):
    """A broken installation says so."""
    (tmp_path / "mnist_5k.npz").write_bytes(b"PK nonsense")
    monkeypatch.setattr(load.resources, "files", lambda _: tmp_path)
    with pytest.raises(DataError, match="install chipsim again"):
        load_dataset(Data())


def test_idx_folder(idx_folder):
    """A folder of idx files gives all images in order, the classes its labels name, and checksums by plain name."""
    data = load_dataset(idx(idx_folder))
    assert data.train_images.shape == (20, 48)
    assert data.test_labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    assert data.classes == 3
    assert data.checksums["train-images-idx3-ubyte"] == read_idx(idx_folder / "train-images-idx3-ubyte.gz", 3).sha256
    assert "20 + 8 images of 6 x 8, 3 classes" in repr(data)


def test_crop_is_central(idx_folder):
    """A crop keeps the centre of each image."""
    whole = load_dataset(idx(idx_folder)).train_images.reshape(-1, 6, 8)
    cropped = load_dataset(idx(idx_folder, crop=(2, 4))).train_images.reshape(-1, 2, 4)
    assert np.array_equal(cropped, whole[:, 2:4, 2:6])


def test_dotted_names_are_found(idx_folder):
    """Files named train-images.idx3-ubyte, as some archives have them, are found, too."""
    for path in list(idx_folder.iterdir()):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert len(load_dataset(idx(idx_folder)).train_labels) == 20


@pytest.mark.parametrize("below", ["", "mnist"])
def test_mnist_from_a_folder_or_its_folder_mnist(idx_folder, tmp_path, monkeypatch, below):
    """`mnist` looks into the given folder and its folder `mnist`; CHIPSIM_DATA stands in for the option."""
    home = tmp_path / "home"
    shutil.copytree(idx_folder, home / below)
    spec = Data(name="mnist", crop=(6, 8))
    assert load_dataset(spec, home).classes == 10
    monkeypatch.setenv(DATA_VARIABLE, str(home))
    assert len(load_dataset(spec).train_labels) == 20


def test_missing_files_are_named(idx_folder, tmp_path):
    """A folder without the files, and no folder at all, are told apart; missing files are named."""
    (idx_folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match=r"images: no t10k-labels-idx1-ubyte \(plain or .gz\)"):
        load_dataset(idx(idx_folder))
    with pytest.raises(DataError, match="nowhere: is no folder"):
        load_dataset(Data(name="mnist"), tmp_path / "nowhere")


def test_idx_needs_a_path():
    """`idx` without a path says which key is missing."""
    with pytest.raises(DataError, match=r"data\.path"):
        load_dataset(Data().model_copy(update={"name": "idx"}))


def test_validation_holds_back_the_last_training_images(idx_folder):
    """With `validation`, the last training images are evaluated on and not trained on; test images are left alone."""
    whole = load_dataset(idx(idx_folder))
    split = load_dataset(idx(idx_folder, evaluate="validation", validation_images=5))
    assert np.array_equal(split.train_images, whole.train_images[:15])
    assert np.array_equal(split.test_images, whole.train_images[15:])
    assert np.array_equal(split.test_labels, whole.train_labels[15:])
    with pytest.raises(DataError, match=r"data.validation_images: 20 leaves nothing of the 20"):
        load_dataset(idx(idx_folder, evaluate="validation", validation_images=20))


def test_limits(idx_folder):
    """Limits keep the first images; more than there are is refused."""
    data = load_dataset(idx(idx_folder, train_images=7, test_images=2))
    assert (len(data.train_images), len(data.test_labels)) == (7, 2)
    with pytest.raises(DataError, match=r"data.test_images: 9 asked for, but .* has 8"):
        load_dataset(idx(idx_folder, test_images=9))


def test_limits_do_not_change_what_is_held_back(idx_folder):
    """The validation images stay the same ones when training uses fewer images."""
    few = load_dataset(idx(idx_folder, evaluate="validation", validation_images=5, train_images=3))
    many = load_dataset(idx(idx_folder, evaluate="validation", validation_images=5))
    assert np.array_equal(few.test_images, many.test_images)


def test_labels_and_images_must_match(idx_folder, idx_bytes):
    """A label file of another length names both counts."""
    (idx_folder / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.zeros(19)))
    with pytest.raises(DataError, match="19 labels found, 20 expected"):
        load_dataset(idx(idx_folder))


def test_labels_out_of_range(idx_folder, idx_bytes):
    """An MNIST label above 9 is refused with its value and place."""
    labels = np.zeros(8)
    labels[3] = 10
    (idx_folder / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    with pytest.raises(DataError, match="label 10 of image 3 is out of range, 0 to 9 expected"):
        load_dataset(Data(name="mnist", path=str(idx_folder), crop=(6, 8)))


def test_network_must_fit(idx_folder):
    """A network with other inputs than pixels, or fewer outputs than classes, is refused; more outputs are allowed."""
    data = load_dataset(idx(idx_folder))
    data.require(48, 3)
    data.require(48, 10)
    with pytest.raises(DataError, match=r"528 inputs, but .* 6 x 8 = 48 pixels"):
        data.require(528, 3)
    with pytest.raises(DataError, match=r"2 outputs, but the labels .* 0 to 2"):
        data.require(48, 2)
    assert isinstance(data, Dataset)


def test_features_must_be_finite():
    """NaN in features is refused with its place; clean features pass."""
    features = np.zeros((3, 4))
    check_finite(features, "features.npz")
    features[1, 2] = np.nan
    with pytest.raises(DataError, match=r"features.npz: value nan at \[1, 2\] is not finite"):
        check_finite(features, "features.npz")
    with pytest.raises(DataError, match="real numbers expected"):
        check_finite(np.array(["a"]), "features.npz")


def test_background_is_the_brighter_of_digit_and_noise():
    """Every pixel is at least as bright as before, and where there was none, greys are uniform over 0 ... 255."""
    plain, noisy = load_dataset(Data()), load_dataset(Data(background="uniform"))
    for part in ("train_images", "test_images"):
        before, after = getattr(plain, part), getattr(noisy, part)
        assert (after >= before).all()
        greys = after[before == 0]
        counts = np.bincount(greys, minlength=256)
        expected = greys.size / 256
        # Chi-square with 255 degrees of freedom: mean 255, standard deviation sqrt(510) = 22.6; five of them are allowed.
        assert abs(float(((counts - expected) ** 2 / expected).sum()) - 255) < 5 * 22.6
    assert np.array_equal(plain.train_labels, noisy.train_labels)


def test_background_follows_from_its_seed_alone():
    """The same seed gives the same bytes, of any crop, split or limit; another seed, or the other part, others."""
    whole = load_dataset(Data(background="uniform"))
    assert np.array_equal(load_dataset(Data(background="uniform")).train_images, whole.train_images)
    part = load_dataset(Data(background="uniform", crop=(10, 12), train_images=7))
    assert np.array_equal(part.train_images.reshape(-1, 10, 12), whole.train_images.reshape(-1, 22, 24)[:7, 6:16, 6:18])
    other = load_dataset(Data(background="uniform", background_seed=2))
    assert (other.train_images != whole.train_images).mean() > 0.5
    assert (whole.train_images[:1000] != whole.test_images).mean() > 0.5


def test_background_is_told_as_synthetic():
    """Name and mapping of the data say that the background is made, and from which seed."""
    data = load_dataset(Data(background="uniform", background_seed=7))
    assert data.name.endswith("on a uniform random background (synthetic)")
    assert data.mapping == {"background_seed": 7}


def test_background_draws_are_the_same_everywhere():
    """The first greys of seed 7 are the bytes of Philox's first word, least significant first, on every machine."""
    black = np.zeros((1, 2, 4), dtype=np.uint8)
    assert on_background(black, 7, 0).ravel().tolist() == list((16086915834549238692).to_bytes(8, "little"))
