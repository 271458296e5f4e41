"""Files made to do harm: code that would run, memory that would be eaten, members that are not what they seem, and every damage to a small file.

What tells damage, and where nothing does: a downloaded file is held against its published checksum, a gzip file and each member of an npz
archive carry a CRC-32 of their values. A plain idx file has no checksum of any kind: a changed pixel cannot be told by the file alone; the
sha256 in the run's manifest is another one then.
"""

from __future__ import annotations

import gzip
import os
import pickle
import stat
import struct
import subprocess
import sys
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chipsim.datasets import read_idx
from chipsim.datasets.npz import open_archive
from chipsim.errors import DataError, InputError

VALUES = np.arange(12, dtype=np.float32).reshape(3, 4)
IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
NUMBERS = (np.integer, np.float16, np.float32, np.float64)


def read(path, name="a", rank=2):
    """Return one array of an archive."""
    with open_archive(path) as archive:
        return archive.read(archive.header(name, rank, NUMBERS))


class _Trap:
    """An object whose pickle makes a folder when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        """Say how to be made again: by making a folder."""
        return os.mkdir, (str(self.path),)


def test_pickles_in_any_disguise_are_never_loaded(tmp_path, zipped):
    """A pickle as the whole file, as a member, behind a npy header that says so, or in an idx file is refused, and its code is not run."""
    mark = tmp_path / "sprung"
    trap = pickle.dumps(_Trap(mark))
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (3, 4)}"
    disguises = [trap, b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + trap]
    for content in disguises:
        with pytest.raises(DataError, match=r"archive.npz: a: "):
            read(zipped([("a.npy", content)]))
        (tmp_path / "whole.npz").write_bytes(content)
        with pytest.raises(DataError, match=r"whole.npz: is no npz archive"):
            read(tmp_path / "whole.npz")
        with pytest.raises(DataError, match=r"whole.npz: is no idx file"):
            read_idx(tmp_path / "whole.npz", 3)
    assert not mark.exists()
    pickle.loads(trap)  # noqa: S301  our own: the trap does work
    assert mark.exists()


@pytest.mark.parametrize("order", ["", "<", ">", "|", "="])
@pytest.mark.parametrize("kind", ["b1", *(f"{sign}{size}" for sign in "iu" for size in (1, 2, 4, 8)), "f2", "f4", "f8", "U1", "U0", "U999999"])
def test_every_type_that_a_header_may_name_is_known(order, kind, zipped, npy_bytes):
    """Every name of a plain type, in every order of bytes, is read or refused as a type, not in NumPy's own words."""
    path = zipped([("a.npy", npy_bytes(np.zeros((3, 4), kind), f"{{'descr': '{order}{kind}', 'fortran_order': False, 'shape': (3, 4)}}"))])
    with suppress(DataError):
        assert read(path).shape == (3, 4)


@pytest.mark.parametrize(
    "described",
    ["'|O'", "'O8'", "'<c8'", "'<c16'", "'V8'", "'|V48'", "'S4'", "'M8[s]'", "'m8'", "'f16'", "'<f4 '", "'f4,f4'", "'(2,)f4'", "[('x', '<f4')]", "'U9999999'"],
)
def test_other_types_are_refused_unread(described, zipped, npy_bytes):
    """Objects, records, raw bytes, complex numbers, dates and long doubles are refused by their names alone."""
    path = zipped([("a.npy", npy_bytes(VALUES, f"{{'descr': {described}, 'fortran_order': False, 'shape': (3, 4)}}"))])
    with pytest.raises(DataError, match=r"archive.npz: a: "):
        read(path)


@pytest.mark.parametrize(
    "shape", ["(-3, -4)", "(3, -4)", "(4294967296, 4294967296)", "(18446744073709551616, 1)", "(1099511627776,)", "(3, 4, 0)", "(3.0, 4)", "(0x3, 4)"]
)
def test_shapes_that_cannot_be_are_refused(shape, zipped, npy_bytes):
    """Negative, overflowing and empty shapes, and sizes that are no whole numbers, are refused."""
    path = zipped([("a.npy", npy_bytes(VALUES, f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}"))])
    with pytest.raises(DataError, match=r"archive.npz: a: "):
        read(path)


def test_members_that_overlap_are_refused_or_harmless(tmp_path, zipped, npy_bytes):
    """A second name for the bytes of another member is refused, or gives those bytes: it cannot multiply what is unpacked beyond the limit."""
    path = zipped([("a.npy", npy_bytes(VALUES))])
    content = path.read_bytes()
    at, end = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
    entry = content[at:end]
    names = [f"b{number:03}.npy".encode() for number in range(500)]
    extra = b"".join(entry[:28] + struct.pack("<H", len(name)) + entry[30:46] + name for name in names)
    whole = content[:at] + entry + extra + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 501, 501, len(entry) + len(extra), at, 0)
    (tmp_path / "overlap.npz").write_bytes(whole)
    for name in ("a", "b007"):
        try:
            assert np.array_equal(read(tmp_path / "overlap.npz", name), VALUES)
        except DataError as error:
            assert "overlap.npz" in str(error)  # noqa: PT017  either will do
    with pytest.raises(DataError, match=r"promises \d+ bytes when unpacked; at most 50000 are read"), open_archive(tmp_path / "overlap.npz", 50_000):
        pass


def test_thousands_of_members_are_read(zipped, npy_bytes):
    """Ten thousand small members are no burden, and each is found."""
    content = npy_bytes(np.float32(1.0))
    path = zipped([(f"w{number}.npy", content) for number in range(10_000)], zipfile.ZIP_STORED)
    with open_archive(path) as archive:
        assert archive.number("w9999", NUMBERS) == 1.0


def test_links_inside_an_archive_are_not_followed(tmp_path):
    """A member that calls itself a symbolic link is bytes like any other: what it points to is not read."""
    np.save(tmp_path / "secret.npy", VALUES)
    link = zipfile.ZipInfo("a.npy")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.npz", "w") as archive:
        archive.writestr(link, str(tmp_path / "secret.npy"))
    with pytest.raises(DataError, match=r"link.npz: a: is no plain array"):
        read(tmp_path / "link.npz")


def test_files_that_are_links(tmp_path, idx_bytes):
    """A link to a file is that file; one that leads in a circle, or to nothing, is a data error, and so is what is no plain file."""
    (tmp_path / "images").write_bytes(idx_bytes(IMAGES))
    np.savez(tmp_path / "x.npz", a=VALUES)
    for name, target in (("good.npz", "x.npz"), ("good", "images"), ("circle", "circle"), ("lost", "nowhere")):
        (tmp_path / name).symlink_to(tmp_path / target)
    os.mkfifo(tmp_path / "pipe")
    assert np.array_equal(read(tmp_path / "good.npz"), VALUES)
    assert np.array_equal(read_idx(tmp_path / "good", 3).values, IMAGES)
    for name in ("circle", "lost", "pipe"):
        for reader in (read, lambda path: read_idx(path, 3)):
            with pytest.raises(DataError, match=name):
                reader(tmp_path / name)
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path / "no\0name", 3)
    with pytest.raises(DataError, match="/dev/zero: cannot be read: it is no plain file"):
        read_idx(type(tmp_path)("/dev/zero"), 3)


@pytest.fixture
def small_files(tmp_path, idx_bytes):
    """Return the bytes of small good files, how to read each, and what is in it."""
    np.savez(tmp_path / "stored.npz", a=VALUES)
    np.savez_compressed(tmp_path / "packed.npz", a=VALUES)
    plain = idx_bytes(IMAGES)
    return {
        "stored.npz": ((tmp_path / "stored.npz").read_bytes(), read, VALUES),
        "packed.npz": ((tmp_path / "packed.npz").read_bytes(), read, VALUES),
        "plain": (plain, lambda path: read_idx(path, 3).values, IMAGES),
        "packed.gz": (gzip.compress(plain, mtime=0), lambda path: read_idx(path, 3).values, IMAGES),
    }


@pytest.mark.parametrize("name", ["stored.npz", "packed.npz", "plain", "packed.gz"])
def test_a_file_cut_at_any_byte_is_refused(name, tmp_path, small_files):
    """A small file that ends after any of its bytes but the last is a data error that names the file."""
    content, reader, _ = small_files[name]
    for length in range(len(content)):
        (tmp_path / "cut").write_bytes(content[:length])
        with pytest.raises(DataError, match="cut"):
            reader(tmp_path / "cut")


EDITS = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 3), st.binary(max_size=4)), min_size=1, max_size=6)


def edited(content, edits):
    """Return bytes with pieces of up to four bytes dropped and others put in their places."""
    for place, dropped, added in edits:
        at = place % (len(content) + 1)
        content = content[:at] + added + content[at + dropped :]
    return content


def read_or_refused(name, edits, tmp_path, small_files):
    """See that an edited file gives a data error, or values, which are the same where the file has checksums."""
    content, reader, values = small_files[name]
    (tmp_path / "edited").write_bytes(edited(content, edits))
    with suppress(DataError):
        found = reader(tmp_path / "edited")
        assert name == "plain" or np.array_equal(found, values)


@pytest.mark.parametrize("name", ["stored.npz", "packed.npz", "plain", "packed.gz"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=EDITS)
def test_an_edited_file_is_read_or_refused(name, edits, tmp_path, small_files):
    """A small file with bytes changed, dropped and put in is read, or a data error; other values come from a file without checksums only."""
    read_or_refused(name, edits, tmp_path, small_files)


@pytest.mark.reliability
@pytest.mark.parametrize("name", ["stored.npz", "packed.npz", "plain", "packed.gz"])
@settings(max_examples=5000, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(edits=EDITS)
def test_an_edited_file_many_times(name, edits, tmp_path, small_files):
    """Likewise, thousands of times."""
    read_or_refused(name, edits, tmp_path, small_files)


@pytest.mark.reliability
@pytest.mark.parametrize("name", ["stored.npz", "packed.npz", "packed.gz"])
def test_any_flipped_bit_is_told_or_harmless(name, tmp_path, small_files):
    """Every single bit of a file with checksums, flipped, gives the same values or a data error, never others."""
    content, reader, values = small_files[name]
    for bit in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        (tmp_path / "flipped").write_bytes(bytes(damaged))
        with suppress(DataError):
            assert np.array_equal(reader(tmp_path / "flipped"), values)


def test_a_flipped_bit_of_a_plain_file_changes_its_checksum(tmp_path, idx_bytes):
    """A plain idx file has no checksum: a bit flipped in its values is read as it stands, but the sha256 that the manifest keeps is another."""
    content = idx_bytes(IMAGES)
    (tmp_path / "good").write_bytes(content)
    good = read_idx(tmp_path / "good", 3)
    for bit in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        (tmp_path / "flipped").write_bytes(bytes(damaged))
        if bit // 8 < 16:
            with pytest.raises(DataError, match="flipped"):
                read_idx(tmp_path / "flipped", 3)
        else:
            assert read_idx(tmp_path / "flipped", 3).sha256 != good.sha256


GUARDED = """
import resource, sys
from pathlib import Path
import numpy as np
import yaml
from chipsim.costs.accelergy_files import read as read_yaml
from chipsim.costs import yaml_lines
from chipsim.datasets import read_idx
from chipsim.datasets.npz import open_archive
from chipsim.errors import InputError

def npz(path):
    with open_archive(path) as archive:
        archive.read(archive.header("a", 1, (np.integer,)))

readers = {".idx": lambda path: read_idx(path, 1), ".gz": lambda path: read_idx(path, 1), ".npz": npz, ".yaml": lambda path: read_yaml(path, "ART")}
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + MARGIN, used + MARGIN))
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        readers[path.suffix](path)
        print(path.name, "read")
    except InputError as error:
        print(path.name, "refused" if str(error).startswith(str(path)) else error)
"""
MARGIN = 48 * 2**20
"""What reading may take beyond the interpreter and its libraries, bytes of address space. A reader holds pieces of 1 MiB, deflate a window of
32 KiB, the YAML loader some thousand nodes; the files below unpack to, or promise, 100 MB and far more."""
UNPACKED = 100_000_000


def test_bombs_are_refused_in_little_memory(tmp_path, npy_bytes):
    """With 48 MiB to spare, files that promise or unpack to hundreds of megabytes, or multiply references, are each refused, or read in it."""
    zeros = bytes(UNPACKED)
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (%d,)}"
    laughs = "l0: &l0 [1]\n" + "\n".join(f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 10)}]" for level in range(1, 10))
    merges = "l0: &l0 {a: 1, b: 2, c: 3, d: 4}\n" + "\n".join(f"l{level}: &l{level} {{<<: [{', '.join([f'*l{level - 1}'] * 10)}]}}" for level in range(1, 12))
    table = "\nART:\n  version: 0.4\n  tables:\n  - {name: a, area: 1, primitive_estimations: %s}\n"
    files = {
        "lie.idx": b"\0\0\x08\x01" + struct.pack(">I", 2**32 - 1) + b"1234",
        "lie.gz": gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", 2**31 - 9) + b"1234"),
        "bomb.gz": gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", 4) + zeros, 1),
        "honest.gz": gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", UNPACKED) + zeros, 1),
        "laughs.yaml": (laughs + table % "*l9").encode(),
        "laughing.yaml": (laughs + table % "[*l9, *l9]").encode(),
        "merges.yaml": (merges + table % "[]").encode(),
        "sexagesimal.yaml": b"a: 1" + b":59" * 200_000,
        "brackets.yaml": b"ART:\n  version: 0.4\n  tables:\n  - {name: '" + b"[" * 100_000 + b"'}\n",
    }
    folder = tmp_path / "bombs"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    for name, shape, content in (("honest", UNPACKED, zeros), ("bomb", 4, zeros), ("lie", 2**40, b"1234")):
        with zipfile.ZipFile(folder / f"{name}.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr("a.npy", npy_bytes(np.frombuffer(content, np.uint8), header % shape))
    script = GUARDED.replace("MARGIN", str(MARGIN))
    done = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=False)
    assert not done.stderr
    told = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    read_well = {"laughs.yaml", "laughing.yaml", "brackets.yaml"}
    assert {name for name, found in told.items() if found == "read"} - {"merges.yaml"} == read_well
    assert {name for name, found in told.items() if found == "refused"} - {"merges.yaml"} == set(told) - read_well - {"merges.yaml"}
    assert len(told) == len(files) + 3


def test_no_error_here_but_input_errors():
    """What the readers raise is an input error, for which commands end without a traceback."""
    assert issubclass(DataError, InputError)
