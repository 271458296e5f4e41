"""An estimate: three intervals of training are simulated, transfers included, and what they counted is carried on to the whole run.

What follows from sizes, inputs and time is in proportion to images, transfers or time. What depends on what the network has learnt
follows an activity profile.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chipsim.analysis.run import Run
from chipsim.analysis.silicon import silicon_of
from chipsim.analysis.silicon import tally_of as tally_of_run
from chipsim.chip.analog import AnalogChip
from chipsim.chip.plan import plan_training
from chipsim.chip.pretrain import programmed_weights
from chipsim.costs import DATA_DEPENDENT
from chipsim.datasets import load_dataset
from chipsim.errors import InputError
from chipsim.events.simulation import Simulation, SimulationState
from chipsim.run.clocks import warnings
from chipsim.run.progress import Progress, Silent
from chipsim.run.recorder import Recorder
from chipsim.run.summary import tally_of
from chipsim.scenario import Scenario
from chipsim.scenario.model import Parameters
from chipsim.silicon import Silicon, Tally
from chipsim.silicon.accounting import PROGRAMS
from chipsim.silicon.activity import STALLED, Activity, shipped_activity
from chipsim.silicon.figures import SiliconFigures
from chipsim.spec import Every
from chipsim.units import PS, format_time

INTERVALS = 3
"""Intervals simulated; the first lets things settle, the others are measured."""
FEWEST = 4000
"""Images of an interval at least; shorter ones are simulated several at a time."""
USUAL = 8000
"""Images of an interval where nothing is transferred."""
MOST_WORK = 1.33e9
"""Weights x images of an interval at most, those of 8,000 images of MNIST: longer intervals are made shorter for it."""
STARVED = ("host", "sleep")
"""What training waits for in proportion to images, whatever transfers do."""
_PARTS = (8, 5, 4, 2)
"""A segment is so much of an interval, where it divides it."""


def estimate(
    what: Scenario | Run, table: str | None = None, *, data_dir: Path | str | None = None, progress: Progress | None = None, activity: Activity | None = None
) -> SiliconFigures:
    """Return area, energy and throughput of a chip: of a scenario as estimated, of a run as counted.

    Parameters
    ----------
    what
        a scenario, or a run; its cell is no software.
    table
        price table, instead of the scenario's, or the one that the run was priced by.
    data_dir, progress, activity
        as for `estimated_tally`, for a scenario.

    Raises
    ------
    InputError
        if the scenario, its data or the price table cannot be used.
    RunFolderError
        if the run does not tell what is needed.
    """
    if isinstance(what, Run):
        return SiliconFigures.of(silicon_of(what, table), tally_of_run(what))
    silicon = Silicon.of(what, table)
    if silicon is None:
        msg = f"cell.kind: {what.name} trains in software; there is no chip to estimate"
        raise InputError(msg)
    return SiliconFigures.of(silicon, estimated_tally(what, data_dir=data_dir, progress=progress, activity=activity))


def estimated_tally(scenario: Parameters, *, data_dir: Path | str | None = None, progress: Progress | None = None, activity: Activity | None = None) -> Tally:
    """Return what the chip of a scenario would do in a whole run, from a simulation of a small part of it.

    Parameters
    ----------
    scenario
        its cell is no software.
    data_dir, progress
        as for `simulate`.
    activity
        profile of what depends on what the network has learnt; that of MNIST, if not given. It is not used where the run is so short
        that all of it is simulated.

    Raises
    ------
    InputError
        if the scenario or its data cannot be used, or it has stages or sleeps and is too long to be simulated as a whole.
    """
    told = progress or Silent()
    told.message("loading data")
    data = load_dataset(scenario.data, Path(data_dir) if data_dir is not None else None)
    data.require(scenario.network.layers[0], scenario.network.layers[-1])
    images = len(data.train_labels)
    plan = plan_training(scenario, images)
    steps = plan.steps
    part = _part_of(scenario, steps)
    shortened = part.shorten(scenario)
    told.message("compiling kernels (a minute at first, then cached)")
    chip = AnalogChip(shortened, data, plan)
    recorder, state = _Counter(shortened, chip, told), SimulationState.start(shortened)
    simulation = Simulation(shortened, chip, state, recorder, steps=steps, images=images)
    chip.program(programmed_weights(shortened, data))
    initial = recorder.amounts().sum(axis=0)
    told.start(min(part.simulated, steps))
    simulation.run(lambda: recorder.latest[0] > part.simulated)
    told.finish()
    if part.simulated >= steps:
        whole = tally_of(recorder, steps, state)
        return replace(whole, source="estimated: all of it simulated", warnings=(*warnings(recorder, state), *_doubts(scenario)))
    return _Carrying(scenario, recorder, state, part, steps, initial, activity or shipped_activity()).tally()


class _Counter(Recorder):
    """Keeps counts and times alone; accuracy takes longer than all the rest."""

    def evaluate(self, step: int, now_ps: int) -> None:
        """Measure nothing."""

    def probed(self, number: int, step: int, now_ps: int) -> None:
        """Keep nothing."""


@dataclass(frozen=True)
class _Part:
    """The part of a run that is simulated."""

    block: int
    """Images of an interval as simulated."""
    transfers: float
    """Transfers due in one such interval."""
    every: Every | None = None
    """Interval between transfers, where it is made shorter for the simulation."""

    @property
    def simulated(self) -> int:
        """Images up to the end of the last interval."""
        return INTERVALS * self.block

    @property
    def measured(self) -> tuple[int, int]:
        """Images between which rates are taken."""
        return self.block, self.simulated

    def shorten(self, scenario: Parameters) -> Parameters:
        """Return the scenario with segments that end with intervals, and without what only records."""
        segment = next((self.block // parts for parts in _PARTS if self.block % parts == 0), self.block)
        record = scenario.record.model_copy(update={"segment": segment, "windows": (), "probes": 0})
        transfer = scenario.transfer.model_copy(update={"every": self.every}) if self.every else scenario.transfer
        return scenario.model_copy(update={"record": record, "transfer": transfer, "retention": None})


def _part_of(scenario: Parameters, steps: int) -> _Part:
    """Choose what to simulate: whole intervals between transfers, not too short and not too much work.

    Raises
    ------
    InputError
        if the run has stages or sleeps, and is too long to be simulated as a whole.
    """
    uneven = [name for name, there in (("stage", scenario.stage), ("power.sleep", scenario.power.sleep)) if there]
    weights = scenario.network.weights
    most = max(int(MOST_WORK / weights), 16)
    if uneven and steps * weights <= INTERVALS * MOST_WORK:
        return _Part(max(steps, 1), 0.0)
    if uneven:
        msg = (
            f"{' and '.join(uneven)}: an estimate carries a part of training on to all of its {steps:,} images, which stages and sleeps do not allow; "
            f"run the scenario, leave them out, or shorten it to {int(INTERVALS * MOST_WORK / weights):,} images"
        )
        raise InputError(msg)
    if scenario.cell.kind != "2pcm+3t1c":
        return _Part(min(USUAL, most), 0.0)
    interval = _interval(scenario)
    if interval > most:
        return _Part(most, 1.0, Every(images=most))
    several = math.ceil(min(FEWEST, most) / interval)
    return _Part(several * interval, several, Every(images=interval) if _waits_for_transfers(scenario) else None)


def _waits_for_transfers(scenario: Parameters) -> bool:
    """Whether training goes on only after a transfer: an interval of time between two is one of so many images then."""
    return scenario.transfer.policy in ("instant", "stall") and scenario.transfer.saturation is None and scenario.host is None


def _interval(scenario: Parameters) -> int:
    """Return the images of an interval between transfers; where it is a time, those that fit into it where nothing but the host holds them up."""
    every, host = scenario.transfer.every, scenario.host
    slowest = 0 if host is None else max(host.period, host.send_ps(scenario.network.layers[0]))
    return every.images or max(-(-(every.time_ps or 0) // max(sum(scenario.phase_ps), slowest)), 1)


def _doubts(scenario: Parameters, activity: Activity | None = None) -> Iterator[str]:
    """Say what throughput and energy alone would hide, and where the activity is that of another kind of chip."""
    plan, retention = scenario.transfer, scenario.cell.capacitor.retention
    interval_ps = plan.every.time_ps or (plan.every.images or 0) * sum(scenario.phase_ps)
    if scenario.cell.kind == "2pcm+3t1c" and interval_ps > retention:
        yield (
            f"capacitors forget before their weight is moved: transfer.every = {plan.every} is {format_time(interval_ps)} of training, "
            f"cell.capacitor.retention is {format_time(retention)}; accuracy is not estimated, run the scenario"
        )
    if activity is shipped_activity() and scenario.cell.kind != "2pcm+3t1c":
        yield f"the activity profile is that of another cell than {scenario.cell.kind}; --activity RUN takes that of a run"


@dataclass(frozen=True)
class _Carrying:
    """Carries what was counted in a part on to the whole run."""

    scenario: Parameters
    recorder: Recorder
    state: SimulationState
    part: _Part
    steps: int
    initial: NDArray[np.float64]
    """What writing the initial weights took, of every action."""
    activity: Activity

    def tally(self) -> Tally:
        """Return the whole run."""
        measured = self.recorder.amounts()[self._inside].sum(axis=0)
        counts: dict[str, float] = {}
        factors = {name: self._factor(name) for name in DATA_DEPENDENT}
        for name, amount, once in zip(self.recorder.amount_names(), measured.tolist(), self.initial.tolist(), strict=True):
            counts[name] = once + amount * self._scale(name) * factors.get(name, 1.0)
        training_s = self.steps * self.recorder.chip.image_ps * PS
        starved_s = self._starved_s * self.steps
        held_up_s = self._held_up_s * self._scale("pcm.RESET pulse") * self.activity.factor(STALLED, self.part.measured, (0, self.steps))
        stalled_s = starved_s + held_up_s
        counts["chip.powered time"] = training_s + stalled_s - counts["chip.asleep time"]
        return Tally(
            images=self.steps,
            transfers=round(self._transfers),
            chip_time_s=training_s + stalled_s,
            training_time_s=training_s,
            counts=counts,
            waits=self._waits(starved_s, held_up_s),
            source=self._source,
            factors=factors,
            activity=self.activity.source,
            warnings=(*warnings(self.recorder, self.state), *_doubts(self.scenario, self.activity)),
        )

    @property
    def _inside(self) -> list[int]:
        """Segments of the part measured."""
        start, end = self.part.measured
        return [number for number, (step, _) in enumerate(self.recorder.ends()) if start < step <= end]

    @property
    def _source(self) -> str:
        start, end = self.part.measured
        return f"estimated: images {start:,} to {end:,} simulated, carried on to {self.steps:,}"

    @property
    def _regular(self) -> bool:
        """Whether there is a transfer at every interval of so many images, rather than as many as the chip finds time for."""
        plan, part = self.scenario.transfer, self.part
        fixed = plan.every.images is not None or (part.every is not None and self.scenario.host is None)
        free = plan.policy == "oldest-first" or plan.saturation is not None or self.scenario.power.idle_after is not None  # before a sleep, too
        return bool(part.transfers) and fixed and not free and not self.state.transfer.late

    @property
    def _pace(self) -> tuple[float, float]:
        """Return the images up to the first transfer, and from one to the next: fewer where training goes on slower while a clock runs."""
        interval, every_ps = _interval(self.scenario), self.scenario.transfer.every.time_ps
        if every_ps is None or _waits_for_transfers(self.scenario):
            return interval, interval
        return interval, max(interval - self._delay, 0.1 * interval)

    @property
    def _delay(self) -> float:
        """How long a transfer holds training up, in images."""
        return self._held_up_s / (self._measured_transfers * self.recorder.chip.image_ps * PS)

    @property
    def _transfers(self) -> float:
        """Transfers of the whole run; where they are not regular, as many an image as were measured."""
        if not self._regular:
            start, end = self.part.measured
            return float(np.sum([start < row["step"] <= end for row in self.recorder.transfers])) * self._by_images
        first, gap = self._pace
        return max((self.steps - 1 - first) // gap + 1, 0) + self.scenario.transfer.final

    @property
    def _written(self) -> float:
        """How many times all columns are written in a regular run: of a round that is spread over its interval, training may end before the rest."""
        plan, (first, gap) = self.scenario.transfer, self._pace
        lasts = plan.spread * _interval(self.scenario) - self._delay
        if plan.policy != "interleave" or self.steps <= first or lasts <= 0:
            return self._transfers
        return self._transfers - 1.0 + min(((self.steps - 1 - first) % gap + 1) / lasts, 1.0)

    @property
    def _measured_transfers(self) -> float:
        return (INTERVALS - 1) * self.part.transfers

    @property
    def _by_images(self) -> float:
        start, end = self.part.measured
        return self.steps / (end - start)

    def _scale(self, action: str) -> float:
        """Return how many times as much the whole run has of an action: by transfers where it belongs to them, else by images."""
        if self._regular and action in PROGRAMS:
            return self._written / self._measured_transfers
        return self._by_images

    def _factor(self, action: str) -> float:
        """Return what the activity profile makes of an action; that of transfers does not hold for cells that train their PCM."""
        if not self.scenario.cell.has_capacitor and action in PROGRAMS:
            return 1.0
        return self.activity.factor(action, self.part.measured, (0, self.steps))

    @property
    def _starved_s(self) -> float:
        """How long an image waits for what has nothing to do with transfers, the host and its sleeps, s; as it was up to here."""
        return sum(self.state.training.waited_ps.get(reason, 0) for reason in STARVED) * PS / self.part.simulated

    @property
    def _held_up_s(self) -> float:
        """How long transfers and refreshes held training up in the part measured, s."""
        ends, inside = self.recorder.ends(), self._inside
        lasted_s = (ends[inside[-1]][1] - ends[inside[0] - 1][1]) * PS
        start, end = self.part.measured
        return max(lasted_s - (end - start) * (self.recorder.chip.image_ps * PS + self._starved_s), 0.0)

    def _waits(self, starved_s: float, held_up_s: float) -> dict[str, float]:
        """Share the waiting out by its reasons, as it was up to here."""
        training = self.state.training
        so_far = {**training.waited_ps, "tile": training.delayed_ps}
        starved = sum(so_far.get(reason, 0) for reason in STARVED)
        held_up = sum(so_far.values()) - starved
        share = {reason: (starved_s, starved) if reason in STARVED else (held_up_s, held_up) for reason in so_far}
        return {reason: share[reason][0] * waited / share[reason][1] for reason, waited in so_far.items() if share[reason][1]}
