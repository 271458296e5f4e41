"""How the built-in extract `mnist_5k.npz` was made: `python -m chipsim.datasets.make_extract FOLDER OUT.npz`.

Of every digit 500 training and 100 test images are taken, evenly spaced over the file (image floor(k n / 500) of the n
images of that digit), kept in the order of the file, and cropped to the centre 22 x 24 pixels. The same input gives the same bytes.
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


def balanced(labels: NDArray[np.uint8], per_class: int) -> NDArray[np.intp]:
    """Return the sorted indices of `per_class` images of each of the ten digits, evenly spaced over the file."""
    chosen = []
    for digit in range(10):
        places = np.flatnonzero(labels == digit)
        chosen.append(places[np.arange(per_class) * len(places) // per_class])
    return np.sort(np.concatenate(chosen))


def make_extract(source: Path, target: Path) -> None:
    """Write the extract of the four gzip-compressed MNIST files in `source`.

    Raises
    ------
    DataError
        if one of the files is missing or damaged.
    """
    arrays: dict[str, Any] = {}
    for part, stem, count in (("train", "train", TRAIN_PER_DIGIT), ("test", "t10k", TEST_PER_DIGIT)):
        labels = read_idx(source / f"{stem}-labels-idx1-ubyte.gz", 1).values
        images = read_idx(source / f"{stem}-images-idx3-ubyte.gz", 3).values
        chosen = balanced(labels, count)
        arrays[f"{part}_images"] = centre_crop(images[chosen], CROP, stem)
        arrays[f"{part}_labels"] = labels[chosen]
    np.savez_compressed(target, **arrays)


if __name__ == "__main__":
    make_extract(Path(sys.argv[1]), Path(sys.argv[2]))
