"""Checkpoints: files that NumPy opens, that carry their checksum, and of which the newest stay."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from chipsim.events.simulation import SimulationState
from chipsim.run.checkpoint import Checkpoint, Origin, foreign, newest_checkpoint, prune, read_checkpoint, scenario_digest, write_checkpoint
from chipsim.run.folder import RunFolder
from chipsim.run.kept import Kept
from chipsim.scenario import Scenario


@pytest.fixture
def folder(tmp_path):
    """Return a new run folder."""
    return RunFolder.create(tmp_path / "run")


@pytest.fixture
def found():
    """Return a function that makes a checkpoint after so many images."""

    def make(images=0):
        scenario = Scenario()
        kept = Kept(ages=[0.5], segment_ends=[(images, 3 * 10**20)])
        return Checkpoint(Origin.here(scenario, {"a": "b"}), images, 1.5, 1.25, 7 * 10**19, SimulationState.start(scenario), kept, {"x.y": np.arange(images)})

    return make


def test_a_checkpoint_comes_back_as_it_was(folder, found):
    """State, recorded rows, arrays and times beyond 64 bits are the same after writing and reading."""
    back, before = read_checkpoint(write_checkpoint(folder, found(5))), found(5)
    assert (back.origin, back.images, back.wall_s, back.trained_s, back.origin_ps) == (before.origin, 5, 1.5, 1.25, 7 * 10**19)
    assert back.state == before.state
    assert (back.kept.ages, back.kept.segment_ends) == ([0.5], [(5, 3 * 10**20)])
    assert {name: values.tolist() for name, values in back.chip.items()} == {"x.y": [0, 1, 2, 3, 4]}


def test_it_is_an_npz_archive_with_its_own_checksum(folder, found):
    """NumPy opens the file without pickles; its last 64 bytes are the sha256 of everything before."""
    path = write_checkpoint(folder, found(3))
    with np.load(path, allow_pickle=False) as archive:
        assert archive["chip.x.y"].tolist() == [0, 1, 2]
        assert json.loads(archive["state.json"].tobytes())["images"] == 3
    content = path.read_bytes()
    assert content[-64:].decode() == hashlib.sha256(content[:-64]).hexdigest()


def test_the_newest_stay(folder, found):
    """Older checkpoints go, and numbers count on."""
    for images in range(5):
        write_checkpoint(folder, found(images))
        prune(folder, 2)
    assert sorted(path.name for path in (folder.path / "checkpoint").iterdir()) == ["000004.npz", "000005.npz"]
    newest, file, passed_over = newest_checkpoint(folder, lambda _: "")
    assert (newest.images, file.name, passed_over) == (4, "000005.npz", [])


def test_where_there_is_none_none_is_found(folder):
    """A folder without checkpoints gives none, and no complaint; other files in it are nobody's business."""
    assert newest_checkpoint(folder, lambda _: "") == (None, None, [])
    (folder.path / "checkpoint").mkdir()
    (folder.path / "checkpoint" / "notes.npz").write_text("mine")
    assert newest_checkpoint(folder, lambda _: "") == (None, None, [])


def test_one_that_is_not_wanted_is_passed_over(folder, found):
    """The newest one that is wanted is returned, with why newer ones are not."""
    for images in (1, 2):
        write_checkpoint(folder, found(images))
    newest, file, passed_over = newest_checkpoint(folder, lambda one: "too young" if one.images == 2 else "")
    assert (newest.images, file.name) == (1, "000001.npz")
    assert passed_over == [f"{folder.path}/checkpoint/000002.npz: too young"]


def test_the_digest_of_a_scenario_tells_what_happens():
    """Title and checkpoints change nothing that happens, so they are not part of the digest; everything else is."""
    plain = scenario_digest(Scenario())
    assert scenario_digest(Scenario(title="other", checkpoint={"every": "5 images"})) == plain
    assert scenario_digest(Scenario(seed=2)) != plain
    assert scenario_digest(Scenario(training={"window": 7})) != plain


def test_what_was_made_here_is_not_foreign():
    """A checkpoint of this program on this machine is at home."""
    here = Origin.here(Scenario(), {})
    assert foreign(here, here) == ""
