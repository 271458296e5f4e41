"""A run priced again: all figures of its silicon, with the scenario's price table or another."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from chipsim.analysis.files import PRICES, SUMMARY
from chipsim.costs import ACTIONS, Sheet
from chipsim.errors import InputError, RunFolderError
from chipsim.silicon import WAITS, Silicon, Tally, account
from chipsim.silicon.activity import STALLED, Activity

if TYPE_CHECKING:
    from chipsim.analysis.run import Run

LEAST = 16000
"""Images that a run must have trained to give a profile."""


def figures_of(run: Run, table: str | None = None) -> Sheet:
    """Return every figure of a run's silicon, with what it was computed from.

    Parameters
    ----------
    table
        price table, instead of the one that the run was priced by.

    Raises
    ------
    InputError
        if the cell is software, or the table cannot be used.
    RunFolderError
        if the run has no summary, or an older one that lacks what is needed.
    """
    return account(silicon_of(run, table), tally_of(run))


def silicon_of(run: Run, table: str | None = None) -> Silicon:
    """Return the chip of a run as a price table sees it, its own as the run kept it; raises as `figures_of`."""
    kept = run.path / PRICES
    found = Silicon.of(run.scenario, table, kept if table is None and kept.is_file() else None)
    if found is None:
        msg = f"{run.path}: was trained in software; there is no chip whose area or energy could be told"
        raise InputError(msg)
    return found


def tally_of(run: Run) -> Tally:
    """Return what the chip did in a run, as its summary tells; raises as `figures_of`."""
    summary, file = run.summary, run.path / SUMMARY
    try:
        numbers = {
            "images": summary["images"],
            "transfers.count": summary["transfers"]["count"],
            "chip_time_s": summary["chip_time_s"],
            "training_time_s": summary["training_time_s"],
            **{f"waiting.{reason}_s": summary["waiting"].get(f"{reason}_s", 0.0) for reason in WAITS},
            **{f"counts.{name}": amount for name, amount in summary["counts"].items()},
        }
        told = tuple(str(line) for line in summary.get("warnings", ()))
    except (KeyError, TypeError, AttributeError):
        msg = f"{file}: tells no counts, times or transfers; the run was broken off early, or is from an older chipsim"
        raise RunFolderError(msg) from None
    faults = [f"{file}: {key}: {found!r:.60} found; a number of zero or more is expected" for key, found in numbers.items() if not _is_amount(found)]
    faults += [f"{file}: counts.{name}: is missing; the run is from an older chipsim" for name in ACTIONS if name not in summary["counts"]]
    if faults:
        raise RunFolderError("\n".join(faults))
    return Tally(
        images=int(numbers["images"]),
        transfers=int(numbers["transfers.count"]),
        chip_time_s=numbers["chip_time_s"],
        training_time_s=numbers["training_time_s"],
        counts=summary["counts"],
        waits={reason: float(numbers[f"waiting.{reason}_s"]) for reason in WAITS},
        source=f"counted in the run {run.path.name}",
        warnings=told,
    )


def _is_amount(found: Any) -> bool:
    """Return whether something is a finite number of zero or more, and no truth value."""
    if isinstance(found, bool) or not isinstance(found, int | float):
        return False
    try:
        return math.isfinite(found) and found >= 0
    except OverflowError:  # an integer that no float can hold
        return False


def activity_of(run: Run) -> Activity:
    """Return how often the run's actions happened, over the images trained.

    Raises
    ------
    InputError
        if it trained too few images to tell.
    MissingTraceError
        if it has no trace of energy.
    """
    energy = run["energy"]
    images = np.asarray(energy["images"])
    if not images.size or images[-1] < LEAST:
        msg = f"{run.path}: trained {int(images[-1]) if images.size else 0:,} images; an activity profile needs {LEAST:,}"
        raise InputError(msg)
    names = [str(name) for name in (*energy["action"], *energy["quantity"])]
    columns = [np.asarray(energy["counts"], dtype=np.float64), np.asarray(energy["amounts"])]
    trained_s = np.diff(images, prepend=0) * float(run.summary["time_per_image_s"] or 0.0)
    stalled_s = np.diff(np.asarray(energy["time"]), prepend=0.0) - trained_s
    if stalled_s.sum() > 1e-9 * trained_s.sum():
        names, columns = [*names, STALLED], [*columns, stalled_s[:, None]]
    amounts = np.concatenate(columns, axis=1)
    first = int(run["transfer"]["images"][0]) if "transfer" in run else 0
    return Activity.of_segments(f"the run {run.path.name}", images, names, amounts, first)
