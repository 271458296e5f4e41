"""How what training does changes as a network learns: fewer errors, fewer pulses. A profile carries counts of a short simulation on to a whole run."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chipsim.costs.actions import DATA_DEPENDENT
from chipsim.silicon.accounting import PROGRAMS

STALLED = "training held up"
"""What a profile calls the time in which training stood still: transfers last longer as the conductances grow."""
EDGES = (0, 2000, 4000, 8000, 16000, 32000, 64000, 128000, 256000, 512000)
"""Images at which the bins of a profile begin."""


@dataclass(frozen=True)
class Activity:
    """Rates of actions over the images trained; beyond its last bin, and in it, a rate stays what it is.

    Attributes
    ----------
    source
        what it was taken from.
    edges
        images at which the bins begin, rising from 0, shape (bins,).
    rates
        action, or `STALLED` -> how often, or how long, an image, in every bin, in any unit; only ratios matter.
    """

    source: str
    edges: tuple[float, ...]
    rates: Mapping[str, tuple[float, ...]]

    def factor(self, action: str, measured: tuple[float, float], wanted: tuple[float, float]) -> float:
        """Return the mean rate over the `wanted` images over that of those `measured`; 1 for actions without a profile."""
        if action not in self.rates:
            return 1.0
        known = self._mean(action, *measured)
        return self._mean(action, *wanted) / known if known > 0 else 1.0

    def _mean(self, action: str, start: float, end: float) -> float:
        starts = np.array(self.edges)
        ends = np.array([*self.edges[1:], np.inf])
        inside = np.clip(np.minimum(ends, end) - np.maximum(starts, start), 0.0, None)
        return float(np.dot(inside, self.rates[action]) / inside.sum()) if inside.sum() > 0 else 0.0

    @classmethod
    def of_segments(cls, source: str, images: ArrayLike, actions: Sequence[str], amounts: ArrayLike, first_transfer: int) -> Activity:
        """Return the profile of a run.

        Parameters
        ----------
        images
            trained at the end of every segment, shape (segments,).
        actions
            names of the columns of `amounts`.
        amounts
            of every segment, shape (segments, actions).
        first_transfer
            images after which weights were first transferred; before that, programming is that of the initial weights.
        """
        ends = np.asarray(images, dtype=np.float64)
        summed = np.vstack([np.zeros(len(actions)), np.cumsum(np.asarray(amounts, dtype=np.float64), axis=0)])
        edges = tuple(edge for edge in EDGES if edge < ends[-1])
        at = np.array([np.interp([*edges, ends[-1]], [0.0, *ends], column) for column in summed.T]).T
        rates = np.diff(at, axis=0) / np.diff([*edges, ends[-1]])[:, None]
        return cls(
            source,
            edges,
            {name: _settled(name, edges, rates[:, column], first_transfer) for column, name in enumerate(actions) if name in (*DATA_DEPENDENT, STALLED)},
        )


def _settled(action: str, edges: tuple[float, ...], rates: NDArray[np.float64], first_transfer: int) -> tuple[float, ...]:
    """Return rates with those of the first transfers also before them, where the initial weights were written, and nothing stalled."""
    later = next((number for number, edge in enumerate(edges) if edge >= first_transfer), 0)
    if action == STALLED or action in PROGRAMS:
        rates = np.concatenate([np.full(later, rates[later]), rates[later:]])
    return tuple(rates.tolist())


@cache
def shipped_activity() -> Activity:
    """Return the profile that comes with chipsim: training on MNIST (`scenarios/mnist.toml`)."""
    values = tomllib.loads(resources.files("chipsim.silicon").joinpath("activity.toml").read_text(encoding="utf-8"))
    return Activity(values["source"], tuple(values["edges"]), {name: tuple(rates) for name, rates in values["rates"].items()})
