"""From names, files and overrides to one checked value that knows where each part came from."""

from __future__ import annotations

import json
import pickle
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chipsim.devices import Capacitor, Cell
from chipsim.errors import ScenarioError
from chipsim.locator import dotted
from chipsim.scenario import Scenario, json_schema
from chipsim.scenario.schema import keys, table_at
from chipsim.spec import Every


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return an empty folder that is the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _refused(*arguments, **options):
    with pytest.raises(ScenarioError) as caught:
        Scenario.load(*arguments, **options)
    return str(caught.value).splitlines()


def test_an_empty_file_is_all_defaults(folder):
    """Every key has a default."""
    (folder / "empty.toml").write_text("")
    scenario = Scenario.load("empty.toml")
    assert scenario == Scenario()
    assert set(scenario.origins.values()) == {"default"}


def test_origins_name_file_line_and_override(folder):
    """Each value says whether it is a default or which line or override it was set by."""
    (folder / "my.toml").write_text('\n[training]\nepochs = 3\n[cell.pcm]\nramp.tolerance = "1 uS"\n')
    scenario = Scenario.load("my.toml", ["cell.gain=4", "cell.kind=2pcm"], seed=7)
    assert scenario.origins["training.epochs"] == "my.toml:3"
    assert scenario.origins["cell.pcm.ramp.tolerance"] == "my.toml:5"
    assert scenario.origins["cell.kind"] == "--set #2"
    assert scenario.origins["seed"] == "--seed"
    assert scenario.origins["training.window"] == "default"
    assert set(scenario.origins) == {dotted(path) for path in keys() if table_at(path) is None and 0 not in path}


def test_a_child_changes_what_it_names(folder):
    """Tables are merged key by key, lists are replaced, and paths are relative to the file that names them."""
    (folder / "bases").mkdir()
    (folder / "bases" / "root.toml").write_text("seed = 4\n[training]\nepochs = 3\nwindow = 5\n")
    (folder / "bases" / "middle.toml").write_text('extends = "root.toml"\n[network]\nlayers = [528, 9, 10]\n')
    (folder / "leaf.toml").write_text('extends = "bases/middle.toml"\n[training]\nepochs = 1\n[network]\nlayers = [528, 10]\n')
    scenario = Scenario.load("leaf.toml")
    assert (scenario.seed, scenario.training.epochs, scenario.training.window) == (4, 1, 5)
    assert scenario.network.layers == (528, 10)
    assert scenario.origins["training.window"] == "bases/root.toml:4"
    assert scenario.origins["network.layers"] == "leaf.toml:5"


def test_a_file_can_extend_a_shipped_scenario(folder):
    """`extends` takes the name of a shipped scenario, too, even in a file of the same name."""
    (folder / "mnist.toml").write_text('extends = "mnist"\nseed = 12\n')
    scenario = Scenario.load(folder / "mnist.toml")
    assert scenario.seed == 12
    assert scenario.data.name == "mnist"


def test_a_byte_order_mark_and_windows_line_ends_are_read(folder):
    """An editor's habits are no fault."""
    (folder / "windows.toml").write_bytes(b"\xef\xbb\xbfseed = 3\r\n[training]\r\nepochs = 2\r\n")
    scenario = Scenario.load("windows.toml")
    assert scenario.origins["training.epochs"] == "windows.toml:3"


def test_every_fault_is_reported_in_reading_order(folder):
    """One error lists all that is wrong, overrides included, file by file and line by line."""
    (folder / "bad.toml").write_text('sed = 1\n[cell]\nkind = "x"\n[timing]\nforward = 40\n[training]\nepochs = -1\n')
    lines = _refused("bad.toml", ["training.window=zero", "nonsense"])
    places = ["--set #2: ", "--set #1: training.window: ", "bad.toml:1: sed: ", "bad.toml:3: cell.kind: ", "bad.toml:5: timing.forward: "]
    assert sorted(places) == sorted(place for place in places if any(line.startswith(place) for line in lines))
    assert [line for line in lines if line.startswith("bad")] == sorted(line for line in lines if line.startswith("bad"))
    assert len(lines) == 6


def test_every_conflict_is_reported():
    """Values that are each fine but do not fit together are all named at once."""
    with pytest.raises(ScenarioError) as caught:
        Scenario(network={"layers": [5, 4]}, timing={"update": "1 ns"}, transfer={"programming_current": "1 uA"})
    assert {fault.key for fault in caught.value.faults} == {"network.layers", "timing.update", "transfer.programming_current"}


@pytest.mark.usefixtures("folder")
def test_missing_file_suggests_a_shipped_name():
    """A near spelling of a shipped scenario is offered."""
    (line,) = _refused("mnist-softwar")
    assert 'did you mean "mnist-software"?' in line


@pytest.mark.parametrize(
    "name,content,expected",
    [
        ("binary.toml", b"a = 1\nb = \xff", "binary.toml:2: is not UTF-8: byte 0xff"),
        ("large.toml", b"#" * (2**20 + 1), "large.toml: is larger than 1 MiB"),
        ("deep.toml", b"a = " + b"[" * 100_000, "deep.toml:1: tables or lists are nested more than 32 deep"),
        ("null.toml", b"a = 1\0", "null.toml:1: "),
    ],
)
def test_files_that_are_no_scenario(folder, name, content, expected):
    """Binary, huge and absurd files are refused in one line."""
    (folder / name).write_bytes(content)
    (line,) = _refused(name)
    assert line.startswith(expected)


@pytest.mark.parametrize("name", ["", ".", "..", "no\0name", "x" * 5000, "/dev/full/x.toml"])
@pytest.mark.usefixtures("folder")
def test_names_that_are_no_file(name):
    """A name that cannot be a file is refused like any other."""
    assert len(_refused(name)) == 1


def test_a_folder_is_no_scenario(folder):
    """A folder is named as such."""
    (folder / "there").mkdir()
    assert _refused("there") == ["there: is a folder; a scenario is a TOML file"]


OVERRIDES = {
    "training.epochs=2": lambda scenario: scenario.training.epochs == 2,
    " training . epochs = 2 ": lambda scenario: scenario.training.epochs == 2,
    "title=plain words": lambda scenario: scenario.title == "plain words",
    'title="quoted"': lambda scenario: scenario.title == "quoted",
    "title=": lambda scenario: not scenario.title,
    "title=a=b": lambda scenario: scenario.title == "a=b",
    "transfer.every=1.92 ms": lambda scenario: scenario.transfer.every == Every(time_ps=1_920_000_000),
    'timing.forward="50 ns"': lambda scenario: scenario.timing.forward == 50_000,
    "network.layers=[528, 10]": lambda scenario: scenario.network.layers == (528, 10),
    'cell={kind="3t1c"}': lambda scenario: scenario.cell.kind == "3t1c" and scenario.cell.gain == 3,
    "retention.start=1 s": lambda scenario: scenario.retention.start == 10**12,
    "retention={}": lambda scenario: scenario.retention is not None,
    '"training"."epochs"=2': lambda scenario: scenario.training.epochs == 2,
}


@pytest.mark.parametrize("text,holds", OVERRIDES.items())
def test_overrides(text, holds):
    """An override is a TOML value, or text as it stands; quotes may be left out."""
    assert holds(Scenario.load("mnist-5k", [text]))


def test_the_last_override_wins():
    """Overrides are laid over each other in order."""
    scenario = Scenario.load("mnist-5k", ["training.epochs=2", "training.epochs=3"])
    assert scenario.training.epochs == 3
    assert scenario.origins["training.epochs"] == "--set #2"


BAD_OVERRIDES = {
    "training.epochs": '--set #2: "training.epochs" is not of the form key=value',
    "=3": '--set #2: "=3" is not of the form key=value',
    "": '--set #2: "" is not of the form key=value',
    "a b=3": '--set #2: "a b=3" is not of the form key=value',
    "[a]\nb=3": "--set #2: ",
    "a.=3": "--set #2: ",
    "extends=mnist": "--set #2: extends: only a file can extend another",
    "trainig.epochs=3": '--set #2: trainig: there is no such key at the top level; did you mean "training"?',
    "training.epochs=two": '--set #2: training.epochs: a whole number is wanted, not "two"',
    "training.epochs=[1": '--set #2: training.epochs: a whole number is wanted, not "[1"',
    "cell.capacitor.retention=5": "--set #2: cell.capacitor.retention: the number 5 has no unit",
    "seed.x=3": "--set #2: seed: a whole number is wanted, not {x = 3}",
    "network.layers=[784, 10]": "--set #2: network.layers: the first layer has 784 inputs",
    "title=\udcff": "--set #2: title: the text is not valid Unicode",
    "title=2018-06-06": "--set #2: title: a date",
    "seed=0x" + "f" * 4000: "--set #2: seed: the whole number is beyond 64 bits",
    "deep=" + "[" * 5000: "--set #2: tables or lists are nested more than 32 deep",
    "x=" + "[" * 40 + "]" * 40: "--set #2: tables or lists are nested more than 32 deep",
    "x" + ".x" * 40 + "=1": "--set #2: tables or lists are nested more than 32 deep",
}


@pytest.mark.parametrize("text,expected", BAD_OVERRIDES.items(), ids=lambda text: text[:20].encode("ascii", "replace").decode())
def test_bad_overrides_are_named_by_their_number(text, expected):
    """An override at fault is named by its number."""
    (line,) = _refused("mnist-5k", ["seed=3", text])
    assert line.startswith(expected)


def test_a_bad_seed_is_named_as_such():
    """The seed of the command line has a place of its own."""
    assert _refused("mnist-5k", seed=-1) == ["--seed: seed: -1 is out of range: at least 0 is wanted"]


def test_faults_given_in_python():
    """A scenario made in Python is checked likewise, with its own place."""
    with pytest.raises(ScenarioError) as caught:
        Scenario(sed=1, cell={"pcm": {"ramp": {"tolerance": 3}}})
    assert str(caught.value).splitlines() == [
        'Scenario(...): cell.pcm.ramp.tolerance: the number 3 has no unit; write "3 uS" if uS is meant',
        'Scenario(...): sed: there is no such key at the top level; did you mean "seed"?',
    ]


def test_scenarios_made_in_python():
    """Tables are given as mappings or as objects of their classes; origins tell what was given."""
    one = Scenario(cell={"capacitor": {"retention": "1 ms"}}, seed=2)
    two = Scenario(cell=Cell(capacitor=Capacitor(retention="1 ms")), seed=2)
    assert one == two
    assert hash(one) == hash(two)
    assert one.origins == two.origins
    assert one.origins["cell.capacitor.retention"] == "Scenario(...)"
    assert one != Scenario(seed=2)
    assert one != "a scenario"


def test_scenarios_are_frozen_and_can_be_sent_to_other_processes():
    """A scenario cannot be changed; a pickled copy keeps origins."""
    scenario = Scenario.load("mnist-5k", ["seed=3"])
    with pytest.raises(ValueError, match="frozen"):
        scenario.seed = 4
    copy = pickle.loads(pickle.dumps(scenario))  # noqa: S301 (our own bytes)
    assert copy == scenario
    assert copy.origins == scenario.origins


@pytest.mark.parametrize("name", ["mnist", "mnist-5k", "mnist-software", "mnist-pcm-only", "retention"])
def test_resolved_scenario_is_read_back_equal(folder, name):
    """What `to_toml` writes has every value, its origin and the head, and gives an equal scenario."""
    scenario = Scenario.load(name, ["training.learning_rate=0.0123", "transfer.every=1.92 ms", 'title="a \\" # b\\n\\u007f"'])
    text = scenario.to_toml()
    (folder / "resolved.toml").write_text(text, encoding="utf-8")
    again = Scenario.load("resolved.toml")
    assert again == scenario
    assert again.head == scenario.head
    assert not again.warnings or all("resolved.toml" in warning for warning in again.warnings)
    assert "learning_rate = 0.0123  # --set #1" in text
    assert all(line.startswith(("#", "[")) or "  # " in line or not line for line in text.splitlines())


def test_schema_knows_every_key_with_unit_and_origin():
    """The JSON schema can be written, and carries unit, basis and source."""
    schema = json.loads(json.dumps(json_schema()))
    assert {"extends", "seed", "cell"} <= set(schema["properties"])
    assert schema["additionalProperties"] is False
    retention = schema["$defs"]["Capacitor"]["properties"]["retention"]
    assert retention["x-unit"] == "ps"
    assert retention["basis"] == "read"
    assert "Nature 558" in retention["source"]


WARNED = [
    ("mnist-software", "transfer.policy=stall", 'cell.kind is "software"'),
    ("mnist-software", "power.before=nothing", 'cell.kind is "software"'),
    ("mnist-software", "cell.read_voltage=0.1 V", 'cell.kind is "software"'),
    ("mnist-pcm-only", "transfer.policy=stall", 'cell.kind is "2pcm"'),
    ("mnist-3t1c-only", "transfer.verify_units=3", 'cell.kind is "3t1c"'),
    ("mnist-software", "cell.pcm.drift.reference=10 s", 'cell.kind is "software"'),
    ("mnist-3t1c-only", "cell.pcm.slow_noise.scale=0.01", 'cell.kind is "3t1c"'),
    ("mnist-3t1c-only", "cell.pcm.ramp.max_tries=3", 'cell.kind is "3t1c"'),
    ("mnist-pcm-only", "cell.capacitor.retention=1 ms", 'cell.kind is "2pcm"'),
    ("mnist-5k", "refresh.every=5 images", 'cell.kind is "2pcm+3t1c"'),
    ("mnist-stall", "transfer.buffer_bits=4", 'transfer.sampling is not "at-start"'),
    ("mnist-5k", "transfer.sampling=at-start", 'transfer.policy is "instant", which takes no time'),
    (
        "mnist-5k",
        "cell.pcm.drift.reference=10 s",
        "drift shows in retention measurements and after rests only, and the chip neither sleeps nor idles",
    ),
    ("mnist-5k", "cell.pcm.slow_noise.scale=0.01", "slow noise shows in retention measurements only, and there is no table [retention]"),
    ("mnist-stall", "transfer.max_delay=1 us", 'no image is learnt during a transfer where transfer.policy is "stall"'),
    ("mnist-stall", "transfer.spread=0.5", 'transfer.policy is not "interleave"'),
    ("mnist-stall", "transfer.max_age=1 s", 'transfer.policy is not "oldest-first"'),
    ("mnist-stall", "transfer.saturation_look=10", "transfer.saturation is not set"),
    ("mnist-stall", "power.before=nothing", "neither power.sleep nor power.idle_after is set"),
    ("mnist-stall", "power.wake_up=1 us", "the chip never sleeps"),
    ("mnist-5k", "data.path=x", 'the data "mnist-5k" is built in'),
    ("mnist-5k", "data.validation_images=10", 'data.evaluate is not "validation"'),
    ("mnist-5k", "data.adapt_to=lucas", 'the data "mnist-5k" have no speakers'),
    ("retention", "training.learning_rate=1", "training.epochs is 0"),
]


@pytest.mark.parametrize("name,override,reason", WARNED)
def test_settings_without_effect_are_warned_of(name, override, reason):
    """A setting that no active part uses gives a warning with its place and the reason."""
    key = override.partition("=")[0]
    assert Scenario.load(name, [override]).warnings == (f"--set #1: {key}: is set but has no effect, since {reason}",)


def test_reads_without_noise_need_no_average():
    """How many reference reads are averaged is warned of where reads have no noise, and not where they have."""
    more = "retention.reference_reads=7"
    assert not Scenario.load("retention", [more]).warnings
    quiet = Scenario.load("retention", ["cell.pcm.read_noise.enabled=false", more])
    assert quiet.warnings == ("--set #2: retention.reference_reads: is set but has no effect, since reads have no noise",)


@pytest.mark.parametrize("name", ["mnist-5k", "mnist-pcm-only"])
@pytest.mark.parametrize("override", ["transfer.verify_units=3", "transfer.programming_current=7 mA"])
def test_what_is_built_has_an_effect_though_nothing_waits_for_it(name, override):
    """Read-out units and current for programming take area wherever there is PCM, so setting them is not warned of."""
    assert Scenario.load(name, [override]).warnings == ()


FEATURES = {"cifar10-features": 1280, "cifar10-features-1k": 1280, "spoken-digits": 640, "spoken-digits-1k": 640}


@pytest.mark.parametrize("name,inputs", FEATURES.items())
def test_networks_that_are_fed_features(name, inputs):
    """A network has as many inputs as there are features, whatever the crop of the images; the crop is warned of where it is set."""
    given = [f"data.name={name}", f"network.layers=[{inputs}, 10]"]
    scenario = Scenario.load("mnist-software", given)
    assert scenario.data.features
    assert scenario.data.inputs == inputs
    assert scenario.warnings == ()
    (warning,) = Scenario.load("mnist-software", [*given, "data.crop=[20, 20]"]).warnings
    assert warning == f'--set #3: data.crop: is set but has no effect, since the data "{name}" are features, not images'


def test_a_crop_of_images_before_is_no_fault_of_features(folder):
    """A scenario may take another's place on features, although the other crops its images."""
    (folder / "images.toml").write_text("[data]\ncrop = [20, 20]\n[network]\nlayers = [400, 10]\n")
    (folder / "features.toml").write_text('extends = "images.toml"\n[data]\nname = "spoken-digits-1k"\nadapt_to = "lucas"\n[network]\nlayers = [640, 10]\n')
    scenario = Scenario.load("features.toml")
    assert scenario.warnings == ()
    assert scenario.data.adapt_to == "lucas"


def test_any_number_of_features_may_be_in_a_file():
    """Inputs and classes of `features` are left to its file."""
    scenario = Scenario(data={"name": "features", "path": "some.npz"}, network={"layers": (77, 3)})
    assert scenario.data.inputs is None


def test_built_in_features_need_no_path():
    """A path beside a built-in extract is warned of."""
    (warning,) = Scenario.load("mnist-software", ["data.name=spoken-digits-1k", "network.layers=[640, 10]", "data.path=x"]).warnings
    assert warning == '--set #3: data.path: is set but has no effect, since the data "spoken-digits-1k" is built in'


USED = [
    ("power.sleep=['1 ms for 1 h']", "cell.pcm.drift.reference=10 s"),
    ("power.sleep=['1 ms for 1 h']", "power.before=nothing"),
    ("stage=[{kind='train'}, {kind='sleep', lasts='1 day'}]", "power.wake_up=1 us"),
    ("stage=[{kind='train'}, {kind='idle', lasts='1 day'}]", "cell.pcm.drift.reference=10 s"),
    ("transfer.saturation=0.1", "transfer.saturation_margin=10 mV"),
    ("transfer.policy=interleave", "transfer.max_delay=10 us"),
    ("transfer.policy=interleave", "transfer.spread=0.5"),
    ("transfer.policy=oldest-first", "transfer.max_age=3 ms"),
]


@pytest.mark.parametrize("user,override", USED)
def test_settings_with_effect_are_not_warned_of(user, override):
    """What sleeps, stages, interleaved policies and the look at saturation use is no misunderstanding."""
    key = override.partition("=")[0]
    assert not [warning for warning in Scenario.load("mnist-5k", [user, override]).warnings if key in warning]


def _check_outcome(make):
    """Demand a scenario that can be written, or an error whose faults have a place and a message."""
    scenario, faults = None, []
    try:
        scenario = make()
    except ScenarioError as error:
        faults = error.faults
    assert (scenario is None) == bool(faults)
    assert all(fault.place and fault.message for fault in faults)
    assert scenario is None or tomllib.loads(scenario.to_toml())


FIELDS = ["seed", "title", "training.epochs", "cell.kind", "timing.forward", "network.layers", "data.crop", "retention", "cell", "nonsense", "a.b"]
FIELDS += ["stage", "stage.kind", "stage[0].kind", "stage[1].images"]
ANY_VALUE = st.recursive(
    st.none().map(lambda _: "1 ns") | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["1 us", "8000 images", "-1 V"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["kind", "start", "x"]), inner, max_size=2)
        | st.lists(st.dictionaries(st.sampled_from(["kind", "images", "lasts", "x"]), inner | st.sampled_from(["train", "idle"]), max_size=3), max_size=3)
    ),
    max_leaves=5,
)


@given(st.lists(st.tuples(st.sampled_from(FIELDS), ANY_VALUE), max_size=3))
def test_any_override_is_taken_or_refused_with_its_place(given_values):
    """Whatever the values, a scenario is either made and can be written and read, or refused with places."""
    overrides = [f"{key}={value}" for key, value in given_values]
    _check_outcome(lambda: Scenario.load("mnist-5k", overrides))


@given(st.dictionaries(st.sampled_from([field for field in FIELDS if "." not in field]), ANY_VALUE, max_size=3))
def test_any_parameters_in_python_are_taken_or_refused(values):
    """Python values of any kind are taken, or refused as a `ScenarioError`."""
    _check_outcome(lambda: Scenario(**values))


@given(
    st.lists(
        st.sampled_from(
            [
                *"[]{}=\"'.,#\n 1a",
                "seed",
                "[training]",
                "epochs",
                "[[stage]]",
                "[stage]",
                "stage",
                "images",
                "[[training]]",
                "kind",
                "'train'",
                "cell.kind",
                "extends",
                "mnist",
                "\\",
            ]
        ),
        max_size=40,
    ).map("".join)
)
def test_any_file_is_taken_or_refused_with_its_place(tmp_path_factory, text):
    """Whatever stands in a file, it is read or refused; nothing else happens."""
    path = tmp_path_factory.mktemp("fuzz") / "any.toml"
    path.write_text(text, encoding="utf-8")
    _check_outcome(lambda: Scenario.load(path))


STAGE_LINES = ["[[stage]]", "[stage]", "[stage.x]", "[[stage.kind]]", "kind = 'train'", "kind = 'idle'", "lasts = '1 s'", "images = 3", "images = 'x'", "x = 1"]
STAGE_LINES += [
    "[training]",
    "epochs = 2",
    "extends = 'mnist'",
    "stage = []",
    "stage = [{kind = 'train'}]",
    "stage = 3",
    "stage.kind = 'train'",
    "label = 2018-06-06",
]


@given(st.lists(st.sampled_from(STAGE_LINES), max_size=8), st.lists(st.sampled_from(STAGE_LINES), max_size=8))
def test_any_arrays_of_tables_are_taken_or_refused_with_their_place(tmp_path_factory, base, child):
    """Whatever arrays and tables stand in a file and its base, they are read, or every fault has a line of one of the two."""
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "base.toml").write_text("\n".join(base), encoding="utf-8")
    path = folder / "child.toml"
    path.write_text("\n".join(["extends = 'base.toml'", *(line for line in child if not line.startswith("extends"))]), encoding="utf-8")
    _check_outcome(lambda: Scenario.load(path))
    try:
        scenario = Scenario.load(path)
    except ScenarioError as error:
        assert {re.sub(r".*/|:\d+$", "", fault.place) for fault in error.faults} <= {"base.toml", "child.toml"}  # noqa: PT017 (either outcome is fine)
        return
    path.write_text(scenario.to_toml(), encoding="utf-8")
    assert Scenario.load(path) == scenario


def test_place_of_a_path_is_as_given(folder):
    """Messages call a file as the user does."""
    (folder / "sub").mkdir()
    (folder / "sub" / "x.toml").write_text("sed = 1")
    assert _refused("sub/x.toml")[0].startswith("sub/x.toml:1: ")
    assert _refused(Path("sub") / "x.toml")[0].startswith("sub/x.toml:1: ")
