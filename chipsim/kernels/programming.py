"""What transfers keep in memory: the scalars of programming, a transfer in progress, and its statistics."""

from __future__ import annotations

from typing import NamedTuple

from chipsim.kernels.layout import F32, F64, I64, U8

TRIES_BINS = 64
ERROR_BINS = 80
ERROR_LIMIT = 4.0
"""µS; errors beyond land in the outermost bins."""


class Programming(NamedTuple):
    """Scalars and vectors of programming; constant during a run."""

    seed: int
    ideal: bool
    tolerance: float
    max_tries: int
    offset: float
    """µS of F (G+ - G-)."""
    maximum: float
    """Largest conductance aimed at, µS."""
    initial: float
    """Deviation of a preset capacitor from the resting voltage, V."""
    thermal_sigma: float
    """kT/C noise of a preset, V."""
    sample_slope: float
    sample_offset: float
    verify_slope: float
    verify_offset: float
    """Read noise of the sample and of the verify read: slope G + offset (µS)."""
    buffer_levels: float
    """Steps of the buffer on either side of zero."""
    buffer_lsb: float
    """Step of the buffered weights, µS; 0 keeps them exact."""
    reset_charge: float
    """Charge of one RESET pulse, C."""
    ramp_current: float
    """A."""
    verify_s: float
    ramp_group: int
    """Devices that the current budget lets ramp at once."""
    present: bool
    """Whether reads see the conductances of a column while it is being programmed."""
    reset_par: F64
    ramp_par: F64
    aging_par: F64


class Exchange(NamedTuple):
    """One value per cell: what a transfer in progress knows. Part of the state."""

    wanted: F32
    """Sampled weight, µS."""
    target: F32
    """Conductance aimed at on G+ (positive) or G- (negative), µS."""
    pending: U8
    """Bit 0: G+ still to be programmed; bit 1: G-."""
    tries: U8
    """Attempts on the device that is aimed at."""
    seen_plus: F32
    seen_minus: F32
    """Last verify reads, µS."""


class Outcome(NamedTuple):
    """What one transfer of the whole chip did."""

    numbers: I64
    """RESET pulses, ramps, verify reads, devices given up, cells whose residual did not fit, devices aimed at, all tries, most tries."""
    squares: F64
    """Sum of squared (programmed - target) of F (G+ - G-), µS², and the number of cells."""
    tries: I64
    """(TRIES_BINS,) devices by number of attempts."""
    errors: I64
    """(ERROR_BINS,) devices by verify read minus target, from -ERROR_LIMIT to ERROR_LIMIT µS."""


OUT_RESETS = 0
OUT_RAMPS = 1
OUT_VERIFIES = 2
OUT_UNCONVERGED = 3
OUT_SATURATED = 4
OUT_AIMED = 5
OUT_TRIES = 6
OUT_MOST_TRIES = 7
OUT_NUMBERS = 8
