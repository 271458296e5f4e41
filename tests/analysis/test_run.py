"""Reading a run back from its folder."""

from __future__ import annotations

import builtins
import re

import numpy as np
import pytest

from chipsim import load_run
from chipsim.analysis.traces import MissingTraceError
from chipsim.errors import InputError, RunFolderError


def test_arrays_summary_and_manifest(run_path):
    """A run gives its groups, arrays with units, summary and manifest."""
    run = load_run(run_path)
    assert run.groups == ("accuracy", "energy")
    assert run["accuracy"]["accuracy"].tolist() == [0.1, 0.9]
    assert run["accuracy"]["time"].tolist() == [0.0, 1e-3]
    assert run["accuracy"]["label"].tolist() == ["start", "end"]
    assert run["accuracy"].units("time") == "s"
    assert run["accuracy"].long_name("accuracy") == "test accuracy"
    assert run["accuracy"].dims("accuracy") == ("evaluation",)
    assert len(run["accuracy"]) == 5
    assert "accuracy" in run
    assert "probe" not in run
    assert (run.status, run.summary["images"], run.manifest["seed"]) == ("done", 60000, 1)


def test_values_are_read_on_demand(run_path):
    """Loading reads no array: a file that is gone later shows only when an array is asked for."""
    run = load_run(run_path)
    (run_path / "traces.nc").unlink()
    assert next(iter(run["accuracy"])) == "time_s"
    with pytest.raises(RunFolderError, match=r"traces.nc"):
        run["accuracy"]["time"]


def test_scenario_comes_back(run_path):
    """The scenario of a run is the one it was run with; a damaged file is named."""
    pytest.importorskip("chipsim.scenario.loading")
    assert load_run(run_path).scenario.title == "small"
    (run_path / "scenario.toml").write_text("title = 3")
    with pytest.raises(RunFolderError, match=r"scenario.toml: is damaged"):
        _ = load_run(run_path).scenario
    (run_path / "scenario.toml").unlink()
    with pytest.raises(RunFolderError, match=r"scenario.toml: is missing"):
        _ = load_run(run_path).scenario


def test_dataset_is_labelled(run_path):
    """A group comes as an xarray Dataset with units."""
    pytest.importorskip("xarray")
    data = load_run(run_path).dataset("accuracy")
    assert data["accuracy"].dims == ("evaluation",)
    assert data["time"].dtype == np.float64
    assert data["time"].attrs["units"] == "s"


def test_without_xarray_the_extra_is_named(run_path, monkeypatch):
    """Where xarray is missing, the message says how to install it."""
    found = builtins.__import__

    def without(name, *rest):
        if name == "xarray":
            raise ImportError(name)
        return found(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"pip install 'chipsim\[xarray\]'"):
        load_run(run_path).dataset("accuracy")


def test_unknown_names_are_told_with_a_near_one(run_path):
    """A wrong group or variable is a clear message and a KeyError, so that mappings behave."""
    run = load_run(run_path)
    with pytest.raises(MissingTraceError, match=r"has no traces 'acuracy'; did you mean 'accuracy'\? it has: accuracy, energy$"):
        run["acuracy"]
    with pytest.raises(KeyError):
        run["accuracy"]["nothing"]
    assert run["accuracy"].get("nothing") is None


def test_repr_is_small(run_path):
    """A run shows its state in one line, and as a small table in notebooks, with names escaped."""
    run = load_run(run_path.rename(run_path.with_name("<b>run")))
    assert re.search(r"<b>run'?: done, test accuracy 97.65%, images 60,000, chip time 0.0144 s\)$", repr(run).replace('"', "'"))
    assert len(run._repr_html_()) < 1500
    assert "<b>run" not in run._repr_html_()
    assert "97.65%" in run._repr_html_()
    assert "accuracy, label" in repr(run["accuracy"])


def test_a_run_that_has_not_ended_can_be_read(run_path, relabelled):
    """A running or interrupted run has an empty summary and the traces written so far, or none."""
    relabelled(run_path, status="interrupted")
    (run_path / "summary.json").unlink()
    (run_path / "traces.nc").unlink()
    run = load_run(run_path)
    assert (run.summary, run.groups, run.status) == ({}, (), "interrupted")


def test_no_run_at_all(tmp_path):
    """A missing folder, a file and a folder of something else are refused, each in its own words."""
    with pytest.raises(RunFolderError, match="no such run folder"):
        load_run(tmp_path / "none")
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunFolderError, match="is a file"):
        load_run(tmp_path / "file")
    with pytest.raises(RunFolderError, match="is no run folder of chipsim"):
        load_run(tmp_path)


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("manifest.json", "{", "manifest.json: is damaged"),
        ("manifest.json", "{}", "schema None found, 1 expected"),
        ("manifest.json", '{"schema": 99, "status": "done"}', "newer chipsim, schema 99"),
        ("manifest.json", '{"schema": 1}', "it has no status"),
        ("summary.json", "[]", "summary.json: is damaged"),
        ("traces.nc", "not HDF5", "traces.nc: is damaged or no NetCDF-4 file"),
    ],
)
def test_damaged_files_are_named(run_path, name, content, message):
    """A damaged or foreign file in the folder is one clear message."""
    (run_path / name).write_text(content)
    with pytest.raises(RunFolderError, match=message):
        load_run(run_path)


def test_truncated_traces_are_named(run_path):
    """A file of traces cut in half is told as damaged."""
    path = run_path / "traces.nc"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(RunFolderError, match=r"traces.nc: is damaged"):
        load_run(run_path)["accuracy"]["accuracy"]


def test_a_done_run_needs_its_summary(run_path):
    """A run that says it is done but has no summary is damaged."""
    (run_path / "summary.json").unlink()
    with pytest.raises(RunFolderError, match=r"summary.json"):
        load_run(run_path)
