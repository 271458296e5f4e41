"""Where compiled kernels are kept, and that every one of them is tested."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chipsim.kernels import jit

HERE = Path(__file__).resolve().parent
KERNELS = Path(jit.__file__).resolve().parent


def test_checked_code_is_kept_apart(tmp_path, monkeypatch):
    """With bounds checking kernels are cached in a folder of their own; both carry the digest of the sources."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    folders = []
    for checked in (None, 1):
        monkeypatch.setattr(jit.config, "BOUNDSCHECK", checked)
        folders.append(Path(jit._cache_folder()).name)
    assert folders == [f"kernels-{jit.source_digest()}", f"kernels-{jit.source_digest()}-checked"]


def test_without_a_place_to_write_kernels_compile_in_memory(tmp_path, monkeypatch):
    """Where no cache folder can be made there is none, and a kernel works all the same."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    assert jit._cache_folder() is None
    monkeypatch.setattr(jit, "_CACHE", None)
    assert jit.kernel()(_twice)(3) == 6


def _twice(value):
    return 2 * value


@pytest.mark.skipif(bool(jit.config.DISABLE_JIT), reason="plain Python checks every index")
def test_a_cached_kernel_does_not_escape_bounds_checking(tmp_path):
    """A kernel that was compiled and cached without checks is compiled again with them, and raises an IndexError."""
    script = (
        "import sys, numpy as np; from chipsim.kernels.training import load_image; load_image(np.zeros(int(sys.argv[1]), np.uint8), np.zeros(4, np.float32))"
    )
    environment = {key: value for key, value in os.environ.items() if key != "NUMBA_BOUNDSCHECK"} | {"NUMBA_CACHE_DIR": str(tmp_path)}

    def run(pixels, **more):
        return subprocess.run([sys.executable, "-c", script, str(pixels)], env=environment | more, capture_output=True, text=True, check=False, timeout=300)

    assert run(4).returncode == 0
    assert run(4, NUMBA_BOUNDSCHECK="1").returncode == 0
    checked = run(5, NUMBA_BOUNDSCHECK="1")
    assert checked.returncode == 1
    assert "IndexError" in checked.stderr


# ---- every kernel is tested -----------------------------------------------------------------------------------------------


def kernels():
    """Return every function that is made a kernel, with the names that its body mentions."""
    found = {}
    for path in KERNELS.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            made = [part.func.id for part in getattr(node, "decorator_list", []) if isinstance(part, ast.Call) and isinstance(part.func, ast.Name)]
            if isinstance(node, ast.FunctionDef) and "kernel" in made:
                found[node.name] = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return found


def mentioned(path):
    """Return the names and attributes that a file of tests mentions, and those that it names as texts."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names |= {node.id} if isinstance(node, ast.Name) else {node.attr} if isinstance(node, ast.Attribute) else set()
        names |= {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()
    return names


def test_every_kernel_is_called_by_a_test_of_kernels():
    """Each is named in `tests/kernels`, or called by one that is; what they do line by line is the business of coverage."""
    calls = kernels()
    assert len(calls) > 70
    reached = set(calls) & set().union(*(mentioned(path) for path in HERE.glob("*.py") if path != Path(__file__).resolve()))
    while more := {name for caller in reached for name in calls[caller] & set(calls)} - reached:
        reached |= more
    assert set(calls) == reached
