"""Phase-change memory: parameters with their origin, and closed forms of the programmed state.

Conductances in µS, times in seconds unless a name says otherwise. The random parts live in `chipsim.kernels.pcm`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import model_validator

from chipsim import units
from chipsim.spec import Microamperes, Microsiemens, Spec, Time, param

NANDAKUMAR = "Nandakumar et al., J. Appl. Phys. 124, 152135 (2018), as implemented in YigitDemirag/srnn-pcm"
AIHWKIT = "IBM aihwkit PCMLikeNoiseModel (Joshi et al., Nat. Commun. 11, 2473 (2020); 90 nm, 1M-device array)"
AMBROGIO = "Ambrogio et al., Nature 558, 60 (2018)"
SEBASTIAN = "Sebastian et al., Nat. Commun. 8, 1115 (2017)"

Floats = NDArray[np.float64]


class PartialSet(Spec):
    """Accumulation by partial-SET pulses, with the history of pulses since the last RESET.

    Per pulse P <- P exp(-1/alpha), then G <- G + m1 G + c1 + A1 P + (m2 G + c2 + A2 P) N(0,1), clipped.
    """

    history_pulses: float = param(2.6, "pulses over which the memory P of a RESET fades (alpha)", basis="read", source=NANDAKUMAR, gt=0)
    mean_slope: float = param(-0.084, "m1: mean step per µS of conductance", basis="read", source=NANDAKUMAR, lt=0)
    mean_offset: Microsiemens = param("0.88 uS", "c1: mean step at zero conductance", basis="read", source=NANDAKUMAR, ge=0)
    mean_history: Microsiemens = param("1.40 uS", "A1: extra mean step right after RESET", basis="read", source=NANDAKUMAR, ge=0)
    sigma_slope: float = param(0.091, "m2: spread of a step per µS of conductance", basis="read", source=NANDAKUMAR, ge=0)
    sigma_offset: Microsiemens = param("0.26 uS", "c2: spread of a step at zero conductance", basis="read", source=NANDAKUMAR, ge=0)
    sigma_history: Microsiemens = param("2.15 uS", "A2: extra spread right after RESET", basis="read", source=NANDAKUMAR, ge=0)
    read_slope: float = param(0.03, "m3: read noise per µS, seconds after the pulse", basis="read", source=NANDAKUMAR, ge=0)
    read_offset: Microsiemens = param("0.13 uS", "c3: read noise at zero conductance", basis="read", source=NANDAKUMAR, ge=0)
    minimum: Microsiemens = param("0.1 uS", "lowest conductance", basis="read", source=NANDAKUMAR, ge=0)
    maximum: Microsiemens = param("12 uS", "highest conductance", basis="read", source=NANDAKUMAR, gt=0)
    granularity: Microsiemens = param("0.75 uS", "mean step used to turn a wanted change into pulses", basis="read", source=NANDAKUMAR, gt=0)
    current: Microamperes = param("90 uA", "SET current", basis="assumed", source=f"50-100 uA in {SEBASTIAN}", gt=0)
    duration: Time = param("50 ns", "length of one SET pulse", basis="read", source=SEBASTIAN, gt=0)
    refresh_above: Microsiemens = param("9 uS", "a pair is refreshed when its larger device exceeds this", basis="read", source=NANDAKUMAR, gt=0)
    refresh_below: Microsiemens = param("2.25 uS", "and its difference is smaller than this", basis="read", source=NANDAKUMAR, gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> PartialSet:
        if not self.minimum < self.maximum:
            msg = f"minimum {self.minimum:g} uS must lie below maximum {self.maximum:g} uS"
            raise ValueError(msg)
        return self

    def mean_after(self, pulses: int, start: float) -> float:
        """Return the noise-free conductance (µS) after `pulses` SET pulses from a RESET at `start` µS."""
        conductance, memory = start, 1.0
        for _ in range(pulses):
            memory *= float(np.exp(-1.0 / self.history_pulses))
            conductance += self.mean_slope * conductance + self.mean_offset + self.mean_history * memory
        return conductance

    def read_spread_after(self, pulses: int, start: float) -> float:
        """Return the spread (sigma, µS) of a read after `pulses` SET pulses from `start` µS, as it were without the limits of the conductance.

        Step and read noise grow linearly with G, so mean and variance follow a recursion of their own, exactly.
        """
        mean, variance, memory = start, 0.0, 1.0
        for _ in range(pulses):
            memory *= float(np.exp(-1.0 / self.history_pulses))
            sigma = self.sigma_slope * mean + self.sigma_offset + self.sigma_history * memory
            variance = ((1.0 + self.mean_slope) ** 2 + self.sigma_slope**2) * variance + sigma**2
            mean += self.mean_slope * mean + self.mean_offset + self.mean_history * memory
        return float(np.sqrt((1.0 + self.read_slope**2) * variance + (self.read_slope * mean + self.read_offset) ** 2))

    @property
    def fixed_point(self) -> float:
        """Conductance (µS) at which a SET pulse no longer changes the mean."""
        return -self.mean_offset / self.mean_slope


class Ramp(Spec):
    """Programming by RESET and one SET ramp-down whose length selects the conductance, closed by verify reads."""

    maximum: Microsiemens = param("25 uS", "conductance reached by the longest ramp", basis="assumed", source=f"range of the noise model in {AIHWKIT}", gt=0)
    steps: int = param(8, "steps of a SET ramp-down", basis="read", source=f"{AMBROGIO}, Extended Data Fig. 7", ge=1)
    shortest_step: Time = param("1.7 ns", "step length of the shortest ramp", basis="read", source=f"{AMBROGIO}, Extended Data Fig. 7", gt=0)
    longest_step: Time = param("550 ns", "step length of the longest ramp", basis="read", source=f"{AMBROGIO}, Extended Data Fig. 7", gt=0)
    sigma: tuple[float, float, float] = param((0.26348, 1.9650, -1.1731), "programming spread in µS: polynomial in G/maximum", basis="read", source=AIHWKIT)
    control_limit: Microsiemens = param("20 uS", "above it the control of the ramp degrades", basis="read", source=f"{AMBROGIO}, Extended Data Fig. 7", gt=0)
    control_loss: float = param(
        1.0, "growth of the spread from the control limit to the maximum", basis="assumed", source="qualitative in Extended Data Fig. 7", ge=0
    )
    tolerance: Microsiemens = param("0.7 uS", "a verify read within this of the target ends programming", basis="assumed", gt=0)
    max_tries: int = param(20, "RESET-and-ramp attempts at most", basis="assumed", ge=1, le=255)
    current: Microamperes = param("150 uA", "mean current of a ramp", basis="assumed", gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> Ramp:
        if not self.shortest_step < self.longest_step:
            msg = f"shortest_step {units.format_time(self.shortest_step)} must lie below longest_step {units.format_time(self.longest_step)}"
            raise ValueError(msg)
        if self.control_limit > self.maximum:
            msg = f"control_limit {self.control_limit:g} uS must not exceed maximum {self.maximum:g} uS"
            raise ValueError(msg)
        return self

    def step_length(self, conductance: ArrayLike) -> Floats:
        """Return the ramp step (s) that aims at `conductance` (µS): logarithmic between the two measured ends."""
        share = np.clip(np.asarray(conductance, dtype=np.float64) / self.maximum, 0.0, 1.0)
        return np.asarray(self.shortest_step * 1e-12 * (self.longest_step / self.shortest_step) ** share)

    def programming_sigma(self, conductance: ArrayLike) -> Floats:
        """Return the spread (µS) of one programming attempt at `conductance` (µS)."""
        target = np.asarray(conductance, dtype=np.float64)
        g = target / self.maximum
        c0, c1, c2 = self.sigma
        base = np.maximum(c0 + c1 * g + c2 * g * g, 0.0) * (self.maximum / 25.0)
        excess = np.maximum(target - self.control_limit, 0.0) / max(self.maximum - self.control_limit, 1e-9)
        return np.asarray(base * (1.0 + self.control_loss * excess))


class Reset(Spec):
    """The RESET (melt-quench) pulse: abrupt, and independent of the state before."""

    conductance: Microsiemens = param("0.1 uS", "mean conductance after RESET", basis="read", source=NANDAKUMAR, ge=0)
    spread: float = param(0.1, "relative spread of it", basis="read", source=NANDAKUMAR, ge=0)
    floor: Microsiemens = param("0.01 uS", "lowest conductance after RESET", basis="read", source=NANDAKUMAR, ge=0)
    current: Microamperes = param("440 uA", "RESET current", basis="read", source=SEBASTIAN, gt=0)
    duration: Time = param("50 ns", "RESET pulse length (1 us in the characterisation of the source of the current)", basis="assumed", gt=0)


class Verify(Spec):
    """The verify read of single devices."""

    duration: Time = param("1 us", "one verify read with its conversion", basis="read", source=SEBASTIAN, gt=0)


class Drift(Spec):
    """Structural relaxation: G(t) = G ((t + t0)/t0)^-nu, t from the last verify read."""

    enabled: bool = param(True, "let programmed devices drift", basis="choice")
    early: bool = param(False, "extrapolate the power law below the first read, from `early_reference` on, also while training (an ablation)", basis="choice")
    early_reference: Time = param("1 us", "age at which the extrapolated power law starts", basis="assumed", gt=0)
    early_every: int = param(100, "images between two looks at the drift while training, with `early`", basis="assumed", ge=1)
    reference: Time = param("20 s", "t0: age at the reference read", basis="read", source=AIHWKIT, gt=0)
    mean: tuple[float, float, float, float] = param(
        (-0.0155, 0.0244, 0.049, 0.1), "mean of nu: slope and offset in ln(G/25 uS), lower and upper limit", basis="read", source=AIHWKIT
    )
    sigma: tuple[float, float, float, float] = param((-0.0125, -0.0059, 0.008, 0.045), "spread of nu, likewise", basis="read", source=AIHWKIT)

    @model_validator(mode="after")
    def _ordered(self) -> Drift:
        for key, (_, _, low, high) in (("mean", self.mean), ("sigma", self.sigma)):
            if not 0.0 <= low <= high:
                msg = f"{key} has limits {low:g} to {high:g} of nu: 0 <= lower limit <= upper limit is wanted"
                raise ValueError(msg)
        return self

    def mean_exponent(self, g: ArrayLike) -> Floats:
        """Return the mean of nu for g = G/25 µS."""
        return _clipped_log(g, self.mean)

    def sigma_exponent(self, g: ArrayLike) -> Floats:
        """Return the spread of nu for g = G/25 µS."""
        return _clipped_log(g, self.sigma)

    def factor(self, age: ArrayLike, nu: ArrayLike) -> Floats:
        """Return the share of the conductance left at `age` seconds after the last verify read."""
        age_s = np.asarray(age, dtype=np.float64)
        if not self.enabled:
            return np.ones(np.broadcast(age_s, nu).shape)
        if self.early:
            start = self.early_reference * 1e-12
            return np.asarray((np.maximum(age_s, start) / start) ** -np.asarray(nu))
        reference = self.reference * 1e-12
        return np.asarray(((age_s + reference) / reference) ** -np.asarray(nu))


class SlowNoise(Spec):
    """1/f conductance noise: the deviation that builds up since the last verify read. Not white from read to read."""

    enabled: bool = param(True, "add the slow deviation to retention reads", basis="choice")
    scale: float = param(0.0088, "relative 1/f amplitude at the maximum", basis="read", source=AIHWKIT, ge=0)
    exponent: float = param(0.65, "growth towards low conductance", basis="read", source=AIHWKIT)
    limit: float = param(0.2, "largest relative amplitude", basis="read", source=AIHWKIT, ge=0)
    read_time: Time = param("250 ns", "length of the read in the fit", basis="read", source=AIHWKIT, gt=0)

    def amplitude(self, g: ArrayLike) -> Floats:
        """Return Q_s for g = G/25 µS."""
        grown = np.maximum(np.asarray(g, dtype=np.float64), 0.0) ** self.exponent
        return np.minimum(self.scale / np.maximum(grown, 1e-3), self.limit)

    def relative_sigma(self, g: ArrayLike, age: ArrayLike, reference: float = 0.0) -> Floats:
        """Return the relative deviation of a device programmed to g = G/25 µS, `age` s after its last verify read.

        The fit (Joshi et al., 2020) counts from programming, which the last verify read ends: nothing jumps at age 0. Where ages
        count from a later read, `reference` (s) is how old the device was then.
        """
        read = self.read_time * 1e-12
        grown = np.log((np.asarray(age, dtype=np.float64) + reference + read) / (2.0 * read))
        return np.asarray(self.amplitude(g) * np.sqrt(np.maximum(grown, 0.0)))


class ReadNoise(Spec):
    """White noise of one read, which shrinks with the integration time: sigma = s(x) G + o(x), x = log10(t / 1 ns).

    The fit has its minimum near 1 us; longer reads are taken to be as noisy as one of 1 us.
    """

    enabled: bool = param(True, "add noise to every read of the PCM devices", basis="choice")
    slope: tuple[float, float, float, float, float] = param(
        (0.02578764, -0.0146159, 0.00655714, -0.00187352, 0.00021926), "s: relative part, polynomial in x", basis="read", source="IBM aihwkit, IR-drop tile"
    )
    offset: tuple[float, float, float, float, float] = param(
        (0.117763144, -0.0677079241, 0.0307015063, -0.00908576764, 0.00111906167),
        "o: constant part in µS, polynomial in x",
        basis="read",
        source="IBM aihwkit, IR-drop tile",
    )

    def coefficients(self, integration_ps: int) -> tuple[float, float]:
        """Return s and o (µS) for an integration time in ps; both are zero where the noise is off."""
        if not self.enabled:
            return 0.0, 0.0
        x = float(np.log10(min(max(integration_ps, 1), 1_000_000) * 1e-3))
        return float(np.polynomial.polynomial.polyval(x, self.slope)), float(np.polynomial.polynomial.polyval(x, self.offset))

    def sigma(self, conductance: ArrayLike, integration_ps: int) -> Floats:
        """Return the noise (µS) of one read of `conductance` (µS)."""
        slope, offset = self.coefficients(integration_ps)
        return np.asarray(slope * np.asarray(conductance, dtype=np.float64) + offset)


class Pcm(Spec):
    """One phase-change memory device."""

    programming: Literal["ramp", "ideal"] = param("ramp", "how a transfer programs: closed-loop ramps, or exactly", basis="choice")
    ramp: Ramp = param(Ramp(), "RESET and SET ramp-down with verify", basis="choice")
    partial_set: PartialSet = param(PartialSet(), "partial-SET pulses (cell 2pcm)", basis="choice")
    reset: Reset = param(Reset(), "RESET pulse", basis="choice")
    verify: Verify = param(Verify(), "verify read", basis="choice")
    drift: Drift = param(Drift(), "conductance drift", basis="choice")
    slow_noise: SlowNoise = param(SlowNoise(), "1/f noise", basis="choice")
    read_noise: ReadNoise = param(ReadNoise(), "white read noise", basis="choice")


def _clipped_log(g: ArrayLike, fit: tuple[float, float, float, float]) -> Floats:
    slope, offset, low, high = fit
    return np.clip(slope * np.log(np.maximum(np.asarray(g, dtype=np.float64), 1e-7)) + offset, low, high)
