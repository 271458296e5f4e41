"""Spoken digits: a network that knows five speakers comes onto the chip and learns a sixth."""

from __future__ import annotations

import sys
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from chipsim.datasets.dataset import Bytes
from chipsim.datasets.features import FEATURES, Limits, check_lengths, quantisation, read_floating, read_labels
from chipsim.datasets.npz import Archive, Header
from chipsim.datasets.source import Part, Source
from chipsim.errors import DataError

DIGITS = 10
PERCENTILES = (0.1, 99.9)
"""Of all values of the training recordings of the speakers known before; they become 0 and 255.

A few values in silence and at clicks lie far outside; the smallest and the largest value would squeeze all others together.
"""


def spoken_source(archive: Archive, name: str, adapt_to: str) -> Source:
    """Return the recordings of one speaker to train and test on, and those of all others to train on before.

    Parameters
    ----------
    archive
        has `logmel` (recordings, frames, bands), floating point or quantised; `y`, the digit; `speaker`, an index into
        `speakers`, the names; and `is_test`, which recordings the official split tests on.
    name
        of the data set, for messages.
    adapt_to
        the speaker whose recordings are trained on.

    Raises
    ------
    DataError
        if an array is missing, of another type or shape, or holds values that are not finite or out of range, if there is
        no such speaker, or no recording for one of the four parts.
    """
    head = archive.header("logmel", 3, FEATURES)
    labels, voices, split = archive.header("y", 1, (np.integer,)), archive.header("speaker", 1, (np.integer,)), archive.header("is_test", 1, (np.bool,))
    check_lengths(archive, head, labels, voices, split)
    digits = read_labels(archive, labels, DIGITS)
    names = _names(archive)
    speakers = read_labels(archive, voices, len(names))
    parts = _parts(archive, speakers == _index(adapt_to, names, archive.source), archive.read(split).view(np.uint8) != 0)
    values = _values(archive, head).reshape(len(digits), -1)

    with np.errstate(over="ignore", invalid="ignore"):  # such limits are refused in the next line
        limits = Limits(*(float(limit) for limit in np.percentile(values[parts["pretrain"]], PERCENTILES)))
    limits.check(f"{archive.source}: logmel")
    images = limits.to_bytes(values)
    order = in_turn(speakers.astype(np.int64) * DIGITS + digits)
    train, test, *pretrain = (_part(archive, images, digits, order[chosen[order]]) for chosen in parts.values())
    mapping = {"lowest": limits.lowest, "highest": limits.highest}
    mapping |= {f"clipped_{part}_values": limits.beyond(values[chosen]) for part, chosen in parts.items()}
    return Source(name, train, test, DIGITS, {}, pretrain=(pretrain[0], pretrain[1]), mapping=mapping)


def in_turn(groups: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return an order in which groups take turns: the first of every group, then the second of every group ...

    So the first recordings, and the last, are of all digits and speakers alike, whatever the order in the file.
    """
    by_group = np.argsort(groups, kind="stable")
    number = np.empty(len(groups), dtype=np.intp)
    number[by_group] = np.arange(len(groups)) - np.searchsorted(groups[by_group], groups[by_group])
    return np.lexsort((groups, number))


def _parts(archive: Archive, adapted: NDArray[np.bool], tested: NDArray[np.bool]) -> dict[str, NDArray[np.bool]]:
    """Return which recordings belong to each of the four parts; none may be empty."""
    parts = {"train": adapted & ~tested, "test": adapted & tested, "pretrain": ~adapted & ~tested, "pretrain_test": ~adapted & tested}
    for part, chosen in parts.items():
        if not chosen.any():
            msg = f'{archive.source}: leaves no recordings for the part "{part}"; training and test recordings of at least two speakers are wanted'
            raise DataError(msg)
    return parts


def _part(archive: Archive, images: Bytes, digits: Bytes, chosen: NDArray[np.intp]) -> Part:
    return Part(images[chosen], digits[chosen], f"{archive.source}: logmel", f"{archive.source}: y")


def _names(archive: Archive) -> list[str]:
    values = archive.read(archive.header("speakers", 1, (np.str_,)))
    codes = values.view(np.dtype(np.uint32).newbyteorder(values.dtype.byteorder))
    if codes.max() > sys.maxunicode:
        msg = f"{archive.source}: speakers: is no text; code point {codes.max():#x} is beyond Unicode"
        raise DataError(msg)
    return [str(name) for name in values]


def _index(adapt_to: str, names: list[str], source: str) -> int:
    if adapt_to not in names:
        near = get_close_matches(adapt_to, names, n=1)
        meant = f'; did you mean "{near[0]}"?' if near else ""
        msg = f'data.adapt_to: "{adapt_to}" is no speaker of {source}{meant}; known: {", ".join(names)[:200]}'
        raise DataError(msg)
    return names.index(adapt_to)


def _values(archive: Archive, header: Header) -> NDArray[np.float64]:
    """Return the log-mel values as floating-point numbers."""
    if header.dtype.kind == "f":
        return read_floating(archive, header).astype(np.float64)
    scale, zero_point = quantisation(archive)
    return (archive.read(header).astype(np.float64) - zero_point) * (1.0 if scale is None else scale)
