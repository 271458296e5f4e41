"""Finding the images, or features, that a scenario names: built in, in a folder, or on the network."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import numpy as np

from chipsim.datasets.dataset import Bytes, Dataset, check_labels, check_pair
from chipsim.datasets.download import download
from chipsim.datasets.features import feature_source
from chipsim.datasets.idx import IdxFile, read_idx
from chipsim.datasets.images import centre_crop, on_background
from chipsim.datasets.npz import Archive, open_archive
from chipsim.datasets.source import Part, Source
from chipsim.datasets.spoken import spoken_source
from chipsim.errors import DataError
from chipsim.scenario.parts import Data

DATA_VARIABLE = "CHIPSIM_DATA"
BUILT_IN = "mnist_5k.npz"
MNIST_CLASSES = 10
CIFAR_CLASSES = 10
NAMED_BYTES = 2**28
"""Most that the files of `cifar10-features` and `spoken-digits` may hold when unpacked; they hold 77 and 13 MB."""
_STEMS = (("train-images", 3), ("train-labels", 1), ("t10k-images", 3), ("t10k-labels", 1))


@dataclass(frozen=True)
class _Named:
    """A data set of features that has a name: its file, the sub-folder that may hold it, and the extract that is built in."""

    file: str
    folder: str
    extract: str
    read: Callable[[Archive, Data], Source]


_CIFAR = _Named(
    "cifar10_mobilenetv2_1280_int8.npz", "cifar10-features", "cifar10_features_1k.npz", lambda archive, spec: feature_source(archive, spec.name, CIFAR_CLASSES)
)
_SPOKEN = _Named("fsdd_features.npz", "spoken-digits", "spoken_digits_1k.npz", lambda archive, spec: spoken_source(archive, spec.name, spec.adapt_to))
_NAMED = {"cifar10-features": _CIFAR, "spoken-digits": _SPOKEN}
_EXTRACTS = {"cifar10-features-1k": _CIFAR, "spoken-digits-1k": _SPOKEN}


def load_dataset(spec: Data, data_dir: Path | str | None = None) -> Dataset:
    """Load, check, crop and split the images, or features, that `spec` names.

    Parameters
    ----------
    spec
        the `[data]` table of a scenario.
    data_dir
        folder with the files of a named data set, or with a folder `mnist`, `cifar10-features` or `spoken-digits` that has
        them; the environment variable CHIPSIM_DATA stands in for it. Where neither is given, `mnist` is downloaded into the
        user's cache.

    Raises
    ------
    DataError
        if a file is missing, damaged or does not fit the other, a label is out of range, or the crop, a split or a limit
        asks for more than there is.
    """
    source = _on_background(_source(spec, data_dir), spec)
    for part in (source.train, source.test):
        check_pair(part.images, part.labels, part.image_source, part.label_source)
    classes = source.classes
    if classes is None:
        classes = int(max(source.train.labels.max(), source.test.labels.max())) + 1
    check_labels(source.train.labels, classes, source.train.label_source)
    check_labels(source.test.labels, classes, source.test.label_source)
    train, test = _held_back(spec, source.train, source.test, source)
    train, test = _first(train, spec.train_images, "train_images", source), _first(test, spec.test_images, "test_images", source)
    data = Dataset(
        train_images=_flat(train, spec),
        train_labels=np.ascontiguousarray(train.labels),
        test_images=_flat(test, spec),
        test_labels=np.ascontiguousarray(test.labels),
        classes=classes,
        checksums=source.checksums,
        shape=train.images.shape[1:] if spec.features else spec.crop,
        name=source.name,
        mapping=source.mapping,
    )
    return data if source.pretrain is None else _with_pretraining(data, spec, source, *source.pretrain)


def _on_background(source: Source, spec: Data) -> Source:
    """Put images on a random background, where the scenario wants one; the name says so, and the manifest what it was drawn with."""
    if spec.background == "none" or spec.features:
        return source
    train, test = (replace(part, images=on_background(part.images, spec.background_seed, number)) for number, part in enumerate((source.train, source.test)))
    name = f"{source.name} on a {spec.background} random background (synthetic)"
    return replace(source, name=name, train=train, test=test, mapping={**source.mapping, "background_seed": spec.background_seed})


def _with_pretraining(data: Dataset, spec: Data, source: Source, train: Part, test: Part) -> Dataset:
    train, test = _held_back(spec, train, test, source)
    return replace(data, pretrain_images=train.images, pretrain_labels=train.labels, pretrain_test_images=test.images, pretrain_test_labels=test.labels)


def _source(spec: Data, data_dir: Path | str | None) -> Source:
    if spec.name == "mnist-5k":
        return _built_in()
    if spec.features:
        return _from_archive(spec, data_dir)
    if spec.path:
        return _from_folder(Path(spec.path), spec.name)
    if spec.name == "idx":
        msg = "data.path: is empty; name the folder that holds the idx files"
        raise DataError(msg)
    folder = data_dir if data_dir is not None else os.environ.get(DATA_VARIABLE) or None
    return _from_folder(Path(folder), spec.name) if folder is not None else _downloaded()


def _from_archive(spec: Data, data_dir: Path | str | None) -> Source:
    """Read features from the npz file of the user's, of a named data set, or of an extract."""
    if spec.name in _EXTRACTS:
        named = _EXTRACTS[spec.name]
        with _extract(named.extract) as archive:
            return replace(named.read(archive, spec), checksums={named.extract: archive.sha256})
    if spec.name == "features":
        if not spec.path:
            msg = "data.path: is empty; name the npz file that holds the features"
            raise DataError(msg)
        with open_archive(Path(spec.path)) as archive:
            return replace(feature_source(archive, spec.path), checksums={Path(spec.path).name: archive.sha256})
    named = _NAMED[spec.name]
    with open_archive(_place(spec, named, data_dir), NAMED_BYTES) as archive:
        return replace(named.read(archive, spec), checksums={named.file: archive.sha256})


def _place(spec: Data, named: _Named, data_dir: Path | str | None) -> Path:
    """Return where the file of a named data set lies."""
    given = spec.path or (data_dir if data_dir is not None else os.environ.get(DATA_VARIABLE))
    if not given:
        msg = (
            f'data.name: "{spec.name}" needs the file {named.file}; name its folder with --data-dir FOLDER or the environment variable '
            f'{DATA_VARIABLE}, or use the built-in extract "{spec.name}-1k"'
        )
        raise DataError(msg)
    folder = Path(given)
    for path in (folder / named.file, folder / named.folder / named.file):
        if path.is_file():
            return path
    found = f"no {named.file} here or in its folder {named.folder}" if folder.is_dir() else f"is no folder; the folder of {named.file} is wanted"
    msg = f"{folder}: {found}"
    raise DataError(msg)


def _held_back(spec: Data, train: Part, test: Part, source: Source) -> tuple[Part, Part]:
    """Return what is trained and evaluated on: with `validation`, both are training images."""
    if spec.evaluate != "validation":
        return train, test
    kept = len(train.labels) - spec.validation_images
    if kept < 1:
        msg = f"data.validation_images: {spec.validation_images} leaves nothing of the {len(train.labels)} training images of {source.name}"
        raise DataError(msg)
    return _slice(train, slice(0, kept)), _slice(train, slice(kept, None))


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
    if spec.features:
        return np.ascontiguousarray(part.images)
    cropped = centre_crop(part.images, spec.crop, part.image_source)
    return cropped.reshape(len(cropped), -1).copy(order="C")


@contextmanager
def _extract(name: str) -> Iterator[Archive]:
    """Open a built-in archive of features."""
    try:
        content = resources.files("chipsim.datasets").joinpath(name).read_bytes()
        archive = Archive(io.BytesIO(content), f"{name} (built in)")
    except (OSError, DataError) as error:
        msg = f"{name}: the built-in data set is missing or damaged, install chipsim again ({error})"
        raise DataError(msg) from None
    yield archive


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
