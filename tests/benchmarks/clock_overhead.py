"""What clocks cost: wall time of interleaved against stalled transfers, and the share of SimPy and bookkeeping in it, in one run.

    python tests/benchmarks/clock_overhead.py [--images N] [--epochs N] [--rounds N] [--data-dir DIR] [--set KEY=VALUE]

Both policies simulate the same training in turn, so a slow moment of the machine hits both; the ratio of every round is taken, and
their median counts. *Kernels* is the time inside the chip's methods, their dispatch included, *recorder* that of evaluations and
traces; what is left of the simulation's loop is *bookkeeping*: SimPy and the processes, the clock's reading for this measurement included.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from chipsim.chip.analog import AnalogChip
from chipsim.chip.plan import plan_training, starting_weights
from chipsim.datasets import load_dataset
from chipsim.events.simulation import Simulation, SimulationState
from chipsim.run.progress import Silent
from chipsim.run.recorder import Recorder
from chipsim.scenario import Scenario

POLICIES = ("stall", "interleave")
KERNELS = ("train", "sample_column", "aim_column", "reset_column", "ramp_column", "verify_column", "finish_column", "ages", "idled", "stalled")
HEARD = ("trained", "evaluate", "transferred", "probed")


class Watched:
    """Stands before an object and adds up the time spent in some of its methods."""

    def __init__(self, watched: Any, names: tuple[str, ...]) -> None:
        self._watched, self.seconds = watched, 0.0
        for name in names:
            setattr(self, name, self._timed(getattr(watched, name)))

    def __getattr__(self, name: str) -> Any:
        """Pass everything else on."""
        return getattr(self._watched, name)

    def _timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return method(*args, **named)
            finally:
                self.seconds += time.perf_counter() - began

        return timed


def once(policy: str, overrides: list[str], data_dir: Path | None) -> tuple[float, float, float]:
    """Return the wall time of one simulation, and what of it passed in kernels and in the recorder, s."""
    scenario = Scenario.load("mnist-stall", [f"transfer.policy={policy}", *overrides])
    data = load_dataset(scenario.data, data_dir)
    plan = plan_training(scenario, len(data.train_labels))
    chip = AnalogChip(scenario, data, plan)
    chip.program(starting_weights(scenario))
    chip.train(0, 0, 0)
    recorder = Recorder(scenario, chip, Silent())
    kernels, heard = Watched(chip, KERNELS), Watched(recorder, HEARD)
    simulation: Any = Simulation(scenario, kernels, SimulationState.start(scenario), heard, steps=plan.steps, images=len(data.train_labels))
    began = time.perf_counter()
    simulation.run()
    return time.perf_counter() - began, kernels.seconds, heard.seconds


def measure(rounds: int, overrides: list[str], data_dir: Path | None = None) -> np.ndarray:
    """Return (rounds, policies, 3): wall time, and what of it passed in kernels and in the recorder, s."""
    once(POLICIES[1], [*overrides, "training.epochs=1", "data.train_images=200"], data_dir)  # compiles
    return np.array([[once(policy, overrides, data_dir) for policy in POLICIES] for _ in range(rounds)])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=20000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    chosen = parser.parse_args()
    overrides = [f"data.train_images={chosen.images}", f"training.epochs={chosen.epochs}", *chosen.set]
    found = measure(chosen.rounds, overrides, chosen.data_dir)
    for index, policy in enumerate(POLICIES):
        wall, kernels, heard = np.median(found[:, index], axis=0)
        rest = np.median((found[:, index, 0] - found[:, index, 1] - found[:, index, 2]) / found[:, index, 0])
        print(f"{policy:10s} {wall:7.2f} s: kernels {kernels / wall:.1%}, recorder {heard / wall:.1%}, SimPy and bookkeeping {rest:.1%}")
    print(f"interleave / stall: {np.median(found[:, 1, 0] / found[:, 0, 0]):.2f} (rounds: {', '.join(f'{a / b:.2f}' for b, a in found[:, :, 0])})")


if __name__ == "__main__":
    main()
