"""Exports of a saved run for other programs: a timeline for Perfetto, a waveform for GTKWave and Surfer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from chipsim.errors import InputError, RunFolderError
from chipsim.export.timeline import TraceUnit, write_timeline
from chipsim.export.waveform import require_pyvcd, write_waveform

if TYPE_CHECKING:
    from chipsim.analysis.run import Run

KINDS = ("timeline", "waveform")


def export(
    run: Run,
    kinds: Iterable[str] = (),
    folder: Path | None = None,
    *,
    detail: Run | None = None,
    trace_unit: str = "ns",
    skipped: Callable[[str], object] | None = None,
) -> list[Path]:
    """Write exports of a run and return the files.

    Parameters
    ----------
    kinds
        "timeline", "waveform"; none means each that the run has traces for.
    folder
        where to, `export/` in the run's folder if not given; made where it is missing.
    detail
        the run whose windows of full detail are shown, a replay of `run`; the run's own if not given.
    trace_unit
        what a nanosecond of the timeline stands for: "ns", or "ps".
    skipped
        is told in one line about each export left out, when no kinds are given.

    Raises
    ------
    InputError
        if a kind or the unit is unknown, a named export cannot be made of this run, or none can.
    RunFolderError
        if a file cannot be written.
    """
    wanted = check_kinds(kinds)
    unit = check_unit(trace_unit)
    target = run.path / "export" if folder is None else Path(folder)
    files: list[Path] = []
    reasons: list[str] = []
    for kind in wanted or KINDS:
        try:
            files += [write_timeline(run, target, detail=detail, unit=unit)] if kind == "timeline" else write_waveform(run, target, detail=detail)
        except InputError as error:
            if wanted or isinstance(error, RunFolderError):
                raise
            reasons.append(str(error))
            if skipped is not None:
                skipped(str(error))
    if not files:
        raise InputError("\n".join(reasons) if skipped is None else f"{run.path}: there is nothing to export")
    return files


def check_kinds(kinds: Iterable[str]) -> list[str]:
    """Return kinds of exports without repetition.

    Raises
    ------
    InputError
        if one is unknown, or what it needs is not installed.
    """
    wanted = [_known(kind, "export", KINDS) for kind in dict.fromkeys(kinds)]
    if "waveform" in wanted:
        require_pyvcd()
    return wanted


def check_unit(unit: str) -> TraceUnit:
    """Return the unit of a timeline.

    Raises
    ------
    InputError
        if it is unknown.
    """
    return "ps" if _known(unit, "trace unit", get_args(TraceUnit)) == "ps" else "ns"


def _known(name: str, what: str, known: tuple[str, ...]) -> str:
    """Return a name, if it is known.

    Raises
    ------
    InputError
        if not; the message lists what there is and a near spelling.
    """
    if name in known:
        return name
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    msg = f"unknown {what} '{name}'; {hint}there are: {', '.join(known)}"
    raise InputError(msg)


__all__ = ["KINDS", "check_kinds", "check_unit", "export", "write_timeline", "write_waveform"]
