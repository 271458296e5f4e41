"""Looking for values that cannot be: one pass over an array, at the speed of memory where everything is in order.

A value is inside where `low <= value <= high`, so a NaN never is. Healthy values are counted without a branch, which
vectorises; only if one is missing is it looked for.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from chipsim.kernels.jit import kernel
from chipsim.kernels.layout import F32, I8, U8

Number = TypeVar("Number", np.float32, np.float64, np.int64)


@kernel(error_model="numpy")
def first_outside(values: NDArray[Number], low: Number, high: Number) -> int:
    """Return the index of the first of the `values` (1-D) that is not inside `low ... high`, all of one type; -1 if there is none."""
    inside = 0
    for i in range(values.size):
        inside += bool((values[i] >= low) & (values[i] <= high))
    if inside == values.size:
        return -1
    at = 0
    while low <= values[at] <= high:
        at += 1
    return at


@kernel(inline="always")
def holds(overdrive: np.float32, settled: np.float32, leak: np.uint8, unused: np.float32, low: np.float32, high: np.float32) -> bool:
    """Return whether one capacitor is `low ... high` V from its overdrive at rest, `settled`; padding, where nothing leaks, holds `unused`."""
    deviation = overdrive - settled
    return bool(((leak == 0) & (overdrive == unused)) | ((leak != 0) & (deviation >= low) & (deviation <= high)))


@kernel(error_model="numpy")
def first_voltage_outside(
    overdrive: F32, threshold: I8, leak: U8, rest: np.float32, lsb: np.float32, unused: np.float32, low: np.float32, high: np.float32
) -> int:
    """Return the index of the first cell whose capacitor is not `low ... high` V from its resting voltage; -1 if there is none.

    Arrays are 1-D over the cells as in `layout.Cells`; `rest` is the overdrive (V) at rest of a cell with the nominal threshold,
    `lsb` the threshold's step (V). Padding has to hold `unused`.
    """
    inside = 0
    for i in range(overdrive.size):
        inside += holds(overdrive[i], rest - lsb * np.float32(threshold[i]), leak[i], unused, low, high)
    if inside == overdrive.size:
        return -1
    at = 0
    while holds(overdrive[at], rest - lsb * np.float32(threshold[at]), leak[at], unused, low, high):
        at += 1
    return at
