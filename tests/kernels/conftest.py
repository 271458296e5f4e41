"""Every kernel is tested twice: compiled, and as the plain Python it was written as."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from types import FunctionType
from typing import Any

import pytest
from numba.core import config

from chipsim.kernels import attempt, pairs, pcm, refresh, software, training, transfer

Kernel = Callable[..., Any]
COMPILED = not config.DISABLE_JIT


@cache
def plain(kernel: Kernel) -> Kernel:
    """Return a kernel as plain Python, down to the last kernel that it calls."""
    function = getattr(kernel, "py_func", kernel)
    scope = dict(function.__globals__)
    for name in function.__code__.co_names:
        if hasattr(scope.get(name), "py_func"):
            scope[name] = plain(scope[name])
    return FunctionType(function.__code__, scope, function.__name__, function.__defaults__, function.__closure__)


@pytest.fixture(scope="module", params=["compiled", "plain"] if COMPILED else ["plain"])
def variant(request: pytest.FixtureRequest) -> Callable[[Kernel], Kernel]:
    """Return a function that picks one variant of a kernel: `variant(kernel)(arguments)`."""
    return plain if request.param == "plain" else lambda kernel: kernel


@pytest.fixture(scope="module")
def working(variant: Callable[[Kernel], Kernel]) -> Iterator[bool]:
    """Let chips work with one variant of every kernel that they call; tell whether it is the compiled one."""
    called = {
        training: ("train_phases",),
        transfer: ("program_all", "transfer_all", "sample_column", "aim_column", "finish_column"),
        attempt: ("reset_column", "ramp_column", "verify_column"),
        refresh: ("refresh_row", "count_saturated"),
        pairs: ("program_pairs", "refresh_pairs"),
        software: ("train_float",),
        pcm: ("aged",),
    }
    with pytest.MonkeyPatch.context() as patch:
        for module, names in called.items():
            for name in names:
                patch.setattr(module, name, variant(getattr(module, name)))
        yield COMPILED and variant(training.train_phases) is training.train_phases


@pytest.fixture(scope="session")
def population() -> int:
    """Return how many devices a statistical test draws: plain Python gets by with fewer, and wider bounds."""
    return 100_000 if COMPILED else 10_000
