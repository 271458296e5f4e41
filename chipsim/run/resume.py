"""Going on with a run that was broken off, or from one of its checkpoints with other parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

from chipsim.analysis.files import CHECKPOINTS, MANIFEST, PRICES, SCENARIO, check_schema
from chipsim.analysis.integrity import check_manifest
from chipsim.analysis.run import Run, read_scenario
from chipsim.chip.pretrain import programmed_weights
from chipsim.datasets import Dataset, load_dataset
from chipsim.errors import InputError, RunFolderError
from chipsim.run.checkpoint import Checkpoint, Origin, foreign, newest_checkpoint, write_checkpoint
from chipsim.run.folder import GIVEN, RunFolder
from chipsim.run.forks import adapt, fork_faults
from chipsim.run.progress import Progress, Silent
from chipsim.run.provenance import Manifest
from chipsim.run.session import Session
from chipsim.run.simulate import UNLOCKED, carry_out, describe, weight_files
from chipsim.scenario import Scenario
from chipsim.silicon import Silicon
from chipsim.units import PS, format_time


def resume(
    path: Path | str,
    *,
    data_dir: Path | str | None = None,
    progress: Progress | None = None,
    command: Sequence[str] = (),
    accept_differences: bool = False,
) -> Run:
    """Go on with a run from its last good checkpoint, or from its beginning if it had none yet, and return the finished run.

    The results are those of an uninterrupted run, byte for byte, on the same kind of machine with the same versions.

    Parameters
    ----------
    path
        folder of a run that was killed, interrupted, or failed for want of room.
    data_dir, progress, command
        as for `simulate`.
    accept_differences
        go on also where another version of chipsim or of a package that computes, or another kind of machine, wrote the checkpoint.

    Raises
    ------
    RunFolderError
        if the folder is no run, is done, is being written by another process, or none of its checkpoints can be used.
    InputError
        if the data are not there, or are not those that the run began with.
    """
    told = progress or Silent()
    folder = RunFolder.open(path)
    with folder.held() as locked:
        if not locked:
            told.message(UNLOCKED)
        folder.tidy()
        manifest = _manifest(folder)
        if manifest.status == "done":
            msg = f"{folder.path}: the run is done, there is nothing left to do; with --set a new run goes on from its last checkpoint"
            raise RunFolderError(msg)
        scenario = read_scenario(folder.path, manifest.scenario)
        told.message("loading data")
        data = _data(folder, scenario, manifest, data_dir)
        found = _find(folder, Origin.here(scenario, data.checksums), accept_differences=accept_differences)
        found.tell(told)
        silicon = Silicon.of(scenario)
        _require_prices(folder, silicon)
        if found.checkpoint is None:
            _require_files(folder, weight_files(scenario), manifest)
            if manifest.parent is not None:
                msg = f"{folder.path}: goes on from another run, but has no checkpoint of its own to be resumed from; begin it again with --set"
                raise RunFolderError(msg)
        manifest = manifest.go_on(command, found.described(folder)).with_files(folder.checksums(GIVEN))
        folder.write_json(MANIFEST, manifest.to_dict())
        return carry_out(_beginning(scenario, data, silicon, folder, told, found.checkpoint), folder, manifest, told)


def fork(
    path: Path | str,
    overrides: Sequence[str],
    out: Path | str | Callable[[Scenario], Path],
    *,
    data_dir: Path | str | None = None,
    progress: Progress | None = None,
    command: Sequence[str] = (),
    accept_differences: bool = False,
) -> Run:
    """Begin a new run that goes on from the last good checkpoint of another with some parameters changed; its manifest names the parent.

    Parameters
    ----------
    path
        the other run, whether it is done or not; nothing in it changes.
    overrides
        `dotted.key=value`; what may change is said in `chipsim.run.forks`.
    out
        a new folder, or what chooses one for the new scenario.
    data_dir, progress, command, accept_differences
        as for `resume`.

    Raises
    ------
    ScenarioError
        if an override is wrong, or changes what the state of the chip hangs on.
    RunFolderError
        as for `resume`.
    InputError
        likewise.
    """
    told = progress or Silent()
    parent = RunFolder.open(path)
    manifest = _manifest(parent)
    before = read_scenario(parent.path, manifest.scenario)
    scenario = Scenario.load(parent.file(SCENARIO), overrides, name=before.name)
    told.message("loading data")
    data = _data(parent, scenario, manifest, data_dir)
    found = _find(parent, Origin.here(before, data.checksums), accept_differences=accept_differences)
    if found.checkpoint is None:
        msg = (
            f"{parent.path}: has no checkpoint from which another run could go on; runs write one every checkpoint.wall_time of "
            f"{format_time(before.checkpoint.wall_time)}, or as checkpoint.every says"
        )
        raise RunFolderError(msg)
    faults = fork_faults(before, scenario, found.checkpoint.state, len(data.train_labels))
    if faults:
        raise InputError("\n".join(faults))
    silicon = Silicon.of(scenario)
    if before.prices == scenario.prices:
        _require_prices(parent, silicon)
    adapt(found.checkpoint, before, scenario, len(data.train_labels))
    found.tell(told)
    origin = {"run": str(parent.path.resolve()), "scenario": found.checkpoint.origin.scenario, **found.described(parent)}
    found.checkpoint.origin = Origin.here(scenario, data.checksums)
    begun = Manifest.begin(scenario.seed, command, manifest.data, data.mapping, scenario.name, origin)
    folder = RunFolder.create(out(scenario) if callable(out) else out)
    with folder.held(new=True) as locked:
        if not locked:
            told.message(UNLOCKED)
        begun = describe(folder, scenario, silicon, begun)
        write_checkpoint(folder, found.checkpoint)  # the fork's own beginning: it must not be resumed from the first image
        return carry_out(_beginning(scenario, data, silicon, folder, told, found.checkpoint), folder, begun, told)


@dataclass(frozen=True)
class _Found:
    """The checkpoint to go on from, if there is any, and what had to be passed over."""

    checkpoint: Checkpoint | None
    file: Path | None
    passed_over: list[str]

    def tell(self, told: Progress) -> None:
        """Say from where the run goes on."""
        for fault in self.passed_over:
            told.message(f"warning: {fault}; the checkpoint before it is used")
        if self.checkpoint is None:
            told.message("there is no checkpoint yet, the run begins again")
        else:
            now = format_time(self.checkpoint.state.now_ps)
            told.message(f"going on from {self.file}: {self.checkpoint.images:,} images, chip time {now}")

    def described(self, folder: RunFolder) -> dict[str, Any]:
        """Return the same for a manifest."""
        if self.checkpoint is None or self.file is None:
            return {"checkpoint": None, "images": 0, "chip_time_s": 0.0, "passed_over": self.passed_over}
        name = self.file.relative_to(folder.path).as_posix()
        return {"checkpoint": name, "images": self.checkpoint.images, "chip_time_s": self.checkpoint.state.now_ps * PS, "passed_over": self.passed_over}


def _find(folder: RunFolder, here: Origin, *, accept_differences: bool) -> _Found:
    """Return the newest checkpoint of this run that can be used.

    Raises
    ------
    RunFolderError
        if there are checkpoints, but none can be used; it names what is wrong with each.
    """

    def fault(checkpoint: Checkpoint) -> str:
        if checkpoint.origin.scenario != here.scenario:
            return f"belongs to another scenario than {SCENARIO} beside it"
        if checkpoint.origin.data != here.data:
            return "belongs to other data than were found now"
        differs = foreign(checkpoint.origin, here)
        return f"{differs}, so results may differ in the last digits; --accept-differences goes on all the same" if differs and not accept_differences else ""

    checkpoint, file, passed_over = newest_checkpoint(folder, fault)
    if checkpoint is None and passed_over:
        reasons = "\n".join(passed_over)
        again = f"chipsim run {quote(str(folder.path / SCENARIO))}"
        msg = f"{folder.path}: none of its checkpoints can be used:\n{reasons}\nto run it again from the beginning: {again}"
        raise RunFolderError(msg)
    return _Found(checkpoint, file, passed_over)


def _beginning(
    scenario: Scenario, data: Dataset, silicon: Silicon | None, folder: RunFolder, told: Progress, checkpoint: Checkpoint | None
) -> Callable[[], Session]:
    weights = programmed_weights(scenario, data) if checkpoint is None else None

    def begin() -> Session:
        try:
            session = Session(scenario, data, silicon, folder, told, checkpoint)
        except ValueError as error:
            msg = f"{folder.path / CHECKPOINTS}: does not fit the scenario: {error}"
            raise RunFolderError(msg) from None
        if weights is not None:
            session.program(weights)
        return session

    return begin


def _manifest(folder: RunFolder) -> Manifest:
    """Return the manifest of a run; what it says was to be run must be there still, as it was."""
    content = folder.read_json(MANIFEST)
    check_schema(content, folder.file(MANIFEST))
    check_manifest(content, folder.file(MANIFEST))
    try:
        manifest = Manifest.read(content)
    except ValueError as error:
        msg = f"{folder.file(MANIFEST)}: {error}"
        raise RunFolderError(msg) from None
    now = folder.checksums(GIVEN)
    for name in GIVEN:
        if name in manifest.files and manifest.files[name] != now.get(name):
            change = "has changed since the run began, or is damaged" if name in now else "is missing"
            msg = f"{folder.file(name)}: {change}; the run goes on only with what it began with (changed parameters: --set begins a new run)"
            if name not in now and not any(folder.file(CHECKPOINTS).glob("*.npz")):
                msg = f"{folder.file(name)}: is missing; if the run was killed before it began, begin it again with chipsim run and the same --out"
            raise RunFolderError(msg)
    return manifest


def _data(folder: RunFolder, scenario: Scenario, manifest: Manifest, data_dir: Path | str | None) -> Dataset:
    """Return the data of a run, which must be those that it began with."""
    try:
        data = load_dataset(scenario.data, Path(data_dir) if data_dir is not None else None)
    except InputError as error:
        if not scenario.data.path or Path(scenario.data.path).is_absolute():
            raise
        msg = f'{error}; data.path = "{scenario.data.path}" is seen from the working directory, which must be the one that the run began in'
        raise InputError(msg) from None
    _require_files(folder, data.checksums, manifest)
    return data


def _require_files(folder: RunFolder, found: Mapping[str, str], manifest: Manifest) -> None:
    for name, checksum in found.items():
        if manifest.data.get(name) != checksum:
            msg = f"{name}: is not the file that {folder.path} began with; its sha256 was {manifest.data.get(name)} and is {checksum}"
            raise InputError(msg)


def _require_prices(folder: RunFolder, silicon: Silicon | None) -> None:
    """See that a run is priced as it was when it began."""
    file = folder.file(PRICES)
    if silicon is not None and (not file.is_file() or file.read_bytes() != silicon.prices_toml().encode()):
        msg = f"{file}: is not what the scenario's price table gives now: the table has changed since the run began"
        raise RunFolderError(msg)
