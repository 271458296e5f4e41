"""Phase-change memory: SET pulses with history, RESET, ramps, noisy reads, closed-loop programming, and ageing.

Conductances in µS, ages in s, `z` a standard normal. Parameters come as float64 vectors, packed by
`chipsim.chip.parameters` in the order of the index constants here.

Closed loops draw their own numbers, one purpose per cause (`RESET_STATE`, `PARTIAL_SET`, `RAMP_NOISE`, `VERIFY_NOISE`)
at the cell's logical place and the loop's event; the 16-bit sub-draw is

    bit 15       device of the pair: 0 for G+, 1 for G-
    bit 14       1, which keeps loops apart from the pulses of a weight update (sub-draw = pulse, below 32)
    bits 13..0   attempt: 0 for a RESET before the loop, 1 for the loop's first round, below 16,384
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from chipsim.kernels.jit import kernel
from chipsim.kernels.layout import F64, I64
from chipsim.kernels.random import PARTIAL_SET, RAMP_NOISE, RESET_STATE, VERIFY_NOISE, cell_normal

Floats = NDArray[np.float32] | NDArray[np.float64]

NOMINAL_RANGE = 25.0
"""µS at which the normalised conductance g of the noise and drift fits is 1 (Joshi et al., 2020)."""

PARTIAL_DECAY = 0
PARTIAL_MEAN_SLOPE = 1
PARTIAL_MEAN_OFFSET = 2
PARTIAL_MEAN_HISTORY = 3
PARTIAL_SIGMA_SLOPE = 4
PARTIAL_SIGMA_OFFSET = 5
PARTIAL_SIGMA_HISTORY = 6
PARTIAL_MINIMUM = 7
PARTIAL_MAXIMUM = 8
PARTIAL_READ_SLOPE = 9
PARTIAL_READ_OFFSET = 10
PARTIAL_FIELDS = 11
"""Partial SET: exp(-1/alpha); m1, c1, A1; m2, c2, A2; limits (µS); m3, c3."""

RESET_MEAN = 0
RESET_SPREAD = 1
RESET_FLOOR = 2
RESET_FIELDS = 3
"""RESET: mean (µS), relative spread, lowest value (µS)."""

RAMP_MAXIMUM = 0
RAMP_SIGMA_0 = 1
RAMP_SIGMA_1 = 2
RAMP_SIGMA_2 = 3
RAMP_CONTROL_LIMIT = 4
RAMP_CONTROL_LOSS = 5
RAMP_STEPS = 6
RAMP_SHORTEST_PS = 7
RAMP_LONGEST_PS = 8
RAMP_FIELDS = 9
"""Ramp: conductance of the longest (µS); polynomial of the spread; control limit (µS) and loss; number and length of steps."""

READ_SLOPE = 0
READ_OFFSET = 1
READ_FIELDS = 2
"""White noise of one read: relative part and constant part (µS)."""

AGING_LAW = 0
AGING_REFERENCE_S = 1
AGING_MEAN_SLOPE = 2
AGING_MEAN_OFFSET = 3
AGING_MEAN_LOW = 4
AGING_MEAN_HIGH = 5
AGING_SIGMA_SLOPE = 6
AGING_SIGMA_OFFSET = 7
AGING_SIGMA_LOW = 8
AGING_SIGMA_HIGH = 9
AGING_SLOW_SCALE = 10
AGING_SLOW_EXPONENT = 11
AGING_SLOW_LIMIT = 12
AGING_SLOW_READ_S = 13
AGING_SLOW_REFERENCE_S = 14
AGING_FIELDS = 15
"""Ageing: drift law and its reference time; slope, offset and limits of the mean and of the spread of nu; 1/f noise."""

NO_DRIFT = 0.0
POWER_LAW = 1.0
EARLY_POWER_LAW = 2.0
"""Values of `AGING_LAW`; the early law starts at the reference time instead of running through it."""

LOOP_ATTEMPTS = 16384
"""Attempts that fit into a sub-draw, attempt 0 included."""

_DEVICE_BIT = 32768
_LOOP_BIT = 16384


@kernel()
def loop_draw(device: int, attempt: int) -> int:
    """Return the sub-draw of one attempt (below `LOOP_ATTEMPTS`) at programming device 0 (G+) or 1 (G-) of a pair."""
    return device * _DEVICE_BIT + _LOOP_BIT + attempt


@kernel()
def partial_set(conductance: float, memory: float, z: float, par: F64) -> tuple[float, float]:
    """Return conductance (µS) and memory of the last RESET after one SET pulse.

    The memory (1 right after RESET) fades before it is used: a first pulse already sees exp(-1/alpha). A pulse may lower
    the conductance. Nandakumar et al., J. Appl. Phys. 124, 152135 (2018).
    """
    memory = memory * par[PARTIAL_DECAY]
    mean = par[PARTIAL_MEAN_SLOPE] * conductance + par[PARTIAL_MEAN_OFFSET] + par[PARTIAL_MEAN_HISTORY] * memory
    sigma = par[PARTIAL_SIGMA_SLOPE] * conductance + par[PARTIAL_SIGMA_OFFSET] + par[PARTIAL_SIGMA_HISTORY] * memory
    after = conductance + mean + sigma * z
    return min(max(after, par[PARTIAL_MINIMUM]), par[PARTIAL_MAXIMUM]), memory


@kernel()
def reset(z: float, mean: float, spread: float, floor: float) -> float:
    """Return the conductance (µS) after a RESET pulse, which leaves no trace of the state before; memory becomes 1."""
    return max(mean * (1.0 + spread * z), floor)


@kernel()
def read(conductance: float, z: float, slope: float, offset: float) -> float:
    """Return what one noisy read of `conductance` (µS) gives; near zero that may be negative."""
    return conductance + (slope * conductance + offset) * z


@kernel()
def ramp_sigma(target: float, par: F64) -> float:
    """Return the spread (µS) of one ramp that aims at `target` µS; twin of `Ramp.programming_sigma`."""
    g = target / par[RAMP_MAXIMUM]
    fitted = max(par[RAMP_SIGMA_0] + g * (par[RAMP_SIGMA_1] + g * par[RAMP_SIGMA_2]), 0.0)
    uncontrolled = max(target - par[RAMP_CONTROL_LIMIT], 0.0) / max(par[RAMP_MAXIMUM] - par[RAMP_CONTROL_LIMIT], 1e-9)
    return float(fitted * (par[RAMP_MAXIMUM] / NOMINAL_RANGE) * (1.0 + par[RAMP_CONTROL_LOSS] * uncontrolled))


@kernel()
def ramp(target: float, z: float, par: F64) -> float:
    """Return the conductance (µS, not below 0) that one ramp after RESET leaves when it aims at `target` µS."""
    return max(target + ramp_sigma(target, par) * z, 0.0)


@kernel()
def ramp_step_ps(target: float, par: F64) -> float:
    """Return the step length (ps, float64) of the ramp that aims at `target` µS; twin of `Ramp.step_length`."""
    share = min(max(target / par[RAMP_MAXIMUM], 0.0), 1.0)
    return float(par[RAMP_SHORTEST_PS] * (par[RAMP_LONGEST_PS] / par[RAMP_SHORTEST_PS]) ** share)


@kernel()
def ramp_duration_ps(target: float, par: F64) -> np.int64:
    """Return the length of the whole ramp that aims at `target` µS, in whole ps (int64)."""
    return np.int64(par[RAMP_STEPS] * ramp_step_ps(target, par) + 0.5)


@kernel()
def program_ramp(
    target: float, tol: float, max_tries: int, seed: int, layer: int, row: int, column: int, device: int, event: int, par: F64, read_par: F64
) -> tuple[float, float, int, bool]:
    """Program one device by RESET and ramp until a verify read lies within `tol` of `target` (µS).

    Returns
    -------
    (conductance, measured, tries, converged)
        true and last measured conductance (µS); each try is one RESET, one ramp and one verify read.
    """
    conductance = 0.0
    measured = 0.0
    for k in range(max_tries):
        draw = loop_draw(device, k + 1)
        conductance = ramp(target, cell_normal(seed, RAMP_NOISE, layer, draw, row, column, event), par)
        z = cell_normal(seed, VERIFY_NOISE, layer, draw, row, column, event)
        measured = read(conductance, z, read_par[READ_SLOPE], read_par[READ_OFFSET])
        if abs(measured - target) <= tol:
            return conductance, measured, k + 1, True
    return conductance, measured, max_tries, False


@kernel()
def program_incremental(
    target: float,
    conductance: float,
    memory: float,
    tol: float,
    max_tries: int,
    seed: int,
    layer: int,
    row: int,
    column: int,
    device: int,
    event: int,
    par: F64,
    reset_par: F64,
) -> tuple[float, float, int, int, int, bool]:
    """Program one device by SET pulses, with RESET on overshoot, until a verify read lies within `tol` of `target` (µS).

    Each of at most `max_tries` rounds reads, then pulses unless done; the pulse of the last round is not verified any more.

    Returns
    -------
    (conductance, memory, sets, resets, reads, converged)
        true conductance (µS) and memory, what was done, and whether a read was within `tol`.
    """
    sets = 0
    resets = 0
    for k in range(max_tries):
        draw = loop_draw(device, k + 1)
        z = cell_normal(seed, VERIFY_NOISE, layer, draw, row, column, event)
        miss = read(conductance, z, par[PARTIAL_READ_SLOPE], par[PARTIAL_READ_OFFSET]) - target
        if abs(miss) <= tol:
            return conductance, memory, sets, resets, k + 1, True
        if miss > 0.0:
            z = cell_normal(seed, RESET_STATE, layer, draw, row, column, event)
            conductance = reset(z, reset_par[RESET_MEAN], reset_par[RESET_SPREAD], reset_par[RESET_FLOOR])
            memory = 1.0
            resets += 1
        else:
            z = cell_normal(seed, PARTIAL_SET, layer, draw, row, column, event)
            conductance, memory = partial_set(conductance, memory, z, par)
            sets += 1
    return conductance, memory, sets, resets, max_tries, False


@kernel()
def program_incremental_all(
    targets: F64,
    tol: float,
    max_tries: int,
    seed: int,
    event: int,
    par: F64,
    reset_par: F64,
    conductance: F64,
    sets: I64,
    resets: I64,
    reads: I64,
    converged: NDArray[np.bool_],
) -> None:
    """Program many devices, each from a RESET of its own that is not counted, to `targets` (1-D, µS).

    The other arrays are filled, one entry a device; device i stands at row i mod 65,536, column i div 65,536 of layer 0.
    """
    for i in range(targets.size):
        row = i % 65536
        column = i // 65536
        z = cell_normal(seed, RESET_STATE, 0, loop_draw(0, 0), row, column, event)
        start = reset(z, reset_par[RESET_MEAN], reset_par[RESET_SPREAD], reset_par[RESET_FLOOR])
        conductance[i], _, sets[i], resets[i], reads[i], converged[i] = program_incremental(
            targets[i], start, 1.0, tol, max_tries, seed, 0, row, column, 0, event, par, reset_par
        )


@kernel()
def refresh_needed(g_plus: float, g_minus: float, above: float, below: float) -> bool:
    """Return whether a pair is saturated: one device above `above`, yet their difference below `below` (µS)."""
    return max(g_plus, g_minus) > above and abs(g_plus - g_minus) < below


@kernel()
def drift_factor(age_s: float, nu: float, t0_s: float) -> float:
    """Return the share of the conductance left `age_s` after the read at `t0_s`: ((age + t0) / t0)^-nu."""
    return math.pow((age_s + t0_s) / t0_s, -nu)


@kernel()
def share_left(age: float, nu: float, par: F64) -> float:
    """Return the share of the conductance left at `age` s under the drift law of `par`; twin of `Drift.factor`."""
    if par[AGING_LAW] == NO_DRIFT:
        return 1.0
    if par[AGING_LAW] == EARLY_POWER_LAW:
        return math.pow(max(age, par[AGING_REFERENCE_S]) / par[AGING_REFERENCE_S], -nu)
    return drift_factor(age, nu, par[AGING_REFERENCE_S])


@kernel()
def draw_exponent(g: float, z: float, par: F64) -> float:
    """Return the drift exponent of a device freshly programmed to g = G / 25 µS (Joshi et al., Nat. Commun. 11, 2473 (2020))."""
    log_g = math.log(max(g, 1e-7))
    mean = min(max(par[AGING_MEAN_SLOPE] * log_g + par[AGING_MEAN_OFFSET], par[AGING_MEAN_LOW]), par[AGING_MEAN_HIGH])
    sigma = min(max(par[AGING_SIGMA_SLOPE] * log_g + par[AGING_SIGMA_OFFSET], par[AGING_SIGMA_LOW]), par[AGING_SIGMA_HIGH])
    return float(abs(mean + sigma * z))


@kernel()
def slow_sigma(g: float, age: float, par: F64) -> float:
    """Return the relative 1/f deviation at `age` s of a device programmed to g = G / 25 µS; twin of `SlowNoise.relative_sigma`.

    It builds up from nothing at age 0, the device's own last verify read (`AGING_SLOW_REFERENCE_S` is 0 there); one draw per
    device holds for reads close in time (it is not white from read to read).
    """
    amplitude = min(par[AGING_SLOW_SCALE] / max(max(g, 0.0) ** par[AGING_SLOW_EXPONENT], 1e-3), par[AGING_SLOW_LIMIT])
    read_s = par[AGING_SLOW_READ_S]
    grown = math.log((age + par[AGING_SLOW_REFERENCE_S] + read_s) / (2.0 * read_s))
    return float(amplitude * math.sqrt(max(grown, 0.0)))


@kernel()
def aged_device(conductance: float, nu: float, z: float, age: float, par: F64) -> float:
    """Return what is left (µS, not below 0) at `age` s of a device programmed to `conductance` µS: drift, then slow noise."""
    drifted = conductance * share_left(age, nu, par)
    return max(drifted * (1.0 + slow_sigma(conductance / NOMINAL_RANGE, age, par) * z), 0.0)


@kernel(_nrt=True)
def aged(conductance: Floats, nu: Floats, z: Floats, age: F64, par: F64) -> F64:
    """Return `aged_device` of many devices: `conductance` (µS), `nu`, `z` and `age` (s) are 1-D; float64 out."""
    out = np.empty(conductance.size)
    for i in range(conductance.size):
        out[i] = aged_device(np.float64(conductance[i]), np.float64(nu[i]), np.float64(z[i]), age[i], par)
    return out
