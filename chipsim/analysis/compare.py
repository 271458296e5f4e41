"""Two runs side by side: what they were given, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chipsim.analysis.differences import Array, Figure, array_difference, figure_differences
from chipsim.analysis.files import SUMMARY, TRACES, WEIGHTS
from chipsim.analysis.inputs import Input, input_differences, manifest_faults
from chipsim.analysis.run import Run
from chipsim.datasets.npz import open_archive
from chipsim.errors import InputError
from chipsim.units import PICOSECONDS_PER_SECOND


@dataclass(frozen=True)
class Side:
    """One of two runs: where it lies, how it stands and why, and the version of its layout."""

    path: str
    status: str
    reason: str
    schema: Any


@dataclass(frozen=True)
class Comparison:
    """What two runs have in common.

    Attributes
    ----------
    a, b
        the runs.
    inputs
        inputs that differ, those that decide first.
    figures, figures_compared
        results of the summaries that differ, the most different first; and how many there are.
    arrays
        all arrays of traces and weights, the most different first.
    missing
        what could not be compared, a line each.
    """

    a: Side
    b: Side
    inputs: tuple[Input, ...]
    figures: tuple[Figure, ...]
    figures_compared: int
    arrays: tuple[Array, ...]
    missing: tuple[str, ...]

    @property
    def same_inputs(self) -> bool:
        """Whether no input differs that can change a result, or what is recorded of it."""
        return not self._weighing("decides", "recording")

    @property
    def same_results(self) -> bool:
        """Whether all results are the same byte for byte, as far as they could be compared."""
        return not self.figures and all(array.same for array in self.arrays)

    @property
    def complete(self) -> bool:
        """Whether there are results, and all could be compared."""
        return not self.missing and bool(self.figures_compared or self.arrays)

    @property
    def verdict(self) -> str:
        """What it comes down to, in one line."""
        results = self._results()
        if not self.same_inputs:
            counted = ((len(self._weighing("decides")), "that can change results"), (len(self._weighing("recording")), "that say what is recorded"))
            return f"different inputs ({', '.join(f'{count} {what}' for count, what in counted if count)}), {results}"
        return f"same inputs, {results}{'' if self.same_results else self._why()}"

    def to_dict(self) -> dict[str, Any]:
        """Return everything for JSON; numbers that are not finite become text."""
        content = asdict(self)
        content["verdict"] = self.verdict
        content |= {name: getattr(self, name) for name in ("same_inputs", "same_results", "complete")}
        plain: dict[str, Any] = _plain(content)
        return plain

    def _weighing(self, *weights: str) -> list[Input]:
        return [item for item in self.inputs if item.weight in weights]

    def _results(self) -> str:
        if not (self.figures_compared or self.arrays):
            return "no results that could be compared"
        if self.same_results:
            return "same results byte for byte" if self.complete else "same results as far as they could be compared"
        unlike = sum(not array.same for array in self.arrays)
        return f"different results ({len(self.figures)} of {self.figures_compared} figures, {unlike} of {len(self.arrays)} arrays)"

    def _why(self) -> str:
        """Return what may explain that the same inputs gave different results."""
        early = [f"{name} is {side.status}" for name, side in (("A", self.a), ("B", self.b)) if side.status != "done"]
        if early or self.a.reason != self.b.reason:
            return f": they did not end alike ({', '.join(early) or f'A: {self.a.reason}; B: {self.b.reason}'})"
        circumstances = [item.name for item in self._weighing("circumstance")]
        if circumstances:
            return f": what differs is {', '.join(circumstances)}"
        if self.missing:
            return ": whether inputs that could not be compared differ is not known"
        return ": versions, data and machine are the same, so chipsim was not deterministic, which is a fault worth reporting"


def compare(a: Run, b: Run) -> Comparison:
    """Compare two runs as far as they can be read, without changing anything; `open_run` opens also those that are damaged."""
    inputs, missing = input_differences(a, b)
    missing += [fault for run, side in ((a, "A"), (b, "B")) for fault in manifest_faults(run, side)]
    figures: list[Figure] = []
    compared = 0
    if a.summary and b.summary:
        figures, compared = figure_differences(a.summary, b.summary)
    missing += _lacking(a, b, SUMMARY, bool(a.summary), bool(b.summary))
    arrays = [*_traces(a, b, missing), *_weights(a, b, missing)]
    ranked = sorted(arrays, key=lambda array: array.rank, reverse=True)
    return Comparison(_side(a), _side(b), tuple(inputs), tuple(figures), compared, tuple(ranked), tuple(missing))


def _side(run: Run) -> Side:
    return Side(str(run.path), run.status, str(run.manifest.get("reason", "")), run.manifest.get("schema"))


def _lacking(a: Run, b: Run, name: str, in_a: bool, in_b: bool) -> Iterator[str]:
    """Yield that a run has no file of a name, unless a fault of the file has been told."""
    for run, side, there, other in ((a, "A", in_a, in_b), (b, "B", in_b, in_a)):
        if not there and name not in run.faults:
            yield f"{side}: {run.path / name}: is not there{'' if other else ', nor in the other run'}"


# ---- arrays ------------------------------------------------------------------------------------------------------------


def _traces(a: Run, b: Run, missing: list[str]) -> Iterator[Array]:
    """Yield every variable of the traces, unless one run has none at all."""
    missing += _lacking(a, b, TRACES, bool(a.traces), bool(b.traces))
    if not (a.traces and b.traces):
        return
    for group in dict.fromkeys((*a.traces, *b.traces)):
        try:
            mine, other = (run.traces[group].load() if group in run.traces else {} for run in (a, b))
        except InputError as error:
            missing.append(str(error))
            continue
        found = [_array(f"{group}.{name}", mine.get(name), other.get(name)) for name in dict.fromkeys((*mine, *other))]
        axes = a.traces[group].axes() if any(array.first_at for array in found) else {}
        yield from (replace(array, first_ps=_moment(mine, axes, array)) if array.first_at else array for array in found)


def _array(label: str, a: NDArray[Any] | None, b: NDArray[Any] | None) -> Array:
    """Compare two arrays of which one may not be there."""
    if a is not None and b is not None:
        return array_difference(label, a, b)
    return Array(label, "only in A" if b is None else "only in B", tuple(() if array is None else array.shape for array in (a, b)))


def _moment(arrays: Mapping[str, NDArray[Any]], axes: Mapping[str, tuple[str, ...]], found: Array) -> int | None:
    """Return the chip time (ps) of the first difference; None where the group has no time along any axis of the array."""
    if not {"time_s", "time_ps"} <= arrays.keys():
        return None
    (axis,), mine = axes["time_s"], axes[found.name.partition(".")[2]]
    if axis not in mine:
        return None
    row = found.first_at[mine.index(axis)]
    return int(arrays["time_s"][row]) * PICOSECONDS_PER_SECOND + int(arrays["time_ps"][row])


def _weights(a: Run, b: Run, missing: list[str]) -> Iterator[Array]:
    """Yield the weights of every layer."""
    mine, other = (_final_weights(run, side, missing) for run, side in ((a, "A"), (b, "B")))
    missing += _lacking(a, b, WEIGHTS, *((run.path / WEIGHTS).exists() for run in (a, b)))
    if mine is None or other is None:
        return
    for layer, (one, two) in enumerate(zip_longest(mine, other)):
        yield _array(f"{WEIGHTS}: w{layer}", one, two)


def _final_weights(run: Run, side: str, missing: list[str]) -> list[NDArray[Any]] | None:
    """Return the weights that a run ended with, (inputs + 1, outputs) a layer; None where it has none that can be read."""
    file = run.path / WEIGHTS
    if WEIGHTS in run.faults or not file.exists():
        return None
    found: list[NDArray[Any]] = []
    try:
        with open_archive(file) as archive:
            while (name := f"w{len(found)}") in archive:
                found.append(archive.read(archive.header(name, 2, (np.floating,))))
    except InputError as error:
        missing.append(f"{side}: {error}")
        return None
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
