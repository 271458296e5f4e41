"""Faults on purpose: kills, damage, full disks. What was tried is counted, and printed at the end of a run with `-m reliability`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

WALL = ("wall_time_s", "images_per_wall_second")
_WHOLE: dict[tuple[str, ...], tuple[Path, float]] = {}


@pytest.fixture
def tried() -> Counter[str]:
    """Return what faults are counted in, by kind; one that costs anything fails its test."""
    return Counter()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Send what a test has tried along with its report, also from another process."""
    result = yield
    if "tried" in getattr(item, "funcargs", {}):
        item.user_properties.append(("tried", dict(item.funcargs["tried"])))
    return result


@dataclass
class Runs:
    """Whole runs of a small network in processes of their own, as a user starts them."""

    place: Path
    """Folder of runs that nothing happens to, one for each set of settings."""
    settings: Sequence[str] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def command(self, folder: Path, *, again: bool, script: Path | None = None) -> list[str]:
        """Return the command that runs a scenario into a folder, or resumes it; through a script where one is given."""
        program = [sys.executable, str(script)] if script else [sys.executable, "-P", "-m", "chipsim"]
        if again:
            return [*program, "resume", str(folder), "--quiet"]
        return [*program, "run", "mnist-5k", *(part for text in self.settings for part in ("--set", text)), "--out", str(folder), "--quiet"]

    def start(self, folder: Path, *, again: bool = False, script: Path | None = None) -> subprocess.Popen[str]:
        """Start it."""
        environment = os.environ | {"NUMBA_NUM_THREADS": "1"} | self.environment
        return subprocess.Popen(self.command(folder, again=again, script=script), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def finish(self, folder: Path, *, again: bool = False, script: Path | None = None) -> tuple[int, str]:
        """Let it run to its end; return the exit code and what it said."""
        process = self.start(folder, again=again, script=script)
        _, said = process.communicate(timeout=300)
        return process.returncode, said

    def whole(self) -> tuple[Path, float]:
        """Return the folder of a run that nothing happens to, and how long such a run takes, s; it is made once."""
        key = tuple(self.settings)
        if key not in _WHOLE:
            folder, began = self.place / f"whole-{len(_WHOLE)}", time.monotonic()
            code, said = self.finish(folder)
            assert code == 0, said
            _WHOLE[key] = (folder, time.monotonic() - began)
        return _WHOLE[key]


def results(folder: Path) -> tuple[dict[str, object], dict[str, bytes]]:
    """Return what a run came to: its summary without the time that the computer took, and its files."""
    summary = json.loads((folder / "summary.json").read_text())
    files = {name: (folder / name).read_bytes() for name in ("traces.nc", "weights.npz", "scenario.toml", "prices.toml") if (folder / name).exists()}
    return {key: value for key, value in summary.items() if key not in WALL}, files


@pytest.fixture
def same() -> Iterator[object]:
    """Return a function that asserts that two runs came to the same, to the byte."""

    def compare(folder: Path, whole: Path) -> None:
        one, other = results(folder), results(whole)
        assert one[0] == other[0]
        assert [name for name in other[1] if one[1].get(name) != other[1][name]] == []

    return compare


@pytest.fixture(scope="session")
def wholes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for runs that nothing happens to."""
    return tmp_path_factory.mktemp("wholes")


@pytest.fixture
def runs(wholes: Path) -> object:
    """Return a function that prepares runs with settings of their own."""
    plain = ["data.train_images=500", "data.test_images=100", "network.layers=[528,24,10]", "training.epochs=1", "training.window=10", "record.segment=100"]

    def make(*settings: str) -> Runs:
        return Runs(wholes, (*plain, *settings))

    return make
