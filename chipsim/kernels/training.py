"""The compiled training window: any run of phases, from anywhere in one image to anywhere in another.

An image of a network with n layers takes 2n phases: n forward reads, n - 1 backward reads from the last layer to the
second, one update of all layers. Phases are numbered through the run, so `(first, last)` cuts it anywhere; what one
phase hands to the next lies in `Signals`, and results do not depend on where the cuts are.

`layer` counts from 0, `now` in ps, `event` is the step; `counts` (actions,) and `sums` (quantities,) are the bin of `Amounts`
that pays.
"""

from __future__ import annotations

import math

import numpy as np

from chipsim.kernels.crossbar import backward_tile, forward_tile
from chipsim.kernels.jit import kernel
from chipsim.kernels.layout import (
    ACTIVATION,
    BACKWARD_READ,
    CAPACITOR_TIME,
    COLUMN_DRIVE,
    COLUMN_LOAD,
    CONVERSION,
    F32,
    F64,
    FORWARD_READ,
    I64,
    INTEGRATION,
    PCM_TIME,
    POWERED_TIME,
    ROW_DRIVE,
    ROW_LOAD,
    TILE_BUILT_COLUMNS,
    TILE_BUILT_ROWS,
    TILE_COLUMNS,
    TILE_ROWS,
    U8,
    Amounts,
    Cells,
    ColumnLines,
    Device,
    Geometry,
    Pulses,
    RowLines,
    Rule,
    Signals,
)
from chipsim.kernels.pairs import Pairs, age_pairs
from chipsim.kernels.random import BACKWARD_NOISE, FORWARD_NOISE, fill_line_normals
from chipsim.kernels.update import update_layer

_PIXEL = np.float32(1.0 / 255.0)
_MICRO_PICO = 1e-18
"""µS times ps, in siemens-seconds."""


@kernel(error_model="numpy")
def load_image(image: U8, inputs: F32) -> None:
    """Put one image's (pixels,) of 0..255 on the first layer's `inputs` as 0..1."""
    for j in range(image.size):
        inputs[j] = np.float32(image[j]) * _PIXEL


@kernel(error_model="numpy")
def line_noise(total: F32, variance: F32, lsb: float, seed: int, purpose: int, layer: int, event: int, drawn: F32) -> None:
    """Add white read noise to the sums of all lines of one read; `variance` in squared `lsb`."""
    fill_line_normals(drawn, seed, purpose, layer, total.size, event)
    for i in range(total.size):
        total[i] += drawn[i] * (np.float32(lsb) * np.sqrt(variance[i]))


@kernel(error_model="numpy")
def forward_layer(
    layer: int,
    geometry: Geometry,
    cells: Cells,
    rows: RowLines,
    columns: ColumnLines,
    signals: Signals,
    event: int,
    now: int,
    rule: Rule,
    device: Device,
    counts: I64,
    sums: F64,
) -> None:
    """Read one layer forward: its outputs (units of weight), and the next layer's inputs if there is one."""
    outputs = geometry.sizes[layer + 1]
    x = signals.inputs[geometry.input_at[layer] : geometry.input_at[layer + 1]]
    y = signals.outputs[geometry.output_at[layer] : geometry.output_at[layer + 1]]
    scratch = signals.scratch
    scratch[:2, :outputs] = 0.0
    for t in range(geometry.first_tile[layer], geometry.first_tile[layer + 1]):
        tile = geometry.tiles[t]
        pcm, capacitor, driven = forward_tile(tile, cells, rows, columns, x, now, device, scratch, signals.places)
        sums[PCM_TIME] += pcm * rule.forward_ps * _MICRO_PICO
        sums[CAPACITOR_TIME] += capacitor * rule.forward_ps * _MICRO_PICO
        counts[ROW_DRIVE] += driven
        counts[ROW_LOAD] += driven * tile[TILE_BUILT_COLUMNS]
        counts[FORWARD_READ] += 1
        counts[INTEGRATION] += tile[TILE_COLUMNS]
        counts[CONVERSION] += tile[TILE_COLUMNS]
    if device.noise_lsb > 0.0:
        line_noise(scratch[0, :outputs], scratch[1, :outputs], device.noise_lsb, rule.seed, FORWARD_NOISE, layer, event, scratch[2])
    unit = np.float32(1.0 / device.unit)
    for i in range(outputs):
        y[i] = scratch[0, i] * unit
    counts[ACTIVATION] += outputs
    if layer + 2 < geometry.sizes.size:
        following = signals.inputs[geometry.input_at[layer + 1] :]
        for i in range(outputs):
            following[i] = np.float32(math.tanh(y[i])) if rule.tanh else max(y[i], np.float32(0.0))


@kernel(error_model="numpy")
def output_error(y: F32, label: int, error: F32) -> tuple[float, bool]:
    """Write softmax's error (one-hot minus probability, (outputs,)); return the cross-entropy and whether the label was first."""
    best = 0
    for i in range(y.size):
        if y[i] > y[best]:
            best = i
    total = 0.0
    for i in range(y.size):
        total += math.exp(y[i] - y[best])
    for i in range(y.size):
        error[i] = np.float32(-math.exp(y[i] - y[best]) / total)
    error[label] += np.float32(1.0)
    return math.log(total) + np.float64(y[best]) - np.float64(y[label]), best == label


@kernel(error_model="numpy")
def backward_layer(
    layer: int,
    geometry: Geometry,
    cells: Cells,
    rows: RowLines,
    columns: ColumnLines,
    signals: Signals,
    event: int,
    now: int,
    rule: Rule,
    device: Device,
    counts: I64,
    sums: F64,
) -> None:
    """Read one layer backward: the errors of the layer before it."""
    inputs = geometry.sizes[layer]
    d = signals.errors[geometry.output_at[layer] : geometry.output_at[layer + 1]]
    before = signals.errors[geometry.output_at[layer - 1] : geometry.output_at[layer]]
    x = signals.inputs[geometry.input_at[layer] : geometry.input_at[layer + 1]]
    scratch = signals.scratch
    scratch[:2, : inputs + 1] = 0.0
    for t in range(geometry.first_tile[layer], geometry.first_tile[layer + 1]):
        tile = geometry.tiles[t]
        pcm, capacitor, driven = backward_tile(tile, cells, rows, columns, d, now, device, scratch, signals.places)
        sums[PCM_TIME] += pcm * rule.backward_ps * _MICRO_PICO
        sums[CAPACITOR_TIME] += capacitor * rule.backward_ps * _MICRO_PICO
        counts[COLUMN_DRIVE] += driven
        counts[COLUMN_LOAD] += driven * tile[TILE_BUILT_ROWS]
        counts[BACKWARD_READ] += 1
        counts[INTEGRATION] += tile[TILE_ROWS]
        counts[CONVERSION] += tile[TILE_ROWS]
    if device.noise_lsb > 0.0:
        line_noise(scratch[0, :inputs], scratch[1, :inputs], device.noise_lsb, rule.seed, BACKWARD_NOISE, layer, event, scratch[2])
    unit = np.float32(1.0 / device.unit)
    one = np.float32(1.0)
    for j in range(inputs):
        slope = one - x[j] * x[j] if rule.tanh else (one if x[j] > 0.0 else np.float32(0.0))
        before[j] = scratch[0, j] * unit * slope
    counts[ACTIVATION] += inputs


@kernel(error_model="numpy")
def train_phases(
    first: int,
    last: int,
    start: int,
    images: U8,
    labels: U8,
    order: I64,
    rates: F64,
    geometry: Geometry,
    cells: Cells,
    rows: RowLines,
    columns: ColumnLines,
    signals: Signals,
    pulses: Pulses,
    rule: Rule,
    pairs: Pairs,
    device: Device,
    amounts: Amounts,
) -> int:
    """Run phases `first .. last - 1` of the whole run; phase `first` starts at `start` (ps). Return when `last` would.

    `order` lists the image of every step of the run and `rates` the learning rate of every step's epoch
    (one per `order.size // rates.size` steps).
    """
    layers = geometry.sizes.size - 1
    phases = 2 * layers
    now = start
    for q in range(first, last):
        step = q // phases
        phase = q - step * phases
        at = step // rule.segment
        counts = amounts.segment_counts[at]
        sums = amounts.segment_sums[at]
        image = order[step]
        if phase < layers:
            if phase == 0:
                load_image(images[image], signals.inputs)
                if rule.age_every and step % rule.age_every == 0:
                    age_pairs(geometry, cells, rows, columns, now, device, rule.aging_par)
            forward_layer(phase, geometry, cells, rows, columns, signals, step, now, rule, device, counts, sums)
            if phase == layers - 1:
                y = signals.outputs[geometry.output_at[phase] : geometry.output_at[phase + 1]]
                d = signals.errors[geometry.output_at[phase] : geometry.output_at[phase + 1]]
                loss, correct = output_error(y, labels[image], d)
                amounts.loss[at] += loss
                amounts.correct[at, 0] += 1
                amounts.correct[at, 1] += correct
            lasted = rule.forward_ps
        elif phase < phases - 1:
            backward_layer(phases - 1 - phase, geometry, cells, rows, columns, signals, step, now, rule, device, counts, sums)
            lasted = rule.backward_ps
        else:
            rate = rates[step // (order.size // rates.size)]
            for layer in range(layers):
                x = signals.inputs[geometry.input_at[layer] : geometry.input_at[layer + 1]]
                d = signals.errors[geometry.output_at[layer] : geometry.output_at[layer + 1]]
                update_layer(layer, geometry, cells, rows, columns, x, d, rate, pulses, step, rule, pairs, device, counts, sums)
            lasted = rule.update_ps
        sums[POWERED_TIME] += lasted * 1e-12
        now += lasted
    return now
