"""Reading idx files."""

from __future__ import annotations

import gzip
import hashlib
import struct
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from chipsim.datasets import read_idx
from chipsim.errors import DataError

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return one folder for all examples."""
    return tmp_path_factory.mktemp("idx")


@given(values=arrays(np.uint8, st.tuples(*[st.integers(1, 6)] * 3)), packed=st.booleans())
def test_round_trip(values, packed, folder, idx_bytes):
    """What is written is read back, plain or compressed, with the checksum of the uncompressed content."""
    content = idx_bytes(values)
    path = folder / "round"
    path.write_bytes(gzip.compress(content) if packed else content)
    found = read_idx(path, 3)
    assert np.array_equal(found.values, values)
    assert found.sha256 == hashlib.sha256(content).hexdigest()


@given(keep=st.integers(0, 39), packed=st.booleans())
def test_truncation_is_a_data_error(keep, packed, folder, idx_bytes):
    """A file cut anywhere gives a DataError that names it, never another exception."""
    content = idx_bytes(IMAGES)
    content = gzip.compress(content, mtime=0) if packed else content
    path = folder / "cut"
    path.write_bytes(content[:keep])
    with pytest.raises(DataError, match="cut"):
        read_idx(path, 3)


@given(content=st.binary(max_size=60), packed=st.booleans(), head=st.booleans())
def test_any_bytes_are_read_or_refused(content, packed, head, folder):
    """Arbitrary bytes, also behind a good magic number or in a gzip stream, are values or a DataError."""
    content = b"\0\0\x08\x03" + content if head else content
    path = folder / "any"
    path.write_bytes(gzip.compress(content) if packed else content)
    with suppress(DataError):
        assert read_idx(path, 3).values.ndim == 3


@given(place=st.integers(0, 62), flip=st.integers(1, 255))
def test_a_damaged_gzip_file_is_refused_or_unharmed(place, flip, folder, idx_bytes):
    """One changed byte of a compressed file never gives other values than the ones written."""
    content = bytearray(gzip.compress(idx_bytes(IMAGES), mtime=0))
    content[place % len(content)] ^= flip
    path = folder / "damaged"
    path.write_bytes(bytes(content))
    with suppress(DataError):
        assert np.array_equal(read_idx(path, 3).values, IMAGES)


@pytest.mark.parametrize("packed", [False, True])
def test_trailing_bytes_are_refused(tmp_path, packed, idx_bytes):
    """A file longer than its header says is refused, with both sizes told."""
    content = idx_bytes(IMAGES) + b"x"
    path = tmp_path / "long"
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(DataError, match=r"more bytes of data found, 2 x 3 x 4 = 24 expected"):
        read_idx(path, 3)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("sizes", [(60000, 28, 28), (2**32 - 1, 2**32 - 1, 2**32 - 1)])
def test_a_lying_header_costs_no_memory(tmp_path, packed, sizes):
    """Sizes that the file cannot hold are refused before anything of that size is allocated."""
    content = b"\0\0\x08\x03" + struct.pack(">3I", *sizes) + b"1234"
    path = tmp_path / "liar"
    path.write_bytes(gzip.compress(content) if packed else content)
    tracemalloc.start()
    with pytest.raises(DataError, match="the header promises"):
        read_idx(path, 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_decompression_bomb_is_not_unpacked(tmp_path):
    """A gzip file that goes on after what its header promises is read no further than one chunk beyond."""
    content = b"\0\0\x08\x01" + struct.pack(">I", 4) + bytes(50_000_000)
    path = tmp_path / "bomb"
    path.write_bytes(gzip.compress(content))
    tracemalloc.start()
    with pytest.raises(DataError, match="more bytes of data found"):
        read_idx(path, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize(
    "header, message",
    [
        (b"\x89PNG", "is no idx file; it begins with 89 50 4e 47, expected 00 00 08 03"),
        (b"\0\0\x0d\x03", "holds float32 values, uint8 expected"),
        (b"\0\0\x08\x01", "has 1 dimensions, 3 expected"),
    ],
)
def test_another_format_is_named(tmp_path, header, message):
    """A wrong magic number, type or number of dimensions is told with what was expected."""
    path = tmp_path / "file"
    path.write_bytes(header + bytes(100))
    with pytest.raises(DataError, match=message):
        read_idx(path, 3)


def test_an_empty_array_is_refused(tmp_path):
    """A header with a size of zero is refused."""
    path = tmp_path / "none"
    path.write_bytes(b"\0\0\x08\x01" + bytes(4))
    with pytest.raises(DataError, match="holds nothing"):
        read_idx(path, 1)


def test_missing_files_and_folders_are_data_errors(tmp_path):
    """A path to nothing, and a path to a folder, are DataErrors that name it."""
    with pytest.raises(DataError, match=r"absent: no such file"):
        read_idx(tmp_path / "absent", 1)
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path, 1)
