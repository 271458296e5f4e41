"""Device parameters as the kernels take them: float64 vectors in the order of the index constants of `chipsim.kernels.pcm`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from chipsim.devices.pcm import Drift, PartialSet, Ramp, ReadNoise, Reset, SlowNoise
from chipsim.kernels import pcm
from chipsim.units import PS

Vector = NDArray[np.float64]


def partial_set_vector(spec: PartialSet) -> Vector:
    """Return the `PARTIAL_*` vector of SET pulses (and of the read seconds after a pulse)."""
    return _packed(
        pcm.PARTIAL_FIELDS,
        {
            pcm.PARTIAL_DECAY: float(np.exp(-1.0 / spec.history_pulses)),
            pcm.PARTIAL_MEAN_SLOPE: spec.mean_slope,
            pcm.PARTIAL_MEAN_OFFSET: spec.mean_offset,
            pcm.PARTIAL_MEAN_HISTORY: spec.mean_history,
            pcm.PARTIAL_SIGMA_SLOPE: spec.sigma_slope,
            pcm.PARTIAL_SIGMA_OFFSET: spec.sigma_offset,
            pcm.PARTIAL_SIGMA_HISTORY: spec.sigma_history,
            pcm.PARTIAL_MINIMUM: spec.minimum,
            pcm.PARTIAL_MAXIMUM: spec.maximum,
            pcm.PARTIAL_READ_SLOPE: spec.read_slope,
            pcm.PARTIAL_READ_OFFSET: spec.read_offset,
        },
    )


def reset_vector(spec: Reset) -> Vector:
    """Return the `RESET_*` vector."""
    return _packed(pcm.RESET_FIELDS, {pcm.RESET_MEAN: spec.conductance, pcm.RESET_SPREAD: spec.spread, pcm.RESET_FLOOR: spec.floor})


def ramp_vector(spec: Ramp) -> Vector:
    """Return the `RAMP_*` vector."""
    return _packed(
        pcm.RAMP_FIELDS,
        {
            pcm.RAMP_MAXIMUM: spec.maximum,
            pcm.RAMP_SIGMA_0: spec.sigma[0],
            pcm.RAMP_SIGMA_1: spec.sigma[1],
            pcm.RAMP_SIGMA_2: spec.sigma[2],
            pcm.RAMP_CONTROL_LIMIT: spec.control_limit,
            pcm.RAMP_CONTROL_LOSS: spec.control_loss,
            pcm.RAMP_STEPS: spec.steps,
            pcm.RAMP_SHORTEST_PS: spec.shortest_step,
            pcm.RAMP_LONGEST_PS: spec.longest_step,
        },
    )


def read_vector(spec: ReadNoise, integration_ps: int) -> Vector:
    """Return the `READ_*` vector of a read that integrates for `integration_ps`; zeros where the noise is off."""
    slope, offset = spec.coefficients(integration_ps)
    return _packed(pcm.READ_FIELDS, {pcm.READ_SLOPE: slope, pcm.READ_OFFSET: offset})


def aging_vector(drift: Drift, slow: SlowNoise) -> Vector:
    """Return the `AGING_*` vector; drift or slow noise that is off takes no part in it.

    Slow noise counts from the device's own last verify read, whatever drift's reference is: nothing jumps at age 0.
    """
    law = pcm.NO_DRIFT
    if drift.enabled:
        law = pcm.EARLY_POWER_LAW if drift.early else pcm.POWER_LAW
    return _packed(
        pcm.AGING_FIELDS,
        {
            pcm.AGING_LAW: law,
            pcm.AGING_REFERENCE_S: (drift.early_reference if drift.early else drift.reference) * PS,
            **dict(zip(range(pcm.AGING_MEAN_SLOPE, pcm.AGING_MEAN_HIGH + 1), drift.mean, strict=True)),
            **dict(zip(range(pcm.AGING_SIGMA_SLOPE, pcm.AGING_SIGMA_HIGH + 1), drift.sigma, strict=True)),
            pcm.AGING_SLOW_SCALE: slow.scale if slow.enabled else 0.0,
            pcm.AGING_SLOW_EXPONENT: slow.exponent,
            pcm.AGING_SLOW_LIMIT: slow.limit,
            pcm.AGING_SLOW_READ_S: slow.read_time * PS,
            pcm.AGING_SLOW_REFERENCE_S: 0.0,
        },
    )


def _packed(fields: int, values: Mapping[int, float]) -> Vector:
    """Return the values by index; a missing one is a mistake of this module and shows as NaN."""
    vector = np.full(fields, np.nan)
    for index, value in values.items():
        vector[index] = value
    return vector
