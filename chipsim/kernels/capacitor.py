"""The capacitor: closed-form leak, and what a burst of update pulses does.

Voltages are kept as deviations from the resting voltage, so leak is one factor. A row carries the time at which it was
last brought up to date; gaps below `Device.quantum` (a 2^-15 part of the retention) are left to the next access, which
keeps float32 from rounding them away and costs at most 3e-5 of a deviation. No time is ever dropped.
"""

from __future__ import annotations

import math

import numpy as np

from chipsim.kernels.jit import FLOAT_MATH, kernel

SHORT = 1.0 / 64.0
"""Gaps up to this part of the nominal retention take the polynomial, longer ones the exponential."""

_ONE = np.float32(1.0)
_HALF = np.float32(0.5)
_SIXTH = np.float32(1.0 / 6.0)
_TWENTY_FOURTH = np.float32(1.0 / 24.0)


@kernel(inline="always")
def leak_short(deviation, leak, row, scaled):
    """Let the cells of one row leak for a short gap (s, times the leak's lsb): good to 2e-8 at four times the mean leak."""
    for i in range(deviation.shape[1]):
        x = np.float32(leak[row, i]) * scaled
        deviation[row, i] -= deviation[row, i] * (x * (_ONE - x * (_HALF - x * (_SIXTH - x * _TWENTY_FOURTH))))


@kernel(error_model="numpy")
def leak_long(deviation, leak, row, scaled):
    """Let the cells of one row leak for any gap (s, times the leak's lsb)."""
    for i in range(deviation.shape[1]):
        deviation[row, i] *= np.float32(math.exp(-np.float64(leak[row, i]) * scaled))


@kernel(inline="always")
def leak_row(deviation, leak, row, elapsed, nominal, lsb):
    """Let the cells of one row leak for `elapsed` s, in place; `leak` is 1/retention of each in `lsb`, `nominal` the mean."""
    if elapsed * nominal <= SHORT:
        leak_short(deviation, leak, row, np.float32(elapsed * lsb))
    else:
        leak_long(deviation, leak, row, elapsed * lsb)


@kernel(error_model="numpy")
def reference_conductance(reference, since, now, device):
    """Return g_ref (µS) at `now` of a reference preset to the deviation `reference` (V) at `since`; it leaks like a cell."""
    left = np.float64(reference) * math.exp(-(now - since) * 1e-12 * device.nominal_leak)
    return np.float32(max(device.transconductance * (left + device.rest_overdrive), 0.0))


@kernel(inline="always")
def pulse_step(deviation, pulses, sign, step, noise, slope, centre):
    """Return the voltage change of equal pulses, with the state dependence to second order in the steps.

    One pulse moves by `step (1 - s (V - V0))` upward (`sign` +1) or `-step (1 + s (V - V0))` downward (-1); `slope` is s
    (1/V), `centre` is V0 as a deviation from rest, `noise` is the noise of the whole burst in steps. All float32.
    """
    first = step * (_ONE - sign * slope * (deviation - centre))
    count = np.float32(pulses)
    return sign * first * (count * (_ONE - _HALF * (count - _ONE) * slope * step) + noise)
