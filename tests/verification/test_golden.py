"""Integers that are the same on every platform: random words, the order of events, counts; compiled or not, for any processor."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from numba.core import config

from chipsim.kernels import layout, random


@pytest.fixture(scope="module")
def script(root, small):
    """Return the script that makes the golden integers."""
    assert small.LIVES
    spec = importlib.util.spec_from_file_location("make_golden", root / "tests" / "vectors" / "make_golden.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def golden(script):
    """Return what is committed."""
    return json.loads(script.GOLDEN.read_text(encoding="utf-8"))


def printed(script, *parts, **environment):
    """Return what the script prints of some parts in a process of its own."""
    command = [sys.executable, str(script.__file__), "--print", *parts]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("part", ["words", "events", "counts"])
def test_the_integers_are_those_that_are_committed(script, golden, part):
    """Words, events and counts of today are those of `golden.json`; `python tests/vectors/make_golden.py` writes what differs."""
    found = script.PARTS[part]()
    assert found.keys() == golden[part].keys()
    assert not {name: value for name, value in found.items() if value != golden[part][name]}


def test_the_script_writes_the_file_byte_for_byte(script, golden):
    """What the script would write of the committed integers is the committed file, so only integers can change it."""
    assert list(golden) == list(script.PARTS)
    assert script.text_of(golden).encode() == script.GOLDEN.read_bytes()


def test_everything_has_its_golden_integers(small, script, golden):
    """Every purpose of randomness, every life of a chip, every kind of cell and every action is in the file."""
    assert len(golden["words"]) == len(set(script.purposes().values())) >= random.REFERENCE_NOISE
    assert golden["events"].keys() == small.LIVES.keys()
    assert all(counts.keys() == {*layout.ACTIONS, "images", "transfers"} for counts in golden["counts"].values())
    assert all(counts["images"] == 20 for counts in golden["counts"].values())
    policies = {small.scenario(small.QUICK, life).transfer.policy for life in small.LIVES.values()}
    assert policies == {"instant", "stall", "interleave", "oldest-first"}


def test_other_seeds_have_other_events(small, script, golden):
    """The checksum of a life sees what happens: with another seed it is another."""
    name = "interleave"
    other = script.happenings(small.life(name, script.UNROUNDED, small.WATCHED, {"seed": 2}))
    assert other["sha256"] != golden["events"][name]["sha256"]


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="kernels are plain Python anyway")
def test_plain_python_gives_the_same_words_and_counts(script, golden):
    """Without the compiler, sums are rounded in another order, and no integer changes."""
    assert printed(script, "words", "counts", NUMBA_DISABLE_JIT="1") == script.text_of({part: golden[part] for part in ("words", "counts")})


@pytest.mark.reliability
def test_any_processor_gives_the_same_integers(script, tmp_path):
    """Compiled for a processor without vector extensions and fused multiply-add, no integer changes."""
    plain = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": str(tmp_path)}
    assert printed(script, "words", "events", "counts", **plain).encode() == script.GOLDEN.read_bytes()


@pytest.mark.reliability
@pytest.mark.parametrize("trial", range(5))
def test_no_integer_hangs_by_a_thread(small, script, golden, monkeypatch, trial):
    """Starting weights that are off by a millionth, ten times the rounding of float32, change no integer: nor does another way of rounding."""
    rng, start = np.random.default_rng(trial), small.starting_weights
    monkeypatch.setattr(
        small, "starting_weights", lambda scenario: [(w * (1 + 1e-6 * rng.standard_normal(w.shape))).astype(np.float32) for w in start(scenario)]
    )
    for part in ("events", "counts"):
        assert not [name for name, value in script.PARTS[part]().items() if value != golden[part][name]]
