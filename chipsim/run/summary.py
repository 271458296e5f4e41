"""The summary of a run: the content of `summary.json`, times in s, energies in J."""

from __future__ import annotations

from typing import Any

from chipsim.costs import Sheet
from chipsim.events.simulation import SimulationState
from chipsim.kernels import layout
from chipsim.run.ageing import QUANTILES
from chipsim.run.clocks import clock_summary
from chipsim.run.kept import column
from chipsim.run.recorder import Recorder
from chipsim.scenario.parts import OPS_CONVENTIONS
from chipsim.silicon import Silicon, Tally, account, nested, ops_of
from chipsim.units import PS

FIGURES = (
    "images_per_second",
    "energy_J",
    "energy_per_image_J",
    "energy_per_image_training_J",
    "energy_per_transfer_J",
    "energy_per_update_J",
    "average_power_W",
    "static_W",
    "area_mm2",
    "tops_peak",
    "tops_effective",
    "tops_per_W",
    "tops_per_W_powered",
    "tops_per_W_effective",
    "tops_per_mm2",
    "tops_per_mm2_effective",
)
"""Figures of the silicon that `summary.json` holds; `chipsim estimate RUN` has them all."""


def end_of(state: SimulationState) -> int:
    """Return when the chip's work ends, ps, even where a retention measurement of years follows."""
    return state.retention.began_ps if state.retention else max(state.now_ps, state.training.start_ps)


def times_of(recorder: Recorder, state: SimulationState) -> dict[str, float]:
    """Return the chip time, what of it was training, and what was not."""
    chip, phase = recorder.chip, state.training.phase
    image, rest = divmod(phase, len(chip.phase_ps))
    trained_ps = image * chip.image_ps + sum(chip.phase_ps[:rest])
    return {"chip_time_s": end_of(state) * PS, "training_time_s": trained_ps * PS, "stall_time_s": (end_of(state) - trained_ps) * PS}


def tally_of(recorder: Recorder, images: int, state: SimulationState) -> Tally:
    """Return what the chip did, as it was counted."""
    times, training = times_of(recorder, state), state.training
    totals = recorder.amounts().sum(axis=0)
    waits = {reason: lasted * PS for reason, lasted in training.waited_ps.items()} | {"tile": training.delayed_ps * PS}
    counts = dict(zip(recorder.amount_names(), totals.tolist(), strict=True))
    return Tally(images, len(recorder.transfers), times["chip_time_s"], times["training_time_s"], counts, waits, "counted in the run")


def summarise(recorder: Recorder, silicon: Silicon | None, images: int, state: SimulationState, finals: dict[str, float]) -> dict[str, Any]:
    """Return the content of `summary.json`; times in s, energies in J. Without silicon there is neither: the cell is software."""
    scenario = recorder.scenario
    last = recorder.evaluations[-1] if recorder.evaluations else {}
    times = times_of(recorder, state)
    tally = tally_of(recorder, images, state)
    return {
        "images": images,
        "test_images": len(recorder.chip.data.test_labels),
        **finals,
        "train_accuracy": last.get("train_accuracy"),
        **(times if silicon else dict.fromkeys(times)),
        "time_per_image_s": recorder.chip.image_ps * PS if silicon else None,
        **nested(account(silicon, tally) if silicon else Sheet(), FIGURES),
        "ops": images * ops_of(scenario),
        "ops_convention": f"{scenario.prices.ops}: {OPS_CONVENTIONS[scenario.prices.ops]}",
        "weights": scenario.network.weights,
        "transfers": _transfer_summary(recorder, state),
        **clock_summary(recorder, state),
        "retention": _retention_summary(recorder),
        "counts": {name: int(amount) if name in layout.ACTIONS else amount for name, amount in tally.counts.items()},
        "prices": scenario.prices.table,
    }


def _retention_summary(recorder: Recorder) -> dict[str, Any] | None:
    """Return what is left at the last read of a retention measurement: medians over devices, the weights' rms change, accuracies."""
    if not recorder.retention:
        return None
    last = recorder.retention[-1]
    middle = QUANTILES.index(0.5)
    left = {f"{key}_median": float(last[key][middle]) for key in ("pcm_left", "capacitor_left") if key in last}
    measured = {key: last[key] for key in ("weight_error", "accuracy", "accuracy_compensated")}
    return {"age_s": float(last["age_ps"]) * PS, **left, **measured, "compensation": [float(factor) for factor in last["compensation"]]}


def _transfer_summary(recorder: Recorder, state: SimulationState) -> dict[str, Any]:
    rows = recorder.transfers
    if not rows:
        return {"count": 0}
    durations = column(rows, "duration")
    return {
        "count": len(rows),
        "policy": recorder.scenario.transfer.policy,
        "late": state.transfer.late,
        "worst_backlog_columns": state.transfer.worst_backlog,
        "overdue_columns": state.transfer.overdue,
        "oldest_capacitor_s": state.transfer.oldest_ps * PS,
        "duration_mean_s": float(durations.mean()),
        "duration_max_s": float(durations.max()),
        "mean_tries": float(column(rows, "mean_tries").mean()),
        "unconverged": int(column(rows, "unconverged").sum()),
        "saturated_last": int(rows[-1]["saturated"]),
        "rms_error_last_uS": float(rows[-1]["rms_error"]),
    }
