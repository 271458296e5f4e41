"""`simulate`: a scenario becomes a run folder. The whole story of a run, in one place."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from chipsim.analysis.files import MANIFEST, PRICES, SCENARIO, SCHEMA, SUMMARY, TRACES, WEIGHTS
from chipsim.analysis.run import Run, load_run
from chipsim.chip.analog import AnalogChip
from chipsim.chip.plan import Weights, plan_training
from chipsim.chip.pretrain import programmed_weights
from chipsim.chip.software import SoftwareChip
from chipsim.datasets import Dataset, load_dataset
from chipsim.errors import ChipsimError, SimulationError
from chipsim.events.simulation import Simulation, SimulationState
from chipsim.run.detail import detail_of
from chipsim.run.folder import RunFolder
from chipsim.run.interrupts import interrupts_held
from chipsim.run.progress import Progress, Silent
from chipsim.run.provenance import Manifest, Status, Stopwatch
from chipsim.run.recorder import Recorder
from chipsim.run.results import trace_groups
from chipsim.run.summary import end_of, summarise
from chipsim.run.traces import write_traces
from chipsim.scenario import Scenario
from chipsim.silicon import Silicon, rates_of
from chipsim.units import format_time

SAVE_EVERY_S = 15.0
"""Wall time between writing the traces of a run that goes on."""


def simulate(
    scenario: Scenario,
    out: Path | str,
    *,
    data_dir: Path | str | None = None,
    progress: Progress | None = None,
    command: Sequence[str] = (),
    until_ps: int | None = None,
) -> Run:
    """Run a scenario and return the finished run.

    Parameters
    ----------
    scenario
        what to run.
    out
        a new folder; it can be read at any moment, also after a crash.
    data_dir
        folder of the data files, where the scenario's data are not built in; else `CHIPSIM_DATA`, else (for MNIST) a download.
    progress
        told what goes on.
    command
        the command line, for the manifest.
    until_ps
        stop as soon as chip time (ps) has passed this moment; nothing that would have followed is done.

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
    silicon = Silicon.of(scenario)
    weights = programmed_weights(scenario, data)
    folder = RunFolder.create(out)
    manifest = Manifest.begin(scenario.seed, command, data.checksums, data.mapping)
    folder.write_text(SCENARIO, scenario.to_toml())
    if silicon:
        folder.write_text(PRICES, silicon.prices_toml())
    folder.write_json(MANIFEST, manifest.to_dict())
    watch = Stopwatch()
    status: Status = "failed"
    reason = "stopped before training began"
    session: Session | None = None
    try:
        told.message("compiling kernels (a minute at first, then cached)")
        with interrupts_held():
            session = Session(scenario, data, silicon, folder, told)
            session.program(weights)
        reason = "stopped by an error inside chipsim"
        reached_end = session.run(until_ps)
        status, reason = "done", "training done" if reached_end else f"stopped at {format_time(until_ps or 0)}"
    except KeyboardInterrupt:
        status, reason = "interrupted", "interrupted by the user"
        raise
    except ChipsimError as error:
        reason = str(error)
        raise
    except (ArithmeticError, MemoryError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise SimulationError(reason) from error
    finally:
        told.finish()
        if session is not None:
            session.save(reason, watch.elapsed())
        folder.write_json(MANIFEST, manifest.end(status, reason, watch.elapsed(), folder.checksums()).to_dict())
    return load_run(folder.path)


class Session:
    """One run while it goes on: the chip, its processes, the recorder, and the folder they end up in."""

    def __init__(self, scenario: Scenario, data: Dataset, silicon: Silicon | None, folder: RunFolder, progress: Progress) -> None:
        images = len(data.train_labels)
        self.scenario, self.silicon, self.folder, self.progress = scenario, silicon, folder, progress
        self.plan = plan_training(scenario, images)
        kind = SoftwareChip if scenario.cell.kind == "software" else AnalogChip
        self.chip: AnalogChip | SoftwareChip = kind(scenario, data, self.plan)
        self.recorder = Recorder(scenario, self.chip, progress)
        self.state = SimulationState.start(scenario)
        detail = detail_of(scenario, self.chip, self.recorder)
        self.simulation = Simulation(scenario, self.chip, self.state, self.recorder, steps=self.plan.steps, images=images, detail=detail)
        self.finals: dict[str, float] = {}
        self.watch = Stopwatch()
        self.trained_s: float | None = None

    def program(self, weights: Weights) -> None:
        """Write the initial weights, and have the training kernel compiled before its time is taken."""
        self.chip.program(weights)
        self.chip.train(0, 0, 0)

    def run(self, until_ps: int | None = None) -> bool:
        """Let everything happen, saving what there is from time to time; then measure the final accuracy.

        Return whether the end of the run was reached, rather than `until_ps`.
        """
        self.watch = Stopwatch()
        self.progress.start(self.plan.steps)
        reached_end = self.simulation.run(self._looking_up(until_ps))
        self.trained_s = self.watch.elapsed()
        if not reached_end:
            return False
        event = 2 * self.plan.steps + 1
        self.finals = {
            "test_accuracy": self.recorder.measure(self._now_ps, event, noisy=True),
            "test_accuracy_before_transfer": self.recorder.evaluations[-1]["accuracy"],
            "test_accuracy_noise_free": self.recorder.measure(self._now_ps, event, noisy=False),
        }
        return True

    def save(self, reason: str, wall_s: float) -> None:
        """Write the summary, the traces and the weights of everything up to now."""
        if not self.recorder.evaluations:
            return
        trained_s = self.trained_s or self.watch.elapsed()
        images = self.state.training.phase // len(self.chip.phase_ps)
        summary = {
            "schema": SCHEMA,
            "scenario": self.scenario.name,
            "title": self.scenario.title,
            "seed": self.scenario.seed,
            "exit_reason": reason,
            **summarise(self.recorder, self.silicon, images, self.state, self.finals),
            "wall_time_s": wall_s,
            "images_per_wall_second": images / trained_s if trained_s > 0 else None,
        }
        self.folder.write_json(SUMMARY, summary)
        attrs = {"title": self.scenario.title, "scenario": self.scenario.model_dump_json()}
        write_traces(self.folder.file(TRACES), trace_groups(self.recorder, rates_of(self.silicon), self.state), attrs)
        self.folder.write_bytes(WEIGHTS, _npz(self.chip.weights_at(self._now_ps)))

    @property
    def _now_ps(self) -> int:
        return end_of(self.state)

    def _looking_up(self, until_ps: int | None) -> Callable[[], bool]:
        """Return what is asked between two events: whether to stop; it saves what there is now and then."""
        saved = Stopwatch()

        def look_up() -> bool:
            nonlocal saved
            if saved.elapsed() > SAVE_EVERY_S:
                self.save("running", self.watch.elapsed())
                saved = Stopwatch()
            return until_ps is not None and self.state.now_ps > until_ps

        return look_up


def _npz(weights: Weights) -> bytes:
    """Return the weights as an npz archive that `network.initial_weights` reads back: w0, w1, ..., (inputs + 1, outputs)."""
    buffer = io.BytesIO()
    np.savez(buffer, **{f"w{layer}": values for layer, values in enumerate(weights)})  # type: ignore[arg-type]  # NumPy's stub mistakes the names
    return buffer.getvalue()
