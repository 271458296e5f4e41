"""Reading npz archives that may be damaged or hostile."""

from __future__ import annotations

import hashlib
import os
import struct
import tracemalloc
import zipfile
from contextlib import contextmanager, suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from chipsim.datasets.npz import Archive, open_archive
from chipsim.errors import DataError

VALUES = np.arange(12, dtype=np.float32).reshape(3, 4)
NUMBERS = (np.integer, np.float16, np.float32, np.float64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return one folder for all examples."""
    return tmp_path_factory.mktemp("npz")


def read(path, name="a", rank=2, allowed=NUMBERS):
    """Return one array of an archive."""
    with open_archive(path) as archive:
        return archive.read(archive.header(name, rank, allowed))


def patched(path, field, value, entry=0):
    """Change one 32-bit field of an entry in the central directory: 20 is its compressed size, 24 its size."""
    content = bytearray(path.read_bytes())
    place = -1
    for _ in range(entry + 1):
        place = content.index(b"PK\x01\x02", place + 1)
    content[place + field : place + field + 4] = struct.pack("<I", value)
    path.write_bytes(bytes(content))
    return path


@contextmanager
def little_memory(limit):
    """Demand that what happens inside never holds more than so many bytes."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@given(
    values=st.sampled_from(["u1", "i1", "<f4", ">f8", "f2", "<i8"]).flatmap(lambda kind: arrays(kind, st.tuples(st.integers(1, 5), st.integers(1, 5)))),
    fortran=st.booleans(),
)
def test_round_trip(save, values, fortran, folder):
    """What NumPy saves is read back, in either order of axes and of bytes, with the checksum of the file."""
    path = folder / "round.npz"
    save(path, a=np.asfortranarray(values) if fortran else values, other=np.array([1]))
    found = read(path)
    assert found.dtype == values.dtype
    assert np.array_equal(found, values, equal_nan=values.dtype.kind == "f")
    with open_archive(path) as archive:
        assert archive.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert "other" in archive
        assert "third" not in archive


def test_large_arrays_are_read_in_pieces(tmp_path):
    """An array of several pieces of a mebibyte comes back whole, in no more memory than it takes."""
    values = np.random.default_rng(1).integers(0, 256, (3000, 1001), dtype=np.uint8)
    np.savez(tmp_path / "large.npz", a=values)
    with little_memory(values.nbytes + 3_000_000):
        found = read(tmp_path / "large.npz")
    assert np.array_equal(found, values)


def test_single_numbers(tmp_path):
    """A number without dimensions is read as a Python number, a missing one is None, and infinity is refused."""
    np.savez(tmp_path / "n.npz", a=np.float32(0.5), b=-128, c=np.inf, d=np.array([1.0]))
    with open_archive(tmp_path / "n.npz") as archive:
        assert archive.number("a", NUMBERS) == 0.5
        assert archive.number("b", (np.integer,)) == -128
        assert archive.number("none", NUMBERS) is None
        with pytest.raises(DataError, match="c is inf, a finite number expected"):
            archive.number("c", NUMBERS)
        with pytest.raises(DataError, match=r"d: has the shape \(1,\), 0 dimensions expected"):
            archive.number("d", NUMBERS)


class _Trap:
    """An object whose pickle makes a folder when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        """Say how to be made again: by making a folder."""
        return os.mkdir, (str(self.path),)


def test_pickles_are_never_loaded(tmp_path):
    """An array of objects is refused, and what its pickle would run is not run."""
    trap = np.array([_Trap(tmp_path / "sprung"), None], dtype=object)
    np.savez(tmp_path / "trap.npz", a=trap)
    with pytest.raises(DataError, match=r"a: holds Python objects \(a pickle, which could run anything when it is read\)"):
        read(tmp_path / "trap.npz", rank=1)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    "values,message",
    [
        (np.zeros((2, 2), complex), "values of type '<c16'; plain numbers expected"),
        (np.zeros((2, 2), "datetime64[s]"), "values of type '<M8"),
        (np.zeros((2, 2), "V3"), "values of type '.V3'"),
        (np.zeros((2, 2), [("x", "i4"), ("y", "f4")]), "is no plain array"),
        (np.zeros((2, 2), bool), "holds values of type bool, expected: whole numbers, float16, float32, float64"),
        (np.array([["a"]]), "holds values of type str"),
        (np.zeros(4), r"has the shape \(4,\), 2 dimensions expected"),
        (np.zeros((0, 4)), r"has the shape \(0, 4\), so it holds nothing"),
    ],
)
def test_other_types_and_shapes_are_named(tmp_path, values, message):
    """An array of another type or rank is refused with what was found and what is wanted."""
    np.savez(tmp_path / "x.npz", a=values)
    with pytest.raises(DataError, match=f"x.npz: a: .*{message}"):
        read(tmp_path / "x.npz")


BAD_HEADERS = [
    "{'descr': '<f4', 'fortran_order': False}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (3, -4)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': __import__('os').getcwd()}",
    "{'descr': __import__('os').getcwd(), 'fortran_order': False, 'shape': (3, 4)}",
    "{'descr': '<f4', 'fortran_order': 'False', 'shape': (3, 4)}",
    "(" * 4000,
    "",
]


@pytest.mark.parametrize("header", BAD_HEADERS, ids=range(len(BAD_HEADERS)))
def test_headers_are_not_evaluated(zipped, npy_bytes, header):
    """A header that is anything but type, order and shape is refused, whatever it says."""
    path = zipped([("a.npy", npy_bytes(VALUES, header))])
    with pytest.raises(DataError, match="a: is no plain array in the npy format"):
        read(path)


def test_headers_of_other_programs_are_read(zipped, npy_bytes):
    """Order of the keys, quotes and spaces do not matter, as the format's description says."""
    path = zipped([("a.npy", npy_bytes(VALUES, '{"shape":(3,4),"fortran_order" : False, "descr": "<f4"}\n'))])
    assert np.array_equal(read(path), VALUES)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x93NUMPY", b"\x93NUMPY\x09\x00\x10\x00", b"\x93NUMPY\x02\x00\xff\xff\xff\x7f{}", b"no npy file at all"])
def test_an_entry_that_is_no_array_is_refused(zipped, content):
    """An entry that is cut off, of an unknown version, or has a header of two gigabytes is refused."""
    with pytest.raises(DataError, match="a: is no plain array"):
        read(zipped([("a.npy", content)]))


LYING = "{'descr': '<f4', 'fortran_order': False, 'shape': %s}"


@pytest.mark.parametrize("shape", ["(3, 3)", "(3, 5)", "(1000000, 1000000)", "(99999999999999999999, 99999999999999999999)"])
def test_a_lying_header_costs_no_memory(zipped, npy_bytes, shape):
    """A header that promises another size than its entry has is refused before anything of that size is allocated."""
    path = zipped([("a.npy", npy_bytes(VALUES, LYING % shape))])
    with little_memory(2_000_000), pytest.raises(DataError, match=r"a: the header promises \d+ x \d+ values"):
        read(path)


@pytest.mark.parametrize("size", [3_000_000_000, 200])
def test_a_lying_directory_costs_no_memory(zipped, npy_bytes, size):
    """A size in the directory that the compressed bytes cannot hold, or that is not that of the array, is refused unread."""
    path = patched(zipped([("a.npy", npy_bytes(VALUES, LYING % "(3, 250000000)"))]), 24, size)
    with little_memory(2_000_000), pytest.raises(DataError, match="promises"):
        read(path)


def test_a_directory_that_lies_about_both_sizes_costs_no_memory(zipped, npy_bytes):
    """An entry that claims more compressed bytes than the file has is refused."""
    path = patched(patched(zipped([("a.npy", npy_bytes(VALUES))]), 24, 3_000_000_000), 20, 2_000_000_000)
    with little_memory(2_000_000), pytest.raises(DataError, match=r"a promises 3000000000 bytes, more than \d+ compressed bytes can hold"):
        read(path)


def test_a_decompression_bomb_is_not_unpacked(zipped, npy_bytes):
    """An entry that goes on for 100 MB after a small array is refused from its first bytes."""
    path = zipped([("a.npy", npy_bytes(VALUES) + bytes(100_000_000))])
    with little_memory(2_000_000), pytest.raises(DataError, match=r"3 x 4 values = 48 bytes, but the archive holds 100000048"):
        read(path)


def test_an_archive_has_a_largest_size(zipped, npy_bytes):
    """More than the limit, all arrays together, is refused when the archive is opened."""
    path = zipped([("a.npy", npy_bytes(VALUES)), ("b.npy", npy_bytes(np.zeros(500)))])
    with open_archive(path, 128 + 48 + 128 + 4000) as archive:
        assert "a" in archive
    with pytest.raises(DataError, match="promises 4304 bytes when unpacked; at most 4303 are read"), open_archive(path, 4303):
        pass
    patched(patched(path, 24, 3_000_000_000), 24, 3_000_000_000, entry=1)
    with pytest.raises(DataError, match="promises 6000000000 bytes when unpacked; at most 4294967296 are read"):
        read(path)
    with pytest.raises(DataError, match=r"has \d+ bytes; at most 10 are read"), open_archive(path, 10):
        pass


def test_a_huge_directory_costs_no_memory(tmp_path):
    """A directory of 50 MB is refused without being read."""
    size = 50_000_000
    path = tmp_path / "directory.npz"
    path.write_bytes(bytes(size) + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 9, 9, size, 0, 0))
    with little_memory(5_000_000), pytest.raises(DataError, match="a piece of it is larger than 1048576 bytes"):
        read(path)


@pytest.mark.parametrize("name", ["../a.npy", "/a.npy", "x/a.npy", "x\\a.npy", "C:a.npy", "a.txt", ".npy", "a\n.npy", "x/"])
def test_names_that_are_no_arrays_are_refused(zipped, npy_bytes, name):
    """A path, or anything but an npy file, has no place in an archive of arrays."""
    path = zipped([("a.npy", npy_bytes(VALUES)), (name, npy_bytes(VALUES))])
    with pytest.raises(DataError, match=r"holds an entry .*an npz archive holds arrays as NAME.npy, in no folder, and nothing else"):
        read(path)


def test_an_array_twice_is_refused(zipped, npy_bytes):
    """Two entries of one name are ambiguous."""
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = zipped([("a.npy", npy_bytes(VALUES)), ("a.npy", npy_bytes(VALUES + 1))])
    with pytest.raises(DataError, match="holds an array twice: 2 arrays, but 1 different names"):
        read(path)


def test_a_missing_array_names_those_that_are_there(tmp_path):
    """The arrays found are listed."""
    np.savez(tmp_path / "x.npz", images=VALUES, labels=VALUES)
    with pytest.raises(DataError, match=r"x.npz: holds no array a; found: images, labels"):
        read(tmp_path / "x.npz")


def test_other_compression_and_encryption_are_refused(zipped, npy_bytes):
    """A method that NumPy does not write (it could ask for any memory), and an encrypted entry, are refused."""
    with pytest.raises(DataError, match="compressed by an unusual method"):
        read(zipped([("a.npy", npy_bytes(VALUES))], zipfile.ZIP_LZMA))
    path = zipped([("a.npy", npy_bytes(VALUES))])
    flags = struct.unpack("<I", path.read_bytes()[(at := path.read_bytes().index(b"PK\x01\x02") + 8) : at + 4])[0]
    with pytest.raises(DataError, match=r"is no npz archive, or is damaged .*encrypted"):
        read(patched(path, 8, flags | 1))


def test_missing_files_and_folders_are_data_errors(tmp_path):
    """A path to nothing, to a folder, to a device, and one that cannot be a path are DataErrors that name it."""
    with pytest.raises(DataError, match=r"absent.npz: no such file"):
        read(tmp_path / "absent.npz")
    with pytest.raises(DataError, match="is a folder; an npz file is wanted"):
        read(tmp_path)
    with pytest.raises(DataError, match="/dev/zero: is no plain file"):
        read(type(tmp_path)("/dev/zero"))
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path / "no\0name.npz")
    (tmp_path / "loose.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(DataError, match=r"loose.npy: is no npz archive"):
        read(tmp_path / "loose.npy")


@given(keep=st.integers(0, 400), packed=st.booleans())
def test_truncation_is_a_data_error(keep, packed, folder):
    """An archive cut anywhere gives a DataError that names it, never another exception."""
    path = folder / "cut.npz"
    (np.savez_compressed if packed else np.savez)(path, a=VALUES)
    content = path.read_bytes()
    path.write_bytes(content[: keep % len(content)])
    with pytest.raises(DataError, match="cut"):
        read(path)


@given(place=st.integers(0, 10_000), flip=st.integers(1, 255), packed=st.booleans())
def test_a_damaged_archive_is_refused_or_unharmed(place, flip, packed, folder):
    """One changed byte never gives other values than the ones saved, and no other exception."""
    path = folder / "damaged.npz"
    (np.savez_compressed if packed else np.savez)(path, a=VALUES)
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= flip
    path.write_bytes(bytes(content))
    with suppress(DataError):
        assert np.array_equal(read(path), VALUES)


@given(content=st.binary(max_size=80), head=st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06" + bytes(18)]))
def test_any_bytes_are_read_or_refused(content, head, folder):
    """Arbitrary bytes, also behind what a zip archive begins or ends with, are an archive or a DataError."""
    path = folder / "any.npz"
    path.write_bytes(head + content)
    with suppress(DataError):
        read(path)


@given(header=st.text("'\"{}():, descrfotan_shp<>|=fiuUO0123456789TrueFals", max_size=90))
def test_any_header_is_read_or_refused(header, folder, npy_bytes):
    """Arbitrary text in the place of an npy header is an array or a DataError."""
    path = folder / "header.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", npy_bytes(VALUES, header))
    with suppress(DataError):
        read(path)


def test_archives_in_memory(tmp_path):
    """An archive may lie in memory instead of a file, under the name that messages call it."""
    import io

    np.savez(tmp_path / "x.npz", a=VALUES)
    archive = Archive(io.BytesIO((tmp_path / "x.npz").read_bytes()), "memory")
    assert np.array_equal(archive.read(archive.header("a", 2, NUMBERS)), VALUES)
    with pytest.raises(DataError, match="memory: holds no array b"):
        archive.header("b", 2, NUMBERS)
