"""The manifest: versions, machine, revision, and how a run ended."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import datetime
from importlib import metadata

import pytest

import chipsim
from chipsim.run.folder import RunFolder
from chipsim.run.provenance import Manifest, Stopwatch, git_revision, processor, versions


def test_a_run_begins_and_ends(tmp_path):
    """A manifest starts as running, ends with status, reason and checksums, and is JSON throughout."""
    folder = RunFolder.create(tmp_path / "run")
    manifest = Manifest.begin(seed=7, command=["chipsim", "run", "x"]).with_data({"a.npz": "00"})
    folder.write_json("manifest.json", manifest.to_dict())
    begun = json.loads((folder.path / "manifest.json").read_text())
    assert (begun["schema"], begun["status"], begun["ended"], begun["seed"]) == (1, "running", None, 7)
    ended = manifest.end("interrupted", "Ctrl-C", 1.5, {"summary.json": "11"}).to_dict()
    assert (ended["status"], ended["reason"], ended["wall_time_s"]) == ("interrupted", "Ctrl-C", 1.5)
    assert ended["data"] == {"a.npz": "00"}
    assert ended["files"] == {"summary.json": "11"}
    assert ended["command"] == ["chipsim", "run", "x"]
    assert datetime.fromisoformat(ended["started"]) <= datetime.fromisoformat(ended["ended"])


def test_versions_are_those_installed():
    """The versions are those of the installed packages; one that is missing is left out."""
    found = versions()
    assert found["chipsim"] == chipsim.__version__
    assert found["numpy"] == metadata.version("numpy")
    assert "python" in found
    assert None not in found.values()


def test_missing_packages_are_left_out(monkeypatch):
    """A package that is not installed has no version."""

    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert set(versions()) == {"chipsim", "python"}


def test_processor_name(tmp_path):
    """The processor's name is read where the system tells it, or else the architecture is given."""
    (tmp_path / "cpuinfo").write_text("vendor_id\t: X\nmodel name\t: Fast Chip 3000\n")
    assert processor(tmp_path / "cpuinfo") == "Fast Chip 3000"
    assert processor(tmp_path / "none")


def test_no_revision_outside_a_checkout(tmp_path):
    """Sources that are no checkout of their own have no revision, not that of a repository around them."""
    (tmp_path / ".git").mkdir()
    package = tmp_path / "env" / "chipsim"
    package.mkdir(parents=True)
    assert git_revision(package) is None


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_revision_of_a_checkout(tmp_path):
    """A checkout has the revision of its last commit, marked where files have changed since."""
    package = tmp_path / "chipsim"
    package.mkdir()
    source = package / "__init__.py"
    source.write_text("")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    assert git_revision(package) is None
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "x"], check=True)
    clean = git_revision(package)
    assert clean is not None
    assert len(clean) == 40
    source.write_text("changed")
    assert git_revision(package) == f"{clean}-dirty"


def test_stopwatch_never_runs_backwards():
    """Elapsed time starts at zero or above and does not fall."""
    watch = Stopwatch()
    first = watch.elapsed()
    assert 0 <= first <= watch.elapsed()
