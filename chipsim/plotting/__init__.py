"""Figures of a run: one figure, one module, one function that takes a `Run` and returns a matplotlib `Figure`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from chipsim.errors import InputError
from chipsim.plotting.accuracy import accuracy
from chipsim.plotting.energy import energy
from chipsim.plotting.energy_per_image import energy_per_image
from chipsim.plotting.floorplan import floorplan
from chipsim.plotting.landscape import landscape
from chipsim.plotting.programming import programming
from chipsim.plotting.retention import retention
from chipsim.plotting.stages import stages
from chipsim.plotting.style import in_style
from chipsim.plotting.transfer import transfer
from chipsim.plotting.utilisation import utilisation
from chipsim.plotting.waterfall import waterfall
from chipsim.plotting.weights import weights
from chipsim.run.folder import replacing

if TYPE_CHECKING:
    from chipsim.analysis.run import Run
    from chipsim.silicon.figures import SiliconFigures

FIGURES: dict[str, Callable[[Run], Figure]] = {
    "accuracy": accuracy,
    "energy": energy,
    "retention": retention,
    "transfer": transfer,
    "programming": programming,
    "weights": weights,
    "utilisation": utilisation,
    "stages": stages,
    "energy-per-image": energy_per_image,
    "floorplan": floorplan,
    "waterfall": waterfall,
    "landscape": landscape,
}
"""Every figure by its name. A new one is one function in one module and one line here."""
OF_SILICON: dict[str, Callable[[Run | SiliconFigures], Figure]] = {
    "floorplan": floorplan,
    "waterfall": waterfall,
    "landscape": landscape,
    "energy-per-image": energy_per_image,
}
"""Those that need no run, but what is known of a chip: an estimate has it, too."""
DOTS_PER_INCH = 200
_NO_DATES = {".png": {"Software": None}, ".pdf": {"CreationDate": None, "Creator": None, "Producer": None}}
"""Left out of the files, so that the same run gives the same bytes."""


def draw(run: Run, names: Iterable[str] = (), folder: Path | None = None, skipped: Callable[[str], object] | None = None) -> list[Path]:
    """Draw figures of a run as PNG (200 dots per inch) and PDF and return the files.

    Parameters
    ----------
    names
        figures to draw; none means every figure that the run has traces for.
    folder
        where to, `figures/` in the run's folder if not given; made where it is missing.
    skipped
        is told in one line about each figure left out, when no names are given.

    Raises
    ------
    InputError
        if a name is unknown, a named figure lacks its traces, or no figure at all can be drawn.
    RunFolderError
        if a file cannot be written.
    """
    wanted = check_names(names)
    target = run.path / "figures" if folder is None else Path(folder)
    files: list[Path] = []
    reasons: list[str] = []
    for name in wanted or FIGURES:
        try:
            figure = FIGURES[name](run)
        except InputError as error:
            if wanted:
                raise
            reasons.append(str(error))
            if skipped is not None:
                skipped(str(error))
            continue
        files += save(figure, target, name)
    if not files:
        raise InputError("\n".join(reasons) if skipped is None else f"{run.path}: there is nothing to draw")
    return files


def draw_silicon(found: SiliconFigures, folder: Path, skipped: Callable[[str], object] | None = None) -> list[Path]:
    """Draw the figures of a chip that was estimated into a folder, as `draw` does those of a run, and return the files.

    Raises
    ------
    RunFolderError
        if a file cannot be written.
    """
    files: list[Path] = []
    for name, drawing in OF_SILICON.items():
        try:
            files += save(drawing(found), folder, name)
        except InputError as error:
            if skipped is not None:
                skipped(str(error))
    return files


def check_names(names: Iterable[str]) -> list[str]:
    """Return the names of figures without repetition.

    Raises
    ------
    InputError
        if one is unknown; the message lists what there is and a near spelling.
    """
    wanted = list(dict.fromkeys(names))
    for name in wanted:
        if name not in FIGURES:
            near = get_close_matches(name, FIGURES, n=1)
            hint = f"did you mean '{near[0]}'? " if near else ""
            msg = f"unknown figure '{name}'; {hint}there are: {', '.join(FIGURES)}"
            raise InputError(msg)
    return wanted


def save(figure: Figure, folder: Path, name: str, kinds: Iterable[str] = (".png", ".pdf")) -> list[Path]:
    """Write a figure as `name.png` and `name.pdf` (or those of them in `kinds`), each file whole or not at all.

    Raises
    ------
    RunFolderError
        if the folder cannot be made or a file cannot be written.
    """
    files = [folder / f"{name}{kind}" for kind in kinds]
    for file in files:
        with replacing(file) as unfinished, in_style():
            figure.savefig(unfinished, format=file.suffix[1:], dpi=DOTS_PER_INCH, metadata=_NO_DATES[file.suffix])
    return files


__all__ = ["DOTS_PER_INCH", "FIGURES", "OF_SILICON", "check_names", "draw", "draw_silicon", "save"]
