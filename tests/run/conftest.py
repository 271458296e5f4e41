"""What tests of whole runs share: made-up images in idx files, and small scenarios on them."""

from __future__ import annotations

import struct

import pytest

from chipsim.scenario import Scenario

IMAGES = 30


def packed(values):
    """Return an array as an idx file."""
    return bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


@pytest.fixture(scope="module")
def images(small, tmp_path_factory):
    """Return a folder of idx files with a few made-up images of 4 x 5 pixels."""
    folder, data = tmp_path_factory.mktemp("idx"), small.dataset(IMAGES)
    for stem, pixels, labels in (("train", data.train_images, data.train_labels), ("t10k", data.test_images, data.test_labels)):
        (folder / f"{stem}-images-idx3-ubyte").write_bytes(packed(pixels.reshape(-1, 4, 5)))
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(packed(labels))
    return folder


@pytest.fixture
def scenario(small, images):
    """Return a function that makes a small scenario on those images."""

    def make(*groups, **plain):
        place = {"data.path": str(images), "data.crop": (4, 5), "transfer.every": "9 images", "record.segment": 5}
        return Scenario(**small.tree(small.settings(place, *groups, **plain)))

    return make
