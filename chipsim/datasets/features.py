"""Features instead of images: what a fixed network, or a filter bank, made of its input, as bytes.

An input of the chip is a byte / 255. Quantised features become bytes exactly; floating-point ones by one straight line for
all of them, between two limits that the training part alone decides: all of it, whether or not some is held back for
validation, so that a feature is the same byte whatever the split.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chipsim.datasets.dataset import Bytes, check_finite
from chipsim.datasets.npz import Archive, Header
from chipsim.datasets.source import Part, Source
from chipsim.errors import DataError

QUANTISED = (np.uint8, np.int8)
FLOATING = (np.float16, np.float32, np.float64)
FEATURES = (*QUANTISED, *FLOATING)
MOST_CLASSES = 256
_ROWS = 1024
"""Rows turned into bytes at a time, so that float64 copies stay small."""


@dataclass(frozen=True)
class Limits:
    """The straight line from features to bytes: `lowest` becomes 0, `highest` 255; what lies beyond is clipped."""

    lowest: float
    highest: float

    def check(self, source: str) -> None:
        """Check that the limits span a range.

        Raises
        ------
        DataError
            if all features are the same, or further apart than a float64 can tell.
        """
        if not 0 < self.highest - self.lowest < math.inf:
            msg = f"{source}: the features go from {self.lowest:g} to {self.highest:g}, which is no range that can become 0 to 255"
            raise DataError(msg)

    def to_bytes(self, features: NDArray[Any]) -> Bytes:
        """Return features as bytes, of the same shape, rounded to the nearest and C-contiguous."""
        found = np.empty(features.shape, dtype=np.uint8)
        for rows in _blocks(len(features)):
            share = (np.clip(features[rows].astype(np.float64), self.lowest, self.highest) - self.lowest) / (self.highest - self.lowest)
            found[rows] = np.rint(share * 255.0)
        return found

    def beyond(self, features: NDArray[Any]) -> int:
        """Return how many values lie outside the limits, and are clipped."""
        outside = ((features[rows].astype(np.float64) < self.lowest) | (features[rows].astype(np.float64) > self.highest) for rows in _blocks(len(features)))
        return sum(int(np.count_nonzero(block)) for block in outside)


def feature_source(archive: Archive, name: str, classes: int | None = None) -> Source:
    """Return the data set of an archive of features.

    Parameters
    ----------
    archive
        has `train_f` (n, inputs), `train_y` (n,), `test_f` and `test_y`; features are uint8, int8, float16, float32 or
        float64, labels whole numbers from 0. Quantised features may have a `zero_point`, which becomes 0, and a `scale`.
    name
        of the data set, for messages.
    classes
        number of classes, where it is known; else 256 are allowed.

    Raises
    ------
    DataError
        if an array is missing, of another type or shape, holds values that are not finite or labels out of range, if there
        is not one label for each row, or if quantised features minus the zero point leave 0 to 255.
    """
    heads = [(archive.header(f"{half}_f", 2, FEATURES), archive.header(f"{half}_y", 1, (np.integer,))) for half in ("train", "test")]
    (train, train_labels), (test, test_labels) = heads
    check_lengths(archive, train, train_labels)
    check_lengths(archive, test, test_labels)
    if (train.dtype, train.shape[1]) != (test.dtype, test.shape[1]):
        msg = (
            f"{archive.source}: test_f holds {test.shape[1]} features of type {test.dtype.name}, "
            f"expected like train_f {train.shape[1]} of type {train.dtype.name}"
        )
        raise DataError(msg)
    labels = [read_labels(archive, head, classes) for _, head in heads]
    images, mapping = (_shifted if train.dtype.kind in "iu" else _scaled)(archive, train, test)
    parts = [Part(images[k], labels[k], f"{archive.source}: {heads[k][0].name}", f"{archive.source}: {heads[k][1].name}") for k in (0, 1)]
    return Source(name, parts[0], parts[1], classes, {}, mapping=mapping)


def check_lengths(archive: Archive, features: Header, *others: Header) -> None:
    """Check that every array has as many rows as the features.

    Raises
    ------
    DataError
        naming the first that has not.
    """
    for other in others:
        if other.shape[0] != features.shape[0]:
            msg = f"{archive.source}: {other.name} has {other.shape[0]} values, {features.shape[0]} expected, as many as there are rows in {features.name}"
            raise DataError(msg)


def read_labels(archive: Archive, header: Header, classes: int | None) -> Bytes:
    """Return labels as uint8.

    Raises
    ------
    DataError
        if one is negative, or not below the number of classes.
    """
    values = archive.read(header)
    most = MOST_CLASSES if classes is None else classes
    wrong = (values < 0) | (values >= most)
    if wrong.any():
        first = int(wrong.argmax())
        msg = (
            f"{archive.source}: {header.name}: label {values[first]} of row {first} is out of range, "
            f"0 to {most - 1} expected ({np.count_nonzero(wrong)} such labels)"
        )
        raise DataError(msg)
    return values.astype(np.uint8)


def quantisation(archive: Archive) -> tuple[float | None, int]:
    """Return the scale (None where there is none) and the zero point (else 0) of quantised features.

    Raises
    ------
    DataError
        if the scale is not positive, or one of them is no single number.
    """
    scale = archive.number("scale", FLOATING)
    if scale is not None and scale <= 0:
        msg = f"{archive.source}: scale is {scale}, a positive number expected"
        raise DataError(msg)
    return scale, int(archive.number("zero_point", (np.integer,)) or 0)


def read_floating(archive: Archive, header: Header) -> NDArray[Any]:
    """Return floating-point features.

    Raises
    ------
    DataError
        if a value is not finite, or the archive gives a scale or a zero point, which say nothing of such features.
    """
    for name in ("scale", "zero_point"):
        if name in archive:
            msg = f"{archive.source}: {name} is given, but {header.name} is of type {header.dtype.name}; it belongs to uint8 or int8 features"
            raise DataError(msg)
    values = archive.read(header)
    check_finite(values, f"{archive.source}: {header.name}")
    return values


def _shifted(archive: Archive, *headers: Header) -> tuple[list[Bytes], dict[str, float]]:
    """Return quantised features minus their zero point, exactly."""
    scale, zero_point = quantisation(archive)
    found = []
    for header in headers:
        values = archive.read(header)
        lowest, highest = int(values.min()) - zero_point, int(values.max()) - zero_point
        if lowest < 0 or highest > 255:
            msg = (
                f"{archive.source}: {header.name}: features minus zero_point = {zero_point} go from {lowest} to {highest}, "
                "but an input of the network is a byte, 0 to 255"
            )
            raise DataError(msg)
        # Modulo 256 the difference is exact whatever the sign, and here it is known to lie in 0 to 255.
        found.append(np.ascontiguousarray(values.view(np.uint8)) - np.uint8(zero_point % 256))
    return found, {"zero_point": zero_point} | ({} if scale is None else {"scale": scale})


def _scaled(archive: Archive, train: Header, test: Header) -> tuple[list[Bytes], dict[str, float]]:
    """Return floating-point features as bytes, between the smallest and the largest value of the training part."""
    values = read_floating(archive, train)
    limits = Limits(float(values.min()), float(values.max()))
    limits.check(f"{archive.source}: {train.name}")
    learnt = limits.to_bytes(values)
    values = read_floating(archive, test)
    mapping: dict[str, float] = {"lowest": limits.lowest, "highest": limits.highest, "clipped_test_values": limits.beyond(values)}
    return [learnt, limits.to_bytes(values)], mapping


def _blocks(rows: int) -> Iterator[slice]:
    return (slice(start, start + _ROWS) for start in range(0, rows, _ROWS))
