"""The chip as a whole: what it holds after programming, and looks that leave no trace."""

from __future__ import annotations

import numpy as np
import pytest

from chipsim.chip.plan import starting_weights
from chipsim.errors import InputError, SimulationError

KINDS = ("2pcm+3t1c", "2pcm", "3t1c")
IDEAL = {"cell.pcm.programming": "ideal"}


@pytest.mark.parametrize("kind", ["2pcm+3t1c", "3t1c"])
def test_initial_weights_are_programmed(small, kind):
    """Programmed exactly and without noise, the chip holds the initial weights, and says so."""
    made = small.build(IDEAL, small.NO_NOISE, images=4, cell__kind=kind, network__initial_scale=0.15)
    for layer, (held, wanted) in enumerate(zip(made.weights_at(0), starting_weights(made.scenario), strict=True)):
        assert held == pytest.approx(wanted, abs=1e-5)
        assert small.weights(made, layer, 0) == pytest.approx(wanted, abs=1e-5)


def test_initial_programming_is_paid_for(small):
    """Programming the initial weights is in the ledger, and takes no chip time."""
    told = small.totals(small.build(images=4))
    assert told["pcm.RESET pulse"] >= 2 * (21 * 12 + 13 * 8 + 9 * 4)
    assert told["chip.powered time"] == 0.0


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_those_of_the_arrays(small, kind):
    """At any later moment the chip's own weights are those computed from voltages and conductances."""
    told = small.run(images=20, cell__kind=kind, transfer__every="7 images", transfer__policy="stall")
    for later in (0, 10**6, 10**10):
        now = told.state.now_ps + later
        for layer, held in enumerate(told.chip.weights_at(now)):
            assert held == pytest.approx(small.weights(told.chip, layer, now), abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_looking_leaves_no_trace(small, kind):
    """Reading weights, voltages, conductances and variances changes no bit of the chip."""
    made = small.build(images=10, cell__kind=kind)
    now = made.train(0, 10 * 2 * made.layers, 0)
    before = small.snapshot(made)
    made.weights_at(now + 1000)
    made.capacitor_at(now + 1000)
    made.voltage_at(now + 1000)
    made.reference_at(now + 1000)
    made.read_variance()
    assert not small.differences(small.snapshot(made), before)


def test_voltages_are_absolute(small):
    """A fresh chip without noise stands at its initial voltage, and rests at the resting voltage long after."""
    made = small.build(small.NO_SPREAD, small.NO_NOISE, images=4, cell__kind="3t1c", network__initial_scale=1e-9)
    real = made.cells.leak > 0
    assert made.voltage_at(0)[real] == pytest.approx(np.full(real.sum(), 0.5), abs=1e-6)
    assert made.voltage_at(10**12)[real] == pytest.approx(np.full(real.sum(), 0.8), abs=1e-6)


def test_read_variance_is_that_of_the_devices(small):
    """The variance of a weight in one read is F^2 (sigma(G+)^2 + sigma(G-)^2), to half a step of its grid."""
    made = small.build(images=4)
    noise = made.scenario.cell.pcm.read_noise
    for layer, variance in enumerate(made.read_variance()):
        sigmas = [noise.sigma(small.cells_of(made, g, layer), 40_000) for g in (made.cells.g_plus, made.cells.g_minus)]
        assert np.sqrt(variance) * 40.0 == pytest.approx(3.0 * np.hypot(*sigmas), abs=0.51 * made.device.noise_lsb)


def test_a_clock_beyond_the_kernels_is_refused(small):
    """Training later than the kernels' 64-bit clock is an error that says so, not an overflow."""
    made = small.build(images=4)
    with pytest.raises(SimulationError, match="beyond the kernels' clock"):
        made.train(0, 1, 2**63)


def initial(small, path):
    """Return the weights that a scenario with this file starts from."""
    return starting_weights(small.scenario(network__initial_weights=str(path)))


def test_weights_come_from_a_file(small, tmp_path):
    """Weights in an npz file are taken as they are."""
    shapes = ((21, 12), (13, 8), (9, 4))
    wanted = [np.full(shape, 0.1 * k, dtype=np.float32) for k, shape in enumerate(shapes)]
    np.savez(tmp_path / "w.npz", **{f"w{k}": w for k, w in enumerate(wanted)})
    for found, expected in zip(initial(small, tmp_path / "w.npz"), wanted, strict=True):
        assert (found == expected).all()


@pytest.mark.parametrize(
    "case, message",
    [
        ("missing", "no such file"),
        ("text", "is no npz archive, or is damaged"),
        ("key", "w2"),
        ("shape", r"w1 .*shape \(13, 7\).*wants \(13, 8\)"),
        ("nan", "w0 .*not finite"),
    ],
)
def test_bad_weight_files_are_refused(small, tmp_path, case, message):
    """A missing, damaged or unfitting file of weights is one clear message."""
    path = tmp_path / "w.npz"
    arrays = {"w0": np.zeros((21, 12)), "w1": np.zeros((13, 8)), "w2": np.zeros((9, 4))}
    if case == "text":
        path.write_text("no archive", encoding="utf-8")
    elif case != "missing":
        if case == "key":
            del arrays["w2"]
        if case == "shape":
            arrays["w1"] = np.zeros((13, 7))
        if case == "nan":
            arrays["w0"][3, 4] = np.nan
        np.savez(path, **arrays)
    with pytest.raises(InputError, match=message):
        initial(small, path)
