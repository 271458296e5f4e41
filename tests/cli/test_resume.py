"""`chipsim resume`: going on with a run, or from its last checkpoint with other parameters."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from chipsim.run.simulate import simulate
from chipsim.scenario import Scenario

SMALL = ["data.train_images=60", "data.test_images=20", "network.layers=[528,10]", "training.epochs=1", "training.window=5", "record.segment=20"]


class Presser:
    """Progress that presses Ctrl-C once, when 30 images have been learnt."""

    pressed = False

    def message(self, text):
        """Say nothing."""

    def start(self, total_images, already=0):
        """Say nothing."""

    def update(self, images, chip_time_s, accuracy):
        """Press."""
        del chip_time_s, accuracy
        if images >= 30 and not self.pressed:
            self.pressed = True
            os.kill(os.getpid(), signal.SIGINT)

    def finish(self):
        """Say nothing."""


@pytest.fixture
def broken_off(tmp_path, monkeypatch):
    """Return the name of a run in the working directory that was interrupted in its middle."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        simulate(Scenario.load("mnist-5k", SMALL), "broken", progress=Presser())
    return "broken"


def test_a_run_is_resumed_in_its_folder(chipsim, broken_off):
    """The command goes on from the checkpoint, says from where, and prints the table of a whole run."""
    result = chipsim("resume", broken_off)
    assert result.exit_code == 0, result.output
    assert "going on from broken/checkpoint/000001.npz: 3" in result.stderr
    assert "run folder: broken" in result.stdout
    assert json.loads(Path("broken/summary.json").read_text())["images"] == 60
    again = chipsim("resume", broken_off)
    assert again.exit_code == 2
    assert "the run is done, there is nothing left to do" in again.stderr


def test_a_fork_gets_a_folder_of_its_own(chipsim, broken_off):
    """With --set a new run begins, in the first free folder or where --out says; --json prints its summary alone."""
    result = chipsim("resume", broken_off, "--set", "training.epochs=2", "--json", "-q")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["images"] == 120
    manifest = json.loads(Path("runs/mnist-5k-1-1/manifest.json").read_text())
    assert manifest["parent"]["run"] == str(Path("broken").resolve())
    assert manifest["scenario"] == "mnist-5k"
    named = chipsim("resume", broken_off, "--set", "training.epochs=2", "--out", "mine", "-q")
    assert named.exit_code == 0, named.output
    assert Path("mine/weights.npz").read_bytes() == Path("runs/mnist-5k-1-1/weights.npz").read_bytes()


def test_a_fork_warns_of_what_it_sets_in_vain(chipsim, broken_off):
    """Of settings without effect those are told that --set names, not those of the parent."""
    result = chipsim("resume", broken_off, "--set", "refresh.every=7 images", "--set", "training.epochs=2")
    assert result.exit_code == 0, result.output
    assert [line for line in result.stderr.splitlines() if line.startswith("warning: ")] == [
        'warning: --set #1: refresh.every: is set but has no effect, since cell.kind is "2pcm+3t1c"'
    ]


@pytest.mark.parametrize(
    "arguments, told",
    [
        (("nowhere",), "nowhere: no such run folder"),
        (("broken", "--out", "x"), "--out: a run is resumed in its own folder"),
        (("broken", "--set", "seed=3"), "--set #1: seed: cannot change"),
        (("broken", "--set", "training.epoch=3"), "did you mean"),
        (("broken", "--set", "training.epochs=3", "--out", "broken"), "exists and is not empty"),
    ],
)
def test_what_cannot_be_resumed_ends_with_2(chipsim, broken_off, arguments, told):
    """A message and exit code 2; nothing new is left behind."""
    assert Path(broken_off).is_dir()
    before = sorted(Path.cwd().iterdir())
    result = chipsim("resume", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert "Traceback" not in result.output
    assert sorted(Path.cwd().iterdir()) == before
