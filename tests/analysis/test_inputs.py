"""What two runs were given, and which of it matters."""

from __future__ import annotations

import json

import pytest

from chipsim.analysis.inputs import input_differences, settings_of
from chipsim.analysis.integrity import sealed
from chipsim.analysis.run import open_run
from chipsim.run.folder import RunFolder
from chipsim.run.provenance import Manifest
from chipsim.scenario import Scenario


@pytest.fixture
def make(tmp_path):
    """Return a function that makes a run folder without results."""

    def made(name, scenario="seed = 1\n", prices=None, **manifest):
        folder = RunFolder.create(tmp_path / name)
        folder.write_text("scenario.toml", scenario)
        if prices is not None:
            folder.write_text("prices.toml", prices)
        content = {"versions": {"numpy": "2.4.0"}, "host": {"name": "x", "cores": 2}, "started": "now", "command": ["chipsim"], "git": None}
        content |= {"data": {"images.npz": "a" * 64}, **manifest}
        folder.write_json("manifest.json", sealed(Manifest.begin(seed=1).end("failed", "", 2.0, {}).to_dict() | content))
        return open_run(folder.path)

    return made


def differing(a, b):
    """Return what differs as name -> (value in A, value in B, weight)."""
    return {item.name: (item.a, item.b, item.weight) for item in input_differences(a, b)[0]}


def test_settings_keep_units_and_origins():
    """A value stands as the scenario writes it, with the comment behind it, also where a text holds a number sign or quotes."""
    text = 'title = "a # \\"b\\""  # mine.toml:1\n[cell.pcm]\nlong = "5 ns"  # default\n[[stage]]\nkind = "train"  # --set #2\nimages = 5\n'
    assert settings_of(text) == {
        "title": ('a # "b"', "mine.toml:1"),
        "cell.pcm.long": ("5 ns", "default"),
        "stage[0].kind": ("train", "--set #2"),
        "stage[0].images": (5, ""),
    }


def test_every_value_of_a_written_scenario_is_found_with_its_origin():
    """What a run writes is read back whole: as many values as the scenario has, each from where it came."""
    scenario = Scenario.load("edge-device", ["training.max_pulses=30"])
    found = settings_of(scenario.to_toml())
    assert {key: origin for key, (_, origin) in found.items() if key in scenario.origins} == {
        key: scenario.origins[key] for key in found if key in scenario.origins
    }
    assert found["training.max_pulses"] == (30, "--set #1")
    assert len(found) > 100


def test_settings_that_differ_have_values_and_origins(make):
    """A setting that differs, or that one run alone has, is told with both values and where they came from."""
    a = make("a", 'seed = 1  # default\n[timing]\nforward = "40 ns"  # default\n[host]\nqueue = 2  # my.toml:3\n')
    b = make("b", 'seed = 1  # default\n[timing]\nforward = "50 ns"  # --set #1\n')
    found, missing = input_differences(a, b)
    assert [(item.key, item.a, item.b, item.from_a, item.from_b) for item in found if item.part == "scenario"] == [
        ("timing.forward", "40 ns", "50 ns", "default", "--set #1"),
        ("host.queue", 2, None, "my.toml:3", ""),
    ]
    assert missing == []


@pytest.mark.parametrize(
    "key,value,weight",
    [
        ("title", '"other"', "none"),
        ("training.window", "7", "none"),
        ("checkpoint.enabled", "false", "none"),
        ("record.probes", "3", "recording"),
        ("training.epochs", "3", "decides"),
        ("seed", "2", "decides"),
        ("data.path", '"elsewhere"', "none"),
    ],
)
def test_settings_weigh_differently(make, key, value, weight):
    """Titles, windows and checkpoints change nothing, nor does the folder of the same data; what is recorded is told apart from what decides."""
    table, _, name = key.rpartition(".")
    a, b = make("a"), make("b", f"{'' if key == 'seed' else 'seed = 1'}\n{f'[{table}]' if table else ''}\n{name} = {value}\n")
    assert differing(a, b)[f"scenario.{key}"][2] == weight


def test_another_folder_of_other_data_decides(make):
    """Where the data themselves differ, so does what a run was given."""
    a, b = make("a", '[data]\npath = "x"\n'), make("b", '[data]\npath = "y"\n', data={"images.npz": "b" * 64})
    found = differing(a, b)
    assert found["scenario.data.path"][2] == "decides"
    assert found['data."images.npz"'] == ("a" * 64, "b" * 64, "decides")


def test_manifests_are_compared_key_by_key(make):
    """Versions and host are circumstances, times and commands mean nothing, a parent decides; keys from a later version are told like circumstances."""
    a = make("a", started="then", command=["other"], resumed=["later"], git="abc")
    b = make("b", versions={"numpy": "2.5.0"}, host={"name": "y", "cores": 2}, parent={"path": "old"}, shoes={"size": 43})
    assert differing(a, b) == {
        "versions.numpy": ("2.4.0", "2.5.0", "circumstance"),
        "host.name": ("x", "y", "circumstance"),
        "git": ("abc", None, "circumstance"),
        "shoes.size": (None, 43, "circumstance"),
        "started": ("then", "now", "none"),
        "command": (["other"], ["chipsim"], "none"),
        "resumed": (["later"], None, "none"),
        "parent.path": (None, "old", "decides"),
    } | {key: value for key, value in differing(a, b).items() if key in {"ended", "wall_time_s"}}


def test_what_decides_comes_first(make):
    """Differences are in the order of what they can change."""
    a, b = make("a"), make("b", "seed = 2\n[record]\nprobes = 1\n", started="then", git="abc")
    assert [item.weight for item in input_differences(a, b)[0]] == ["decides", "recording", "circumstance", "none"]


def test_prices_are_compared(make):
    """Contents of the price tables are compared by entry; where one run has none, that is said."""
    a, b, c = (make(name, prices=text) for name, text in (("a", '[energy.RESET]\nvalue = "1 pJ"\n'), ("b", '[energy.RESET]\nvalue = "2 pJ"\n'), ("c", None)))
    assert differing(a, b)["prices.energy.RESET.value"] == ("1 pJ", "2 pJ", "decides")
    assert input_differences(a, c)[1] == ["B: prices.toml: has none, so prices cannot be compared"]


def test_a_scenario_that_cannot_be_read_is_told(make):
    """Where a scenario is no TOML the seeds of the manifests are compared, and the rest is said to be missing."""
    a, b = make("a"), make("b", "seed = = 1", seed=3)
    assert differing(a, b)["seed"] == (1, 3, "decides")
    (missing,) = input_differences(a, b)[1]
    assert missing.startswith(f"B: {b.path / 'scenario.toml'}: is damaged, no TOML")


def test_a_comparison_writes_nothing(make, tmp_path):
    """Both folders are as they were."""
    a, b = make("a"), make("b")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    input_differences(a, b)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert json.loads(before[a.path / "manifest.json"])["status"] == "failed"
