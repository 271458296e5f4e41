"""The wire format of protocol buffers, as far as a trace needs it: varints, doubles and length-delimited fields.

The format is described at https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

import struct

_VARINT, _FIXED64, _LENGTH = 0, 1, 2
"""Wire types, the low three bits of every field's tag."""
_SMALL = [bytes([value]) for value in range(128)]
_WRAP = 1 << 64


def varint(value: int) -> bytes:
    """Return an integer as a varint: seven bits a byte, the lowest first; a negative one in two's complement of 64 bits.

    Raises
    ------
    ValueError
        if it does not fit into 64 bits.
    """
    if value < 0:
        value += _WRAP
    if not 0 <= value < _WRAP:
        msg = f"{value} does not fit into 64 bits"
        raise ValueError(msg)
    if value < 128:
        return _SMALL[value]
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def integer(field: int, value: int) -> bytes:
    """Return a field of any integer type that is a varint: int32, int64, uint32, uint64, bool, enum."""
    return varint(field << 3 | _VARINT) + varint(value)


def double(field: int, value: float) -> bytes:
    """Return a field of type double."""
    return varint(field << 3 | _FIXED64) + struct.pack("<d", value)


def delimited(field: int, content: bytes) -> bytes:
    """Return a field of type bytes, or one that holds a message."""
    return varint(field << 3 | _LENGTH) + varint(len(content)) + content


def text(field: int, value: str) -> bytes:
    """Return a field of type string."""
    return delimited(field, value.encode("utf-8", "replace"))
