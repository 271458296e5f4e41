"""Runs that are killed at random, resumed, killed again, and end with the same bytes as if nothing had happened."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

ALONE = Path(__file__).with_name("killed_inside.py")
OFTEN = 'checkpoint.every="20 images"'
STAGES = "stage=[{kind='train', images=200}, {kind='sleep', lasts='1 h'}, {kind='train', images=200}, {kind='idle', lasts='1 s'}, {kind='train', images=100}]"
AGES = ("retention.start=1 us", "retention.end=1 year", "retention.per_decade=2")
PLANS = {
    "instant": (OFTEN, "transfer.every=150 images"),
    "stall": ('checkpoint.every="30 us"', "transfer.policy=stall", "transfer.every=150 images"),
    "stall at start": ('checkpoint.every="30 us"', "transfer.policy=stall", "transfer.every=150 images", "transfer.sampling=at-start"),
    "interleave": (OFTEN, "transfer.policy=interleave", "transfer.every=200 images", "transfer.max_delay=5 us"),
    "oldest-first": (OFTEN, "transfer.policy=oldest-first", "transfer.max_delay=5 us", "transfer.max_age=2 ms"),
    "2pcm": (OFTEN, "cell.kind=2pcm", "refresh.every=100 images"),
    "3t1c": (OFTEN, "cell.kind=3t1c", "capacitor_refresh.every=1 ms"),
    "software": (OFTEN, "cell.kind=software"),
    "stages and a sleep": (OFTEN, "transfer.policy=stall", "transfer.every=150 images", STAGES),
    "retention": (OFTEN, *AGES, "transfer.every=150 images"),
}


def dice_of(name):
    """Return random numbers that are the same every time."""
    return random.Random(name)  # noqa: S311  moments of kills are no secret


def has_begun(folder):
    """Return whether a run got as far as to say what it is; else it is begun again, into the same folder."""
    manifest = folder / "manifest.json"
    return manifest.exists() and all((folder / name).exists() for name in json.loads(manifest.read_text())["files"])


def is_done(folder):
    """Return whether a run has ended, so that a signal came too late to change anything."""
    manifest = folder / "manifest.json"
    return manifest.exists() and json.loads(manifest.read_text())["status"] == "done"


def killed_at_random(runs, folder, lasts_s, dice, kills):
    """Run a scenario with so many kills, some of them while it is being resumed; return after how many checkpoints each came."""
    reached = []
    for number in range(kills):
        again = has_begun(folder)
        process = runs.start(folder, again=again)
        try:
            process.wait(timeout=dice.uniform(0.3, 1.0) * lasts_s)
        except subprocess.TimeoutExpired:  # it is still running, as it should be
            process.send_signal(signal.SIGKILL)
        process.communicate()
        checkpoints = sorted(folder.glob("checkpoint/*.npz"))
        reached.append(int(checkpoints[-1].stem) if checkpoints else 0)
        if is_done(folder):
            return reached[: number + (process.returncode != 0)]
    code, said = runs.finish(folder, again=has_begun(folder))
    assert code == 0, said
    return reached


@pytest.mark.parametrize("name", ["interleave"])
def test_a_run_killed_twice_at_random_loses_nothing(runs, same, tried, tmp_path, name):
    """Killed while it runs and again while it is resumed, a run ends with the same bytes."""
    _check(runs(*PLANS[name]), same, tried, tmp_path, dice_of(name), tries=1)


@pytest.mark.reliability
@pytest.mark.parametrize("name", PLANS)
def test_runs_killed_at_random_lose_nothing(runs, same, tried, tmp_path, name):
    """So does a run under every policy, with every cell, in every stage, killed at many moments."""
    _check(runs(*PLANS[name]), same, tried, tmp_path, dice_of(f"many of {name}"), tries=5)


def _check(prepared, same, tried, tmp_path, dice, tries):
    whole, lasts_s = prepared.whole()
    for number in range(tries):
        folder = tmp_path / f"killed-{number}"
        reached = killed_at_random(prepared, folder, lasts_s, dice, 2)
        same(folder, whole)
        tried["SIGKILL at a random moment"] += len(reached)


POINTS = {
    "half of the archive is written": "archive",
    "written, but not on the disk": "fsync",
    "on the disk, but without its name": "replace",
    "named, but the folder not on the disk": "folder",
    "the oldest one is being removed": "unlink",
}


@pytest.fixture
def killed_at(runs, tmp_path):
    """Return a function that starts a run which kills itself at some point; it gives the prepared runs, the killed one, and a whole one."""

    def kill(plan, where):
        prepared = runs(*PLANS[plan])
        whole, _ = prepared.whole()
        prepared.environment = {"CHIPSIM_TEST_KILL": where}
        code, said = prepared.finish(tmp_path / "killed", script=ALONE)
        assert code == -signal.SIGKILL, said
        return prepared, tmp_path / "killed", whole

    return kill


@pytest.mark.parametrize("point", ["half of the archive is written", "on the disk, but without its name"])
def test_a_kill_inside_the_writing_of_a_checkpoint_loses_nothing(killed_at, same, tried, point):
    """Wherever in the third checkpoint a run is killed, one that is whole is there, and the resumed run ends with the same bytes."""
    prepared, killed, whole = killed_at("instant", f"{POINTS[point]} 3")
    assert json.loads((killed / "manifest.json").read_text())["status"] == "running"
    code, said = prepared.finish(killed, again=True)
    assert code == 0, said
    same(killed, whole)
    resumed = json.loads((killed / "manifest.json").read_text())["resumed"][0]
    assert resumed["checkpoint"] == ("checkpoint/000003.npz" if POINTS[point] in {"folder", "unlink"} else "checkpoint/000002.npz")
    assert not list(killed.rglob("*.tmp"))
    tried["SIGKILL inside the writing of a checkpoint"] += 1


@pytest.mark.reliability
@pytest.mark.parametrize("number", range(1, 7))
@pytest.mark.parametrize("point", POINTS)
def test_kills_inside_the_writing_of_any_checkpoint_lose_nothing(killed_at, same, tried, point, number):
    """So it is with any of the first checkpoints; where none had been written the run begins again."""
    prepared, killed, whole = killed_at("stall", f"{POINTS[point]} {number}")
    code, said = prepared.finish(killed, again=True)
    assert code == 0, said
    same(killed, whole)
    tried["SIGKILL inside the writing of a checkpoint"] += 1


@pytest.mark.parametrize(
    "name", [pytest.param("manifest.json", marks=pytest.mark.reliability), "scenario.toml", pytest.param("prices.toml", marks=pytest.mark.reliability)]
)
def test_a_run_killed_before_it_began_is_begun_again(killed_at, same, tried, name):
    """Killed while it writes what is to be run, a run has left a folder that the next one may take."""
    prepared, killed, whole = killed_at("instant", f"{name} 0")
    assert not has_begun(killed)
    code, said = prepared.finish(killed)
    assert code == 0, said
    same(killed, whole)
    assert not list(killed.rglob("*.tmp"))
    tried["SIGKILL while a run begins"] += 1


@pytest.mark.parametrize("wait_s", [0.3, *(pytest.param(0.1 * k, marks=pytest.mark.reliability) for k in range(16))])
def test_a_polite_end_leaves_a_checkpoint(runs, same, tried, tmp_path, wait_s):
    """SIGTERM, as a batch system sends it, stops a run between two events with a checkpoint, exit code 130, and the way to go on.

    One that comes when everything has happened lets what there is be written, and the run be done.
    """
    prepared = runs("transfer.every=150 images", "training.epochs=3")
    whole, _ = prepared.whole()
    process, folder = prepared.start(tmp_path / "ended"), tmp_path / "ended"
    while not (folder / "manifest.json").exists():
        time.sleep(0.02)
    time.sleep(wait_s)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130 or is_done(folder), said
    if not is_done(folder):
        assert f"to go on: chipsim resume {folder}" in said
        code, said = prepared.finish(folder, again=True)
        assert code == 0, said
    same(folder, whole)
    tried["SIGTERM"] += 1
