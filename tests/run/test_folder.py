"""The run folder: made at once or not at all, files replaced whole."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chipsim.analysis.integrity import sha256
from chipsim.errors import InputError, RunFolderError
from chipsim.run.folder import RunFolder, plain, replacing


def test_create_makes_the_folder_and_its_parents(tmp_path):
    """A new folder is made with its parents, and is empty; an empty one that exists is taken."""
    folder = RunFolder.create(tmp_path / "a" / "b")
    assert folder.path.is_dir()
    assert list(folder.path.iterdir()) == []
    assert RunFolder.create(folder.path).path == folder.path


def test_a_folder_with_files_is_refused_and_left_alone(tmp_path):
    """A folder that holds something is refused, with the way out, and nothing in it changes."""
    (tmp_path / "old.txt").write_text("keep")
    with pytest.raises(RunFolderError, match=r"exists and is not empty; name another one with --out"):
        RunFolder.create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["old.txt"]
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(RunFolderError, match=r"to go on with the run in it: chipsim resume"):
        RunFolder.create(tmp_path)


def test_a_file_in_the_way_is_refused(tmp_path):
    """A file where the folder or one of its parents should be is refused as wrong input."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="a file of that name exists"):
        RunFolder.create(tmp_path / "file")
    with pytest.raises(InputError, match="cannot be written"):
        RunFolder.create(tmp_path / "file" / "run")


def test_a_folder_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    """Where the probe cannot be written, the folders made on the way are taken away again."""

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(RunFolderError, match="Permission denied"):
        RunFolder.create(tmp_path / "new" / "run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x" * 5000, "nul\0byte"])
def test_impossible_names_are_refused(tmp_path, name):
    """A path that no file system takes is wrong input, too."""
    with pytest.raises(RunFolderError):
        RunFolder.create(tmp_path / name)


def test_json_is_plain_and_complete(tmp_path):
    """NumPy values become numbers, NaN and infinity null, and the file can be read back."""
    folder = RunFolder.create(tmp_path)
    folder.write_json("summary.json", {"a": np.float64(0.5), "b": np.arange(3), "c": float("nan"), "d": np.float32(np.inf), "e": Path("x"), "f": (1, "µ")})
    assert folder.read_json("summary.json") == {"a": 0.5, "b": [0, 1, 2], "c": None, "d": None, "e": "x", "f": [1, "µ"]}


def test_dataclasses_become_objects():
    """A dataclass is written as an object of its fields."""

    @dataclass
    class Point:
        x: int
        y: float

    assert plain({"p": Point(1, 2.0)}) == {"p": {"x": 1, "y": 2.0}}


def containers(inner):
    """Return lists and tables of something."""
    return st.lists(inner) | st.dictionaries(st.text(), inner)


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@given(LEAVES | containers(LEAVES | containers(LEAVES | containers(LEAVES))))
def test_anything_plain_is_json(value):
    """Whatever a summary holds, strict JSON comes out."""
    json.loads(json.dumps(plain(value), allow_nan=False))


def test_a_failed_write_keeps_the_old_file(tmp_path):
    """When writing breaks off, the old content stays and no temporary file is left."""
    target = tmp_path / "file"
    target.write_text("old")

    def write() -> None:
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_is_told_by_name(tmp_path, monkeypatch):
    """A write that the disk refuses names the file and the reason."""

    def full(_):
        raise OSError(28, "No space left on device")

    folder = RunFolder.create(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunFolderError, match=r"summary.json: cannot be written \(No space left on device\)"):
        folder.write_json("summary.json", {})
    assert list(tmp_path.iterdir()) == []


def test_files_stay_inside(tmp_path):
    """Names inside a subfolder are fine, names that lead out are not."""
    folder = RunFolder.create(tmp_path / "run")
    assert folder.write_bytes("figures/a.png", b"x").read_bytes() == b"x"
    for name in ("../a", "/a", ""):
        with pytest.raises(ValueError, match="is no name inside a run folder"):
            folder.write_bytes(name, b"")


def test_checksums_cover_what_is_there(tmp_path):
    """Checksums are given for those files that exist."""
    folder = RunFolder.create(tmp_path)
    folder.write_text("summary.json", "{}")
    assert folder.checksums() == {"summary.json": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}
    assert sha256(tmp_path / "summary.json") == folder.checksums()["summary.json"]


def test_open_wants_a_run(tmp_path):
    """Opening nothing, a file, or a folder of something else is refused."""
    with pytest.raises(RunFolderError, match="no such run folder"):
        RunFolder.open(tmp_path / "none")
    with pytest.raises(RunFolderError, match=r"it has no manifest\.json"):
        RunFolder.open(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    assert RunFolder.open(tmp_path).path == tmp_path
    with pytest.raises(RunFolderError, match="is a file"):
        RunFolder.open(tmp_path / "manifest.json")


@pytest.mark.parametrize("content, message", [("{", "is damaged, no JSON"), ("[1]", "holds a list"), (None, "cannot be read")])
def test_damaged_json_is_told(tmp_path, content, message):
    """A missing, broken or foreign JSON file is named."""
    if content is not None:
        (tmp_path / "summary.json").write_text(content)
    with pytest.raises(RunFolderError, match=message):
        RunFolder(tmp_path).read_json("summary.json")


def test_a_folder_is_held_by_one(tmp_path):
    """A folder that is held is refused to others until the block ends; a new one must be empty still."""
    folder = RunFolder.create(tmp_path / "run")
    with folder.held(new=True) as locked:
        assert locked
        with pytest.raises(RunFolderError, match="another process is writing this run"), RunFolder(folder.path).held():
            pass
    (folder.path / "x").write_text("somebody was faster")
    with pytest.raises(RunFolderError, match="exists and is not empty"), folder.held(new=True):
        pass
    with folder.held() as locked:
        assert locked


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch):
    """Where the operating system cannot lock the folder, the block is entered all the same, and knows."""

    def refuse(handle, how):
        raise OSError(errno.ENOLCK, f"no locks for {handle}, {how}")

    monkeypatch.setattr("fcntl.flock", refuse)
    with RunFolder.create(tmp_path / "run").held() as locked:
        assert not locked


def test_a_folder_that_is_gone_cannot_be_held(tmp_path):
    """A folder that does not exist any more is an error that names it."""
    with pytest.raises(RunFolderError, match=r"gone: cannot be used \(No such file or directory\)"), RunFolder(tmp_path / "gone").held():
        pass


def test_unfinished_files_are_tidied_away(tmp_path):
    """What a killed process had not finished writing goes, beside the files and beside the checkpoints; nothing else does."""
    folder = RunFolder.create(tmp_path / "run")
    folder.write_text("checkpoint/000001.npz", "whole")
    folder.write_text("notes.tmp", "mine")
    for name in (".traces.nc.12.tmp", "checkpoint/.000002.npz.12.tmp"):
        folder.file(name).write_text("half")
    folder.tidy()
    assert sorted(path.name for path in folder.path.rglob("*") if path.is_file()) == ["000001.npz", "notes.tmp"]
    folder.remove("notes.tmp", "nothing")
    assert not (folder.path / "notes.tmp").exists()


@pytest.mark.parametrize("there", [(), (".writable",), (".manifest.json.12.tmp",), ("manifest.json",), ("manifest.json", "scenario.toml")])
def test_a_run_that_was_killed_before_it_began_makes_room(tmp_path, there):
    """What a process left that was killed before it had written what was to be run is cleared away for the next one."""
    folder = RunFolder.create(tmp_path / "run")
    content = {"status": "running", "files": {"scenario.toml": "a", "prices.toml": "b"}}
    for name in there:
        (folder.path / name).write_text(json.dumps(content))
    with RunFolder.create(folder.path).held(new=True):
        assert list(folder.path.iterdir()) == []


@pytest.mark.parametrize("change", [{"status": "failed"}, {"files": {"scenario.toml": "a"}}, {"files": None}])
def test_a_run_that_had_begun_makes_no_room(tmp_path, change):
    """A folder that says what was to be run, or how it ended, is somebody's."""
    content = {"status": "running", "files": {"scenario.toml": "a", "prices.toml": "b"}} | change
    for name in ("manifest.json", "scenario.toml"):
        (tmp_path / name).write_text(json.dumps(content))
    with pytest.raises(RunFolderError, match="exists and is not empty"):
        RunFolder.create(tmp_path)


def test_a_scenario_of_the_users_own_is_nobody_elses(tmp_path):
    """A folder that holds a scenario and no manifest is not ours to clear."""
    (tmp_path / "scenario.toml").write_text("seed = 1")
    with pytest.raises(RunFolderError, match="exists and is not empty"):
        RunFolder.create(tmp_path)
