"""Checkpoints: the whole of a run between two events, as an npz archive of arrays and plain data that carries its own checksum.

NumPy opens one as it opens any npz archive: `state.json` holds the plain data, the rest are arrays. The sha256 of everything before it
is the archive's comment, its last 64 bytes. Each is written whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chipsim.analysis.files import CHECKPOINTS
from chipsim.errors import RunFolderError
from chipsim.events.simulation import SimulationState
from chipsim.run.codec import Arrays, pack, unpack
from chipsim.run.folder import RunFolder, replacing
from chipsim.run.kept import Kept
from chipsim.run.provenance import versions
from chipsim.scenario import Scenario

FORMAT = 1
"""Version of the layout."""
_DIGEST = 64
_STATE = "state.json"
_CHIP = "chip."
_UNCHANGED = ("numpy", "numba", "llvmlite")
"""Packages of which another version may round differently."""
_NO_RESULT = {"title", "checkpoint"}
"""Parts of a scenario that change nothing that happens."""


@dataclass(frozen=True)
class Origin:
    """What a checkpoint belongs to, and what made it."""

    chipsim: str
    versions: dict[str, str]
    machine: str
    byte_order: str
    scenario: str
    """sha256 of every parameter that changes what happens."""
    data: dict[str, str]
    """sha256 of every data file."""

    @classmethod
    def here(cls, scenario: Scenario, data: Mapping[str, str]) -> Origin:
        """Return what a checkpoint of this scenario and these data has, if it is written by this program on this machine."""
        found = versions()
        shaping = {name: found[name] for name in _UNCHANGED if name in found}
        return cls(found["chipsim"], shaping, platform.machine(), sys.byteorder, scenario_digest(scenario), dict(data))


@dataclass
class Checkpoint:
    """A run between two events."""

    origin: Origin
    images: int
    wall_s: float
    """Wall time that the run had taken, s."""
    trained_s: float
    """... and of that what came after loading and compiling, s."""
    origin_ps: int
    """Moment of chip time that the arrays' times count from."""
    state: SimulationState
    kept: Kept
    chip: dict[str, NDArray[Any]]
    """Every array of the chip, by name."""


def scenario_digest(scenario: Scenario) -> str:
    """Return the sha256 of every parameter that changes what happens."""
    content = {name: value for name, value in scenario.model_dump().items() if name not in _NO_RESULT}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write_checkpoint(folder: RunFolder, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint after those that are there.

    Raises
    ------
    RunFolderError
        if it cannot be written; those that are there stay as they are.
    """
    before = _files(folder)
    path = folder.file(f"{CHECKPOINTS}/{_number(before[-1]) + 1 if before else 1:06d}.npz")
    arrays: Arrays = {_CHIP + name: values for name, values in checkpoint.chip.items()}
    content = {
        "format": FORMAT,
        "origin": pack(checkpoint.origin, "origin", arrays),
        "images": checkpoint.images,
        "wall_s": checkpoint.wall_s,
        "trained_s": checkpoint.trained_s,
        "origin_ps": checkpoint.origin_ps,
        "state": pack(checkpoint.state, "state", arrays),
        "kept": pack(checkpoint.kept, "kept", arrays),
    }
    with replacing(path) as temporary:
        _write_archive(temporary, json.dumps(content).encode(), arrays)
    return path


def prune(folder: RunFolder, keep: int) -> None:
    """Remove all checkpoints but the newest ones."""
    for old in _files(folder)[:-keep]:
        with suppress(OSError):
            old.unlink()


def read_checkpoint(path: Path) -> Checkpoint:
    """Return the checkpoint in a file.

    Raises
    ------
    RunFolderError
        naming the file, if it cannot be read, is damaged, or of a layout that this version does not know.
    """
    try:
        return _read(path)
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror or error})"
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, RecursionError, MemoryError, zipfile.BadZipFile) as error:
        msg = f"{path}: {error}"
    raise RunFolderError(msg)


def newest_checkpoint(folder: RunFolder, wanted: Callable[[Checkpoint], str]) -> tuple[Checkpoint | None, Path | None, list[str]]:
    """Return the newest checkpoint that can be used, its file, and why newer ones cannot; no checkpoint where there is none.

    Parameters
    ----------
    wanted
        returns why a checkpoint that could be read is not to be used, or nothing.
    """
    passed_over = []
    for path in reversed(_files(folder)):
        try:
            found = read_checkpoint(path)
        except RunFolderError as error:
            passed_over.append(str(error))
            continue
        fault = wanted(found)
        if not fault:
            return found, path, passed_over
        passed_over.append(f"{path}: {fault}")
    return None, None, passed_over


def foreign(origin: Origin, here: Origin) -> str:
    """Return why results of a run that goes on from here would not be those of an uninterrupted one, or nothing."""
    if origin.chipsim != here.chipsim:
        return f"was written by chipsim {origin.chipsim}, this is {here.chipsim}"
    for name, version in origin.versions.items():
        if here.versions.get(name) != version:
            return f"was written with {name} {version}, here it is {here.versions.get(name, 'not installed')}"
    if (origin.machine, origin.byte_order) != (here.machine, here.byte_order):
        return f"was written on {origin.machine} ({origin.byte_order}-endian), this is {here.machine} ({here.byte_order}-endian)"
    return ""


def _files(folder: RunFolder) -> list[Path]:
    """Return the checkpoints' files, the newest last."""
    return sorted((path for path in folder.file(CHECKPOINTS).glob("*.npz") if path.stem.isdecimal() and path.is_file()), key=_number)


def _number(path: Path) -> int:
    return int(path.stem)


def _write_archive(path: Path, state: bytes, arrays: Arrays) -> None:
    """Write an npz archive whose comment is the sha256 of everything before it."""
    with path.open("w+b") as stream:
        np.savez(stream, **{_STATE: np.frombuffer(state, dtype=np.uint8)}, **arrays)  # type: ignore[arg-type]  # NumPy's stub mistakes the names
        with zipfile.ZipFile(stream, "a") as archive:
            archive.comment = b"0" * _DIGEST
        stream.seek(-_DIGEST, 2)
        length = stream.tell()
        digest = _digest(stream, length)
        stream.seek(length)
        stream.write(digest)


def _digest(stream: Any, length: int) -> bytes:
    """Return the sha256 of the first bytes of a file, in hexadecimal."""
    stream.seek(0)
    digest = hashlib.sha256()
    for piece in _pieces(stream, length):
        digest.update(piece)
    return digest.hexdigest().encode()


def _pieces(stream: Any, length: int) -> Iterator[bytes]:
    while length:
        piece = stream.read(min(length, 1 << 20))
        if not piece:
            return
        length -= len(piece)
        yield piece


def _require_plain(stream: Any, length: int) -> None:
    """See that an archive holds no more than its file does: one that is compressed or overlaps may ask for any amount of memory."""
    with zipfile.ZipFile(stream) as archive:
        entries = archive.infolist()
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries) or sum(entry.file_size for entry in entries) > length:
        msg = "is no checkpoint: what it holds is larger than the file"
        raise ValueError(msg)


def _read(path: Path) -> Checkpoint:
    with path.open("rb") as stream:
        length = path.stat().st_size - _DIGEST
        if length < 0 or _digest(stream, length) != stream.read(_DIGEST):
            msg = "is damaged, its checksum is not that of its content"
            raise ValueError(msg)
        _require_plain(stream, length)
        stream.seek(0)
        with np.load(stream, allow_pickle=False) as archive:
            arrays = {name: np.asarray(archive[name]) for name in archive.files}
    content = json.loads(arrays.pop(_STATE).tobytes())
    if content["format"] != FORMAT:
        msg = f"has layout {content['format']}, this version of chipsim knows {FORMAT}"
        raise ValueError(msg)
    return Checkpoint(
        origin=unpack(Origin, content["origin"], arrays, "origin"),
        images=unpack(int, content["images"], arrays, "images"),
        wall_s=unpack(float, content["wall_s"], arrays, "wall_s"),
        trained_s=unpack(float, content["trained_s"], arrays, "trained_s"),
        origin_ps=unpack(int, content["origin_ps"], arrays, "origin_ps"),
        state=unpack(SimulationState, content["state"], arrays, "state"),
        kept=unpack(Kept, content["kept"], arrays, "kept"),
        chip={name.removeprefix(_CHIP): values for name, values in arrays.items() if name.startswith(_CHIP)},
    )
