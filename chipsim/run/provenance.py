"""The manifest: what ran, on what, with which versions and data, and how it ended."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import chipsim
from chipsim.analysis.files import SCHEMA
from chipsim.analysis.integrity import sealed

Status = Literal["running", "done", "failed", "interrupted"]
PACKAGES = ("numpy", "numba", "llvmlite", "simpy", "pydantic", "h5netcdf", "h5py", "matplotlib")


@dataclass(frozen=True)
class Manifest:
    """The content of `manifest.json`.

    Attributes
    ----------
    status, reason
        how the run stands, and why it ended.
    scenario
        name of the scenario.
    data
        sha256 of every data file used.
    mapping
        how features became bytes (`Dataset.mapping`); empty for images.
    files
        sha256 of the files of the folder: of what is to be run from the beginning, of everything once the run has ended.
    parent
        run and checkpoint that the run goes on from with other parameters, if it does.
    resumed
        one entry for every time that the run was taken up again: when, from which checkpoint, by which command, on what.
    git
        revision of the chipsim sources, where they are a git checkout; `-dirty` after changes.
    """

    seed: int
    command: tuple[str, ...]
    data: dict[str, str]
    versions: dict[str, str]
    host: dict[str, str | int]
    git: str | None
    started: str
    status: Status = "running"
    reason: str = ""
    ended: str | None = None
    wall_time_s: float | None = None
    mapping: dict[str, float] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    scenario: str = ""
    parent: dict[str, Any] | None = None
    resumed: tuple[dict[str, Any], ...] = ()
    schema: int = SCHEMA

    @classmethod
    def begin(
        cls,
        seed: int,
        command: Sequence[str] = (),
        data: Mapping[str, str] | None = None,
        mapping: Mapping[str, float] | None = None,
        scenario: str = "",
        parent: dict[str, Any] | None = None,
    ) -> Manifest:
        """Return the manifest of a run that starts now."""
        return cls(
            seed=seed,
            command=tuple(command),
            data=dict(data or {}),
            mapping=dict(mapping or {}),
            scenario=scenario,
            parent=parent,
            versions=versions(),
            host=host(),
            git=git_revision(),
            started=_now(),
        )

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Manifest:
        """Return the manifest that `to_dict` made this of; what an older version did not write is left at its default.

        Raises
        ------
        ValueError
            if what every version writes is missing.
        """
        known = {item.name: content[item.name] for item in fields(cls) if item.name in content}
        kinds = {"data": dict, "files": dict, "mapping": dict, "versions": dict, "command": list, "resumed": list}
        wrong = [name for name, kind in kinds.items() if name in content and not isinstance(content[name], kind)]
        if wrong:
            msg = f"is damaged: {', '.join(wrong)}"
            raise ValueError(msg)
        try:
            return cls(**known | {"command": tuple(content["command"]), "resumed": tuple(content.get("resumed", ()))})
        except (KeyError, TypeError) as error:
            msg = f"is damaged: {error}"
            raise ValueError(msg) from None

    def with_files(self, files: Mapping[str, str]) -> Manifest:
        """Return the manifest with the checksums of files of the folder."""
        return replace(self, files=dict(files))

    def go_on(self, command: Sequence[str], checkpoint: Mapping[str, Any]) -> Manifest:
        """Return the manifest of the run when it is taken up again now; `checkpoint` says from where."""
        entry = {"at": _now(), **checkpoint, "command": list(command), "versions": versions(), "git": git_revision(), "host": host()}
        return replace(self, status="running", reason="", ended=None, resumed=(*self.resumed, entry))

    def with_data(self, data: Mapping[str, str]) -> Manifest:
        """Return the manifest with the checksums of the data files."""
        return replace(self, data=dict(data))

    def end(self, status: Status, reason: str, wall_time_s: float, files: Mapping[str, str]) -> Manifest:
        """Return the manifest of the run when it has ended, with the checksums of its files."""
        return replace(self, status=status, reason=reason, ended=_now(), wall_time_s=wall_time_s, files=dict(files))

    def to_dict(self) -> dict[str, Any]:
        """Return the content for JSON, `schema` and `status` first, its own checksum last."""
        order = (
            "schema",
            "status",
            "reason",
            "started",
            "ended",
            "wall_time_s",
            "scenario",
            "seed",
            "command",
            "versions",
            "git",
            "host",
            "data",
            "mapping",
            "parent",
            "resumed",
            "files",
        )
        content = {name: getattr(self, name) for name in order}
        return sealed(content | {"command": list(self.command), "resumed": list(self.resumed)})


def versions() -> dict[str, str]:
    """Return the versions of chipsim, Python and the packages that shape a result, without importing them."""
    found = {"chipsim": chipsim.__version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def host() -> dict[str, str | int]:
    """Return what the machine is: name, system, processor, cores."""
    return {
        "name": platform.node(),
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "processor": processor(Path("/proc/cpuinfo")),
        "cores": os.cpu_count() or 1,
    }


def processor(cpuinfo: Path) -> str:
    """Return the processor's name, from `cpuinfo` where there is one."""
    try:
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def git_revision(package: Path | None = None) -> str | None:
    """Return the git revision of the sources, or None where they are no checkout of their own.

    An installed copy inside somebody else's repository (a virtual environment in a project) has no revision: the top of the
    checkout must be the folder that holds the package.
    """
    folder = (package if package is not None else Path(chipsim.__file__).parent).resolve().parent
    git = shutil.which("git")
    if git is None or not (folder / ".git").exists():
        return None
    revision = _git(git, folder, "rev-parse", "HEAD")
    if not revision:
        return None
    changed = _git(git, folder, "status", "--porcelain", "--untracked-files=no")
    return f"{revision}-dirty" if changed else revision


class Stopwatch:
    """Wall time since it was made, unmoved by changes of the clock; `already` seconds are added to it."""

    def __init__(self, already: float = 0.0) -> None:
        self.already, self._start = already, time.monotonic()

    def elapsed(self) -> float:
        """Return the seconds since the start."""
        return self.already + time.monotonic() - self._start


def _git(git: str, folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run([git, "-C", str(folder), *arguments], capture_output=True, text=True, timeout=5, check=False)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _now() -> str:
    return datetime.now(tz=UTC).isoformat(timespec="seconds")
