"""A part of a run once more: the same as before, or refused."""

from __future__ import annotations

import json
import shutil

import h5py
import numpy as np
import pytest

from chipsim.analysis.run import load_run
from chipsim.errors import InputError, SimulationError
from chipsim.run.replay import replay
from chipsim.run.simulate import simulate
from chipsim.scenario import Scenario
from chipsim.spec import Span

IMAGE = 160_000
"""Chip time of one image of two layers, ps."""
SETTINGS = [
    *("network.layers=[528, 12, 10]", "data.train_images=40", "data.test_images=30", "training.epochs=2"),
    *("record.accuracy_every=8 images", "record.segment=8", "record.probes=2", "transfer.every=16 images", "transfer.policy=stall"),
]


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """Return a finished run of 80 images."""
    return simulate(Scenario.load("mnist-5k", SETTINGS), tmp_path_factory.mktemp("original") / "run")


@pytest.fixture
def copied(original, tmp_path, rewritten):
    """Return a function that gives a copy of the run whose scenario has one line changed."""

    def change(before, after):
        shutil.copytree(original.path, tmp_path / "copy")
        file = tmp_path / "copy" / "scenario.toml"
        text = file.read_text(encoding="utf-8")
        assert text.count(before) == 1
        file.write_text(text.replace(before, after), encoding="utf-8")
        return load_run(rewritten(tmp_path / "copy"))

    return change


def test_a_replay_is_the_run_up_to_the_end_of_the_window(original, tmp_path):
    """The replay records the window, stops after it, and has the same accuracy at the same images and times."""
    window = Span(20 * IMAGE, 30 * IMAGE)
    again = replay(original, window, tmp_path / "again")
    assert again.scenario.record.windows == (window,)
    assert again.status == "done"
    assert again.manifest["reason"] == "stopped at 4.8 us"
    assert 0 < again.summary["images"] < 80
    assert again.summary["chip_time_s"] >= window.end_ps * 1e-12
    for name in ("images", "accuracy", "time_s", "time_ps"):
        found = again["accuracy"][name]
        assert 1 < len(found) < len(original["accuracy"][name])
        assert np.array_equal(found, original["accuracy"][name][: len(found)])


def test_a_window_up_to_the_end_replays_everything(original, tmp_path):
    """A window that reaches beyond the run's end gives the whole run again, to the last bit."""
    again = replay(original, Span(0, 10**12), tmp_path / "again")
    assert again.manifest["reason"] == "training done"
    assert np.array_equal(again["energy"]["counts"], original["energy"]["counts"])
    assert np.array_equal(again["weights"]["weight_0"], original["weights"]["weight_0"])


def test_without_a_folder_a_temporary_one_is_made(original):
    """A replay with no folder named leaves the run's own folder alone."""
    before = sorted(original.path.rglob("*"))
    again = replay(original, Span(0, IMAGE))
    try:
        assert again.path.is_dir()
        assert sorted(original.path.rglob("*")) == before
    finally:
        shutil.rmtree(again.path)


@pytest.mark.parametrize(
    "before,after,told",
    [
        ("shuffle = true ", "shuffle = false ", r"accuracy after \d+ images"),
        ('preset = "100 ns"', 'preset = "120 ns"', r"\d\.\d+ \(at .*\) then, \d\.\d+ \(at .*\) now; versions, data and host are the same"),
    ],
)
def test_a_replay_that_differs_is_refused(copied, tmp_path, before, after, told):
    """Other weights or other times are an error that names the first difference."""
    with pytest.raises(SimulationError, match=told):
        replay(copied(before, after), Span(50 * IMAGE, 10**12), tmp_path / "again")


def test_other_counts_are_refused(original, tmp_path, rewritten):
    """A replay that does other work for the same accuracy is refused as well."""
    shutil.copytree(original.path, tmp_path / "copy")
    with h5py.File(tmp_path / "copy" / "traces.nc", "r+") as file:
        file["energy/counts"][2, 0] += 1
    with pytest.raises(SimulationError, match=r"counts of actions after 24 images (\d+) in all \(at .*\) then, \d+ in all \(at .*\) now"):
        replay(load_run(rewritten(tmp_path / "copy")), Span(50 * IMAGE, 10**12), tmp_path / "again")


def test_other_versions_are_named(original, copied, tmp_path):
    """Where run and replay differ, what is known to have changed stands in the message."""
    changed = copied("shuffle = true ", "shuffle = false ")
    manifest = json.loads((changed.path / "manifest.json").read_text(encoding="utf-8"))
    manifest["versions"]["chipsim"] = "0.0.1"
    (changed.path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    now = original.manifest["versions"]["chipsim"]
    with pytest.raises(SimulationError, match=rf"different are: versions.chipsim \(0.0.1 then, {now} now\)$"):
        replay(load_run(changed.path), Span(50 * IMAGE, 10**12), tmp_path / "again")


def test_a_window_after_the_end_is_refused_at_once(original, tmp_path):
    """A window in which nothing happened is an input error that names the run's end; nothing is simulated."""
    with pytest.raises(InputError, match=r"the window 1 s .. 2 s begins when the run has ended, at [\d.]+ (us|ms) of chip time"):
        replay(original, Span(10**12, 2 * 10**12), tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_run_without_traces_cannot_be_replayed(original, tmp_path, rewritten):
    """A run that holds no traces yet has nothing to check a replay against."""
    shutil.copytree(original.path, tmp_path / "copy")
    (tmp_path / "copy" / "traces.nc").unlink()
    with pytest.raises(InputError, match="has no traces of energy and accuracy yet"):
        replay(load_run(rewritten(tmp_path / "copy")), Span(0, IMAGE), tmp_path / "again")
