"""Do phase-change devices, as the kernels draw them, have the published statistics? Populations of devices against closed forms.

    python plots/pcm_statistics.py [--devices N] [--short] [--out FOLDER]

Populations are drawn with the kernels that a chip's devices are drawn with: reads after 0 to 20 SET pulses, closed loops of SET pulses, the
spread of one ramp, drift exponents, retention up to ten years, slow and white read noise.
OUT gets `pcm_statistics.csv` and the figure, which `plots/pcm_statistics_figures.py` draws again from the CSV. A million devices take
half a minute. Nothing is trained, and no data are needed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import populations
from runner import command, writable
from study import write_csv as write_rows

from chipsim.chip.parameters import aging_vector, partial_set_vector, ramp_vector, read_vector, reset_vector
from chipsim.devices.pcm import Drift, PartialSet, Ramp, ReadNoise, Reset, SlowNoise
from chipsim.errors import InputError
from chipsim.kernels import pcm

Row = dict[str, Any]

DEVICES = 1_000_000
"""Devices of each population: as many as were measured for the noise model (Joshi et al., Nat. Commun. 11, 2473 (2020))."""
SHORT = 20_000
FEWEST = 100
"""Below so many devices a spread tells nothing."""
MOST = 10_000_000
"""More would need more than 2 GB for the reads after 20 pulses."""
SEED = 1
YEAR = 31_557_600.0
"""s."""
DAY = 86_400.0
"""s."""

PULSES = 20
LIMITS = ("20 uS", "12 uS")
"""Highest conductance: that of the published curves (YigitDemirag/srnn-pcm, after Nandakumar et al., 2018), and that of a chip's cells."""
PLOTTED = {1: (2.05, 1.5), 2: (3.4, 2.0), 4: (5.25, 2.3), 8: (7.2, 2.4), 20: (9.35, 2.65)}
"""Pulses: mean and spread (µS) read off the curves published with YigitDemirag/srnn-pcm (img/model.png), to 0.15 µS."""
LOOP_TARGETS = (2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0)
"""µS."""
LOOP_TOLERANCES = (0.5, 1.0)
"""µS, assumed."""
LOOP_ROUNDS = 60
"""Reads at most, assumed."""
RAMP_TARGETS = tuple(float(target) for target in np.arange(1, 21) * 1.25)
"""µS."""
MEASURED = {0.1: 0.51, 0.49: 0.91, 0.78: 1.08, 0.88: 1.17, 0.98: 1.05}
"""g: programming spread (µS) read off the figure in the documentation of IBM aihwkit (pcm_inference), to about 0.02 µS."""
DRIFT_STATES = (0.01, 0.015, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.21, 0.25, 0.33, 0.5, 0.7, 1.0)
RETAINED_STATES = (0.1, 0.5, 1.0)
AGES = tuple(float(age) for age in sorted([*np.geomspace(1.0, 10 * YEAR, 34), DAY]))
"""s."""
SLOW_STATES = (0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0)
SLOW_AGE = 20.0
"""s."""
READ_TIMES_NS = (1, 2, 5, 10, 20, 40, 80, 128, 250, 500, 1000)
READ_CONDUCTANCES = (1.0, 10.0, 20.0)
"""µS."""
COLUMNS = ("panel", "quantity", "condition", "basis", "x", "x_unit", "value", "unit", "devices")
write_csv = partial(write_rows, columns=COLUMNS)


def row(panel: str, quantity: str, basis: str, at: tuple[float, str], value: tuple[float, str], *, condition: str = "", devices: int | None = None) -> Row:
    """Return one point as a row; `at` and `value` come with their units ("1" for a pure number), `basis` is drawn, closed form or published."""
    x, x_unit = at
    found, unit = value
    named = {"panel": panel, "quantity": quantity, "condition": condition, "basis": basis}
    return {**named, "x": float(x), "x_unit": x_unit, "value": float(found), "unit": unit, "devices": devices}


def accumulation(devices: int) -> Iterator[Row]:
    """Yield mean and spread of reads after 0 to 20 SET pulses from RESET, with either limit of the conductance."""
    reset, seen = Reset(), np.empty((PULSES + 1, devices))
    for limit in LIMITS:
        spec = PartialSet(maximum=limit)
        populations.accumulate(SEED, partial_set_vector(spec), reset_vector(reset), seen)
        for pulses in range(PULSES + 1):
            at = (pulses, "pulses")
            told: Row = {"condition": f"limit {limit}", "devices": devices}
            yield row("accumulation", "mean", "drawn", at, (seen[pulses].mean(), "uS"), **told)
            yield row("accumulation", "spread", "drawn", at, (seen[pulses].std(), "uS"), **told)
    spec = PartialSet()
    for pulses in range(PULSES + 1):
        at, free = (pulses, "pulses"), "no limit"
        yield row("accumulation", "mean", "closed form", at, (spec.mean_after(pulses, reset.conductance), "uS"), condition=free)
        yield row("accumulation", "spread", "closed form", at, (spec.read_spread_after(pulses, reset.conductance), "uS"), condition=free)
    for pulses, (mean, spread) in PLOTTED.items():
        yield row("accumulation", "mean", "published", (pulses, "pulses"), (mean, "uS"))
        yield row("accumulation", "spread", "published", (pulses, "pulses"), (spread, "uS"))


def loop(devices: int) -> Iterator[Row]:
    """Yield what programming by SET pulses, with RESET on overshoot, takes, and how often it converges; the first RESET is not counted."""
    par, reset_par = partial_set_vector(PartialSet()), reset_vector(Reset())
    conductance, converged = np.empty(devices), np.zeros(devices, dtype=np.bool_)
    sets, resets, reads = (np.zeros(devices, dtype=np.int64) for _ in range(3))
    for tolerance in LOOP_TOLERANCES:
        for event, target in enumerate(LOOP_TARGETS):
            pcm.program_incremental_all(
                np.full(devices, target), tolerance, LOOP_ROUNDS, SEED, event, par, reset_par, conductance, sets, resets, reads, converged
            )
            at = (target, "uS")
            told: Row = {"condition": f"tolerance {tolerance:g} uS", "devices": devices}
            yield row("loop", "SET pulses", "drawn", at, (sets.mean(), "pulses"), **told)
            yield row("loop", "RESET pulses", "drawn", at, (resets.mean(), "pulses"), **told)
            yield row("loop", "converged", "drawn", at, (converged.mean(), "1"), **told)


def programming(devices: int) -> Iterator[Row]:
    """Yield the spread of one ramp against its target: with the loss of control that is the default, and without."""
    programmed = np.empty(devices)
    for name, spec in (("control lost above 20 uS", Ramp()), ("fit", Ramp(control_loss=0.0))):
        for event, target in enumerate(RAMP_TARGETS):
            populations.ramp(SEED, target, event, ramp_vector(spec), programmed)
            at = (target, "uS")
            yield row("programming", "spread", "drawn", at, (programmed.std(), "uS"), condition=name, devices=devices)
            yield row("programming", "spread", "closed form", at, (float(spec.programming_sigma(target)), "uS"), condition=name)
    for g, spread in MEASURED.items():
        yield row("programming", "spread", "published", (g * pcm.NOMINAL_RANGE, "uS"), (spread, "uS"))


def exponents(devices: int) -> Iterator[Row]:
    """Yield mean and spread of the drift exponent against g = G / 25 µS."""
    drift, nu = Drift(), np.empty(devices)
    par = aging_vector(drift, SlowNoise())
    for event, g in enumerate(DRIFT_STATES):
        populations.draw_exponents(SEED, g, event, par, nu)
        at = (g, "1")
        yield row("drift", "mean exponent", "drawn", at, (nu.mean(), "1"), devices=devices)
        yield row("drift", "spread of exponent", "drawn", at, (nu.std(), "1"), devices=devices)
        yield row("drift", "mean exponent", "closed form", at, (float(drift.mean_exponent(g)), "1"))
        yield row("drift", "spread of exponent", "closed form", at, (float(drift.sigma_exponent(g)), "1"))


def retention(devices: int) -> Iterator[Row]:
    """Yield what is left of devices programmed to one conductance each: mean, and the limits of nine devices in ten; slow noise takes part."""
    drift, nu, z = Drift(), np.empty(devices), populations.slow_draws(SEED, devices)
    par = aging_vector(drift, SlowNoise())
    for event, g in enumerate(RETAINED_STATES):
        populations.draw_exponents(SEED, g, event, par, nu)
        programmed = np.full(devices, g * pcm.NOMINAL_RANGE)
        for age in AGES:
            left = pcm.aged(programmed, nu, z, np.full(devices, age), par) / programmed
            at = (age, "s")
            told: Row = {"condition": f"g = {g:g}", "devices": devices}
            yield row("retention", "mean left", "drawn", at, (left.mean(), "1"), **told)
            for percent, value in zip((5, 95), np.quantile(left, (0.05, 0.95)), strict=True):
                yield row("retention", f"{percent} % of devices below", "drawn", at, (value, "1"), **told)
            yield row("retention", "mean left", "closed form", at, (float(drift.factor(age, drift.mean_exponent(g))), "1"), condition=f"g = {g:g}")


def slow_noise(devices: int) -> Iterator[Row]:
    """Yield the relative slow deviation 20 s after programming, and the amplitude Q_s of the 1/f noise that it comes from; drift is off."""
    spec, z, still = SlowNoise(), populations.slow_draws(SEED, devices), np.zeros(devices)
    par = aging_vector(Drift(enabled=False), spec)
    grown = float(spec.relative_sigma(1.0, SLOW_AGE) / spec.amplitude(1.0))
    for g in SLOW_STATES:
        programmed = np.full(devices, g * pcm.NOMINAL_RANGE)
        relative = (pcm.aged(programmed, still, z, np.full(devices, SLOW_AGE), par) / programmed).std()
        at = (g, "1")
        yield row("slow noise", "relative sigma at 20 s", "drawn", at, (relative, "1"), devices=devices)
        yield row("slow noise", "Q_s", "drawn", at, (relative / grown, "1"), devices=devices)
        yield row("slow noise", "relative sigma at 20 s", "closed form", at, (float(spec.relative_sigma(g, SLOW_AGE)), "1"))
        yield row("slow noise", "Q_s", "closed form", at, (float(spec.amplitude(g)), "1"))


def read_noise(devices: int) -> Iterator[Row]:
    """Yield the spread of single reads against their integration time."""
    spec, seen = ReadNoise(), np.empty(devices)
    for conductance in READ_CONDUCTANCES:
        for event, time in enumerate(READ_TIMES_NS):
            par = read_vector(spec, 1000 * time)
            populations.read(SEED, conductance, event, par[pcm.READ_SLOPE], par[pcm.READ_OFFSET], seen)
            at, condition = (time, "ns"), f"G = {conductance:g} uS"
            yield row("read noise", "sigma", "drawn", at, (seen.std(), "uS"), condition=condition, devices=devices)
            yield row("read noise", "sigma", "closed form", at, (float(spec.sigma(conductance, 1000 * time)), "uS"), condition=condition)


PANELS = (accumulation, loop, programming, exponents, retention, slow_noise, read_noise)


def measure(devices: int) -> list[Row]:
    """Return all points of populations of so many devices.

    Raises
    ------
    InputError
        if there are too few devices for a spread, or too many for the memory.
    """
    if not FEWEST <= devices <= MOST:
        msg = f"--devices: {devices} devices; at least {FEWEST} and at most {MOST} are wanted"
        raise InputError(msg)
    return [found for panel in PANELS for found in panel(devices)]


def main(given: Sequence[str] | None = None) -> None:
    """Draw the populations; write the table and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, help=f"devices of each population (default: {DEVICES:,}; with --short {SHORT:,})")
    parser.add_argument("--short", action="store_true", help="a small version, in seconds")
    parser.add_argument("--out", type=Path, default=Path("runs/gallery/pcm_statistics"), help="folder for table and figure")
    options = parser.parse_args(given)
    writable(options.out)
    try:
        rows = measure(options.devices if options.devices is not None else SHORT if options.short else DEVICES)
    except InputError as error:
        parser.error(str(error))
    table = options.out / "pcm_statistics.csv"
    write_csv(table, rows)
    from pcm_statistics_figures import draw

    for file in (table, *draw(table, options.out)):
        print(f"wrote {file}")


if __name__ == "__main__":
    command(main)
