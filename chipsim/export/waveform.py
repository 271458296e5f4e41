"""The waveform of a run as a VCD file, for GTKWave or Surfer: probed cells, and what training, tiles and lanes do."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import chipsim
from chipsim.errors import InputError
from chipsim.export.lanes import detailed_windows
from chipsim.export.savefile import write_savefile
from chipsim.export.signals import SIGNED_BITS, Kind, Signal, Value, cell_signals, lane_signals
from chipsim.run.folder import replacing
from chipsim.units import format_time

if TYPE_CHECKING:
    from vcd.writer import Variable

    from chipsim.analysis.run import Run

FILE = "waveform.vcd"
_LONGEST = 2**63 - 1
"""Latest time that viewers can hold."""
_DECLARED: dict[Kind, tuple[str, int, Value]] = {
    "bit": ("wire", 1, 0),
    "signed": ("wire", SIGNED_BITS, "x"),
    "real": ("real", 64, math.nan),
    "text": ("string", 1, ""),
}
"""Kind of signal: type and bits of its variable, and what it holds before its first value."""

Windows = list[tuple[int, int]]


def require_pyvcd() -> None:
    """See that the package which writes waveforms is there.

    Raises
    ------
    InputError
        if not; it says how to install it.
    """
    try:
        import vcd.gtkw  # noqa: F401  whether it can be imported is the question
    except ImportError:
        msg = "a waveform needs the package pyvcd, which is not installed; install it with: pip install 'chipsim[wave]'"
        raise InputError(msg) from None


def write_waveform(run: Run, folder: Path, *, detail: Run | None = None) -> list[Path]:
    """Write the waveform of a run as `waveform.vcd` into a folder, `waveform.gtkw` beside it, and return both files.

    One unit of time is a picosecond. Between windows of full detail signals are unknown. A run without such windows shows its
    coarse probes alone.

    Parameters
    ----------
    detail
        the run whose windows of full detail are shown, a replay of `run`; the run's own if not given.

    Raises
    ------
    InputError
        if the package pyvcd is missing, the run has nothing to show, or its windows lie further apart than 64 bits of picoseconds.
    RunFolderError
        if a file cannot be written.
    """
    require_pyvcd()
    shown = run if detail is None else detail
    signals = [*lane_signals(shown), *cell_signals(shown)]
    windows = detailed_windows(shown) or _extent(signals)
    if not windows:
        msg = (
            f"{run.path}: a waveform needs the traces 'timeline', 'wave' or 'probe', of which this run has none; name a window of full detail with "
            "--window, or in record.windows, or probe cells (record.probes, record.probe_samples)"
        )
        raise InputError(msg)
    file = folder / FILE
    offset = _offset(run, windows)
    with replacing(file) as unfinished, unfinished.open("w", encoding="ascii", errors="replace") as stream:
        _write(stream, signals, windows, offset, str(run.summary.get("scenario", "run")))
    return [file, write_savefile(folder, FILE, signals, (windows[0][0] - offset, windows[0][1] - offset))]


def _extent(signals: list[Signal]) -> Windows:
    """Return the span of all changes as the only window; none where nothing changes."""
    times = [moment for signal in signals for moment, _ in signal.changes]
    return [(min(times), max(times))] if times else []


def _offset(run: Run, windows: Windows) -> int:
    """Return what is taken off every time: nothing, unless times go beyond 64 bits."""
    start, end = windows[0][0], windows[-1][1]
    if end <= _LONGEST:
        return 0
    if end - start > _LONGEST:
        msg = f"{run.path}: what it recorded lies {format_time(end - start)} apart, but a waveform ends at {format_time(_LONGEST)}; export a --window of it"
        raise InputError(msg)
    return start


def _write(stream: Any, signals: list[Signal], windows: Windows, offset: int, name: str) -> None:
    from vcd.writer import VCDWriter

    start, end = windows[0][0], windows[-1][1]
    lines = [f"scenario {name}: voltages in V, conductances in uS", f"time 0 of this file is {offset} ps of chip time", "windows recorded, in chip time:"]
    comment = "\n".join([*lines, *(f"{format_time(begin)} .. {format_time(finish)}" for begin, finish in windows)])
    with VCDWriter(stream, "1 ps", date="", comment=comment, version=f"chipsim {chipsim.__version__}", init_timestamp=start - offset) as writer:
        variables = [_declare(writer, signal, start) for signal in signals]
        changes = sorted((change for variable, signal in zip(variables, signals, strict=True) for change in _later(variable, signal, start)), key=itemgetter(0))
        for number, (begin, finish) in enumerate(windows):
            before, after = (bisect_right(changes, moment, key=itemgetter(0)) for moment in (begin, finish))
            if number:
                _forget(writer, variables, signals, begin - offset)
            for _, variable, value in changes[:before]:
                writer.change(variable, begin - offset, value)
            if number:
                writer.dump_on(begin - offset)
            for moment, variable, value in changes[before:after]:
                writer.change(variable, moment - offset, value)
            if finish < end:
                writer.dump_off(finish - offset)
            del changes[:after]
        writer.close(end - offset)


def _declare(writer: Any, signal: Signal, start: int) -> Variable[Any]:
    """Declare a signal with the value that it has at the start."""
    kind, size, value = _DECLARED[signal.kind]
    held = [value for moment, value in signal.changes if moment <= start]
    variable: Variable[Any] = writer.register_var(signal.scope, signal.reference, kind, size=size, init=held[-1] if held else value)
    return variable


def _forget(writer: Any, variables: list[Variable[Any]], signals: list[Signal], time: int) -> None:
    """Make unknown what was sampled in an earlier window; lanes are known, they are idle unless a slice says otherwise."""
    for variable, signal in zip(variables, signals, strict=True):
        if signal.kind in {"real", "signed"}:
            writer.change(variable, time, _DECLARED[signal.kind][2])


def _later(variable: Variable[Any], signal: Signal, start: int) -> Iterator[tuple[int, Variable[Any], Value]]:
    return ((moment, variable, value) for moment, value in signal.changes if moment > start)
