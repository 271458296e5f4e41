"""Reading `traces.nc`: groups of arrays, each array read when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chipsim.errors import RunFolderError


class MissingTraceError(RunFolderError, KeyError):
    """A run has no such group or variable."""

    def __str__(self) -> str:
        """Return the message as it is; `KeyError` would quote it."""
        return str(self.args[0])


@dataclass(frozen=True)
class Group(Mapping[str, NDArray[Any]]):
    """One group of traces: variable name -> array, read from the file at each access.

    Attributes
    ----------
    path
        the file.
    name
        the group, for instance `energy`.
    names
        its variables.
    """

    path: Path
    name: str
    names: tuple[str, ...]

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return the array of a variable; text as an array of `str`.

        Raises
        ------
        MissingTraceError
            if the group has no such variable (also a `KeyError`).
        """
        with self._variable(name) as variable:
            return _values(variable)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __contains__(self, name: object) -> bool:
        """Return whether the group has a variable of that name, without reading it."""
        return name in self.names

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        """Return the group and its variables in one line."""
        return f"Group({self.name}: {', '.join(self.names)})"

    def load(self) -> dict[str, NDArray[Any]]:
        """Return all arrays of the group, read at once: much faster than one after the other."""
        with opened(self.path) as file:
            group = file[self.name]
            return {name: _values(group[name]) for name in self.names}

    def units(self, name: str) -> str:
        """Return the unit of a variable."""
        return self._attribute(name, "units")

    def long_name(self, name: str) -> str:
        """Return what a variable is, for people."""
        return self._attribute(name, "long_name")

    def dims(self, name: str) -> tuple[str, ...]:
        """Return the names of the axes of a variable."""
        with self._variable(name) as variable:
            return tuple(variable.dimensions)

    def axes(self) -> dict[str, tuple[str, ...]]:
        """Return the names of the axes of all variables, read at once."""
        with opened(self.path) as file:
            group = file[self.name]
            return {name: tuple(group[name].dimensions) for name in self.names}

    def _attribute(self, name: str, attribute: str) -> str:
        with self._variable(name) as variable:
            return str(variable.attrs.get(attribute, ""))

    @contextmanager
    def _variable(self, name: str) -> Iterator[Any]:
        if name not in self.names:
            raise MissingTraceError(_unknown(f"{self.path}: group {self.name} has no variable", name, self.names))
        with opened(self.path) as file:
            yield file[self.name][name]


def _values(variable: Any) -> NDArray[Any]:
    data = np.asarray(variable[...])
    return data.astype(str) if data.dtype.kind == "O" else data


def read_groups(path: Path) -> dict[str, Group]:
    """Return the groups of a file; empty where there is no file yet.

    Raises
    ------
    RunFolderError
        if the file is damaged or of another format.
    """
    if not path.exists():
        return {}
    with opened(path) as file:
        return {str(name): Group(path, str(name), tuple(str(key) for key in group.variables)) for name, group in file.groups.items()}


def pick(groups: Mapping[str, Group], name: str, path: Path) -> Group:
    """Return one group.

    Raises
    ------
    MissingTraceError
        if there is none of that name (also a `KeyError`).
    """
    if name not in groups:
        raise MissingTraceError(_unknown(f"{path}: has no traces", name, tuple(groups)))
    return groups[name]


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a NetCDF file for reading.

    Raises
    ------
    RunFolderError
        if it is missing, damaged or of another format, also where that shows only later, in reading.
    """
    import h5netcdf  # HDF5 is loaded only where traces are read

    try:
        with h5netcdf.File(path, "r") as file:
            yield file
    except RunFolderError:
        raise
    except Exception as error:  # noqa: BLE001 (h5py and h5netcdf raise whatever a damaged file makes them stumble over)
        msg = f"{path}: is damaged or no NetCDF-4 file ({error})"
        raise RunFolderError(msg) from None


def _unknown(what: str, name: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"{what} '{name}'; {hint}it has: {', '.join(known) or 'none'}"
