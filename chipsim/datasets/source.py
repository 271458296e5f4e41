"""A data set as its files hold it, before it is cropped, split and limited."""

from __future__ import annotations

from dataclasses import dataclass, field

from chipsim.datasets.dataset import Bytes


@dataclass(frozen=True, eq=False)
class Part:
    """Images (images, rows, columns), or features (images, inputs), and labels of one part of a data set, with the names of their files."""

    images: Bytes
    labels: Bytes
    image_source: str
    label_source: str


@dataclass(frozen=True, eq=False)
class Source:
    """A data set as its files hold it.

    `classes` is None where only the labels can tell. `pretrain` is what a network learns before it comes onto the chip, and
    what that is tested on. `mapping` says how features became bytes.
    """

    name: str
    train: Part
    test: Part
    classes: int | None
    checksums: dict[str, str]
    pretrain: tuple[Part, Part] | None = None
    mapping: dict[str, float] = field(default_factory=dict)
