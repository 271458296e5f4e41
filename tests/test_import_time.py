"""What a command may load before it simulates: neither the compiler nor the plotting library."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import pytest

HEAVY = {"matplotlib", "numba", "llvmlite", "simpy", "xarray", "pandas", "h5py", "h5netcdf", "pooch"}
"""Top-level packages that `--help` and `check` do without."""

COMMANDS = [["--help"], ["run", "--help"], ["export", "--help"], ["check", "mnist-5k"], ["schema"], ["scenarios"]]


def _loaded_by(arguments: Sequence[str]) -> set[str]:
    """Run the command line in a fresh interpreter and return the top-level packages it imported."""
    command = [sys.executable, "-X", "importtime", "-m", "chipsim", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in lines}


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_commands_that_do_not_simulate_answer_at_once(arguments):
    """Help, check, schema and the list of scenarios load neither Numba nor matplotlib nor SimPy."""
    loaded = _loaded_by(arguments)
    assert "chipsim" in loaded, "the measurement itself must work"
    assert not loaded & HEAVY


def test_import_of_the_package_is_light():
    """`import chipsim` loads nothing heavy before a name is used."""
    command = [sys.executable, "-c", "import chipsim, sys; print(*sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert not {name.split(".")[0] for name in done.stdout.split()} & (HEAVY | {"numpy", "pydantic", "typer"})
