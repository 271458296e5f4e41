"""The one decorator that makes a kernel: Numba in nopython mode, cached on disk where that is possible.

Numba's cache sees neither an edit in a *called* file nor `NUMBA_BOUNDSCHECK`, so the cache folder's name carries a digest of every
file in this package, and code with checked indices has a folder of its own. Where no folder can be written, kernels are
compiled afresh in every process instead of failing at import.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import config as _numba_config

config: Any = _numba_config
"""Numba makes the attributes of this module when it is imported, unseen by type checkers."""

F = TypeVar("F", bound=Callable[..., Any])

FLOAT_MATH = {"contract", "nsz", "arcp", "reassoc"}
"""Freedoms given to the compiler in crossbar sums; NaN checks stay, and random numbers use none of these."""


def source_digest() -> str:
    """Return a digest over all sources of this package."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _cache_folder() -> str | None:
    base = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    try:
        root = Path(base) if base else Path.home() / ".cache"
        folder = root / "chipsim" / f"kernels-{source_digest()}{'-checked' if config.BOUNDSCHECK else ''}"
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, RuntimeError):
        return None
    return str(folder)


_CACHE = _cache_folder()


def kernel(**options: Any) -> Callable[[F], F]:
    """Return a decorator that compiles a function; options go to `numba.njit`.

    Kernels work in arrays that they are given and make none, so Numba's reference counting is off (a tenth of a training
    step otherwise); a kernel that returns a new array asks for it with `_nrt=True`.
    """
    options.setdefault("_nrt", False)

    def decorate(function: F) -> F:
        if _CACHE is None:
            return numba.njit(**options)(function)  # type: ignore[no-any-return]
        before = config.CACHE_DIR
        config.CACHE_DIR = _CACHE
        try:
            return numba.njit(cache=True, **options)(function)  # type: ignore[no-any-return]
        finally:
            config.CACHE_DIR = before

    return decorate
