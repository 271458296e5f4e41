"""Disks that are full, and folders that cannot be written: a clear message, and the last good state intact."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chipsim.analysis.run import load_run
from chipsim.errors import RunFolderError, SimulationError
from chipsim.run import checkpoint, folder
from chipsim.run.checkpoint import read_checkpoint
from chipsim.run.resume import resume
from chipsim.run.simulate import simulate
from chipsim.scenario import Scenario

SMALL = ["data.train_images=200", "data.test_images=50", "network.layers=[528,16,10]", "training.epochs=1", "training.window=10", "record.segment=50"]
OFTEN = 'checkpoint.every="20 images"'
FILES = ["scenario.toml", "prices.toml", "manifest.json", "summary.json", "traces.nc", "weights.npz", "000001.npz", "000004.npz"]


@pytest.fixture
def scenario():
    """Return a scenario of a second, with ten checkpoints."""
    return Scenario.load("mnist-5k", [*SMALL, OFTEN])


@pytest.fixture
def full(monkeypatch):
    """Return a function that lets the disk be full when a file of some name is to be written the nth time, from then on."""

    def fill(name, number):
        seen, to_disk = 0, folder._to_disk

        def refuse(path):
            nonlocal seen
            seen += f".{name}." in path.name
            if seen >= number:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            to_disk(path)

        monkeypatch.setattr(folder, "_to_disk", refuse)
        return lambda: monkeypatch.setattr(folder, "_to_disk", to_disk)

    return fill


@pytest.mark.parametrize("name", FILES)
def test_a_disk_that_fills_up_stops_a_run_and_loses_nothing(scenario, full, same, tried, tmp_path, name):
    """Whichever file there is no room for, the run stops with its name; with room again it is resumed to the same bytes, or was never begun."""
    whole = simulate(scenario, tmp_path / "whole")
    empty = full(name, 1)
    with pytest.raises((SimulationError, RunFolderError), match=r"cannot be written \(No space left on device\)") as caught:
        simulate(scenario, tmp_path / "run")
    assert name in str(caught.value)
    empty()
    _resumed_or_begun(scenario, tmp_path / "run", caught.value)
    same(tmp_path / "run", whole.path)
    tried["disk full"] += 1


@pytest.mark.reliability
@pytest.mark.parametrize("number", range(2, 12))
def test_a_disk_that_fills_up_later_loses_nothing_either(scenario, full, same, tried, tmp_path, number):
    """So it is at every later checkpoint."""
    whole = simulate(scenario, tmp_path / "whole")
    name = f"{number - 1:06d}.npz"
    empty = full(name, 1)
    with pytest.raises(SimulationError, match=name) as caught:
        simulate(scenario, tmp_path / "run")
    empty()
    _resumed_or_begun(scenario, tmp_path / "run", caught.value)
    same(tmp_path / "run", whole.path)
    tried["disk full"] += 1


def _resumed_or_begun(scenario, place, error):
    assert not list(place.rglob("*.tmp"))
    for path in place.glob("checkpoint/*.npz"):
        read_checkpoint(path)
    if isinstance(error, SimulationError):
        assert f"the last good state is kept, and when this is mended: chipsim resume {place}" in str(error)
        assert resume(place).status == "done"
    else:  # it had not begun, and has left nothing
        assert not list(place.iterdir())
        simulate(scenario, place)


# ---- a small disk that is really full -----------------------------------------------------------------------------------


ON_A_SMALL_DISK = """
set -e
mkdir -p {disk}
mount -t tmpfs -o size={size} none {disk}
{python} -P -m chipsim run mnist-5k {settings} --out {disk}/run --quiet 2> {said} && code=0 || code=$?
echo $code > {code}
cp -r {disk}/run {kept} 2>/dev/null || true
{python} -P -m chipsim resume {disk}/run --quiet 2>> {said} && code=0 || code=$?
echo $code >> {code}
mount -o remount,size=64m {disk}
{python} -P -m chipsim resume {disk}/run --quiet 2>> {said} && code=0 || code=$?
echo $code >> {code}
cp -r {disk}/run {done} 2>/dev/null || true
"""


@pytest.fixture
def namespace():
    """Return the command that runs a shell in which a small disk can be mounted, where that is allowed."""
    command = ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        subprocess.run([*command, "mount", "-t", "tmpfs", "-o", "size=64k", "none", "/mnt"], check=True, capture_output=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        pytest.skip("needs util-linux and a kernel that lets a user mount a tmpfs of his own")
    return command


SIZES = [(size, OFTEN) for size in ("600k", "300k", "900k")] + [(size, "checkpoint.enabled=false") for size in ("60k", "120k", "200k", "300k")]


@pytest.mark.parametrize("size, often", [SIZES[0], SIZES[-1], *(pytest.param(*case, marks=pytest.mark.reliability) for case in SIZES[1:-1])])
def test_a_small_disk_that_is_really_full(namespace, same, tried, tmp_path, size, often):
    """On a tmpfs without room for checkpoints, or for the results, a run stops and says so; with more room it goes on to the same bytes."""
    whole = simulate(Scenario.load("mnist-5k", [*SMALL, often]), tmp_path / "whole")
    names = {name: tmp_path / name for name in ("disk", "said", "code", "kept", "done")}
    settings = " ".join(f"--set '{text}'" for text in (*SMALL, often))
    script = ON_A_SMALL_DISK.format(python=sys.executable, size=size, settings=settings, **names)
    done = subprocess.run([*namespace, "sh", "-c", script], check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    said = names["said"].read_text()
    assert names["code"].read_text().split() == ["1", "1", "0"], said
    assert "No space left on device" in said
    assert "Traceback" not in said
    for path in names["kept"].glob("checkpoint/*.npz"):
        read_checkpoint(path)
    same(names["done"], whole.path)
    tried["disk full (a real one)"] += 2


# ---- folders that cannot be written -------------------------------------------------------------------------------------


def test_a_folder_that_becomes_read_only_stops_a_run_and_loses_nothing(scenario, same, tried, tmp_path, monkeypatch):
    """Where the folder of checkpoints cannot be written any more, the run stops with its name, and can be resumed later."""
    whole = simulate(scenario, tmp_path / "whole")
    write = checkpoint._write_archive

    def refused(path, state, arrays):
        if path.name.startswith(".000003"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        write(path, state, arrays)

    monkeypatch.setattr(checkpoint, "_write_archive", refused)
    with pytest.raises(SimulationError, match=r"000003\.npz: cannot be written \(Permission denied\)"):
        simulate(scenario, tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["status"] == "failed"
    assert "Permission denied" in manifest["reason"]
    assert load_run(tmp_path / "run").summary["images"] == 60
    monkeypatch.setattr(checkpoint, "_write_archive", write)
    same(resume(tmp_path / "run").path, whole.path)
    tried["folder read-only"] += 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_run_is_not_resumed(scenario, tried, tmp_path, relabelled):
    """A run in a folder without write permission is refused before anything is done."""
    relabelled(simulate(scenario, tmp_path / "run").path, status="interrupted")
    (tmp_path / "run").chmod(0o555)
    try:
        with pytest.raises(RunFolderError, match="cannot be written"):
            resume(tmp_path / "run")
    finally:
        (tmp_path / "run").chmod(0o755)
    tried["folder read-only"] += 1


def test_python_is_the_one_that_runs_the_tests():
    """The processes of these tests run the same chipsim as the tests do."""
    found = subprocess.run([sys.executable, "-P", "-c", "import chipsim; print(chipsim.__file__)"], check=True, capture_output=True, text=True).stdout.strip()
    assert Path(found).resolve() == Path(sys.modules["chipsim"].__file__ or "").resolve()
