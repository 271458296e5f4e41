"""Prices from the tables of Accelergy: both layouts and their summaries are read, and what is wrong is told with its place."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chipsim.costs import PriceTable
from chipsim.costs.accelergy_files import read
from chipsim.errors import InputError

BASE = PriceTable.load("bottom-up-14nm")

# Version 0.3, indented by 2, items of lists flush, no arguments: null (timeloop-accelergy-exercises, accelergy/01_primitive_architecture_ERT).
ERT_03 = """\
ERT:
  version: 0.3
  tables:
  - name: simple_primitive.PE.MAC
    actions:
    - name: mac_random
      arguments: null
      energy: 2.2
    - name: idle
      arguments: null
      energy: 0.066
  - name: simple_primitive.PE.buffer
    actions:
    - name: read
      arguments:
        address_delta: 0
        data_delta: 0
      energy: 0.006
    - name: read
      arguments:
        address_delta: 0
        data_delta: 1
      energy: 0.144
    - name: read
      arguments:
        address_delta: 1
        data_delta: 0
      energy: 0.115
    - name: read
      arguments:
        address_delta: 1
        data_delta: 1
      energy: 0.253
"""
ART_03 = """\
ART:
  version: 0.3
  tables:
  - name: simple_primitive.PE.MAC
    area: 1239.5
  - name: simple_primitive.PE.buffer
    area: 358.18
  - name: simple_primitive.GLB
    area: 1
"""
# Version 0.4, indented by 4, a range of instances behind every name (a CiMLoop run of timeloop-mapper).
ERT_04 = """\
ERT:
    version: '0.4'
    tables:
      - name: system_top_level.router[1..8]
        actions:
          - name: read
            arguments:
                global_cycle_seconds: 7.8e-10
                action_latency_cycles: 1
            energy: 1.48328
      - name: system_top_level.input_dac[1..1024]
        actions:
          - name: read
            arguments:
                global_cycle_seconds: 7.8e-10
                action_latency_cycles: 1
            energy: 3.9
      - name: system_top_level.adc[1..131072]
        actions:
          - name: read
            arguments: {}
            energy: 1.10896
          - name: leak
            arguments: {}
            energy: 1e-09
          - name: write
            arguments: {}
            energy: 0
"""
ART_04 = """\
ART:
    version: '0.4'
    tables:
      - name: system_top_level.input_dac[1..1024]
        area: 19584.0
      - name: system_top_level.adc[1..131072]
        area: 708866.0
"""
ERT_SUMMARY = """\
ERT_summary:
  version: 0.3
  table_summary:
  - name: system_arch.chip.PE[0..16383].scratchpad
    actions:
    - name: read
      energy: 0
    primitive_estimation(s):
    - name: storage
      estimator: dummy_table
  - name: system_arch.chip.PE[0..16383].mac
    actions:
    - name: compute
      energy: 0.256
    primitive_estimation(s):
    - name: cell[0..7]
      estimator: table-based-plug-ins
  - name: system_arch.chip.shared_glb
    actions:
    - name: write
      average_energy: 21.359
      max_energy: 42.209
      min_energy: 0.509
    primitive_estimation(s):
    - name: storage
      estimator: Cacti
    - name: address_generators[0..1]
      estimator: table-based-plug-ins
"""
ART_SUMMARY = """\
ART_summary:
  version: 0.3
  table_summary:
  - name: system_arch.DRAM
    area: 1
    primitive_estimations: dummy_table
  - name: system_arch.chip.D2A_NoC
    area: 169.984
    primitive_estimations:
    - name: D2A_converter.DAC[0..1023]
      estimator: table-based-plug-ins
"""
ADC = '"read-out.conversion" = "adc.read"'


@pytest.fixture
def load(tmp_path):
    """Return a function that loads a table taking actions and blocks (lines of TOML) from the texts of an ERT and an ART."""

    def load(actions=ADC, blocks="", *, ert=ERT_04, art=ART_04, node="7 nm", extra="", base="bottom-up-14nm"):
        lines = [f'extends = "{base}"', "[accelergy]", f'node = "{node}"']
        for name, key, text in (("ERT.yaml", "energy", ert if actions else None), ("ART.yaml", "area", art if blocks else None)):
            if text is not None:
                (tmp_path / name).write_text(text, encoding="utf-8")
                lines.append(f'{key} = "{name}"')
        lines += [extra] * bool(extra) + ["[accelergy.actions]", actions, "[accelergy.blocks]", blocks]
        (tmp_path / "mine.toml").write_text("\n".join(lines), encoding="utf-8")
        return PriceTable.load(tmp_path / "mine.toml")

    return load


def refused(load, message, *arguments, **options):
    """Return the text of the error that loading ends with, which has `message` in it."""
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        load(*arguments, **options)
    return str(caught.value)


def test_a_table_takes_energy_and_area_from_its_files(load):
    """Actions and blocks that are named have the numbers of the files, with node, basis and source; all others those of the base."""
    table = load(ADC + '\n"word line.drive" = "input_dac.read"', '"read-out" = "adc"')
    assert table.energy_of("read-out.conversion").value == pytest.approx(1.10896e-12, rel=1e-15)
    assert table.energy_of("word line.drive").value == pytest.approx(3.9e-12, rel=1e-15)
    assert table.area_of("read-out").value == 708866.0
    entry = table.energy["read-out.conversion"]
    assert (entry.node, entry.basis, entry.source) == ("7 nm", "derived", "Accelergy ERT.yaml: system_top_level.adc[1..131072].read")
    assert table.area["read-out"].source == "Accelergy ART.yaml: system_top_level.adc[1..131072]"
    assert table.energy_of("neuron.activation").value == BASE.energy_of("neuron.activation").value
    assert table.area["neuron"] == BASE.area["neuron"]
    assert table.static == BASE.static


def test_a_new_converter_is_said_to_be_one(load):
    """Where the conversion is taken from a file the table no longer says that its converter is the base's, unless it says so itself."""
    assert load().converter.what == "Accelergy ERT.yaml: system_top_level.adc[1..131072].read"
    assert load('"neuron.activation" = "adc.read"').converter.what == BASE.converter.what
    assert load(blocks='neuron = "adc"\n[converter]\nwhat = "mine"').converter.what == "mine"


def test_factors_of_the_base_leave_imported_numbers_alone(load, tmp_path):
    """A base that multiplies all its energies does not multiply those of the files."""
    factor = '[factor.energy]\nvalue = 3.0\nnode = "any"\nsource = "test"\nbasis = "assumed"\n'
    (tmp_path / "base.toml").write_text(f'extends = "bottom-up-14nm"\n{factor}', encoding="utf-8")
    table = load(base="base.toml")
    assert table.energy_of("read-out.conversion").value == pytest.approx(1.10896e-12, rel=1e-15)
    assert table.energy_of("neuron.activation").value == pytest.approx(3 * BASE.energy_of("neuron.activation").value)


def test_settings_go_before_imported_numbers(load, tmp_path):
    """A single price that is set replaces an imported one."""
    load()
    table = PriceTable.load(tmp_path / "mine.toml", {"energy": {"read-out.conversion": "2 pJ"}})
    assert table.energy_of("read-out.conversion").value == pytest.approx(2e-12)


def test_a_table_that_extends_an_importing_one(load, tmp_path):
    """Paths are seen from the file that names them, also where another table extends it from another folder."""
    load()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "top.toml").write_text('extends = "../mine.toml"', encoding="utf-8")
    assert PriceTable.load(tmp_path / "sub" / "top.toml").energy_of("read-out.conversion").value == pytest.approx(1.10896e-12)


@pytest.mark.parametrize(
    "wanted, energy",
    [
        ('"MAC.mac_random"', 2.2),
        ('"PE.MAC.idle"', 0.066),
        ('"simple_primitive.PE.MAC.mac_random"', 2.2),
        ('"buffer.read"', (0.006 + 0.144 + 0.115 + 0.253) / 4),
        ('{ action = "buffer.read", take = "max" }', 0.253),
        ('{ action = "buffer.read", take = "min" }', 0.006),
        ('{ action = "buffer.read", arguments = { data_delta = 1 } }', (0.144 + 0.253) / 2),
        ('{ action = "buffer.read", arguments = { data_delta = 0, address_delta = 1 } }', 0.115),
    ],
)
def test_actions_of_version_03(load, wanted, energy):
    """A component goes by its path or the end of it; of several combinations of arguments the average is taken, or what is asked for."""
    table = load(f'"neuron.activation" = {wanted}', ert=ERT_03)
    assert table.energy_of("neuron.activation").value == pytest.approx(energy * 1e-12)


def test_the_source_tells_which_entries_were_taken(load):
    """Arguments that were asked for, and how many entries an average is of, are part of the source."""
    source = load('"neuron.activation" = { action = "buffer.read", arguments = { data_delta = 1 } }', ert=ERT_03).energy["neuron.activation"].source
    assert source == "Accelergy ERT.yaml: simple_primitive.PE.buffer.read, data_delta = 1, average of 2 combinations of arguments"


@pytest.mark.parametrize("take, energy", [("average", 21.359), ("max", 42.209), ("min", 0.509)])
def test_summaries_have_three_energies(load, take, energy):
    """Of the average, greatest and least energy in a summary the average is taken, or what is asked for, and its estimators are named."""
    table = load(f'"buffer.bit" = {{ action = "shared_glb.write", take = "{take}" }}', ert=ERT_SUMMARY)
    assert table.energy_of("buffer.bit").value == pytest.approx(energy * 1e-12)
    assert table.energy["buffer.bit"].source.endswith(f"write, {take} over its arguments (Cacti, table-based-plug-ins)")


def test_summaries_have_single_energies_and_areas(load):
    """An action without arguments has one energy; areas of summaries are read likewise."""
    table = load('"neuron.activation" = "mac.compute"', '"word line driver" = "D2A_NoC"', ert=ERT_SUMMARY, art=ART_SUMMARY)
    assert table.energy_of("neuron.activation").value == pytest.approx(0.256e-12)
    assert table.area_of("word line driver").value == pytest.approx(169.984)
    assert table.area["word line driver"].source == "Accelergy ART.yaml: system_arch.chip.D2A_NoC (table-based-plug-ins)"


def test_verbose_summaries_call_actions_otherwise(load):
    """Verbose summaries say `action_name`."""
    text = ERT_SUMMARY.replace("    - name: compute", "    - action_name: compute")
    assert load('"neuron.activation" = "mac.compute"', ert=text).energy_of("neuron.activation").value == pytest.approx(0.256e-12)


def test_instances_may_be_named(load):
    """The range of instances behind a name does not matter, and may be written or left out on every level of the path."""
    for name in ("mac", "PE.mac", "PE[0..16383].mac", "PE[0..3].mac[0..1]", "system_arch.chip.PE[0..16383].mac"):
        assert load(f'"neuron.activation" = "{name}.compute"', ert=ERT_SUMMARY).energy_of("neuron.activation").value == pytest.approx(0.256e-12)


def test_small_numbers_are_numbers(load):
    """1e-09, which YAML 1.1 takes for text, is a number; so is 0."""
    assert load('"neuron.activation" = "adc.leak"').energy_of("neuron.activation").value == pytest.approx(1e-21)
    assert load('"neuron.activation" = "adc.write"').energy_of("neuron.activation").value == 0.0


def test_a_likely_placeholder_is_pointed_out(load):
    """An area of 1 in an ART, which does not name its estimators, is taken and its source says what it may be."""
    table = load("", '"neuron" = "GLB"', art=ART_03)
    assert table.area_of("neuron").value == 1.0
    assert "dummy_table" in table.area["neuron"].source
    assert "dummy_table" not in load("", '"neuron" = "MAC"', art=ART_03).area["neuron"].source


@pytest.mark.parametrize(
    "actions, message",
    [
        (
            '"neuron.activation" = "acd.read"',
            "ERT.yaml has no component 'acd'; did you mean 'adc'? there is system_top_level.router[1..8], system_top_level.inp",
        ),
        (
            '"neuron.activation" = "adc.reads"',
            "system_top_level.adc[1..131072] in {}/ERT.yaml has no action 'reads'; did you mean 'read'? there is read, leak, write",
        ),
        ('"neuron.activation" = "adc"', "'adc' is no component.action"),
        ('"neuron.activaton" = "adc.read"', "'neuron.activaton' is no action with a price that chipsim knows; did you mean 'neuron.activation'?"),
        ('"array.pcm conductance time" = "adc.read"', "'array.pcm conductance time' is no action with a price"),
        ('"pcm.RESET charge" = "adc.read"', "has a price in V, which an ERT does not have"),
        (
            '"neuron.activation" = { action = "router.read", arguments = { global_cycles = 1 } }',
            "has no argument 'global_cycles'; did you mean 'global_cycle_seconds'?",
        ),
        (
            '"neuron.activation" = { action = "router.read", arguments = { action_latency_cycles = 2 } }',
            "has no entry with (action_latency_cycles = 2); there is (",
        ),
    ],
)
def test_what_an_ert_does_not_have_is_told(load, tmp_path, actions, message):
    """A component, action or argument that is not there is told with the table's file, line and key, a near spelling and what there is."""
    text = refused(load, message.replace("{}", str(tmp_path)), actions)
    assert text.startswith(f'{tmp_path / "mine.toml"}:6: accelergy.actions."{actions.split(chr(34))[1]}": ')


def test_what_an_art_does_not_have_is_told(load, tmp_path):
    """Blocks and components that are not there are told likewise, all at once."""
    text = refused(load, "'read out' is no block that chipsim knows; did you mean 'read-out'?", "", '"read out" = "adc"\n"neuron" = "dac"')
    assert f"{tmp_path / 'mine.toml'}:9: accelergy.blocks.neuron: {tmp_path / 'ART.yaml'} has no component 'dac'; did you mean 'adc'?" in text


def test_ambiguous_components_are_refused(load):
    """The end of a path that two components share is not enough, but the whole path is, also where it is the end of another's."""
    ert = ERT_03.replace("simple_primitive.PE.buffer", "PE.MAC")
    refused(load, "'MAC' is ambiguous", '"neuron.activation" = "MAC.idle"', ert=ert)
    assert load('"neuron.activation" = "PE.MAC.read"', ert=ert).energy["neuron.activation"].source.startswith("Accelergy ERT.yaml: PE.MAC.read")


def test_entries_of_a_summary_cannot_be_told_apart(load):
    """A summary has no arguments to choose by."""
    refused(load, "is a summary and has no arguments", '"buffer.bit" = { action = "shared_glb.write", arguments = { data_delta = 1 } }', ert=ERT_SUMMARY)


def test_placeholders_are_refused(load):
    """What the estimator dummy_table alone made up is no price."""
    refused(load, "system_arch.chip.PE[0..16383].scratchpad was estimated by dummy_table alone", '"buffer.bit" = "scratchpad.read"', ert=ERT_SUMMARY)
    refused(load, "system_arch.DRAM was estimated by dummy_table alone", "", '"neuron" = "DRAM"', art=ART_SUMMARY)


@pytest.mark.parametrize(
    "energy, message",
    [
        ("-1.1", "-1.1 is negative; zero or more pJ is wanted"),
        (".nan", "nan is no finite number"),
        (".inf", "inf is no finite number"),
        ("-.inf", "-inf is negative"),
        ("much", "'much' is no finite number"),
        ("true", "true is no finite number"),
        ("null", "nothing is no finite number"),
        ("[1]", "a list is no finite number"),
        ("0x1" + 5000 * "0", "a number beyond 1e30 is no finite number"),
    ],
)
def test_energies_that_are_none_are_told(load, tmp_path, energy, message):
    """An energy that is negative, no number or not finite is told with the line of the YAML file, and the one of the table."""
    text = refused(load, message, ert=ERT_04.replace("1.10896", energy))
    assert f"{tmp_path / 'ERT.yaml'}:22: system_top_level.adc[1..131072].read: energy: " in text
    assert text.startswith(f"{tmp_path / 'mine.toml'}:6: ")


def test_areas_that_are_none_are_told(load, tmp_path):
    """Likewise an area."""
    text = refused(load, "-5 is negative; zero or more um2 is wanted", "", '"read-out" = "adc"', art=ART_04.replace("708866.0", "-5"))
    assert f"{tmp_path / 'ART.yaml'}:7: system_top_level.adc[1..131072]: area: " in text


def test_missing_energies_are_told(load):
    """An action without an energy is told with what it has."""
    refused(
        load,
        "ERT.yaml:20: system_top_level.adc[1..131072].read: energy: is missing; there is name, arguments, power",
        ert=ERT_04.replace("energy: 1.10896", "power: 1"),
    )


@pytest.mark.parametrize(
    "text, message",
    [
        (ART_04, "ERT.yaml: ERT or ERT_summary is wanted at the top; ART found"),
        ("- ERT\n", "ERT.yaml: ERT or ERT_summary is wanted at the top; a list found"),
        ("", "ERT.yaml: ERT or ERT_summary is wanted at the top; nothing found"),
        ("ERT: [1", "ERT.yaml:1: is no YAML: "),
        ("ERT:\n\tversion: 1", "ERT.yaml:2: is no YAML: "),
        ("a: 1\n---\nb: 2", "ERT.yaml:2: is no YAML: but found another document"),
        ("!!python/object/apply:os.getcwd []", "ERT.yaml:1: is no YAML: could not determine a constructor"),
        ("a: \0", "ERT.yaml: is no YAML: "),
        ("[" * 2000, "ERT.yaml: is no YAML: "),
        ("a: 2024-13-45", "ERT.yaml:1: is no YAML: the value does not fit its tag !!timestamp (ValueError: month must be in 1..12)"),
        ("ERT:\n", "ERT.yaml:1: ERT: a mapping is wanted, nothing found"),
        ("ERT:\n  tables: []\n", "ERT.yaml:2: version: nothing is not known; 0.3 and 0.4 are"),
        ("ERT:\n  version: 0.2\n", "ERT.yaml:2: version: 0.2 is not known; 0.3 and 0.4 are"),
        ("ERT:\n  version: [0.4]\n", "ERT.yaml:2: version: a list is not known"),
        ("ERT:\n  version: 0.4\n", "ERT.yaml:2: tables: is missing"),
        ("ERT:\n  version: 0.4\n  tables: all\n", "ERT.yaml:3: tables: a list is wanted, 'all' found"),
        ("ERT:\n  version: 0.4\n  tables:\n  - adc\n", "ERT.yaml:3: an entry of the table: a mapping is wanted, 'adc' found"),
        ("ERT:\n  version: 0.4\n  tables:\n  - actions: []\n", "ERT.yaml:4: name: is missing"),
        ("ERT:\n  version: 0.4\n  tables:\n  - name: 3\n", "ERT.yaml:4: name: a text is wanted, 3 found"),
        ("ERT:\n  version: 0.4\n  tables:\n  - name: adc\n", "ERT.yaml:4: actions: is missing"),
        ("ERT:\n  version: 0.4\n  tables:\n  - name: adc\n    actions: [{name: read, arguments: 1}]\n", "ERT.yaml:5: arguments: a mapping is wanted, 1 found"),
        (
            "ERT:\n  version: 0.4\n  tables:\n  - {name: adc, actions: []}\n  - {name: adc, actions: []}\n",
            "ERT.yaml:5: component 'adc' stands there twice, first in l",
        ),
    ],
)
def test_files_that_are_no_such_table_are_told(load, tmp_path, text, message):
    """What is no YAML, or no ERT in a layout that is known, is told once, with its file, its line, and the line of the table that names it."""
    found = refused(load, f"accelergy.energy: {tmp_path}/{message}", f'{ADC}\n"neuron.activation" = "adc.read"', ert=text)
    assert len(found.splitlines()) == 1


def test_a_missing_or_unreadable_file_is_told(load, tmp_path):
    """A path that leads nowhere, to a folder or to bytes that are no text is told."""
    refused(load, f"mine.toml:4: accelergy.energy: {tmp_path}/none.yaml: there is no such file", ert=None, extra='energy = "none.yaml"')
    refused(load, f"accelergy.energy: {tmp_path}: cannot be read", ert=None, extra='energy = "."')
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    refused(load, "bytes.yaml: cannot be read", ert=None, extra='energy = "bytes.yaml"')


@pytest.mark.parametrize(
    "section, message",
    [
        ('node = "7 nm"', "mine.toml:2: accelergy: names neither an energy nor an area file"),
        ('energy = "ERT.yaml"', "mine.toml:2: accelergy.node: is missing"),
        ('node = "7 nm"\nenergy = "ERT.yaml"', "mine.toml:4: accelergy.energy: 'ERT.yaml' is named, but accelergy.actions takes nothing from it"),
        ('node = "7 nm"\narea = "ART.yaml"', "mine.toml:4: accelergy.area: 'ART.yaml' is named, but accelergy.blocks takes nothing from it"),
        ('node = "7 nm"\nactions."neuron.activation" = "adc.read"', "mine.toml:2: accelergy.energy: is missing; accelergy.actions takes from it"),
        ('node = "7 nm"\nblocks.neuron = "adc"', "mine.toml:2: accelergy.area: is missing; accelergy.blocks takes from it"),
        ('node = "7 nm"\nenergie = "ERT.yaml"', "mine.toml:4: accelergy.energie: is unknown; allowed are node, energy, area, actions, blocks"),
        ('node = "7 nm"\nenergy = 1', "mine.toml:4: accelergy.energy: "),
        ('node = "7 nm"\nactions.x = 1', "mine.toml:4: accelergy.actions.x: "),
        ('node = "7 nm"\nactions.x = {action = "a.b", take = "mean"}', "mine.toml:4: accelergy.actions.x.take: "),
    ],
)
def test_a_section_that_is_wrong_is_told(tmp_path, section, message):
    """A section without a node, with files that nothing is taken from, or with unknown keys is refused with its line."""
    (tmp_path / "mine.toml").write_text(f'extends = "bottom-up-14nm"\n[accelergy]\n{section}\n', encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(message)):
        PriceTable.load(tmp_path / "mine.toml")


def test_no_table_but_a_value(tmp_path):
    """A key `accelergy` that is no table is refused."""
    (tmp_path / "mine.toml").write_text('extends = "bottom-up-14nm"\naccelergy = 3\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"mine.toml:2: accelergy: .*3 found"):
        PriceTable.load(tmp_path / "mine.toml")


def test_a_price_is_given_once(load):
    """A price that the same file both gives and takes is refused, with its line."""
    own = '[energy."read-out.conversion"]\nvalue = "1 pJ"\nnode = "7 nm"\nsource = "test"\nbasis = "assumed"'
    refused(load, 'mine.toml:7: energy."read-out.conversion": is taken from accelergy, too', f"{ADC}\n{own}")


def test_nested_references_do_not_fill_the_memory(load):
    """A file whose lists hold each other a thousand million times over is refused in a few words."""
    levels = "\n".join(f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 10)}]" for level in range(1, 10))
    text = refused(load, "energy: a list is no finite number", ert=f"l0: &l0 [1]\n{levels}\n" + ERT_04.replace("1.10896", "*l9"))
    assert len(text) < 1000


def test_prices_that_are_no_table_are_told(load):
    """A table whose own prices are a mere number is refused as it would be without the section."""
    refused(load, "mine.toml:2: energy: ", base='bottom-up-14nm"\nenergy = 3\ntitle = "mine')


def test_without_pyyaml_it_is_told_how_to_get_it(load, monkeypatch):
    """Where PyYAML is not installed the message says what to install; tables without the section need none."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    refused(load, "needs the package PyYAML, which is not installed; install it with: pip install 'chipsim[accelergy]'")
    assert PriceTable.load("bottom-up-14nm") == BASE


@given(st.one_of(st.text(max_size=100), st.text("ERT:version04tablsnmc -\n'\"[]{}&*!|>", max_size=60).map(lambda text: f"ERT:\n  version: 0.4\n{text}")))
def test_any_text_is_an_ert_or_an_input_error(tmp_path_factory, text):
    """No text makes loading end in another error."""
    folder = tmp_path_factory.getbasetemp()
    (folder / "any.yaml").write_text(text, encoding="utf-8", newline="")
    (folder / "any.toml").write_text(
        f'extends = "bottom-up-14nm"\n[accelergy]\nnode = "7 nm"\nenergy = "any.yaml"\n[accelergy.actions]\n{ADC}\n', encoding="utf-8"
    )
    with pytest.raises(InputError):
        PriceTable.load(folder / "any.toml")


def test_a_file_without_an_end_is_refused(tmp_path, monkeypatch):
    """No more is read than a table can be large."""
    monkeypatch.setattr("chipsim.costs.accelergy_files._LARGEST", 2**20)
    (tmp_path / "ert.yaml").write_bytes(b"#" * (2**20 + 1))
    with pytest.raises(InputError, match="is larger than 1 MiB: no table of Accelergy"):
        read(tmp_path / "ert.yaml", "ERT")
