"""The commands: `run`, `plot`, `export`, `check`, `scenarios`, `schema`; those of prices are in `estimate`."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

import chipsim
from chipsim.cli.common import DataFolder, Name, Overrides, RunFolder, app, free_folder, imports_whole, kept, loaded, reported, show, show_summary
from chipsim.cli.errors import located, say
from chipsim.errors import InputError

if TYPE_CHECKING:
    from chipsim.analysis.run import Run
    from chipsim.run.progress import Progress
    from chipsim.scenario import Scenario


def main() -> None:
    """Run the command line and exit: 0 done, 1 the simulation failed, 2 the input was wrong, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal without Unicode shows "?" for a character it lacks, instead of an error.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a batch system that ends a job leaves a folder as readable as Ctrl-C does
    app(prog_name="chipsim")


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
    with reported():
        from chipsim.cli.progress import progress_for

        progress = progress_for(sys.stderr, quiet=quiet)
        progress.message(f"loading {scenario}")
        chosen = loaded(scenario, set_, seed, quiet=quiet)
        folder = out if out is not None else free_folder(Path("runs"), chosen)
        show_summary(_simulated(chosen, folder, data_dir, progress), folder, quiet=quiet, as_json=as_json)


def _simulated(scenario: Scenario, folder: Path, data_dir: Path | None, progress: Progress) -> dict[str, Any]:
    with imports_whole():
        from chipsim.run.simulate import simulate

    taken = folder.exists()
    try:
        done = simulate(scenario, out=folder, data_dir=data_dir, progress=progress, command=("chipsim", *sys.argv[1:]))
    except InputError as error:
        raise located(error, scenario) from None
    except KeyboardInterrupt:
        left = kept(folder) if folder.exists() and not taken else "nothing was written"
        raise KeyboardInterrupt(left) from None
    return dict(done.summary)


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
    with reported():
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
    with reported():
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
    with reported():
        chosen = loaded(scenario, set_, None, quiet=False)
        if resolved:
            typer.echo(chosen.to_toml(), nl=False)
            return
        _checked_silicon(chosen)
        from chipsim.cli.tables import scenario_table

        typer.echo(f"{chosen.name} is fine{f' ({chosen.title})' if chosen.title else ''}")
        show(scenario_table(chosen))


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
    with reported():
        from chipsim.cli.tables import shipped_table
        from chipsim.scenario import shipped_scenarios

        show(shipped_table(shipped_scenarios()))


@app.command()
def schema() -> None:
    """Print the JSON schema of scenario files, for editors."""
    with reported():
        from chipsim.scenario import json_schema

        typer.echo(json.dumps(json_schema(), indent=2))
