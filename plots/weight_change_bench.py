"""Ask single cells for given numbers of pulses: a chip of one array, driven by the kernels of training, but not by images.

Every pulse falls on an image of its own choice among two intervals between transfers; leak, packet noise, the order of refreshes and the
transfers are those of training.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from weight_change_training import interval_of

from chipsim.chip import build
from chipsim.chip.analog import AnalogChip
from chipsim.chip.plan import Plan, starting_weights
from chipsim.datasets import Dataset
from chipsim.kernels import crossbar, layout, update
from chipsim.scenario.model import Parameters

INTERVALS = 2
"""Polarity inversion cancels what differs between up and down over two."""
Pulses = NDArray[np.int64]


def ask(scenario: Parameters, up: Pulses, down: Pulses) -> NDArray[np.float64]:
    """Return by how much the weights of (rows, columns) cells change, in units of weight, if asked for `up` and `down` pulses each.

    A change is from just after a transfer to just after the second one from then. Each pulse falls on any image of the two intervals.
    Cells begin as cells of the scenario's network do, picked at random.
    """
    interval = interval_of(scenario)
    chooses = np.random.default_rng(scenario.seed)
    chip = chip_of(scenario, up.shape)
    every = np.concatenate([layer.ravel() for layer in starting_weights(scenario)])
    chip.program([chooses.choice(every, up.shape).astype(np.float32)])
    before = chip.weights_at(0)[0].astype(np.float64)
    images = INTERVALS * interval
    order = schedule(up, down, images, chooses)
    drive(chip, order, images, interval, sum(scenario.phase_ps))
    return np.asarray(chip.weights_at(images * sum(scenario.phase_ps))[0] - before)


def chip_of(scenario: Parameters, shape: tuple[int, ...]) -> AnalogChip:
    """Return a chip with the scenario's cells in one array of (rows, columns), which is trained on nothing."""
    rows, columns = shape
    network = scenario.network.model_copy(update={"layers": (rows - 1, columns)})  # the bias is a row, too
    tiles = scenario.tiles.model_copy(update={"max_rows": rows, "max_columns": columns})
    none, labels = np.zeros((0, rows - 1), dtype=np.uint8), np.zeros(0, dtype=np.uint8)
    data = Dataset(none, labels, none, labels, columns, {}, (rows - 1,))
    plan = Plan(order=np.zeros(0, dtype=np.int64), rates=np.zeros(1))
    return AnalogChip(scenario.model_copy(update={"network": network, "tiles": tiles}), data, plan)


def schedule(up: Pulses, down: Pulses, images: int, chooses: np.random.Generator) -> Pulses:
    """Return (image, direction, cell, pulses) of everything that happens, in that order; direction 0 is up, 1 is down.

    Where several pulses of a direction fall on one image of a cell, they are one burst.
    """
    cells = up.size
    whose = np.concatenate([np.repeat(np.arange(cells) + side * cells, asked.ravel()) for side, asked in enumerate((up, down))])
    keys, pulses = np.unique(chooses.integers(0, images, whose.size) * (2 * cells) + whose, return_counts=True)
    image, whose = np.divmod(keys, 2 * cells)
    direction, cell = np.divmod(whose, cells)
    return np.stack([image, direction, cell, pulses])


def drive(chip: AnalogChip, order: Pulses, images: int, interval: int, image_ps: int) -> None:
    """Let everything of `order` happen; what is due at an image boundary is done before the image, and at the end."""
    bursts = _Bursts(chip, int(np.bincount(order[0], minlength=1).max(initial=0)))
    begins = np.searchsorted(order[0], np.arange(images + 1))
    number = 0
    for image, (first, last) in enumerate([*pairwise(begins), (0, 0)]):
        if image and image % interval == 0 and chip.cell.kind == "2pcm+3t1c":
            number += 1
            chip.transfer_now(image * image_ps, number, 0)
        if image and chip.cell.kind == "2pcm" and _refresh_due(chip.scenario, image, image_ps):
            chip.refresh_pairs(image, 0)
        bursts.leak(image * image_ps)
        for direction, chosen in _by_direction(order[:, first:last]):
            bursts.hit(chosen, direction, image)


def _refresh_due(scenario: Parameters, image: int, image_ps: int) -> bool:
    every = scenario.refresh.every
    return image % (every.images or max((every.time_ps or 0) // image_ps, 1)) == 0


def _by_direction(order: Pulses) -> Iterator[tuple[int, Pulses]]:
    for direction in (0, 1):
        chosen = order[:, order[1] == direction]
        if chosen.size:
            yield direction, chosen


class _Bursts:
    """Sends bursts of pulses into a chip of one array."""

    def __init__(self, chip: AnalogChip, most: int) -> None:
        self._chip = chip
        self._tile = chip.geometry.tiles[0]
        room = most + build.HITS
        names = ("place", "slots")
        self._pulses = chip.pulses._replace(noise=np.zeros(room, dtype=np.float32), **{name: np.zeros(room, dtype=np.uint64) for name in names})
        self._every = np.arange(chip.rows_of(0), dtype=np.int64)
        self._x = np.ones(chip.rows_of(0), dtype=np.float32)
        self._d = [np.full(chip.columns_of(0), sign, dtype=np.float32) for sign in (1.0, -1.0)]
        self._padded = int(self._tile[layout.TILE_HEIGHT]), int(self._tile[layout.TILE_STRIDE])

    def leak(self, now_ps: int) -> None:
        """Bring the capacitors up to date as a read of all rows does."""
        chip, padded = self._chip, self._padded
        if not chip.device.has_capacitor:
            return
        crossbar.bring_up(
            self._tile,
            chip.cells.overdrive.reshape(padded),
            chip.cells.threshold.reshape(padded),
            chip.cells.leak.reshape(padded),
            chip.rows,
            self._every,
            0,
            self._every.size,
            chip.relative(now_ps),
            chip.device,
        )

    def hit(self, order: Pulses, direction: int, image: int) -> None:
        """Apply the bursts of one direction in one image."""
        chip, pulses = self._chip, self._pulses
        found = order.shape[1]
        row, column = np.divmod(order[2].astype(np.uint64), np.uint64(chip.columns_of(0)))
        pulses.place[:found] = (row << np.uint64(16)) | column
        pulses.slots[:found] = (np.uint64(1) << order[3].astype(np.uint64)) - np.uint64(1)
        lines = (chip.rows, chip.columns, self._x, self._d[direction])
        counts, sums = chip.ledger(0)
        update.apply_hits(self._tile, chip.cells, *lines, found, pulses, 2 * image + direction, chip.pairs, chip.device, counts, sums)
