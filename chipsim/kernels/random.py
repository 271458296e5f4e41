"""Counter-based random numbers: Philox4x32-10 (Salmon et al., SC'11), and what is drawn from its words.

A draw is a function of (seed, purpose, layer, logical row and column or line, 64-bit event counter) and never of call
order. The 128-bit counter is laid out once, here:

    word 0, 1   event counter, low and high half
    word 2      logical row << 16 | logical column, or the line's index
    word 3      purpose << 24 | layer << 16 | sub-draw

The key is the 64-bit seed. All words are handled as uint64 below 2^32, which needs no wrapping arithmetic and lets the
compiler use the 32 x 32 -> 64 bit vector multiply.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from chipsim.kernels.jit import kernel

Words = tuple[np.uint64, np.uint64, np.uint64, np.uint64]

RETENTION_SPREAD = 1
STEP_UP_SPREAD = 2
STEP_DOWN_SPREAD = 3
THRESHOLD_SPREAD = 4
INITIAL_WEIGHTS = 5
DATA_ORDER = 6
FORWARD_NOISE = 7
BACKWARD_NOISE = 8
ROW_PULSES = 9
COLUMN_PULSES = 10
PACKET_NOISE = 11
RESET_STATE = 12
RAMP_NOISE = 13
VERIFY_NOISE = 14
SAMPLE_NOISE = 15
THERMAL_NOISE = 16
DRIFT_EXPONENT = 17
SLOW_NOISE = 18
EVALUATION_NOISE = 19
PARTIAL_SET = 20
PROBE_CHOICE = 21
REFRESH_NOISE = 22
HOST_JITTER = 23
REFERENCE_NOISE = 24

_MASK = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint64(0x9E3779B9)
_W1 = np.uint64(0xBB67AE85)
_ROW_SHIFT = np.uint64(16)
_PURPOSE_SHIFT = np.uint64(24)
_MANTISSA_BITS = np.int64(52)
_EXPONENT_BIAS = np.int64(1023)
_MANTISSA = np.int64(0x000FFFFFFFFFFFFF)
_ONE_BITS = np.int64(0x3FF0000000000000)

LANES = 32
"""Lines are drawn in blocks of four times so many."""


@kernel(inline="always")
def _round(c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, k0: np.uint64, k1: np.uint64) -> Words:
    p0 = _M0 * c0
    p1 = _M1 * c2
    return (p1 >> _SHIFT) ^ c1 ^ k0, p1 & _MASK, (p0 >> _SHIFT) ^ c3 ^ k1, p0 & _MASK


@kernel(inline="always")
def philox(c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, k0: np.uint64, k1: np.uint64) -> Words:
    """Return the four output words of Philox4x32-10 for a counter and a key of uint64 words below 2^32."""
    c0, c1, c2, c3 = _round(c0, c1, c2, c3, k0, k1)
    k0 = (k0 + _W0) & _MASK
    k1 = (k1 + _W1) & _MASK
    c0, c1, c2, c3 = _round(c0, c1, c2, c3, k0, k1)
    k0 = (k0 + _W0) & _MASK
    k1 = (k1 + _W1) & _MASK
    c0, c1, c2, c3 = _round(c0, c1, c2, c3, k0, k1)
    k0 = (k0 + _W0) & _MASK
    k1 = (k1 + _W1) & _MASK
    c0, c1, c2, c3 = _round(c0, c1, c2, c3, k0, k1)
    k0 = (k0 + _W0) & _MASK
    k1 = (k1 + _W1) & _MASK
    c0, c1, c2, c3 = _round(c0, c1, c2, c3, k0, k1)
    k0 = (k0 + _W0) & _MASK
    k1 = (k1 + _W1) & _MASK
    c0, c1, c2, c3 = _round(c0, c1, c2, c3, k0, k1)
    k0 = (k0 + _W0) & _MASK
    k1 = (k1 + _W1) & _MASK
    c0, c1, c2, c3 = _round(c0, c1, c2, c3, k0, k1)
    k0 = (k0 + _W0) & _MASK
    k1 = (k1 + _W1) & _MASK
    c0, c1, c2, c3 = _round(c0, c1, c2, c3, k0, k1)
    k0 = (k0 + _W0) & _MASK
    k1 = (k1 + _W1) & _MASK
    c0, c1, c2, c3 = _round(c0, c1, c2, c3, k0, k1)
    k0 = (k0 + _W0) & _MASK
    k1 = (k1 + _W1) & _MASK
    return _round(c0, c1, c2, c3, k0, k1)


@kernel(inline="always")
def words(seed: int, purpose: int, layer: int, sub: int, place: int | np.uint64, event: int) -> Words:
    """Return four random words for a place (a line, or `cell_place`) and an event.

    `seed` and `event` are 64-bit, `purpose` and `layer` below 256, `sub` below 65,536.
    """
    key = np.uint64(seed)
    count = np.uint64(event)
    tag = (np.uint64(purpose) << _PURPOSE_SHIFT) | (np.uint64(layer) << _ROW_SHIFT) | np.uint64(sub)
    return philox(count & _MASK, count >> _SHIFT, np.uint64(place), tag, key & _MASK, key >> _SHIFT)


@kernel()
def cell_place(row: int, column: int) -> np.uint64:
    """Return the counter word of a cell from its logical row and column, each below 65,536."""
    return (np.uint64(row) << _ROW_SHIFT) | np.uint64(column)


@kernel(inline="always")
def uniform(word: np.uint64) -> float:
    """Return a float64 in the open interval (0, 1) from one word."""
    return float((np.float64(word) + 0.5) * 2.3283064365386963e-10)


@kernel(inline="always")
def logarithm(value: float) -> float:
    """Return the natural logarithm of a positive normal float64, to 1e-10: plain arithmetic, which vectorises."""
    bits = np.float64(value).view(np.int64)
    exponent = np.float64((bits >> _MANTISSA_BITS) - _EXPONENT_BIAS)
    mantissa = np.int64((bits & _MANTISSA) | _ONE_BITS).view(np.float64)
    above = mantissa > 1.4142135623730951
    mantissa = 0.5 * mantissa if above else mantissa
    exponent = exponent + 1.0 if above else exponent
    s = (mantissa - 1.0) / (mantissa + 1.0)
    q = s * s
    series = 1.0 + q * (1.0 / 3.0 + q * (0.2 + q * (1.0 / 7.0 + q * (1.0 / 9.0 + q * (1.0 / 11.0)))))
    return exponent * 0.6931471805599453 + 2.0 * s * series


@kernel(inline="always")
def normal(word: np.uint64) -> float:
    """Return a standard normal float64 from one word, by the inverse distribution function.

    Polynomials: M. B. Giles, "Approximating the erfinv function", GPU Computing Gems Jade (2011), single precision.
    A 32-bit word limits the size to about 6.2 sigma.
    """
    x = 2.0 * uniform(word) - 1.0
    w = -logarithm((1.0 - x) * (1.0 + x))
    c = w - 2.5
    p = 2.81022636e-08
    p = 3.43273939e-07 + p * c
    p = -3.5233877e-06 + p * c
    p = -4.39150654e-06 + p * c
    p = 0.00021858087 + p * c
    p = -0.00125372503 + p * c
    p = -0.00417768164 + p * c
    p = 0.246640727 + p * c
    p = 1.50140941 + p * c
    t = math.sqrt(max(w, 0.0)) - 3.0
    q = -0.000200214257
    q = 0.000100950558 + q * t
    q = 0.00134934322 + q * t
    q = -0.00367342844 + q * t
    q = 0.00573950773 + q * t
    q = -0.0076224613 + q * t
    q = 0.00943887047 + q * t
    q = 1.00167406 + q * t
    q = 2.83297682 + q * t
    return 1.4142135623730951 * x * (p if w < 5.0 else q)


@kernel()
def cell_normal(seed: int, purpose: int, layer: int, sub: int, row: int, column: int, event: int) -> float:
    """Return the standard normal draw (float64) of one cell, at its logical `row` and `column` of a layer, for one event."""
    return normal(words(seed, purpose, layer, sub, cell_place(row, column), event)[0])


@kernel(error_model="numpy")
def fill_line_normals(out: NDArray[np.float32], seed: int, purpose: int, layer: int, count: int, event: int) -> None:
    """Fill `out[:count]` with one standard normal per line (float32).

    A Philox call serves four lines, `LANES` apart, so that words of one kind lie side by side and the compiler
    vectorises; which word a line gets depends on its index alone. `out` needs room up to the next multiple of
    4 `LANES`; what lies beyond `count` is scratch.
    """
    for block in range((count + 4 * LANES - 1) // (4 * LANES)):
        at = 4 * LANES * block
        for lane in range(LANES):
            w0, w1, w2, w3 = words(seed, purpose, layer, 0, LANES * block + lane, event)
            out[at + lane] = np.float32(normal(w0))
            out[at + LANES + lane] = np.float32(normal(w1))
            out[at + 2 * LANES + lane] = np.float32(normal(w2))
            out[at + 3 * LANES + lane] = np.float32(normal(w3))


@kernel()
def fill_cell_normals(out: NDArray[np.float32], seed: int, purpose: int, layer: int, sub: int, row0: int, col0: int, event: int) -> None:
    """Fill `out` (rows, columns) with one standard normal per cell; its corner is logical cell (row0, col0) of the layer."""
    for j in range(out.shape[0]):
        for i in range(out.shape[1]):
            out[j, i] = cell_normal(seed, purpose, layer, sub, row0 + j, col0 + i, event)


@kernel()
def fill_words(out: NDArray[np.uint64], seed: int, purpose: int, layer: int, event: int) -> None:
    """Fill `out` (n,) with one word per index, for orders and choices."""
    for i in range(out.size):
        out[i] = words(seed, purpose, layer, 0, i, event)[0]
