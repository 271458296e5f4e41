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
def _ctpop(typing_context: Any, word: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = arguments[0].type
        counter = cgutils.get_or_insert_function(
            builder.module, _function_type(kind), f"llvm.ctpop.i{kind.width}"
        )
        return builder.call(counter, arguments)

    return word(word), build


def _function_type(kind: Any) -> Any:
    from llvmlite import ir

    return ir.FunctionType(kind, [kind])


@overload(popcount, inline="always")
def _popcount(word):  # type: ignore[no-untyped-def]  # Numba wants the same signature as the lambda
    if isinstance(word, types.Integer):
        return lambda word: _ctpop(word)
    return None
