"""Time of training kernels, in one run: full physics, plain compiled float32, and NumPy float32, on the same images.

    python tests/benchmarks/training_speed.py [--warm-up EPOCHS] [--rounds N] [--images N]

Batch 1, network 528-250-125-10, images of `mnist-5k`. *Full physics* is the default 2PCM+3T1C cell: leak, spreads, stochastic
pulse trains, state-dependent mismatched steps, read and packet noise, energy and counts. The contestants take turns on
chunks of images, so a slow moment of the machine hits all of them; ratios are taken chunk by chunk, and their median counts.
The chip's cost follows the number of update pulses, which falls during training; `--warm-up` says how long it has trained
before (0 is the beginning, its slowest moment).
"""

from __future__ import annotations

import argparse
import os
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from chipsim.chip.analog import AnalogChip
from chipsim.chip.plan import plan_training, starting_weights
from chipsim.chip.software import SoftwareChip
from chipsim.datasets import load_dataset
from chipsim.kernels import layout
from chipsim.scenario import Scenario


class NumpyNetwork:
    """The same gradient descent in NumPy float32."""

    def __init__(self, chip: SoftwareChip) -> None:
        self.weights = chip.weights_at(0)
        self.data, self.order, self.rates = chip.data, chip.plan.order, chip.plan.rates

    def train(self, first: int, last: int) -> None:
        """Learn steps `first .. last - 1`."""
        per_epoch = self.order.size // self.rates.size
        for step in range(first, last):
            image = self.order[step]
            xs = [np.append(self.data.train_images[image].astype(np.float32) * np.float32(1 / 255), np.float32(1))]
            for w in self.weights[:-1]:
                xs.append(np.append(np.tanh(xs[-1] @ w), np.float32(1)))
            y = xs[-1] @ self.weights[-1]
            p = np.exp(y - y.max())
            d = -p / p.sum()
            d[self.data.train_labels[image]] += 1
            rate = np.float32(self.rates[step // per_epoch])
            for layer in range(len(self.weights) - 1, -1, -1):
                w, x = self.weights[layer], xs[layer]
                before = (w[:-1] @ d) * (1 - x[:-1] * x[:-1]) if layer else None
                w += np.outer(x, rate * d)
                d = before


def measure(warm_up: int = 12, rounds: int = 15, images: int = 500) -> tuple[np.ndarray, float]:
    """Return the time of an image (us) by round and contestant (full physics, plain, NumPy), and device pulses an image."""
    scenario = Scenario.load("mnist-5k", [f"training.epochs={warm_up + 1 + rounds * images // 5000}"])
    data = load_dataset(scenario.data, None)
    plan = plan_training(scenario, len(data.train_labels))
    chip, plain = AnalogChip(scenario, data, plan), SoftwareChip(scenario, data, plan)
    for contestant in (chip, plain):
        contestant.program(starting_weights(scenario))
    phases, now, step = len(chip.phase_ps), 0, 0
    while step < warm_up * 5000:
        now = chip.train(step * phases, (step + 1000) * phases, now)
        plain.train(step, step + 1000, 0)
        step += 1000
        if step % 8000 == 0:
            chip.transfer_now(now, step // 8000, step)
    numpy_network = NumpyNetwork(plain)
    before = chip.amounts.segment_counts[:, (layout.PULSE_UP, layout.PULSE_DOWN)].sum()
    times = []
    for _ in range(rounds + 1):  # the first round only warms the caches up
        t0 = time.perf_counter()
        now = chip.train(step * phases, (step + images) * phases, now)
        t1 = time.perf_counter()
        plain.train(step, step + images, 0)
        t2 = time.perf_counter()
        numpy_network.train(step, step + images // 10)
        t3 = time.perf_counter()
        step += images
        times.append(((t1 - t0) / images, (t2 - t1) / images, (t3 - t2) / (images // 10)))
    pulses = chip.amounts.segment_counts[:, (layout.PULSE_UP, layout.PULSE_DOWN)].sum() - before
    return np.array(times[1:]) * 1e6, pulses / (images * (rounds + 1))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--warm-up", type=int, default=12, help="epochs of 5,000 images that the chip has learnt before (12 are one epoch of mnist)")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--images", type=int, default=500, help="images a chunk")
    given = parser.parse_args()
    measured, pulses = measure(given.warm_up, given.rounds, given.images)
    for name, column in zip(("full physics", "plain compiled float32", "NumPy float32"), measured.T, strict=True):
        low, middle, high = np.quantile(column, [0, 0.5, 1])
        print(f"{name:24s} {middle:7.1f} us an image (min {low:.1f}, max {high:.1f})")
    print(f"device pulses an image    {pulses:7.0f}")
    for name, ratio in (
        ("full physics / plain", measured[:, 0] / measured[:, 1]),
        ("NumPy / full physics", measured[:, 2] / measured[:, 0]),
        ("NumPy / plain", measured[:, 2] / measured[:, 1]),
    ):
        print(f"{name:24s} {np.median(ratio):7.2f} (min {ratio.min():.2f}, max {ratio.max():.2f})")


if __name__ == "__main__":
    main()
