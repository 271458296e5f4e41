"""Price tables: complete, cited, and clear about what is wrong."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import chipsim.costs
from chipsim import units
from chipsim.costs import ACTIONS, AREA_COMPONENTS, BLOCKS, COMPONENTS, PriceTable, check_read_voltage, shipped_tables
from chipsim.costs.blocks import FACTORS
from chipsim.costs.table import CELLS, PRICED
from chipsim.errors import InputError

TEXT = resources.files(chipsim.costs).joinpath("tables", "bottom-up-14nm.toml").read_text(encoding="utf-8")
SUPPLY = {"bottom-up-14nm": 0.8, "bottom-up-90nm": 1.2}
"""Supply of the periphery, V."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return an empty folder that is the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder, old, new, name="mine.toml"):
    """Return the path of a copy of a shipped table with a piece of text replaced."""
    assert old in TEXT
    (folder / name).write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    return name


def entry(key):
    """Return the text of one entry of the shipped table, its header included."""
    start = TEXT.index(f"[{key}]\n")
    return TEXT[start : TEXT.find("\n[", start) + 1]


def refused(name, changes=None):
    """Return the lines of the error that loading a table ends in."""
    with pytest.raises(InputError) as caught:
        PriceTable.load(name, changes)
    return str(caught.value).splitlines()


def line_of(path, text):
    """Return the number of the first line of a file that begins so."""
    return next(number for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), start=1) if line.startswith(text))


# ---- what ships ---------------------------------------------------------------------------------------------------------


def test_the_names_of_the_shipped_tables():
    """A table a node ships, of periphery and cells."""
    assert {"bottom-up-14nm", "bottom-up-90nm"} <= set(shipped_tables())


@pytest.mark.parametrize("name", shipped_tables())
def test_shipped_tables_are_complete(name):
    """Every action, block and cell has its entry; each entry has unit, node, source and basis, and is told in one line."""
    table = PriceTable.load(name)
    assert set(table.energy) == set(PRICED)
    assert set(table.area) == set(table.static) == set(BLOCKS)
    assert set(table.cell) == set(CELLS)
    assert {"wiring", "asleep"} <= set(table.factor) <= set(FACTORS)
    found = [
        *(table.energy_of(action) for action in PRICED),
        *(table.area_of(block) for block in BLOCKS),
        *(table.static_of(block) for block in BLOCKS),
        *(side for kind in CELLS for side in table.cell_of(kind)),
        table.read_voltage_figure(),
    ]
    assert all(figure.value >= 0.0 and figure.unit for figure in found)
    entries = [*table.energy.values(), *table.area.values(), *table.static.values(), *table.cell.values(), *table.factor.values(), table.read_voltage]
    entries += [table.converter.rate, *table.converter.alternative.values()]
    assert all(entry.node and len(entry.source) >= len("likewise") and entry.basis in {"read", "derived", "assumed"} for entry in entries)
    assert table.title
    assert table.converter.what
    assert table.conversions_per_second > 0.0


def test_units_follow_from_what_is_priced():
    """Charge is priced by a voltage, every other action by an energy; what is read or lasts has no price of its own."""
    table = PriceTable.load("bottom-up-14nm")
    assert {table.energy_of(name).unit for name in PRICED if name.endswith("charge")} == {"V"}
    assert {table.energy_of(name).unit for name in PRICED if not name.endswith("charge")} == {"J"}
    assert {name for name, action in ACTIONS.items() if not action.priced} == {name for name in ACTIONS if "time" in name}
    assert (table.area_of("neuron").unit, table.static_of("neuron").unit) == ("um2", "W")


def test_every_component_has_something_that_belongs_to_it():
    """No component of the energy is without an action, none of the area, but cells and wiring, without a block."""
    assert {action.component for action in ACTIONS.values()} == set(COMPONENTS)
    assert {block.component for block in BLOCKS.values()} | {"cells", "wiring"} == set(AREA_COMPONENTS)


@pytest.mark.parametrize("name", shipped_tables())
def test_actions_for_free_are_assumed_to_be(name):
    """An energy of zero is an assumption with its reason, never something that was read."""
    table = PriceTable.load(name)
    free = [action for action in PRICED if not table.energy_of(action).value]
    assert all(table.energy[action].basis == "assumed" for action in free)
    assert set(free) <= {"array.forward read", "array.backward read", "update pulse.up", "update pulse.down"}


def test_conversion_of_isaac():
    """The 14 nm table's conversion is that of ISAAC's converter, 2 mW at 1.2 GS/s, within one per cent."""
    table = PriceTable.load("bottom-up-14nm")
    assert table.energy_of("read-out.conversion").value == pytest.approx(2e-3 / 1.2e9, rel=0.01)
    assert table.conversions_per_second == pytest.approx(1.2e9)


@pytest.mark.parametrize("name", SUPPLY)
def test_loads_follow_from_the_cell(name):
    """What a cell adds to its line is C V^2 of 0.2 fF/um of wire over the cell's pitch and 0.2 fF a cell, as the sources say."""
    table = PriceTable.load(name)
    width, height = (side.value for side in table.cell_of("2pcm+3t1c"))
    row, column = ((0.2 * pitch + 0.2) * 1e-15 for pitch in (width, height))
    supply = SUPPLY[name]
    for action, expected in {
        "word line.drive load": row * supply**2,
        "bit line.drive load": column * supply**2,
        "word line.update load": row * 1.2**2,
        "bit line.update load": column * 1.2**2,
        "word line.RESET load": row * 2.0**2,
        "word line.SET load": row * 1.2**2,
    }.items():
        assert table.energy_of(action).value == pytest.approx(expected, rel=0.01), action


@pytest.mark.parametrize("name", SUPPLY)
def test_capacitors_and_supplies_are_charged(name):
    """Presetting, or refreshing, charges 50 fF to 0.5 V from 1.2 V; a wake-up charges 10 nF; a sample is one conversion."""
    table = PriceTable.load(name)
    assert table.energy_of("capacitor.preset").value == pytest.approx(50e-15 * 0.5 * 1.2)
    assert table.energy_of("capacitor.refresh").value == table.energy_of("capacitor.preset").value
    assert table.energy_of("power.wake-up").value == pytest.approx(10e-9 * SUPPLY[name] ** 2)
    assert table.energy_of("transfer.sample read").value == table.energy_of("read-out.conversion").value


@pytest.mark.parametrize("name, feature", [("bottom-up-14nm", 14), ("bottom-up-90nm", 90)])
def test_cells_are_so_many_features_large(name, feature):
    """The hybrid cell is 100 F x 50 F; the pair takes a quarter of it, the capacitor the rest."""
    area = {kind: width.value * height.value for kind, (width, height) in ((kind, PriceTable.load(name).cell_of(kind)) for kind in CELLS)}
    assert area["2pcm+3t1c"] == pytest.approx(5000 * (feature * 1e-3) ** 2)
    assert area["2pcm"] == pytest.approx(area["2pcm+3t1c"] / 4)
    assert area["3t1c"] == pytest.approx(area["2pcm+3t1c"] * 3 / 4)


# ---- tables of one's own ------------------------------------------------------------------------------------------------


def test_a_table_from_a_path(folder):
    """A table of one's own is loaded by its path, as text or as a path."""
    path = written(folder, 'value = "1.67 pJ"', 'value = "2 pJ"')
    assert PriceTable.load(path).energy_of("read-out.conversion").value == 2e-12
    assert PriceTable.load(folder / path) == PriceTable.load(path)


def test_a_table_may_name_only_what_it_changes(folder):
    """A table extends a shipped one, or a file beside it, and replaces entries key by key."""
    (folder / "sub").mkdir()
    (folder / "sub" / "base.toml").write_text('extends = "bottom-up-14nm"\ntitle = "base"\n[energy."read-out.conversion"]\nvalue = "0.36 pJ"\n')
    (folder / "sub" / "top.toml").write_text('extends = "base.toml"\n[area.read-out]\nvalue = "1400 um2"\nbasis = "derived"\n')
    table, shipped = PriceTable.load("sub/top.toml"), PriceTable.load("bottom-up-14nm")
    assert table.title == "base"
    said = {name: f"set in {Path('sub') / name}.toml, which names no source" for name in ("base", "top")}
    changed = {"value": "0.36 pJ", "basis": "assumed", "source": said["base"]}
    assert table.energy["read-out.conversion"] == shipped.energy["read-out.conversion"].model_copy(update=changed)
    assert table.area["read-out"] == shipped.area["read-out"].model_copy(update={"value": "1400 um2", "basis": "derived", "source": said["top"]})
    assert table.static == shipped.static


def test_a_number_of_ones_own_does_not_carry_the_source_of_another(folder):
    """Pitch, alternative converter and factor, too: where only the number is replaced, the source says so; one that is given is kept."""
    (folder / "mine.toml").write_text(
        'extends = "paper-2018"\n[cell."2pcm"]\nwidth = "2 um"\n[factor.wiring]\nvalue = 2\n[converter.alternative.regression]\nenergy = "1 pJ"\n'
        '[area.neuron]\nvalue = "1 um2"\nsource = "layout"\nbasis = "derived"\n[static.neuron]\nscaled = false\n'
    )
    table, base = PriceTable.load("mine.toml"), PriceTable.load("paper-2018")
    for found in (table.cell["2pcm"], table.factor["wiring"], table.converter.alternative["regression"]):
        assert (found.source, found.basis) == ("set in mine.toml, which names no source", "assumed")
    assert (table.area["neuron"].source, table.area["neuron"].basis) == ("layout", "derived")
    assert table.static["neuron"].source == base.static["neuron"].source


def test_a_scenario_replaces_single_entries():
    """A replaced entry belongs to no node, is an assumption that says where it was set, and nothing else changes."""
    changes = {"energy": {"read-out.conversion": "0.36 pJ"}, "area": {"read-out": "600 um2"}, "static": {"read-out": "0 W"}}
    table, shipped = PriceTable.load("bottom-up-14nm", changes), PriceTable.load("bottom-up-14nm")
    figures = table.energy_of("read-out.conversion"), table.area_of("read-out"), table.static_of("read-out")
    assert [figure.value for figure in figures] == [0.36e-12, 600.0, 0.0]
    assert all(figure.note == "assumed, of no named node: set in the scenario" for figure in figures)
    same = (table.energy_of(name).value == shipped.energy_of(name).value for name in PRICED)
    assert sum(not equal for equal in same) == 1


def test_a_factor_scales_everything_but_what_a_scenario_sets(folder):
    """`factor.energy` holds for energies and idle power, `factor.area` for areas of blocks; entries set by a scenario, or marked so, are as they stand."""
    (folder / "mine.toml").write_text(
        'extends = "bottom-up-14nm"\n'
        + "".join(f'[factor.{name}]\nvalue = {value}\nnode = "any"\nsource = "a fit"\nbasis = "assumed"\n' for name, value in (("energy", 0.5), ("area", 4)))
        + '[energy."host link.bit"]\nscaled = false\n'
    )
    changes = {"energy": {"buffer.bit": "1 pJ"}, "area": {"neuron": "1 um2"}, "static": {"neuron": "1 W"}}
    table, plain = PriceTable.load("mine.toml", changes), PriceTable.load("bottom-up-14nm", changes)
    for action in PRICED:
        factor = 1.0 if action in {"buffer.bit", "host link.bit"} else 0.5
        assert table.energy_of(action).value == pytest.approx(factor * plain.energy_of(action).value)
    for block in BLOCKS:
        assert table.static_of(block).value == pytest.approx((1.0 if block == "neuron" else 0.5) * plain.static_of(block).value)
        assert table.area_of(block).value == pytest.approx((1.0 if block == "neuron" else 4.0) * plain.area_of(block).value)
    scaled = table.energy_of("read-out.conversion")
    assert (scaled.name, scaled.formula) == ("energy.read-out.conversion.scaled", "energy.read-out.conversion * factor.energy")
    assert [part.note for part in scaled.inputs] == [plain.energy_of("read-out.conversion").note, "assumed, any: a fit"]


def test_reads_at_another_voltage_are_refused():
    """A table is priced for reads at one voltage; a cell that is read at another is refused, with both values."""
    table = PriceTable.load("bottom-up-14nm")
    check_read_voltage(table, "mine", 0.2)
    check_read_voltage(table, "mine", 0.2 * (1 + 1e-12))
    with pytest.raises(InputError, match=r"prices.table: 'mine' holds for reads at 0.2 V, but cell.read_voltage is 0.3 V; set one to the other"):
        check_read_voltage(table, "mine", 0.3)


# ---- what is wrong ------------------------------------------------------------------------------------------------------


def test_an_unknown_name_lists_the_tables():
    """A name that is no table gets a near spelling and the list."""
    (line,) = refused("bottom-up-14")
    assert line.startswith("prices.table: there is no price table 'bottom-up-14', did you mean 'bottom-up-14nm'? shipped are bottom-up-14nm, bottom-up-90nm")


@pytest.mark.parametrize("key", ['energy."neuron.activation"', 'area."neuron"', 'static."neuron"', 'cell."2pcm"', "factor.wiring", "read_voltage"])
def test_a_missing_entry_is_told(folder, key):
    """A table without an entry that every table has is refused, with the file, the line of the table around it, and the key."""
    (line,) = refused(written(folder, entry(key), ""))
    plain = key.replace('"neuron"', "neuron").replace('"2pcm"', "2pcm")
    around = f":{line_of('mine.toml', f'[{key.split(chr(46))[0]}.')}" if "." in key else ""
    assert line == f"mine.toml{around}: {plain}: is missing"


@pytest.mark.parametrize("key", ["value", "node", "source", "basis"])
def test_a_missing_part_of_an_entry_is_told(folder, key):
    """An entry without value, node, source or basis is refused with its own line."""
    text = entry('energy."buffer.bit"')
    (line,) = refused(written(folder, text, "\n".join(part for part in text.split("\n") if not part.startswith(key))))
    assert line == f'mine.toml:{line_of("mine.toml", "[energy." + chr(34) + "buffer.bit")}: energy."buffer.bit".{key}: is missing'


@pytest.mark.parametrize(
    "old, new, message",
    [
        ('[energy."neuron.activation"]', '[energy."neuron.activaton"]', "energy.\"neuron.activaton\": 'neuron.activaton' is no action with a price"),
        ('[area."neuron"]', '[area."nuron"]', "area.nuron: 'nuron' is no block that chipsim knows; did you mean 'neuron'?"),
        ('[static."neuron"]', '[static."a: b\\n"]', "static.\"a: b\\n\": 'a: b\\n' is no block that chipsim knows; known are: word line driver"),
        ('[cell."2pcm"]', '[cell."3pcm"]', "cell.3pcm: '3pcm' is no kind of cell that chipsim knows; did you mean"),
        ("[factor.asleep]", "[factor.sleep]", "factor.sleep: 'sleep' is no factor that chipsim knows; did you mean 'asleep'?"),
        ('[energy."neuron.activation"]', '[other."neuron.activation"]', "other: is unknown; allowed are title, node, read_voltage, converter, energy"),
        ('value = "1.67 pJ"', "value = 1.67", 'energy."read-out.conversion".value: the number 1.67 has no unit; write for instance "1.67 J"'),
        ('value = "1.67 pJ"', 'value = "1.67"', "energy.\"read-out.conversion\".value: cannot read '1.67' as a quantity in J"),
        ('value = "1.67 pJ"', 'value = "1.67 V"', "energy.\"read-out.conversion\".value: '1.67 V' is not a quantity in J"),
        ('value = "1.67 pJ"', 'value = "-1 pJ"', "energy.\"read-out.conversion\".value: '-1 pJ' is negative; zero or more is allowed"),
        ('value = "1.67 pJ"', 'value = "nan pJ"', "energy.\"read-out.conversion\".value: cannot read 'nan pJ' as a quantity in J"),
        ('value = "1.67 pJ"', 'value = "1e999 pJ"', "energy.\"read-out.conversion\".value: '1e999 pJ' is out of range"),
        ('value = "57.4 um2"', 'value = "57.4 um"', "area.neuron.value: '57.4 um' is not a quantity in um2"),
        ('value = "26 uW"', 'value = "26 uJ"', "static.neuron.value: '26 uJ' is not a quantity in W"),
        ('value = "2 V"', 'value = "2 J"', "energy.\"pcm.RESET charge\".value: '2 J' is not a quantity in V"),
        ('width = "1.4 um"', 'width = "0 um"', "cell.\"2pcm+3t1c\".width: '0 um' is zero; more than that is allowed"),
        ('height = "0.7 um"', 'height = "-1 um"', "cell.\"2pcm+3t1c\".height: '-1 um' is negative"),
        ('value = "0.2 V"', 'value = "0 V"', "read_voltage.value: '0 V' is zero; more than that is allowed"),
        ('value = "1.2 GHz"', 'value = "1.2 ns"', "converter.rate.value: '1.2 ns' is not a quantity in Hz"),
        ('area = "1400 um2"', 'area = "1400 W"', "converter.alternative.regression.area: '1400 W' is not a quantity in um2"),
        ('energy = "0.36 pJ"', 'energy = "-1 pJ"', "converter.alternative.regression.energy: '-1 pJ' is negative"),
        ('energy = "0.36 pJ"', 'energie = "1 pJ"', "converter.alternative.regression.energie: is unknown; allowed are node, source, basis, energy, area"),
        ("value = 1.3", "value = 0.9", "factor.wiring.value: 0.9 is not in 1 ... 10"),
        ("value = 1.3", "value = nan", "factor.wiring.value: Input should be a finite number, nan found"),
        ("value = 1.3", 'value = "1.3"', "factor.wiring.value: Input should be a valid number, '1.3' found"),
        ("value = 0.08", "value = -0.08", "factor.asleep.value: -0.08 is not in 0 ... 1"),
        ('basis = "read"', 'basis = "guessed"', "read_voltage.basis: Input should be 'read', 'derived' or 'assumed', 'guessed' found"),
        ('title = "', 'titel = "', "titel: is unknown; allowed are title, node"),
        ('value = "0.16 pJ"', 'value = "0.16 pJ"\nextra = 1', 'energy."buffer.bit".extra: is unknown; allowed are node, source, basis, value, scaled'),
    ],
)
def test_what_is_wrong_is_told(folder, old, new, message):
    """A misspelt, unknown or wrong entry is told with file, line, key, value and what is allowed."""
    lines = refused(written(folder, old, new))
    (line,) = (line for line in lines if message in line)
    place, _, rest = line.partition(": ")
    file, _, number = place.partition(":")
    assert file == "mine.toml"
    assert rest.startswith(message)
    changed = new.splitlines()[-1]
    around = [part for part in (changed, *(f"[{key}" for key in message.partition(": ")[0].rsplit(".", 1))) if part]
    text = (folder / "mine.toml").read_text(encoding="utf-8").splitlines()[int(number) - 1]
    assert any(text.startswith(part) for part in around)


def test_all_faults_are_told_at_once(folder):
    """What is missing, unknown and wrong is told in one error."""
    written(folder, '[energy."neuron.activation"]', '[energy."neuron.activaton"]')
    text = (folder / "mine.toml").read_text().replace('"1.67 pJ"', '"1.67 V"', 1).replace(entry('area."tile control"'), "").replace("value = 1.3", "value = 11")
    (folder / "mine.toml").write_text(text)
    keys = ['energy."neuron.activaton"', 'energy."neuron.activation"', 'energy."read-out.conversion".value', 'area."tile control"', "factor.wiring.value"]
    lines = refused("mine.toml")
    assert len(lines) == len(keys)
    assert all(any(f": {key}: " in line for line in lines) for key in keys)


def test_a_missing_part_hides_no_wrong_value(folder):
    """Entries are checked also where another one is incomplete."""
    (folder / "mine.toml").write_text(
        'extends = "bottom-up-14nm"\n[energy."read-out.conversion"]\nvalue = "1 W"\n[area.neuron]\nvalue = "-1 um2"\n[static.x]\nvalue = "1 W"\n'
    )
    lines = refused("mine.toml")
    wanted = ["6: static.x.node: is missing", '3: energy."read-out.conversion".value: ', "5: area.neuron.value: ", "6: static.x: 'x' is no block"]
    assert all(any(line.startswith(f"mine.toml:{start}") for line in lines) for start in wanted)
    assert len(lines) == len(set(lines)) == 6


@pytest.mark.parametrize(
    "text, line",
    [('title = "a"\nnode = \n', 2), ('title = "a"\n[[energy]]\n[energy]\n', 3), ('title = "a"\n\nnode = "', 3)],
    ids=["no value", "two kinds of table", "no end"],
)
def test_what_is_no_toml_is_told_with_its_line(folder, text, line):
    """A file that is no TOML is refused with the line where it stops being one."""
    (folder / "mine.toml").write_text(text)
    (told,) = refused("mine.toml")
    assert told.startswith(f"mine.toml:{line}: is no TOML: ")


@pytest.mark.parametrize("wrong", ["3", "[]", '""', '"no table"', '"../mine.toml/x"', '"\\u0000"'])
def test_what_a_table_extends_must_be_there(folder, wrong):
    """A base that is missing, or no name, is refused with the file and line that name it."""
    (folder / "mine.toml").write_text(f'title = "a"\nextends = {wrong}\n')
    (line,) = refused("mine.toml")
    assert line.startswith("mine.toml:2: extends: ")


def test_tables_cannot_extend_each_other_in_a_circle(folder):
    """A circle, or a chain that is too long, is refused with the place where it is given up; eight in a row are fine."""
    (folder / "one.toml").write_text('extends = "two.toml"\n')
    (folder / "two.toml").write_text('\nextends = "one.toml"\n')
    (line,) = refused("one.toml")
    assert line == "two.toml:2: extends: the tables extend each other in a circle: one.toml -> two.toml -> one.toml"
    for number in range(9):
        (folder / f"{number}.toml").write_text(f'extends = "{f"{number - 1}.toml" if number else "bottom-up-14nm"}"\n')
    assert PriceTable.load("7.toml") == PriceTable.load("bottom-up-14nm")
    assert "0.toml:1: extends: " in refused("8.toml")[0]


def test_a_fault_in_a_base_is_told_where_it_stands(folder):
    """Lines are those of the file that holds the entry, not of the one that extends it."""
    written(folder, 'value = "1.67 pJ"', 'value = "1.67 V"', "base.toml")
    (folder / "top.toml").write_text('extends = "base.toml"\n[energy."buffer.bit"]\nvalue = "1 W"\n')
    first, second = sorted(refused("top.toml"))
    number = line_of("base.toml", 'value = "1.67 V"')
    assert first.startswith(f'base.toml:{number}: energy."read-out.conversion".value: ')
    assert second.startswith('top.toml:3: energy."buffer.bit".value: ')


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"energy": {"read-out.conversions": "1 pJ"}}, "prices.energy.\"read-out.conversions\": 'read-out.conversions' is no action with a price"),
        ({"area": {"read-out": "1 J"}}, "prices.area.read-out: '1 J' is not a quantity in um2"),
        ({"static": {"read-out": "-1 W"}}, "prices.static.read-out: '-1 W' is negative"),
    ],
)
def test_a_wrong_change_is_told(changes, message):
    """What is to replace an entry is refused by its key in the scenario."""
    (line,) = refused("bottom-up-14nm", changes)
    assert line.startswith(message)


@pytest.mark.parametrize("text", ["energy = 3", "[energy]\nbuffer = 1", '[energy]\n"read-out.conversion" = 1'])
def test_a_change_of_a_damaged_table_is_no_crash(folder, text):
    """Where a table is no table, replacing an entry of it ends in the table's own faults."""
    (folder / "mine.toml").write_text(text)
    assert refused("mine.toml", {"energy": {"read-out.conversion": "1 pJ"}})


def test_a_misspelt_base_in_a_folder_gets_a_near_spelling(folder):
    """The name is compared, not the path that it makes with the folder of the table."""
    (folder / "mine.toml").write_text('extends = "bottom-up-14mn"\n')
    (line,) = refused(folder / "mine.toml")
    assert "did you mean 'bottom-up-14nm'?" in line


def test_a_file_too_large_for_a_table_is_refused(folder):
    """No more than a MiB is read, so that a file without an end is refused, too."""
    (folder / "mine.toml").write_text('extends = "bottom-up-14nm"\n#' + "x" * 2**20)
    assert refused("mine.toml") == ["prices.table: 'mine.toml' is larger than 1 MiB: no price table"]


def test_a_byte_order_mark_is_no_fault(folder):
    """Editors that put one before a text do no harm."""
    (folder / "mine.toml").write_bytes(b'\xef\xbb\xbfextends = "bottom-up-14nm"\n')
    assert PriceTable.load("mine.toml") == PriceTable.load("bottom-up-14nm")


def test_a_folder_or_binary_file_is_no_table(tmp_path):
    """A path that holds no text is refused."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path, tmp_path / "binary"):
        with pytest.raises(InputError, match=r"cannot be read|binary:1: is not UTF-8: byte 0xff"):
            PriceTable.load(path)


@given(st.text(max_size=200))
def test_any_text_is_a_table_or_an_input_error(tmp_path_factory, text):
    """No text makes loading end in another error."""
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(InputError):
        PriceTable.load(path)


LINES = ["[energy]", '[energy."buffer.bit"]', "[[energy]]", "[energy.x.y]", "energy = 1", 'value = "1 pJ"', 'value = "1 um2"', "value = -1", 'node = ""']
LINES += [
    "[area.neuron]",
    "[cell.2pcm]",
    "width = 3",
    "[factor.energy]",
    "value = 2.5",
    "[converter]",
    "[converter.alternative.x]",
    'extends = "x"',
    "scaled = 1",
]


@given(st.lists(st.sampled_from(LINES), max_size=8))
def test_any_lines_are_taken_or_refused_in_the_file(tmp_path_factory, lines):
    """Whatever stands in a table that extends a shipped one, it loads, or every fault names a file and a line."""
    path = tmp_path_factory.mktemp("fuzz") / "any.toml"
    path.write_text("\n".join(['extends = "bottom-up-14nm"', *lines]), encoding="utf-8")
    try:
        assert PriceTable.load(path).title == "Bottom-up, 14 nm periphery"
    except InputError as error:
        assert all(line.startswith((f"{path}:", "bottom-up-14nm.toml:")) for line in str(error).splitlines())  # noqa: PT017 (either outcome is fine)


def test_a_table_cannot_be_changed():
    """A loaded table is frozen."""
    table = PriceTable.load("bottom-up-14nm")
    with pytest.raises(ValueError, match="frozen"):
        table.title = "other"


@pytest.mark.parametrize("text, um2", [("1 um2", 1.0), ("1 µm2", 1.0), ("1 mm2", 1e6), ("1 m2", 1e12), ("1 nm2", 1e-6)])
def test_areas_are_read_in_their_units(text, um2):
    """An area is a square, not a length: a mm2 is a million um2."""
    assert float(units.parse(text, "um2")) == um2


def test_names_without_quotes_are_told(tmp_path):
    """TOML reads a name with points as tables in tables; the message says how to write it, and where it stands."""
    mine = tmp_path / "mine.toml"
    mine.write_text('extends = "bottom-up-14nm"\n[energy.read-out.conversion]\nvalue = "1 pJ"\n', encoding="utf-8")
    with pytest.raises(InputError, match=r'mine.toml:2: energy.read-out.conversion: .* write \[energy."read-out.conversion"\], with the quotes'):
        PriceTable.load(mine)


@pytest.mark.parametrize("name", ["cell", "cells"])
def test_a_cell_is_no_block(name):
    """Who looks for the area of a cell among the blocks is told where its pitch stands."""
    with pytest.raises(InputError, match=r'the size of a cell is its pitch, width and height in \[cell."2pcm\+3t1c"\]'):
        PriceTable.load("bottom-up-14nm", {"area": {name: "0.3 um2"}})
