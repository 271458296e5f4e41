"""The save file that opens a waveform in GTKWave with its signals in groups, voltages and conductances as curves."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from chipsim.export.signals import Kind, Signal
from chipsim.run.folder import replacing

if TYPE_CHECKING:
    from vcd.gtkw import GTKWSave

WIDTH, HEIGHT = 1600, 1000
"""Of the window, in pixels."""
_NAMES = 330
"""Width of the signals' names, in pixels."""
_MARGIN = 50
"""Pixels of the window beside names and waves."""
_ROWS = {"voltage": 3, "conductance": 2, "reference": 1}
"""Further rows that a curve takes beside its own."""
_FORMAT: dict[Kind, str] = {"bit": "bin", "signed": "signed", "real": "real", "text": "ascii"}
_UNIT = {"voltage": "V", "conductance": "uS", "reference": "uS"}


def write_savefile(folder: Path, waveform: str, signals: Iterable[Signal], span: tuple[int, int]) -> Path:
    """Write the save file beside a waveform and return it.

    Parameters
    ----------
    waveform
        name of the VCD file in the same folder.
    span
        begin and end of what is shown, in the file's time.

    Raises
    ------
    RunFolderError
        if it cannot be written.
    """
    from vcd.gtkw import GTKWSave

    file = folder / Path(waveform).with_suffix(".gtkw").name
    with replacing(file) as unfinished, unfinished.open("w", encoding="ascii") as stream:
        save = GTKWSave(stream)
        save.dumpfile(waveform, abspath=False)
        save.savefile(file.name, abspath=False)  # with both names GTKWave looks for the waveform beside the save file, wherever that lies
        save.size(WIDTH, HEIGHT)
        save.signals_width(_NAMES)
        save.sst_expanded(is_expanded=False)
        save.timestart(span[0])
        save.zoom_markers(_zoom(span[1] - span[0]))
        seen: set[str] = set()
        for scope, members in groupby(signals, key=lambda signal: signal.scope):
            layer = _title(scope).split(" row ")[0]
            _write_group(save, scope, list(members), closed=layer in seen)
            seen.add(layer)
    return file


def _zoom(length: int) -> float:
    """Return the zoom at which a length of time fills the window: 200 pixels hold 2^-zoom units of time."""
    return -math.log2(max(length, 1) * 200 / (WIDTH - _NAMES - _MARGIN))


def _title(scope: tuple[str, ...]) -> str:
    return scope[-1].replace("_", " ")


def _write_group(save: GTKWSave, scope: tuple[str, ...], members: list[Signal], *, closed: bool) -> None:
    from vcd.gtkw import GTKWFlag

    with save.group(_title(scope), closed=closed):
        for signal in members:
            curve = signal.kind == "real"
            unit = f" ({_UNIT[signal.name]})" if signal.name in _UNIT else ""
            save.trace(
                ".".join((*scope, signal.reference)),
                alias=f"{signal.name.replace('_', ' ')}{unit}",
                datafmt=_FORMAT[signal.kind],
                extraflags=GTKWFlag.analog_step if curve else GTKWFlag(0),
            )
            for _ in range(_ROWS[signal.name] if curve else 0):
                save.blank(analog_extend=True)
