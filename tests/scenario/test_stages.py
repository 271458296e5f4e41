"""Steps of a chip's life, and arrays of tables as such: read, merged, written, described, warned of."""

from __future__ import annotations

import json
import pickle
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chipsim.errors import ScenarioError
from chipsim.scenario import Scenario, Stage, json_schema
from chipsim.scenario.parts import LONGEST
from chipsim.scenario.schema import array_at, field_at, keys, table_at
from chipsim.scenario.writing import toml_tables
from chipsim.spec import Spec, default_of, param
from chipsim.units import format_time

LIFE = """seed = 3
[[stage]]
kind = "program"
pretrain_epochs = 2

[[stage]]
kind = "train"
images = 200
label = "first day"
[[stage]]   # the fourth table in brackets
kind = "sleep"
lasts = "8 hours"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder with `life.toml` that is the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "life.toml").write_text(LIFE)
    return tmp_path


def _refused(*arguments):
    with pytest.raises(ScenarioError) as caught:
        Scenario.load(*arguments)
    return str(caught.value).splitlines()


@pytest.mark.usefixtures("folder")
def test_stages_are_read_with_their_units_and_defaults():
    """Every table in double brackets is one element, with the defaults of its class."""
    program, train, sleep = Scenario.load("life.toml").stage
    assert (program.kind, program.pretrain_epochs, program.weights, program.pretrain_learning_rate) == ("program", 2, "", 0.02)
    assert (train.kind, train.images, train.label) == ("train", 200, "first day")
    assert (sleep.kind, sleep.lasts, sleep.before) == ("sleep", 8 * 3600 * 10**12, "transfer")


@pytest.mark.usefixtures("folder")
def test_every_key_of_every_element_has_an_origin():
    """Origins have the array, and the keys of each element, counted from 0."""
    origins = Scenario.load("life.toml").origins
    assert origins["stage"] == "life.toml:2"
    assert origins["stage[0].pretrain_epochs"] == "life.toml:4"
    assert origins["stage[0].weights"] == "default"
    assert origins["stage[1].images"] == "life.toml:8"
    assert origins["stage[2].lasts"] == "life.toml:12"
    assert origins["stage[2].before"] == "default"
    inside = {key for key in origins if key.startswith("stage[")}
    assert inside == {f"stage[{index}].{name}" for index in range(3) for name in Stage.model_fields}


def test_no_stage_is_the_default():
    """Without stages the array is empty, and has an origin all the same."""
    scenario = Scenario()
    assert scenario.stage == ()
    assert scenario.origins["stage"] == "default"
    assert "stage = []  # default" in scenario.to_toml().splitlines()


def test_inline_tables_are_elements_as_well(folder):
    """An array of tables may be written on one line."""
    (folder / "short.toml").write_text('stage = [\n  {kind = "train"},\n  {kind = "idle", lasts = "1 s"},\n]\n')
    scenario = Scenario.load("short.toml")
    assert [stage.kind for stage in scenario.stage] == ["train", "idle"]
    assert scenario.origins["stage[1].lasts"] == "short.toml:3"


def test_an_array_replaces_that_of_the_base(folder):
    """Stages of an extending file stand in for all stages of the base; nothing of the base's elements is left, places included."""
    (folder / "child.toml").write_text('extends = "life.toml"\n[[stage]]\nkind = "train"\n')
    scenario = Scenario.load("child.toml")
    assert scenario.stage == (Stage(kind="train"),)
    assert scenario.origins["stage"] == "child.toml:2"
    assert scenario.origins["stage[0].kind"] == "child.toml:3"
    assert scenario.origins["stage[0].pretrain_epochs"] == "default"
    assert "stage[1].kind" not in scenario.origins
    assert scenario.origins["seed"] == "life.toml:1"


def test_an_array_of_the_base_is_kept_with_its_places(folder):
    """A file that names no stage has those of its base, with the lines of the base."""
    (folder / "child.toml").write_text('# a line more\n\nextends = "life.toml"\nseed = 4\n')
    scenario = Scenario.load("child.toml")
    assert scenario.stage == Scenario.load("life.toml").stage
    assert scenario.origins["stage[1].images"] == "life.toml:8"
    (folder / "life.toml").write_text(LIFE.replace("200", "0"))
    assert _refused("child.toml") == ["life.toml:8: stage[1].images: 0 is out of range: at least 1 is wanted"]


def test_an_empty_array_takes_the_stages_of_the_base_away(folder):
    """`stage = []` is a list like any other."""
    (folder / "child.toml").write_text('extends = "life.toml"\nstage = []\n')
    scenario = Scenario.load("child.toml")
    assert scenario.stage == ()
    assert scenario.origins["stage"] == "child.toml:2"


@pytest.mark.parametrize("base,child", [("[[stage]]\nkind = 'train'", "[stage]\nkind = 'train'"), ("[stage]\nkind = 'train'", "[[stage]]\nkind = 'x'")])
def test_a_table_and_an_array_do_not_merge(folder, base, child):
    """Where one file has one table and the other an array, the extending file's is taken, and it is the one named."""
    (folder / "base.toml").write_text(base)
    (folder / "child.toml").write_text(f"extends = 'base.toml'\n{child}")
    (line,) = _refused("child.toml")
    assert line.startswith(("child.toml:2: stage: an array of tables", "child.toml:3: stage[0].kind: "))


def test_faults_of_all_elements_are_reported_at_once(folder):
    """Every element is checked, and what is wrong is named by its element, line by line."""
    (folder / "bad.toml").write_text(
        '[training]\nepochs = -1\n[[stage]]\nkin = "train"\n[[stage]]\nkind = "idle"\nlasts = "5"\nimages = 1.5\n[[stage]]\nkind = "program"\nlabel = 3\n'
    )
    assert [line.split(": ", 2)[:2] for line in _refused("bad.toml")] == [
        ["bad.toml:2", "training.epochs"],
        ["bad.toml:3", "stage[0].kind"],
        ["bad.toml:4", "stage[0].kin"],
        ["bad.toml:7", "stage[1].lasts"],
        ["bad.toml:8", "stage[1].images"],
        ["bad.toml:11", "stage[2].label"],
    ]


def test_a_date_hides_no_other_fault(folder):
    """What is wrong with one element leaves the faults of its neighbours, the tenth included, to be reported."""
    elements = "\n".join("[[stage]]\nkind = 'train'" for _ in range(10))
    (folder / "dates.toml").write_text(f"{elements}\n[[stage]]\nkind = 'x'\n")
    text = (folder / "dates.toml").read_text().replace("kind = 'train'", "kind = 2018-06-06", 2)
    (folder / "dates.toml").write_text(text)
    assert [line.split(": ")[1] for line in _refused("dates.toml")] == ["stage[0].kind", "stage[1].kind", "stage[10].kind"]


def test_several_programs_are_all_named():
    """Only the first stage may program; each other that does is named."""
    with pytest.raises(ScenarioError) as caught:
        Scenario(stage=[{"kind": "program"}, {"kind": "program"}, {"kind": "train"}, {"kind": "program"}])
    assert [fault.key for fault in caught.value.faults] == ["stage[1].kind", "stage[3].kind"]


BELONGS = [
    ({"kind": "train", "lasts": "1 s"}, "lasts"),
    ({"kind": "program", "lasts": "1 s"}, "lasts"),
    ({"kind": "program", "images": 3}, "images"),
    ({"kind": "sleep", "lasts": "1 s", "images": 3}, "images"),
    ({"kind": "train", "before": "transfer"}, "before"),
    ({"kind": "idle", "lasts": "1 s", "before": "nothing"}, "before"),
    ({"kind": "idle", "lasts": "1 s", "weights": ""}, "weights"),
    ({"kind": "train", "weights": "w.npz"}, "weights"),
    ({"kind": "train", "pretrain_epochs": 10}, "pretrain_epochs"),
    ({"kind": "train", "pretrain_learning_rate": 0.1}, "pretrain_learning_rate"),
    ({"kind": "train", "pretrain_learning_rate_decay": 0.1}, "pretrain_learning_rate_decay"),
    ({"kind": "idle"}, "lasts"),
    ({"kind": "sleep"}, "lasts"),
]


@pytest.mark.parametrize("values,key", BELONGS)
def test_a_key_of_another_kind_of_stage_is_refused(values, key):
    """A key that a stage of this kind has no use for is refused, also at its default; a time is required where one passes."""
    with pytest.raises(ScenarioError) as caught:
        Scenario(stage=[{"kind": "train"}, values])
    (fault,) = caught.value.faults
    assert fault.key == f"stage[1].{key}"
    assert f'while kind is "{values["kind"]}"' in fault.message


def test_stages_in_python_are_objects_or_mappings():
    """Lists and tuples, objects and mappings, and an iterator are the same scenario, with the same origins."""
    tables = [{"kind": "train", "images": 5}, {"kind": "idle", "lasts": "1 s"}]
    objects = (Stage(kind="train", images=5), Stage(kind="idle", lasts="1 s"))
    made = [Scenario(stage=stages) for stages in (tables, tuple(tables), objects, list(objects), [tables[0], objects[1]], iter(objects))]
    assert all(scenario == made[0] and hash(scenario) == hash(made[0]) and scenario.origins == made[0].origins for scenario in made)
    assert made[0].origins["stage[1].lasts"] == "Scenario(...)"
    assert made[0].origins["stage[1].label"] == "default"
    assert made[0] != Scenario(stage=tables[:1])
    assert pickle.loads(pickle.dumps(made[0])) == made[0]  # noqa: S301 (our own bytes)
    assert Scenario(**made[0].model_dump()) == made[0]


def test_faults_given_in_python_name_the_element():
    """A stage given in Python is checked likewise."""
    with pytest.raises(ScenarioError) as caught:
        Scenario(stage=[{"kind": "train"}, {"kind": "train", "imags": 3}, 7])
    assert str(caught.value).splitlines() == [
        'Scenario(...): stage[1].imags: there is no such key in [[stage]]; did you mean "images"?',
        "Scenario(...): stage[2]: a table is wanted, not 7",
    ]
    with pytest.raises(ScenarioError, match=r"stage: an array of tables, \[\[stage\]\], is wanted, not one table"):
        Scenario(stage={"kind": "train"})


def test_what_is_written_says_where_each_value_came_from(folder):
    """`to_toml` writes one table in double brackets for each stage, only what belongs to its kind, with origins; reading gives the same."""
    scenario = Scenario.load("life.toml", ["stage[1].images=300"])
    text = scenario.to_toml()
    written = text[text.index("[[stage]]") : text.index("[timing]")].split()
    wanted = """
        [[stage]]
        kind = "program"  # life.toml:3
        weights = ""  # default
        pretrain_epochs = 2  # life.toml:4
        pretrain_learning_rate = 0.02  # default
        pretrain_learning_rate_decay = 0.9  # default
        label = ""  # default

        [[stage]]
        kind = "train"  # life.toml:7
        images = 300  # --set #1
        label = "first day"  # life.toml:9

        [[stage]]
        kind = "sleep"  # life.toml:11
        lasts = "28800 s"  # life.toml:12
        before = "transfer"  # default
        label = ""  # default
    """
    assert written == wanted.split()
    (folder / "again.toml").write_text(text)
    again = Scenario.load("again.toml")
    assert again == scenario
    assert again.warnings == ()


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=6)
RATES = st.floats(1e-9, 1.0)
LASTS = st.integers(1, LONGEST).map(format_time)
OPTIONAL = {
    "program": {"weights": TEXT, "pretrain_epochs": st.integers(0, 100000), "pretrain_learning_rate": RATES, "pretrain_learning_rate_decay": RATES},
    "train": {"images": st.integers(1, 2**63 - 1)},
    "idle": {},
    "sleep": {"before": st.sampled_from(["transfer", "nothing"])},
}


def _stage(kind):
    required = {"kind": st.just(kind)} | ({"lasts": LASTS} if kind in {"idle", "sleep"} else {})
    return st.fixed_dictionaries(required, optional={"label": TEXT, **OPTIONAL[kind]})


LATER = st.sampled_from(["train", "idle", "sleep"]).flatmap(_stage)
LIVES = st.tuples(st.lists(_stage("program"), max_size=1), st.lists(LATER, max_size=4)).map(lambda parts: parts[0] + parts[1])


@given(LIVES)
def test_any_life_is_read_located_and_written(tmp_path_factory, life):
    """Whatever the stages, file and Python give the same scenario, each value its line, and what is written gives it again."""
    path = tmp_path_factory.mktemp("life") / "life.toml"
    lines = toml_tables({"seed": 2, "stage": life}, {})
    path.write_text("\n".join(lines), encoding="utf-8", newline="\n")
    scenario = Scenario.load(path)
    assert scenario == Scenario(seed=2, stage=life)
    for index, stage in enumerate(life):
        for name in Stage.model_fields:
            file, _, line = scenario.origins[f"stage[{index}].{name}"].rpartition(":")
            assert (file == str(path) and lines[int(line) - 1].startswith(f"{name} = ")) if name in stage else line == "default"
    path.write_text(scenario.to_toml(), encoding="utf-8", newline="\n")
    assert Scenario.load(path) == scenario


@given(LIVES, st.integers(0, 5), st.sampled_from([*Stage.model_fields, "x"]), st.none() | st.booleans() | st.integers() | st.floats() | TEXT)
def test_any_change_of_a_life_is_taken_or_refused_in_its_element(life, index, name, value):
    """One key of one element, changed to anything, gives a scenario or an error that names this element."""
    changed = [{**stage, name: value} if at == index else stage for at, stage in enumerate(life)]
    scenario, faults = None, []
    try:
        scenario = Scenario(stage=changed)
    except ScenarioError as error:
        faults = error.faults
    assert (scenario is None) == bool(faults)
    assert all(fault.key.startswith(f"stage[{index}].") and index < len(life) for fault in faults)
    if scenario:
        assert tomllib.loads(scenario.to_toml())["stage"] == json.loads(scenario.model_dump_json(exclude_none=True))["stage"]


def test_settings_without_effect_are_warned_of_by_element(folder):
    """A warning names the key of an element, with its line; what is at its default or inherited is not warned of."""
    (folder / "w.toml").write_text('[[stage]]\nkind = "program"\nweights = "w.npz"\npretrain_epochs = 3\npretrain_learning_rate = 0.02\n')
    reason = "is set but has no effect, since stage[0].weights names a file of trained weights"
    assert Scenario.load("w.toml").warnings == (f"w.toml:4: stage[0].pretrain_epochs: {reason}",)
    assert Scenario.load("w.toml", ["stage[0].pretrain_epochs=4"]).warnings == (f"--set #1: stage[0].pretrain_epochs: {reason}",)
    (folder / "child.toml").write_text('extends = "w.toml"\n')
    assert Scenario.load("child.toml").warnings == ()
    assert Scenario.load("child.toml", ["stage[0].pretrain_epochs=5"]).warnings == (f"--set #1: stage[0].pretrain_epochs: {reason}",)
    assert Scenario.load("w.toml", ["stage=[{kind='train'}]"]).warnings == ()


def test_a_whole_array_without_effect_is_warned_of_once(folder, monkeypatch):
    """Where nothing uses an array, one line says so, not one for each key in it."""
    from chipsim.scenario import unused

    monkeypatch.setattr(unused, "_idle_in_stages", lambda _: [unused._Idle(("stage",), "of a test"), unused._Idle(("stage[1]",), "of a test")])
    assert Scenario.load("life.toml").warnings == (
        "life.toml:2: stage: is set but has no effect, since of a test",
        "life.toml:8: stage[1].images: is set but has no effect, since of a test",
        "life.toml:7: stage[1].kind: is set but has no effect, since of a test",
        "life.toml:9: stage[1].label: is set but has no effect, since of a test",
    )
    (folder / "child.toml").write_text('extends = "life.toml"\n')
    assert Scenario.load("child.toml").warnings == ()


def test_the_json_schema_describes_elements():
    """The schema has the array, and the keys of its elements with choices, units and what is required."""
    schema = json.loads(json.dumps(json_schema()))
    assert schema["properties"]["stage"] | {"type": "array", "items": {"$ref": "#/$defs/Stage"}, "default": []} == schema["properties"]["stage"]
    stage = schema["$defs"]["Stage"]
    assert stage["required"] == ["kind"]
    assert stage["additionalProperties"] is False
    assert stage["properties"]["kind"]["enum"] == ["program", "train", "idle", "sleep"]
    assert stage["properties"]["lasts"]["anyOf"][0]["x-unit"] == "ps"
    assert set(stage["properties"]) == set(Stage.model_fields)


class _Step(Spec):
    """A table of a test."""

    size: int = param(1, "size", basis="choice")


class _Plan(Spec):
    """A table of a test that holds an array."""

    name: str = param(..., "name", basis="choice")
    step: tuple[_Step, ...] = param((_Step(size=2),), "steps", basis="choice")
    counts: tuple[int, ...] = param([1, 2], "counts", basis="choice")


def test_keys_of_elements_are_listed_once():
    """The keys of a class that holds an array have those of its elements under element 0."""
    assert list(keys(_Plan)) == [("name",), ("step",), ("step", 0, "size"), ("counts",)]


def test_an_array_is_no_table_but_its_elements_are():
    """Paths tell arrays, their elements and keys inside elements apart."""
    assert (table_at(("stage",)), array_at(("stage",))) == (None, Stage)
    assert (table_at(("stage", 3)), array_at(("stage", 3))) == (Stage, None)
    assert field_at(("stage", 3, "images")) == Stage.model_fields["images"]
    assert field_at(("stage", "images")) is None
    assert table_at(("network", 0)) is None
    assert table_at(("network", "layers", 0)) is None


def test_defaults_are_known_where_other_keys_are_required():
    """The default of a field is what an object would hold, although no object can be made without more."""
    assert default_of(Stage, "lasts") is None
    assert default_of(Stage, "before") == "transfer"
    assert default_of(_Plan, "counts") == (1, 2)
    with pytest.raises(ValueError, match="kind has no default"):
        default_of(Stage, "kind")


def test_a_stage_stands_alone():
    """A stage can be made by itself, and is frozen."""
    with pytest.raises(ValidationError, match="lasts"):
        Stage(kind="sleep")
    with pytest.raises(ValidationError, match="frozen"):
        Stage(kind="train").images = 3
