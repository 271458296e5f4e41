"""Small idx files."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

IdxBytes = Callable[[np.ndarray], bytes]


def pack(values: np.ndarray) -> bytes:
    """Return `values` as an idx file of unsigned bytes."""
    return bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.astype(np.uint8).tobytes()


@pytest.fixture(scope="session")
def idx_bytes() -> IdxBytes:
    """Return a function that packs an array into an idx file."""
    return pack


@pytest.fixture
def idx_folder(tmp_path: Path) -> Path:
    """Return a folder with 20 training and 8 test images of 6 x 8 pixels in 3 classes, half of the files compressed."""
    rng = np.random.default_rng(5)
    folder = tmp_path / "images"
    folder.mkdir()
    for stem, count in (("train", 20), ("t10k", 8)):
        images = pack(rng.integers(0, 256, (count, 6, 8)))
        labels = pack(np.arange(count) % 3)
        (folder / f"{stem}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images, mtime=0))
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(labels)
    return folder
