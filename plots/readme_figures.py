"""Draw the README's pictures: `python plots/readme_figures.py RUN [RUN ...] [NAME=RUN ...] [--figures NAME ...] [--out FOLDER]`.

Every figure is drawn from the first of the runs that has the traces for it, as `FOLDER/NAME.png` (`plots/figures` if not given);
`utilisation=RUN` draws one figure from a run of its own, since what it shows differs from run to run.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from chipsim import load_run
from chipsim.errors import ChipsimError, InputError
from chipsim.plotting import FIGURES, check_names, save

FOLDER = Path(__file__).resolve().parent / "figures"


def draw_first(name: str, runs: Sequence[Path], folder: Path) -> list[Path]:
    """Draw a figure from the first run that has the traces for it and return the file.

    Raises
    ------
    InputError
        if none has; the message says what each lacks.
    """
    reasons = []
    for run in runs:
        try:
            figure = FIGURES[name](load_run(run))
        except InputError as error:
            reasons.append(str(error))
        else:
            return save(figure, folder, name, kinds=(".png",))
    raise InputError("\n".join(reasons))


def sources(given: Sequence[str]) -> tuple[list[Path], dict[str, Path]]:
    """Return the runs for any figure, and those named for one figure alone; `NAME=RUN` is one where `NAME` is a figure."""
    pairs = [(name, run) for name, found, run in (text.partition("=") for text in given) if found and name in FIGURES]
    own = {name: Path(run) for name, run in pairs}
    return [Path(text) for text in given if text.partition("=")[0] not in own], own


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the named figures, or all that the runs have traces for."""
    parser = argparse.ArgumentParser(description="Draw the README's pictures from runs.")
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run folders, the preferred one first; NAME=RUN for one figure alone")
    parser.add_argument("--figures", nargs="+", metavar="NAME", help=f"figures to draw: {', '.join(FIGURES)} (default: all that can be drawn)")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder to draw into")
    given = parser.parse_args(arguments)
    runs, own = sources(given.runs)
    wanted = given.figures or [*own]
    try:
        for name in check_names(given.figures or (FIGURES if runs else own)):
            try:
                files = draw_first(name, [own[name]] if name in own else runs, given.out)
            except InputError as error:
                if name in wanted:
                    raise
                print(f"left out {name}: {error}")
            else:
                print(*(f"wrote {file}" for file in files), sep="\n")
    except ChipsimError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()
