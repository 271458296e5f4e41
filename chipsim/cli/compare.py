"""`chipsim compare`: two runs side by side, what they were given and what came of it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chipsim.cli.common import app, reported
from chipsim.cli.errors import FAILED

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from chipsim.analysis.compare import Comparison
    from chipsim.analysis.differences import Array, Figure
    from chipsim.analysis.inputs import Input

MOST = 20
"""Rows of a table that are shown without --all."""
_MEANS = {"decides": "can change results", "recording": "what is recorded", "circumstance": "circumstance", "none": "changes nothing"}
_LONGEST = 40
_WIDTH = 160
_INPUT = ("input", "A", "B", "A from", "B from", "meaning")
_FIGURE = ("result", "A", "B", "difference", "relative")
_ARRAY = ("array", "what", "values that differ", "largest", "first at", "chip time")


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="A run folder.", show_default=False)],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another one.", show_default=False)],
    all_: Annotated[bool, typer.Option("--all", help=f"Show every difference, not only the {MOST} largest, and also the arrays that are the same.")] = False,
    require_same: Annotated[bool, typer.Option("--require-same", help="Exit with 1 unless all results are there and the same byte for byte.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Compare two runs: in what their inputs and their results differ, and where first.

    Results are all figures of the summary but wall time, and every array of traces and weights. Runs that go on, were broken off or are
    damaged are compared as far as they can be read.
    """
    with reported():
        from chipsim.analysis.compare import compare as compared
        from chipsim.analysis.run import open_run

        found = compared(open_run(a), open_run(b))
        if as_json:
            typer.echo(json.dumps(found.to_dict(), indent=2))
        else:
            console = _console()
            for number, (title, table) in enumerate(tables(found, everything=all_)):
                typer.echo(("\n" if number else "") + title)
                console.print(table)
            typer.echo("".join(f"\nnot compared: {line}" for line in found.missing) + f"\n{found.verdict}")
    if require_same and not (found.same_results and found.complete):
        raise typer.Exit(FAILED)


def _console() -> Console:
    """Return where tables are printed: as wide as the terminal, and wide enough for numbers in one piece where nobody looks."""
    from rich.console import Console

    return Console(markup=False, highlight=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDTH)


def tables(found: Comparison, *, everything: bool = False) -> Iterator[tuple[str, Table]]:
    """Yield the tables for people, each with its title."""
    most = None if everything else MOST
    sides = ((name, side.path, side.status, side.reason) for name, side in (("A", found.a), ("B", found.b)))
    yield "runs", _table(("", "run", "status", "why it ended"), sides)
    telling = [item for item in found.inputs if everything or item.part == "scenario" or item.weight != "none"]
    if telling:
        yield _title("inputs that differ", telling, most), _table(_INPUT, map(_input_row, telling[:most]))
    if len(telling) < len(found.inputs):
        names = dict.fromkeys(item.part for item in found.inputs if item not in telling)
        yield "different as in any two runs", _table(("",), [(", ".join(names),)], head=False)
    if found.figures:
        yield _title(f"results that differ, of {found.figures_compared}", found.figures, most), _table(_FIGURE, map(_figure_row, found.figures[:most]))
    unlike = [array for array in found.arrays if everything or not array.same]
    if unlike:
        alike = sum(array.same for array in found.arrays)
        title = f"traces and weights: {alike} of {len(found.arrays)} arrays are the same bytes"
        yield _title(title, unlike, most), _table(_ARRAY, map(_array_row, unlike[:most]))


def _title(title: str, rows: Sequence[object], most: int | None) -> str:
    left_out = len(rows) - most if most is not None else 0
    return f"{title} (the {most} most different; {left_out} more with --all)" if left_out > 0 else title


def _input_row(item: Input) -> tuple[str, ...]:
    name = item.key if item.part == "scenario" else item.name
    return name, _shown(item.a), _shown(item.b), item.from_a or "-", item.from_b or "-", _MEANS[item.weight]


def _figure_row(figure: Figure) -> tuple[str, ...]:
    if figure.only:
        a, b = (_shown(value) if figure.only == side else "-" for side, value in (("A", figure.a), ("B", figure.b)))
        return figure.key, a, b, f"only in {figure.only}", ""
    a, b = _pair(figure.a, figure.b)
    absolute, relative = ("" if number is None else f"{number:.{digits}g}" for number, digits in ((figure.absolute, 4), (figure.relative, 2)))
    return figure.key, a, b, absolute, relative


def _pair(a: Any, b: Any) -> tuple[str, str]:
    """Return two values with nine digits, or all of them where these do not tell them apart."""
    short = tuple(f"{value:.9g}" if isinstance(value, float) else _shown(value) for value in (a, b))
    return (_shown(a), _shown(b)) if short[0] == short[1] else (short[0], short[1])


def _array_row(array: Array) -> tuple[str, ...]:
    from chipsim.units import format_time

    what = f"shape {' / '.join(map(_by, array.shapes))}" if array.how == "shape" else str(array.how)
    count = f"{array.differing:,} of {array.values:,}{' in rows of both' if array.how == 'shape' else ''}" if array.values else ""
    largest = "" if array.largest is None else f"{array.largest:.4g}"
    moment = "" if array.first_ps is None else format_time(array.first_ps)
    return array.name, what, count, largest, _place(array.first_at), moment


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "1"


def _place(index: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, index))}]" if index else ""


def _shown(value: Any) -> str:
    """Return a value for people: text as it is, lists as JSON, cut where they are long."""
    if value is None:
        return "-"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _table(headers: Sequence[str], rows: Iterable[tuple[str, ...]], *, head: bool = True) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_header=head)
    for number, header in enumerate(headers):
        table.add_column(header, overflow="fold", no_wrap=number == 0 and len(headers) > 1)
    for row in rows:
        table.add_row(*row)
    return table
