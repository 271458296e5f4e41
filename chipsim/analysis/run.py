"""A finished, broken off or still growing run, read from its folder."""

from __future__ import annotations

import html
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chipsim.analysis.files import MANIFEST, SCENARIO, SUMMARY, TRACES, check_schema, find_run, is_newer, read_json
from chipsim.analysis.integrity import check_manifest, damaged_files
from chipsim.analysis.traces import Group, pick, read_groups
from chipsim.errors import InputError, RunFolderError

if TYPE_CHECKING:
    import xarray

    from chipsim.scenario import Scenario

_HEADLINES = (
    ("test_accuracy", "test accuracy", "{:.2%}"),
    ("train_accuracy", "training accuracy", "{:.2%}"),
    ("images", "images", "{:,}"),
    ("chip_time_s", "chip time", "{:.4g} s"),
    ("energy_per_image_J", "energy per image", "{:.4g} J"),
    ("wall_time_s", "wall time", "{:.1f} s"),
)


@dataclass(frozen=True, eq=False)
class Run:
    """One run: `run["accuracy"]["time"]` is an array, read from the file when it is asked for.

    Attributes
    ----------
    path
        the folder.
    summary
        the content of `summary.json`; empty where a run has not ended.
    manifest
        the content of `manifest.json`.
    faults
        what is wrong with files that could not be read, by their names; only `open_run` lets them pass.
    """

    path: Path
    summary: dict[str, Any]
    manifest: dict[str, Any]
    traces: dict[str, Group] = field(repr=False)
    faults: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups of traces."""
        return tuple(self.traces)

    @property
    def status(self) -> str:
        """`running`, `done`, `failed` or `interrupted`."""
        return str(self.manifest.get("status", "of unknown status"))

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario as it was run, every value written out.

        Raises
        ------
        RunFolderError
            if `scenario.toml` is missing or damaged.
        """
        return read_scenario(self.path)

    def __getitem__(self, group: str) -> Group:
        """Return a group of traces.

        Raises
        ------
        MissingTraceError
            if the run has none of that name; it is a `RunFolderError` and a `KeyError`.
        """
        return pick(self.traces, group, self.path / TRACES)

    def __contains__(self, group: object) -> bool:
        """Return whether the run has a group of that name."""
        return group in self.traces

    def dataset(self, group: str) -> xarray.Dataset:
        """Return a group as an xarray Dataset, loaded into memory.

        Raises
        ------
        InputError
            if xarray is not installed.
        MissingTraceError
            if the run has no such group.
        """
        try:
            import xarray as xr
        except ImportError:
            msg = "xarray is not installed; install it with: pip install 'chipsim[xarray]'"
            raise InputError(msg) from None
        return xr.load_dataset(self[group].path, group=group, engine="h5netcdf")

    def headlines(self) -> list[tuple[str, str]]:
        """Return the main results as (label, text), as far as they exist."""
        found = []
        for key, label, form in _HEADLINES:
            value = self.summary.get(key)
            if isinstance(value, int | float):
                found.append((label, form.format(value)))
        return found

    def __repr__(self) -> str:
        """Return the folder, how the run stands and its main results in one line."""
        parts = [self.status, *(f"{label} {text}" for label, text in self.headlines()[:3])]
        return f"Run({str(self.path)!r}: {', '.join(parts)})"

    def _repr_html_(self) -> str:
        """Return a small table for notebooks."""
        rows = [("status", self.status), *self.headlines(), ("traces", ", ".join(self.groups) or "none")]
        cells = "".join(f"<tr><th style='text-align:left'>{html.escape(label)}</th><td>{html.escape(text)}</td></tr>" for label, text in rows)
        return f"<table><caption>{html.escape(str(self.path))}</caption>{cells}</table>"


def load_run(path: Path | str) -> Run:
    """Open a run folder; its arrays are read later, on demand.

    The files of a run that has ended are checked against the checksums in its manifest at once, all of them: traces would be
    opened now anyway, and the HDF5 library is not made for files that are damaged.

    Raises
    ------
    RunFolderError
        if the folder is missing, is no run folder, was written by a newer chipsim, or a file in it is damaged or missing; it names
        every one.
    """
    run = open_run(path)
    if run.faults:
        raise RunFolderError("\n".join(run.faults.values()))
    return run


def open_run(path: Path | str) -> Run:
    """Open a run folder as far as it can be read: what is damaged, missing or of a newer layout is told in `Run.faults`.

    A damaged file is treated as if it was not there.

    Raises
    ------
    RunFolderError
        if the folder is missing, is no run folder, or its manifest is damaged.
    """
    folder = find_run(path)
    manifest = read_json(folder / MANIFEST)
    faults: dict[str, str] = {}
    with _noted(faults, MANIFEST) if is_newer(manifest) else nullcontext():
        check_schema(manifest, folder / MANIFEST)
        check_manifest(manifest, folder / MANIFEST)
    faults |= damaged_files(folder, manifest)
    summary: dict[str, Any] = {}
    if SUMMARY not in faults and (manifest.get("status") == "done" or (folder / SUMMARY).exists()):
        with _noted(faults, SUMMARY):
            summary = read_json(folder / SUMMARY)
    traces: dict[str, Group] = {}
    if TRACES not in faults:
        with _noted(faults, TRACES):
            traces = read_groups(folder / TRACES)
    return Run(folder, summary, manifest, traces, faults)


def read_scenario(folder: Path, name: str = "") -> Scenario:
    """Return the scenario in a run folder, every value written out; `name` stands in for that of the file.

    Raises
    ------
    RunFolderError
        if `scenario.toml` is missing or damaged.
    """
    from chipsim.scenario import Scenario

    file = folder / SCENARIO
    if not file.is_file():
        msg = f"{file}: is missing"
        raise RunFolderError(msg)
    try:
        return Scenario.load(file, name=name)
    except InputError as error:
        msg = f"{file}: is damaged: {error}"
        raise RunFolderError(msg) from None


@contextmanager
def _noted(faults: dict[str, str], name: str) -> Iterator[None]:
    try:
        yield
    except RunFolderError as error:
        faults[name] = str(error)
