"""Building a chip's arrays from a scenario: geometry, cells with their drawn spreads, and the kernels' scalars."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from chipsim.chip import parameters
from chipsim.devices import Cell
from chipsim.kernels import layout, pairs, programming, random, refresh
from chipsim.kernels.layout import Amounts, Cells, ColumnLines, Device, Geometry, Pulses, RowLines, Rule, Signals
from chipsim.scenario.model import Parameters
from chipsim.scenario.tiling import cut
from chipsim.scenario.transfer import CapacitorRefresh
from chipsim.units import PS

Scalar = TypeVar("Scalar", bound=np.generic)

QUANTUM_SHARE = 4096
"""A gap below this part of the retention is not written back as leak (see `kernels.capacitor`)."""
HITS = 4096
"""Hits of one update that are collected before they are applied."""
_MOST = 2**62
"""Kernels take int64: what a scenario sets beyond this is as good as without end."""
_STEPS_8BIT = 127.0
_SIGMAS = 5.0
"""Spreads are drawn on an 8-bit grid that ends at so many sigma."""


def build_geometry(sizes: tuple[int, ...], max_rows: int, max_columns: int, *, full: bool = False) -> Geometry:
    """Cut every layer into tiles and lay them out one after the other; `full` as in `scenario.tiling.cut`."""
    tiles: list[list[int]] = []
    first_tile = [0] * len(sizes)
    cell = row_line = column_line = 0
    for part in cut(sizes, max_rows, max_columns, full=full):
        stride = -(-part.columns // layout.PADDING) * layout.PADDING
        height = -(-part.rows // layout.ROW_PADDING) * layout.ROW_PADDING
        lines = [row_line, column_line, stride, height, part.built_rows, part.built_columns]
        tiles.append([part.layer, part.row, part.rows, part.column, part.columns, cell, *lines])
        cell += height * stride
        row_line += part.rows
        column_line += part.columns
        first_tile[part.layer + 1] = len(tiles)
    return Geometry(
        sizes=np.array(sizes, dtype=np.int64),
        tiles=np.array(tiles, dtype=np.int64),
        first_tile=np.array(first_tile, dtype=np.int64),
        input_at=np.cumsum([0] + [size + 1 for size in sizes[:-1]]).astype(np.int64),
        output_at=np.cumsum([0, *sizes[1:]]).astype(np.int64),
    )


def cell_count(geometry: Geometry) -> int:
    """Return the cells of all tiles, padding included."""
    last = geometry.tiles[-1]
    return int(last[layout.TILE_CELL] + last[layout.TILE_HEIGHT] * last[layout.TILE_STRIDE])


def line_counts(geometry: Geometry) -> tuple[int, int]:
    """Return the word lines and the bit lines of all tiles."""
    last = geometry.tiles[-1]
    return int(last[layout.TILE_ROW_LINE] + last[layout.TILE_ROWS]), int(last[layout.TILE_COLUMN_LINE] + last[layout.TILE_COLUMNS])


def plane(values: NDArray[Scalar], tile: NDArray[np.int64]) -> NDArray[Scalar]:
    """Return a view of one tile's cells, (rows, columns), without the padding."""
    height, stride, start = int(tile[layout.TILE_HEIGHT]), int(tile[layout.TILE_STRIDE]), int(tile[layout.TILE_CELL])
    whole = values[start : start + height * stride].reshape(height, stride)
    return whole[: tile[layout.TILE_ROWS], : tile[layout.TILE_COLUMNS]]


def draw_spread(geometry: Geometry, seed: int, purpose: int, sub: int = 0) -> NDArray[np.float32]:
    """Draw one standard normal per cell, by its logical place; padding gets zero."""
    drawn = np.zeros(cell_count(geometry), dtype=np.float32)
    for tile in geometry.tiles:
        rows, columns = int(tile[layout.TILE_ROWS]), int(tile[layout.TILE_COLUMNS])
        block = np.empty((rows, columns), dtype=np.float32)
        random.fill_cell_normals(block, seed, purpose, int(tile[layout.TILE_LAYER]), sub, int(tile[layout.TILE_ROW]), int(tile[layout.TILE_COLUMN]), 0)
        plane(drawn, tile)[...] = block
    return np.clip(drawn, -_SIGMAS, _SIGMAS)


def build_device(cell: Cell, forward_ps: int) -> Device:
    """Return the scalars of the cell, for training reads that integrate for `forward_ps`."""
    capacitor = cell.capacitor
    slope, offset = cell.pcm.read_noise.coefficients(forward_ps) if cell.has_pcm else (0.0, 0.0)
    largest = cell.pcm.ramp.maximum if cell.kind == "2pcm+3t1c" else cell.pcm.partial_set.maximum
    spread = capacitor.retention_spread
    nominal = 1.0 / (capacitor.retention * PS)
    return Device(
        quantum=min(max(capacitor.retention // QUANTUM_SHARE, 1), _MOST),
        nominal_leak=nominal,
        transconductance=capacitor.transconductance,
        rest_overdrive=capacitor.resting - capacitor.threshold,
        threshold_lsb=_SIGMAS * capacitor.threshold_spread / _STEPS_8BIT,
        leak_lsb=nominal * float(np.exp(4.0 * spread)) / 255.0,
        step=capacitor.step,
        step_lsb=_SIGMAS * capacitor.step_spread / _STEPS_8BIT,
        noise_lsb=cell.gain * float(np.sqrt(2.0)) * (slope * largest * 1.2 + offset) / 255.0,
        centre=capacitor.initial - capacitor.resting,
        lowest=capacitor.minimum - capacitor.resting,
        highest=capacitor.maximum - capacitor.resting,
        step_slope=capacitor.step_slope,
        packet_sigma=capacitor.packet_sigma,
        capacitance=capacitor.capacitance * 1e-15,
        gain=cell.gain,
        unit=cell.weight_conductance,
        weight_step=cell.weight_step,
        read_slope=slope,
        read_offset=offset,
        has_capacitor=cell.has_capacitor,
        has_pcm=cell.has_pcm,
    )


def build_cells(geometry: Geometry, cell: Cell, device: Device, seed: int) -> Cells:
    """Draw what differs from device to device, and put everything else at its start: no PCM, capacitors preset."""
    n = cell_count(geometry)
    real = np.zeros(n, dtype=bool)
    for tile in geometry.tiles:
        plane(real, tile)[...] = True
    spread = cell.capacitor.retention_spread
    factor = np.exp(-spread * draw_spread(geometry, seed, random.RETENTION_SPREAD).astype(np.float64))
    leak = np.clip(np.rint(factor * device.nominal_leak / device.leak_lsb), 1, 255) * real
    memory = n if cell.kind == "2pcm" else 0

    def on_grid(purpose: int) -> NDArray[np.int8]:
        steps = np.rint(draw_spread(geometry, seed, purpose) * (_STEPS_8BIT / _SIGMAS))
        return np.asarray(np.clip(steps, -127, 127), dtype=np.int8)

    threshold = on_grid(random.THRESHOLD_SPREAD)
    start = device.centre + device.rest_overdrive - device.threshold_lsb * threshold
    steps = np.zeros((n, 4), dtype=np.int8)
    steps[:, layout.STEP_DOWN] = on_grid(random.STEP_DOWN_SPREAD)
    steps[:, layout.STEP_UP] = on_grid(random.STEP_UP_SPREAD)
    steps[:, layout.STEP_THRESHOLD] = threshold
    return Cells(
        overdrive=(start * real).astype(np.float32),
        threshold=threshold,
        leak=leak.astype(np.uint8),
        steps=steps,
        pcm=np.zeros(n, dtype=np.float32),
        noise=np.zeros(n, dtype=np.uint8),
        g_plus=np.zeros(n, dtype=np.float32),
        g_minus=np.zeros(n, dtype=np.float32),
        nu_plus=np.zeros(n, dtype=np.float32),
        nu_minus=np.zeros(n, dtype=np.float32),
        memory_plus=np.ones(memory, dtype=np.float32),
        memory_minus=np.ones(memory, dtype=np.float32),
    )


def build_lines(geometry: Geometry, device: Device) -> tuple[RowLines, ColumnLines]:
    """Return the state of all word lines and bit lines at time zero."""
    rows, columns = line_counts(geometry)
    return (
        RowLines(time=np.zeros(rows, dtype=np.int64), pcm_sum=np.zeros(rows), refreshed=np.zeros(rows, dtype=np.int64)),
        ColumnLines(
            time=np.zeros(columns, dtype=np.int64),
            reference=np.full(columns, device.centre, dtype=np.float32),
            polarity=np.ones(columns, dtype=np.float32),
            pcm_sum=np.zeros(columns),
            programmed=np.zeros(columns),
            seen=np.zeros(columns),
        ),
    )


def build_signals(geometry: Geometry) -> tuple[Signals, Pulses]:
    """Return the buffers between phases, and the update's scratch."""
    longest = -(-(int(geometry.sizes.max()) + 1) // (4 * random.LANES)) * 4 * random.LANES
    signals = Signals(
        inputs=np.ones(int(geometry.input_at[-1]), dtype=np.float32),
        outputs=np.zeros(int(geometry.output_at[-1]), dtype=np.float32),
        errors=np.zeros(int(geometry.output_at[-1]), dtype=np.float32),
        scratch=np.zeros((8, 2 * longest + 16), dtype=np.float32),
        places=np.zeros(2 * longest + 16, dtype=np.int64),
    )
    pulses = Pulses(
        row_place=np.zeros(longest, dtype=np.uint64),
        row_word=np.zeros(longest, dtype=np.uint64),
        column_place=np.zeros(longest, dtype=np.uint64),
        column_word=np.zeros(longest, dtype=np.uint64),
        threshold=np.zeros(longest, dtype=np.uint64),
        place=np.zeros(HITS + longest, dtype=np.uint64),
        slots=np.zeros(HITS + longest, dtype=np.uint64),
        noise=np.zeros(HITS + longest, dtype=np.float32),
    )
    return signals, pulses


def build_rule(scenario: Parameters) -> Rule:
    """Return how an image is learnt."""
    training, timing, drift = scenario.training, scenario.timing, scenario.cell.pcm.drift
    return Rule(
        seed=scenario.seed,
        stochastic=training.update == "stochastic",
        max_pulses=training.max_pulses,
        tanh=scenario.network.activation == "tanh",
        forward_ps=timing.forward,
        backward_ps=timing.backward,
        update_ps=scenario.phase_ps[-1],
        segment=min(scenario.record.segment, _MOST),
        age_every=min(drift.early_every, _MOST) if scenario.cell.has_pcm and drift.enabled and drift.early else 0,
        aging_par=parameters.aging_vector(drift, scenario.cell.pcm.slow_noise),
    )


def build_amounts(segments: int) -> Amounts:
    """Return an empty ledger with so many bins."""
    return Amounts(
        segment_counts=np.zeros((segments, len(layout.ACTIONS)), dtype=np.int64),
        segment_sums=np.zeros((segments, len(layout.QUANTITIES))),
        correct=np.zeros((segments, 2), dtype=np.int64),
        loss=np.zeros(segments),
    )


def build_programming(scenario: Parameters) -> programming.Programming:
    """Return the scalars of a transfer."""
    cell, plan = scenario.cell, scenario.transfer
    pcm, ramp, capacitor = cell.pcm, cell.pcm.ramp, cell.capacitor
    ideal = pcm.programming == "ideal"
    sample = (0.0, 0.0) if ideal else pcm.read_noise.coefficients(plan.sample_read)
    verify = (0.0, 0.0) if ideal else pcm.read_noise.coefficients(pcm.verify.duration)
    buffered = plan.sampling == "at-start" and plan.policy != "instant"
    return programming.Programming(
        seed=scenario.seed,
        ideal=ideal,
        tolerance=ramp.tolerance,
        max_tries=ramp.max_tries,
        offset=plan.offset,
        maximum=ramp.maximum,
        initial=capacitor.initial - capacitor.resting,
        thermal_sigma=capacitor.thermal_sigma if capacitor.thermal_noise else 0.0,
        sample_slope=sample[0],
        sample_offset=sample[1],
        verify_slope=verify[0],
        verify_offset=verify[1],
        buffer_levels=2.0 ** (plan.buffer_bits - 1),
        buffer_lsb=2.0 * cell.gain * ramp.maximum / 2**plan.buffer_bits if buffered else 0.0,
        reset_charge=pcm.reset.current * 1e-6 * pcm.reset.duration * PS,
        ramp_current=ramp.current * 1e-6,
        verify_s=pcm.verify.duration * PS,
        ramp_group=min(max(int(plan.programming_current // ramp.current), 1), _MOST),
        present=plan.interleaved,
        reset_par=parameters.reset_vector(pcm.reset),
        ramp_par=parameters.ramp_vector(ramp),
        aging_par=parameters.aging_vector(pcm.drift, pcm.slow_noise),
    )


def build_refreshing(scenario: Parameters) -> refresh.Refreshing:
    """Return the scalars of refreshes of capacitors; the defaults where there are none."""
    plan, capacitor = scenario.capacitor_refresh or CapacitorRefresh(), scenario.cell.capacitor
    return refresh.Refreshing(
        seed=scenario.seed,
        lsb=2.0 * plan.full_scale / 2**plan.bits,
        levels=2.0 ** (plan.bits - 1),
        stochastic=plan.rounding == "stochastic",
        compensate=plan.compensate,
        thermal_sigma=capacitor.thermal_sigma if capacitor.thermal_noise else 0.0,
    )


def build_exchange(geometry: Geometry) -> programming.Exchange:
    """Return what transfers in progress keep."""
    n = cell_count(geometry)
    return programming.Exchange(
        wanted=np.zeros(n, dtype=np.float32),
        target=np.zeros(n, dtype=np.float32),
        pending=np.zeros(n, dtype=np.uint8),
        tries=np.zeros(n, dtype=np.uint8),
        seen_plus=np.zeros(n, dtype=np.float32),
        seen_minus=np.zeros(n, dtype=np.float32),
    )


def build_outcome() -> programming.Outcome:
    """Return the statistics of a transfer that has not begun."""
    return programming.Outcome(
        numbers=np.zeros(programming.OUT_NUMBERS, dtype=np.int64),
        squares=np.zeros(2),
        tries=np.zeros(programming.TRIES_BINS, dtype=np.int64),
        errors=np.zeros(programming.ERROR_BINS, dtype=np.int64),
    )


def build_pairs(scenario: Parameters) -> pairs.Pairs:
    """Return the scalars of pulsing PCM pairs."""
    pcm = scenario.cell.pcm
    partial = pcm.partial_set
    return pairs.Pairs(
        seed=scenario.seed,
        set_charge=partial.current * 1e-6 * partial.duration * PS,
        reset_charge=pcm.reset.current * 1e-6 * pcm.reset.duration * PS,
        verify_s=pcm.verify.duration * PS,
        tolerance=scenario.refresh.tolerance,
        max_pulses=scenario.refresh.max_pulses,
        refresh_above=partial.refresh_above,
        refresh_below=partial.refresh_below,
        par=parameters.partial_set_vector(partial),
        reset_par=parameters.reset_vector(pcm.reset),
        aging_par=parameters.aging_vector(pcm.drift, pcm.slow_noise),
    )


def initial_weights(sizes: tuple[int, ...], scale: float, seed: int) -> list[NDArray[np.float32]]:
    """Draw initial weights (inputs + 1, outputs) per layer, in units of weight; biases start at zero."""
    weights = []
    for layer, (inputs, outputs) in enumerate(pairwise(sizes)):
        drawn = np.zeros((inputs + 1, outputs), dtype=np.float32)
        random.fill_cell_normals(drawn[:-1], seed, random.INITIAL_WEIGHTS, layer, 0, 0, 0, 0)
        weights.append(np.clip(drawn, -2.5, 2.5) * np.float32(scale / np.sqrt(inputs)))
    return weights
