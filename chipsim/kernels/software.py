"""The software cell: plain float32 stochastic gradient descent, batch 1, on the same images, order and initial weights.

Zero inputs are skipped and the inner loops vectorise: this is also the floor that the benchmarks compare with.
"""

from __future__ import annotations

import math

import numpy as np

from chipsim.kernels.jit import FLOAT_MATH, kernel
from chipsim.kernels.layout import TILE_CELL
from chipsim.kernels.training import load_image, output_error


@kernel(fastmath=FLOAT_MATH, error_model="numpy")
def forward_float(weights, x, y):
    """Write y = x W for one layer; `weights` is (inputs + 1, outputs), `x` ends with the bias input 1."""
    y[:] = np.float32(0.0)
    for j in range(x.size):
        xj = x[j]
        if xj != 0.0:
            for i in range(y.size):
                y[i] += xj * weights[j, i]


@kernel(fastmath=FLOAT_MATH, error_model="numpy")
def backward_float(weights, d, x, before, tanh):
    """Write the errors of the layer before, through the derivative of its activation."""
    one = np.float32(1.0)
    for j in range(before.size):
        total = np.float32(0.0)
        for i in range(d.size):
            total += weights[j, i] * d[i]
        before[j] = total * ((one - x[j] * x[j]) if tanh else (one if x[j] > 0.0 else np.float32(0.0)))


@kernel(fastmath=FLOAT_MATH, error_model="numpy")
def update_float(weights, x, d, rate):
    """Add rate x d to one layer's weights."""
    for j in range(x.size):
        step = rate * x[j]
        if step != 0.0:
            for i in range(d.size):
                weights[j, i] += step * d[i]


@kernel(error_model="numpy")
def layer_weights(weights, geometry, layer):
    """Return one layer's part of the flat weights, as (inputs + 1, outputs)."""
    at = geometry.tiles[geometry.first_tile[layer], TILE_CELL]
    inputs, outputs = geometry.sizes[layer] + 1, geometry.sizes[layer + 1]
    return weights[at : at + inputs * outputs].reshape((inputs, outputs))


@kernel(error_model="numpy")
def train_float(first, last, images, labels, order, rates, geometry, weights, signals, rule, amounts):
    """Train images `first .. last - 1` of the run; `weights` holds all layers, one after the other."""
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
