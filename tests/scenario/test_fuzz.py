"""Whatever a scenario file, an override or a price table holds: a value, or an error that says where; never another exception, never a hang.

The same strategies are tried a few times by default and thousands of times by `pytest -m reliability`.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from importlib import resources

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chipsim.costs import PriceTable, shipped_tables
from chipsim.errors import InputError, ScenarioError
from chipsim.locator import MORE, MOST, dotted
from chipsim.scenario import Scenario
from chipsim.scenario.schema import array_at, keys, table_at
from chipsim.scenario.shipped import shipped_scenarios
from chipsim.scenario.writing import toml_value

DEEP = settings(max_examples=4000, suppress_health_check=[HealthCheck.too_slow])
SHIPPED = [shipped.path.read_text(encoding="utf-8") for shipped in shipped_scenarios()]
TABLES = [resources.files("chipsim.costs").joinpath("tables", f"{name}.toml").read_text(encoding="utf-8") for name in shipped_tables()]
LEAVES = [path for path in keys() if table_at(path) is None and array_at(path) is None and 0 not in path]
NO_LINE = re.compile(rf"is larger than|{MORE}|there is no (?:scenario|price table)|is missing$")
"""Faults that stand in no line: of a whole file, and what a price table lacks."""

# ---- strategies ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verbatim:
    """A value as it stands in a file, for those that Python does not write."""

    text: str


TOML_TEXT = st.text("abcx01 \t\n\r.-_+:=,#\"'\\[]{}TZe\0\x07\x7f\u00b5\u00b2\u0663\u2028\ufeff\U0001f600", max_size=80)
STRANGE_TEXT = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["\0", "\x1b[31m", "\u2028", "\u202e", "\ufeff", "\u00b5", "a" * 5000, "\u0663", "\U0010ffff", "../..", "%s", "{}", "'\"\\"]),
)
NUMBERS = st.sampled_from(
    ["0", "-0", "1", "0.5", "1e9", "1e-400", "1e999999999", "-1e999999999", "9" * 30, "9" * 500, ".5", "5.", "1_000", "nan", "inf", "\u0663"]
)
UNITS = st.sampled_from(
    ["ps", "ns", "ms", "s", "years", "uS", "V", "uA", "fF", "K", "Gbps", "pJ", "um2", "W", "images", "image", "", "x", "\u00b5S", "s/s/s", "/"]
)
QUANTITIES = st.tuples(NUMBERS, st.sampled_from([" ", "", "  "]), UNITS).map("".join)
PHRASES = st.tuples(QUANTITIES, st.sampled_from([" .. ", "..", " for ", " "]), QUANTITIES).map("".join)
SCALARS = st.one_of(
    st.booleans(),
    st.integers(-3, 1000),
    st.integers(-(10**40), 10**40),
    st.sampled_from([2**63, -(2**63) - 1, 2**64, 10**4000]),
    st.sampled_from(["9" * 5000, "0x" + "f" * 9000, "1979-05-27T07:32:00Z", "[" * 40 + "]" * 40, "1e999"]).map(Verbatim),
    st.floats(),
    STRANGE_TEXT,
    QUANTITIES,
    PHRASES,
    st.dates(),
    st.datetimes(),
    st.times(),
)
KNOWN_KEYS = sorted({str(path[-1]) for path in keys()} | {"extends", "energy", "read-out.conversion"})
KEYS = st.one_of(st.sampled_from(KNOWN_KEYS), STRANGE_TEXT)
VALUES = st.recursive(SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)), max_leaves=12)
PATHS = st.one_of(st.sampled_from(LEAVES), st.sampled_from(list(keys())), st.lists(KEYS, min_size=1, max_size=4).map(tuple))


def written(value):
    """Return a value as TOML writes it, dates included."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{dotted((key,))} = {written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, Verbatim):
        return value.text
    return value.isoformat() if isinstance(value, dt.date | dt.time) else toml_value(value)


@st.composite
def assignments(draw):
    """Draw `key = value` lines: keys that there are, or others, with values of any type."""
    pairs = draw(st.lists(st.tuples(PATHS, VALUES), min_size=1, max_size=6))
    lines = [f"{dotted(tuple(part for part in path if isinstance(part, str)))} = {written(value)}" for path, value in pairs]
    return "\n".join(lines) + "\n"


@st.composite
def mutated(draw, texts):
    """Draw one of the texts with a few lines dropped, doubled, swapped or cut, characters changed, and values replaced."""
    lines = draw(st.sampled_from(texts)).split("\n")
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(lines) - 1))
        line, place = lines[at], draw(st.integers(0, len(lines[at])))
        key, equals, _ = line.partition("=")
        change = draw(st.sampled_from(["drop", "double", "swap", "cut", "end", "insert", "replace", "value", "value"]))
        if change == "end":
            return "\n".join([*lines[:at], line[:place]])
        other = draw(st.integers(0, len(lines) - 1))
        lines[at : at + 1] = {
            "drop": [],
            "double": [line, line],
            "swap": [lines[other]],
            "cut": [line[:place]],
            "insert": [line[:place] + draw(TOML_TEXT) + line[place:]],
            "replace": [line[:place] + draw(TOML_TEXT.filter(bool))[0] + line[place + 1 :]],
            "value": [f"{key}{equals} {written(draw(VALUES))}"] if equals else [line],
        }[change]
        lines = lines or [""]
    return "\n".join(lines)


def as_bytes(text, ending, mark):
    """Return a text as a file holds it: lone surrogates as bytes that are no UTF-8, line ends of any system, with or without a mark."""
    return mark + text.replace("\n", ending).encode("utf-8", "surrogatepass")


def files(texts):
    """Return a strategy for the bytes of a file with such a text."""
    return st.builds(as_bytes, texts, st.sampled_from(["\n", "\n", "\r\n", "\r"]), st.sampled_from([b"", b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\0"]))


SCENARIOS = {"bytes": st.binary(max_size=200), "text": files(TOML_TEXT), "values": files(assignments()), "mutated": files(mutated(SHIPPED))}
PRICES = {
    "bytes": st.binary(max_size=200),
    "text": files(TOML_TEXT.map(lambda text: f'extends = "bottom-up-14nm"\n{text}')),
    "values": files(assignments().map(lambda text: f'extends = "bottom-up-14nm"\n{text}')),
    "mutated": files(mutated(TABLES)),
}
OVERRIDES = st.lists(
    st.one_of(st.builds(lambda path, value: f"{dotted(path)}={written(value)}", PATHS, VALUES), STRANGE_TEXT, TOML_TEXT, st.text(st.characters(), max_size=20)),
    min_size=1,
    max_size=4,
)

# ---- properties ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return one folder for all examples."""
    return tmp_path_factory.mktemp("fuzz")


def check_message(message, path, content):
    """See that every line of an error can be printed and names a place; in the file itself, the place is a line that there is, in rising order."""
    told = message.split("\n")
    assert all(line.isprintable() and line for line in told)
    assert len(told) <= MOST + 1
    lines = []
    for line in told:
        place = re.match(r".*?\.toml(?::(\d+))?: |--set #\d+: ", line)
        assert place, line
        if line.startswith(str(path)) and not NO_LINE.search(line):
            assert place[1], line
            lines.append(int(place[1]))
    assert lines == sorted(lines)
    assert not lines or 1 <= lines[0] <= lines[-1] <= content.count(b"\n") + content.count(b"\r") + 1


def check_scenario(content, overrides, folder):
    """Load a file of such a content: what is accepted can be written and read back equal, all else is an error that says where."""
    path = folder / "any.toml"
    path.write_bytes(content)
    try:
        scenario = Scenario.load(path, overrides)
    except ScenarioError as error:
        check_message(str(error), path, content)
        return
    (folder / "again.toml").write_text(scenario.to_toml(), encoding="utf-8")
    assert Scenario.load(folder / "again.toml") == scenario


def check_prices(content, folder):
    """Load a price table of such a content: it is accepted, or the error says where."""
    path = folder / "prices.toml"
    path.write_bytes(content)
    try:
        table = PriceTable.load(path)
    except InputError as error:
        check_message(str(error), path, content)
        return
    assert table.energy_of("read-out.conversion").value >= 0.0


@pytest.mark.parametrize("kind", SCENARIOS)
@given(data=st.data())
def test_any_file_is_a_scenario_or_an_error_that_says_where(kind, data, folder):
    """A file of any bytes, any text, any values, or one that shipped and was damaged, is a scenario or a ScenarioError with lines."""
    check_scenario(data.draw(SCENARIOS[kind]), (), folder)


@pytest.mark.reliability
@pytest.mark.parametrize("kind", SCENARIOS)
@DEEP
@given(data=st.data())
def test_any_file_many_times(kind, data, folder):
    """Likewise, thousands of times."""
    check_scenario(data.draw(SCENARIOS[kind]), (), folder)


@given(overrides=OVERRIDES)
def test_any_override_is_taken_or_named(overrides, folder):
    """Overrides of any text are taken, or refused by their numbers."""
    check_scenario(b'extends = "mnist-5k"\n', overrides, folder)


@pytest.mark.reliability
@DEEP
@given(overrides=OVERRIDES)
def test_any_override_many_times(overrides, folder):
    """Likewise, thousands of times."""
    check_scenario(b'extends = "mnist-5k"\n', overrides, folder)


@pytest.mark.parametrize("kind", PRICES)
@given(data=st.data())
def test_any_file_is_a_price_table_or_an_error_that_says_where(kind, data, folder):
    """A price table of any bytes, any text, any values, or one that shipped and was damaged, is one or an InputError with lines."""
    check_prices(data.draw(PRICES[kind]), folder)


@pytest.mark.reliability
@pytest.mark.parametrize("kind", PRICES)
@DEEP
@given(data=st.data())
def test_any_price_table_many_times(kind, data, folder):
    """Likewise, thousands of times."""
    check_prices(data.draw(PRICES[kind]), folder)


LARGE = {
    "digits": '[timing]\nforward = "' + "9" * 100_000 + '!"',
    "spaces": '[timing]\nforward = "1' + " " * 100_000 + '!"',
    "images": '[transfer]\nevery = "' + "9" * 100_000 + ' images"',
    "words": '[transfer]\nevery = "' + "a b " * 100_000 + '"',
    "number": "seed = " + "9" * 100_000,
    "key of many parts": "a" + ".a" * 50_000 + " = 1",
    "header of many parts": "[a" + ".a" * 50_000 + "]",
    "inline key of many parts": "x = {a" + ".a" * 50_000 + " = 1}",
    "long key": "a" * 200_000 + " = 1",
    "keys": "\n".join(f"k{number} = 1" for number in range(10_000)),
    "tables": "\n".join(f"[k{number}.x]" for number in range(5_000)),
    "stages": "[[stage]]\nkind = 'trai'\n" * 5_000,
    "dates": "network.layers = [" + "2018-06-06, " * 20_000 + "]",
    "fractions": "network.layers = [" + "0.5, " * 10_000 + "]",
    "prices": "[prices.energy]\n" + "\n".join(f'"k{number}" = "1 J"' for number in range(5_000)),
    "brackets": "a = " + "[" * 200_000,
    "braces": "a = " + "{a = " * 100_000,
    "quotes": 'a = "' + '\\"' * 100_000,
    "comment": "#" * 500_000 + "\nseed = -1",
}
"""Files over which an algorithm whose time grows with the square of the length would take minutes."""


@pytest.mark.parametrize("name", LARGE)
def test_large_files_are_refused_in_few_words(name, folder):
    """A file made to take long, by its length or the number of its faults, is refused at once and in no more than a hundred lines and one."""
    path = folder / "large.toml"
    path.write_text(LARGE[name], encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        Scenario.load(path)
    check_message(str(caught.value), path, path.read_bytes())
    assert len(str(caught.value)) < 200_000 + 1000 * (MOST + 1)
    assert caught.value.faults[-1].message == MORE or len(caught.value.faults) <= 2


@pytest.mark.parametrize("name", LARGE)
def test_large_price_tables_are_refused_in_few_words(name, folder):
    """Likewise a price table."""
    path = folder / "prices.toml"
    path.write_text(f"{LARGE[name]}\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        PriceTable.load(path)
    check_message(str(caught.value), path, path.read_bytes())


WRONG = ["2018-06-06", "07:32:00", "0xffffffffffffffffffff", "[[]]", "{}"]
"""Values that no key can take, whatever its kind; only a table of entries may be empty."""


def check_all_at_once(paths, values, folder):
    """Give each of several keys a value that it cannot take, one a line: every line is told of, once, and in order."""
    lines = [f"{dotted(path)} = {value}" for path, value in zip(paths, values, strict=False)]
    (folder / "faults.toml").write_text("\n".join(lines))
    with pytest.raises(ScenarioError) as caught:
        Scenario.load(folder / "faults.toml")
    places = [fault.place for fault in caught.value.faults]
    assert list(dict.fromkeys(places)) == [f"{folder / 'faults.toml'}:{number + 1}" for number in range(len(lines))]
    assert all(any(fault.key.startswith(dotted(path)) for fault in caught.value.faults) for path in paths[: len(lines)])


FAULTY = [path for path in LEAVES if path[0] != "prices" or path[-1] in {"table", "ops"}]
SEVERAL = {
    "paths": st.lists(st.sampled_from(FAULTY), min_size=1, max_size=25, unique=True),
    "values": st.lists(st.sampled_from(WRONG), min_size=25, max_size=25),
}


@given(**SEVERAL)
def test_all_faults_are_told_at_once(paths, values, folder):
    """Several faults that have nothing to do with each other are all told at once, each with its line, in rising order."""
    check_all_at_once(paths, values, folder)


@pytest.mark.reliability
@DEEP
@given(**SEVERAL)
def test_all_faults_many_times(paths, values, folder):
    """Likewise, thousands of times."""
    check_all_at_once(paths, values, folder)
