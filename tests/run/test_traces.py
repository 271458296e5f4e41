"""Writing traces: NetCDF-4 that other tools read."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from chipsim.errors import RunFolderError
from chipsim.run.traces import Variable, time_variables, write_traces

YEAR_PS = 31_557_600 * 10**12


def energy(segments=3):
    """Return a small group with numbers, integers, text and times."""
    return {
        **time_variables("segment", [1, 2 * 10**12, 10 * YEAR_PS][:segments]),
        "energy": Variable(("segment", "component"), np.arange(segments * 2.0).reshape(segments, 2), "J", "energy spent in a segment"),
        "images": Variable(("segment",), np.arange(segments), "1", "images trained"),
        "component": Variable(("component",), ["array read", "SET"], "1", "part of the energy"),
    }


def test_hdf5_readers_find_values_units_and_names(tmp_path):
    """Any HDF5 reader finds groups, values, units and long names."""
    path = tmp_path / "traces.nc"
    write_traces(path, {"energy": energy()}, {"title": "test", "scenario": "{}"})
    with h5py.File(path) as file:
        assert file.attrs["schema"] == 1
        assert file.attrs["Conventions"] == "CF-1.11"
        assert file.attrs["title"] == "test"
        group = file["energy"]
        assert group["energy"][:].tolist() == [[0, 1], [2, 3], [4, 5]]
        assert group["energy"].attrs["units"] == "J"
        assert group["energy"].attrs["long_name"] == "energy spent in a segment"
        assert group["images"].dtype == np.int64
        assert [text.decode() for text in group["component"][:]] == ["array read", "SET"]


def test_xarray_opens_a_group(tmp_path):
    """Xarray reads a group with its dimensions and its coordinate."""
    xr = pytest.importorskip("xarray")
    path = tmp_path / "traces.nc"
    write_traces(path, {"energy": energy()}, {})
    data = xr.load_dataset(path, group="energy", engine="h5netcdf", decode_times=False)
    assert data["energy"].dims == ("segment", "component")
    assert float(data["energy"].sel(component="SET").sum()) == 9.0


def test_time_is_exact_over_years():
    """Ten years in picoseconds are two exact integers, beside seconds in float64."""
    times = time_variables("probe", [0, 5 * 10**12 + 7, 10 * YEAR_PS + 1])
    assert times["time_s"].data.tolist() == [0, 5, 315_576_000]
    assert times["time_ps"].data.tolist() == [0, 7, 1]
    assert times["time"].data.tolist() == [0.0, 5 + 7e-12, 315_576_000.0 + 1e-12]


def test_large_arrays_are_compressed_and_exact(tmp_path):
    """A large array is compressed without loss."""
    path = tmp_path / "traces.nc"
    values = np.tile(np.linspace(0.0, 1.0, 100), 1000)
    write_traces(path, {"probe": {"voltage": Variable("sample", values, "V", "voltage")}}, {})
    assert path.stat().st_size < values.nbytes / 5
    with h5py.File(path) as file:
        assert np.array_equal(file["probe/voltage"][:], values)


def test_same_content_same_bytes(tmp_path):
    """The same traces give the same file, byte for byte."""
    for name in ("a.nc", "b.nc"):
        write_traces(tmp_path / name, {"energy": energy()}, {"title": "x"})
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()


def test_growing_traces_replace_the_file(tmp_path):
    """Writing again replaces the file and leaves nothing beside it."""
    path = tmp_path / "traces.nc"
    write_traces(path, {"energy": energy(1)}, {})
    write_traces(path, {"energy": energy(3)}, {})
    with h5py.File(path) as file:
        assert len(file["energy/images"]) == 3
    assert [entry.name for entry in tmp_path.iterdir()] == ["traces.nc"]


def test_empty_traces_are_a_file(tmp_path):
    """No groups, or groups of no samples, still make a readable file."""
    path = tmp_path / "traces.nc"
    write_traces(path, {}, {})
    write_traces(path, {"transfer": {"duration": Variable("transfer", np.empty(0), "s", "duration")}}, {})
    with h5py.File(path) as file:
        assert file["transfer/duration"].shape == (0,)


def test_booleans_become_small_integers(tmp_path):
    """NetCDF has no booleans: they are written as 0 and 1."""
    path = tmp_path / "traces.nc"
    write_traces(path, {"g": {"flag": Variable("n", [True, False], "1", "flag")}}, {})
    with h5py.File(path) as file:
        assert file["g/flag"][:].tolist() == [1, 0]


def test_disagreeing_dimensions_are_refused(tmp_path):
    """Two lengths of one dimension, or names that do not fit the axes, are refused and no file is written."""
    group = {"a": Variable("n", [1, 2], "1", "a"), "b": Variable("n", [1, 2, 3], "1", "b")}
    with pytest.raises(ValueError, match=r"g.b: dimension n has length 3, but 2"):
        write_traces(tmp_path / "traces.nc", {"g": group}, {})
    with pytest.raises(ValueError, match="does not have the dimensions"):
        Variable(("n", "m"), [1, 2], "1", "a")
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_place_is_told(tmp_path):
    """A path that cannot be written is named."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunFolderError, match=r"traces.nc: cannot be written"):
        write_traces(tmp_path / "file" / "traces.nc", {"energy": energy()}, {})
