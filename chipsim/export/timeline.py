"""The timeline of a run as a Perfetto trace, for ui.perfetto.dev: the whole run in summary, its detailed windows slice by slice."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from chipsim.errors import InputError
from chipsim.export.lanes import Lane, arrange, detailed_lanes
from chipsim.export.overview import Counter, counters, summarised_lanes
from chipsim.export.perfetto import TraceWriter
from chipsim.run.folder import replacing
from chipsim.units import format_time

if TYPE_CHECKING:
    from chipsim.analysis.run import Run

TraceUnit = Literal["ns", "ps"]
"""What Perfetto's nanosecond stands for."""
FILE = "timeline.pftrace"
_PICOSECONDS: dict[TraceUnit, int] = {"ns": 1000, "ps": 1}
_NAMED: dict[TraceUnit, str] = {"ns": "chip time, rounded to 1 ns", "ps": "1 ns shown is 1 ps of chip time"}
_LONGEST = 2**63 - 1
"""Latest time that a reader of traces can hold."""


def write_timeline(run: Run, folder: Path, *, detail: Run | None = None, unit: TraceUnit = "ns") -> Path:
    """Write the timeline of a run as `timeline.pftrace` into a folder and return the file.

    Chip, tiles and lanes are nested tracks. Times are rounded to Perfetto's nanosecond; every slice carries its exact begin and
    end in picoseconds as text (`start_ps_exact`, `end_ps_exact`), and one shorter than a nanosecond stays, as a slice of no length.

    Parameters
    ----------
    detail
        the run whose windows of full detail are shown, a replay of `run`; the run's own if not given.
    unit
        with "ps" each picosecond of chip time is written as a nanosecond; the name of the process says so.

    Raises
    ------
    InputError
        if the run took no chip time, or a time does not fit into 64 bits of the trace's unit.
    RunFolderError
        if the file cannot be written.
    """
    shown = run if detail is None else detail
    summary, quantities, details = summarised_lanes(run, shown), counters(run), detailed_lanes(shown)
    latest = max((moment for lane in (*summary, *details) for moment in lane.end), default=0)
    if latest == 0:
        msg = f"{run.path}: a timeline shows chip time, of which this run has taken none"
        raise InputError(msg)
    _require_room(run, max([latest, *(moment for counter in quantities for moment in counter.time)]), unit)
    name = run.summary.get("scenario", "run")
    path = folder / FILE
    with replacing(path) as unfinished, unfinished.open("wb") as stream:
        writer, per = TraceWriter(stream, f"chipsim {name} ({_NAMED[unit]})"), _PICOSECONDS[unit]
        _write_lanes(writer, summary, per)
        _write_counters(writer, quantities, per)
        _write_lanes(writer, details, per)
    return path


def _require_room(run: Run, latest: int, unit: TraceUnit) -> None:
    if _rounded(latest, _PICOSECONDS[unit]) > _LONGEST:
        longest = format_time(_LONGEST * _PICOSECONDS[unit])
        hint = "use --trace-unit ns" if unit == "ps" else "export a window of it"
        msg = f"{run.path}: lasts {format_time(latest)} of chip time, but a trace in {unit} ends at {longest}; {hint}"
        raise InputError(msg)


def _rounded(picoseconds: int, per: int) -> int:
    """Return a time in units of `per` picoseconds; later times never become earlier ones."""
    return (picoseconds + per // 2) // per


def _write_counters(writer: TraceWriter, quantities: Iterable[Counter], per: int) -> None:
    for counter in quantities:
        track = writer.track(counter.path, counter.unit)
        for moment, value in zip(counter.time, counter.value, strict=True):
            writer.count(track, _rounded(moment, per), value)


def _write_lanes(writer: TraceWriter, lanes: Iterable[Lane], per: int) -> None:
    """Write slices; those of a lane that overlap without nesting go to further tracks of the same name."""
    for lane in lanes:
        for row in arrange(lane.start, lane.end):
            track = writer.track(lane.path)
            for index, begins in row:
                if begins:
                    exact = (("start_ps_exact", str(lane.start[index])), ("end_ps_exact", str(lane.end[index])))
                    writer.begin(track, _rounded(lane.start[index], per), lane.name[index], (*lane.noted(index), *exact))
                else:
                    writer.end(track, _rounded(lane.end[index], per))
