"""The weight update: pulse trains on rows and columns, and the devices they hit.

Stochastic: each line fires each slot at random, and a device moves by one step where both of its lines fire (Gokmen and
Vlasov, Front. Neurosci. 10, 333 (2016)); a train is a bit mask, a coincidence an AND. Deterministic: the pulse width of
one line counts the pulses of the other. Rows and columns share the scale so that the largest values of both fire
equally often (IBM aihwkit: update management and update BL management).
Upward and downward coincidences take a sub-phase each.

`tile` is a row of `Geometry.tiles`; `x` (inputs + 1) and `d` (outputs) are the layer's inputs and errors; `event` is the image;
`counts` (actions,) and `sums` (quantities,) are the bin of `Amounts` that pays.
"""

from __future__ import annotations

import math

import numpy as np

from chipsim.kernels.bits import popcount
from chipsim.kernels.capacitor import pulse_step
from chipsim.kernels.jit import kernel
from chipsim.kernels.layout import (
    CLIPPED_CHARGE,
    COLUMN_SLOT,
    COLUMN_SLOT_LOAD,
    F32,
    F64,
    I64,
    PULSE_CHARGE,
    PULSE_DOWN,
    PULSE_UP,
    ROW_SLOT,
    ROW_SLOT_LOAD,
    STEP_THRESHOLD,
    TILE_BUILT_COLUMNS,
    TILE_BUILT_ROWS,
    TILE_CELL,
    TILE_COLUMN,
    TILE_COLUMN_LINE,
    TILE_COLUMNS,
    TILE_LAYER,
    TILE_ROW,
    TILE_ROWS,
    TILE_STRIDE,
    U64,
    Cells,
    ColumnLines,
    Device,
    Geometry,
    Pulses,
    RowLines,
    Rule,
)
from chipsim.kernels.pairs import Pairs, set_pairs
from chipsim.kernels.random import COLUMN_PULSES, LANES, PACKET_NOISE, ROW_PULSES, words

_ZERO = np.uint64(0)
_ONE = np.uint64(1)
_FULL = 4294967296.0
_CERTAIN = np.float32(_FULL)
_LOW16 = np.uint64(0xFFFF)
_SIXTEEN = np.uint64(16)
_UNIT_VARIANCE = np.float32(0.35355339059327373)


@kernel(error_model="numpy")
def pulse_scale(largest_x: float, largest_d: float, rate: float, step: float, max_pulses: int) -> tuple[int, float, float]:
    """Return (slots, scale of x, scale of d): firing probabilities are min(1, scale |value|).

    The mean number of coincidences is rate |x| |d| / step; where that exceeds `max_pulses` for the largest pair, large
    errors saturate.
    """
    wanted = rate * largest_x * largest_d / step
    if wanted <= 0.0:
        return 0, 0.0, 0.0
    slots = min(math.ceil(wanted), max_pulses)
    if wanted > max_pulses:
        largest_d *= max_pulses / wanted
        wanted = float(max_pulses)
    share = math.sqrt(wanted / slots)
    return slots, share / largest_x, share / largest_d


@kernel(fastmath={"nnan", "nsz", "reassoc"}, error_model="numpy")
def largest(values: F32) -> float:
    """Return the largest magnitude of a line's values."""
    found = np.float32(0.0)
    for i in range(values.size):
        size = abs(values[i])
        found = size if size > found else found
    return np.float64(found)


@kernel(error_model="numpy")
def fire_lines(values: F32, scale: float, slots: int, seed: int, purpose: int, layer: int, event: int, place: U64, word: U64, threshold: U64) -> int:
    """Draw the pulse trains of all lines with a value; return how many carry a pulse.

    `place` and `word` get the fired lines' indices and bit masks. A Philox call serves four lines in one slot, `LANES`
    apart (see `random.fill_line_normals`), so a line's train depends on its own index alone. The arrays need room up to
    the next multiple of 4 `LANES`.
    """
    full = np.float32(scale * _FULL)
    blocks = (values.size + 4 * LANES - 1) // (4 * LANES)
    threshold[: 4 * LANES * blocks] = _ZERO
    word[: 4 * LANES * blocks] = _ZERO
    for i in range(values.size):
        threshold[i] = np.uint64(np.int64(min(abs(values[i]) * full, _CERTAIN)))
    for slot in range(slots):
        shift = np.uint64(slot)
        for block in range(blocks):
            at = 4 * LANES * block
            for lane in range(LANES):
                w0, w1, w2, w3 = words(seed, purpose, layer, slot, LANES * block + lane, event)
                word[at + lane] |= np.uint64(w0 < threshold[at + lane]) << shift
                word[at + LANES + lane] |= np.uint64(w1 < threshold[at + LANES + lane]) << shift
                word[at + 2 * LANES + lane] |= np.uint64(w2 < threshold[at + 2 * LANES + lane]) << shift
                word[at + 3 * LANES + lane] |= np.uint64(w3 < threshold[at + 3 * LANES + lane]) << shift
    fired = 0
    for i in range(values.size):
        bits = word[i]
        place[fired] = np.uint64(i)
        word[fired] = bits
        fired += bits != _ZERO
    return fired


@kernel(error_model="numpy")
def packet_noise(pulses: Pulses, found: int, layer: int, event: int, seed: int, sigma: float) -> None:
    """Draw the shot noise of each hit in `pulses`, in steps: a charge packet is a count, drawn as binomial(32, 1/2)."""
    for h in range(found):
        drawn = words(seed, PACKET_NOISE, layer, 0, pulses.place[h], event)[0]
        count = np.float32(popcount(pulses.slots[h]))
        centred = np.float32(np.int64(popcount(drawn)) - 16) * _UNIT_VARIANCE
        pulses.noise[h] = np.float32(sigma) * np.sqrt(count) * centred


@kernel(error_model="numpy")
def move_capacitors(tile: I64, cells: Cells, columns: ColumnLines, x: F32, d: F32, found: int, pulses: Pulses, device: Device, counts: I64, sums: F64) -> None:
    """Apply `found` hits to the capacitors of one tile, within their limits; count pulses and charge.

    No branch depends on a hit's direction, which no processor could predict.
    """
    stride, row0, column0, cell0 = tile[TILE_STRIDE], tile[TILE_ROW], tile[TILE_COLUMN], tile[TILE_CELL]
    line0 = tile[TILE_COLUMN_LINE]
    lowest, highest = np.float32(device.lowest), np.float32(device.highest)
    nominal, lsb = np.float32(device.step), np.float32(device.step_lsb)
    slope, rest = np.float32(device.step_slope), np.float32(device.rest_overdrive)
    centre, threshold_lsb = np.float32(device.centre), np.float32(device.threshold_lsb)
    one = np.float32(1.0)
    overdrive, steps, polarity = cells.overdrive, cells.steps, columns.polarity
    moved, clipped = 0.0, 0.0
    ups, total = np.int64(0), np.int64(0)
    for h in range(found):
        row = np.int64(pulses.place[h] >> _SIXTEEN)
        i = np.int64(pulses.place[h] & _LOW16) - column0
        cell = cell0 + (row - row0) * stride + i
        n = np.int64(popcount(pulses.slots[h]))
        up = np.int64(x[row] * d[column0 + i] * polarity[line0 + i] > 0.0)
        step = nominal * (one + lsb * np.float32(steps[cell, up]))
        settled = rest - threshold_lsb * np.float32(steps[cell, STEP_THRESHOLD])
        before = overdrive[cell]
        change = pulse_step(before - settled - centre, n, np.float32(2 * up - 1), step, pulses.noise[h], slope)
        after = min(max(before + change, settled + lowest), settled + highest)
        overdrive[cell] = after
        moved += np.float64(abs(change))
        clipped += np.float64(abs(before + change - after))
        ups += n * up
        total += n
    counts[PULSE_UP] += ups
    counts[PULSE_DOWN] += total - ups
    sums[PULSE_CHARGE] += moved * device.capacitance
    sums[CLIPPED_CHARGE] += clipped * device.capacitance


@kernel(error_model="numpy")
def apply_hits(
    tile: I64,
    cells: Cells,
    rows: RowLines,
    columns: ColumnLines,
    x: F32,
    d: F32,
    found: int,
    pulses: Pulses,
    event: int,
    pairs: Pairs,
    device: Device,
    counts: I64,
    sums: F64,
) -> None:
    """Apply the hits collected so far to whatever the cell is made of."""
    if device.has_capacitor:
        packet_noise(pulses, found, tile[TILE_LAYER], event, pairs.seed, device.packet_sigma)
        move_capacitors(tile, cells, columns, x, d, found, pulses, device, counts, sums)
    else:
        set_pairs(tile, cells, rows, columns, x, d, found, pulses, event, pairs, device, counts, sums)


@kernel(error_model="numpy")
def lines_of_tile(place: U64, word: U64, fired: int, first: int, count: int, start: int) -> tuple[int, int, int]:
    """Return where the lines `first .. first + count` begin and end in a fired list, from `start`, and their pulses."""
    while start < fired and np.int64(place[start]) < first:
        start += 1
    end = start
    slots = 0
    while end < fired and np.int64(place[end]) < first + count:
        slots += int(np.int64(popcount(word[end])))
        end += 1
    return start, end, slots


@kernel(error_model="numpy")
def count_slots(tile: I64, row_slots: int | np.int64, column_slots: int | np.int64, counts: I64) -> None:
    """Count pulses on the lines of a tile, and the cells that they have to charge."""
    counts[ROW_SLOT] += row_slots
    counts[ROW_SLOT_LOAD] += row_slots * tile[TILE_BUILT_COLUMNS]
    counts[COLUMN_SLOT] += column_slots
    counts[COLUMN_SLOT_LOAD] += column_slots * tile[TILE_BUILT_ROWS]


@kernel(error_model="numpy")
def update_tile(
    tile: I64,
    cells: Cells,
    rows: RowLines,
    columns: ColumnLines,
    x: F32,
    d: F32,
    fired_rows: int,
    fired_columns: int,
    pulses: Pulses,
    event: int,
    pairs: Pairs,
    device: Device,
    counts: I64,
    sums: F64,
) -> None:
    """Let the fired rows and columns of a layer meet in one tile, stochastic trains."""
    r0, r1, row_slots = lines_of_tile(pulses.row_place, pulses.row_word, fired_rows, tile[TILE_ROW], tile[TILE_ROWS], 0)
    c0, c1, column_slots = lines_of_tile(pulses.column_place, pulses.column_word, fired_columns, tile[TILE_COLUMN], tile[TILE_COLUMNS], 0)
    count_slots(tile, row_slots, column_slots, counts)
    room = pulses.place.size - (c1 - c0)
    found = 0
    for r in range(r0, r1):
        train = pulses.row_word[r]
        base = pulses.row_place[r] << _SIXTEEN
        for c in range(c0, c1):
            both = train & pulses.column_word[c]
            pulses.place[found] = base | pulses.column_place[c]
            pulses.slots[found] = both
            found += both != _ZERO
        if found >= room:
            apply_hits(tile, cells, rows, columns, x, d, found, pulses, event, pairs, device, counts, sums)
            found = 0
    apply_hits(tile, cells, rows, columns, x, d, found, pulses, event, pairs, device, counts, sums)


@kernel(error_model="numpy")
def update_tile_deterministic(
    tile: I64,
    cells: Cells,
    rows: RowLines,
    columns: ColumnLines,
    x: F32,
    d: F32,
    scale_x: float,
    scale_d: float,
    slots: int,
    pulses: Pulses,
    event: int,
    pairs: Pairs,
    device: Device,
    counts: I64,
    sums: F64,
) -> None:
    """Let pulse widths of one tile's columns count the pulses of its rows: n = round(slots p_x p_d)."""
    room = pulses.place.size - tile[TILE_COLUMNS]
    for i in range(tile[TILE_COLUMNS]):
        count_slots(tile, 0, np.int64(slots * min(abs(d[tile[TILE_COLUMN] + i]) * scale_d, 1.0) + 0.5), counts)
    found = 0
    for j in range(tile[TILE_ROWS]):
        row = tile[TILE_ROW] + j
        share = slots * min(abs(x[row]) * scale_x, 1.0)
        if share == 0.0:
            continue
        count_slots(tile, np.int64(share + 0.5), 0, counts)
        for i in range(tile[TILE_COLUMNS]):
            column = tile[TILE_COLUMN] + i
            n = np.int64(share * min(abs(d[column]) * scale_d, 1.0) + 0.5)
            pulses.place[found] = (np.uint64(row) << _SIXTEEN) | np.uint64(column)
            pulses.slots[found] = (_ONE << np.uint64(n)) - _ONE
            found += int(n > 0)
        if found >= room:
            apply_hits(tile, cells, rows, columns, x, d, found, pulses, event, pairs, device, counts, sums)
            found = 0
    apply_hits(tile, cells, rows, columns, x, d, found, pulses, event, pairs, device, counts, sums)


@kernel(error_model="numpy")
def update_layer(
    layer: int,
    geometry: Geometry,
    cells: Cells,
    rows: RowLines,
    columns: ColumnLines,
    x: F32,
    d: F32,
    rate: float,
    pulses: Pulses,
    event: int,
    rule: Rule,
    pairs: Pairs,
    device: Device,
    counts: I64,
    sums: F64,
) -> None:
    """Update one layer with inputs `x` (bias included) and errors `d`: W moves by about rate x d."""
    slots, scale_x, scale_d = pulse_scale(largest(x), largest(d), rate, device.weight_step, rule.max_pulses)
    if slots == 0:
        return
    tiles = range(geometry.first_tile[layer], geometry.first_tile[layer + 1])
    if not rule.stochastic:
        for t in tiles:
            update_tile_deterministic(geometry.tiles[t], cells, rows, columns, x, d, scale_x, scale_d, slots, pulses, event, pairs, device, counts, sums)
        return
    fired_rows = fire_lines(x, scale_x, slots, rule.seed, ROW_PULSES, layer, event, pulses.row_place, pulses.row_word, pulses.threshold)
    fired_columns = fire_lines(d, scale_d, slots, rule.seed, COLUMN_PULSES, layer, event, pulses.column_place, pulses.column_word, pulses.threshold)
    for t in tiles:
        update_tile(geometry.tiles[t], cells, rows, columns, x, d, fired_rows, fired_columns, pulses, event, pairs, device, counts, sums)
