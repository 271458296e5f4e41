"""Downloading MNIST, with a stand-in for the network."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from chipsim.datasets import download as module
from chipsim.datasets import load_dataset
from chipsim.datasets.download import ARCHIVES, PAYLOADS, download
from chipsim.errors import DataError
from chipsim.scenario.parts import Data

STEM = "train-labels-idx1-ubyte"


def test_every_file_has_checksums():
    """The four files are known by the checksum of the archive and of its content."""
    assert set(ARCHIVES) == set(PAYLOADS)
    assert len(PAYLOADS) == 4


def test_a_good_file_is_used(tmp_path, idx_bytes, monkeypatch):
    """A file whose content has the right checksum is read from where it was downloaded to."""
    asked = []
    content = idx_bytes(np.array([1, 2, 3]))

    def get(url, checksum, folder):
        asked.append((url, checksum))
        path = folder / "file.gz"
        path.write_bytes(gzip.compress(content))
        return path

    monkeypatch.setitem(PAYLOADS, STEM, "4f2a9d5e9e9b4bcb")
    with pytest.raises(DataError, match="4f2a9d5e9e9b4bcb expected"):
        download(STEM, 1, tmp_path, get)
    monkeypatch.setitem(PAYLOADS, STEM, module.read_idx(tmp_path / "file.gz", 1).sha256)
    assert download(STEM, 1, tmp_path, get).values.tolist() == [1, 2, 3]
    assert asked[0] == (f"{module.MIRRORS[0]}{STEM}.gz", ARCHIVES[STEM])


@pytest.mark.parametrize("error", [OSError("no route to host"), ValueError("MD5 hash of downloaded file does not match")])
def test_a_failed_download_says_what_to_do(tmp_path, error):
    """No network and a damaged download both say how to give a local copy."""

    def get(*_):
        raise error

    with pytest.raises(DataError, match=r"(?s)--data-dir FOLDER.*CHIPSIM_DATA.*mnist-5k"):
        download(STEM, 1, tmp_path, get)


def test_mnist_without_a_folder_is_downloaded(idx_folder, monkeypatch):
    """Without any folder, `mnist` comes from the network, file by file."""
    names = {path.name.removesuffix(".gz"): path for path in idx_folder.iterdir()}
    monkeypatch.delenv("CHIPSIM_DATA", raising=False)
    monkeypatch.setattr("chipsim.datasets.load.download", lambda stem, dimensions: module.read_idx(names[stem], dimensions))
    assert load_dataset(Data(name="mnist", crop=(6, 8))).train_images.shape == (20, 48)


def test_pooch_is_asked_with_the_checksum(tmp_path, monkeypatch):
    """The real fetcher hands pooch the URL, the checksum and the cache folder."""
    pooch = pytest.importorskip("pooch")
    seen = {}

    def retrieve(url, **options):
        seen.update(options, url=url)
        return str(tmp_path / options["fname"])

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    assert module.fetch("https://example.org/a/file.gz", "md5:00", tmp_path) == tmp_path / "file.gz"
    assert (seen["known_hash"], seen["path"]) == ("md5:00", tmp_path)
    assert module.cache_folder().name == "mnist"
