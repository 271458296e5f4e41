"""What does a weight do that is asked for many pulses up and nearly as many down? Weight change against total and net pulses.

    python plots/weight_change.py [--short] [--data-dir DIR] [--set KEY=VALUE] [--processes 2] [--out FOLDER]

After Ambrogio et al., Nature 558, 60 (2018), Extended Data Fig. 2: two intervals between transfers (16,000 images), for the full cell with
and without polarity inversion, and for PCM pairs alone. Part `plane` asks single cells for all combinations of pulses, part `section` many
cells for as many up as down; both send the pulses in random order through the kernels of training, with all that differs from cell to cell,
leaks and is noisy. Part `training` says what cells, picked at random, are asked for while MNIST is learnt, at the
beginning of a run and near its end; `training median` is that of all cells. OUT gets
`weight_change.csv`, `weight_change_numbers.csv` (means and percentiles over all cells) and the figure.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from runner import command, positive, writable
from study import write_csv
from weight_change_bench import ask
from weight_change_training import Window, count_pulses

from chipsim import Scenario
from chipsim.scenario.model import Parameters

CELLS = ("mnist", "mnist-no-inversion", "mnist-pcm-only")
"""Scenarios, in the order of the panels."""
TYPICAL = {"2pcm+3t1c": (1000, 100), "2pcm": (50, 10)}
"""Total and net pulses of a typical request over two intervals: the paper's points "(+-100, 1,000)" and "(+-10, 50)" (caption of Extended Data
Fig. 2), read as net out of total. The order is inferred: no cell can be asked for a net of 1,000 out of 100."""
SHORT = ("data.name=mnist-5k", "training.epochs=1", "transfer.every=300 images", "refresh.every=150 images")
COLUMNS = ("part", "scenario", "moment", "total_pulses", "net_pulses", "weight_change_steps", "weight_change_uS")
NUMBERS = (
    *("part", "scenario", "moment", "images", "cells", "total_pulses_mean", "total_pulses_median", "total_pulses_90_percent"),
    *("net_pulses_size_mean", "net_pulses_size_median", "net_pulses_size_90_percent", "cells_without_a_pulse_share", "pulses_counted", "pulses_booked"),
    *("net_pulses_mean", "steps_per_net_pulse", "weight_change_mean_steps", "weight_change_sigma_steps", "error_rms_steps", "step_uS"),
)
Pulses = NDArray[np.int64]
Changes = NDArray[np.float64]


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    totals: int
    """Totals of the plane at most, from 0 to twice the typical one."""
    nets: int
    """Nets of the plane at most, up to twice the typical one in either direction."""
    section_totals: int
    section_cells: int
    """Totals of the section, and cells at each."""
    sample: int
    """Cells of training that the table lists."""


FULL = Size(totals=61, nets=61, section_totals=21, section_cells=400, sample=4000)
BRIEF = Size(totals=9, nets=9, section_totals=5, section_cells=40, sample=200)


def plane_of(kind: str, size: Size) -> tuple[Pulses, Pulses]:
    """Return (total, net) of every cell of the plane, (totals, nets); a request that cannot be made has a negative total.

    Total and net of a request are both even or both odd: totals are even, and one more where the net is odd.
    """
    total, net = TYPICAL[kind]
    totals = np.unique(2 * np.rint(np.linspace(0, total, size.totals)).astype(np.int64))
    nets = np.unique(np.rint(np.linspace(-2 * net, 2 * net, size.nets)).astype(np.int64))
    totals, nets = (np.ascontiguousarray(a) for a in np.broadcast_arrays(totals[:, None], nets))
    totals = totals + nets % 2
    return np.where(np.abs(nets) <= totals, totals, -1), nets


def section_of(kind: str, size: Size) -> tuple[Pulses, Pulses]:
    """Return (total, net) of the section at net zero, (totals, cells), and in two more rows the typical request either way."""
    total, net = TYPICAL[kind]
    totals = 2 * np.rint(np.linspace(0, total, size.section_totals)).astype(np.int64)
    every, nets = np.append(totals, [total, total]), np.append(np.zeros_like(totals), [net, -net])
    shape = every.size, size.section_cells
    return np.broadcast_to(every[:, None], shape), np.broadcast_to(nets[:, None], shape)


def scenario_of(name: str, overrides: Sequence[str], *, short: bool) -> Scenario:
    """Return a scenario with the values given, and, if `short`, on few images."""
    return Scenario.load(name, [*(SHORT if short else ()), *overrides])


def controlled(name: str, overrides: Sequence[str], *, short: bool) -> Iterator[tuple[str, Pulses, Pulses, Changes]]:
    """Yield part, total, net, and what became of the weight (steps), of the cells that were asked for given pulses."""
    scenario, size = scenario_of(name, overrides, short=short), BRIEF if short else FULL
    for part, (total, net) in (("plane", plane_of(scenario.cell.kind, size)), ("section", section_of(scenario.cell.kind, size))):
        asked = np.maximum(total, 0)
        change = ask(scenario, (asked + net) // 2 * (total >= 0), (asked - net) // 2 * (total >= 0)) / scenario.cell.weight_step
        yield part, total[total >= 0], net[total >= 0], change[total >= 0]


def measure(name: str, overrides: tuple[str, ...], data_dir: Path | None, short: bool) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of a scenario in both tables."""
    scenario, size = scenario_of(name, overrides, short=short), BRIEF if short else FULL
    rows, numbers = [], []
    for part, total, net, change in controlled(name, overrides, short=short):
        rows += list(rows_of(scenario, part, "", total, net, change))
        for request in np.unique(np.stack([total, net]), axis=1).T if part == "section" else ():
            chosen = (total == request[0]) & (net == request[1])
            numbers.append(numbers_of(scenario, part, "", total[chosen], net[chosen], change[chosen]))
    for window in count_pulses(scenario, data_dir):
        total, net, change = cells_of(scenario, window)
        shown = np.random.default_rng(scenario.seed).choice(total.size, min(size.sample, total.size), replace=False)
        rows += list(rows_of(scenario, "training", window.name, total[shown], net[shown], change[shown]))
        rows.append({"part": "training median", "scenario": scenario.name, "moment": window.name, "total_pulses": float(np.median(total))})
        found = numbers_of(scenario, "training", window.name, total, net, change)
        numbers.append({**found, "images": window.last, "pulses_counted": window.counted, "pulses_booked": window.booked})
    return rows, numbers


def cells_of(scenario: Parameters, window: Window) -> tuple[Pulses, Pulses, Changes]:
    """Return total, net, and what became of the weight (steps), of all cells of a window."""
    total, net = (np.concatenate([layer.ravel() for layer in layers]).astype(np.int64) for layers in (window.total, window.net))
    change = np.concatenate([(after - before).ravel() for after, before in zip(window.after, window.before, strict=True)])
    return total, net, change.astype(np.float64) / scenario.cell.weight_step


def rows_of(scenario: Scenario, part: str, moment: str, total: Pulses, net: Pulses, change: Changes) -> Iterator[dict[str, Any]]:
    """Yield a row a cell."""
    for cell in range(total.size):
        yield {
            "part": part,
            "scenario": scenario.name,
            "moment": moment,
            "total_pulses": int(total[cell]),
            "net_pulses": int(net[cell]),
            "weight_change_steps": float(change[cell]),
            "weight_change_uS": float(change[cell]) * step_of(scenario),
        }


def numbers_of(scenario: Scenario, part: str, moment: str, total: Pulses, net: Pulses, change: Changes) -> dict[str, Any]:
    """Return what is said of some cells as a whole; `error` is against the ideal, net pulses times the nominal step."""
    asked = float(np.sum(net.astype(np.float64) ** 2))
    return {
        "part": part,
        "scenario": scenario.name,
        "moment": moment,
        "cells": total.size,
        **percentiles("total_pulses", total),
        **percentiles("net_pulses_size", np.abs(net)),
        "cells_without_a_pulse_share": float(np.mean(total == 0)),
        "steps_per_net_pulse": float(np.sum(net * change)) / asked if asked else "",
        "net_pulses_mean": float(net.mean()),
        "weight_change_mean_steps": float(change.mean()),
        "weight_change_sigma_steps": float(change.std()),
        "error_rms_steps": float(np.sqrt(np.mean((change - net) ** 2))),
        "step_uS": step_of(scenario),
    }


def percentiles(name: str, values: Pulses) -> dict[str, float]:
    """Return mean, median, and what nine of ten cells stay below, as columns."""
    return {f"{name}_mean": float(values.mean()), f"{name}_median": float(np.median(values)), f"{name}_90_percent": float(np.quantile(values, 0.9))}


def step_of(scenario: Parameters) -> float:
    """Return what a nominal pulse is worth, µS of the cell."""
    return scenario.cell.weight_step * scenario.cell.weight_conductance


def main(given: Sequence[str] | None = None) -> None:
    """Measure the three cells, write the tables and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="few images and cells: seconds instead of minutes")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE", help="change another value, in all scenarios")
    parser.add_argument("--data-dir", type=Path, help="folder of the data (default: CHIPSIM_DATA)")
    parser.add_argument("--processes", type=positive, default=2, help="processes at a time (default: 2)")
    parser.add_argument("--out", type=Path, default=Path("runs/gallery/weight_change"), help="folder for tables and figure")
    options = parser.parse_args(given)
    writable(options.out)
    data_dir = options.data_dir or (Path(os.environ["CHIPSIM_DATA"]) if os.environ.get("CHIPSIM_DATA") else None)
    measured = partial(measure, overrides=tuple(options.overrides), data_dir=data_dir, short=options.short)
    if options.processes > 1:
        with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
            found = list(pool.map(measured, CELLS))
    else:
        found = [measured(name) for name in CELLS]
    table, numbers = options.out / "weight_change.csv", options.out / "weight_change_numbers.csv"
    write_csv(table, [row for rows, _ in found for row in rows], COLUMNS)
    write_csv(numbers, [row for _, rows in found for row in rows], NUMBERS)
    from weight_change_figures import draw

    for file in (table, numbers, *draw(table, options.out)):
        print(f"wrote {file}")


if __name__ == "__main__":
    command(main)
