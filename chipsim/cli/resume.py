"""The command `resume`: going on with a run, or from its last checkpoint with other parameters."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chipsim.cli.common import DataFolder, Overrides, RunFolder, app, free_folder, imports_whole, kept, reported, show_summary
from chipsim.cli.errors import say
from chipsim.errors import InputError

if TYPE_CHECKING:
    from chipsim.scenario import Scenario


@app.command()
def resume(
    run_folder: RunFolder,
    set_: Overrides = [],  # noqa: B006 (Typer copies it)
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="New folder for the results, where --set changes something.", show_default="runs/NAME-SEED-N")
    ] = None,
    data_dir: DataFolder = None,
    accept_differences: Annotated[
        bool, typer.Option("--accept-differences", help="Go on with the checkpoint of another version, or of another kind of machine.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout, and nothing else there.")] = False,
) -> None:
    """Go on with a run that was killed or interrupted; with --set, begin a new one that goes on from its last checkpoint.

    The results are those of a run that nothing happened to, byte for byte.
    """
    with reported():
        from chipsim.cli.progress import progress_for

        with imports_whole():
            from chipsim.run import resume as runs

        if out is not None and not set_:
            msg = "--out: a run is resumed in its own folder; a new folder is for --set, with which a new run begins"
            raise InputError(msg)
        folder = run_folder

        def chosen(scenario: Scenario) -> Path:
            nonlocal folder
            for warning in () if quiet else scenario.warnings:
                if warning.startswith("--set"):  # the parent's own were told when it began
                    say(warning, prefix="warning: ")
            folder = out if out is not None else free_folder(Path("runs"), scenario)
            return folder

        progress, command = progress_for(sys.stderr, quiet=quiet), ("chipsim", *sys.argv[1:])
        try:
            if set_:
                done = runs.fork(run_folder, set_, chosen, data_dir=data_dir, progress=progress, command=command, accept_differences=accept_differences)
            else:
                done = runs.resume(run_folder, data_dir=data_dir, progress=progress, command=command, accept_differences=accept_differences)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(kept(folder)) from None
        show_summary(dict(done.summary), folder, quiet=quiet, as_json=as_json)
