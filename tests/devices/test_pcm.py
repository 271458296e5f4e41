"""Closed forms of phase-change memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chipsim.devices.pcm import Drift, PartialSet, Ramp, ReadNoise, SlowNoise

DAY = 86400.0


@pytest.mark.parametrize("pulses, expected", [(0, 0.1), (1, 1.925), (5, 5.805), (10, 7.759), (20, 9.380)])
def test_mean_accumulation(pulses, expected):
    """The mean conductance after SET pulses follows Nandakumar et al., J. Appl. Phys. 124, 152135 (2018)."""
    assert PartialSet().mean_after(pulses, 0.1) == pytest.approx(expected, abs=1e-3)


def test_fixed_point():
    """SET pulses saturate at 10.476 uS (Nandakumar et al., 2018), which the recursion reaches."""
    spec = PartialSet()
    assert spec.fixed_point == pytest.approx(10.476, abs=1e-3)
    assert spec.mean_after(300, 0.1) == pytest.approx(spec.fixed_point, abs=1e-6)


def test_spread_of_reads_after_pulses():
    """Without pulses reads scatter by read noise alone; after many the spread of one step balances the pull of the fixed point."""
    spec = PartialSet()
    assert spec.read_spread_after(0, 10.0) == pytest.approx(0.43)
    step = spec.sigma_slope * spec.fixed_point + spec.sigma_offset
    variance = step**2 / (1.0 - (1.0 + spec.mean_slope) ** 2 - spec.sigma_slope**2)
    noise = spec.read_slope * spec.fixed_point + spec.read_offset
    expected = np.sqrt(variance + noise**2 + spec.read_slope**2 * variance)
    assert spec.read_spread_after(300, 0.1) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("g, expected", [(0.1, 0.448), (0.25, 0.681), (0.5, 0.953), (0.75, 1.077), (1.0, 1.055)])
def test_programming_spread(g, expected):
    """One ramp scatters as Joshi et al., Nat. Commun. 11, 2473 (2020) fitted to a million devices."""
    assert Ramp(control_loss=0.0).programming_sigma(25.0 * g) == pytest.approx(expected, abs=1e-3)


def test_spread_grows_above_the_control_limit():
    """The spread doubles from the control limit to the maximum at the default loss, without a step at the limit."""
    controlled = Ramp(control_loss=0.0)
    assert Ramp().programming_sigma(25.0) == pytest.approx(2.0 * controlled.programming_sigma(25.0))
    assert Ramp().programming_sigma(20.0 + 1e-9) == pytest.approx(controlled.programming_sigma(20.0))


def test_spread_scales_with_the_range():
    """A device with a tenth of the range scatters by a tenth at the same share of it."""
    small = Ramp(maximum="2.5 uS", control_limit="2.5 uS")
    assert small.programming_sigma(1.25) == pytest.approx(0.1 * Ramp().programming_sigma(12.5))


def test_ramp_length_spans_the_measured_steps():
    """Step lengths run from 1.7 to 550 ns, logarithmically (Ambrogio et al., Nature 558, 60 (2018), Extended Data Fig. 7)."""
    lengths = Ramp().step_length([0.0, 12.5, 25.0, 30.0])
    assert lengths == pytest.approx([1.7e-9, np.sqrt(1.7 * 550) * 1e-9, 550e-9, 550e-9])


@pytest.mark.parametrize("g, mean, sigma", [(0.1, 0.0601, 0.0229), (0.25, 0.049, 0.0114), (0.5, 0.049, 0.008), (1.0, 0.049, 0.008)])
def test_drift_exponents(g, mean, sigma):
    """Mean and spread of the drift exponent follow Joshi et al., Nat. Commun. 11, 2473 (2020)."""
    assert Drift().mean_exponent(g) == pytest.approx(mean, abs=1e-4)
    assert Drift().sigma_exponent(g) == pytest.approx(sigma, abs=1e-4)


@given(g=st.floats(0.21, 2.0))
def test_drift_exponent_is_constant_at_high_conductance(g):
    """Above about 5 uS the mean exponent has come down to 0.049 (Joshi et al., 2020)."""
    assert Drift().mean_exponent(g) == pytest.approx(0.049, abs=1e-4)


def test_drift_of_a_day():
    """A day leaves 66.35 % of 12.5 uS with the mean exponent (Joshi et al., 2020), from the reference read 20 s after programming."""
    drift = Drift()
    assert drift.factor(DAY, drift.mean_exponent(0.5)) == pytest.approx(0.6635, abs=5e-4)


def test_drift_after_the_power_law_alone():
    """From 38.6 s to a day, nu = 0.04 leaves 73.45 % (Nandakumar et al., 2018)."""
    assert Drift(early=True, early_reference="38.6 s").factor(DAY, 0.04) == pytest.approx(0.7345, abs=1e-4)


@given(ages=st.tuples(st.floats(0.0, 4e8), st.floats(0.0, 4e8)), nu=st.floats(0.0, 0.3), early=st.booleans())
def test_drift_only_lowers(ages, nu, early):
    """The share left starts at 1 and never grows."""
    drift = Drift(early=early)
    soon, late = (float(drift.factor(age, nu)) for age in sorted(ages))
    assert 0.0 < late <= soon <= 1.0
    assert drift.factor(0.0, nu) == 1.0


def test_drift_that_is_off_keeps_shapes():
    """Without drift every device keeps all of its conductance, one value for each."""
    assert np.array_equal(Drift(enabled=False).factor(DAY, np.full((2, 3), 0.05)), np.ones((2, 3)))


@pytest.mark.parametrize("g, expected", [(0.1, 0.0393), (0.25, 0.0217), (0.5, 0.0138), (0.75, 0.0106), (1.0, 0.0088)])
def test_slow_noise_amplitude(g, expected):
    """The 1/f amplitude grows towards low conductance (Joshi et al., 2020)."""
    assert SlowNoise().amplitude(g) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("g, expected", [(0.1, 0.165), (0.25, 0.091), (0.5, 0.058), (0.75, 0.044), (1.0, 0.0368)])
def test_slow_noise_at_the_reference_read(g, expected):
    """Twenty seconds after programming slow noise is a few per cent (Joshi et al., 2020)."""
    assert SlowNoise().relative_sigma(g, 20.0) == pytest.approx(expected, rel=0.01)
    assert SlowNoise().relative_sigma(g, 0.0, reference=20.0) == pytest.approx(expected, rel=0.01)


def test_slow_noise_starts_at_the_last_verify_read():
    """At age 0 nothing has deviated yet, at any conductance."""
    assert not SlowNoise().relative_sigma([0.0, 0.1, 1.0], 0.0).any()


def test_slow_noise_is_limited_at_low_conductance():
    """A device that conducts nothing has the largest relative amplitude, not an infinite one."""
    assert SlowNoise().amplitude(0.0) == 0.2


def test_read_noise_coefficients():
    """White read noise shrinks with integration: 2.58 % and 0.118 uS at 1 ns, 1.09 % and 0.048 uS at 128 ns (IBM aihwkit)."""
    spec = ReadNoise()
    assert spec.coefficients(1000) == pytest.approx((0.0258, 0.118), rel=0.01)
    assert spec.coefficients(128_000) == pytest.approx((0.0109, 0.048), rel=0.01)
    assert spec.sigma(10.0, 128_000) == pytest.approx(0.157, rel=0.02)


def test_read_noise_that_is_off():
    """Without read noise sigma is zero at any conductance."""
    assert not ReadNoise(enabled=False).sigma([0.0, 10.0], 128_000).any()


@pytest.mark.parametrize(
    "spec, values, message",
    [
        (PartialSet, {"minimum": "12 uS"}, "minimum 12 uS must lie below maximum 12 uS"),
        (Ramp, {"shortest_step": "550 ns"}, "shortest_step 550 ns must lie below longest_step 550 ns"),
        (Ramp, {"maximum": "18 uS"}, "control_limit 20 uS must not exceed maximum 18 uS"),
        (Drift, {"mean": (0.0, 0.0, 0.2, 0.1)}, "mean has limits 0.2 to 0.1 of nu: 0 <= lower limit <= upper limit is wanted"),
        (Drift, {"mean": (0.0, 0.0, -0.1, 0.1)}, "mean has limits -0.1 to 0.1 of nu: 0 <= lower limit <= upper limit is wanted"),
        (Drift, {"sigma": (0.0, 0.0, 0.05, 0.04)}, "sigma has limits 0.05 to 0.04 of nu: 0 <= lower limit <= upper limit is wanted"),
    ],
)
def test_impossible_values_are_refused(spec, values, message):
    """Limits that contradict each other are refused in a sentence that starts with the key."""
    with pytest.raises(ValidationError) as caught:
        spec(**values)
    assert [str(error["ctx"]["error"]) for error in caught.value.errors()] == [message]


def test_limits_may_coincide():
    """A ramp controlled up to its maximum, and an exponent without a range, are possible."""
    assert Ramp(control_limit="25 uS").programming_sigma(25.0) > 0.0
    assert Drift(mean=(0.0, 0.0, 0.05, 0.05)).mean_exponent(0.5) == 0.05
