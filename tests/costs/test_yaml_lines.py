"""YAML files made to do harm: tags that would make Python objects, or do not fit, and texts that multiply or take long."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chipsim.costs.accelergy_files import read
from chipsim.errors import InputError

TABLE = """ERT:
  version: 0.4
  tables:
  - name: top.adc[1..8]
    actions:
    - {name: read, arguments: {a: 1}, energy: 1.5}
    - {name: write, arguments: {}, energy: 2e-3}
  - name: top.buffer
    primitive_estimations: [{estimator: cacti}]
    actions: &actions
    - name: idle
      energy: 0
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Return one file for all examples."""
    return tmp_path_factory.mktemp("yaml") / "ERT.yaml"


def read_text(file, text):
    """Return what a file of this text holds, or the error that reading it ends in, which names the file."""
    file.write_text(text, encoding="utf-8", newline="")
    try:
        return read(file, "ERT")
    except InputError as error:
        assert str(error).startswith(f"{file}:")  # noqa: PT017  either will do
        return str(error)


@pytest.mark.parametrize("tag", ["object/apply:os.mkdir", "object/new:os.mkdir", "name:os.mkdir", "module:os", "object:os.mkdir", "tuple", "str"])
def test_no_tag_makes_a_python_object(tag, tmp_path):
    """A tag that would make a Python object, or call something, is refused with its line, and nothing is called."""
    text = read_text(tmp_path / "ERT.yaml", f"{TABLE}x: !!python/{tag} ['{tmp_path / 'sprung'}']\n")
    assert re.match(rf"{tmp_path}/ERT.yaml:13: is no YAML: could not determine a constructor for the tag", text)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("value", ["x", '""', "[1]", "{a: 1}", "é", "0x", "-", "1:99:x"])
@pytest.mark.parametrize("tag", ["int", "float", "bool", "timestamp", "binary", "null", "set", "omap", "pairs", "seq", "map", "str", "merge", "value"])
def test_a_tag_that_does_not_fit_is_an_input_error(tag, value, file):
    """A value that is not what its tag says is refused, whatever PyYAML makes of it."""
    found = read_text(file, f"{TABLE}x: !!{tag} {value}\n")
    assert not isinstance(found, str) or f"{file}:13: is no YAML: " in found


@pytest.mark.parametrize(
    "value, message",
    [
        ("1" + ":59" * 100_000, "a value of 300001 characters stands there that is no text"),
        ("1" + ":59" * 400 + ":0.5", r"the value does not fit its tag !!float \(OverflowError"),
        ("9" * 5000, r"the value does not fit its tag !!int \(ValueError"),
        ("9" * 100_000, "a value of 100000 characters stands there that is no text"),
        ("2024-13-45", r"the value does not fit its tag !!timestamp \(ValueError"),
        ("2024-01-01 00:00:00 +99:99", "the value does not fit its tag !!timestamp"),
    ],
)
def test_numbers_that_take_long_are_refused(value, message, file):
    """Numbers on base 60, whose reading takes time with the square of their length, and others that Python does not read, are refused with their line."""
    assert re.search(f"{file}:13: is no YAML: {message}", read_text(file, f"{TABLE}x: {value}\n"))


def test_texts_may_be_long(file):
    """What is refused of numbers is no matter for text."""
    assert read_text(file, f"{TABLE}x: {'word ' * 4000}\ny: '{'9' * 20_000}'\n").component("adc")


def test_merged_keys_are_counted(file):
    """Mappings that take over a large one again and again are refused before they fill the memory; merging as people do it works."""
    large = "large: &large {" + ", ".join(f"k{number}: 1" for number in range(1000)) + "}\n"
    many = "many:\n" + "- {<<: *large}\n" * 1000
    assert re.search(r"ERT.yaml:\d+: is no YAML: merge keys bring more than 262144 keys", read_text(file, large + many + TABLE))
    merged = TABLE.replace("{a: 1}, energy: 1.5", "{<<: {a: 1, b: 2}}, energy: 1.5")
    assert read_text(file, merged).entries[0].arguments == {"a": 1, "b": 2}
    assert "recursion" in read_text(file, "a: &a {<<: *a}\n")


def test_estimators_that_multiply_are_named_in_few_words(file):
    """An estimator that is a list of a thousand million references is told as a list."""
    laughs = "l0: &l0 [1]\n" + "\n".join(f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 10)}]" for level in range(1, 10)) + "\n"
    found = read_text(file, laughs + TABLE.replace("{estimator: cacti}", "{estimator: *l9}, *l9"))
    assert found.component("buffer")[0].estimators == ("a list",)


@pytest.mark.parametrize("name", ["[" * 100_000, "a." * 100_000, "x" * 100_000, "[]" * 50_000])
def test_long_names_take_no_time(name, file):
    """Names of brackets, points or letters alone are searched in time that grows with their length, and told in a few words."""
    document = read_text(file, TABLE.replace("top.buffer", f"'{name}'"))
    with pytest.raises(InputError) as caught:
        document.component("top.adx")
    assert len(str(caught.value)) < 2000


def test_keys_that_are_no_texts_are_told(file):
    """A file whose keys are numbers too long to write is refused in a few words."""
    assert "a number beyond 1e30 found" in read_text(file, "? 0x1" + "0" * 5000 + "\n: 1\n")


TAGS = ["!!int ", "!!float ", "!!timestamp ", "!!bool ", "!!set ", "!!omap ", "!!python/name:os.system ", "!x "]
MARKS = ["&a ", "*a", "<<: ", *"[]{}'\"#~\\\n\0\t\u2028\ufeff\U0001f600", "- ", "? ", ": ", "|\n", ">\n", "%YAML 9.9\n", "---\n", "...\n"]
PIECES = st.sampled_from([*TAGS, *MARKS, "1:59", "0x", "1e999", "2024-13-45"])
EDITS = st.lists(st.tuples(st.integers(0, len(TABLE)), st.integers(0, 12), PIECES), min_size=1, max_size=5)


def check_edited(edits, file):
    """Read a good table with pieces dropped and others put in: it is a table, or an input error that names the file."""
    text = TABLE
    for place, dropped, piece in edits:
        text = text[:place] + piece + text[place + dropped :]
    read_text(file, text)


@given(edits=EDITS)
def test_an_edited_table_is_read_or_refused(edits, file):
    """A table with tags, references and brackets put in anywhere is a table or an input error that names the file."""
    check_edited(edits, file)


@pytest.mark.reliability
@settings(max_examples=10_000, suppress_health_check=[HealthCheck.too_slow])
@given(edits=EDITS)
def test_an_edited_table_many_times(edits, file):
    """Likewise, thousands of times."""
    check_edited(edits, file)


def test_a_table_cut_anywhere_is_read_or_refused(file):
    """A table that ends after any of its characters is a shorter table, or an input error that names the file."""
    for length in range(len(TABLE)):
        read_text(file, TABLE[:length])
