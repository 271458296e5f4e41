"""The software cell: plain float32 stochastic gradient descent, batch 1, on the same images, order and initial weights.

Zero inputs are skipped and the inner loops vectorise: this is also the floor that the benchmarks compare with.
"""

from __future__ import annotations

import math

import numpy as np

from chipsim.kernels.jit import FLOAT_MATH, kernel
from chipsim.kernels.layout import F32, F64, I64, TILE_CELL, U8, Amounts, Geometry, Rule, Signals
from chipsim.kernels.training import load_image, output_error


@kernel(fastmath=FLOAT_MATH, error_model="numpy")
def forward_float(weights: F32, x: F32, y: F32) -> None:
    """Write y = x W for one layer; `weights` is (inputs + 1, outputs), `x` (inputs + 1) ends with the bias input 1."""
    y[:] = np.float32(0.0)
    for j in range(x.size):
        xj = x[j]
        if xj != 0.0:
            for i in range(y.size):
                y[i] += xj * weights[j, i]


@kernel(fastmath=FLOAT_MATH, error_model="numpy")
def backward_float(weights: F32, d: F32, x: F32, before: F32, tanh: bool) -> None:
    """Write the errors `before` (inputs) of the layer before from `d` (outputs), through the derivative of its activation at `x`."""
    one = np.float32(1.0)
    for j in range(before.size):
        total = np.float32(0.0)
        for i in range(d.size):
            total += weights[j, i] * d[i]
        before[j] = total * ((one - x[j] * x[j]) if tanh else (one if x[j] > 0.0 else np.float32(0.0)))


@kernel(fastmath=FLOAT_MATH, error_model="numpy")
def update_float(weights: F32, x: F32, d: F32, rate: np.float32) -> None:
    """Add rate x d to one layer's weights (inputs + 1, outputs)."""
    for j in range(x.size):
        step = rate * x[j]
        if step != 0.0:
            for i in range(d.size):
                weights[j, i] += step * d[i]


@kernel(inline="always")
def layer_weights(weights: F32, geometry: Geometry, layer: int) -> F32:
    """Return one layer's part of the flat weights, as (inputs + 1, outputs)."""
    at = geometry.tiles[geometry.first_tile[layer], TILE_CELL]
    inputs, outputs = geometry.sizes[layer] + 1, geometry.sizes[layer + 1]
    return weights[at : at + inputs * outputs].reshape((inputs, outputs))


@kernel(error_model="numpy")
def train_float(
    first: int, last: int, images: U8, labels: U8, order: I64, rates: F64, geometry: Geometry, weights: F32, signals: Signals, rule: Rule, amounts: Amounts
) -> None:
    """Train images `first .. last - 1` of the run; `weights` (flat) holds all layers, one after the other.

    `images` is (n, pixels) of 0..255, `labels` (n,), `order` (steps,) the image of every step, `rates` one per epoch.
    """
    layers = geometry.sizes.size - 1
    for step in range(first, last):
        image = order[step]
        at = step // rule.segment
        load_image(images[image], signals.inputs)
        for layer in range(layers):
            w = layer_weights(weights, geometry, layer)
            x = signals.inputs[geometry.input_at[layer] : geometry.input_at[layer + 1]]
            y = signals.outputs[geometry.output_at[layer] : geometry.output_at[layer + 1]]
            forward_float(w, x, y)
            if layer < layers - 1:
                following = signals.inputs[geometry.input_at[layer + 1] :]
                for i in range(y.size):
                    following[i] = np.float32(math.tanh(y[i])) if rule.tanh else max(y[i], np.float32(0.0))
        y = signals.outputs[geometry.output_at[layers - 1] : geometry.output_at[layers]]
        loss, correct = output_error(y, labels[image], signals.errors[geometry.output_at[layers - 1] : geometry.output_at[layers]])
        amounts.loss[at] += loss
        amounts.correct[at, 0] += 1
        amounts.correct[at, 1] += correct
        rate = np.float32(rates[step // (order.size // rates.size)])
        for layer in range(layers - 1, -1, -1):
            w = layer_weights(weights, geometry, layer)
            x = signals.inputs[geometry.input_at[layer] : geometry.input_at[layer + 1]]
            d = signals.errors[geometry.output_at[layer] : geometry.output_at[layer + 1]]
            if layer > 0:
                backward_float(w, d, x, signals.errors[geometry.output_at[layer - 1] : geometry.output_at[layer]], rule.tanh)
            update_float(w, x, d, rate)
