"""`simulate`: a scenario becomes a run folder. The whole story of a run, in one place."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chipsim.analysis.files import SCENARIO, SCHEMA, SUMMARY, TRACES
from chipsim.analysis.run import Run, load_run
from chipsim.chip.analog import AnalogChip, Plan, plan_training, starting_weights
from chipsim.chip.software import SoftwareChip
from chipsim.costs import PriceTable
from chipsim.datasets import Dataset, load_dataset
from chipsim.errors import ChipsimError, SimulationError
from chipsim.events.simulation import Simulation, SimulationState
from chipsim.run.folder import RunFolder
from chipsim.run.progress import Progress, Silent
from chipsim.run.provenance import Manifest, Stopwatch
from chipsim.run.recorder import Recorder
from chipsim.run.results import summarise, trace_groups
from chipsim.run.traces import write_traces
from chipsim.scenario import Scenario
from chipsim.units import PS

SAVE_EVERY_S = 15.0
"""Wall time between writing the traces of a run that goes on."""


def simulate(
    scenario: Scenario,
    out: Path | str,
    *,
    data_dir: Path | str | None = None,
    progress: Progress | None = None,
    command: Sequence[str] = (),
) -> Run:
    """Run a scenario and return the finished run.

    Parameters
    ----------
    scenario
        what to run.
    out
        a new folder; it can be read at any moment, also after a crash.
    data_dir
        folder of the MNIST files, where the scenario's data are not built in; else `CHIPSIM_DATA`, else a download.
    progress
        told what goes on.
    command
        the command line, for the manifest.

    Raises
    ------
    InputError
        if the scenario, the data or the folder cannot be used; nothing is left behind then.
    SimulationError
        if the simulation cannot go on; the folder holds everything up to then.
    KeyboardInterrupt
        if it was interrupted; likewise.
    """
    told = progress or Silent()
    told.message("loading data")
    data = load_dataset(scenario.data, Path(data_dir) if data_dir is not None else None)
    data.require(scenario.network.layers[0], scenario.network.layers[-1])
    table = PriceTable.load(scenario.prices.table)
    weights = starting_weights(scenario)
    folder = RunFolder.create(out)
    manifest = Manifest.begin(scenario.seed, command, data.checksums)
    folder.write_text(SCENARIO, scenario.to_toml())
    folder.write_json("manifest.json", manifest.to_dict())
    watch = Stopwatch()
    session = _Session(scenario, data, table, folder, told)
    status, reason = "failed", ""
    try:
        session.begin(weights)
        session.run()
        status, reason = "done", "training done"
    except KeyboardInterrupt:
        status, reason = "interrupted", "interrupted by the user"
        raise
    except ChipsimError as error:
        reason = str(error)
        raise
    except (ArithmeticError, ValueError, LookupError, MemoryError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise SimulationError(reason) from error
    finally:
        told.finish()
        session.save(reason, watch.elapsed())
        folder.write_json("manifest.json", manifest.end(status, reason, watch.elapsed(), folder.checksums()).to_dict())
    return load_run(folder.path)


@dataclass
class _Session:
    """One run while it goes on."""

    scenario: Scenario
    data: Dataset
    table: PriceTable
    folder: RunFolder
    progress: Progress

    def begin(self, weights: list[Any]) -> None:
        """Build the chip, program the initial weights, and set up the processes."""
        scenario, images = self.scenario, len(self.data.train_labels)
        self.progress.message("compiling kernels (a minute at first, then cached)")
        self.plan: Plan = plan_training(scenario, images)
        kind = SoftwareChip if scenario.cell.kind == "software" else AnalogChip
        self.chip: AnalogChip | SoftwareChip = kind(scenario, self.data, self.plan)
        self.recorder = Recorder(scenario, self.chip, self.progress)
        self.chip.program(weights)
        self.chip.train(0, 0, 0)
        self.state = SimulationState.start(scenario)
        self.simulation = Simulation(scenario, self.chip, self.state, self.recorder, steps=self.plan.steps, images=images)
        self.finals: dict[str, float] = {}
        self.began = time.perf_counter()
        self.progress.start(self.plan.steps)

    def run(self) -> None:
        """Let everything happen, saving what there is from time to time; then measure the final accuracy."""
        self.simulation.run(self._saver())
        self.trained_s = time.perf_counter() - self.began
        if not self.recorder.evaluations:
            return
        now, event = self.state.retention.began_ps if self.state.retention else self.state.now_ps, 2 * self.plan.steps + 1
        self.finals = {
            "test_accuracy": self.recorder.measure(now, event, noisy=True),
            "test_accuracy_before_transfer": self.recorder.evaluations[-1]["accuracy"],
            "test_accuracy_noise_free": self.recorder.measure(now, event, noisy=False),
        }

    def _saver(self) -> Callable[[], bool]:
        last = time.perf_counter()

        def save() -> bool:
            nonlocal last
            if time.perf_counter() - last > SAVE_EVERY_S:
                self.save("running", time.perf_counter() - self.began)
                last = time.perf_counter()
            return False

        return save

    def save(self, reason: str, wall_s: float) -> None:
        """Write the summary and the traces of everything up to now."""
        if not hasattr(self, "state") or not self.recorder.evaluations:
            return
        training = self.state.training
        now = self.state.retention.began_ps if self.state.retention else self.state.now_ps
        times = {
            "chip_time_s": now * PS,
            "training_time_s": training.start_ps * PS - training.stalled_ps * PS,
            "stall_time_s": now * PS - training.start_ps * PS + training.stalled_ps * PS,
        }
        images = training.phase // len(self.chip.phase_ps)
        trained_s = getattr(self, "trained_s", time.perf_counter() - self.began)
        summary = {
            "schema": SCHEMA,
            "scenario": self.scenario.name,
            "title": self.scenario.title,
            "seed": self.scenario.seed,
            "exit_reason": reason,
            **summarise(self.recorder, self.scenario, self.table, times, self.finals),
            "wall_time_s": wall_s,
            "images_per_wall_second": images / trained_s if trained_s > 0 else None,
        }
        self.folder.write_json(SUMMARY, summary)
        attrs = {"title": self.scenario.title, "scenario": self.scenario.model_dump_json()}
        write_traces(self.folder.file(TRACES), trace_groups(self.recorder, self.table, now), attrs)
