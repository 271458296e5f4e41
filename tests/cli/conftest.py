"""A simulation that takes no time, so that the commands around it can be tested."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from chipsim.cli import app

SUMMARY = {
    "schema": 1,
    "images": 50_000,
    "test_accuracy": 0.9312,
    "chip_time_s": 0.012,
    "energy_J": {"array read": 3e-6, "RESET": 1e-6, "total": 4e-6},
    "energy_per_image_J": 8e-11,
    "transfers": {"count": 7},
    "wall_time_s": 5.0,
    "images_per_wall_second": 10_000.0,
}


@dataclass
class FakeRun:
    """What `simulate` returns, as far as the command line looks at it."""

    path: Path
    summary: dict = field(default_factory=lambda: dict(SUMMARY))


class FakeSimulation:
    """Stands in for `chipsim.run.simulate`: remembers its arguments, makes the folder, reports progress."""

    def __init__(self) -> None:
        self.calls: list[dict] = []
        self.raises: BaseException | None = None

    def __call__(self, scenario, out=None, data_dir=None, progress=None, command=()):
        """Do what a run does, as far as the command line can tell."""
        self.calls.append({"scenario": scenario, "out": out, "data_dir": data_dir, "command": command})
        if isinstance(self.raises, Exception):
            raise self.raises
        Path(out).mkdir(parents=True)
        progress.message("compiling kernels")
        progress.start(100)
        progress.update(50, 12e-6, None)
        if self.raises is not None:
            progress.finish()
            raise self.raises
        progress.update(100, 24e-6, 0.875)
        progress.finish()
        return FakeRun(Path(out))


@pytest.fixture
def simulation(tmp_path, monkeypatch):
    """Put a fake in the place of the simulation, in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CHIPSIM_DATA", raising=False)
    monkeypatch.delenv("CHIPSIM_TRACEBACK", raising=False)
    fake = FakeSimulation()
    module = ModuleType("chipsim.run.simulate")
    module.simulate = fake
    monkeypatch.setitem(sys.modules, "chipsim.run.simulate", module)
    return fake


@pytest.fixture
def chipsim():
    """Return a function that runs a command line and returns its result."""
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def summary():
    """Return the summary of the fake run, as JSON gives it back."""
    return json.loads(json.dumps(SUMMARY))
