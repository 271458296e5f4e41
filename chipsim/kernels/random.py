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

from chipsim.kernels.jit import kernel

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

_MASK = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint64(0x9E3779B9)
_W1 = np.uint64(0xBB67AE85)
_ROW_SHIFT = np.uint64(16)
_PURPOSE_SHIFT = np.uint64(24)


@kernel(inline="always")
def _round(c0, c1, c2, c3, k0, k1):
    p0 = _M0 * c0
    p1 = _M1 * c2
    return (p1 >> _SHIFT) ^ c1 ^ k0, p1 & _MASK, (p0 >> _SHIFT) ^ c3 ^ k1, p0 & _MASK


@kernel(inline="always")
def philox(c0, c1, c2, c3, k0, k1):
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
def words(seed, purpose, layer, sub, place, event):
    """Return four random words for a place (a line, or `cell_place`) and an event.

    `seed` and `event` are 64-bit, `purpose` and `layer` below 256, `sub` below 65,536.
    """
    key = np.uint64(seed)
    count = np.uint64(event)
    tag = (np.uint64(purpose) << _PURPOSE_SHIFT) | (np.uint64(layer) << _ROW_SHIFT) | np.uint64(sub)
    return philox(count & _MASK, count >> _SHIFT, np.uint64(place), tag, key & _MASK, key >> _SHIFT)


@kernel()
def cell_place(row, column):
    """Return the counter word of a cell from its logical row and column, each below 65,536."""
    return (np.uint64(row) << _ROW_SHIFT) | np.uint64(column)


@kernel()
def uniform(word):
    """Return a float64 in the open interval (0, 1) from one word."""
    return (np.float64(word) + 0.5) * 2.3283064365386963e-10


@kernel()
def normal(word):
    """Return a standard normal float64 from one word, by the inverse distribution function.

    Polynomials: M. B. Giles, "Approximating the erfinv function", GPU Computing Gems Jade (2011), single precision.
    A 32-bit word limits the size to about 6.2 sigma.
    """
    x = 2.0 * uniform(word) - 1.0
    w = -math.log((1.0 - x) * (1.0 + x))
    if w < 5.0:
        w = w - 2.5
        p = 2.81022636e-08
        p = 3.43273939e-07 + p * w
        p = -3.5233877e-06 + p * w
        p = -4.39150654e-06 + p * w
        p = 0.00021858087 + p * w
        p = -0.00125372503 + p * w
        p = -0.00417768164 + p * w
        p = 0.246640727 + p * w
        p = 1.50140941 + p * w
    else:
        w = math.sqrt(w) - 3.0
        p = -0.000200214257
        p = 0.000100950558 + p * w
        p = 0.00134934322 + p * w
        p = -0.00367342844 + p * w
        p = 0.00573950773 + p * w
        p = -0.0076224613 + p * w
        p = 0.00943887047 + p * w
        p = 1.00167406 + p * w
        p = 2.83297682 + p * w
    return 1.4142135623730951 * p * x


@kernel()
def cell_normal(seed, purpose, layer, sub, row, column, event):
    """Return the standard normal draw of one cell for one event."""
    return normal(words(seed, purpose, layer, sub, cell_place(row, column), event)[0])


@kernel()
def fill_line_normals(out, seed, purpose, layer, first, count, event):
    """Fill `out[:count]` with one standard normal per line `first .. first + count` (float32).

    Four neighbouring lines share one Philox call, by the line's index and not by the call's extent.
    """
    line = first
    while line < first + count:
        block = line // 4
        drawn = words(seed, purpose, layer, 0, block, event)
        for k in range(4):
            at = 4 * block + k - first
            if 0 <= at < count:
                out[at] = np.float32(normal(drawn[k]))
        line = 4 * block + 4


@kernel()
def fill_cell_normals(out, seed, purpose, layer, sub, row0, col0, event):
    """Fill the 2-D array `out` with one standard normal per cell; its corner is logical cell (row0, col0)."""
    for j in range(out.shape[0]):
        for i in range(out.shape[1]):
            out[j, i] = cell_normal(seed, purpose, layer, sub, row0 + j, col0 + i, event)


@kernel()
def fill_words(out, seed, purpose, layer, event):
    """Fill `out` (uint64) with one word per index, for orders and choices."""
    for i in range(out.size):
        out[i] = words(seed, purpose, layer, 0, i, event)[0]
