"""Population count, as one machine instruction where the code is compiled."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload


def popcount(word: Any) -> int:
    """Return the number of set bits of an unsigned word."""
    return int(word).bit_count()


@intrinsic
def _count_bits(typing_context: Any, word: Any) -> Any:
    del typing_context  # the result's type depends on the word alone

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        del context, signature
        kind = arguments[0].type
        # Numba's helper has no annotations.
        counter = cgutils.get_or_insert_function(builder.module, _function_type(kind), f"llvm.ctpop.i{kind.width}")  # type: ignore[no-untyped-call]
        return builder.call(counter, arguments)

    return word(word), build


_ctpop: Any = _count_bits
"""Compiled code calls an intrinsic without the typing context, which its static type cannot say."""


def _function_type(kind: Any) -> Any:
    from llvmlite import ir

    return ir.FunctionType(kind, [kind])


@overload(popcount, inline="always")
def _popcount(word: Any) -> Any:
    if not isinstance(word, types.Integer):
        return None

    # Numba compares this signature with the one above, annotations included.
    def count(word: Any) -> Any:
        return _ctpop(word)

    return count
