"""`simulate`: a scenario becomes a run folder. The whole story of a run, in one place."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from shlex import quote

from chipsim.analysis.files import MANIFEST, PRICES, SCENARIO
from chipsim.analysis.integrity import sha256
from chipsim.analysis.run import Run, load_run
from chipsim.chip.pretrain import programmed_weights
from chipsim.datasets import load_dataset
from chipsim.errors import ChipsimError, RunFolderError, SimulationError
from chipsim.run.folder import RunFolder
from chipsim.run.interrupts import interrupts_held, stop_asked
from chipsim.run.progress import Progress, Silent
from chipsim.run.provenance import Manifest, Status
from chipsim.run.session import Session
from chipsim.scenario import Scenario
from chipsim.silicon import Silicon
from chipsim.units import format_time

UNLOCKED = "this file system has no locks: see that no other process writes the same run folder"


def simulate(
    scenario: Scenario,
    out: Path | str,
    *,
    data_dir: Path | str | None = None,
    progress: Progress | None = None,
    command: Sequence[str] = (),
    until_ps: int | None = None,
) -> Run:
    """Run a scenario and return the finished run.

    Parameters
    ----------
    scenario
        what to run.
    out
        a new folder; it can be read at any moment, also after a crash, and `resume` goes on from its last checkpoint.
    data_dir
        folder of the data files, where the scenario's data are not built in; else `CHIPSIM_DATA`, else (for MNIST) a download.
    progress
        told what goes on.
    command
        the command line, for the manifest.
    until_ps
        stop as soon as chip time (ps) has passed this moment; nothing that would have followed is done.

    Raises
    ------
    InputError
        if the scenario, the data or the folder cannot be used; nothing is left behind then.
    SimulationError
        if the simulation cannot go on; the folder holds everything up to then.
    KeyboardInterrupt
        if it was interrupted; likewise.
    """
    told = progress or Silent()
    told.message("loading data")
    data = load_dataset(scenario.data, Path(data_dir) if data_dir is not None else None)
    data.require(scenario.network.layers[0], scenario.network.layers[-1])
    silicon = Silicon.of(scenario)
    weights = programmed_weights(scenario, data)

    def begin() -> Session:
        session = Session(scenario, data, silicon, folder, told)
        session.program(weights)
        return session

    manifest = Manifest.begin(scenario.seed, command, data.checksums | weight_files(scenario), data.mapping, scenario.name)
    folder = RunFolder.create(out)
    with folder.held(new=True) as locked:
        if not locked:
            told.message(UNLOCKED)
        manifest = describe(folder, scenario, silicon, manifest)
        return carry_out(begin, folder, manifest, told, until_ps)


def describe(folder: RunFolder, scenario: Scenario, silicon: Silicon | None, manifest: Manifest) -> Manifest:
    """Write what is to be run into its new folder, and return the manifest that vouches for it.

    Raises
    ------
    RunFolderError
        if that cannot be written; the folder is empty then.
    """
    texts = {SCENARIO: scenario.to_toml()} | ({PRICES: silicon.prices_toml()} if silicon else {})
    begun = manifest.with_files({name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()})
    try:
        folder.write_json(MANIFEST, begun.to_dict())  # first: what a kill leaves here is known to be ours by it
        for name, text in texts.items():
            folder.write_text(name, text)
    except RunFolderError:
        folder.remove(MANIFEST, *texts)
        raise
    return begun


def weight_files(scenario: Scenario) -> dict[str, str]:
    """Return the sha256 of every file of weights that a scenario begins with, by its path there."""
    named = (scenario.network.initial_weights, *(stage.weights for stage in scenario.stage))
    return {name: sha256(Path(name)) for name in named if name}


def carry_out(begin: Callable[[], Session], folder: RunFolder, manifest: Manifest, told: Progress, until_ps: int | None = None) -> Run:
    """Let a session that `begin` makes run to its end, and write down how it ended, whatever happened.

    Raises
    ------
    SimulationError
        as for `simulate`; also if the folder cannot be written any more, whose last good state stays then.
    KeyboardInterrupt
        as for `simulate`.
    """
    ending = _Ending(folder, manifest, told)
    with stop_asked() as asked:
        try:
            told.message("compiling kernels (a minute at first, then cached)")
            with interrupts_held():
                ending.session = begin()
                ending.session.compile()
            reached_end = ending.session.run(asked, until_ps)
            ending.write("done", "training done" if reached_end else f"stopped at {format_time(until_ps or 0)}")
        except KeyboardInterrupt:
            ending.note("interrupted", "interrupted by the user")
            raise
        except RunFolderError as error:
            ending.note("failed", str(error))
            msg = f"{error}; the last good state is kept, and when this is mended: chipsim resume {quote(str(folder.path))}"
            raise SimulationError(msg) from None
        except SimulationError as error:
            reason = f"{error}; {ending.session.last_good}" if ending.session is not None else str(error)
            ending.note("failed", reason)
            raise type(error)(reason) from None
        except ChipsimError as error:
            ending.note("failed", str(error))
            raise
        except (ArithmeticError, MemoryError) as error:
            reason = f"{type(error).__name__}: {error}"
            ending.note("failed", reason)
            raise SimulationError(reason) from error
        except BaseException:
            ending.note("failed", "stopped by an error inside chipsim")
            raise
        finally:
            told.finish()
    return load_run(folder.path)


class _Ending:
    """Writes down how a run ended."""

    def __init__(self, folder: RunFolder, manifest: Manifest, told: Progress) -> None:
        self._folder, self._manifest, self._told = folder, manifest, told
        self.session: Session | None = None

    def write(self, status: Status, reason: str) -> None:
        """Write results, and then the manifest that vouches for them."""
        if self.session is not None:
            self.session.save(reason)
        wall_s = self.session.wall.elapsed() if self.session is not None else 0.0
        self._folder.write_json(MANIFEST, self._manifest.end(status, reason, wall_s, self._folder.checksums()).to_dict())

    def note(self, status: Status, reason: str) -> None:
        """Write as much as can be written: there is something worse to tell already."""
        try:
            self.write(status, reason)
        except RunFolderError as error:
            self._told.message(f"warning: {error}")
        except Exception as error:  # noqa: BLE001  results that cannot be made must not hide why the run failed
            self._told.message(f"warning: its results cannot be written, {type(error).__name__}: {error}")
            self.session = None
            self.note(status, reason)
