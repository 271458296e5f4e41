"""Every kernel is tested twice: compiled, and as the plain Python it was written as."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any

import pytest
from numba.core import config

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


@pytest.fixture(scope="session")
def population() -> int:
    """Return how many devices a statistical test draws: plain Python gets by with fewer, and wider bounds."""
    return 100_000 if COMPILED else 10_000
