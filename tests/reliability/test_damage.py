"""Checkpoints cut, flipped and forged: each is noticed, and never believed."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
import shutil
import zipfile

import numpy as np
import pytest

from chipsim.errors import RunFolderError
from chipsim.run.checkpoint import prune, read_checkpoint
from chipsim.run.resume import resume
from chipsim.run.simulate import simulate
from chipsim.scenario import Scenario

SMALL = ["data.train_images=150", "data.test_images=50", "network.layers=[528,12,10]", "training.epochs=1", "training.window=10", "record.segment=50"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the folder of a whole run with its last two checkpoints."""
    scenario = Scenario.load("mnist-5k", [*SMALL, 'checkpoint.every="20 images"', "transfer.every=60 images"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chipsim.run.session.prune", lambda folder, keep: prune(folder, max(keep, 2)))
        return simulate(scenario, tmp_path_factory.mktemp("damage") / "whole").path


@pytest.fixture
def broken_off(whole, tmp_path, relabelled):
    """Return a copy of the run as a kill would have left it, and its newest checkpoint."""
    place = relabelled(shutil.copytree(whole, tmp_path / "run"), status="running", ended=None, files={})
    return place, max((place / "checkpoint").iterdir())


def damages(content, count, seed):
    """Yield so many damaged copies: cut at some byte, with one bit flipped, with a block of zeros, with something behind it."""
    dice = np.random.default_rng(seed)
    for number in range(count):
        at = int(dice.integers(len(content)))
        if number % 4 == 0:
            yield content[:at]
        elif number % 4 == 1:
            yield content[:at] + bytes([content[at] ^ (1 << int(dice.integers(8)))]) + content[at + 1 :]
        elif number % 4 == 2:
            block = content[at : at + 512]
            yield content[:at] + (bytes(len(block)) if any(block) else b"\1" * len(block)) + content[at + 512 :]
        else:
            yield content + dice.bytes(1 + at % 100)


@pytest.mark.parametrize("count", [60, pytest.param(2000, marks=pytest.mark.reliability)])
def test_damage_anywhere_in_a_checkpoint_is_noticed(broken_off, tried, count):
    """Wherever a checkpoint is cut, flipped, zeroed or lengthened it is refused by its checksum."""
    _, newest = broken_off
    for damaged in damages(newest.read_bytes(), count, seed=count):
        newest.write_bytes(damaged)
        with pytest.raises(RunFolderError, match="is damaged, its checksum is not that of its content"):
            read_checkpoint(newest)
        tried["checkpoint damaged"] += 1


@pytest.mark.parametrize("count", [4, pytest.param(40, marks=pytest.mark.reliability)])
def test_a_run_with_a_damaged_checkpoint_loses_nothing(broken_off, whole, same, tried, tmp_path, count):
    """The one before it is used, and the run ends with the same bytes."""
    place, newest = broken_off
    for number, damaged in enumerate(damages(newest.read_bytes(), count, seed=count + 1)):
        copy = tmp_path / f"copy-{number}"
        shutil.copytree(place, copy)
        (copy / "checkpoint" / newest.name).write_bytes(damaged)
        same(resume(copy).path, whole)
        shutil.rmtree(copy)
        tried["checkpoint damaged, run resumed from the one before"] += 1


# ---- forged: with a checksum that is right ------------------------------------------------------------------------------


def sealed(content):
    """Return an archive with the checksum that a checkpoint carries."""
    buffer = io.BytesIO(content)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = b"0" * 64
    content = buffer.getvalue()[:-64]
    return content + hashlib.sha256(content).hexdigest().encode()


def opened(path):
    """Return the plain data and the arrays of a checkpoint."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return json.loads(arrays.pop("state.json").tobytes()), arrays


def forge(path, state, arrays):
    """Write a checkpoint of these, with a checksum that is right."""
    buffer = io.BytesIO()
    np.savez(buffer, **{"state.json": np.frombuffer(json.dumps(state).encode(), dtype=np.uint8)}, **arrays)
    path.write_bytes(sealed(buffer.getvalue()))


def _key(state, *keys):
    for key in keys[:-1]:
        state = state[key]
    return state, keys[-1]


FORGERIES = {
    "a newer layout": (("format",), 99, "has layout 99, this version of chipsim knows 1"),
    "text for a number": (("images",), "many", "images: str found, int expected"),
    "truth for a number": (("state", "now_ps"), True, "state.now_ps: bool found, int expected"),
    "no list": (("state", "transfer", "jobs"), 3, "state.transfer.jobs: int found, list expected"),
    "an unknown stage": (("state", "transfer", "jobs"), [{"stage": "tea"}], "has other parts than this version of chipsim knows"),
    "an array that is not there": (("kept", "awake"), [{"array": "nowhere"}], "its array is missing"),
    "columns of other lengths": (("kept", "evaluations", "rows"), 1000, "columns differ in length"),
    "a table that is none": (("kept", "evaluations"), {"rows": 0}, "columns"),
}


@pytest.mark.parametrize("what", FORGERIES)
def test_plain_data_of_another_layout_are_refused(broken_off, tried, what):
    """What no version of chipsim would have written is named, part by part, also where the checksum is right."""
    _, newest = broken_off
    keys, value, told = FORGERIES[what]
    state, arrays = opened(newest)
    forge(newest, state, arrays)
    read_checkpoint(newest)  # what is forged as it was is believed
    table, key = _key(state, *keys)
    table[key] = value
    forge(newest, state, arrays)
    with pytest.raises(RunFolderError, match=newest.name) as caught:
        read_checkpoint(newest)
    assert told in str(caught.value)
    tried["checkpoint forged"] += 1


@pytest.mark.parametrize("change", ["shape", "type", "missing", "unknown"])
def test_arrays_of_another_chip_are_refused(broken_off, tried, change):
    """Arrays that are not those of the scenario's chip are named before anything is run."""
    place, newest = broken_off
    state, arrays = opened(newest)
    name = "chip.cells.pcm"
    if change == "shape":
        arrays[name] = arrays[name][:-1]
    elif change == "type":
        arrays[name] = arrays[name].astype(np.float64)
    elif change == "missing":
        del arrays[name]
    else:
        arrays["chip.cells.other"] = arrays[name]
    forge(newest, state, arrays)
    with pytest.raises(Exception, match=r"does not fit the scenario: .*cells\.") as caught:
        resume(place)
    assert "cells.pcm" in str(caught.value) or "cells.other" in str(caught.value)
    tried["checkpoint forged"] += 1


class Marker:
    """Something that would leave a mark if it were unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_pickles_are_never_opened(broken_off, tried, tmp_path):
    """An array of pickled objects is refused without running what is in it."""
    _, newest = broken_off
    state, arrays = opened(newest)
    arrays["chip.cells.pcm"] = np.array([Marker(tmp_path / "mark")], dtype=object)
    buffer = io.BytesIO()
    np.savez(buffer, **{"state.json": np.frombuffer(json.dumps(state).encode(), dtype=np.uint8)}, **arrays)
    newest.write_bytes(sealed(buffer.getvalue()))
    with pytest.raises(RunFolderError, match="allow_pickle"):
        read_checkpoint(newest)
    newest.write_bytes(sealed(pickle.dumps(Marker(tmp_path / "mark"))))
    with pytest.raises(RunFolderError):
        read_checkpoint(newest)
    assert not (tmp_path / "mark").exists()
    tried["checkpoint forged"] += 2


def test_an_archive_that_is_larger_inside_than_outside_is_refused(broken_off, tried):
    """Compressed arrays, and headers that promise more than there is, cost no memory: they are refused."""
    _, newest = broken_off
    state, arrays = opened(newest)
    buffer = io.BytesIO()
    text = np.frombuffer(json.dumps(state).encode(), dtype=np.uint8)
    np.savez_compressed(buffer, **{"state.json": text, "bomb": np.zeros(1 << 24, dtype=np.uint8)}, **arrays)
    newest.write_bytes(sealed(buffer.getvalue()))
    with pytest.raises(RunFolderError, match="what it holds is larger than the file"):
        read_checkpoint(newest)
    lying = io.BytesIO()
    np.lib.format.write_array_header_1_0(lying, {"descr": "<f8", "fortran_order": False, "shape": (1 << 44,)})
    buffer = io.BytesIO()
    np.savez(buffer, **{"state.json": text}, **arrays)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("huge.npy", lying.getvalue())
    newest.write_bytes(sealed(buffer.getvalue()))
    with pytest.raises(RunFolderError, match=newest.name):
        read_checkpoint(newest)
    tried["checkpoint forged"] += 2


def test_what_is_no_archive_is_refused(broken_off, tried):
    """Bytes with a checksum that is right, but no archive, are damaged, too."""
    _, newest = broken_off
    content = b"no archive at all"
    newest.write_bytes(content + hashlib.sha256(content).hexdigest().encode())
    with pytest.raises(RunFolderError, match=newest.name):
        read_checkpoint(newest)
    tried["checkpoint forged"] += 1
