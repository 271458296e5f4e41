"""Entries of a price table that a scenario replaces: taken with their origin, written and read again, refused with their place."""

from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chipsim.costs.actions import ACTIONS
from chipsim.costs.blocks import BLOCKS
from chipsim.errors import ScenarioError
from chipsim.scenario import Scenario

TEXT = """
[prices.energy]
"read-out.conversion" = "0.36 pJ"
[prices.area]
read-out = "1400 um2"
"""


def refused(*overrides):
    """Return the lines of the error that overrides end in."""
    with pytest.raises(ScenarioError) as caught:
        Scenario.load("mnist", overrides)
    return str(caught.value).splitlines()


def test_entries_say_where_they_came_from(tmp_path, monkeypatch):
    """Each entry has the line or override that it was set by, those of other files or overrides are kept."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(TEXT)
    scenario = Scenario.load("mine.toml", ['prices.energy."neuron.activation"=1 pJ', "prices.area.read-out=600 um2"])
    assert scenario.prices.energy == {"read-out.conversion": "0.36 pJ", "neuron.activation": "1 pJ"}
    assert scenario.prices.area == {"read-out": "600 um2"}
    assert scenario.origins['prices.energy."read-out.conversion"'] == "mine.toml:3"
    assert scenario.origins['prices.energy."neuron.activation"'] == "--set #1"
    assert scenario.origins["prices.area.read-out"] == "--set #2"
    assert scenario.origins["prices.static"] == "default"


def test_entries_are_written_with_their_origin_and_read_again(tmp_path, monkeypatch):
    """The resolved scenario holds every entry and where it came from; reading it gives an equal scenario, and JSON holds it too."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(TEXT)
    scenario = Scenario.load("mine.toml", ['prices.static."tile control"=0 W'])
    text = scenario.to_toml()
    assert '[prices.energy]\n"read-out.conversion" = "0.36 pJ"  # mine.toml:3\n' in text
    assert '[prices.static]\n"tile control" = "0 W"  # --set #1\n' in text
    (tmp_path / "again.toml").write_text(text)
    assert Scenario.load("again.toml") == scenario
    assert json.loads(scenario.model_dump_json())["prices"]["area"] == {"read-out": "1400 um2"}


def test_entries_are_frozen_with_the_scenario():
    """Scenarios with the same entries are equal, hash alike and can be sent to other processes; nobody can change an entry."""
    one, two = (Scenario(prices={"energy": {"read-out.conversion": text}}) for text in ("0.36 pJ", "0.36 pJ"))
    other = Scenario(prices={"energy": {"read-out.conversion": "0.37 pJ"}})
    assert one == two != other
    assert hash(one) == hash(two)
    assert {one, two, other} == {one, other}
    assert one.origins['prices.energy."read-out.conversion"'] == "Scenario(...)"
    assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301 (our own bytes)
    with pytest.raises(TypeError, match="item assignment"):
        one.prices.energy["read-out.conversion"] = "0 J"


def test_a_line_of_a_file_is_named(tmp_path, monkeypatch):
    """Every wrong entry of a file is told with its line, all at once."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text('[prices.energy]\n"neuron.activaton" = "1 pJ"\n"buffer.bit" = "1 W"\n[prices.area]\nneuron = "-1 um2"\n')
    with pytest.raises(ScenarioError) as caught:
        Scenario.load("mine.toml")
    unknown, unit, sign = str(caught.value).splitlines()
    assert unknown.startswith("mine.toml:2: prices.energy.\"neuron.activaton\": 'neuron.activaton' is no action with a price")
    assert unknown.endswith("did you mean 'neuron.activation'?")
    assert unit == 'mine.toml:3: prices.energy."buffer.bit": \'1 W\' is not a quantity in J; write for instance "1 J"'
    assert sign == "mine.toml:5: prices.area.neuron: '-1 um2' is negative; zero or more is allowed"


@pytest.mark.parametrize(
    "override, message",
    [
        ('prices.energy."pcm.RESET charge"=2 pJ', "'2 pJ' is not a quantity in V"),
        ('prices.energy."read-out.conversion"=1', "text in quotes is wanted, not 1"),
        ('prices.energy."read-out.conversion"="1"', "cannot read '1' as a quantity in J"),
        ('prices.energy."chip.powered time"=1 W', "'chip.powered time' is no action with a price"),
        ('prices.static.neuron="-1 nW"', "'-1 nW' is negative"),
        ('prices.static.neuron="nan W"', "cannot read 'nan W' as a quantity in W"),
        ('prices.area."a: b\\n"=1 um2', r"'a: b\n' is no block"),
        ("prices.area.read-out=2018-06-06", "a date or time of day has no place here"),
    ],
)
def test_an_override_is_named(override, message):
    """A wrong name, unit, number or sign is told with the override's number, the key and the value."""
    (line,) = refused(override)
    assert line.startswith(f"--set #1: {override.partition('=')[0]}: {message}")


def test_a_text_is_no_table():
    """One text in the place of the entries is refused in plain words."""
    assert refused('prices.energy="1 pJ"') == ['--set #1: prices.energy: a table is wanted, not "1 pJ"']


def test_entries_of_software_have_no_effect(tmp_path):
    """Where nothing is priced, setting an entry is most likely a misunderstanding, and warned of."""
    (tmp_path / "mine.toml").write_text('cell.kind = "software"\n' + TEXT)
    warnings = Scenario.load(tmp_path / "mine.toml").warnings
    assert any("prices.energy: is set but has no effect" in warning for warning in warnings)


PRICES = st.one_of(st.just("0 J"), st.just("0 um2"), st.just("0 W"), st.text(max_size=8), st.integers(), st.none())


@given(st.sampled_from(["energy", "area", "static"]), st.one_of(st.sampled_from([*ACTIONS, *BLOCKS]), st.text(max_size=8)), PRICES)
def test_any_entry_is_taken_or_refused_in_its_place(table, name, value):
    """Whatever is replaced by whatever, the scenario holds it, or the error names the entry."""
    try:
        scenario = Scenario(prices={table: {name: value}})
    except ScenarioError as error:
        assert all(fault.key.startswith(f"prices.{table}") for fault in error.faults)  # noqa: PT017 (either outcome is fine)
        return
    assert getattr(scenario.prices, table) == {name: value}
