"""How the built-in extracts were made: `python -m chipsim.datasets.make_extract NAME FOLDER OUT.npz`.

NAME is `mnist-5k`, `cifar10-features-1k` or `spoken-digits-1k`; FOLDER holds the files of the whole data set. Chosen images are
spread evenly over the file (image floor(k n / 500) of the n images of a class) and kept in its order. The same input gives the
same bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chipsim.datasets.idx import read_idx
from chipsim.datasets.images import centre_crop

CROP = (22, 24)
TRAIN_PER_DIGIT = 500
TEST_PER_DIGIT = 100
CIFAR = "cifar10_mobilenetv2_1280_int8.npz"
CIFAR_PER_CLASS = {"train": 100, "test": 50}
CIFAR_STEP = 5
"""Features are rounded to multiples of it (255 is one, too): 52 values compress to 1.07 MB, all 256 to 1.5 MB."""
SPOKEN = "fsdd_features.npz"
SPOKEN_TRAIN = 20
"""Training recordings of every digit by every speaker, of 45; test recordings are all kept."""


def balanced(labels: NDArray[Any], per_class: int) -> NDArray[np.intp]:
    """Return the sorted indices of `per_class` images of each class, evenly spaced over the file."""
    chosen = []
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        chosen.append(places[np.arange(per_class) * len(places) // per_class])
    return np.sort(np.concatenate(chosen))


def make_mnist(source: Path) -> dict[str, NDArray[Any]]:
    """Return the extract of the four gzip-compressed MNIST files in `source`, cropped to the centre 22 x 24 pixels.

    Raises
    ------
    DataError
        if one of the files is missing or damaged.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for part, stem, count in (("train", "train", TRAIN_PER_DIGIT), ("test", "t10k", TEST_PER_DIGIT)):
        labels = read_idx(source / f"{stem}-labels-idx1-ubyte.gz", 1).values
        images = read_idx(source / f"{stem}-images-idx3-ubyte.gz", 3).values
        chosen = balanced(labels, count)
        arrays[f"{part}_images"] = centre_crop(images[chosen], CROP, stem)
        arrays[f"{part}_labels"] = labels[chosen]
    return arrays


def make_cifar(source: Path) -> dict[str, NDArray[Any]]:
    """Return the extract of the CIFAR-10 features in `source`, rounded to multiples of `CIFAR_STEP` above the zero point."""
    arrays: dict[str, NDArray[Any]] = {}
    with np.load(source / CIFAR, allow_pickle=False) as whole:
        zero_point = int(whole["zero_point"])
        for part, count in CIFAR_PER_CLASS.items():
            chosen = balanced(whole[f"{part}_y"], count)
            features = whole[f"{part}_f"][chosen].astype(np.int16) - zero_point
            rounded = (features + CIFAR_STEP // 2) // CIFAR_STEP * CIFAR_STEP + zero_point
            arrays[f"{part}_f"] = np.asfortranarray(rounded.astype(np.int8))  # feature by feature it compresses better
            arrays[f"{part}_y"] = whole[f"{part}_y"][chosen].astype(np.uint8)
        return arrays | {"scale": whole["scale"], "zero_point": whole["zero_point"]}


def make_spoken(source: Path) -> dict[str, NDArray[Any]]:
    """Return the extract of the spoken digits in `source`, quantised to uint8 between the limits of the training recordings."""
    with np.load(source / SPOKEN, allow_pickle=False) as whole:
        digit, speaker, is_test, logmel = whole["y"], whole["speaker"], whole["is_test"], whole["logmel"]
        speakers = whole["speakers"]
    training = np.flatnonzero(~is_test)
    some = training[balanced(speaker[training].astype(np.int64) * 10 + digit[training], SPOKEN_TRAIN)]
    chosen = np.sort(np.concatenate([some, np.flatnonzero(is_test)]))
    lowest, highest = float(logmel[training].min()), float(logmel[training].max())
    scale = (highest - lowest) / 255.0
    zero_point = round(-lowest / scale)
    quantised = np.clip(np.rint(logmel[chosen].astype(np.float64) / scale) + zero_point, 0, 255).astype(np.uint8)
    arrays = {"logmel": quantised, "y": digit[chosen], "speaker": speaker[chosen], "speakers": speakers, "is_test": is_test[chosen]}
    return arrays | {"scale": np.float64(scale), "zero_point": np.int64(zero_point)}


MAKERS = {"mnist-5k": make_mnist, "cifar10-features-1k": make_cifar, "spoken-digits-1k": make_spoken}


def make_extract(name: str, source: Path, target: Path) -> None:
    """Write the extract `name` of the data set whose files lie in `source`."""
    np.savez_compressed(target, **MAKERS[name](source))  # type: ignore[arg-type]  # NumPy's stub mistakes the names


if __name__ == "__main__":
    make_extract(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
