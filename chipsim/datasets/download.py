"""Fetching the MNIST files where there is a network; every file is checked before it is used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from chipsim.datasets.idx import IdxFile, read_idx
from chipsim.errors import DataError

MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/",)
"""Copies of the original files (the mirror that torchvision uses)."""

ARCHIVES = {
    "train-images-idx3-ubyte": "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte": "md5:d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte": "md5:9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte": "md5:ec29112dd5afa0611ce80d1b7f02629c",
}
"""Checksums of the original .gz files, as published: they tell a bad download."""

PAYLOADS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""sha256 of the files after decompression."""

Fetch = Callable[[str, str, Path], Path]
"""(url, "algorithm:checksum", folder) -> the file, downloaded unless it is there already."""


def cache_folder() -> Path:
    """Return the user's cache folder for downloaded data."""
    import pooch  # loading it takes a while, and few runs download

    return Path(pooch.os_cache("chipsim")) / "mnist"


def fetch(url: str, checksum: str, folder: Path) -> Path:
    """Download a file into `folder` unless it is there already, and check it."""
    import pooch

    downloader = pooch.HTTPDownloader(timeout=30)
    return Path(pooch.retrieve(url, known_hash=checksum, path=folder, fname=url.rsplit("/", 1)[-1], downloader=downloader))


def download(stem: str, dimensions: int, folder: Path | None = None, get: Fetch = fetch) -> IdxFile:
    """Return one MNIST file from the cache, or from the first mirror that has it intact.

    Raises
    ------
    DataError
        if no mirror delivers the file; the message says how to use a local copy.
    """
    reasons = []
    for mirror in MIRRORS:
        url = f"{mirror}{stem}.gz"
        try:
            found = read_idx(get(url, ARCHIVES[stem], folder if folder is not None else cache_folder()), dimensions)
        except (OSError, ValueError, ImportError, DataError) as error:
            reasons.append(f"{url}: {_short(error)}")
            continue
        if found.sha256 == PAYLOADS[stem]:
            return found
        reasons.append(f"{url}: the content has sha256 {found.sha256}, {PAYLOADS[stem]} expected")
    msg = (
        f"MNIST could not be downloaded ({'; '.join(reasons)}). Put the four MNIST idx files into a folder and give it with "
        "--data-dir FOLDER or the environment variable CHIPSIM_DATA, or use the built-in data set mnist-5k"
    )
    raise DataError(msg)


def _short(error: BaseException) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0] if len(lines[0]) <= 200 else lines[0][:197] + "..."
