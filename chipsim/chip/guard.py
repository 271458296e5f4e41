"""Numerical guards: every number of a chip's state is finite and lies within what its model can give.

`check` reads and writes nothing. What it looks at is all that a later moment builds on, so a fault cannot hide: whatever is
not finite stays in the cells or, where it passes through a read, in the ledger's sums.

Places are as in the traces: layers count from 1, logical rows and columns of a layer from 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chipsim.chip.software import SoftwareChip
from chipsim.chip.state import LAST_TIME, ChipState
from chipsim.devices import Cell
from chipsim.errors import NumericalError
from chipsim.kernels import guard, layout
from chipsim.units import format_time

Chip = ChipState | SoftwareChip
Array = NDArray[Any]
Place = Callable[[int], str]

LARGEST_NORMAL = 6.35
"""No draw of `random.normal` is larger: its polynomials make 6.336 sigma of the outermost 32-bit words (derived; a test holds it)."""
FINITE = (-float(np.finfo(np.float32).max), float(np.finfo(np.float32).max))
ANY = (-float(np.finfo(np.float64).max), float(np.finfo(np.float64).max))
COUNTABLE = (0, 2**63 - 1)
"""A counter of the ledger that has run over is negative. One bin holds what so many images can do: a cell moves by at most 63
pulses an image, so a network of a million cells fills a counter after 1.4e11 images in one bin."""
_ROUNDING = 1e-5
"""Share of a range by which float32 may miss its limits."""
_SUM_ROUNDING = 1e-3
"""Likewise for sums over a line, which follow every change of its devices for the whole run and round each time."""

_AGE_ROUNDING = 1e-6
"""s; ages are differences of seconds that may count years."""


@dataclass(frozen=True)
class Watch:
    """One array: what it holds, between which limits, and where each of its values belongs."""

    quantity: str
    unit: str
    values: Array
    limits: tuple[float, float]
    place: Place
    slack: float = 0
    """How far rounding may carry a value beyond its limits."""


def check(chip: Chip, now_ps: int, segments: slice = slice(None)) -> None:
    """See that every value of a chip's state is a number within its physical range; touch nothing.

    Parameters
    ----------
    now_ps
        chip time, for the message.
    segments
        bins of the ledger to look at; a run of many images has many, which nothing touches any more.

    Raises
    ------
    NumericalError
        naming place, quantity, value, range and chip time of the first value that is not.
    """
    if isinstance(chip, SoftwareChip):
        watches = _weights(chip)
    else:
        _check_voltages(chip, now_ps)
        watches = _cells(chip)
    for watch in watches:
        _look(watch, now_ps)
    for watch in (*_signals(chip), *_ledger(chip, segments)):
        _look(watch, now_ps)


def largest_conductance(cell: Cell) -> float:
    """Return the largest conductance (µS) that the model of the cell's PCM devices can give.

    A RESET gives at most its mean and `LARGEST_NORMAL` of its spread (or its floor), a partial-SET pulse its maximum. A ramp
    aims at no more than its maximum and misses by at most `LARGEST_NORMAL` of its largest spread: that of the best or worst
    point of its polynomial, with all control lost.
    """
    pcm = cell.pcm
    if not cell.has_pcm:
        return 0.0
    reset = max(pcm.reset.conductance * (1.0 + LARGEST_NORMAL * pcm.reset.spread), pcm.reset.floor)
    if cell.kind == "2pcm":
        return min(max(reset, pcm.partial_set.maximum), FINITE[1])
    c0, c1, c2 = pcm.ramp.sigma
    turning = min(max(-c1 / (2.0 * c2), 0.0), 1.0) if c2 else 0.0
    fitted = max(0.0, *(c0 + g * (c1 + g * c2) for g in (0.0, turning, 1.0)))
    sigma = fitted * (pcm.ramp.maximum / 25.0) * (1.0 + pcm.ramp.control_loss)
    return min(max(reset, pcm.ramp.maximum + LARGEST_NORMAL * sigma), FINITE[1])


def _look(watch: Watch, now_ps: int) -> None:
    """Raise an error if one of an array's values is outside."""
    values, kind = watch.values, watch.values.dtype.type
    low, high = watch.limits[0] - watch.slack, watch.limits[1] + watch.slack
    if kind is np.float32:
        low, high = _float32((low, high))
    at = guard.first_outside(values, kind(low), kind(high))
    if at >= 0:
        raise _error(watch.place(at), watch.quantity, values[at], watch.limits, watch.unit, now_ps)


def _error(place: str, quantity: str, value: float, limits: tuple[float, float], unit: str, now_ps: int) -> NumericalError:
    allowed = "any finite number" if limits in {FINITE, ANY} else f"{limits[0]:g} to {limits[1]:g}{unit and ' '}{unit}"
    found = f"{value:g}{unit and ' '}{unit}"
    return NumericalError(f"{place}: {quantity} is {found} at {format_time(now_ps)} of chip time; allowed is {allowed}")


def _float32(limits: tuple[float, float]) -> tuple[float, float]:
    """Return limits that float32 can hold."""
    return max(limits[0], FINITE[0]), min(limits[1], FINITE[1])


# ---- devices ------------------------------------------------------------------------------------------------------------


def _check_voltages(chip: ChipState, now_ps: int) -> None:
    """See that every capacitor is between its lowest and highest voltage, as its row's last access left it; leak only brings it nearer to rest."""
    device, cells, spec = chip.device, chip.cells, chip.cell.capacitor
    slack = _voltage_slack(chip)
    scalars = (device.rest_overdrive, device.threshold_lsb, 0.0, device.lowest - slack, device.highest + slack)
    at = guard.first_voltage_outside(cells.overdrive, cells.threshold, cells.leak, *(np.float32(value) for value in scalars))
    if at >= 0:
        settled = device.rest_overdrive - device.threshold_lsb * float(cells.threshold[at])
        voltage = float(cells.overdrive[at]) - settled + spec.resting
        raise _error(_cell_place(chip)(at), "capacitor voltage", voltage, (spec.minimum, spec.maximum), "V", now_ps)


def _voltage_slack(chip: ChipState) -> float:
    """Return how far rounding may carry an overdrive: it is a sum of voltages of this size in float32."""
    device = chip.device
    return _ROUNDING * max(abs(device.rest_overdrive) + 127.0 * device.threshold_lsb, device.highest - device.lowest)


def _cells(chip: ChipState) -> Iterator[Watch]:
    """Yield what cells and lines hold."""
    device, cells, rows, columns, exchange = chip.device, chip.cells, chip.rows, chip.columns, chip.exchange
    cell, row, column = _cell_place(chip), _line_place(chip, rows=True), _line_place(chip, rows=False)
    largest = largest_conductance(chip.cell)
    drift = chip.cell.pcm.drift
    exponent = _float32((0.0, drift.mean[3] + LARGEST_NORMAL * drift.sigma[3]))
    conductance, pair = (0.0, largest), _float32((-device.gain * largest, device.gain * largest))
    yield Watch("PCM conductance G+", "uS", cells.g_plus, conductance, cell, _ROUNDING * largest)
    yield Watch("PCM conductance G-", "uS", cells.g_minus, conductance, cell, _ROUNDING * largest)
    yield Watch("F (G+ - G-)", "uS", cells.pcm, pair, cell, _ROUNDING * pair[1])
    yield Watch("drift exponent of G+", "", cells.nu_plus, exponent, cell, _ROUNDING * exponent[1])
    yield Watch("drift exponent of G-", "", cells.nu_minus, exponent, cell, _ROUNDING * exponent[1])
    yield Watch("partial-SET memory of G+", "", cells.memory_plus, (0.0, 1.0), cell)
    yield Watch("partial-SET memory of G-", "", cells.memory_minus, (0.0, 1.0), cell)
    yield Watch("reference, from its resting voltage,", "V", columns.reference, (device.lowest, device.highest), column, _voltage_slack(chip))
    yield Watch("polarity", "", columns.polarity, (-1.0, 1.0), column)
    for name, lines, place, cells_of_line in (("row", rows, row, layout.TILE_COLUMNS), ("column", columns, column, layout.TILE_ROWS)):
        most = 2.0 * largest * float(chip.geometry.tiles[:, cells_of_line].max())
        yield Watch(f"sum of G+ + G- of the {name}", "uS", lines.pcm_sum, (0.0, most), place, _SUM_ROUNDING * most)
    yield Watch("time of the last access", "ps", rows.time, (0, LAST_TIME), row)
    yield Watch("time of the last refresh", "ps", rows.refreshed, (0, LAST_TIME), row)
    yield Watch("time of the last preset", "ps", columns.time, (0, LAST_TIME), column)
    yield Watch("time of the last verify read", "s", columns.programmed, ANY, column)
    yield Watch("age seen by reads", "s", columns.seen, (0.0, ANY[1]), column, _AGE_ROUNDING)
    for name in ("wanted", "target", "seen_plus", "seen_minus"):
        yield Watch(f"{name} of a transfer", "uS", getattr(exchange, name), FINITE, cell)


def _cell_place(chip: ChipState) -> Place:
    def place(at: int) -> str:
        starts = chip.geometry.tiles[:, layout.TILE_CELL]
        tile = chip.geometry.tiles[int(np.searchsorted(starts, at, side="right")) - 1]
        j, i = divmod(at - int(tile[layout.TILE_CELL]), int(tile[layout.TILE_STRIDE]))
        padded = " (padding)" if j >= tile[layout.TILE_ROWS] or i >= tile[layout.TILE_COLUMNS] else ""
        return f"layer {tile[layout.TILE_LAYER] + 1}, row {tile[layout.TILE_ROW] + j}, column {tile[layout.TILE_COLUMN] + i}{padded}"

    return place


def _line_place(chip: ChipState, *, rows: bool) -> Place:
    line, first, name = (layout.TILE_ROW_LINE, layout.TILE_ROW, "row") if rows else (layout.TILE_COLUMN_LINE, layout.TILE_COLUMN, "column")

    def place(at: int) -> str:
        tile = chip.geometry.tiles[int(np.searchsorted(chip.geometry.tiles[:, line], at, side="right")) - 1]
        return f"layer {tile[layout.TILE_LAYER] + 1}, {name} {tile[first] + at - tile[line]}"

    return place


# ---- the network as floats --------------------------------------------------------------------------------------------------


def _weights(chip: SoftwareChip) -> Iterator[Watch]:
    def place(at: int) -> str:
        layer = int(np.searchsorted(chip.geometry.tiles[:, layout.TILE_CELL], at, side="right")) - 1
        row, column = divmod(at - int(chip.geometry.tiles[layer, layout.TILE_CELL]), int(chip.geometry.sizes[layer + 1]))
        return f"layer {layer + 1}, row {row}, column {column}"

    yield Watch("weight", "", chip.weights, FINITE, place)


def _signals(chip: Chip) -> Iterator[Watch]:
    signals, geometry = chip.signals, chip.geometry

    def place(starts: NDArray[np.int64], line: str) -> Place:
        def of(at: int) -> str:
            layer = int(np.searchsorted(starts, at, side="right")) - 1
            return f"layer {layer + 1}, {line} {at - int(starts[layer])}"

        return of

    yield Watch("input", "", signals.inputs, (-1.0, 1.0) if chip.rule.tanh else (0.0, FINITE[1]), place(geometry.input_at, "row"))
    yield Watch("output", "", signals.outputs, FINITE, place(geometry.output_at, "column"))
    yield Watch("error", "", signals.errors, FINITE, place(geometry.output_at, "column"))


def _ledger(chip: Chip, segments: slice) -> Iterator[Watch]:
    amounts = chip.amounts
    first = segments.indices(len(amounts.loss))[0]

    def place(labels: tuple[str, ...]) -> Place:
        def of(at: int) -> str:
            segment, column = first + at // len(labels), at % len(labels)
            return f"images {segment * chip.rule.segment} to {(segment + 1) * chip.rule.segment - 1}: {labels[column]}"

        return of

    yield Watch("sum", "", amounts.loss[segments], ANY, place(("training loss",)))
    for what, table, labels, limits in (("count", amounts.segment_counts, layout.ACTIONS, COUNTABLE), ("sum", amounts.segment_sums, layout.QUANTITIES, ANY)):
        yield Watch(what, "", table[segments].ravel(), limits, place(labels))
    yield Watch("count", "", amounts.correct[segments].ravel(), COUNTABLE, place(("training images", "images recognised")))
