"""The images that a run learns and is tested on, and the checks that they fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chipsim.errors import DataError

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels, checked; an input value is pixel / 255.

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
        rows and columns of an image.
    name
        where the images come from, for messages.
    """

    train_images: Bytes
    train_labels: Bytes
    test_images: Bytes
    test_labels: Bytes
    classes: int
    checksums: dict[str, str]
    shape: tuple[int, int]
    name: str = "data"
    pretrain_images: Bytes = field(default_factory=lambda: np.zeros(0, dtype=np.uint8))
    pretrain_labels: Bytes = field(default_factory=lambda: np.zeros(0, dtype=np.uint8))
    pretrain_test_images: Bytes = field(default_factory=lambda: np.zeros(0, dtype=np.uint8))
    pretrain_test_labels: Bytes = field(default_factory=lambda: np.zeros(0, dtype=np.uint8))

    def __repr__(self) -> str:
        """Return the sizes in one line."""
        rows, columns = self.shape
        return f"Dataset({self.name}: {len(self.train_images)} + {len(self.test_images)} images of {rows} x {columns}, {self.classes} classes)"

    @property
    def pixels(self) -> int:
        """Pixels of an image: the inputs that a network needs."""
        return self.shape[0] * self.shape[1]

    def require(self, inputs: int, outputs: int) -> None:
        """Check that a network of `inputs` and `outputs` neurons can learn these images.

        Raises
        ------
        DataError
            if the images have another number of pixels, or a label has no output.
        """
        rows, columns = self.shape
        if inputs != self.pixels:
            msg = f"network.layers: the first layer has {inputs} inputs, but the images of {self.name} have {rows} x {columns} = {self.pixels} pixels"
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
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        place = tuple(int(index) for index in wrong[0])
        msg = f"{source}: value {values[place]} at {list(place)} is not finite ({len(wrong)} such values)"
        raise DataError(msg)
