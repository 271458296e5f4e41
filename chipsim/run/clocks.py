"""What the clocks tell: use of arrays, current, read-outs and link, waiting, sleeps, stages, windows of full detail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chipsim.events.resources import WAIT_BINS, Monitor
from chipsim.events.simulation import SimulationState
from chipsim.run.detail import tile_track
from chipsim.run.kept import column
from chipsim.run.recorder import Recorder
from chipsim.run.traces import Variable, time_variables
from chipsim.scenario.cycle import Cycle
from chipsim.units import PS, format_time

Group = dict[str, Variable]
Floats = NDArray[np.float64]


HABIT = 0.05
"""Share of columns from which being late is no exception any more."""


def clock_groups(recorder: Recorder, state: SimulationState) -> dict[str, Group]:
    """Return the groups of traces that the clocks give rise to, those that have something to show."""
    groups: dict[str, Group] = {}
    if state.tiles and recorder.ends():
        groups["utilisation"] = _utilisation(recorder, state)
    if recorder.sleeps:
        groups["sleep"] = _sleep(recorder)
    if recorder.stages:
        groups["stage"] = _stage(recorder)
    if recorder.scenario.record.windows:
        groups["timeline"] = _timeline(recorder)
    if recorder.waves:
        groups["wave"] = _wave(recorder)
    return groups


def monitors(recorder: Recorder, state: SimulationState) -> dict[str, tuple[Monitor, float]]:
    """Return every resource by its name, with what it holds in all; those that the scenario has no use for are left out."""
    scenario, layer_of = recorder.scenario, recorder.chip.layer_of
    found = {tile_track(number, layer_of[number]): (tile.monitor, 1.0) for number, tile in enumerate(state.tiles)}
    if scenario.cell.kind == "2pcm+3t1c" and scenario.transfer.policy != "instant":
        for pool in (state.current, state.read_outs):
            found[pool.name] = (pool.monitor, pool.total)
    if scenario.host is not None:
        found["host link"] = (state.host.link, 1.0)
    return found


def _busy_ps(recorder: Recorder, state: SimulationState, images: NDArray[np.int64]) -> Floats:
    """Return how long every resource was in use in every segment, ps, (segments, resources), shares of it weighted."""
    cycle = Cycle(recorder.chip.phase_ps)
    per_image = [sum(ps for ps, layers in zip(cycle.phase_ps, cycle.uses, strict=True) if layer in layers) for layer in range(cycle.layers)]
    columns = []
    for number, (monitor, total) in enumerate(monitors(recorder, state).values()):
        used = np.array([monitor.busy.get(segment, 0.0) for segment in range(len(images))]) / total
        if number < len(state.tiles):
            used = used + images * float(per_image[recorder.chip.layer_of[number]])
        columns.append(used)
    return np.array(columns).T


def _segments(recorder: Recorder) -> tuple[NDArray[np.int64], Floats]:
    """Return the images and the duration (ps) of every segment."""
    ends = recorder.ends()
    steps = np.array([step for step, _ in ends], dtype=np.int64)
    lasted = np.diff([0, *(now for _, now in ends)]).astype(np.float64)
    return np.diff(steps, prepend=0), np.maximum(lasted, 1.0)


def _utilisation(recorder: Recorder, state: SimulationState) -> Group:
    images, lasted = _segments(recorder)
    found = monitors(recorder, state)
    edges = np.array([0.0, *(2.0 ** (k - 1) * PS for k in range(1, WAIT_BINS + 1))])
    queue = [[monitor.queue.get(segment, 0) for segment in range(len(images))] for monitor, _ in found.values()]
    ages = [*recorder.ages, float("nan")][: len(images)]
    dims = ("segment", "resource")
    return {
        **time_variables("segment", [now for _, now in recorder.ends()], "chip time at the end of the segment"),
        "resource": Variable("resource", np.array(list(found), dtype=object), "1", "resource"),
        "busy": Variable(dims, _busy_ps(recorder, state, images) / lasted[:, None], "1", "share of the segment in which the resource was in use"),
        "queue": Variable(dims, np.array(queue, dtype=np.float64).T / lasted[:, None], "1", "mean number waiting (host link: images in the queue)"),
        "capacitor_age": Variable("segment", np.array(ages, dtype=np.float64), "s", "mean age of the capacitors at the end of the segment"),
        "wait_low": Variable("wait_bin", edges[:-1], "s", "shortest waiting time of the bin"),
        "wait_high": Variable("wait_bin", edges[1:], "s", "where the next bin begins"),
        "waits": Variable(
            ("resource", "wait_bin"), np.array([monitor.waits for monitor, _ in found.values()]), "1", "wishes by the time until they were fulfilled"
        ),
    }


def _sleep(recorder: Recorder) -> Group:
    rows = recorder.sleeps
    texts = {
        "duration": ("s", "from the last image to the first operation after the sleep"),
        "asleep": ("s", "time with the power off"),
        "weight_change": ("1", "rms change of the weights over the sleep, units of weight"),
        "accuracy_before": ("1", "share of test images recognised when power went off"),
        "accuracy_after": ("1", "... and after the wake-up"),
    }
    return {
        "images": Variable("sleep", column(rows, "step").astype(np.int64), "1", "images trained"),
        **time_variables("sleep", [row["now_ps"] for row in rows], "chip time at which the sleep was due"),
        **{key: Variable("sleep", column(rows, key), unit, text) for key, (unit, text) in texts.items()},
    }


def _stage(recorder: Recorder) -> Group:
    rows = recorder.stages
    before = np.array([np.nan if row["accuracy_pretrained"] is None else row["accuracy_pretrained"] for row in rows])
    return {
        "label": Variable("stage", np.array([row["label"] for row in rows], dtype=object), "1", "name of the stage"),
        "kind": Variable("stage", np.array([row["kind"] for row in rows], dtype=object), "1", "kind of stage"),
        "images": Variable("stage", column(rows, "step").astype(np.int64), "1", "images trained"),
        **time_variables("stage", [row["now_ps"] for row in rows], "chip time at the end of the stage"),
        "accuracy": Variable("stage", column(rows, "accuracy"), "1", "share of test images recognised"),
        "accuracy_pretrained": Variable("stage", before, "1", "... of the test images of what the network was trained on before"),
    }


def _timeline(recorder: Recorder) -> Group:
    rows = recorder.happenings
    windows = recorder.scenario.record.windows
    tracks, track = np.unique(np.array([row[0] for row in rows], dtype=str), return_inverse=True)
    whats, what = np.unique(np.array([row[1] for row in rows], dtype=str), return_inverse=True)
    numbers = np.array([row[4:] for row in rows], dtype=np.int64).reshape(-1, 3)
    return {
        **_named_times("slice", "start", [row[2] for row in rows], "start"),
        **_named_times("slice", "end", [row[3] for row in rows], "end"),
        "track": Variable("slice", track.astype(np.int32), "1", "track, index into track_name"),
        "what": Variable("slice", what.astype(np.int32), "1", "what was done, index into what_name"),
        "image": Variable("slice", numbers[:, 0], "1", "image, -1 where it does not apply"),
        "column": Variable("slice", numbers[:, 1].astype(np.int32), "1", "column of the tile, likewise"),
        "amount": Variable("slice", numbers[:, 2], "1", "devices, pulses or row, likewise"),
        "track_name": Variable("track", tracks.astype(object), "1", "name of the track"),
        "what_name": Variable("kind", whats.astype(object), "1", "what was done"),
        **_named_times("window", "window_start", [window.start_ps for window in windows], "start of the window"),
        **_named_times("window", "window_end", [window.end_ps for window in windows], "end of the window"),
    }


def _named_times(dim: str, name: str, moments_ps: Sequence[int], text: str) -> Group:
    return {name + key.removeprefix("time"): variable for key, variable in time_variables(dim, moments_ps, text).items()}


def _wave(recorder: Recorder) -> Group:
    rows, places = recorder.waves, recorder.followed
    shown = {"voltage": ("V", "capacitor voltage"), "conductance": ("uS", "read conductance g"), "reference": ("uS", "reference conductance g_ref")}
    group = {
        **time_variables("sample", [row["now_ps"] for row in rows]),
        **{key: Variable(("sample", "cell"), column(rows, key), unit, text) for key, (unit, text) in shown.items()},
        "polarity": Variable(("sample", "cell"), column(rows, "polarity").astype(np.int8), "1", "polarity"),
    }
    for key in ("layer", "row", "column") if places is not None else ():
        group[key] = Variable("cell", getattr(places, key), "1", f"{key} of the probed cell")
    return group


# ---- for the summary ---------------------------------------------------------------------------------------------------


def clock_summary(recorder: Recorder, state: SimulationState) -> dict[str, Any]:
    """Return what `summary.json` says of resources, waiting, refreshes, sleeps, the host and stages; times in s."""
    training = state.training
    waits = {f"{reason}_s": lasted * PS for reason, lasted in sorted(training.waited_ps.items())}
    return {
        "waiting": {**waits, "tile_s": training.delayed_ps * PS, "longest_delay_of_an_image_s": training.longest_delay_ps * PS},
        "utilisation": _use_summary(recorder, state) if state.tiles and recorder.ends() else None,
        "refreshes": {"rows": state.refresh.rows, "late": state.refresh.late, "latest_s": state.refresh.latest_ps * PS} if state.refresh.rows else None,
        "sleeps": _sleep_summary(recorder, state) if recorder.sleeps else None,
        "host": _host_summary(state) if recorder.scenario.host is not None else None,
        "stages": [_stage_row(row) for row in recorder.stages] or None,
        "warnings": warnings(recorder, state),
    }


def _use_summary(recorder: Recorder, state: SimulationState) -> dict[str, dict[str, float]]:
    images, lasted = _segments(recorder)
    busy = _busy_ps(recorder, state, images).sum(axis=0) / lasted.sum()
    found = {}
    for (name, (monitor, _)), share in zip(monitors(recorder, state).items(), busy, strict=True):
        wishes = sum(monitor.waits)
        found[name] = {
            "busy_share": float(share),
            "wishes": wishes,
            "wait_mean_s": monitor.waited_ps / wishes * PS if wishes else 0.0,
            "wait_longest_s": monitor.longest_ps * PS,
            "queue_mean": float(sum(monitor.queue.values()) / lasted.sum()),
        }
    return found


def _sleep_summary(recorder: Recorder, state: SimulationState) -> dict[str, float]:
    rows = recorder.sleeps
    return {
        "count": state.power.sleeps,
        "asleep_s": state.power.asleep_ps * PS,
        "weight_change_rms": float(np.sqrt(np.mean(column(rows, "weight_change") ** 2))),
        "accuracy_lost_mean": float(np.mean(column(rows, "accuracy_before") - column(rows, "accuracy_after"))),
    }


def _host_summary(state: SimulationState) -> dict[str, float]:
    end = max(state.training.start_ps, 1)
    return {
        "images_sent": state.host.sent,
        "chip_waits_share": state.training.waited_ps.get("host", 0) / end,
        "host_waits_share": state.host.blocked_ps / end,
        "host_computes_share": min(state.host.making_ps / end, 1.0),
        "queue_most": state.host.most_queued,
    }


def _stage_row(row: dict[str, Any]) -> dict[str, Any]:
    kept = ("kind", "label", "accuracy", "accuracy_pretrained")
    return {**{key: row[key] for key in kept}, "images": row["step"], "ended_s": row["now_ps"] * PS}


def warnings(recorder: Recorder, state: SimulationState) -> list[str]:
    """Return what the user should know, one sentence each: transfers or refreshes that could not keep up."""
    plan, transfer, refresh = recorder.scenario.transfer, state.transfer, state.refresh
    found = []
    if transfer.late:
        found.append(
            f"transfers cannot keep up: {transfer.late} times one was due before the one before was complete, with up to "
            f"{transfer.worst_backlog} columns still to be written; {transfer.rounds} were completed (transfer.every = {plan.every})"
        )
    if transfer.overdue:
        written = sum(transfer.columns.values())
        keeping = "transfers cannot keep up" if transfer.overdue > HABIT * written else "a few columns took longer than any before"
        found.append(
            f"{keeping}: {transfer.overdue} of {written} columns were written too late, the oldest capacitor was {format_time(transfer.overdue_ps)} old, "
            f"transfer.max_age is {format_time(plan.max_age)}"
        )
    if plan.policy == "interleave" and transfer.broken_off:
        found.append(f"{transfer.broken_off} transfers were broken off by a sleep, with up to {transfer.left_unwritten} columns still to be written")
    if state.power.missed:
        found.append(f"{state.power.missed} sleeps came to nothing: the transfer before them took as long (power.before = {recorder.scenario.power.before})")
    never = len(recorder.scenario.power.sleep) - state.power.planned
    if never > 0 and state.training.done:
        found.append(f"{never} planned sleeps were never reached: training ended at {format_time(state.training.start_ps)} (power.sleep)")
    beyond = [window for window in recorder.scenario.record.windows if window.start_ps > state.now_ps]
    if beyond and state.training.done:
        found.append(f"{len(beyond)} windows of full detail lie beyond the end of the run, {format_time(state.now_ps)} (record.windows)")
    if refresh.late and recorder.scenario.capacitor_refresh is not None:
        found.append(
            f"refreshes cannot keep up: {refresh.late} of {refresh.rows} rows were more than half an interval late, at most "
            f"{format_time(refresh.latest_ps)} (capacitor_refresh.every = {format_time(recorder.scenario.capacitor_refresh.every)})"
        )
    return found
