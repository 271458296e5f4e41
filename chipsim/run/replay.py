"""A part of a run once more, in full detail: its own scenario is simulated again, up to the end of a window."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chipsim.analysis.run import Run
from chipsim.errors import InputError, SimulationError
from chipsim.run.progress import Progress
from chipsim.run.simulate import simulate
from chipsim.scenario.conflicts import record_conflicts
from chipsim.spec import Span
from chipsim.units import PICOSECONDS_PER_SECOND, format_time


def replay(run: Run, window: Span, out: Path | str | None = None, *, data_dir: Path | str | None = None, progress: Progress | None = None) -> Run:
    """Simulate a run's scenario again up to the end of a window, record that window in full detail, and return the new run.

    Parameters
    ----------
    run
        a saved run of this version of chipsim; it is not changed.
    window
        what to record, in chip time of the run.
    out
        a new folder; a new temporary one, which the caller removes, if not given.
    data_dir, progress
        as for `simulate`.

    Raises
    ------
    InputError
        if the window begins after the run's end, the run goes on from another, has nothing that a replay could be checked against, or the data
        are not there.
    SimulationError
        if the replay does not agree with the run as far as it goes; the message says what differs.
    """
    reached = Span(window.start_ps, min(window.end_ps, _require_within(run, window)))
    scenario = run.scenario
    record = scenario.record.model_copy(update={"windows": (window,)})
    asked = scenario.model_copy(update={"record": record})
    too_much = list(record_conflicts(scenario.model_copy(update={"record": record.model_copy(update={"windows": (reached,)})})))
    if too_much:
        raise InputError("\n".join(too_much))
    again = simulate(
        asked,
        out=Path(out) if out is not None else Path(tempfile.mkdtemp(prefix="chipsim-replay-")),
        data_dir=data_dir,
        progress=progress,
        command=("replay", str(run.path), str(window)),
        until_ps=window.end_ps,
    )
    _require_agreement(run, again)
    return again


def _require_within(run: Run, window: Span) -> int:
    """Return the end of the run, ps, before which the window must begin."""
    if run.manifest.get("parent"):
        msg = f"{run.path}: goes on from a checkpoint of {run.manifest['parent'].get('run')}, so its scenario alone does not lead to what it did"
        raise InputError(msg)
    if "energy" not in run or not len(run["energy"]["time_s"]) or "accuracy" not in run:
        msg = f"{run.path}: has no traces of energy and accuracy yet, so no part of it can be simulated again and checked"
        raise InputError(msg)
    energy = run["energy"]
    end_ps = int(energy["time_s"][-1]) * PICOSECONDS_PER_SECOND + int(energy["time_ps"][-1])
    if window.start_ps >= end_ps:
        msg = f"{run.path}: the window {window} begins when the run has ended, at {format_time(end_ps)} of chip time"
        raise InputError(msg)
    return end_ps


def _require_agreement(run: Run, again: Run) -> None:
    """Compare accuracies, which depend on every weight, and the counts of actions in every segment that both have as a whole."""
    accuracies = _rows(again, "accuracy", "accuracy")
    pairs = {
        "accuracy": (_rows(run, "accuracy", "accuracy"), accuracies),
        "counts of actions": (_rows(run, "energy", "counts")[:-1], _rows(again, "energy", "counts")[:-1]),
    }
    for what, (before, now) in pairs.items():
        recorded = {row.images: row for row in before}
        for row in now:
            if row.images in recorded and recorded[row.images] != row:
                msg = (
                    f"{run.path}: simulated again it differs, so what it did cannot be shown: {what} after {row.images} images "
                    f"{recorded[row.images].described()} then, {row.described()} now{_circumstances(run, again)}"
                )
                raise SimulationError(msg)
    if not {row.images for row in accuracies} & set(run["accuracy"]["images"].tolist()):
        msg = f"{run.path}: simulated again it was never evaluated after as many images as before, so the two cannot be compared{_circumstances(run, again)}"
        raise SimulationError(msg)


@dataclass(frozen=True)
class _Row:
    """What was recorded at one moment: `value` is an accuracy, or counts of actions."""

    images: int
    seconds: int
    picoseconds: int
    value: float | tuple[int, ...]

    def described(self) -> str:
        """Return moment and value for a message."""
        value = f"{self.value:.6g}" if isinstance(self.value, float) else f"{sum(self.value)} in all"
        return f"{value} (at {format_time(self.seconds * PICOSECONDS_PER_SECOND + self.picoseconds)})"


def _rows(run: Run, group: str, value: str) -> list[_Row]:
    traces = run[group]
    values = [tuple(row) if isinstance(row, list) else row for row in traces[value].tolist()]
    return [_Row(*row) for row in zip(*(traces[name].tolist() for name in ("images", "time_s", "time_ps")), values, strict=True)]


def _circumstances(run: Run, again: Run) -> str:
    """Return what is known to be different about two runs, for a message."""
    found = [text for part in ("versions", "data", "host") for text in _differences(part, run.manifest.get(part), again.manifest.get(part))]
    return f"; different are: {', '.join(found)}" if found else "; versions, data and host are the same"


def _differences(part: str, before: Any, now: Any) -> Iterator[str]:
    if not isinstance(before, dict) or not isinstance(now, dict):
        return
    for key in sorted(before.keys() | now.keys()):
        if before.get(key) != now.get(key):
            yield f"{part}.{key} ({_shown(before.get(key))} then, {_shown(now.get(key))} now)"


def _shown(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 24 else f"{text[:12]}..."
