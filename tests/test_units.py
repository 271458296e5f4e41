"""Quantities as people write them: read exactly, written so that they can be read again."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chipsim.scenario.host import Host
from chipsim.scenario.power import Nap
from chipsim.units import cited, engineering, factor, format_quantity, format_time, parse, parse_time


@pytest.mark.parametrize(
    "text, unit, value",
    [
        ("126 Gbps", "bps", "126e9"),
        ("126Gbps", "bps", "126e9"),
        ("0.5 Mbps", "bps", "500000"),
        ("1 bps", "bps", "1"),
        ("2.5e3 kbps", "Gbps", "0.0025"),
        ("40 uS", "S", "0.00004"),
        ("40 µS", "uS", "40"),
        ("50 mA", "uA", "50000"),
        (".5 V", "mV", "500"),
        ("-3 mV", "V", "-0.003"),
        ("10 years", "s", "315576000"),
        ("30 TOP/s", "OP/s", "30e12"),
        ("28065 GOP/s/W", "TOP/s/W", "28.065"),
        ("3.6 TOP/s/mm2", "OP/s/m2", "3.6e18"),
        ("900 GB/s", "B/s", "900e9"),
    ],
)
def test_quantities_are_read_exactly(text, unit, value):
    """A number with a unit is a decimal number of the wanted unit, whatever its prefix."""
    assert parse(text, unit) == Decimal(value)


@pytest.mark.parametrize(
    "text, unit, message",
    [
        ("126", "bps", "cannot read '126' as a quantity in bps; write for instance"),
        (126, "bps", 'the number 126 has no unit; write "126 bps" if bps is meant'),
        ("126 GB/s", "bps", "'126 GB/s' is not a quantity in bps"),
        ("30 TOP", "TOP/s", "'30 TOP' is not a quantity in TOP/s"),
        ("30 TFLOP/s", "TOP/s", "unknown unit 'TFLOP/s'"),
        ("30 TOP/", "TOP/s", "unknown unit 'TOP/'"),
        ("30 /s", "TOP/s", "cannot read '30 /s'"),
        ("126 Gbit", "bps", "unknown unit 'Gbit'"),
        ("126 Gs", "bps", "'126 Gs' is not a quantity in bps"),
        ("126 bps", "s", "'126 bps' is not a quantity in s"),
        ("1 xbps", "bps", "unknown unit 'xbps'"),
        ("1e99 Gbps", "bps", "out of range"),
        (True, "bps", "a quantity in bps is wanted, not True"),
        (None, "ps", "a quantity in ps is wanted, not None"),
        ("ten s", "s", "cannot read 'ten s'"),
        ("10 5", "s", "cannot read '10 5' as a quantity in s"),
    ],
)
def test_what_is_no_quantity_is_told(text, unit, message):
    """A bare number, another kind of unit or an unknown one is refused with what to write instead."""
    with pytest.raises(ValueError, match=message.replace("(", r"\(").replace(")", r"\)")):
        parse(text, unit)


def test_a_unit_is_a_prefix_and_a_base():
    """Bits a second end in s like seconds, and are told apart from them."""
    assert factor("bps") == ("bps", Decimal(1))
    assert factor("ps") == ("s", Decimal("1e-12"))
    assert factor("Gbps") == ("bps", Decimal("1e9"))
    assert factor("min") == ("s", Decimal(60))
    assert factor("TOP/s/mm2") == ("OP/s/m2", Decimal("1e18"))


@given(st.integers(0, 10**24))
def test_times_are_written_and_read_again(picoseconds):
    """Any whole number of picoseconds comes back from its text."""
    assert parse_time(format_time(picoseconds)) == picoseconds


@given(st.floats(1e-12, 1e24), st.sampled_from(["bps", "uA", "V", "uS"]))
def test_quantities_are_written_and_read_again(value, unit):
    """Any number comes back from its text as the same float."""
    assert float(parse(format_quantity(value, unit), unit)) == value


@given(st.integers(0, 10**20), st.integers(1, 10**20))
def test_sleeps_are_written_and_read_again(start, lasts):
    """Any planned sleep comes back from its text."""
    nap = Nap(start, lasts)
    assert Nap.parse(str(nap)) == nap
    assert nap.end_ps == start + lasts


def test_a_bandwidth_is_a_field_like_any_other():
    """A host's bandwidth is read from its text and written as bits a second."""
    host = Host(bandwidth="126 Gbps")
    assert host.bandwidth == 126e9
    assert host.model_dump()["bandwidth"] == "126000000000 bps"
    assert Host(bandwidth=host.model_dump()["bandwidth"]) == host


@pytest.mark.parametrize("value, text", [(126e9, "126 Gbps"), (2.5e12, "2.5 Tbps"), (2.5e6, "2.5 Mbps"), (0.0, "0 bps"), (999.0, "999 bps")])
def test_people_read_prefixes(value, text):
    """For people a bandwidth has its prefix."""
    assert engineering(value, "bps") == text


@pytest.mark.parametrize(
    "text",
    [
        "1e999999999 s",
        "-1e999999999 s",
        "1e-999999999 s",
        "1e99999999999999999999999 s",
        "1e31 ps",
        "1e-301 ps",
        "٤٠ ns",
        "9" * 500 + " s",
        "9" * 100_000 + "!",
    ],
    ids=range(9),
)
def test_numbers_beyond_all_sense_are_refused_in_few_words(text):
    """Exponents that Decimal cannot hold, digits of other scripts, and texts of any length are a ValueError of one short line, never zero in silence."""
    for unit in ("ps", "uS"):
        with pytest.raises(ValueError, match=r"is out of range|cannot read|is not a quantity") as caught:
            parse(text, unit)
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize("value", [1e-300, 5e-299, 1e30, -1e-300])
def test_quantities_at_the_limits_are_read_back(value):
    """The smallest and the largest quantity that is read can be written and read again."""
    assert float(parse(format_quantity(value, "uS"), "uS")) == value


def test_values_are_cited_in_few_words():
    """A value of any kind and length is cited in a few characters, also an integer that Python does not write."""
    assert cited("5 V") == "'5 V'"
    assert cited("x" * 1000).startswith("'xxx")
    assert max(len(cited(value)) for value in ("x" * 1000, 10**5000, [10**5000], list(range(1000)))) <= 60
