"""Field types that carry units: windows of chip time."""

from __future__ import annotations

import pytest

from chipsim.errors import ScenarioError
from chipsim.scenario import Scenario
from chipsim.spec import Span


@pytest.mark.parametrize(
    "text,start_ps,end_ps,written",
    [
        ("1.90 ms .. 1.95 ms", 1_900_000_000, 1_950_000_000, "1.9 ms .. 1.95 ms"),
        ("0 s..40 ns", 0, 40_000, "0 s .. 40 ns"),
        ("  999 ps ..10 years ", 999, 315_576_000 * 10**12, "999 ps .. 315576000 s"),
    ],
)
def test_a_window_is_read_exactly(text, start_ps, end_ps, written):
    """A window is two times with units, held in whole picoseconds, and reads back as it is written."""
    window = Span.parse(text)
    assert (window.start_ps, window.end_ps) == (start_ps, end_ps)
    assert str(window) == written
    assert Span.parse(written) == Span.parse(window) == window


@pytest.mark.parametrize(
    "found,told",
    [
        ("1.9 ms", "'1.9 ms' is no window of chip time; write for instance \"1.9 ms .. 1.95 ms\""),
        ("1 ms .. 2 ms .. 3 ms", "'1 ms .. 2 ms .. 3 ms' is no window"),
        ("1.9 .. 1.95 ms", "'1.9 .. 1.95 ms' is no window of chip time: cannot read '1.9'"),
        ("1 uS .. 2 uS", "'1 uS' is not a quantity in ps"),
        ("2 ms .. 1 ms", "its end must be later than its start"),
        ("2 ms .. 2 ms", "its end must be later than its start"),
        ("-1 ms .. 1 ms", "begins before chip time does"),
        (5, "5 is no window of chip time"),
        (None, "None is no window of chip time"),
    ],
)
def test_what_is_no_window_is_refused(found, told):
    """An error names the value found and what is wrong with it."""
    with pytest.raises(ValueError) as caught:
        Span.parse(found)
    assert told in str(caught.value)


def test_windows_survive_the_resolved_scenario(tmp_path):
    """`record.windows` is written with the scenario and read back equal."""
    scenario = Scenario.load("mnist-5k", ['record.windows=["1.90 ms .. 1.95 ms", "3 ms .. 4 ms"]'])
    assert [str(window) for window in scenario.record.windows] == ["1.9 ms .. 1.95 ms", "3 ms .. 4 ms"]
    (tmp_path / "again.toml").write_text(scenario.to_toml(), encoding="utf-8")
    again = Scenario.load(tmp_path / "again.toml")
    assert again == scenario
    assert again.record.windows == (Span(1_900_000_000, 1_950_000_000), Span(3 * 10**9, 4 * 10**9))


def test_a_wrong_window_is_named_by_its_place():
    """A window that cannot be read is a fault of its own, with its number in the list."""
    with pytest.raises(ScenarioError, match=r"--set #1: record\.windows\[1\]: '2 ms .. 1 ms' is no window"):
        Scenario.load("mnist-5k", ['record.windows=["1 ms .. 2 ms", "2 ms .. 1 ms"]'])
