"""One scenario, one seed: the same bytes in any process, in any order of what does not matter, at any time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from chipsim.analysis.compare import compare
from chipsim.analysis.inputs import WALL_CLOCK
from chipsim.analysis.run import load_run

SCENARIO = """\
extends = "mnist-5k"
seed = 5
[data]
crop = [10, 10]
train_images = 40
test_images = 20
[network]
layers = [100, 12, 10]
[training]
epochs = 2
[transfer]
policy = "{policy}"
every = "16 images"
[capacitor_refresh]
every = "10 us"
[tiles]
max_rows = 40
max_columns = 8
"""
SHUFFLED = """\
extends = "mnist-5k"
[tiles]
max_columns = 8
max_rows = 40
[transfer]
every = "16 images"
policy = "{policy}"
[training]
epochs = 2
[network]
layers = [100, 12, 10]
[data]
test_images = 20
train_images = 40
crop = [10, 10]
[capacitor_refresh]
every = "10 us"
"""
SETTINGS = ("training.learning_rate=0.02", "cell.capacitor.packet_noise=true", "record.probes=4")
POLICIES = [
    "interleave",
    *(pytest.param(name, marks=pytest.mark.reliability) for name in ("instant", "stall", "oldest-first")),
]


def run(folder, text, *options, **environment):
    """Run a scenario with the command line, in a process and a working directory of its own, and return the run."""
    folder.mkdir()
    (folder / "scenario.toml").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "chipsim", "run", "scenario.toml", "--out", "run", "--quiet", *options]
    subprocess.run(command, cwd=folder, env=os.environ | environment, check=True)
    return load_run(folder / "run")


def given(settings):
    """Return settings as options."""
    return [part for setting in settings for part in ("--set", setting)]


@pytest.fixture(scope="module", params=POLICIES)
def policy(request):
    """Return a transfer policy."""
    return request.param


@pytest.fixture(scope="module")
def plain(policy, tmp_path_factory):
    """Return a run under the policy."""
    return run(tmp_path_factory.mktemp("runs") / "plain", SCENARIO.format(policy=policy), *given(SETTINGS), PYTHONHASHSEED="0", NUMBA_NUM_THREADS="1")


def results(found):
    """Return the bytes of a summary without the times of the computer."""
    return json.dumps({key: value for key, value in found.summary.items() if key not in WALL_CLOCK})


def test_what_does_not_matter_does_not_matter(plain, policy, tmp_path):
    """With keys and options in another order, other hashes, more threads, another zone and language, a second later: the same files, byte for byte."""
    time.sleep(max(0.0, 1.1 - (time.time() - (plain.path / "traces.nc").stat().st_mtime)))  # so that a time stamp in seconds would differ
    environment = {"PYTHONHASHSEED": "4711", "NUMBA_NUM_THREADS": str(os.cpu_count()), "TZ": "Asia/Kathmandu", "LC_ALL": "C"}
    other = run(tmp_path / "other", SHUFFLED.format(policy=policy), *given(reversed(SETTINGS)), "--set", "seed=5", **environment)
    for name in ("traces.nc", "weights.npz", "prices.toml"):
        assert (other.path / name).read_bytes() == (plain.path / name).read_bytes(), name
    assert results(other) == results(plain)
    assert compare(plain, other).verdict == "same inputs, same results byte for byte"


def test_other_windows_leave_the_same_results(plain, policy, tmp_path):
    """A window of three images in a process of its own gives the same arrays and figures, to the last bit."""
    other = run(tmp_path / "other", SCENARIO.format(policy=policy), *given([*SETTINGS, "training.window=3"]))
    found = compare(plain, other)
    assert found.verdict == "same inputs, same results byte for byte"
    assert [item.key for item in found.inputs if item.part == "scenario"] == ["training.window"]


def test_another_seed_leaves_others(plain, policy, tmp_path):
    """The comparison sees a difference where there is one: of another seed."""
    found = compare(plain, run(tmp_path / "other", SCENARIO.format(policy=policy), *given(SETTINGS), "--seed", "6"))
    assert not found.same_results
    assert found.verdict.startswith("different inputs (1 that can change results)")
