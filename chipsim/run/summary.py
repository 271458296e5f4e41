"""The summary of a run: the content of `summary.json`, times in s, energies in J."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from chipsim.chip.analog import AnalogChip
from chipsim.costs import COMPONENTS, PriceTable, price_segments
from chipsim.events.simulation import SimulationState
from chipsim.kernels import layout
from chipsim.run.clocks import clock_summary
from chipsim.run.recorder import QUANTILES, Recorder, column
from chipsim.scenario.model import Parameters
from chipsim.units import PS

OPS_CONVENTION = "all passes: 6 operations per weight and image (forward, backward, update; 1 MAC = 2 operations)"


def end_of(state: SimulationState) -> int:
    """Return when the chip's work ends, ps, even where a retention measurement of years follows."""
    return state.retention.began_ps if state.retention else max(state.now_ps, state.training.start_ps)


def times_of(recorder: Recorder, state: SimulationState) -> dict[str, float]:
    """Return the chip time, what of it was training, and what was not."""
    chip, phase = recorder.chip, state.training.phase
    image, rest = divmod(phase, len(chip.phase_ps))
    trained_ps = image * chip.image_ps + sum(chip.phase_ps[:rest])
    return {"chip_time_s": end_of(state) * PS, "training_time_s": trained_ps * PS, "stall_time_s": (end_of(state) - trained_ps) * PS}


def energy_by_component(recorder: Recorder, table: PriceTable) -> dict[str, float]:
    """Return the energy (J) of every component over the whole run, and the total."""
    totals = price_segments(recorder.amount_names(), recorder.amounts(), table).sum(axis=0)
    parts = {name: float(value) for name, value in zip(COMPONENTS, totals, strict=True)}
    return {**parts, "total": float(sum(parts.values()))}


def summarise(recorder: Recorder, scenario: Parameters, table: PriceTable, images: int, state: SimulationState, finals: dict[str, float]) -> dict[str, Any]:
    """Return the content of `summary.json`; times in s, energies in J."""
    energy = energy_by_component(recorder, table)
    last = recorder.evaluations[-1] if recorder.evaluations else {}
    sizes = scenario.network.layers
    weights = sum((a + 1) * b for a, b in pairwise(sizes))
    analog = isinstance(recorder.chip, AnalogChip)
    times = times_of(recorder, state)
    trained = bool(images) and analog and times["chip_time_s"] > 0
    totals = recorder.amounts().sum(axis=0)
    ops = 6 * weights * images
    return {
        "images": images,
        "test_images": len(recorder.chip.data.test_labels),
        **finals,
        "train_accuracy": last.get("train_accuracy"),
        **(times if analog else dict.fromkeys(times)),
        "time_per_image_s": recorder.chip.image_ps * PS if analog else None,
        "images_per_second": images / times["chip_time_s"] if trained else None,
        "energy_J": energy if analog else None,
        "energy_per_image_J": energy["total"] / images if trained else None,
        "average_power_W": energy["total"] / times["chip_time_s"] if trained else None,
        "ops": ops,
        "ops_convention": OPS_CONVENTION,
        "tops_peak": 6e-12 * weights / (recorder.chip.image_ps * PS) if trained else None,
        "tops_effective": ops * 1e-12 / times["chip_time_s"] if trained else None,
        "tops_per_W_effective": ops * 1e-12 / energy["total"] if trained else None,
        "weights": weights,
        "transfers": _transfer_summary(recorder, state),
        **clock_summary(recorder, state),
        "retention": _retention_summary(recorder),
        "counts": {name: float(v) if k >= len(layout.ACTIONS) else int(v) for k, (name, v) in enumerate(zip(recorder.amount_names(), totals, strict=True))},
        "prices": scenario.prices.table,
    }


def _retention_summary(recorder: Recorder) -> dict[str, float] | None:
    """Return what is left at the last read of a retention measurement: medians over devices, and the weights' rms change."""
    if not recorder.retention:
        return None
    last = recorder.retention[-1]
    middle = QUANTILES.index(0.5)
    left = {f"{key}_median": float(last[key][middle]) for key in ("pcm_left", "capacitor_left") if key in last}
    return {"age_s": float(last["age_ps"]) * PS, **left, "weight_error": last["weight_error"], "accuracy": last["accuracy"]}


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
