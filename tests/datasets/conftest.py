"""Small idx files and npz archives, sound and otherwise."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def npy(values: Any, header: str | None = None) -> bytes:
    """Return an array as an npy file; with a `header`, that text stands where NumPy's would."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(values), allow_pickle=True)
    if header is None:
        return buffer.getvalue()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode("latin-1") + np.asarray(values).tobytes()


@pytest.fixture(scope="session")
def npy_bytes() -> Callable[..., bytes]:
    """Return the function `npy`."""
    return npy


@pytest.fixture
def zipped(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes entries, as they are, into an npz archive."""

    def write(entries: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> Path:
        path = tmp_path / "archive.npz"
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, content in entries:
                archive.writestr(zipfile.ZipInfo(name), content, method)
        return path

    return write


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that saves a small data set of features (12 + 6 rows of 5, 3 classes), with arrays replaced, or left out where None."""

    def save(**arrays: Any) -> Path:
        rng = np.random.default_rng(8)
        given = {
            "train_f": rng.integers(-128, 128, (12, 5)).astype(np.int8),
            "train_y": np.arange(12) % 3,
            "test_f": rng.integers(-128, 128, (6, 5)).astype(np.int8),
            "test_y": np.arange(6) % 3,
            "zero_point": -128,
        }
        path = tmp_path / "features.npz"
        np.savez_compressed(path, **{name: values for name, values in (given | arrays).items() if values is not None})
        return path

    return save


@pytest.fixture
def recordings(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that saves made-up spoken digits: 6 speakers x 10 digits x 4 recordings of 32 x 20 values, the first of each for testing."""

    def save(**arrays: Any) -> Path:
        rng = np.random.default_rng(9)
        digit, speaker, number = (axis.ravel().astype(np.uint8) for axis in np.meshgrid(np.arange(10), np.arange(6), np.arange(4), indexing="ij"))
        given = {
            "logmel": rng.normal(-4, 3, (240, 32, 20)).astype(np.float32),
            "y": digit,
            "speaker": speaker,
            "speakers": np.array(["george", "jackson", "lucas", "nicolas", "theo", "yweweler"]),
            "is_test": number == 0,
        }
        folder = tmp_path / "spoken-digits"
        folder.mkdir(exist_ok=True)
        np.savez_compressed(folder / "fsdd_features.npz", **{name: values for name, values in (given | arrays).items() if values is not None})
        return tmp_path

    return save
