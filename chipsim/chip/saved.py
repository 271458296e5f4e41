"""All that a chip's future depends on, as named arrays: taken out, and put back into a chip built from the same scenario."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chipsim.chip.analog import AnalogChip
from chipsim.chip.software import SoftwareChip

_ANALOG = ("cells", "rows", "columns", "signals", "exchange", "amounts")
_SOFTWARE = ("signals", "amounts")
_SCRATCH = {"scratch", "places"}
"""Empty between phases."""
_LEDGER = "amounts."
"""Bins of segments; a run that is to learn more images has more of them, one that is to learn fewer has fewer."""


def arrays_of(chip: AnalogChip | SoftwareChip) -> dict[str, NDArray[Any]]:
    """Return every array of a chip that is state, by name; they are the chip's own, not copies."""
    return dict(_arrays(chip))


def restore(chip: AnalogChip | SoftwareChip, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write saved arrays into a chip built from the same scenario, or from one that differs in how many images it learns.

    Raises
    ------
    ValueError
        naming the array that is missing, unknown, or of another shape or type.
    """
    own = arrays_of(chip)
    if own.keys() != arrays.keys():
        msg = f"arrays differ: {', '.join(sorted(own.keys() ^ arrays.keys()))}"
        raise ValueError(msg)
    for name, values in own.items():
        saved = arrays[name]
        bins = name.startswith(_LEDGER) and saved.shape[1:] == values.shape[1:] and not saved[len(values) :].any()
        if saved.dtype != values.dtype or (saved.shape != values.shape and not bins):
            msg = f"{name}: {saved.dtype} of shape {saved.shape} found, {values.dtype} of shape {values.shape} expected"
            raise ValueError(msg)
        values[: len(saved)] = saved[: len(values)]


def _arrays(chip: AnalogChip | SoftwareChip) -> Iterator[tuple[str, NDArray[Any]]]:
    if isinstance(chip, SoftwareChip):
        yield "weights", chip.weights
    for part in _ANALOG if isinstance(chip, AnalogChip) else _SOFTWARE:
        for name, values in getattr(chip, part)._asdict().items():
            if name not in _SCRATCH:
                yield f"{part}.{name}", np.asarray(values)
