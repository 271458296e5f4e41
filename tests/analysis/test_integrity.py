"""Damage to a run that has ended: cut short, one bit flipped, gone; every file, told by its name, and never wrong numbers in silence."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from chipsim.analysis.integrity import SEAL, check_manifest, sealed
from chipsim.analysis.run import load_run, open_run
from chipsim.errors import InputError, RunFolderError

FILES = ("scenario.toml", "summary.json", "traces.nc", "weights.npz")
CUTS, FLIPS = 20, 40
MANY = pytest.param(480, 1500, marks=pytest.mark.reliability)


@pytest.fixture
def copy(run, tmp_path):
    """Return a copy of it."""
    return shutil.copytree(run, tmp_path / "copy")


def damages(content, name, cuts=CUTS, flips=FLIPS):
    """Yield a file cut short in many places, and with one of its bits flipped in many others."""
    rng = np.random.default_rng(list(name.encode()))
    for cut in {0, 1, len(content) - 1, *(len(content) * part // cuts for part in range(1, cuts))}:
        yield f"cut after {cut} bytes", content[:cut]
    for _ in range(flips):
        byte, bit = int(rng.integers(len(content))), int(rng.integers(8))
        yield f"bit {bit} of byte {byte} flipped", content[:byte] + bytes([content[byte] ^ 1 << bit]) + content[byte + 1 :]


def told(folder):
    """Return what a run tells: summary, scenario, and enough of its traces to see that they can be read."""
    run = load_run(folder)
    return repr((run.summary, run.scenario.model_dump_json(), run.groups, run["energy"]["counts"].tolist()))


def attempt(read, folder):
    """Return what reading a folder gave, or the error that was raised on purpose."""
    try:
        return read(folder)
    except InputError as error:
        return error


@pytest.mark.parametrize("cuts, flips", [(CUTS, FLIPS), MANY])
@pytest.mark.parametrize("name", FILES)
def test_any_damage_to_a_file_is_told_by_its_name(copy, name, cuts, flips):
    """Whatever is cut off or flipped, loading ends with the file's path, both checksums and what can be done."""
    content = (copy / name).read_bytes()
    for what, damaged in damages(content, name, cuts, flips):
        (copy / name).write_bytes(damaged)
        with pytest.raises(RunFolderError) as caught:
            load_run(copy)
        assert str(caught.value).startswith(f"{copy / name}: is damaged, it is not what the run wrote: its sha256 is "), what
    assert "restore the file from a copy, or run " in str(caught.value)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_told_by_its_name(copy, name):
    """A file that the manifest names and that is gone is told, also where nothing reads it."""
    (copy / name).unlink()
    with pytest.raises(RunFolderError, match=rf"{name}: is missing, though manifest.json names it"):
        load_run(copy)


def test_every_fault_is_told_at_once(copy):
    """Several damaged files are told together, a line each."""
    for name in FILES[:3]:
        (copy / name).write_bytes(b"")
    with pytest.raises(RunFolderError) as caught:
        load_run(copy)
    assert [line.split(": ")[0] for line in str(caught.value).splitlines()] == [str(copy / name) for name in FILES[:3]]


def test_damage_to_a_manifest_never_changes_a_result(copy):
    """A manifest that is cut short or flipped is told, or the checksum that was hit is, or it is as whole as before where results are concerned."""
    path = copy / "manifest.json"
    content, before = path.read_bytes(), told(copy)
    found = []
    for what, damaged in damages(content, "manifest.json"):
        path.write_bytes(damaged)
        found.append(attempt(told, copy))
        assert found[-1] == before or str(found[-1]).startswith(str(copy)), what
    assert sum(isinstance(end, RunFolderError) for end in found) > CUTS


def test_a_sealed_manifest_tells_all_damage_to_it(copy):
    """Where a manifest carries its own checksum, what it says of seed, versions, data and times is what was written, or is refused."""
    path = copy / "manifest.json"
    manifest = sealed(json.loads(path.read_text(encoding="utf-8")))
    content = json.dumps(manifest, indent=2).encode()
    for what, damaged in damages(content, "manifest.json"):
        path.write_bytes(damaged)
        found = attempt(load_run, copy)
        if isinstance(found, RunFolderError):
            assert str(found).startswith(str(path)), what
        else:
            assert unsealed(found.manifest, manifest) == unsealed(manifest, manifest), what


def unsealed(content, names):
    """Return what a manifest says under the keys of another, without its own checksum."""
    return {key: content.get(key) for key in names if key != SEAL}


def test_a_seal_holds_for_content_not_for_layout(tmp_path):
    """Sealing again changes nothing; other order and other spaces are the same manifest, another seed is not."""
    manifest = sealed({"schema": 1, "status": "running", "seed": 1, "wall_time_s": 0.1, "host": {"b": 1, "a": "é"}})
    assert sealed(manifest) == manifest
    shuffled = json.loads(json.dumps(dict(reversed(manifest.items())), indent=7))
    check_manifest(shuffled, tmp_path / "manifest.json")
    with pytest.raises(RunFolderError, match="the checksum that it carries of itself is another"):
        check_manifest({**shuffled, "seed": 3}, tmp_path / "manifest.json")


@pytest.mark.parametrize(
    "change,message",
    [
        ({"status": "dome"}, "status 'dome' found; one of running, done, failed, interrupted expected"),
        ({"status": ["done"]}, r"status \['done'\] found"),
        ({"files": None}, "files: the names of files"),
        ({"files": {"traces.nc": "12ab"}}, "files: the names of files"),
        ({"files": {"../traces.nc": "0" * 64}}, "files: the names of files"),
        ({"files": {"/etc/hostname": "0" * 64}}, "files: the names of files"),
        ({"files": {"a\0b": "0" * 64}}, "files: the names of files"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused(copy, change, message, relabelled):
    """Another status, no checksums, checksums that are none, and names that lead out of the folder are damage to the manifest."""
    relabelled(copy, **change)
    with pytest.raises(RunFolderError, match=rf"manifest.json: is damaged.*{message}"):
        load_run(copy)


def test_a_file_that_only_the_manifest_knows_is_no_fault(copy, rewritten):
    """A later version may keep more: its files are checked as all others are."""
    manifest = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))
    (copy / "more.bin").write_bytes(b"more")
    (copy / "manifest.json").write_text(json.dumps(manifest | {"files": manifest["files"] | {"more.bin": ""}}), encoding="utf-8")
    assert load_run(rewritten(copy)).status == "done"
    (copy / "more.bin").write_bytes(b"less")
    with pytest.raises(RunFolderError, match=r"more.bin: is damaged"):
        load_run(copy)


def test_a_run_that_goes_on_is_read_without_checksums(copy, relabelled):
    """While a run goes on its files are newer than its manifest, which is no fault."""
    relabelled(copy, status="running")
    summary = json.loads((copy / "summary.json").read_text(encoding="utf-8"))
    (copy / "summary.json").write_text(json.dumps(summary | {"images": 7}), encoding="utf-8")
    assert load_run(copy).summary["images"] == 7


@pytest.mark.parametrize("name", ["summary.json", "traces.nc"])
def test_a_file_cut_short_in_a_run_that_goes_on_is_told(copy, name, relabelled):
    """Without checksums, too, what cannot be read is an error with the name of the file, not one of some library."""
    relabelled(copy, status="running")
    content = (copy / name).read_bytes()
    for part in range(CUTS):
        (copy / name).write_bytes(content[: len(content) * part // CUTS])
        with pytest.raises(InputError, match=name):
            told(copy)


def test_what_is_whole_can_be_opened_without_the_rest(copy):
    """`open_run` leaves out what is damaged, and says so; what is whole can be read."""
    (copy / "summary.json").write_text('{"images": 3}', encoding="utf-8")
    run = open_run(copy)
    assert list(run.faults) == ["summary.json"]
    assert run.summary == {}
    assert len(run["energy"]["images"])


def test_a_newer_layout_is_opened_as_far_as_it_can_be(copy, relabelled):
    """`open_run` says that a run is from a newer chipsim; `load_run` refuses it."""
    relabelled(copy, schema=99)
    run = open_run(copy)
    assert list(run.faults) == ["manifest.json"]
    assert run.summary["images"] == 40
    with pytest.raises(RunFolderError, match="newer chipsim, schema 99"):
        load_run(copy)
