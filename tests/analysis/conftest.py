"""A small run folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from chipsim.run.folder import RunFolder
from chipsim.run.provenance import Manifest
from chipsim.run.simulate import simulate
from chipsim.run.traces import Variable, time_variables, write_traces
from chipsim.scenario import Scenario


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small run on real digits; tests change copies of it only."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    changes = ["data.crop=[10,10]", "network.layers=[100,8,10]", "data.train_images=40", "data.test_images=10", "training.epochs=1"]
    return simulate(Scenario.load("mnist-5k", changes), folder).path


@pytest.fixture
def run_path(tmp_path: Path) -> Path:
    """Return the folder of a small run that ended well."""
    folder = RunFolder.create(tmp_path / "run")
    folder.write_json("manifest.json", Manifest.begin(seed=1).end("done", "all epochs done", 2.0, {}).to_dict())
    folder.write_json("summary.json", {"schema": 1, "test_accuracy": 0.9765, "images": 60000, "chip_time_s": 0.0144})
    folder.write_text("scenario.toml", 'title = "small"\nseed = 1\n')
    accuracy = {
        **time_variables("evaluation", [0, 10**9]),
        "accuracy": Variable("evaluation", [0.1, 0.9], "1", "test accuracy"),
        "label": Variable("evaluation", ["start", "end"], "1", "what was evaluated"),
    }
    write_traces(folder.path / "traces.nc", {"accuracy": accuracy, "energy": {}}, {"title": "small"})
    return folder.path
