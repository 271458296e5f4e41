"""Reads of whole layers against float64 NumPy: sums, signs, bias, transpose, tiles, and the read noise."""

from __future__ import annotations

import numpy as np
import pytest

SIGMAS = 5.0
LAYERS = (13, 9, 7, 4)
SHAPES = {"one tile": {}, "small tiles": {"tiles.max_rows": 7, "tiles.max_columns": 5}}
KINDS = ("2pcm+3t1c", "2pcm", "3t1c")


def mixed(made, *, image=2):
    """Train a few images, then give half of the columns the other polarity, so that every sign occurs."""
    made.train(0, image * 2 * made.layers, 0)
    if made.device.has_capacitor:
        made.columns.polarity[::2] = -1.0
    assert (made.signals.inputs < 0.0).any()
    return made


def read_forward(small, made, *, start):
    """Read all layers forward for image 2, and return what each layer must give."""
    phases = 2 * made.layers
    made.train(2 * phases, 2 * phases + made.layers, start)
    step = made.phase_ps[0]
    return [small.inputs_of(made, layer) @ small.weights(made, layer, start + layer * step) for layer in range(made.layers)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_forward_is_the_weighted_sum(small, working, kind, shape):
    """Outputs of every layer are inputs times W = F (G+ - G-) + p (g - g_ref), bias row included, to float32."""
    del working
    made = mixed(small.build(SHAPES[shape], small.NO_NOISE, small.NO_LEAK, images=4, cell__kind=kind, layers=LAYERS))
    for layer, expected in enumerate(read_forward(small, made, start=2 * made.image_ps)):
        assert small.outputs_of(made, layer) == pytest.approx(expected, abs=3e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_forward_lets_rows_leak_first(small, working, shape):
    """A read long after the last one finds every capacitor leaked by its own retention, and the references by theirs."""
    del working
    made = mixed(small.build(SHAPES[shape], small.NO_NOISE, images=4, layers=LAYERS, cell__capacitor__retention="1 ms"))
    for layer, expected in enumerate(read_forward(small, made, start=2_000_000_000)):
        assert small.outputs_of(made, layer) == pytest.approx(expected, abs=3e-4)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("kind", KINDS)
def test_backward_is_the_transpose(small, working, kind, activation, shape):
    """Errors of a layer are the transposed weights times the next layer's errors, times the slope of the activation."""
    del working
    made = small.build(SHAPES[shape], small.NO_NOISE, small.NO_LEAK, images=4, cell__kind=kind, layers=LAYERS, network__activation=activation)
    made.train(0, 2 * 2 * made.layers, 0)
    if made.device.has_capacitor:
        made.columns.polarity[::2] = -1.0
    phases, layers = 2 * made.layers, made.layers
    made.train(2 * phases, 3 * phases - 1, 2 * made.image_ps)
    for layer in range(layers - 1, 0, -1):
        now = 2 * made.image_ps + (2 * layers - 1 - layer) * made.phase_ps[0]
        x = small.inputs_of(made, layer)[:-1]
        slope = 1.0 - x * x if activation == "tanh" else (x > 0.0)
        expected = (small.weights(made, layer, now) @ small.errors_of(made, layer))[:-1] * slope
        assert small.errors_of(made, layer - 1) == pytest.approx(expected, abs=3e-6)


def test_the_bias_row_reads_without_an_image(small, working):
    """For a black image the first layer gives the weights of its bias row."""
    del working
    made = mixed(small.build(small.NO_NOISE, small.NO_LEAK, images=4, layers=LAYERS))
    made.data.train_images[:] = 0
    read_forward(small, made, start=2 * made.image_ps)
    assert small.outputs_of(made, 0) == pytest.approx(small.weights(made, 0, 2 * made.image_ps)[-1], abs=1e-6)


def test_output_error_is_softmax_minus_one_hot(small, working):
    """The last layer's errors are the label minus the softmax of its outputs, and the loss is the cross-entropy."""
    del working
    made = small.build(images=4, layers=LAYERS)
    made.train(0, made.layers, 0)
    y, label = small.outputs_of(made, made.layers - 1), made.data.train_labels[made.plan.order[0]]
    share = np.exp(y - y.max()) / np.exp(y - y.max()).sum()
    assert small.errors_of(made, made.layers - 1) == pytest.approx(np.eye(len(y))[label] - share, abs=1e-6)
    assert made.amounts.loss.sum() == pytest.approx(-np.log(share[label]), abs=1e-6)
    assert made.amounts.correct.sum(axis=0).tolist() == [1, int(y.argmax() == label)]


def test_tiles_change_nothing_but_rounding(small, working):
    """Cut into tiles of 7 x 5, a layer has the same cells, draws the same numbers and gives the same outputs and updates."""
    del working
    whole, cut = (small.build(SHAPES[shape], images=4, layers=LAYERS) for shape in SHAPES)
    for made in (whole, cut):
        made.train(0, 2 * 2 * made.layers, 0)
    for layer in range(whole.layers):
        for name in ("threshold", "leak", "step_up", "step_down", "g_plus", "g_minus", "nu_plus", "nu_minus", "noise"):
            one, other = (small.cells_of(made, getattr(made.cells, name), layer) for made in (whole, cut))
            assert (one == other).all(), name
        assert small.outputs_of(cut, layer) == pytest.approx(small.outputs_of(whole, layer), abs=2e-5)
        assert small.deviations(cut, layer, whole.image_ps) == pytest.approx(small.deviations(whole, layer, whole.image_ps), abs=1e-6)
    told, same = small.totals(whole), small.totals(cut)
    for name in ("update pulse.up", "update pulse.down", "pcm.RESET pulse", "pcm.SET ramp", "neuron.activation"):
        assert told[name] == same[name], name


def read_noise(small, made, count):
    """Return the first layer's outputs for many images, (count, lines)."""
    phases = 2 * made.layers
    seen = np.empty((count, made.scenario.network.layers[1]))
    for step in range(count):
        made.train(step * phases, step * phases + 1, 0)
        seen[step] = small.outputs_of(made, 0)
    return seen


@pytest.mark.parametrize("kind", ["2pcm+3t1c", "2pcm"])
def test_forward_noise_has_the_variance_of_its_devices(small, working, kind):
    """The noise of a line has variance F^2 sum x^2 (sigma(G+)^2 + sigma(G-)^2), is white, and independent from line to line."""
    count = 3000 if working else 200
    made = small.build(small.NO_LEAK, images=count, cell__kind=kind, layers=(13, 9, 4))
    made.data.train_images[:] = made.data.train_images[0]
    seen = read_noise(small, made, count)
    cell = made.scenario.cell
    sigmas = [cell.pcm.read_noise.sigma(small.cells_of(made, g, 0), made.scenario.timing.forward) for g in (made.cells.g_plus, made.cells.g_minus)]
    x = small.inputs_of(made, 0)
    expected = cell.gain**2 * (x * x) @ (sigmas[0] ** 2 + sigmas[1] ** 2) / cell.weight_conductance**2
    assert seen.mean(axis=0) == pytest.approx(x @ small.weights(made, 0, 0), abs=SIGMAS * np.sqrt(expected.max() / count) + 1e-5)
    ratio = seen.var(axis=0) / expected
    assert ratio == pytest.approx(1.0, abs=0.03 + SIGMAS * np.sqrt(2.0 / count))
    assert ratio.mean() == pytest.approx(1.0, abs=0.015 + SIGMAS * np.sqrt(2.0 / (count * ratio.size)))
    together = np.corrcoef(seen.T)
    assert np.abs(together[~np.eye(len(together), dtype=bool)]).max() < SIGMAS / np.sqrt(count)
    white = (seen - seen.mean(axis=0)) / seen.std(axis=0)
    assert np.abs(np.mean(white[1:] * white[:-1], axis=0)).max() < SIGMAS / np.sqrt(count)


def test_backward_noise_has_the_variance_of_its_devices(small, working):
    """The same holds row by row for backward reads, with errors in place of inputs."""
    count = 3000 if working else 200
    made = small.build(small.NO_LEAK, images=count, layers=(13, 9, 4))
    phases = 2 * made.layers
    made.data.train_images[:] = made.data.train_images[0]
    made.train(0, made.layers, 0)
    x = small.inputs_of(made, 1)[:-1]
    d = small.errors_of(made, 1)
    seen = np.empty((count, 9))
    for step in range(count):
        made.train(step * phases + made.layers, step * phases + made.layers + 1, 0)
        seen[step] = small.errors_of(made, 0)
    cell = made.scenario.cell
    sigmas = [cell.pcm.read_noise.sigma(small.cells_of(made, g, 1), made.scenario.timing.forward)[:-1] for g in (made.cells.g_plus, made.cells.g_minus)]
    slope = 1.0 - x * x
    expected = cell.gain**2 * (sigmas[0] ** 2 + sigmas[1] ** 2) @ (d * d) / cell.weight_conductance**2 * slope**2
    assert seen.var(axis=0) / expected == pytest.approx(1.0, abs=0.03 + SIGMAS * np.sqrt(2.0 / count))
    assert seen.mean(axis=0) == pytest.approx((small.weights(made, 1, 0) @ d)[:-1] * slope, abs=SIGMAS * np.sqrt(expected.max() / count) + 1e-5)


def test_noise_of_many_lines_is_independent(small, working):
    """Among 300 lines no two have the same noise in a read, nor related noise, and every line's is normal."""
    if not working:
        pytest.skip("too many lines for plain Python")
    count = 1500
    made = small.build(small.NO_LEAK, images=count, layers=(6, 300, 4))
    made.data.train_images[:] = made.data.train_images[0]
    seen = read_noise(small, made, count)
    white = (seen - seen.mean(axis=0)) / seen.std(axis=0)
    together = np.corrcoef(white.T)[~np.eye(300, dtype=bool)]
    assert np.abs(together).max() < 6.0 / np.sqrt(count)
    assert together.std() == pytest.approx(1.0 / np.sqrt(count), rel=0.05)
    assert np.mean(white**4) == pytest.approx(3.0, abs=SIGMAS * np.sqrt(96.0 / white.size))
    assert np.mean(white**3) == pytest.approx(0.0, abs=SIGMAS * np.sqrt(15.0 / white.size))
