"""chipsim: an event-driven simulator of a chip that trains neural networks inside analog memory.

    >>> from chipsim import Scenario, simulate, load_run
    >>> run = simulate(Scenario.load("mnist-5k"), out="my-run")      # doctest: +SKIP

Names are imported when first asked for, so that `import chipsim` stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chipsim.analysis.run import Run, load_run
    from chipsim.run.estimate import estimate
    from chipsim.run.simulate import simulate
    from chipsim.scenario import Scenario

__version__ = "0.1.0"
__all__ = ["Run", "Scenario", "__version__", "estimate", "load_run", "simulate"]

_HOMES = {
    "Scenario": "chipsim.scenario",
    "estimate": "chipsim.run.estimate",
    "simulate": "chipsim.run.simulate",
    "load_run": "chipsim.analysis.run",
    "Run": "chipsim.analysis.run",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    msg = f"module 'chipsim' has no attribute {name!r}"
    raise AttributeError(msg)
