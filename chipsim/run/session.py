"""A run while it goes on: the chip, its processes, the recorder, and the folder they end up in."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from chipsim.analysis.files import SCHEMA, SUMMARY, TRACES, WEIGHTS
from chipsim.chip import saved
from chipsim.chip.analog import AnalogChip
from chipsim.chip.guard import check
from chipsim.chip.plan import Weights, plan_training
from chipsim.chip.software import SoftwareChip
from chipsim.datasets import Dataset
from chipsim.events.simulation import Simulation, SimulationState
from chipsim.run.checkpoint import Checkpoint, Origin, prune, write_checkpoint
from chipsim.run.detail import detail_of
from chipsim.run.folder import RunFolder
from chipsim.run.progress import Progress
from chipsim.run.provenance import Stopwatch
from chipsim.run.recorder import Recorder
from chipsim.run.results import trace_groups
from chipsim.run.summary import end_of, summarise
from chipsim.run.traces import write_traces
from chipsim.scenario import Scenario
from chipsim.silicon import Silicon, rates_of
from chipsim.units import PS

SAVE_EVERY_S = 15.0
"""Wall time between writing the traces of a run that goes on."""
KEPT = 2
"""Checkpoints that stay while a run goes on: should the newest be damaged, there is another."""
SPARING = 20
"""Checkpoints come so many times more seldom than writing one takes, at most: 5 % of the wall time."""


class Session:
    """One run, from its beginning or from a checkpoint on."""

    def __init__(
        self,
        scenario: Scenario,
        data: Dataset,
        silicon: Silicon | None,
        folder: RunFolder,
        progress: Progress,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        images = len(data.train_labels)
        self.scenario, self.silicon, self.folder, self.progress = scenario, silicon, folder, progress
        self.plan = plan_training(scenario, images)
        kind = SoftwareChip if scenario.cell.kind == "software" else AnalogChip
        self.chip: AnalogChip | SoftwareChip = kind(scenario, data, self.plan)
        self.recorder = Recorder(scenario, self.chip, progress)
        self.state = checkpoint.state if checkpoint else SimulationState.start(scenario)
        self.wall, self.trained = Stopwatch(), Stopwatch()
        if checkpoint:
            self._restore(checkpoint)
        detail = detail_of(scenario, self.chip, self.recorder)
        self.simulation = Simulation(scenario, self.chip, self.state, self.recorder, steps=self.plan.steps, images=images, detail=detail)
        self.finals: dict[str, float] = {}
        self.trained_s: float | None = None
        self._last = f"the one that it went on from, after {checkpoint.images:,} images" if checkpoint else ""
        self._origin = Origin.here(scenario, data.checksums)

    def _restore(self, checkpoint: Checkpoint) -> None:
        saved.restore(self.chip, checkpoint.chip)
        if isinstance(self.chip, AnalogChip):
            self.chip.origin_ps = checkpoint.origin_ps
        self.recorder.restore(checkpoint.kept)
        self.wall, self.trained = Stopwatch(checkpoint.wall_s), Stopwatch(checkpoint.trained_s)

    def program(self, weights: Weights) -> None:
        """Write the initial weights."""
        self.chip.program(weights)

    def compile(self) -> None:
        """Have the training kernel compiled before its time is taken."""
        self.chip.train(0, 0, 0)

    @property
    def last_good(self) -> str:
        """Say which checkpoint was written last."""
        return f"the last good checkpoint is {self._last}" if self._last else "no checkpoint had been written"

    @property
    def images(self) -> int:
        """Images that have been learnt."""
        return self.state.training.phase // len(self.chip.phase_ps)

    def run(self, asked: Callable[[], bool], until_ps: int | None = None) -> bool:
        """Let everything happen, saving what there is from time to time; then measure the final accuracy.

        Return whether the end of the run was reached, rather than `until_ps`; `asked` says whether somebody wants it to stop.

        Raises
        ------
        KeyboardInterrupt
            if it was asked for, between two events; a checkpoint has been written then.
        """
        self.trained = Stopwatch(self.trained.already)
        self.progress.start(self.plan.steps, self.images)
        reached_end = self.simulation.run(self._looking_up(asked, until_ps))
        if asked() and not reached_end:
            self.checkpoint()
            raise KeyboardInterrupt
        self.trained_s = self.trained.elapsed()
        if not reached_end:
            return False
        event = 2 * self.plan.steps + 1
        self.finals = {
            "test_accuracy": self.recorder.measure(self._now_ps, event, noisy=True),
            "test_accuracy_before_transfer": self.recorder.evaluations[-1]["accuracy"],
            "test_accuracy_noise_free": self.recorder.measure(self._now_ps, event, noisy=False),
        }
        prune(self.folder, 1)
        return True

    def save(self, reason: str) -> None:
        """Write the summary, the traces and the weights of everything up to now."""
        if not self.recorder.evaluations:
            return
        self.folder.write_json(SUMMARY, self._summary(reason))
        attrs = {"title": self.scenario.title, "scenario": self.scenario.model_dump_json()}
        write_traces(self.folder.file(TRACES), trace_groups(self.recorder, rates_of(self.silicon), self.state), attrs)
        self.folder.write_bytes(WEIGHTS, _npz(self.chip.weights_at(self._now_ps)))

    def checkpoint(self) -> None:
        """Write all that the run's future depends on, where the scenario wants checkpoints.

        Raises
        ------
        NumericalError
            if a value is no number or beyond its range, so that what is written is always good.
        """
        if not self.scenario.checkpoint.enabled:
            return
        check(self.chip, self._now_ps)
        origin_ps = self.chip.origin_ps if isinstance(self.chip, AnalogChip) else 0
        times = {"wall_s": self.wall.elapsed(), "trained_s": self.trained.elapsed()}
        found = Checkpoint(self._origin, self.images, origin_ps=origin_ps, state=self.state, kept=self.recorder, chip=saved.arrays_of(self.chip), **times)
        self._last = f"{write_checkpoint(self.folder, found)}, after {self.images:,} images"
        prune(self.folder, KEPT)

    def _summary(self, reason: str) -> Mapping[str, Any]:
        trained_s = self.trained_s or self.trained.elapsed()
        return {
            "schema": SCHEMA,
            "scenario": self.scenario.name,
            "title": self.scenario.title,
            "seed": self.scenario.seed,
            "exit_reason": reason,
            **summarise(self.recorder, self.silicon, self.images, self.state, self.finals),
            "wall_time_s": self.wall.elapsed(),
            "images_per_wall_second": self.images / trained_s if trained_s > 0 else None,
        }

    @property
    def _now_ps(self) -> int:
        return end_of(self.state)

    def _looking_up(self, asked: Callable[[], bool], until_ps: int | None) -> Callable[[], bool]:
        """Return what is asked between two events: whether to stop; it saves what there is now and then."""
        files, due = Stopwatch(), _Due(self)

        def look_up() -> bool:
            nonlocal files
            if asked():
                return True
            if due.now():
                self.checkpoint()
                due.done()
            if files.elapsed() > SAVE_EVERY_S:
                self.save("running")
                files = Stopwatch()
            return until_ps is not None and self.state.now_ps > until_ps

        return look_up


class _Due:
    """Says when a checkpoint is due: by wall time, and by images or chip time where the scenario says so."""

    def __init__(self, session: Session) -> None:
        self._session, self._plan = session, session.scenario.checkpoint
        self._wall_s, self._every = self._plan.wall_time * PS, self._plan.every
        self._watch, self._began = Stopwatch(), 0.0
        self._next_images = self._next_ps = -1
        self._count()

    def now(self) -> bool:
        """Return whether one is due."""
        if not self._plan.enabled:
            return False
        due = self._watch.elapsed() > self._wall_s
        if self._every is not None:
            due = due or (self._session.images >= self._next_images if self._every.images else self._session.state.now_ps >= self._next_ps)
        if due:
            self._began = self._watch.elapsed()
        return due

    def done(self) -> None:
        """Count from now on; where writing takes long, it is done more seldom."""
        took_s = self._watch.elapsed() - self._began
        self._wall_s = max(self._plan.wall_time * PS, SPARING * took_s)
        self._watch = Stopwatch()
        self._count()

    def _count(self) -> None:
        if self._every is None:
            return
        if self._every.images:
            self._next_images = (self._session.images // self._every.images + 1) * self._every.images
        else:
            every_ps = self._every.time_ps or 1
            self._next_ps = (self._session.state.now_ps // every_ps + 1) * every_ps


def _npz(weights: Weights) -> bytes:
    """Return the weights as an npz archive that `network.initial_weights` reads back: w0, w1, ..., (inputs + 1, outputs)."""
    buffer = io.BytesIO()
    np.savez(buffer, **{f"w{layer}": values for layer, values in enumerate(weights)})  # type: ignore[arg-type]  # NumPy's stub mistakes the names
    return buffer.getvalue()
