"""What a run that goes on from another's checkpoint may change, and what it may not: the state of the chip must mean the same under both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chipsim.events.simulation import SimulationState
from chipsim.run.checkpoint import Checkpoint
from chipsim.scenario import Scenario

_ALWAYS = (
    "title",
    "data.path",
    "training.epochs",
    "training.learning_rate",
    "training.learning_rate_decay",
    "training.update",
    "training.max_pulses",
    "training.window",
    "transfer.every",
    "transfer.offset",
    "transfer.rest_offset",
    "cell.capacitor.packet_noise",
    "cell.capacitor.thermal_noise",
    "cell.pcm.ramp.tolerance",
    "cell.pcm.ramp.max_tries",
    "refresh",
    "record.accuracy_every",
    "checkpoint",
    "prices",
)
"""Keys, or whole tables, that are looked at afresh whenever they matter."""
_BETWEEN_TRANSFERS = ("transfer", "cell.pcm.reset", "cell.pcm.ramp", "cell.pcm.verify")
"""... that must not change while columns are being written."""
_AWAKE = ("power.before", "power.wake_up")
"""... that must not change while the chip falls asleep, sleeps or wakes up."""
_BEFORE_MEASURING = ("cell.capacitor.retention", "cell.pcm.drift.enabled", "cell.pcm.slow_noise")
"""... that must not change once retention is being measured."""
_BEFORE_THE_END = ("retention", "transfer.final")
"""... that the final transfer goes by."""
_ROUNDS = {"instant", "stall", "interleave"}
"""Policies that begin afresh at every interval."""
_NEVER = ("cell.pcm.ramp.maximum",)
"""Exceptions: what the arrays are scaled by."""


def fork_faults(before: Scenario, after: Scenario, state: SimulationState, images: int) -> list[str]:
    """Return `place: key: message` for every changed parameter under which the checkpoint's state would mean something else.

    Parameters
    ----------
    images
        training images of an epoch.
    """
    found = []
    for key in changed(before, after):
        fault = _fault(key, before, after, state, images)
        if fault:
            place = after.origins.get(key, "")
            found.append(": ".join(part for part in (place, key, fault) if part))
    return found


def changed(before: Scenario, after: Scenario) -> list[str]:
    """Return the dotted keys in which two scenarios differ."""
    return sorted(_differences(before.model_dump(), after.model_dump(), ""))


def adapt(checkpoint: Checkpoint, before: Scenario, after: Scenario, images: int) -> None:
    """Let a checkpoint go on under a changed scenario: as many images as that says, at its intervals, with the resources that it has."""
    state, kept, fresh = checkpoint.state, checkpoint.kept, SimulationState.start(after)
    training = state.training
    if not after.stage and training.going_on:
        training.until = after.training.epochs * images
    if before.training.epochs != after.training.epochs and kept.segment_ends and kept.segment_ends[-1][0] % after.record.segment:
        kept.segment_ends.pop()  # the last segment was closed by the end of training, which now lies elsewhere
        kept.ages.pop()
    if (before.transfer.every, before.refresh.every) != (after.transfer.every, after.refresh.every):
        every = after.refresh.every if after.cell.kind == "2pcm" else after.transfer.every
        training.due_ps = training.start_ps + (every.time_ps or 0)
    if before.record.accuracy_every != after.record.accuracy_every and after.record.accuracy_every is not None:
        training.evaluation_due_ps = training.start_ps + (after.record.accuracy_every.time_ps or 0)
    state.current.total, state.read_outs.total = fresh.current.total, fresh.read_outs.total


def _differences(before: Any, after: Any, key: str) -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted(before.keys() | after.keys()):
            yield from _differences(before.get(name), after.get(name), f"{key}.{name}" if key else name)
    elif before != after:
        yield key


def _fault(key: str, before: Scenario, after: Scenario, state: SimulationState, images: int) -> str:
    if key == "training.epochs":
        return _epochs_fault(after, state, images)
    if key == "transfer.policy" and not {before.transfer.policy, after.transfer.policy} <= _ROUNDS:
        return 'cannot change from or to "oldest-first", which has been at work since training began'
    if key == "training.max_pulses" and before.phase_ps != after.phase_ps:
        return "cannot change: with it an image takes longer, and the checkpoint counts in images"
    if _within(key, _NEVER):
        return "cannot change: the checkpoint's arrays are scaled by it"
    if _within(key, _ALWAYS):
        return ""
    phases = (
        (_BEFORE_THE_END, state.final_begun or state.retention is not None, "the final transfer has begun"),
        (_BEFORE_MEASURING, state.retention is not None, "the measurement of retention has begun"),
        (_AWAKE, state.power.phase != "on", "the chip is asleep, or on its way"),
        (_BETWEEN_TRANSFERS, bool(state.transfer.jobs), "columns are being written"),
    )
    for keys, too_late, reason in phases:
        if _within(key, keys):
            return f"cannot change at this checkpoint: {reason}" if too_late else ""
    return "cannot change: the checkpoint's state hangs on it; begin a new run with it"


def _epochs_fault(after: Scenario, state: SimulationState, images: int) -> str:
    if state.training.done:
        return "cannot change: at this checkpoint training is over"
    reached = -(-state.training.phase // len(after.phase_ps))
    if after.training.epochs * images <= reached:
        return f"{after.training.epochs} epochs are {after.training.epochs * images:,} images, of which the checkpoint has learnt {reached:,} already"
    return ""


def _within(key: str, tables: tuple[str, ...]) -> bool:
    return any(key == table or key.startswith(f"{table}.") for table in tables)
