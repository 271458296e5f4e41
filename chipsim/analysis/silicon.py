"""A run priced again: all figures of its silicon, with the scenario's price table or another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chipsim.analysis.files import SUMMARY
from chipsim.costs import Sheet
from chipsim.errors import InputError, RunFolderError
from chipsim.silicon import WAITS, Silicon, Tally, account
from chipsim.silicon.activity import FIRST_TRANSFER, STALLED, Activity

if TYPE_CHECKING:
    from chipsim.analysis.run import Run

LEAST = 2 * FIRST_TRANSFER
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
    """Return the chip of a run as a price table sees it; raises as `figures_of`."""
    found = Silicon.of(run.scenario, table)
    if found is None:
        msg = f"{run.path}: was trained in software; there is no chip whose area or energy could be told"
        raise InputError(msg)
    return found


def tally_of(run: Run) -> Tally:
    """Return what the chip did in a run, as its summary tells; raises as `figures_of`."""
    summary = run.summary
    try:
        waits = {reason: float(summary["waiting"].get(f"{reason}_s", 0.0)) for reason in WAITS}
        return Tally(
            images=summary["images"],
            transfers=summary["transfers"]["count"],
            chip_time_s=summary["chip_time_s"],
            training_time_s=summary["training_time_s"],
            counts=summary["counts"],
            waits=waits,
            source=f"counted in the run {run.path.name}",
        )
    except (KeyError, TypeError, AttributeError):
        msg = f"{run.path / SUMMARY}: tells no counts, times or transfers; the run was broken off early, or is from an older chipsim"
        raise RunFolderError(msg) from None


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
    return Activity.of_segments(f"the run {run.path.name}", images, names, amounts)
