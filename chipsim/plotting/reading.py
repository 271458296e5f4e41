"""What a figure takes from a run, and the message where the run does not have it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from chipsim.analysis.silicon import figures_of, silicon_of
from chipsim.errors import InputError
from chipsim.silicon.figures import SiliconFigures
from chipsim.units import PS

if TYPE_CHECKING:
    from chipsim.analysis.run import Run
    from chipsim.costs import Sheet
    from chipsim.silicon import Silicon

Told = TypeVar("Told")

Table = dict[str, NDArray[Any]]
"""Variables of one group, by name."""

_ORIGINS = {
    "accuracy": "it is recorded while a network is trained",
    "energy": "it is recorded for every cell but `software`",
    "transfer": 'it is recorded where the cell "2pcm+3t1c" transfers weights to PCM (its samples: where record.weight_samples > 0)',
    "probe": "it is recorded while a network is trained on cells with a capacitor and record.probes > 0",
    "retention": "it is recorded where the scenario has a [retention] table",
    "weights": "it is written when a run ends",
    "utilisation": "it is recorded while a network is trained on any cell but `software`",
    "stage": "it is recorded where the scenario has [[stage]] tables",
    "sleep": "it is recorded where power.sleep, power.idle_after or a stage puts the chip to sleep",
}


def lacking(run: Run, figure: str, groups: Sequence[str]) -> InputError:
    """Return the error for a figure that needs one of `groups`, of which the run has none with content."""
    wanted = " or ".join(f"'{group}'" for group in groups)
    has = ", ".join(run.groups) or "none"
    why = "; ".join(f"{group}: {_ORIGINS[group]}" for group in groups)
    return InputError(f"{run.path}: figure '{figure}' needs the traces {wanted}, of which this run has nothing ({why}); it has: {has}")


def has(run: Run, group: str, main: str) -> bool:
    """Return whether a run has a group whose variable `main` holds at least one value."""
    return group in run.groups and main in run[group] and run[group][main].size > 0


def need(run: Run, figure: str, group: str, names: Sequence[str], optional: Sequence[str] = ()) -> Table:
    """Return variables of a group as arrays; the optional ones where they exist.

    Raises
    ------
    InputError
        if the group or one of `names` is missing or the first of them is empty; it says what the run has instead.
    """
    if not has(run, group, names[0]):
        raise lacking(run, figure, [group])
    found = run[group]
    missing = [name for name in names if name not in found]
    if missing:
        msg = f"{run.path}: figure '{figure}' needs {', '.join(missing)} in the traces '{group}', which has: {', '.join(found)}"
        raise InputError(msg)
    return {name: np.asarray(found[name]) for name in (*names, *optional) if name in found}


def silicon(of: Run | SiliconFigures, figure: str) -> Silicon:
    """Return the chip of a run, or of figures that were estimated, as its price table sees it.

    Raises
    ------
    InputError
        if the run was trained in software.
    """
    return of.silicon if isinstance(of, SiliconFigures) else _told(of, figure, silicon_of)


def sheet(of: Run | SiliconFigures, figure: str, *keys: str) -> Sheet:
    """Return the figures of a run's silicon, or those that were estimated.

    Raises
    ------
    InputError
        if there are none, because the cell is software or the run has no summary that tells them, or if one of `keys` has no meaning for it.
    """
    found, place = (of.sheet, "the estimate") if isinstance(of, SiliconFigures) else (_told(of, figure, figures_of), str(of.path))
    missing = [key for key in keys if key not in found]
    if missing:
        msg = f"{place}: figure '{figure}' needs {', '.join(missing)}, which a run has that trained images on a chip in some time, at prices above zero"
        raise InputError(msg)
    return found


def _told(run: Run, figure: str, function: Callable[[Run], Told]) -> Told:
    try:
        return function(run)
    except InputError as error:
        msg = f"figure '{figure}' cannot be drawn: {error}"
        raise InputError(msg) from None


def transfers(run: Run) -> Table:
    """Return the transfers of a run, empty arrays where there was none.

    Returns
    -------
    `images` and `time` (s) at the start; `exclusive`, whether training stood still meanwhile, which it did in runs that do not say;
    and `duration` (s) for which it did, so 0 where training went on.
    """
    if not has(run, "transfer", "time"):
        return {name: np.zeros(0) for name in ("images", "time", "duration")} | {"exclusive": np.zeros(0, dtype=bool)}
    table = need(run, "transfer", "transfer", ("time", "images", "duration"), ("exclusive",))
    alone = np.asarray(table.get("exclusive", np.ones(table["time"].size)), dtype=bool)
    return {**table, "exclusive": alone, "duration": np.where(alone, table["duration"], 0.0)}


def sleeps(run: Run) -> Table:
    """Return `time` (s), when power went off, and `duration` (s), for how long, of every sleep; empty arrays where there was none."""
    if not has(run, "sleep", "asleep"):
        return {name: np.zeros(0) for name in ("time", "duration")}
    table = need(run, "sleep", "sleep", ("asleep", "time", "duration"))
    on = table["time"] + table["duration"] - run.scenario.power.wake_up * PS
    return {"time": on - table["asleep"], "duration": table["asleep"]}
