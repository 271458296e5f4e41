"""Finding the images that a scenario names: built in, in a folder, or on the network."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from chipsim.datasets.dataset import Bytes, Dataset, check_labels, check_pair
from chipsim.datasets.download import download
from chipsim.datasets.idx import IdxFile, read_idx
from chipsim.datasets.images import centre_crop
from chipsim.errors import DataError
from chipsim.scenario.parts import Data

DATA_VARIABLE = "CHIPSIM_DATA"
BUILT_IN = "mnist_5k.npz"
MNIST_CLASSES = 10
_STEMS = (("train-images", 3), ("train-labels", 1), ("t10k-images", 3), ("t10k-labels", 1))


@dataclass(frozen=True, eq=False)
class Part:
    """Images (images, rows, columns) and labels of one half of a data set, with the names of their files."""

    images: Bytes
    labels: Bytes
    image_source: str
    label_source: str


@dataclass(frozen=True, eq=False)
class Source:
    """A data set as its files hold it; `classes` is None where only the labels can tell."""

    name: str
    train: Part
    test: Part
    classes: int | None
    checksums: dict[str, str]


def load_dataset(spec: Data, data_dir: Path | str | None = None) -> Dataset:
    """Load, check, crop and split the images that `spec` names.

    Parameters
    ----------
    spec
        the `[data]` table of a scenario.
    data_dir
        folder with the MNIST idx files, or with a folder `mnist` that has them; the environment variable CHIPSIM_DATA
        stands in for it. Where neither is given, `mnist` is downloaded into the user's cache.

    Raises
    ------
    DataError
        if a file is missing, damaged or does not fit the other, a label is out of range, or the crop, a split or a limit
        asks for more than there is.
    """
    source = _source(spec, data_dir)
    for part in (source.train, source.test):
        check_pair(part.images, part.labels, part.image_source, part.label_source)
    classes = source.classes
    if classes is None:
        classes = int(max(source.train.labels.max(), source.test.labels.max())) + 1
    check_labels(source.train.labels, classes, source.train.label_source)
    check_labels(source.test.labels, classes, source.test.label_source)
    train, test = _split(spec, source)
    return Dataset(
        train_images=_flat(train, spec),
        train_labels=np.ascontiguousarray(train.labels),
        test_images=_flat(test, spec),
        test_labels=np.ascontiguousarray(test.labels),
        classes=classes,
        checksums=source.checksums,
        shape=spec.crop,
        name=source.name,
    )


def _source(spec: Data, data_dir: Path | str | None) -> Source:
    if spec.name == "mnist-5k":
        return _built_in()
    if spec.path:
        return _from_folder(Path(spec.path), spec.name)
    if spec.name == "idx":
        msg = "data.path: is empty; name the folder that holds the idx files"
        raise DataError(msg)
    folder = data_dir if data_dir is not None else os.environ.get(DATA_VARIABLE) or None
    return _from_folder(Path(folder), spec.name) if folder is not None else _downloaded()


def _split(spec: Data, source: Source) -> tuple[Part, Part]:
    train, test = source.train, source.test
    if spec.evaluate == "validation":
        kept = len(train.labels) - spec.validation_images
        if kept < 1:
            msg = f"data.validation_images: {spec.validation_images} leaves nothing of the {len(train.labels)} training images of {source.name}"
            raise DataError(msg)
        train, test = _slice(train, slice(0, kept)), _slice(train, slice(kept, None))
    return _first(train, spec.train_images, "train_images", source), _first(test, spec.test_images, "test_images", source)


def _first(part: Part, count: int | None, key: str, source: Source) -> Part:
    if count is None:
        return part
    if count > len(part.labels):
        msg = f"data.{key}: {count} asked for, but {source.name} has {len(part.labels)}"
        raise DataError(msg)
    return _slice(part, slice(0, count))


def _slice(part: Part, chosen: slice) -> Part:
    return Part(part.images[chosen], part.labels[chosen], part.image_source, part.label_source)


def _flat(part: Part, spec: Data) -> Bytes:
    cropped = centre_crop(part.images, spec.crop, part.image_source)
    return cropped.reshape(len(cropped), -1).copy(order="C")


def _built_in() -> Source:
    name = f"mnist-5k ({BUILT_IN})"
    try:
        content = resources.files("chipsim.datasets").joinpath(BUILT_IN).read_bytes()
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            train = Part(arrays["train_images"], arrays["train_labels"], name, name)
            test = Part(arrays["test_images"], arrays["test_labels"], name, name)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        msg = f"{BUILT_IN}: the built-in data set is missing or damaged, install chipsim again ({error})"
        raise DataError(msg) from None
    return Source("mnist-5k", train, test, MNIST_CLASSES, {BUILT_IN: hashlib.sha256(content).hexdigest()})


def _downloaded() -> Source:
    files = {}
    for stem, dimensions in _STEMS:
        name = f"{stem}-idx{dimensions}-ubyte"
        files[stem] = (name, download(name, dimensions))
    return _assemble("mnist", files, MNIST_CLASSES)


def _from_folder(folder: Path, name: str) -> Source:
    places = _find(folder)
    files = {stem: (str(places[stem]), read_idx(places[stem], dimensions)) for stem, dimensions in _STEMS}
    if name == "mnist":
        return _assemble(name, files, MNIST_CLASSES)
    return _assemble(str(folder), files, None)


def _assemble(name: str, files: dict[str, tuple[str, IdxFile]], classes: int | None) -> Source:
    parts = []
    for half in ("train", "t10k"):
        image_source, images = files[f"{half}-images"]
        label_source, labels = files[f"{half}-labels"]
        parts.append(Part(images.values, labels.values, image_source, label_source))
    checksums = {f"{stem}-idx{dimensions}-ubyte": files[stem][1].sha256 for stem, dimensions in _STEMS}
    return Source(name, parts[0], parts[1], classes, checksums)


def _find(folder: Path) -> dict[str, Path]:
    """Return the four files in `folder` or `folder/mnist`, whichever has all of them."""
    missing = []
    for place in (folder, folder / "mnist"):
        found = {stem: path for stem, dimensions in _STEMS if (path := _one(place, stem, dimensions)) is not None}
        if len(found) == len(_STEMS):
            return found
        missing.append([f"{stem}-idx{dimensions}-ubyte" for stem, dimensions in _STEMS if stem not in found])
    if not folder.is_dir():
        msg = f"{folder}: is no folder; the folder of the four idx files (train-images-idx3-ubyte ..., plain or .gz) is wanted"
        raise DataError(msg)
    least = min(missing, key=len)
    msg = f"{folder}: no {', '.join(least)} (plain or .gz) here or in its folder mnist"
    raise DataError(msg)


def _one(folder: Path, stem: str, dimensions: int) -> Path | None:
    for separator in "-.":
        for ending in ("", ".gz"):
            path = folder / f"{stem}{separator}idx{dimensions}-ubyte{ending}"
            if path.exists():
                return path
    return None
