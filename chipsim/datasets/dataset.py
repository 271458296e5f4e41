"""The images, or features, that a run learns and is tested on, and the checks that they fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chipsim.errors import DataError

Bytes = NDArray[np.uint8]


def _nothing() -> Bytes:
    return np.zeros(0, dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels, checked; an input value is pixel / 255. Where a network is fed features, a pixel is a feature.

    Attributes
    ----------
    train_images, test_images
        uint8, shape (images, pixels), C-contiguous.
    train_labels, test_labels
        uint8, shape (images,), each below `classes`.
    classes
        number of classes: the largest label of the training and test files plus one.
    checksums
        sha256 of every file used, by name; for idx files of the content after decompression.
    shape
        rows and columns of an image, or the number of features.
    name
        where the images come from, for messages.
    pretrain_images, pretrain_labels
        what a network is trained on before it comes onto the chip, where the data have such a part: shapes and types as for
        training images, (0, pixels) and (0,) where they have none.
    pretrain_test_images, pretrain_test_labels
        likewise, what tells whether the network forgets it while it learns the training images; with
        `evaluate = "validation"` training images held back of that part, so that no choice is made on its test images.
    mapping
        how features became bytes: `zero_point` and `scale` of quantised ones; of others `lowest` and `highest`, which became 0
        and 255, and `clipped_..._values`, how many values of a part lie beyond. Empty for images.
    """

    train_images: Bytes
    train_labels: Bytes
    test_images: Bytes
    test_labels: Bytes
    classes: int
    checksums: dict[str, str]
    shape: tuple[int, ...]
    name: str = "data"
    pretrain_images: Bytes = field(default_factory=_nothing)
    pretrain_labels: Bytes = field(default_factory=_nothing)
    pretrain_test_images: Bytes = field(default_factory=_nothing)
    pretrain_test_labels: Bytes = field(default_factory=_nothing)
    mapping: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Give empty images their pixels, so that every part can be handled alike."""
        for name in ("pretrain_images", "pretrain_test_images"):
            if not getattr(self, name).size:
                object.__setattr__(self, name, np.zeros((0, self.pixels), dtype=np.uint8))

    def __repr__(self) -> str:
        """Return the sizes in one line."""
        sizes = f"{len(self.train_images)} + {len(self.test_images)} images of {self._size}"
        before = f", {len(self.pretrain_images)} + {len(self.pretrain_test_images)} before" if len(self.pretrain_images) else ""
        return f"Dataset({self.name}: {sizes}, {self.classes} classes{before})"

    @property
    def pixels(self) -> int:
        """Pixels of an image, or features: the inputs that a network needs."""
        return prod(self.shape)

    @property
    def _size(self) -> str:
        return " x ".join(map(str, self.shape)) + (" features" if len(self.shape) == 1 else "")

    def require(self, inputs: int, outputs: int) -> None:
        """Check that a network of `inputs` and `outputs` neurons can learn these images.

        Raises
        ------
        DataError
            if the images have another number of pixels, or a label has no output.
        """
        if inputs != self.pixels:
            size = f"{self._size} = {self.pixels} pixels" if len(self.shape) > 1 else self._size
            msg = f"network.layers: the first layer has {inputs} inputs, but the images of {self.name} have {size}"
            raise DataError(msg)
        if outputs < self.classes:
            msg = f"network.layers: the last layer has {outputs} outputs, but the labels of {self.name} go from 0 to {self.classes - 1}"
            raise DataError(msg)


def check_labels(labels: Bytes, classes: int, source: str) -> None:
    """Check that every label lies below `classes`.

    Raises
    ------
    DataError
        naming the first label that does not, and its place.
    """
    wrong = np.flatnonzero(labels >= classes)
    if len(wrong):
        first = int(wrong[0])
        msg = f"{source}: label {int(labels[first])} of image {first} is out of range, 0 to {classes - 1} expected ({len(wrong)} such labels)"
        raise DataError(msg)


def check_pair(images: Bytes, labels: Bytes, image_source: str, label_source: str) -> None:
    """Check that there is one label for each image.

    Raises
    ------
    DataError
        naming both sources and what each holds.
    """
    if len(images) != len(labels):
        msg = f"{label_source}: {len(labels)} labels found, {len(images)} expected, as many as there are images in {image_source}"
        raise DataError(msg)


def check_finite(values: NDArray[Any], source: str) -> None:
    """Check that features hold numbers, and neither NaN nor infinity.

    Raises
    ------
    DataError
        naming the first value at fault and its index.
    """
    if not np.issubdtype(values.dtype, np.number) or np.issubdtype(values.dtype, np.complexfloating):
        msg = f"{source}: holds {values.dtype} values, real numbers expected"
        raise DataError(msg)
    finite = np.isfinite(values)
    if not finite.all():
        place = tuple(int(index) for index in np.unravel_index(int(finite.argmin()), finite.shape))
        msg = f"{source}: value {values[place]} at {list(place)} is not finite ({finite.size - np.count_nonzero(finite)} such values)"
        raise DataError(msg)
