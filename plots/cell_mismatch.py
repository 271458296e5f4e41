"""How unlike are the capacitor cells of a chip? Read conductance, up step and down step of cells as a chip draws them.

    python plots/cell_mismatch.py [--short] [--out FOLDER]

After Extended Data Fig. 10 of Ambrogio et al., Nature 558, 60 (2018): a Monte Carlo of 1,000 trials of a cell whose transistors differ, read and
pulsed at 0.5 V. A trial is a cell of the chip of the scenario `mnist`; beside the 1,000, all of its cells are shown. Every cell is set to one
voltage, read, and given one update pulse up or down by the kernel that trains it, without packet noise: only what differs from cell to
cell. OUT gets `cell_mismatch.csv` and the figure, which `plots/cell_mismatch_figures.py` draws again from the CSV. It takes seconds, and no data are
needed: a chip's cells depend on the scenario and its seed alone.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from runner import command, writable
from study import write_csv as write_rows

from chipsim import Scenario
from chipsim.chip import build
from chipsim.chip.looking import Looking
from chipsim.chip.plan import Plan
from chipsim.datasets import Dataset
from chipsim.devices import Capacitor
from chipsim.kernels import layout, update

Floats = NDArray[np.float64]
Row = dict[str, Any]

SCENARIO = "mnist"
SHORT = ("network.layers=[528,20,10]",)
"""Overrides of a small version: 10,790 cells."""
TRIALS = 1000
"""Trials of the Monte Carlo in Extended Data Fig. 10."""
VOLTAGES = tuple(sorted([*(round(0.05 * number, 2) for number in range(25)), 0.0015, 1.1985]))
"""V, from the lowest to the highest voltage of the capacitor; a step and a half before either, most cells still move freely."""
BIN_STEPS = 5
"""Width of a bin in steps of the 8-bit grid that spreads are drawn on (a 25th of a sigma each): bins that are no multiple would beat with it."""
BINS = 21
"""On either side of the nominal value: 4 sigma."""
QUANTILES = {"2.5 %": 0.025, "16 %": 0.16, "median": 0.5, "84 %": 0.84, "97.5 %": 0.975}
"""The limits of 95 and of 68 cells in 100, and the middle."""
UNITS = {"g": "uS", "step up": "mV", "step down": "mV"}
COLUMNS = ("panel", "quantity", "statistic", "basis", "voltage_V", "x", "value", "unit", "cells")
write_csv = partial(write_rows, columns=COLUMNS)


def build_chip(overrides: Sequence[str] = ()) -> Looking:
    """Return the chip of the scenario as it is before its first image."""
    scenario = Scenario.load(SCENARIO, list(overrides))
    blank = np.zeros((1, scenario.network.layers[0]), dtype=np.uint8)
    label = np.zeros(1, dtype=np.uint8)
    data = Dataset(blank, label, blank, label, scenario.network.layers[-1], {}, (scenario.network.layers[0],), name="a blank image")
    return Looking(scenario, data, Plan(order=np.zeros(0, dtype=np.int64), rates=np.zeros(1)))


def every(chip: Looking, values: NDArray[Any]) -> Floats:
    """Return one value for each cell of a chip, (cells,), without the padding, from an array in the order of the cells."""
    return np.concatenate([build.plane(values, tile).astype(np.float64).ravel() for tile in chip.geometry.tiles])


def charge(chip: Looking, voltage: float) -> None:
    """Set all capacitors of a chip to one voltage, V."""
    for tile in chip.geometry.tiles:
        build.plane(chip.cells.overdrive, tile)[...] = chip.settled(tile) + voltage - chip.cell.capacitor.resting


def conductance(chip: Looking, voltage: float) -> Floats:
    """Return the read conductance of every cell at a voltage (V), (cells,), µS."""
    charge(chip, voltage)
    return every(chip, chip.capacitor_at(0)[0])


def step(chip: Looking, voltage: float, direction: int) -> Floats:
    """Return by how much one update pulse moves every cell from a voltage (V), up (`direction` +1) or down (-1): (cells,), mV, positive."""
    charge(chip, voltage)
    before = chip.voltage_at(0)
    amounts = build.build_amounts(1)
    for tile in chip.geometry.tiles:
        rows, columns = (int(tile[field]) for field in (layout.TILE_ROWS, layout.TILE_COLUMNS))
        at_row, at_column = (np.arange(count) + int(tile[field]) for count, field in ((rows, layout.TILE_ROW), (columns, layout.TILE_COLUMN)))
        place = ((at_row[:, None] << 16) | at_column).astype(np.uint64).ravel()
        hits = chip.pulses._replace(place=place, slots=np.ones(place.size, dtype=np.uint64), noise=np.zeros(place.size, dtype=np.float32))
        x, d = np.ones(at_row[-1] + 1, dtype=np.float32), np.full(at_column[-1] + 1, direction, dtype=np.float32)
        update.move_capacitors(tile, chip.cells, chip.columns, x, d, place.size, hits, chip.device, amounts.segment_counts[0], amounts.segment_sums[0])
    return direction * 1000.0 * every(chip, chip.voltage_at(0) - before)


def properties(chip: Looking, voltage: float) -> dict[str, Floats]:
    """Return conductance (µS), up step and down step (mV) of every cell at a voltage (V)."""
    return {"g": conductance(chip, voltage), "step up": step(chip, voltage, 1), "step down": step(chip, voltage, -1)}


def nominal(capacitor: Capacitor, voltage: float) -> dict[str, float]:
    """Return what a cell without mismatch has: conductance (µS) and steps (mV), which end at the limits of the voltage."""
    slope = capacitor.step_slope * (voltage - capacitor.initial)
    room = {"step up": capacitor.maximum - voltage, "step down": voltage - capacitor.minimum}
    free = {"step up": capacitor.step * (1.0 - slope), "step down": capacitor.step * (1.0 + slope)}
    return {"g": float(capacitor.conductance(voltage))} | {name: 1000.0 * max(min(free[name], room[name]), 0.0) for name in free}


def sigmas(capacitor: Capacitor) -> dict[str, float]:
    """Return the spreads at the initial voltage: transconductance x threshold spread (µS), and step x its relative spread (mV)."""
    of_step = 1000.0 * capacitor.step * capacitor.step_spread
    return {"g": capacitor.transconductance * capacitor.threshold_spread, "step up": of_step, "step down": of_step}


def chosen(cells: int) -> NDArray[np.int64]:
    """Return the cells that are the trials: evenly spread over the chip; draws of different cells are independent."""
    return np.linspace(0, cells - 1, min(TRIALS, cells)).astype(np.int64)


def distributions(chip: Looking) -> Iterator[Row]:
    """Yield histograms of the trials and of all cells at the initial voltage, scaled to `TRIALS`, and their moments, with closed forms."""
    capacitor = chip.cell.capacitor
    found, at = properties(chip, capacitor.initial), nominal(capacitor, capacitor.initial)
    width = BIN_STEPS * chip.device.threshold_lsb / capacitor.threshold_spread
    centres, edges = np.arange(-BINS, BINS + 1) * width, (np.arange(-BINS, BINS + 2) - 0.5) * width
    trials = chosen(found["g"].size)
    for name, unit in UNITS.items():
        sigma = sigmas(capacitor)[name]
        key = {"quantity": name, "voltage_V": capacitor.initial}
        for statistic, values in ((f"{TRIALS} trials", found[name][trials]), ("all cells", found[name])):
            counted = np.histogram((values - at[name]) / sigma, edges)[0] * (TRIALS / values.size)
            told = {**key, "statistic": statistic, "basis": "drawn", "cells": values.size}
            yield from (
                {**told, "panel": "distribution", "x": float(at[name] + sigma * centre), "value": float(count), "unit": "trials a bin"}
                for centre, count in zip(centres, counted, strict=True)
            )
            yield {**told, "panel": "mean", "value": float(values.mean()), "unit": unit}
            yield {**told, "panel": "sigma", "value": float(values.std()), "unit": unit}
        told = {**key, "statistic": "normal", "basis": "closed form"}
        for centre, edge in zip(centres, edges[:-1], strict=True):
            share = 0.5 * (math.erf((edge + width) / math.sqrt(2.0)) - math.erf(edge / math.sqrt(2.0)))
            yield {**told, "panel": "distribution", "x": float(at[name] + sigma * centre), "value": TRIALS * share, "unit": "trials a bin"}
        yield {**told, "panel": "mean", "value": at[name], "unit": unit}
        yield {**told, "panel": "sigma", "value": sigma, "unit": unit}
    for one, other in (("step up", "step down"), ("g", "step up"), ("g", "step down")):
        value = float(np.corrcoef(found[one], found[other])[0, 1])
        told = {"panel": "correlation", "quantity": f"{one}, {other}", "statistic": "all cells", "voltage_V": capacitor.initial, "unit": "1"}
        yield {**told, "basis": "drawn", "value": value, "cells": found[one].size}


def curves(chip: Looking, voltages: Sequence[float]) -> Iterator[Row]:
    """Yield quantiles of all cells against the voltage, and the cell without mismatch."""
    for voltage in voltages:
        found, at = properties(chip, voltage), nominal(chip.cell.capacitor, voltage)
        for name, unit in UNITS.items():
            told = {"panel": "curve", "quantity": name, "voltage_V": voltage, "unit": unit}
            for statistic, value in zip(QUANTILES, np.quantile(found[name], list(QUANTILES.values())), strict=True):
                yield {**told, "statistic": statistic, "basis": "drawn", "value": float(value), "cells": found[name].size}
            yield {**told, "statistic": "nominal", "basis": "closed form", "value": at[name]}


def main(given: Sequence[str] | None = None) -> None:
    """Read and pulse the cells; write the table and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="a smaller chip and fewer voltages")
    parser.add_argument("--out", type=Path, default=Path("runs/gallery/cell_mismatch"), help="folder for table and figure")
    options = parser.parse_args(given)
    writable(options.out)
    chip = build_chip(SHORT if options.short else ())
    table = options.out / "cell_mismatch.csv"
    write_csv(table, [*distributions(chip), *curves(chip, VOLTAGES[::2] if options.short else VOLTAGES)])
    from cell_mismatch_figures import draw

    for file in (table, *draw(table, options.out)):
        print(f"wrote {file}")


if __name__ == "__main__":
    command(main)
