"""The wire format, compared with what the protobuf package makes of it."""

from __future__ import annotations

import math

import pytest
from google.protobuf import wrappers_pb2
from hypothesis import example, given
from hypothesis import strategies as st

from chipsim.export import protobuf


@given(st.integers(0, 2**64 - 1))
@example(0)
@example(127)
@example(128)
@example(2**64 - 1)
def test_integers_are_varints(value):
    """An integer field reads back as the same number."""
    assert wrappers_pb2.UInt64Value.FromString(protobuf.integer(1, value)).value == value


@given(st.integers(-(2**63), 2**63 - 1))
@example(-1)
def test_negative_integers_are_in_twos_complement(value):
    """A signed integer field reads back as the same number."""
    assert wrappers_pb2.Int64Value.FromString(protobuf.integer(1, value)).value == value


@given(st.floats(allow_nan=False))
@example(math.inf)
@example(-0.0)
def test_doubles_keep_every_bit(value):
    """A double field reads back as the same number."""
    found = wrappers_pb2.DoubleValue.FromString(protobuf.double(1, value)).value
    assert (found, math.copysign(1, found)) == (value, math.copysign(1, value))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_is_utf8(value):
    """A string field reads back as the same text, whatever its length."""
    assert wrappers_pb2.StringValue.FromString(protobuf.text(1, value)).value == value


def test_text_that_is_no_unicode_has_question_marks():
    """A lone surrogate, which UTF-8 cannot hold, does not spoil a trace."""
    assert wrappers_pb2.StringValue.FromString(protobuf.text(1, "a\ud800")).value == "a?"


@pytest.mark.parametrize("value", [2**64, -(2**63) - 2**63 - 1])
def test_more_than_64_bits_are_refused(value):
    """A number that no field can hold is an error."""
    with pytest.raises(ValueError, match="does not fit into 64 bits"):
        protobuf.varint(value)


def test_high_field_numbers():
    """A field number beyond one byte is written whole: 60 with length-delimited content has the tag 0xE2 0x03."""
    assert protobuf.delimited(60, b"xy") == b"\xe2\x03\x02xy"
