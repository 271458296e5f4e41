"""The run folder: made before anything runs, every file replaced atomically, readable at any moment."""

from __future__ import annotations

import errno
import fcntl
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path, PurePath
from shlex import quote
from typing import Any

import numpy as np

from chipsim.analysis.files import CHECKPOINTS, MANIFEST, PRICES, SCENARIO, SUMMARY, TRACES, WEIGHTS, find_run, read_json
from chipsim.analysis.integrity import RUNNING, sha256
from chipsim.errors import RunFolderError

GIVEN = (SCENARIO, PRICES)
"""Files that say what is to be run; they stay as they are."""
_PROBE = ".writable"


@dataclass(frozen=True)
class RunFolder:
    """A folder that holds one run, at `path`."""

    path: Path

    @classmethod
    def create(cls, path: Path | str) -> RunFolder:
        """Make a new run folder, and see that it can be written to; an empty folder may be there already.

        Raises
        ------
        RunFolderError
            if something is there or the folder cannot be made or written; then nothing has been left behind.
        """
        folder = Path(path)
        _refuse_taken(folder)
        made = _missing(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with replacing(folder / _PROBE) as probe:
                probe.write_bytes(b"")
            (folder / _PROBE).unlink()
        except (OSError, RunFolderError) as error:
            for parent in made:
                with suppress(OSError):
                    parent.rmdir()
            msg = f"{folder}: the output folder cannot be written ({_reason(error)})"
            raise RunFolderError(msg) from None
        return cls(folder)

    @classmethod
    def open(cls, path: Path | str) -> RunFolder:
        """Return the run folder at `path`, which must hold a manifest.

        Raises
        ------
        RunFolderError
            if there is no such folder, or it was not written by chipsim.
        """
        return cls(find_run(path))

    @contextmanager
    def held(self, *, new: bool = False) -> Iterator[bool]:
        """Keep the folder to this process for the block; give whether that could be done: not every network file system has locks.

        The lock is the operating system's and ends with the process, however that ends. Whoever only reads needs none. A `new` folder
        must be empty still.

        Raises
        ------
        RunFolderError
            if another process writes this run.
        """
        try:
            handle = os.open(self.path, os.O_RDONLY)
        except OSError as error:
            msg = f"{self.path}: cannot be used ({_reason(error)})"
            raise RunFolderError(msg) from None
        try:
            locked = self._lock(handle)
            if new:
                _refuse_taken(self.path)
                self.tidy()
                self.remove(MANIFEST, *GIVEN)
            yield locked
        finally:
            os.close(handle)

    def _lock(self, handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
                msg = f"{self.path}: another process is writing this run; wait until it has ended, or stop it"
                raise RunFolderError(msg) from None
            return False
        return True

    def tidy(self) -> None:
        """Remove what a process that was killed had not finished writing; only while the folder is held."""
        for unfinished in (self.path / _PROBE, *self.path.glob(".*.tmp"), *self.file(CHECKPOINTS).glob(".*.tmp")):
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)

    def remove(self, *names: str) -> None:
        """Remove files, where they are there and can be removed."""
        for name in names:
            with suppress(OSError):
                self.file(name).unlink(missing_ok=True)

    def file(self, name: str) -> Path:
        """Return the path of `name` in the folder.

        Raises
        ------
        ValueError
            if the name leads out of the folder.
        """
        pure = PurePath(name)
        if not name or pure.is_absolute() or ".." in pure.parts:
            msg = f"{name!r} is no name inside a run folder"
            raise ValueError(msg)
        return self.path / pure

    def write_bytes(self, name: str, content: bytes) -> Path:
        """Replace the file `name` by `content`, whole or not at all.

        Raises
        ------
        RunFolderError
            if it cannot be written.
        """
        target = self.file(name)
        with replacing(target) as temporary:
            temporary.write_bytes(content)
        return target

    def write_text(self, name: str, text: str) -> Path:
        """Replace the file `name` by `text` in UTF-8, whole or not at all."""
        return self.write_bytes(name, text.encode("utf-8"))

    def write_json(self, name: str, content: object) -> Path:
        """Replace the file `name` by JSON; NaN and infinity become null, NumPy values plain numbers."""
        text = json.dumps(plain(content), indent=2, ensure_ascii=False, allow_nan=False)
        return self.write_text(name, text + "\n")

    def read_json(self, name: str) -> dict[str, Any]:
        """Return the JSON object in `name`.

        Raises
        ------
        RunFolderError
            if the file is missing, damaged, or holds no object.
        """
        return read_json(self.file(name))

    def checksums(self, names: Sequence[str] = (*GIVEN, SUMMARY, TRACES, WEIGHTS)) -> dict[str, str]:
        """Return the sha256 of those of the files `names` that exist."""
        return {name: sha256(self.file(name)) for name in names if self.file(name).is_file()}


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a temporary path beside `target`; when the block ends well it replaces `target`, or else it vanishes.

    The file reaches the disk before the name does (fsync, replace, fsync of the folder), so a crash leaves the old file
    or the new one.

    Raises
    ------
    RunFolderError
        if the file cannot be written, named after `target`.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _to_disk(temporary)
        temporary.replace(target)
        _to_disk(target.parent)
    except OSError as error:
        msg = f"{target}: cannot be written ({_reason(error)})"
        raise RunFolderError(msg) from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def plain(value: object) -> Any:
    """Return `value` made of what JSON knows: dict, list, str, int, float, bool and None."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    return str(value)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refuse_taken(folder: Path) -> None:
    try:
        if "\0" in os.fspath(folder):
            msg = f"{os.fspath(folder)!r}: no folder can have this name"
            raise RunFolderError(msg)
        if not os.path.lexists(folder):
            return
        if not folder.is_dir():
            msg = f"{folder}: the output folder cannot be made, a file of that name exists"
            raise RunFolderError(msg)
        if not _never_begun(folder):
            way = f"; to go on with the run in it: chipsim resume {quote(str(folder))}" if (folder / MANIFEST).is_file() else ""
            msg = f"{folder}: the output folder exists and is not empty; name another one with --out, or remove it{way}"
            raise RunFolderError(msg)
    except OSError as error:
        msg = f"{folder}: the output folder cannot be used ({_reason(error)})"
        raise RunFolderError(msg) from None


def _never_begun(folder: Path) -> bool:
    """Return whether a folder is empty, or holds no more than what a process left that was killed before it had said what was to be run."""
    names = {path.name for path in folder.iterdir()}
    names -= {name for name in names if name == _PROBE or (name.startswith(".") and name.endswith(".tmp"))}
    if not names:
        return True
    if MANIFEST not in names or names - {MANIFEST, *GIVEN}:
        return False
    try:
        content = read_json(folder / MANIFEST)
    except RunFolderError:
        return False
    files = content.get("files")
    return content.get("status") == RUNNING and isinstance(files, dict) and any(name not in names for name in files)


def _missing(folder: Path) -> list[Path]:
    """Return `folder` and those of its parents that do not exist, the innermost first."""
    return [place for place in (folder, *folder.parents) if not os.path.lexists(place)]


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)
