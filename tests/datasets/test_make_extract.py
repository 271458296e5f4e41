"""The built-in extract can be made again."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from chipsim.datasets.make_extract import balanced, make_extract

EXTRACT = Path(sys.modules["chipsim.datasets"].__file__ or "").parent / "mnist_5k.npz"


def test_choice_is_balanced_and_spread():
    """Every digit gives the same number of images, in file order and evenly spaced."""
    labels = np.tile(np.arange(10, dtype=np.uint8), 30)
    chosen = balanced(labels, 3)
    assert chosen.tolist() == sorted(chosen.tolist())
    assert np.bincount(labels[chosen]).tolist() == [3] * 10
    assert chosen[labels[chosen] == 4].tolist() == [4, 104, 204]


def test_extract_is_the_same_every_time(tmp_path, idx_bytes):
    """The same files give the same bytes, from Python and from the command line."""
    rng = np.random.default_rng(1)
    for stem, count in (("train", 5000), ("t10k", 1000)):
        images, labels = rng.integers(0, 256, (count, 28, 28)), np.arange(count) % 10
        (tmp_path / f"{stem}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(images), 1))
        (tmp_path / f"{stem}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(labels), 1))
    make_extract(tmp_path, tmp_path / "one.npz")
    subprocess.run([sys.executable, "-m", "chipsim.datasets.make_extract", str(tmp_path), str(tmp_path / "two.npz")], check=True)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


@pytest.mark.skipif("CHIPSIM_DATA" not in os.environ, reason="needs the MNIST files: set CHIPSIM_DATA")
def test_shipped_extract_comes_from_mnist(tmp_path):
    """The arrays that ship are those that the script takes from the real files."""
    home = Path(os.environ["CHIPSIM_DATA"])
    make_extract(home / "mnist" if (home / "mnist").is_dir() else home, tmp_path / "new.npz")
    with np.load(EXTRACT, allow_pickle=False) as shipped, np.load(tmp_path / "new.npz", allow_pickle=False) as made:
        assert set(shipped) == set(made)
        assert all(np.array_equal(shipped[name], made[name]) for name in shipped)


def test_licence_lies_beside_the_extract():
    """The attribution and the licence of the images ship with them."""
    text = EXTRACT.with_name("mnist_5k.LICENSE.txt").read_text(encoding="utf-8")
    assert "Yann LeCun, Corinna Cortes and Christopher J. C. Burges" in text
    assert "CC BY-SA 3.0" in text
