"""The commands about area, energy and throughput: `estimate` and `prices`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chipsim.cli.common import DataFolder, Overrides, app, loaded, reported, show
from chipsim.cli.errors import located, say
from chipsim.errors import InputError

if TYPE_CHECKING:
    from chipsim.silicon.activity import Activity
    from chipsim.silicon.figures import SiliconFigures


@app.command()
def estimate(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO|RUN", help="What `run` takes, or a run folder.", show_default=False)],
    set_: Overrides = [],  # noqa: B006
    table: Annotated[str | None, typer.Option(metavar="NAME", help="Price table, instead of the scenario's.", show_default=False)] = None,
    activity: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Run whose activity over training an estimate follows, instead of that of MNIST.", show_default=False),
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="Print how a figure of --json, tops_per_W for instance, came about: formula, inputs, sources.", show_default=False),
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Draw floorplan, waterfall, landscape and energy per image there.", show_default=False)
    ] = None,
    data_dir: DataFolder = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Tell throughput, energy and area of a chip, and compare them with GPUs and other analog chips.

    A scenario is estimated in seconds: three transfer intervals are simulated and carried on to the whole run. A run folder is told as it was counted,
    with another price table if one is named.
    """
    with reported():
        if explain is not None and as_json:
            msg = "--explain, --json: an explanation is text; give one of the two"
            raise InputError(msg)
        found = _figures(scenario, set_, table, activity, data_dir, quiet=quiet)
        for warning in () if quiet else found.tally.warnings:
            say(warning, prefix="warning: ")
        if explain is not None:
            from chipsim.cli.silicon import wrapped

            typer.echo(wrapped(found.explain(explain)))
        elif as_json:
            typer.echo(json.dumps(found.to_dict(), indent=2))
        else:
            from chipsim.cli.silicon import tables

            for number, each in enumerate(tables(found)):
                typer.echo("" if number else None, nl=bool(number))
                show(each)
        if figures is not None:
            from chipsim import plotting

            for path in plotting.draw_silicon(found, figures, say):
                say(f"wrote {path}")


def _figures(name: str, overrides: list[str], table: str | None, activity: Path | None, data_dir: Path | None, *, quiet: bool) -> SiliconFigures:
    from chipsim.analysis.run import load_run
    from chipsim.cli.progress import progress_for

    if _is_run(name):
        given = [option for option, value in (("--set", overrides), ("--activity", activity)) if value]
        if given:
            msg = f"{' and '.join(given)}: {name} is a run, what it did is known; give the scenario instead"
            raise InputError(msg)
        try:
            done = load_run(name)
            from chipsim.run.estimate import estimate as figures_of

            return figures_of(done, table)
        except InputError as error:
            raise _named(error, table) from None
    chosen = loaded(name, overrides, None, quiet=quiet)
    try:
        from chipsim.run.estimate import estimate as figures_of

        return figures_of(chosen, table, data_dir=data_dir, progress=progress_for(sys.stderr, quiet=quiet), activity=_activity(activity))
    except InputError as error:
        named = _named(error, table)
        raise (located(error, chosen) if named is error else named) from None


def _is_run(name: str) -> bool:
    """Return whether a name is that of a folder: data of `mnist` in a folder `mnist`, say, hide no shipped scenario."""
    from chipsim.analysis.files import MANIFEST
    from chipsim.scenario import shipped_scenarios

    folder = Path(name)
    try:
        if not name or not folder.is_dir():
            return False
        return (folder / MANIFEST).is_file() or name not in {shipped.name for shipped in shipped_scenarios()}
    except OSError:  # a name that no file can have
        return False


def _named(error: InputError, table: str | None) -> InputError:
    """Return an error of the price table under the option that names it, if one does; any other as it is."""
    told = str(error)
    return InputError(f"--table: {told.removeprefix('prices.table: ')}") if table is not None and told.startswith("prices.table: ") else error


def _activity(run_folder: Path | None) -> Activity | None:
    if run_folder is None:
        return None
    from chipsim.analysis.run import load_run
    from chipsim.analysis.silicon import activity_of

    return activity_of(load_run(run_folder))


@app.command()
def prices(
    table: Annotated[str | None, typer.Argument(metavar="[TABLE]", help="A price table that ships, or the path of a TOML file.", show_default=False)] = None,
) -> None:
    """List the price tables that come with chipsim, or every price of one, with its source."""
    with reported():
        from chipsim.cli.silicon import price_list, price_lists
        from chipsim.costs import PriceTable

        if table is None:
            show(price_lists())
            return
        try:
            show(price_list(PriceTable.load(table)))
        except InputError as error:
            raise InputError(str(error).removeprefix("prices.table: ")) from None
