"""The commands: `run`, `estimate`, `plot`, `export`, `check`, `scenarios`, `prices`, `schema`."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

import chipsim
from chipsim.cli.errors import located, report, say
from chipsim.errors import InputError

if TYPE_CHECKING:
    from chipsim.analysis.run import Run
    from chipsim.run.progress import Progress
    from chipsim.scenario import Scenario
    from chipsim.silicon.activity import Activity
    from chipsim.silicon.figures import SiliconFigures

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


def main() -> None:
    """Run the command line and exit: 0 done, 1 the simulation failed, 2 the input was wrong, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal without Unicode shows "?" for a character it lacks, instead of an error.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a batch system that ends a job leaves a folder as readable as Ctrl-C does
    app(prog_name="chipsim")


@contextmanager
def _reported() -> Iterator[None]:
    """Turn an exception into a message on stderr and an exit code."""
    try:
        yield
    except (typer.Exit, BrokenPipeError):
        raise
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 (a user is shown no traceback, whatever happened)
        raise typer.Exit(report(error)) from None


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"chipsim {chipsim.__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")] = False,
) -> None:
    """Simulate a chip that trains neural networks inside analog memory.

    A first run: chipsim run mnist-5k
    """


@app.command()
def run(
    scenario: Name,
    set_: Overrides = [],  # noqa: B006 (Typer copies it)
    seed: Annotated[int | None, typer.Option(help="Seed of every random draw, instead of the scenario's.", show_default=False)] = None,
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="New folder for the results.", show_default="runs/NAME-SEED-N")] = None,
    data_dir: DataFolder = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout, and nothing else there.")] = False,
) -> None:
    """Simulate a scenario; results go to a run folder."""
    with _reported():
        from chipsim.cli.progress import progress_for

        progress = progress_for(sys.stderr, quiet=quiet)
        progress.message(f"loading {scenario}")
        chosen = _loaded(scenario, set_, seed, quiet=quiet)
        folder = out if out is not None else free_folder(Path("runs"), chosen)
        _show(_simulated(chosen, folder, data_dir, progress), folder, quiet=quiet, as_json=as_json)


def _simulated(scenario: Scenario, folder: Path, data_dir: Path | None, progress: Progress) -> dict[str, Any]:
    from chipsim.run.simulate import simulate

    taken = folder.exists()
    try:
        done = simulate(scenario, out=folder, data_dir=data_dir, progress=progress, command=("chipsim", *sys.argv[1:]))
    except InputError as error:
        raise located(error, scenario) from None
    except KeyboardInterrupt:
        kept = f"the run folder {folder} holds everything up to then" if folder.exists() and not taken else "nothing was written"
        raise KeyboardInterrupt(kept) from None
    return dict(done.summary)


def _show(summary: dict[str, Any], folder: Path, *, quiet: bool, as_json: bool) -> None:
    for warning in () if quiet else summary.get("warnings", ()):
        say(warning, prefix="warning: ")
    if as_json:
        typer.echo(json.dumps(summary, indent=2))
        return
    if quiet:
        return
    from chipsim.cli.tables import summary_table

    _print(summary_table(summary))
    typer.echo(f"\nrun folder: {folder}\nfigures:    chipsim plot {folder}")


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
    data_dir: DataFolder = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Tell throughput, energy and area of a chip, and compare them with GPUs and other analog chips.

    A scenario is estimated in seconds: three transfer intervals are simulated and carried on to the whole run. A run folder is told as it was counted,
    with another price table if one is named.
    """
    with _reported():
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
                _print(each)


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
    chosen = _loaded(name, overrides, None, quiet=quiet)
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
def plot(
    run_folder: RunFolder,
    figures: Annotated[list[str], typer.Argument(metavar="[FIGURE]...", help="Figures to draw; all that the run has data for, if none is named.")] = [],  # noqa: B006
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Folder for the figures.", show_default="RUN/figures")] = None,
) -> None:
    """Draw the figures of a run.

    accuracy, energy, retention, transfer, programming, weights, utilisation (who is busy, who waits, where the chip time went),
    stages (accuracy after each, and what sleeps cost), energy-per-image, floorplan (the chip to scale, area by component),
    waterfall (from peak to effective throughput), landscape (TOP/s/W and TOP/s/mm² among GPUs and analog chips)
    """
    with _reported():
        from chipsim.analysis.run import load_run

        loaded = load_run(run_folder)
        from chipsim import plotting

        for path in plotting.draw(loaded, figures, out, say):
            typer.echo(str(path))


@app.command()
def export(
    run_folder: RunFolder,
    timeline: Annotated[bool, typer.Option("--timeline", help="A timeline for ui.perfetto.dev.")] = False,
    waveform: Annotated[bool, typer.Option("--waveform", help="A waveform for GTKWave or Surfer.")] = False,
    window: Annotated[
        str | None,
        typer.Option(metavar="START..END", help='Simulate again up to END and show this window in full detail, for instance "1.9 ms .. 1.95 ms".'),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Folder for the files.", show_default="RUN/export")] = None,
    trace_unit: Annotated[str, typer.Option(metavar="UNIT", help="What a nanosecond of the timeline stands for: ns, or ps.")] = "ns",
    data_dir: DataFolder = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Export a run to other programs; both exports, as far as the run has traces for them, if none is named."""
    with _reported():
        from chipsim.analysis.run import load_run

        loaded = load_run(run_folder)
        from chipsim import export as exports

        kinds = exports.check_kinds(name for name, wanted in (("timeline", timeline), ("waveform", waveform)) if wanted)
        unit = exports.check_unit(trace_unit)
        with _replayed(loaded, window, data_dir, quiet=quiet) as detail:
            for path in exports.export(loaded, kinds, out, detail=detail, trace_unit=unit, skipped=say):
                typer.echo(str(path))


@contextmanager
def _replayed(loaded: Run, window: str | None, data_dir: Path | None, *, quiet: bool) -> Iterator[Run | None]:
    """Give a replay of a window that is gone after the block, or None where no window is named."""
    if window is None:
        yield None
        return
    from chipsim.cli.progress import progress_for
    from chipsim.run.replay import replay
    from chipsim.spec import Span

    try:
        span = Span.parse(window)
    except ValueError as error:
        msg = f"--window: {error}"
        raise InputError(msg) from None
    with TemporaryDirectory(prefix="chipsim-") as folder:
        yield replay(loaded, span, Path(folder) / "replay", data_dir=data_dir, progress=progress_for(sys.stderr, quiet=quiet))


@app.command()
def check(
    scenario: Name,
    set_: Overrides = [],  # noqa: B006
    resolved: Annotated[bool, typer.Option("--resolved", help="Print every value and where it came from, as TOML.")] = False,
) -> None:
    """Check a scenario without running it."""
    with _reported():
        chosen = _loaded(scenario, set_, None, quiet=False)
        if resolved:
            typer.echo(chosen.to_toml(), nl=False)
            return
        _checked_silicon(chosen)
        from chipsim.cli.tables import scenario_table

        typer.echo(f"{chosen.name} is fine{f' ({chosen.title})' if chosen.title else ''}")
        _print(scenario_table(chosen))


def _checked_silicon(scenario: Scenario) -> None:
    """See that the scenario's price table can be used for its chip."""
    from chipsim.silicon import Silicon

    try:
        Silicon.of(scenario)
    except InputError as error:
        raise located(error, scenario) from None


@app.command()
def scenarios() -> None:
    """List the scenarios that come with chipsim."""
    with _reported():
        from chipsim.cli.tables import shipped_table
        from chipsim.scenario import shipped_scenarios

        _print(shipped_table(shipped_scenarios()))


@app.command()
def prices(
    table: Annotated[str | None, typer.Argument(metavar="[TABLE]", help="A price table that ships, or the path of a TOML file.", show_default=False)] = None,
) -> None:
    """List the price tables that come with chipsim, or every price of one, with its source."""
    with _reported():
        from chipsim.cli.silicon import price_list, price_lists
        from chipsim.costs import PriceTable

        if table is None:
            _print(price_lists())
            return
        try:
            _print(price_list(PriceTable.load(table)))
        except InputError as error:
            raise InputError(str(error).removeprefix("prices.table: ")) from None


@app.command()
def schema() -> None:
    """Print the JSON schema of scenario files, for editors."""
    with _reported():
        from chipsim.scenario import json_schema

        typer.echo(json.dumps(json_schema(), indent=2))


def free_folder(parent: Path, scenario: Scenario) -> Path:
    """Return the first of `parent/name-seed-1`, `-2` ... that does not exist."""
    candidates = (parent / f"{scenario.name}-{scenario.seed}-{number}" for number in count(1))
    return next(path for path in candidates if not path.exists())


def _loaded(name: str, overrides: list[str], seed: int | None, *, quiet: bool) -> Scenario:
    from chipsim.scenario import Scenario

    scenario = Scenario.load(name, overrides, seed=seed)
    if not quiet:
        for warning in scenario.warnings:
            say(warning, prefix="warning: ")
    return scenario


def _print(table: Any) -> None:
    from rich.console import Console

    Console(markup=False, highlight=False).print(table)
