"""Draw the README's pictures: `python plots/readme_figures.py RUN [RUN ...] [--figures NAME ...] [--out FOLDER]`.

Every figure is drawn from the first of the runs that has the traces for it, as `FOLDER/NAME.png` (`plots/figures` if not given).
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the named figures, or all of them."""
    parser = argparse.ArgumentParser(description="Draw the README's pictures from runs.")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="run folders, the preferred one first")
    parser.add_argument("--figures", nargs="+", metavar="NAME", default=list(FIGURES), help=f"figures to draw: {', '.join(FIGURES)} (default: all)")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder to draw into")
    given = parser.parse_args(arguments)
    try:
        for name in check_names(given.figures):
            for file in draw_first(name, given.runs, given.out):
                print(f"wrote {file}")
    except ChipsimError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()
