"""Price tables: complete, cited, and clear about what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import chipsim.costs
from chipsim.costs import ACTIONS, COMPONENTS, PriceTable, shipped_tables
from chipsim.errors import InputError

TABLES = Path(chipsim.costs.__file__).parent / "tables"
TEXT = (TABLES / "bottom-up-14nm.toml").read_text(encoding="utf-8")


def written(tmp_path, old, new):
    """Return the path of a copy of a shipped table with a piece of text replaced."""
    assert old in TEXT
    path = tmp_path / "mine.toml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["bottom-up-14nm", "bottom-up-90nm"])
def test_shipped_tables_are_complete(name):
    """Every action has a price with node, source and basis, and the converter is stated."""
    table = PriceTable.load(name)
    assert set(table.price) == set(ACTIONS)
    assert all(entry.node and len(entry.source) >= len("likewise") for entry in table.price.values())
    assert "a conversion" in table.converter
    assert all(rate >= 0 for rate in table.rates.values())


def test_every_component_has_an_action():
    """No component of the energy is left without something that is counted for it."""
    assert {action.component for action in ACTIONS.values()} == set(COMPONENTS)


def test_the_names_of_the_shipped_tables():
    """Two tables ship."""
    assert shipped_tables() == ("bottom-up-14nm", "bottom-up-90nm")


def test_conversion_of_isaac():
    """The 14 nm table's conversion is that of ISAAC's converter, 2 mW at 1.2 GS/s, within one per cent."""
    assert PriceTable.load("bottom-up-14nm").value("read-out.conversion") == pytest.approx(2e-3 / 1.2e9, rel=0.01)


@pytest.mark.parametrize("name, feature, voltage", [("bottom-up-14nm", 14, 0.8), ("bottom-up-90nm", 90, 1.2)])
def test_line_prices_follow_from_their_sources(name, feature, voltage):
    """Line prices are C V^2 of 512 cells, 0.2 fF/um of wire and 0.2 fF a cell, as their sources say."""
    table = PriceTable.load(name)
    row = 512 * (100 * feature * 1e-3 * 0.2 + 0.2) * 1e-15
    column = 512 * (50 * feature * 1e-3 * 0.2 + 0.2) * 1e-15
    converter = 37.5e-15 * (1.0 if feature == 14 else 90 / 65 * (1.2 / 1.1) ** 2)
    assert table.value("word line.drive") == pytest.approx(row * voltage**2 + converter, rel=0.01)
    assert table.value("bit line.drive") == pytest.approx(column * voltage**2 + converter, rel=0.01)
    assert table.value("word line.update slot") == pytest.approx(row * 1.2**2, rel=0.01)
    assert table.value("bit line.update slot") == pytest.approx(column * 1.2**2, rel=0.01)
    assert table.value("pcm.RESET pulse") == pytest.approx(row * 2.0**2, rel=0.01)
    assert table.value("pcm.SET ramp") == pytest.approx(row * 1.2**2, rel=0.01)


def test_a_table_from_a_path(tmp_path):
    """A table of one's own is loaded by its path."""
    path = written(tmp_path, 'value = "1.67 pJ"', 'value = "2 pJ"')
    assert PriceTable.load(path).value("read-out.conversion") == 2e-12
    assert PriceTable.load(str(path)).rates["array.pcm conductance time"] == pytest.approx(0.04)


def test_an_unknown_name_lists_the_tables():
    """A name that is no table gets a near spelling and the list."""
    with pytest.raises(InputError, match=r"'bottom-up-14', did you mean 'bottom-up-14nm'\? shipped are bottom-up-14nm, bottom-up-90nm"):
        PriceTable.load("bottom-up-14")


@pytest.mark.parametrize("name", ["bottom-up-14nm", "bottom-up-90nm"])
def test_column_prices_are_for_512_cells(name):
    """Sampling a column takes 512 conversions; presetting it charges 512 capacitors of 50 fF to 0.5 V from 1.2 V."""
    table = PriceTable.load(name)
    assert table.value("transfer.sample read") == pytest.approx(512 * table.value("read-out.conversion"), rel=0.01)
    assert table.value("capacitor.preset") == pytest.approx(512 * 50e-15 * 0.5 * 1.2, rel=0.01)


@pytest.mark.parametrize("name", ["bottom-up-14nm", "bottom-up-90nm"])
def test_prices_of_clocks_and_power_are_those_of_their_sources(name):
    """A refreshed row charges 512 capacitors as a preset does; a wake-up charges 10 nF of supply rail; static power is left to the user."""
    table = PriceTable.load(name)
    assert table.value("capacitor.row refresh") == pytest.approx(table.value("capacitor.preset"), rel=0.01)
    supply = 0.8 if name == "bottom-up-14nm" else 1.2
    assert table.value("power.wake-up") == pytest.approx(10e-9 * supply**2, rel=0.01)
    assert table.value("host link.bit") > 0.0
    assert table.value("chip.asleep time") <= table.value("chip.powered time")


@pytest.mark.parametrize(
    "old, new, message",
    [
        ('[price."neuron.activation"]', '[price."neuron.activaton"]', r"mine.toml:\d+: .*'neuron.activaton' is no action .*did you mean 'neuron.activation'"),
        ('[price."neuron.activation"]', '[other."neuron.activation"]', "mine.toml: other: is unknown; allowed are title, node, converter, price"),
        ('value = "1.67 pJ"', "value = 1.67", r'mine.toml:\d+: price."read-out.conversion".value: .*1.67 found'),
        ('value = "1.67 pJ"', 'value = "1.67"', r"cannot read '1.67' as a quantity in J"),
        ('value = "1.67 pJ"', 'value = "1.67 V"', r"'1.67 V' is not a quantity in J"),
        ('value = "1.67 pJ"', 'value = "-1 pJ"', r"'-1 pJ' is negative"),
        ('basis = "read"', 'basis = "guessed"', r"basis: .*'assumed', 'guessed' found"),
        ('title = "', 'titel = "', r"(?s)mine.toml: title: is missing.*mine.toml:\d+: titel: is unknown"),
        (
            '\n[price."buffer.bit"]',
            '\nextra = 1\n[price."buffer.bit"]',
            r"mine.toml:\d+: price.\"capacitor.preset\".extra: is unknown; allowed are value, node, source, basis",
        ),
        ('\n[price."buffer.bit"]', '\n[price."x.y".z]\n[price."buffer.bit"]', r"z: is unknown"),
        ("[price", "[[price", r"mine.toml: is no TOML"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, old, new, message):
    """A misspelt, missing or wrong entry is told with file, line, key, value and what is allowed."""
    with pytest.raises(InputError, match=message):
        PriceTable.load(written(tmp_path, old, new))


def test_a_missing_price_is_told(tmp_path):
    """A table without one of the actions names it."""
    entry = TEXT[TEXT.index('[price."neuron.activation"]') : TEXT.index('[price."update pulse.up"]')]
    with pytest.raises(InputError, match=r'mine.toml: price."neuron.activation": is missing; give a value, node, source and basis'):
        PriceTable.load(written(tmp_path, entry, ""))


def test_a_folder_or_binary_file_is_no_table(tmp_path):
    """A path that holds no text is refused."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path, tmp_path / "binary"):
        with pytest.raises(InputError, match="cannot be read"):
            PriceTable.load(path)


@given(st.text(max_size=200))
def test_any_text_is_a_table_or_an_input_error(tmp_path_factory, text):
    """No text makes loading end in another error."""
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(InputError):
        PriceTable.load(path)


def test_a_table_cannot_be_changed():
    """A loaded table is frozen."""
    table = PriceTable.load("bottom-up-14nm")
    with pytest.raises(ValueError, match="frozen"):
        table.title = "other"
