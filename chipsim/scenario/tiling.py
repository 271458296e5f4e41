"""How layers are cut into tiles: which rows and columns of a layer each array holds, and how large it is built."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class TileCut:
    """One array: the part of a layer that it holds, and the lines it is built with."""

    layer: int
    row: int
    """First row of the layer, an input (the last one is the bias)."""
    rows: int
    column: int
    """First column of the layer, an output."""
    columns: int
    built_rows: int
    """Word lines, in use or not."""
    built_columns: int
    """Bit lines, in use or not."""


def cut(sizes: Sequence[int], max_rows: int, max_columns: int, *, full: bool = False) -> Iterator[TileCut]:
    """Yield the tiles of all layers, row by row of each layer's grid.

    Parameters
    ----------
    sizes
        neurons from input to output; every layer has one more row, for its bias.
    max_rows, max_columns
        the largest tile.
    full
        whether every tile is built that large, rather than as large as its part of the layer.
    """
    for layer, (inputs, outputs) in enumerate(pairwise(sizes)):
        for row in range(0, inputs + 1, max_rows):
            for column in range(0, outputs, max_columns):
                rows, columns = min(max_rows, inputs + 1 - row), min(max_columns, outputs - column)
                built = (max_rows, max_columns) if full else (rows, columns)
                yield TileCut(layer, row, rows, column, columns, *built)
