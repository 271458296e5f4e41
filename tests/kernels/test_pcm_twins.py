"""What kernels compute device by device is what the closed forms of the device specs say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chipsim.chip.parameters import aging_vector, partial_set_vector, ramp_vector, read_vector
from chipsim.devices.pcm import Drift, PartialSet, Ramp, ReadNoise, SlowNoise
from chipsim.kernels import pcm

LAWS = [Drift(), Drift(reference="38.6 s"), Drift(early=True), Drift(early=True, early_reference="1 ms"), Drift(enabled=False)]
RAMPS = [
    Ramp(),
    Ramp(maximum="10 uS", control_limit="8 uS", control_loss=0.3),
    Ramp(maximum="18 uS", control_limit="18 uS"),
    Ramp(sigma=(-0.1, 1.0, 0.0), shortest_step="10 ns", longest_step="1 us"),
]
NOISES = [SlowNoise(), SlowNoise(scale=0.02, exponent=0.3, limit=0.1, read_time="1 us")]
ages = st.one_of(st.just(0.0), st.floats(1e-9, 4e8))
normalised = st.floats(0.0, 1.5)


@pytest.mark.parametrize("spec", RAMPS)
@given(target=st.floats(0.0, 30.0))
def test_ramp_twins(variant, spec, target):
    """Spread and length of a ramp agree with the closed forms, above the control limit and the maximum, too."""
    par = ramp_vector(spec)
    assert variant(pcm.ramp_sigma)(target, par) == pytest.approx(float(spec.programming_sigma(target)), rel=1e-6, abs=1e-9)
    assert variant(pcm.ramp_step_ps)(target, par) * 1e-12 == pytest.approx(float(spec.step_length(target)), rel=1e-6)


@pytest.mark.parametrize("spec", LAWS)
@given(age=ages, nu=st.floats(0.0, 0.3))
def test_drift_twins(variant, spec, age, nu):
    """Every drift law leaves the share that the closed form says."""
    par = aging_vector(spec, SlowNoise())
    assert variant(pcm.share_left)(age, nu, par) == pytest.approx(float(spec.factor(age, nu)), rel=1e-6)


@given(g=normalised)
def test_exponent_twins(variant, g):
    """Mean and spread of the drift exponent agree with the closed forms."""
    spec = Drift()
    par = aging_vector(spec, SlowNoise())
    mean = variant(pcm.draw_exponent)(g, 0.0, par)
    assert mean == pytest.approx(float(spec.mean_exponent(g)), rel=1e-6)
    assert variant(pcm.draw_exponent)(g, 1.0, par) - mean == pytest.approx(float(spec.sigma_exponent(g)), rel=1e-6)


@pytest.mark.parametrize("spec", NOISES)
@given(g=normalised, age=ages)
def test_slow_noise_twins(variant, spec, g, age):
    """The slow deviation agrees with the closed form from the last verify read to ten years, whatever drift's reference."""
    par = aging_vector(Drift(reference="38.6 s"), spec)
    assert variant(pcm.slow_sigma)(g, age, par) == pytest.approx(float(spec.relative_sigma(g, age, reference=0.0)), rel=1e-6)


@given(conductance=st.floats(0.0, 30.0), integration_ps=st.integers(1, 10**7), z=st.floats(-6.0, 6.0))
def test_read_twins(variant, conductance, integration_ps, z):
    """A read deviates by the closed form's sigma times its normal draw."""
    spec = ReadNoise()
    seen = variant(pcm.read)(conductance, z, *read_vector(spec, integration_ps))
    assert seen - conductance == pytest.approx(z * float(spec.sigma(conductance, integration_ps)), rel=1e-6, abs=1e-12)


@given(pulses=st.integers(0, 60), start=st.floats(0.1, 10.0))
def test_partial_set_twins(variant, pulses, start):
    """Noise-free SET pulses follow the closed recursion as long as no limit is met."""
    spec = PartialSet(maximum="50 uS")
    par = partial_set_vector(spec)
    g, memory = start, 1.0
    for _ in range(pulses):
        g, memory = variant(pcm.partial_set)(g, memory, 0.0, par)
    assert g == pytest.approx(spec.mean_after(pulses, start), rel=1e-6)


def test_array_ages_as_the_closed_forms_say(variant):
    """An array of devices of one age is drift times slow noise, device by device."""
    drift, slow = Drift(), SlowNoise()
    conductance = np.linspace(0.1, 25.0, 50)
    nu, z = np.linspace(0.04, 0.1, 50), np.linspace(-2.0, 2.0, 50)
    expected = np.maximum(conductance * drift.factor(1e5, nu) * (1.0 + slow.relative_sigma(conductance / 25.0, 1e5) * z), 0.0)
    assert variant(pcm.aged)(conductance, nu, z, np.full(len(conductance), 1e5), aging_vector(drift, slow)) == pytest.approx(expected, rel=1e-6)
