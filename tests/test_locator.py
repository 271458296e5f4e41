"""Every key of a TOML text is found on the line where it is written."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chipsim.locator import DEEPEST, UnreadableError, decode, dotted, header, keyed, locate, parse, quoted, reading_order, undotted
from chipsim.scenario.writing import toml_tables, toml_value

TEXT = '''title = "a # no comment = [ {"   # 1
"quoted key" = 1
a.b . "c.d" = 2
long = """
x = 1
[not a table]
"""
literal = \'\'\'
y = "2"\'\'\'
list = [  # 10
    1, "]",
    [2,
     3],
]
inline = { p = 1, q.r = "}", s = [1, { t = 2 }] }
when = 1979-05-27 07:32:00

[table]
key = +1_000
 [table.inner] # twenty
'lit.eral' = 'C:\\'
[[stage]]
kind = "train"
[stage.options]
x = inf
[[stage]]

kind = "idle"
"\\u00e9\\U0001F600" = true
'''

LINES = {
    ("title",): 1,
    ("quoted key",): 2,
    ("a",): 3,
    ("a", "b", "c.d"): 3,
    ("long",): 4,
    ("literal",): 8,
    ("list",): 10,
    ("list", 1): 11,
    ("list", 2, 1): 13,
    ("inline", "p"): 15,
    ("inline", "q", "r"): 15,
    ("inline", "s", 1, "t"): 15,
    ("when",): 16,
    ("table",): 18,
    ("table", "key"): 19,
    ("table", "inner"): 20,
    ("table", "inner", "lit.eral"): 21,
    ("stage",): 22,
    ("stage", 0): 22,
    ("stage", 0, "kind"): 23,
    ("stage", 0, "options", "x"): 25,
    ("stage", 1): 26,
    ("stage", 1, "kind"): 28,
    ("stage", 1, "é😀"): 29,
}


def _paths(value, path=()):
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        return
    for key, item in items:
        yield (*path, key)
        yield from _paths(item, (*path, key))


@pytest.mark.parametrize("path,line", LINES.items(), ids=lambda value: dotted(value) if isinstance(value, tuple) else str(value))
def test_line_of_every_kind_of_key(path, line):
    """Quoted and dotted keys, long strings, lists, inline tables, tables and arrays of tables are all followed."""
    assert locate(TEXT)[path] == line


def test_finds_exactly_what_tomllib_finds():
    """The keys found are those of the standard library's parser, no more and no fewer."""
    assert set(locate(TEXT)) == set(_paths(tomllib.loads(TEXT)))


def test_lines_do_not_depend_on_line_ends():
    """A file from Windows has the same line numbers."""
    assert locate(TEXT.replace("\n", "\r\n")) == locate(TEXT)


def test_a_table_is_located_where_it_opens_first():
    """A table that is opened implicitly and then by name stands at its first line."""
    assert locate("[a.b]\nx = 1\n[a]\ny = 2")[("a",)] == 1


@pytest.mark.parametrize("text", ["a = [1, 2", "[a", "a", "= 1", '"a', "a = {b = ", "a = [" * 5000, ".".join("a" * 5000) + " = 1", '[["', "\0"])
def test_broken_text_raises_nothing(text):
    """Text that is no TOML is followed as far as possible."""
    assert all(line >= 1 for line in locate("x = 1\n" + text).values())


@given(st.text(alphabet="ab.=[]{}\"'#\n \\,1", max_size=60))
def test_any_text_raises_nothing(text):
    """No text makes the locator fail, and where the text is TOML it finds all keys."""
    lines = locate(text)
    try:
        values = tomllib.loads(text)
    except ValueError:
        return
    assert set(lines) == set(_paths(values))
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())


@pytest.mark.parametrize(
    "path,text", [(("a", "b c", 0, "d"), 'a."b c"[0].d'), (("stage", 1, 2), "stage[1][2]"), (("",), '""'), (("0", 0), "0[0]"), (("a[0]",), '"a[0]"')]
)
def test_keys_are_written_as_people_write_them(path, text):
    """Elements of arrays stand in brackets, counted from 0, and names that hold brackets or spaces stand in quotes."""
    assert dotted(path) == text
    assert undotted(text) == path


KEYS = st.text(st.characters(exclude_categories=("Cs",)), max_size=4) | st.integers(0, 10**17)


@given(st.text(max_size=3).filter(str.isascii), st.lists(KEYS, max_size=5))
def test_written_keys_are_read_back(first, rest):
    """Any key is read as it was written."""
    path = (first, *rest)
    assert undotted(dotted(path)) == path


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a b", "[0]", "a[0", "a[0]b", "a[]", "a[x]", "a[0].", "a = 1", "a # b", "a\nb", '"a', "a" + ".a" * 70])
def test_what_is_no_key_is_not_read(text):
    """Text that is no key gives nothing, rather than the part of it that is one."""
    assert undotted(text) is None


def test_tables_are_opened_as_in_a_file():
    """The line that opens a table names it without numbers, arrays in double brackets."""
    assert header(("a", "b c")) == '[a."b c"]'
    assert header(("stage", 1), array=True) == "[[stage]]"
    assert header(("stage", 1, "part")) == "[stage.part]"


VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(exclude_categories=("Cs",)), max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_written_values_are_read_back(value):
    """What is written as TOML is read as the same value, whatever characters are in it."""
    assert tomllib.loads(f"x = {toml_value(value)}")["x"] == value


@given(st.dictionaries(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=5), VALUES, max_size=4))
def test_written_tables_are_located(values):
    """Every key of a written file is found on the line it was written to."""
    lines = toml_tables({"table": values, "last": 1}, {})
    text = "\n".join(lines)
    found = locate(text)
    assert set(found) == set(_paths(tomllib.loads(text)))
    assert lines[found["last",] - 1] == "last = 1"
    assert _filled(tomllib.loads(text)) == _filled({"table": values, "last": 1})


def _filled(value):
    """Return a value without tables that hold nothing, which are not written unless they are elements of an array."""
    if isinstance(value, dict):
        filled = {key: _filled(item) for key, item in value.items()}
        return {key: item for key, item in filled.items() if item != {}}
    return [_filled(item) for item in value] if isinstance(value, list) else value


def test_lists_of_tables_are_written_as_arrays_of_tables():
    """Each table of a list has its own brackets, its notes and its inner tables and arrays; an empty list and a mixed one are values."""
    values = {"a": [{"x": 1, "in": {"y": None}}, {}, {"b": [{"z": 2}]}], "none": [], "mixed": [{"x": 1}, 2]}
    assert toml_tables({"t": values}, {"t.a[0].x": "first", "t.a[2].b[0].z": "inner", "t.none": "empty"}) == [
        *("", "[t]", "none = []  # empty", "mixed = [{x = 1}, 2]"),
        *("", "[[t.a]]", "x = 1  # first", "", "[t.a.in]", "# y is not set"),
        *("", "[[t.a]]"),
        *("", "[[t.a]]", "", "[[t.a.b]]", "z = 2  # inner"),
    ]


@pytest.mark.parametrize(
    "text, path, words",
    [
        ("a.b: is wrong: very", ("a", "b"), "is wrong: very"),
        ('a."b: c.d"[0].e: no', ("a", "b: c.d", 0, "e"), "no"),
        ("read-out: no", ("read-out",), "no"),
        ("plain words: no", (), "plain words: no"),
        ("a.b:no", (), "a.b:no"),
        ("a.b", (), "a.b"),
        ("", (), ""),
    ],
)
def test_a_key_before_its_words(text, path, words):
    """A message that begins with a key is split there, whatever stands in quotes; any other is left whole."""
    assert keyed(text) == (path, words)


@pytest.mark.parametrize(
    "text, line, message",
    [
        ("a = 1\n\n" + "b." * DEEPEST + "c = 1", 3, "nested more than 32 deep"),
        ("a = 1\n[" + '"b" . ' * DEEPEST + "c]", 2, "nested more than 32 deep"),
        ("a = 1\nb = " + "[" * 40 + "]" * 40, 2, "nested more than 32 deep"),
        ("a = 1\n\n\nb = " + "[" * 10_000, 4, "nested more than 32 deep"),
        ("a = 1\nb = [1,\n" + "9" * 5000 + "]", 3, "the whole number is beyond 64 bits"),
    ],
    ids=["key", "header", "list", "open list", "number"],
)
def test_what_takes_long_or_is_too_deep_is_refused_with_its_line(text, line, message):
    """Keys of many parts, lists inside lists and numbers of thousands of digits are refused, and the line is told."""
    with pytest.raises(UnreadableError, match=message) as caught:
        parse(text)
    assert caught.value.line == line


@pytest.mark.parametrize(
    "text", ['t = "' + "a." * 20 + '"', "# " + "..." * 100, "n = [" + "0.5, " * 1000 + "]", "a." * (DEEPEST - 1) + "c = 1", 't = "One. Two. Three."']
)
def test_points_that_are_no_long_key_are_read(text):
    """Text, comments and numbers may have any number of points, and a key up to the limit is read."""
    assert parse(text) == tomllib.loads(text)


def test_bytes_that_are_no_text_are_refused_with_their_line():
    """A file is UTF-8, with or without a mark, with line ends of either kind."""
    assert decode(b"\xef\xbb\xbfa = 1\r\nb = 2") == "a = 1\nb = 2"
    with pytest.raises(UnreadableError, match="is not UTF-8: byte 0xff") as caught:
        decode(b"a = 1\nb = \xff")
    assert caught.value.line == 2


@given(st.text())
def test_quoted_text_is_printable_toml(text):
    """Any text is written on one line that can be printed, and read back the same."""
    assert quoted(text).isprintable()
    assert tomllib.loads(f"a = {quoted(text)}") == {"a": text}


def test_places_are_ordered_as_a_reader_meets_them():
    """Lines count as numbers; what is no line comes first of its file."""
    places = ["b.toml:10", "b.toml:9", "b.toml", "a.toml:11", "--set #2", "b.toml:\u0663"]
    assert sorted(places, key=reading_order) == ["--set #2", "a.toml:11", "b.toml", "b.toml:9", "b.toml:10", "b.toml:\u0663"]
