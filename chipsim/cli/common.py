"""What commands share: their options, loading a scenario, printing a table, and turning errors into exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chipsim.analysis.files import CHECKPOINTS
from chipsim.cli.errors import report, say

if TYPE_CHECKING:
    from chipsim.scenario import Scenario

app = typer.Typer(
    name="chipsim",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Name = Annotated[str, typer.Argument(metavar="SCENARIO", help="Name of a shipped scenario, or path of a TOML file.", show_default=False)]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)]
DataFolder = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        envvar="CHIPSIM_DATA",
        help="Folder of the MNIST idx files and the npz files of cifar10-features and spoken-digits, or of folders of these names that hold them.",
        show_default=False,
    ),
]
Overrides = Annotated[
    list[str], typer.Option("--set", metavar="KEY=VALUE", help="Change one value, for instance training.epochs=2. May be repeated.", show_default=False)
]


@contextmanager
def reported() -> Iterator[None]:
    """Turn an exception into a message on stderr and an exit code."""
    try:
        yield
    except (typer.Exit, BrokenPipeError):
        raise
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 (a user is shown no traceback, whatever happened)
        raise typer.Exit(report(error)) from None


def loaded(name: str, overrides: list[str], seed: int | None, *, quiet: bool) -> Scenario:
    """Load a scenario, with its warnings on stderr."""
    from chipsim.scenario import Scenario

    scenario = Scenario.load(name, overrides, seed=seed)
    if not quiet:
        for warning in scenario.warnings:
            say(warning, prefix="warning: ")
    return scenario


def show(table: Any) -> None:
    """Print a table."""
    from rich.console import Console

    Console(markup=False, highlight=False).print(table)


def imports_whole() -> AbstractContextManager[None]:
    """Return a block whose imports Ctrl-C does not break off in the middle."""
    from chipsim.run.interrupts import interrupts_held

    return interrupts_held()


def show_summary(summary: dict[str, Any], folder: Path, *, quiet: bool, as_json: bool) -> None:
    """Print what came of a run, with its warnings on stderr."""
    for warning in () if quiet else summary.get("warnings", ()):
        say(warning, prefix="warning: ")
    if as_json:
        typer.echo(json.dumps(summary, indent=2))
        return
    if quiet:
        return
    from chipsim.cli.tables import summary_table

    show(summary_table(summary))
    typer.echo(f"\nrun folder: {folder}\nfigures:    chipsim plot {folder}")


def kept(folder: Path) -> str:
    """Return what is left of a run that was interrupted."""
    whole = any((folder / CHECKPOINTS).glob("*.npz"))
    way = "to go on" if whole else "it has no checkpoint yet; to begin again"
    return f"the run folder {folder} holds everything up to then; {way}: chipsim resume {quote(str(folder))}"


def free_folder(parent: Path, scenario: Scenario) -> Path:
    """Return the first of `parent/name-seed-1`, `-2` ... that does not exist."""
    candidates = (parent / f"{scenario.name}-{scenario.seed}-{number}" for number in count(1))
    return next(path for path in candidates if not path.exists())
