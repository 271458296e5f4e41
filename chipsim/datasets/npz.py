"""Reading npz archives without believing them.

An npz file is a zip archive of npy files. Names, types and sizes are held against each other and against the file before an
array is read, so that a damaged or hostile archive costs neither memory nor trust: nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chipsim.errors import DataError

MAX_BYTES = 2**32
"""Most that an archive may hold when unpacked, all arrays together: 4 GiB."""
_DEFLATE_LIMIT = 1032
"""Deflate cannot expand by more than this (RFC 1951: 258 bytes from two bits)."""
_CHUNK = 1 << 20
_LONGEST_HEADER = 4096
"""NumPy pads the header of a plain array to 128 bytes."""
_MAGIC = b"\x93NUMPY"
_LENGTHS = {1: 2, 2: 4, 3: 4}
"""Bytes that say how long the header is, by version of the npy format."""
_ITEM = re.compile(r"""['"](descr|fortran_order|shape)['"]\s*:\s*(?:['"]([^'"]*)['"]|(True|False)|\(([0-9,\s]{0,200})\))""")
_PLAIN = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248]|U[0-9]{1,6})")
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, OverflowError, RuntimeError, ValueError)
"""What zipfile raises for an archive that is damaged, encrypted or of a kind it does not know."""


@dataclass(frozen=True)
class Header:
    """What an array says of itself: name, type, shape, order of its axes in memory, and where its values begin in its npy file."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    start: int


Stream = io.BufferedReader | io.BytesIO


class _Guarded:
    """A file that is read in small pieces only: even a directory of millions of entries costs no memory."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes, or all that are left."""
        found = self._stream.read(size if 0 <= size <= _CHUNK else _CHUNK + 1)
        if len(found) > _CHUNK:
            msg = f"a piece of it is larger than {_CHUNK} bytes"
            raise zipfile.BadZipFile(msg)
        return found


class Archive:
    """An npz archive that has been opened; `source` names it in messages, `sha256` is the checksum of the file.

    Raises
    ------
    DataError
        if it is no zip archive, holds anything but npy files in no folder, holds one twice, or more than `limit` bytes when
        unpacked.
    """

    def __init__(self, stream: Stream, source: str, limit: int = MAX_BYTES) -> None:
        self.source = source
        self.size = stream.seek(0, 2)
        if self.size > limit:
            msg = f"{source}: has {self.size} bytes; at most {limit} are read"
            raise DataError(msg)
        stream.seek(0)
        self.sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        with self._undamaged():
            self._zip = zipfile.ZipFile(_Guarded(stream))
        self._entries = {entry.filename.removesuffix(".npy"): entry for entry in self._zip.infolist()}
        self._check_entries(self._zip.infolist(), limit)

    def __contains__(self, name: str) -> bool:
        """Return whether there is an array of this name."""
        return name in self._entries

    def header(self, name: str, rank: int, allowed: Sequence[type[np.generic]]) -> Header:
        """Return what an array says of itself, once that has been checked.

        Raises
        ------
        DataError
            if there is no such array, it is no plain array of one of the types `allowed` with `rank` dimensions, or its
            size is not that of its entry in the archive, or more than the entry can hold.
        """
        entry = self._entry(name)
        with self._undamaged(), self._zip.open(entry) as stream:
            head = stream.read(_LONGEST_HEADER)
        header = _parsed(head, name, f"{self.source}: {name}")
        _check_type(header, rank, allowed, f"{self.source}: {name}")
        promised = math.prod(header.shape) * header.dtype.itemsize
        if header.start + promised != entry.file_size:
            msg = (
                f"{self.source}: {name}: the header promises {_product(header)} values = {promised} bytes, "
                f"but the archive holds {entry.file_size - header.start} bytes of them"
            )
            raise DataError(msg)
        return header

    def read(self, header: Header) -> NDArray[Any]:
        """Return the values of an array whose header has been read.

        Raises
        ------
        DataError
            if they are damaged or end too early.
        """
        try:
            flat = np.empty(math.prod(header.shape), dtype=header.dtype)
        except MemoryError:
            msg = f"{self.source}: {header.name}: there is no memory for {_product(header)} values of {header.dtype.itemsize} bytes"
            raise DataError(msg) from None
        target = flat.view(np.uint8).data
        with self._undamaged(), self._zip.open(self._entry(header.name)) as stream:
            stream.read(header.start)
            for place in range(0, len(target), _CHUNK):
                piece = target[place : place + _CHUNK]
                if stream.readinto(piece) != len(piece):  # type: ignore[attr-defined]  # an io.BufferedIOBase, typed as IO[bytes]
                    msg = f"{header.name} ends too early"
                    raise EOFError(msg)
        return flat.reshape(header.shape, order="F" if header.fortran else "C")

    def number(self, name: str, allowed: Sequence[type[np.generic]]) -> int | float | None:
        """Return an array that is one number, or None where there is no such array.

        Raises
        ------
        DataError
            if it is no finite number of one of the types `allowed`, or has dimensions.
        """
        if name not in self:
            return None
        value: int | float = self.read(self.header(name, 0, allowed)).item()
        if not math.isfinite(value):
            msg = f"{self.source}: {name} is {value}, a finite number expected"
            raise DataError(msg)
        return value

    def _entry(self, name: str) -> zipfile.ZipInfo:
        if name not in self._entries:
            msg = f"{self.source}: holds no array {name}; found: {', '.join(self._entries)[:200]}"
            raise DataError(msg)
        entry = self._entries[name]
        if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            msg = f"{self.source}: {name} is compressed by an unusual method; numpy.savez and numpy.savez_compressed write what can be read"
            raise DataError(msg)
        if entry.compress_size > self.size or entry.file_size > entry.compress_size * _DEFLATE_LIMIT:
            msg = f"{self.source}: {name} promises {entry.file_size} bytes, more than {min(entry.compress_size, self.size)} compressed bytes can hold"
            raise DataError(msg)
        return entry

    def _check_entries(self, entries: Sequence[zipfile.ZipInfo], limit: int) -> None:
        for entry in entries:
            name = entry.filename
            if not name.endswith(".npy") or name == ".npy" or set(name) & set("/\\:") or not name.isprintable():
                msg = f"{self.source}: holds an entry {name[:100]!r}; an npz archive holds arrays as NAME.npy, in no folder, and nothing else"
                raise DataError(msg)
        if len(self._entries) < len(entries):
            msg = f"{self.source}: holds an array twice: {len(entries)} arrays, but {len(self._entries)} different names"
            raise DataError(msg)
        total = sum(entry.file_size for entry in entries)
        if total > limit:
            msg = f"{self.source}: promises {total} bytes when unpacked; at most {limit} are read"
            raise DataError(msg)

    @contextmanager
    def _undamaged(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            msg = f"{self.source}: cannot be read ({error.strerror or error})"
            raise DataError(msg) from None
        except _DAMAGE as error:
            msg = f"{self.source}: is no npz archive, or is damaged ({error})"
            raise DataError(msg) from None


@contextmanager
def open_archive(path: Path, limit: int = MAX_BYTES) -> Iterator[Archive]:
    """Open an npz file.

    Raises
    ------
    DataError
        if there is no such file, or as `Archive` does.
    """
    try:
        kind = path.stat().st_mode
        if not stat.S_ISREG(kind):
            msg = f"{path}: is {'a folder' if stat.S_ISDIR(kind) else 'no plain file'}; an npz file is wanted"
            raise DataError(msg)
        stream = path.open("rb")
    except FileNotFoundError:
        msg = f"{path}: no such file"
        raise DataError(msg) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        msg = f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})"
        raise DataError(msg) from None
    with stream:
        yield Archive(stream, str(path), limit)


def _parsed(head: bytes, name: str, source: str) -> Header:
    """Read the header of an npy file by its three known parts: nothing in it is evaluated."""
    width = _LENGTHS.get(head[6], 0) if len(head) > 6 and head.startswith(_MAGIC) else 0
    start = 8 + width + int.from_bytes(head[8 : 8 + width], "little")
    items = {found[1]: found for found in _ITEM.finditer(head[8 + width : start].decode("latin-1"))}
    if width == 0 or start > len(head) or len(items) < 3 or items["shape"][4] is None or items["fortran_order"][3] is None:
        msg = f"{source}: is no plain array in the npy format; arrays of one type are wanted, as numpy.save writes them"
        raise DataError(msg)
    described = items["descr"][2] or ""
    if not _PLAIN.fullmatch(described):
        objects = described.endswith("O")
        found = "Python objects (a pickle, which could run anything when it is read)" if objects else f"values of type {described[:40]!r}"
        msg = f"{source}: holds {found}; plain numbers expected"
        raise DataError(msg)
    shape = tuple(int(size) for size in items["shape"][4].replace(",", " ").split())
    return Header(name, np.dtype(described), shape, items["fortran_order"][3] == "True", start)


def _check_type(header: Header, rank: int, allowed: Sequence[type[np.generic]], source: str) -> None:
    if not any(np.issubdtype(header.dtype, kind) for kind in allowed):
        words = ", ".join({np.integer: "whole numbers", np.str_: "text", np.bool: "bool"}.get(kind, kind.__name__) for kind in allowed)
        msg = f"{source}: holds values of type {header.dtype.name}, expected: {words}"
        raise DataError(msg)
    if len(header.shape) != rank:
        msg = f"{source}: has the shape {header.shape}, {rank} dimension{'' if rank == 1 else 's'} expected"
        raise DataError(msg)
    if 0 in header.shape or header.dtype.itemsize == 0:
        msg = f"{source}: has the shape {header.shape}, so it holds nothing"
        raise DataError(msg)


def _product(header: Header) -> str:
    return " x ".join(str(size) for size in header.shape) or "1"
