"""Parameter vectors: every field packed, at the index that the kernels read."""

from __future__ import annotations

import math

import numpy as np
import pytest

from chipsim.chip import parameters
from chipsim.devices.pcm import Drift, PartialSet, Ramp, ReadNoise, Reset, SlowNoise
from chipsim.kernels import pcm

VECTORS = {
    "PARTIAL": parameters.partial_set_vector(PartialSet()),
    "RESET": parameters.reset_vector(Reset()),
    "RAMP": parameters.ramp_vector(Ramp()),
    "READ": parameters.read_vector(ReadNoise(), 40_000),
    "AGING": parameters.aging_vector(Drift(), SlowNoise()),
}


@pytest.mark.parametrize("family", VECTORS)
def test_every_field_is_packed(family):
    """A vector has one finite float64 for each of its index constants, and these count from 0 without a gap."""
    purposes = {"PARTIAL_SET", "RAMP_NOISE", "RESET_STATE"}
    names = {name for name in vars(pcm) if name.startswith(f"{family}_")} - purposes - {f"{family}_FIELDS"}
    vector = VECTORS[family]
    assert sorted(getattr(pcm, name) for name in names) == list(range(getattr(pcm, f"{family}_FIELDS")))
    assert vector.dtype == np.float64
    assert vector.shape == (len(names),)
    assert np.isfinite(vector).all()


def test_a_forgotten_field_shows():
    """A field that packing forgets is NaN, never a silent zero."""
    assert np.isnan(parameters._packed(3, {0: 1.0, 2: 3.0})[1])


def test_partial_set_order():
    """Each parameter of SET pulses stands at its own index."""
    vector = VECTORS["PARTIAL"]
    assert vector[pcm.PARTIAL_DECAY] == pytest.approx(math.exp(-1 / 2.6))
    assert vector[pcm.PARTIAL_MEAN_SLOPE : pcm.PARTIAL_FIELDS] == pytest.approx([-0.084, 0.88, 1.4, 0.091, 0.26, 2.15, 0.1, 12, 0.03, 0.13])


def test_ramp_order():
    """Each parameter of ramps stands at its own index, lengths in ps."""
    assert VECTORS["RAMP"] == pytest.approx([25, 0.26348, 1.9650, -1.1731, 20, 1, 8, 1700, 550_000])


def test_reset_order():
    """Each parameter of RESET stands at its own index."""
    assert VECTORS["RESET"] == pytest.approx([0.1, 0.1, 0.01])


def test_aging_order():
    """Drift and slow noise stand at their own indices, times in s."""
    drift = [20.0, -0.0155, 0.0244, 0.049, 0.1, -0.0125, -0.0059, 0.008, 0.045]
    assert VECTORS["AGING"] == pytest.approx([pcm.POWER_LAW, *drift, 0.0088, 0.65, 0.2, 250e-9, 0.0])


@pytest.mark.parametrize(
    "drift, law, reference",
    [(Drift(), pcm.POWER_LAW, 20.0), (Drift(early=True), pcm.EARLY_POWER_LAW, 1e-6), (Drift(enabled=False, early=True), pcm.NO_DRIFT, 1e-6)],
)
def test_drift_law(drift, law, reference):
    """The law follows the switches of the spec; slow noise counts from the last verify read, whatever the law."""
    vector = parameters.aging_vector(drift, SlowNoise())
    assert vector[pcm.AGING_LAW] == law
    assert vector[pcm.AGING_REFERENCE_S] == pytest.approx(reference)
    assert vector[pcm.AGING_SLOW_REFERENCE_S] == 0.0


def test_slow_noise_that_is_off_has_no_amplitude():
    """Without slow noise its amplitude is zero."""
    assert parameters.aging_vector(Drift(), SlowNoise(enabled=False))[pcm.AGING_SLOW_SCALE] == 0.0


def test_read_noise_that_is_off_is_zero():
    """Without read noise both coefficients are zero."""
    assert not parameters.read_vector(ReadNoise(enabled=False), 40_000).any()
