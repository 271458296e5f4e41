"""How well does a pulse sequence set a conductance? RESET and one SET ramp-down of eight steps, with and without verify reads.

    python plots/programmed_conductance.py [--short] [--out FOLDER]

After Extended Data Fig. 7 of Ambrogio et al., Nature 558, 60 (2018): every device of an array of 512 x 1,024 gets a full RESET, then eight SET
steps that ramp down; the length of a step, 1.7 to 550 ns, selects the conductance. The columns of the array share the sequences. RESET,
ramp and verify are the kernels that a transfer programs with, with the default devices. Once every device gets one ramp; once devices
whose verify read misses are RESET and ramped again. OUT gets `programmed_conductance.csv` and the figure, which
`plots/programmed_conductance_figures.py` draws again from the CSV. It takes seconds, and no data are needed.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from runner import command, writable
from study import write_csv as write_rows

from chipsim.chip import build
from chipsim.kernels import attempt as attempts
from chipsim.kernels.pcm import ramp_duration_ps
from chipsim.scenario.model import Parameters

Floats = NDArray[np.float64]
Row = dict[str, Any]

ROWS = 512
COLUMNS = 1024
"""The array of Extended Data Fig. 7."""
SHORT_COLUMNS = 64
SEQUENCES = 16
"""Sequences, equally far apart in the logarithm of the step length; the number in the paper is unknown."""
SMALLEST_AIM = 1e-3
"""µS: what the shortest sequence aims at. The chip does not ramp a device that is to conduct nothing."""
LEVELS = (0.001, 0.005, *(float(level) for level in np.arange(1, 100) / 100), 0.995, 0.999)
"""Shares of the devices at which the cumulative distributions are kept."""
PLUS = 1
"""Bit of `Exchange.pending` for G+."""
LOOPS = ("one ramp", "verified")
CSV_COLUMNS = ("loop", "step_ns", "ramp_us", "aimed_uS", "quantity", "basis", "level", "value", "unit", "devices")
write_csv = partial(write_rows, columns=CSV_COLUMNS)


@dataclass(frozen=True)
class Programmed:
    """What programming left on every device of an array."""

    conductance: Floats
    """(rows, columns), µS."""
    ramps: NDArray[np.int64]
    """(rows, columns) ramps that each device got."""
    given_up: NDArray[np.bool_]
    """(rows, columns) whether the last verify read missed; all false where none was taken."""


def aims() -> Floats:
    """Return what the sequences aim at, µS, from the shortest on."""
    return np.maximum(np.linspace(0.0, Parameters().cell.pcm.ramp.maximum, SEQUENCES), SMALLEST_AIM)


def program(aimed: Floats, *, verify: bool) -> Programmed:
    """Program an array of `ROWS` devices a column, every column to one conductance of `aimed` (columns,), µS; with or without verify."""
    scenario = Parameters()
    geometry = build.build_geometry((ROWS - 1, aimed.size), ROWS, aimed.size)
    device, scalars = build.build_device(scenario.cell, scenario.timing.forward), build.build_programming(scenario)
    cells, exchange, outcome = build.build_cells(geometry, scenario.cell, device, scenario.seed), build.build_exchange(geometry), build.build_outcome()
    rows, columns = build.build_lines(geometry, device)
    (tile,), (amounts,) = geometry.tiles, [build.build_amounts(1)]
    counts, sums = amounts.segment_counts[0], amounts.segment_sums[0]
    build.plane(exchange.target, tile)[...] = aimed.astype(np.float32)
    build.plane(exchange.pending, tile)[...] = PLUS
    for column in range(aimed.size):
        for attempt in range(1, scalars.max_tries + 1 if verify else 2):
            attempts.reset_column(tile, column, attempt, 0, cells, rows, columns, device, scalars, exchange, counts, sums, outcome)
            attempts.ramp_column(tile, column, attempt, 0, cells, rows, columns, device, scalars, exchange, counts, sums, outcome)
            if not verify or not attempts.verify_column(tile, column, attempt, 0, cells, scalars, exchange, counts, sums, outcome):
                break
    missed = np.abs(build.plane(exchange.seen_plus, tile).astype(np.float64) - build.plane(exchange.target, tile)) > scalars.tolerance
    return Programmed(
        conductance=build.plane(cells.g_plus, tile).astype(np.float64),
        ramps=build.plane(exchange.tries, tile).astype(np.int64),
        given_up=missed & verify,
    )


def wrong_order(lower: Floats, higher: Floats) -> float:
    """Return the share of pairs of devices of which the one with the longer ramp (`higher`) conducts less than the other."""
    return float(np.searchsorted(np.sort(higher), lower, side="left").mean() / higher.size)


def verified_spread(aim: float) -> float:
    """Return the spread (µS) of a device whose ramp was repeated until the verify read lay within the tolerance.

    Ramp and read are normal, their sum y is cut off at the tolerance: var x = b² var(y, cut) + (1 - b) sigma², b = sigma² / var(y).
    """
    pcm = Parameters().cell.pcm
    sigma, noise = float(pcm.ramp.programming_sigma(aim)), float(pcm.read_noise.sigma(aim, pcm.verify.duration))
    total = math.hypot(sigma, noise)
    limit, share = pcm.ramp.tolerance / total, sigma**2 / total**2
    inside = math.erf(limit / math.sqrt(2.0))
    cut = total**2 * (1.0 - 2.0 * limit * math.exp(-0.5 * limit**2) / math.sqrt(2.0 * math.pi) / inside)
    return math.sqrt(share**2 * cut + (1.0 - share) * sigma**2)


def expected_wrong_order(lower: float, higher: float) -> float:
    """Return the share of wrongly ordered pairs (see `wrong_order`) of single ramps that aim at two conductances (µS), both normal."""
    ramp = Parameters().cell.pcm.ramp
    return 0.5 * math.erfc((higher - lower) / math.hypot(float(ramp.programming_sigma(lower)), float(ramp.programming_sigma(higher))) / math.sqrt(2.0))


def measure(columns: int) -> Iterator[Row]:
    """Yield all points of an array with so many columns, a multiple of `SEQUENCES`."""
    aimed = aims()
    for loop in LOOPS:
        done = program(np.tile(aimed, columns // SEQUENCES), verify=loop == "verified")
        for number in range(SEQUENCES):
            yield from _sequence(loop, aimed, number, done)


def _sequence(loop: str, aimed: Floats, number: int, done: Programmed) -> Iterator[Row]:
    """Yield the points of one sequence; its columns are every `SEQUENCES`-th of the array."""
    ramp, aim = Parameters().cell.pcm.ramp, float(aimed[number])
    devices = done.conductance[:, number::SEQUENCES].ravel()
    par = build.build_programming(Parameters()).ramp_par
    at = {"loop": loop, "step_ns": float(ramp.step_length(aim)) * 1e9, "ramp_us": int(ramp_duration_ps(aim, par)) * 1e-6, "aimed_uS": aim}

    def row(quantity: str, value: float, unit: str, *, basis: str = "drawn", level: float | None = None) -> Row:
        size = devices.size if basis == "drawn" else None
        return {**at, "quantity": quantity, "basis": basis, "level": level, "value": float(value), "unit": unit, "devices": size}

    for level, value in zip(LEVELS, np.quantile(devices, LEVELS), strict=True):
        yield row("conductance", value, "uS", level=level)
    yield row("mean", devices.mean(), "uS")
    yield row("spread", devices.std(), "uS")
    yield row("spread", verified_spread(aim) if loop == "verified" else float(ramp.programming_sigma(aim)), "uS", basis="closed form")
    yield row("ramps", done.ramps[:, number::SEQUENCES].mean(), "1")
    yield row("given up", done.given_up[:, number::SEQUENCES].mean(), "1")
    if number + 1 < SEQUENCES:
        longer = done.conductance[:, number + 1 :: SEQUENCES].ravel()
        yield row("above the next median", (devices > np.median(longer)).mean(), "1")
        yield row("wrong order", wrong_order(devices, longer), "1")
        if loop == "one ramp":
            yield row("wrong order", expected_wrong_order(aim, float(aimed[number + 1])), "1", basis="closed form")


def main(given: Sequence[str] | None = None) -> None:
    """Program the array twice; write the table and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help=f"{SHORT_COLUMNS} of the {COLUMNS:,} columns")
    parser.add_argument("--out", type=Path, default=Path("runs/gallery/programmed_conductance"), help="folder for table and figure")
    options = parser.parse_args(given)
    writable(options.out)
    table = options.out / "programmed_conductance.csv"
    write_csv(table, list(measure(SHORT_COLUMNS if options.short else COLUMNS)))
    from programmed_conductance_figures import draw

    for file in (table, *draw(table, options.out)):
        print(f"wrote {file}")


if __name__ == "__main__":
    command(main)
