"""`chipsim compare`: tables, JSON and exit codes."""

from __future__ import annotations

import json
import shutil

import pytest

from chipsim.run.simulate import simulate
from chipsim.scenario import Scenario

CHANGES = ["data.crop=[10,10]", "network.layers=[100,8,10]", "data.train_images=40", "data.test_images=10", "training.epochs=1"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Return the folders of two small runs of different seeds, and a copy of the first."""
    parent = tmp_path_factory.mktemp("runs")
    for name, change in (("one", "seed=1"), ("other", "seed=2")):
        simulate(Scenario.load("mnist-5k", [*CHANGES, change]), parent / name)
    shutil.copytree(parent / "one", parent / "copy")
    return parent


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    """Let no line be folded, however long the names of temporary folders are."""
    monkeypatch.setenv("COLUMNS", "500")


def test_the_same_runs_need_no_tables(chipsim, runs):
    """Of two runs that are the same, what they are and the verdict is all there is to say."""
    result = chipsim("compare", runs / "one", runs / "copy", "--require-same")
    assert result.exit_code == 0
    assert result.stdout.rstrip().endswith("same inputs, same results byte for byte")
    assert "differ" not in result.stdout


def test_differences_are_told_in_tables(chipsim, runs):
    """Inputs with their origins, the most different results, arrays with their first difference, and how much is left out."""
    result = chipsim("compare", runs / "one", runs / "other")
    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "seed 1 2 --set #6 --set #6 can change results" in lines
    assert any(line.startswith("results that differ, of ") for line in lines)
    assert any(line.startswith("traces and weights: ") and line.endswith("more with --all)") for line in lines)
    assert any(line.startswith("weights.weight_0 values ") for line in lines)
    assert lines[-1].startswith("different inputs (1 that can change results), different results (")


def test_all_leaves_nothing_out(chipsim, runs):
    """With --all every difference has a row, and arrays that are the same have one, too."""
    some, everything = (chipsim("compare", runs / "one", runs / "other", *more).stdout for more in ((), ("--all",)))
    assert "--all" not in everything
    assert len(everything.splitlines()) > len(some.splitlines())
    assert any(line.split()[:3] == ["accuracy.images", "same", "bytes"] for line in everything.splitlines())


def test_json_holds_everything(chipsim, runs):
    """JSON on stdout is the whole comparison and nothing else."""
    content = json.loads(chipsim("compare", runs / "one", runs / "other", "--json").stdout)
    assert content["inputs"][0]["key"] == "seed"
    assert not content["same_results"]
    assert len(content["figures"]) > 20


def test_different_results_fail_only_when_sameness_is_required(chipsim, runs):
    """The comparison itself has succeeded: exit code 0; 1 if the results must be the same, or cannot be known to be."""
    assert chipsim("compare", runs / "one", runs / "other").exit_code == 0
    assert chipsim("compare", runs / "one", runs / "other", "--require-same").exit_code == 1
    assert chipsim("compare", runs / "one", runs / "other", "--require-same", "--json").exit_code == 1


def test_a_damaged_run_is_not_the_same(chipsim, runs, tmp_path):
    """What cannot be read is listed, and is not the same."""
    folder = shutil.copytree(runs / "one", tmp_path / "copy")
    (folder / "traces.nc").write_bytes(b"")
    result = chipsim("compare", runs / "one", folder, "--require-same")
    assert result.exit_code == 1
    assert f"not compared: B: {folder / 'traces.nc'}: is damaged, it is not what the run wrote" in result.stdout
    assert result.stdout.rstrip().endswith("same inputs, same results as far as they could be compared")


def test_what_is_no_run_is_wrong_input(chipsim, runs, tmp_path):
    """A folder that is none of a run, or a damaged manifest, ends with exit code 2 and one line."""
    for folder in (tmp_path / "none", tmp_path):
        result = chipsim("compare", runs / "one", folder)
        assert (result.exit_code, result.stdout) == (2, "")
        assert len(result.stderr.splitlines()) == 1
    (tmp_path / "manifest.json").write_text("{", encoding="utf-8")
    assert "manifest.json: is damaged" in chipsim("compare", tmp_path, runs / "one").stderr
