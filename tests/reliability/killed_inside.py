"""The command line in a process that kills itself inside the writing of a checkpoint: `CHIPSIM_TEST_KILL="fsync 3"`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np

from chipsim.cli import main
from chipsim.run import checkpoint, folder

POINT, NUMBER = os.environ["CHIPSIM_TEST_KILL"].split()
BEGINNING = POINT if "." in POINT else ""
"""A file in whose writing, when the run begins, the process is to end."""
seen = 0


def die() -> None:
    """End at once, as a process does that runs out of luck."""
    os.kill(os.getpid(), signal.SIGKILL)


def counted(path: Path) -> bool:
    """Return whether this is the checkpoint in whose writing the process is to end."""
    return path.name.endswith(f"{int(NUMBER):06d}.npz") or f"{int(NUMBER):06d}.npz." in path.name


write_archive, to_disk, replace, unlink, write = checkpoint._write_archive, folder._to_disk, Path.replace, Path.unlink, checkpoint.write_checkpoint


def half_archive(path: Path, state: bytes, arrays: dict[str, np.ndarray]) -> None:
    """Write half of it."""
    write_archive(path, state, arrays)
    if POINT == "archive" and counted(path):
        os.truncate(path, path.stat().st_size // 2)
        die()


def fsync(path: Path) -> None:
    """Die before a file, or its folder, is on the disk."""
    if (POINT == "fsync" and counted(path)) or (POINT == "folder" and (path / f"{int(NUMBER):06d}.npz").exists()):
        die()
    to_disk(path)


def replaced(path: Path, target: Path) -> Any:
    """Die before a file gets its name."""
    if (POINT == "replace" and counted(target)) or target.name == BEGINNING:
        die()
    return replace(path, target)


def unlinked(path: Path, missing_ok: bool = False) -> None:
    """Die before an old checkpoint is removed; where there is none yet, when the new one has been written."""
    if POINT == "unlink" and path.suffix == ".npz" and (path.parent / f"{int(NUMBER):06d}.npz").exists():
        die()
    unlink(path, missing_ok=missing_ok)


def written(where: Any, found: Any) -> Path:
    """Die after a checkpoint has been written, where none was there to be removed."""
    path = write(where, found)
    if POINT == "unlink" and counted(path):
        die()
    return path


checkpoint._write_archive, folder._to_disk = half_archive, fsync
Path.replace, Path.unlink = replaced, unlinked
import chipsim.run.session  # noqa: E402

chipsim.run.session.write_checkpoint = written
sys.argv[0] = "chipsim"
main()
