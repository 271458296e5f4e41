"""Writing `traces.nc`: NetCDF-4 with one group a topic, opened alike by xarray, h5py and MATLAB."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chipsim.analysis.files import SCHEMA
from chipsim.run.folder import replacing
from chipsim.units import PICOSECONDS_PER_SECOND

CONVENTIONS = "CF-1.11"
_COMPRESS_FROM = 1024
"""Values from which compression is worth its overhead."""


@dataclass(frozen=True, eq=False)
class Variable:
    """An array in a file: its dimensions, values, unit (`"1"` for a pure number) and a name for people."""

    dims: tuple[str, ...]
    data: NDArray[Any]
    units: str
    long_name: str

    def __init__(self, dims: Sequence[str] | str, data: ArrayLike, units: str, long_name: str) -> None:
        """Hold `data` as an array with one name in `dims` per axis.

        Raises
        ------
        ValueError
            if the names and the axes differ in number.
        """
        names = (dims,) if isinstance(dims, str) else tuple(dims)
        array = np.asarray(data)
        if array.ndim != len(names):
            msg = f"{long_name}: an array of shape {array.shape} does not have the dimensions {names}"
            raise ValueError(msg)
        for field, value in (("dims", names), ("data", array), ("units", units), ("long_name", long_name)):
            object.__setattr__(self, field, value)


Groups = Mapping[str, Mapping[str, Variable]]


def time_variables(dim: str, picoseconds: Sequence[int], long_name: str = "chip time") -> dict[str, Variable]:
    """Return `time_s`, `time_ps` (exact, two integers) and `time` (float64 seconds) along `dim`.

    Parameters
    ----------
    picoseconds
        Python integers: 64 bits would end after 106 days.
    """
    parts = [divmod(int(moment), PICOSECONDS_PER_SECOND) for moment in picoseconds]
    seconds = np.array([whole for whole, _ in parts], dtype=np.int64)
    rest = np.array([part for _, part in parts], dtype=np.int64)
    return {
        "time_s": Variable((dim,), seconds, "s", f"{long_name}, whole seconds"),
        "time_ps": Variable((dim,), rest, "ps", f"{long_name}, picoseconds within the second"),
        "time": Variable((dim,), seconds + rest * 1e-12, "s", long_name),
    }


def write_traces(path: Path, groups: Groups, attrs: Mapping[str, str | int | float]) -> None:
    """Replace the file at `path` by `groups`, whole or not at all.

    Parameters
    ----------
    groups
        group -> variable name -> variable; within a group a dimension has one length.
    attrs
        attributes of the file, besides `schema` and `Conventions`.

    Raises
    ------
    RunFolderError
        if the file cannot be written.
    ValueError
        if two variables of a group disagree on the length of a dimension.
    """
    sizes = {name: dimensions(name, variables) for name, variables in groups.items()}
    image = io.BytesIO()  # HDF5 does not survive a disk that fills up under it
    _write_file(image, groups, sizes, attrs)
    with replacing(path) as temporary:
        temporary.write_bytes(image.getbuffer())


def _write_file(image: io.BytesIO, groups: Groups, sizes: Mapping[str, Mapping[str, int]], attrs: Mapping[str, str | int | float]) -> None:
    import h5netcdf  # HDF5 is loaded only where a run is written or read

    with h5netcdf.File(image, "w") as file:
        file.attrs.update({"schema": SCHEMA, "Conventions": CONVENTIONS, **attrs})
        for name, variables in groups.items():
            group = file.create_group(name)
            group.dimensions = dict(sizes[name])
            for label, variable in variables.items():
                _write(group, label, variable)


def dimensions(group: str, variables: Mapping[str, Variable]) -> dict[str, int]:
    """Return the length of every dimension of a group.

    Raises
    ------
    ValueError
        if two variables disagree.
    """
    sizes: dict[str, int] = {}
    for label, variable in variables.items():
        for dim, size in zip(variable.dims, variable.data.shape, strict=True):
            if sizes.setdefault(dim, size) != size:
                msg = f"{group}.{label}: dimension {dim} has length {size}, but {sizes[dim]} in another variable"
                raise ValueError(msg)
    return sizes


def _write(group: Any, label: str, variable: Variable) -> None:
    import h5py

    data = variable.data
    if data.dtype.kind in "UO":
        written = group.create_variable(label, variable.dims, dtype=h5py.string_dtype(), data=data.astype(object))
    else:
        if data.dtype.kind == "b":
            data = data.astype(np.int8)
        packing = {"compression": "gzip", "compression_opts": 4, "shuffle": True} if data.size >= _COMPRESS_FROM else {}
        written = group.create_variable(label, variable.dims, dtype=data.dtype, data=data, **packing)
    written.attrs["units"] = variable.units
    written.attrs["long_name"] = variable.long_name
