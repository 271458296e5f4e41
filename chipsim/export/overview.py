"""The whole of a run at a glance: summarised lanes, and quantities over chip time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from chipsim.export.lanes import Lane, Moments, detailed_windows, moments
from chipsim.units import PICOSECONDS_PER_SECOND

if TYPE_CHECKING:
    from chipsim.analysis.run import Run
    from chipsim.analysis.traces import Group

RUN = "whole run"
_TRANSFER_NOTES = {
    "images": "images",
    "reset_pulses": "reset_pulses",
    "set_ramps": "set_ramps",
    "verify_reads": "verify_reads",
    "unconverged": "unconverged",
    "mean_tries": "mean_tries",
    "rms_error": "rms_error_uS",
}
"""What is told about a transfer: the variable in the traces, and its name beside the slice, with a unit where it has one."""


@dataclass(frozen=True)
class Counter:
    """A quantity over chip time: each value holds from its time to the next.

    Attributes
    ----------
    path
        the counter and the tracks that it lies in, the outermost first.
    unit
        of the values, "" for a pure number.
    time
        ps.
    """

    path: tuple[str, ...]
    unit: str
    time: Moments
    value: list[float]


def summarised_lanes(run: Run, detail: Run) -> list[Lane]:
    """Return the lanes of the whole run: segments of training, transfers, sleeps, and the windows of full detail.

    Parameters
    ----------
    detail
        the run that holds those windows: the run itself, or a replay of it.
    """
    lanes = [*_segments(run), *_lasting(run, "transfer", "transfers", _TRANSFER_NOTES), *_lasting(run, "sleep", "sleeps", {})]
    windows = detailed_windows(detail)
    if windows:
        lanes.append(Lane((RUN, "in full detail"), [start for start, _ in windows], [end for _, end in windows], ["in full detail"] * len(windows)))
    return lanes


def counters(run: Run) -> list[Counter]:
    """Return accuracy (%), power (W), mean age of the capacitors (s), and share busy (%) and queue of each resource, as far as recorded."""
    return [*_accuracy(run), *_power(run), *_utilisation(run)]


def _segments(run: Run) -> Iterator[Lane]:
    if "energy" in run:
        group = run["energy"]
        ends = moments(group)
        notes = {"images": group["images"].tolist(), "energy_J": group["energy"].sum(axis=1).tolist()}
        yield Lane((RUN, "training"), _begins(ends), ends, ["segment"] * len(ends), notes)


def _lasting(run: Run, group: str, label: str, noted: Mapping[str, str]) -> Iterator[Lane]:
    """Yield the lane of a group whose members have a time and a duration (s)."""
    if group in run:
        traces = run[group]
        starts = moments(traces)
        lengths = [round(seconds * PICOSECONDS_PER_SECOND) for seconds in traces["duration"].tolist()]
        notes = {name: traces[variable].tolist() for variable, name in noted.items() if variable in traces}
        ends = [start + length for start, length in zip(starts, lengths, strict=True)]
        yield Lane((RUN, label), starts, ends, [label.removesuffix("s")] * len(starts), notes)


def _begins(ends: Moments) -> Moments:
    """Return when segments begin that follow each other from time zero."""
    return [0, *ends][: len(ends)]


def _accuracy(run: Run) -> Iterator[Counter]:
    if "accuracy" in run:
        group = run["accuracy"]
        yield Counter((RUN, "accuracy"), "%", moments(group), (100.0 * group["accuracy"]).tolist())


def _power(run: Run) -> Iterator[Counter]:
    """Yield the power of every segment, in all and by component, and none after the last."""
    if "energy" not in run:
        return
    group = run["energy"]
    ends, joules = moments(group), group["energy"]
    begins = _begins(ends)
    lasting = [index for index, end in enumerate(ends) if end > begins[index]]  # a segment of no length has energy, but no power
    times = [*(begins[index] for index in lasting), *ends[-1:]]
    parts = {(RUN, "power by component", name): joules[:, column] for column, name in enumerate(group["component"].tolist())}
    for path, values in ({(RUN, "power"): joules.sum(axis=1)} | parts).items():
        watts = [float(values[index]) * PICOSECONDS_PER_SECOND / (ends[index] - begins[index]) for index in lasting]
        yield Counter(path, "W", times, [*watts, *(0.0 for _ in ends[-1:])])


def _utilisation(run: Run) -> Iterator[Counter]:
    if "utilisation" not in run:
        return
    group = run["utilisation"]
    starts = _begins(moments(group))
    if "capacitor_age" in group:
        yield Counter((RUN, "mean age of capacitors"), "s", starts, group["capacitor_age"].tolist())
    for variable, label, unit, factor in (("busy", "busy", "%", 100.0), ("queue", "queue", "", 1.0)):
        if variable in group:
            yield from _of_resources(group, (RUN, label), unit, starts, factor * group[variable])


def _of_resources(group: Group, path: tuple[str, ...], unit: str, starts: Moments, values: NDArray[np.float64]) -> Iterator[Counter]:
    for column, resource in enumerate(group["resource"].tolist()):
        yield Counter((*path, resource), unit, starts, values[:, column].tolist())
