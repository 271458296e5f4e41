"""Whether the files of a run are still what the run wrote: checked against the checksums in its manifest.

A run that goes on has no checksums yet; its files are replaced as a whole while it does.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from chipsim.analysis.files import MANIFEST, SCENARIO
from chipsim.errors import RunFolderError

RUNNING = "running"
STATES = (RUNNING, "done", "failed", "interrupted")
"""How a run may stand; all but the first have ended."""
SEAL = "sha256"
"""Key of the manifest for the checksum of everything else in it."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


def sealed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest with its own checksum, so that damage to it shows; values are those of JSON."""
    content = {key: value for key, value in manifest.items() if key != SEAL}
    return {**content, SEAL: _digest(content)}


def check_manifest(manifest: Mapping[str, Any], path: Path) -> None:
    """Check what reading a run leans on: its own checksum if it has one, the status, and the checksums of an ended run's files.

    Raises
    ------
    RunFolderError
        if one of them is damaged.
    """
    if SEAL in manifest and manifest[SEAL] != _digest({key: value for key, value in manifest.items() if key != SEAL}):
        msg = f"{path}: is damaged, it is not what the run wrote: the checksum that it carries of itself is another; restore it from a copy"
        raise RunFolderError(msg)
    status = manifest.get("status")
    if status is None:
        msg = f"{path}: is damaged, it has no status"
        raise RunFolderError(msg)
    if status not in STATES:
        msg = f"{path}: is damaged, status {status!r:.40} found; one of {', '.join(STATES)} expected"
        raise RunFolderError(msg)
    if status != RUNNING and not _are_checksums(manifest.get("files")):
        msg = f"{path}: is damaged: files: the names of files in the folder, each with its sha256 in 64 hexadecimal digits, are expected"
        raise RunFolderError(msg)


def damaged_files(folder: Path, manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with the files of a run that has ended, by their names; empty where all are what the run wrote.

    Every file that the manifest names is read once, as a whole.
    """
    files = manifest.get("files")
    if manifest.get("status") == RUNNING or not isinstance(files, dict) or not _are_checksums(files):
        return {}
    found = {name: _fault(folder, name, wanted) for name, wanted in files.items()}
    return {name: fault for name, fault in found.items() if fault}


def _fault(folder: Path, name: str, wanted: str) -> str:
    """Return what is wrong with a file, and what can be done about it; nothing where it is whole."""
    path = folder / name
    try:
        found = sha256(path)
    except FileNotFoundError:
        return f"{path}: is missing, though {MANIFEST} names it (sha256 {wanted[:12]}...); {_remedy(folder, name)}"
    except OSError as error:
        return f"{path}: cannot be read ({error.strerror or error}); {_remedy(folder, name)}"
    if found == wanted:
        return ""
    return f"{path}: is damaged, it is not what the run wrote: its sha256 is {found[:12]}..., in {MANIFEST} {wanted[:12]}...; {_remedy(folder, name)}"


def _remedy(folder: Path, name: str) -> str:
    again = "run its scenario again" if name == SCENARIO else f"run it again, from {folder / SCENARIO}"
    return f"restore the file from a copy, or {again}"


def sha256(path: Path) -> str:
    """Return the sha256 of a file in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _are_checksums(files: object) -> bool:
    return isinstance(files, dict) and all(
        isinstance(wanted, str) and _SHA256.fullmatch(wanted) is not None and _is_inside(name) for name, wanted in files.items()
    )


def _is_inside(name: str) -> bool:
    """Return whether a name is that of a file in the folder, or below it."""
    pure = PurePosixPath(name)
    return bool(name) and name.isprintable() and "\\" not in name and not pure.is_absolute() and ".." not in pure.parts


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
