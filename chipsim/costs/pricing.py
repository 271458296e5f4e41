"""Energy: counts times rates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chipsim.costs.actions import ACTIONS, BALANCES, COMPONENTS
from chipsim.costs.table import unknown
from chipsim.errors import InputError

Rates = Mapping[str, float]
"""Action -> joules per count, coulomb, siemens-second or second; `silicon.Silicon.rates` has them for a chip."""


def price(counts: Mapping[str, float], rates: Rates) -> dict[str, float]:
    """Return the energy (J) of every component, in the order of `COMPONENTS`.

    Parameters
    ----------
    counts
        action -> how often it happened, or how much of it (S s, C, s: see `chipsim.costs.actions`); amounts kept for a
        balance of charge (`BALANCES`) cost nothing.
    rates
        action -> joules for each.

    Raises
    ------
    InputError
        if an action is not known, or has no rate.
    ValueError
        if an amount is negative.
    """
    amounts = np.array([[float(amount) for amount in counts.values()]], dtype=np.float64)
    energies = price_segments(tuple(counts), amounts, rates)[0]
    return dict(zip(COMPONENTS, energies.tolist(), strict=True))


def price_segments(actions: Sequence[str], amounts: ArrayLike, rates: Rates) -> NDArray[np.float64]:
    """Return the energy (J) of many segments, shape (segments, components), components in the order of `COMPONENTS`.

    An amount that is no finite number, of a run that has failed on it, makes an energy that is none either.

    Parameters
    ----------
    actions
        names of the columns of `amounts`.
    amounts
        shape (segments, actions).
    rates
        action -> joules for each.

    Raises
    ------
    InputError
        if an action is not known, or has no rate.
    ValueError
        if an amount is negative, or the shapes do not fit.
    """
    table_of_amounts = np.asarray(amounts, dtype=np.float64)
    _check(actions, table_of_amounts, rates)
    energies = np.zeros((len(table_of_amounts), len(COMPONENTS)))
    for column, name in enumerate(actions):
        if name in BALANCES:
            continue
        energies[:, COMPONENTS.index(ACTIONS[name].component)] += table_of_amounts[:, column] * rates[name]
    return energies


def total(energies: Mapping[str, float]) -> float:
    """Return the sum of the components (J), rounded once."""
    return math.fsum(energies.values())


def check_actions(actions: Iterable[str], rates: Rates) -> None:
    """See that everything counted has a price.

    Raises
    ------
    InputError
        naming all actions that are not known, or have no rate.
    """
    faults = [f"no price: {unknown(name, ACTIONS, 'action')}" for name in actions if name not in ACTIONS and name not in BALANCES]
    faults += [f"no price: '{name}' was counted, but has no rate" for name in actions if name in ACTIONS and name not in rates]
    if faults:
        raise InputError("\n".join(faults))


def _check(actions: Sequence[str], amounts: NDArray[np.float64], rates: Rates) -> None:
    check_actions(actions, rates)
    if amounts.ndim != 2 or amounts.shape[1] != len(actions):
        msg = f"amounts of shape (segments, {len(actions)}) expected, {amounts.shape} found"
        raise ValueError(msg)
    wrong = np.argwhere(amounts < 0.0)
    if len(wrong):
        row, column = wrong[0]
        msg = f"the amount of '{actions[column]}' is {amounts[row, column]}; zero or more is expected"
        raise ValueError(msg)
