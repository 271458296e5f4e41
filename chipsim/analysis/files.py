"""What a run folder holds, and reading its small files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from chipsim.errors import RunFolderError

SCENARIO = "scenario.toml"
MANIFEST = "manifest.json"
SUMMARY = "summary.json"
TRACES = "traces.nc"
WEIGHTS = "weights.npz"
PRICES = "prices.toml"
CHECKPOINTS = "checkpoint"
FIGURES = "figures"
SCHEMA = 1
"""Version of the folder's layout; a reader refuses a newer one."""


def find_run(path: Path | str) -> Path:
    """Return the run folder at `path`.

    Raises
    ------
    RunFolderError
        if there is no such folder, or it has no manifest.
    """
    folder = Path(path)
    try:
        if not folder.exists():
            msg = f"{folder}: no such run folder"
            raise RunFolderError(msg)
        if not folder.is_dir():
            msg = f"{folder}: is a file; name the folder of a run"
            raise RunFolderError(msg)
        if not (folder / MANIFEST).is_file():
            msg = f"{folder}: is no run folder of chipsim, it has no {MANIFEST}"
            raise RunFolderError(msg)
    except (OSError, ValueError) as error:
        msg = f"{folder}: cannot be read ({error})"
        raise RunFolderError(msg) from None
    return folder


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises
    ------
    RunFolderError
        if the file is missing, damaged, or holds something else than an object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror or error})"
        raise RunFolderError(msg) from None
    except (ValueError, RecursionError) as error:
        msg = f"{path}: is damaged, no JSON ({error})"
        raise RunFolderError(msg) from None
    if not isinstance(content, dict):
        msg = f"{path}: is damaged, it holds a {type(content).__name__} where an object is expected"
        raise RunFolderError(msg)
    return content


def check_schema(content: dict[str, Any], path: Path) -> None:
    """Check that a file is of a layout that this version can read.

    Raises
    ------
    RunFolderError
        naming the version found and the one that is known.
    """
    found = content.get("schema")
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        msg = f"{path}: was not written by chipsim, schema {found!r} found, {SCHEMA} expected"
        raise RunFolderError(msg)
    if is_newer(content):
        msg = f"{path}: was written by a newer chipsim, schema {found} found, {SCHEMA} is the newest known"
        raise RunFolderError(msg)


def is_newer(content: dict[str, Any]) -> bool:
    """Return whether a file is of a layout that only a newer version knows."""
    found = content.get("schema")
    return isinstance(found, int) and not isinstance(found, bool) and found > SCHEMA
