"""Reading idx files, the format of the MNIST database, plain or gzip-compressed.

A file is two zero bytes, a type code, the number of dimensions, that many big-endian 32-bit sizes, then the values. Headers
are not believed: sizes are held against the file before anything is read, so that a damaged file costs no memory.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import stat
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from chipsim.errors import DataError

Bytes = NDArray[np.uint8]

MAX_BYTES = 2**31
"""Largest payload that is read: MNIST has 47 MB, the largest relative (EMNIST) 0.55 GB."""
_GZIP_MAGIC = b"\x1f\x8b"
_DEFLATE_LIMIT = 1032
"""Deflate cannot expand by more than this (RFC 1951: 258 bytes from two bits)."""
_CHUNK = 1 << 20
_TYPES = {0x08: "uint8", 0x09: "int8", 0x0B: "int16", 0x0C: "int32", 0x0D: "float32", 0x0E: "float64"}


class Readable(Protocol):
    """What the reader needs of a file."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes."""


@dataclass(frozen=True, eq=False)
class IdxFile:
    """The content of one idx file: `values` (uint8) and `sha256` of the whole file after decompression."""

    values: Bytes
    sha256: str


def read_idx(path: Path, dimensions: int) -> IdxFile:
    """Read an idx file of unsigned bytes with the given number of dimensions.

    Parameters
    ----------
    path
        the file; whether it is gzip-compressed is seen from its first bytes, not from its name.
    dimensions
        3 for images (images, rows, columns), 1 for labels.

    Raises
    ------
    DataError
        if the file is missing, unreadable, of another format, type or shape, shorter or longer than its header says, or
        larger than `MAX_BYTES`; the message names the file, what was found and what was expected.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            msg = f"{path}: cannot be read: it is {'a folder' if stat.S_ISDIR(found.st_mode) else 'no plain file'}"
            raise DataError(msg)
        size = found.st_size
        with path.open("rb") as raw:
            packed = raw.read(2) == _GZIP_MAGIC
            raw.seek(0)
            if not packed:
                return _read(raw, path, dimensions, limit=size)
            with gzip.GzipFile(fileobj=raw) as unpacked:
                return _read(unpacked, path, dimensions, limit=size * _DEFLATE_LIMIT)
    except FileNotFoundError:
        msg = f"{path}: no such file"
        raise DataError(msg) from None
    except MemoryError:
        msg = f"{path}: there is no memory for its values"
        raise DataError(msg) from None
    except ValueError as error:  # a NUL in the path
        msg = f"{path}: cannot be read ({error})"
        raise DataError(msg) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        msg = f"{path}: the gzip data is damaged or truncated ({error})"
        raise DataError(msg) from None
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror or error})"
        raise DataError(msg) from None


def _read(stream: Readable, path: Path, dimensions: int, limit: int) -> IdxFile:
    header = stream.read(4 + 4 * dimensions)
    shape = _shape(header, path, dimensions)
    expected = math.prod(shape)
    if expected + len(header) > min(limit, MAX_BYTES):
        msg = f"{path}: the header promises {_product(shape)} = {expected} bytes, more than a file of this size can hold"
        if expected + len(header) > MAX_BYTES:
            msg = f"{path}: the header promises {_product(shape)} = {expected} bytes; at most {MAX_BYTES} are read"
        raise DataError(msg)
    body = _read_at_most(stream, expected + 1)
    if len(body) != expected:
        found = f"only {len(body)}" if len(body) < expected else "more"
        msg = f"{path}: {found} bytes of data found, {_product(shape)} = {expected} expected from the header"
        raise DataError(msg)
    digest = hashlib.sha256(header)
    digest.update(body)
    return IdxFile(np.frombuffer(body, dtype=np.uint8).reshape(shape), digest.hexdigest())


def _read_at_most(stream: Readable, count: int) -> bytes:
    chunks, left = [], count
    while left > 0:
        chunk = stream.read(min(left, _CHUNK))
        if not chunk:
            break
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)


def _shape(header: bytes, path: Path, dimensions: int) -> tuple[int, ...]:
    if len(header) >= 4:
        _check_magic(header, path, dimensions)
    if len(header) < 4 + 4 * dimensions:
        msg = f"{path}: {len(header)} bytes found, a header of {4 + 4 * dimensions} expected; the file is truncated"
        raise DataError(msg)
    shape = struct.unpack(f">{dimensions}I", header[4:])
    if 0 in shape:
        msg = f"{path}: the header says {_product(shape)}, so the file holds nothing"
        raise DataError(msg)
    return shape


def _check_magic(header: bytes, path: Path, dimensions: int) -> None:
    if header[:2] != b"\0\0" or header[2] not in _TYPES:
        msg = f"{path}: is no idx file; it begins with {header[:4].hex(' ')}, expected 00 00 08 {dimensions:02x}"
        raise DataError(msg)
    if header[2] != 0x08:
        msg = f"{path}: holds {_TYPES[header[2]]} values, uint8 expected"
        raise DataError(msg)
    if header[3] != dimensions:
        msg = f"{path}: has {header[3]} dimensions, {dimensions} expected"
        raise DataError(msg)


def _product(shape: tuple[int, ...]) -> str:
    return " x ".join(str(size) for size in shape)
