"""Two runs side by side: the verdict, and runs of which only a part can be read."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from chipsim.analysis.compare import compare
from chipsim.analysis.run import open_run
from chipsim.run.simulate import simulate
from chipsim.scenario import Scenario

CHANGES = ("data.crop=[10,10]", "network.layers=[100,8,10]", "data.train_images=40", "data.test_images=10", "training.epochs=1", "transfer.every=16 images")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Return a function that gives the folder of a small run with further changes, each run once."""
    parent, known = tmp_path_factory.mktemp("runs"), {}

    def run(*changes):
        if changes not in known:
            known[changes] = simulate(Scenario.load("mnist-5k", [*CHANGES, *changes]), parent / str(len(known))).path
        return known[changes]

    return run


@pytest.fixture
def copy(runs, tmp_path):
    """Return a copy of the plain run."""
    return shutil.copytree(runs(), tmp_path / "copy")


def verdict(a, b):
    """Return the comparison of two folders."""
    return compare(open_run(a), open_run(b))


def test_a_run_is_like_itself(runs, copy):
    """A run and its copy have the same inputs and the same results byte for byte, every figure and every array of them."""
    found = verdict(runs(), copy)
    assert found.verdict == "same inputs, same results byte for byte"
    assert found.same_inputs
    assert found.same_results
    assert found.complete
    assert found.figures_compared > 80
    assert {array.name for array in found.arrays} >= {"energy.counts", "accuracy.accuracy", "weights.npz: w0", "weights.npz: w1"}


def test_windows_and_titles_change_nothing(runs):
    """A run in other windows and with another title has the same inputs, as far as they matter, and the same results."""
    found = verdict(runs(), runs("training.window=3", "title=other"))
    assert found.verdict == "same inputs, same results byte for byte"
    assert {item.key for item in found.inputs if item.part == "scenario"} == {"training.window", "title"}


def test_another_seed_gives_other_results(runs):
    """The seed is an input that decides; figures and arrays that differ are counted."""
    found = verdict(runs(), runs("seed=2"))
    assert [item.name for item in found.inputs if item.weight == "decides"] == ["scenario.seed"]
    unlike = [array for array in found.arrays if not array.same]
    counted = f"{len(found.figures)} of {found.figures_compared} figures, {len(unlike)} of {len(found.arrays)} arrays"
    assert found.verdict == f"different inputs (1 that can change results), different results ({counted})"
    assert not found.same_results


def test_where_results_part_is_told_in_chip_time(runs):
    """An array that differs has its first difference at an index, and at the chip time of that index."""
    a, b = open_run(runs()), open_run(runs("training.learning_rate=0.02"))
    counts = next(array for array in compare(a, b).arrays if array.name == "energy.counts")
    unlike = np.argwhere(a["energy"]["counts"] != b["energy"]["counts"])
    assert counts.first_at == tuple(unlike[0])
    assert counts.first_ps == int(a["energy"]["time_s"][unlike[0][0]]) * 10**12 + int(a["energy"]["time_ps"][unlike[0][0]])
    assert counts.differing == len(unlike)
    assert counts.largest == np.abs(a["energy"]["counts"] - b["energy"]["counts"]).max()


def test_what_is_recorded_is_told_apart(runs):
    """Fewer probes are another input, but none that changes what the chip does."""
    found = verdict(runs(), runs("record.probes=3"))
    assert found.verdict.startswith("different inputs (1 that say what is recorded), different results (")
    assert not found.figures
    assert all(array.same or array.name.startswith("probe.") for array in found.arrays)


def test_the_same_inputs_with_other_results_are_a_finding(runs, copy, rewritten, relabelled):
    """Where nothing explains other results, that is said to be a fault; where versions or machine differ, they are named."""
    summary = json.loads((copy / "summary.json").read_text(encoding="utf-8"))
    (copy / "summary.json").write_text(json.dumps(summary | {"test_accuracy": 0.123}), encoding="utf-8")
    found = verdict(runs(), rewritten(copy))
    assert found.verdict.startswith(f"same inputs, different results (1 of {found.figures_compared} figures, 0 of")
    assert found.verdict.endswith(": versions, data and machine are the same, so chipsim was not deterministic, which is a fault worth reporting")
    relabelled(copy, versions={**open_run(copy).manifest["versions"], "numpy": "1.0"})
    assert verdict(runs(), copy).verdict.endswith(": what differs is versions.numpy")
    relabelled(copy, status="interrupted", reason="interrupted by the user")
    assert verdict(runs(), copy).verdict.endswith(": they did not end alike (B is interrupted)")


@pytest.mark.parametrize("name", ["scenario.toml", "summary.json", "traces.nc", "weights.npz", "prices.toml"])
@pytest.mark.parametrize("gone", [True, False], ids=["gone", "damaged"])
def test_what_is_missing_is_told_and_the_rest_compared(runs, copy, name, gone):
    """Without a file, or with a damaged one, the others are compared, and the verdict claims no more than that."""
    if gone:
        (copy / name).unlink()
    else:
        (copy / name).write_bytes(b"\0" * 100)
    found = verdict(runs(), copy)
    assert any(line.startswith("B: ") and name in line for line in found.missing)
    assert not found.complete
    assert found.same_results
    assert "byte for byte" not in found.verdict
    assert verdict(copy, runs()).missing


def test_a_run_that_goes_on_is_compared_as_far_as_it_is(runs, copy, relabelled):
    """Of a run that goes on, what it holds by now is compared."""
    relabelled(copy, status="running")
    found = verdict(copy, runs())
    assert found.missing == ("A: is still running (manifest.json); what it holds by now is compared",)
    assert found.verdict == "same inputs, same results as far as they could be compared"


def test_a_run_of_a_newer_layout_is_compared_as_far_as_it_can_be(runs, copy, relabelled):
    """A newer layout is said, and what can be read is compared."""
    relabelled(copy, schema=99)
    found = verdict(runs(), copy)
    assert any("newer chipsim, schema 99" in line for line in found.missing)
    assert (found.a.schema, found.b.schema) == (1, 99)
    assert found.figures_compared > 80


def test_runs_without_results_have_none_to_compare(copy, relabelled):
    """Two runs that failed at once have inputs alone."""
    for name in ("summary.json", "traces.nc", "weights.npz"):
        (copy / name).unlink()
    relabelled(copy, status="failed", files={})
    found = verdict(copy, copy)
    assert found.verdict == "same inputs, no results that could be compared"
    assert not found.complete


def test_cells_of_other_kinds_can_be_compared(runs):
    """A chip against software: groups and layers that one alone has are told, and nothing stumbles."""
    found = verdict(runs(), runs("cell.kind=software"))
    assert any(array.how == "only in A" and array.name.startswith("transfer.") for array in found.arrays)
    assert any(figure.only == "A" for figure in found.figures)
    assert found.missing == ("B: prices.toml: has none, so prices cannot be compared",)
    other = verdict(runs("cell.kind=software"), runs())
    assert any(array.how == "only in B" for array in other.arrays)


def test_everything_becomes_json(runs):
    """A comparison becomes JSON without a loss, also where a difference is infinite."""
    found = verdict(runs(), runs("seed=2"))
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert content["verdict"] == found.verdict
    assert len(content["arrays"]) == len(found.arrays)
    assert content["figures"][0].keys() == {"key", "a", "b", "absolute", "relative", "only"}
