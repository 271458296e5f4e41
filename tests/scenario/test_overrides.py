"""Overrides of one key of one element of an array of tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chipsim.errors import ScenarioError
from chipsim.scenario import Scenario, Stage

LIFE = '[[stage]]\nkind = "program"\n[[stage]]\nkind = "train"\nimages = 200\nlabel = "x"\n[[stage]]\nkind = "idle"\nlasts = "1 s"\n'
PLACE = "--set #1"


@pytest.fixture
def life(tmp_path, monkeypatch):
    """Return the name of a scenario with three stages in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "life.toml").write_text(LIFE)
    return "life.toml"


TAKEN = {
    "stage[1].images=300": (1, Stage(kind="train", images=300, label="x")),
    " stage [ 1 ] . images = 300 ": (1, Stage(kind="train", images=300, label="x")),
    '"stage"[1]."images"=300': (1, Stage(kind="train", images=300, label="x")),
    "stage[2].lasts=2 days": (2, Stage(kind="idle", lasts="2 days")),
    "stage[2].kind=sleep": (2, Stage(kind="sleep", lasts="1 s")),
    "stage[2].label=a=b[0].c": (2, Stage(kind="idle", lasts="1 s", label="a=b[0].c")),
    'stage[1]={images=3, label="y"}': (1, Stage(kind="train", images=3, label="y")),
    "stage[1]={}": (1, Stage(kind="train", images=200, label="x")),
}


@pytest.mark.parametrize("text,expected", TAKEN.items())
def test_one_key_of_one_element(life, text, expected):
    """One element changes in the keys that are named; a table is merged with the element; the others stay as they are."""
    index, stage = expected
    before, after = Scenario.load(life).stage, Scenario.load(life, [text]).stage
    assert after[index] == stage
    assert [item for at, item in enumerate(after) if at != index] == [item for at, item in enumerate(before) if at != index]


def test_origins_of_changed_and_unchanged_keys(life):
    """Only what was overridden has the override as its origin."""
    origins = Scenario.load(life, ["stage[1].images=300", 'stage[2]={label="z"}']).origins
    assert origins["stage[1].images"] == "--set #1"
    assert origins["stage[2].label"] == "--set #2"
    assert origins["stage[1].label"] == "life.toml:6"
    assert origins["stage[2].lasts"] == "life.toml:9"
    assert origins["stage"] == "life.toml:1"


def test_a_whole_array_is_replaced(life):
    """A new array takes the place of the old one, and later overrides see it."""
    scenario = Scenario.load(life, ['stage=[{kind="train"}]', "stage[0].images=7"])
    assert scenario.stage == (Stage(kind="train", images=7),)
    assert (scenario.origins["stage"], scenario.origins["stage[0].kind"], scenario.origins["stage[0].images"]) == ("--set #1", "--set #1", "--set #2")
    assert "stage[1].kind" not in scenario.origins


REFUSED = {
    "stage[3].images=2": "stage[3].images: there is no stage[3]: the scenario has stage[0] to stage[2]",
    "stage[-1].images=2": "stage[-1].images: there is no stage[-1]: the scenario has stage[0] to stage[2]",
    "stage[123456789012].images=2": "stage[123456789012].images: there is no stage[123456789012]: ",
    'stage[3]={kind="train"}': "stage[3]: there is no stage[3]: the scenario has stage[0] to stage[2]",
    "stage.images=2": "stage.images: [[stage]] is an array of tables; say which of them is meant, for instance stage[0].images",
    "stage.1.images=2": "stage.1.images: [[stage]] is an array of tables; say which of them is meant, for instance stage[1].images",
    "stage.2=3": "stage.2: [[stage]] is an array of tables; say which of them is meant, for instance stage[2]",
    "stag[1].images=2": 'stag: there is no such key at the top level; did you mean "stage"?',
    "trainng.stage[1].images=2": 'trainng: there is no such key at the top level; did you mean "training"?',
    "stage[1].imags=2": 'stage[1].imags: there is no such key in [[stage]]; did you mean "images"?',
    "stage[1].images=-2": "stage[1].images: -2 is out of range: at least 1 is wanted",
    "stage[1].kind=slep": 'stage[1].kind: "slep" is not known; did you mean "sleep"?',
    "stage[1].lasts=1 s": 'stage[1].lasts: belongs to idle and sleep only, while kind is "train"',
    'stage[1]={kind="program", images=1}': 'stage[1].images: belongs to train only, while kind is "program"',
    "stage[1]=3": "stage[1]: a table is wanted, not 3",
    "stage[1].images.x=2": "stage[1].images: a whole number is wanted, not {x = 2}",
    "stage[1].images[0]=2": "stage[1].images[0]: stage[1].images is no array of tables, whose elements can be set one by one; set it as a whole",
    "network.layers[1]=2": "network.layers[1]: network.layers is no array of tables, whose elements can be set one by one; set it as a whole",
    "training[0].epochs=2": "training[0].epochs: training is no array of tables, whose elements can be set one by one; set it as a whole",
    "stage=3": "stage: an array of tables, [[stage]], is wanted, not 3",
    'stage={kind="train"}': 'stage: an array of tables, [[stage]], is wanted, not one table, {kind = "train"}',
    "training=[{epochs=1}]": "training: one table, [training], is wanted, not an array of tables, [{epochs = 1}]",
    "stage=[{}]": 'stage[0].kind: is missing in [[stage]]; allowed: "program", "train", "idle", "sleep"',
    "stage[1].x" + "[0]" * 40 + "=1": "tables or lists are nested more than 32 deep",
}
NO_KEY = ["stage[].images=1", "stage[x].images=1", "[1].images=1", "stage[1]images=1", "stage[1.images=1", "stage[1]].images=1", "stage[1.0].images=1"]


@pytest.mark.parametrize("text,message", REFUSED.items(), ids=[text[:30] for text in REFUSED])
def test_overrides_that_lead_nowhere_are_refused(life, text, message):
    """An element that is not there, a key without its element, and a fault inside an element are each named, by the number of the override."""
    with pytest.raises(ScenarioError) as caught:
        Scenario.load(life, [text])
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{PLACE}: {message}")


@pytest.mark.parametrize("text", NO_KEY)
def test_broken_brackets_are_no_key(life, text):
    """A key with anything but a whole number in brackets is refused, with an example of one."""
    with pytest.raises(ScenarioError, match=r"is not of the form key=value, for instance .* or stage\[0\]\.images=200"):
        Scenario.load(life, [text])


def test_no_element_in_a_scenario_without_stages():
    """Where there is no array at all, the message says so; where there is one element, it names that."""
    with pytest.raises(ScenarioError, match=r"there is no stage\[0\]: the scenario has no \[\[stage\]\]"):
        Scenario.load("mnist-5k", ["stage[0].images=2"])
    with pytest.raises(ScenarioError, match=r"there is no stage\[1\]: the scenario has stage\[0\] alone"):
        Scenario.load("mnist-5k", ['stage=[{kind="train"}]', "stage[1].images=2"])


def test_an_element_at_fault_is_named_where_it_stands(tmp_path, monkeypatch):
    """An override of an element that is no table leaves the file to be blamed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd.toml").write_text('stage = [\n{kind = "train"},\n3]\n')
    with pytest.raises(ScenarioError) as caught:
        Scenario.load("odd.toml", ["stage[1].images=2"])
    assert str(caught.value) == "odd.toml:3: stage[1]: a table is wanted, not 3"


KEYS = st.lists(st.sampled_from(["stage", "[0]", "[1]", "[2]", "[7]", ".images", ".kind", ".x", ".0", "network", ".layers", " ", "[", "]", "-"]), max_size=6)
VALUES = st.sampled_from(["1", '"train"', "{}", '{kind = "idle"}', "[]", '[{kind = "train"}]', "[[1]]", "1 s", "2018-06-06", "[{a = [{}]}]"])


@given(st.lists(st.tuples(KEYS.map("".join), VALUES), max_size=4))
def test_any_override_of_elements_is_taken_or_refused_with_its_number(tmp_path_factory, given_values):
    """Whatever keys and values are given, the scenario can be written, or each fault has the number of an override."""
    path = tmp_path_factory.mktemp("fuzz") / "life.toml"
    path.write_text(LIFE)
    scenario, faults = None, []
    try:
        scenario = Scenario.load(path, [f"{key}={value}" for key, value in given_values])
    except ScenarioError as error:
        faults = error.faults
    assert all(fault.place and fault.message for fault in faults)
    assert scenario is not None or any(fault.place.startswith("--set #") for fault in faults)
    path.write_text(scenario.to_toml() if scenario else LIFE)
    assert scenario is None or Scenario.load(path) == scenario
