"""The blocks that a chip is built of, and what a price table says of each: its area, and the power that it takes while idle."""

from __future__ import annotations

from dataclasses import dataclass

AREA_COMPONENTS = ("cells", "line drivers", "read-out", "neurons", "programming", "verify read-out", "buffers", "control", "wiring")
"""The parts that the area of a chip is reported in; `wiring` is what routing and empty space add to all others."""


@dataclass(frozen=True)
class Block:
    """A kind of circuit, the component its area belongs to, and what there is one of it for."""

    component: str
    per: str
    on_tile: bool = True
    """Whether every tile has its own, rather than the chip."""


BLOCKS: dict[str, Block] = {
    "word line driver": Block("line drivers", "word line: level shifter, pulse width, pulse train"),
    "bit line driver": Block("line drivers", "bit line, likewise"),
    "integrator": Block("read-out", "line that is read: bit lines forward, and word lines where a layer is read backward"),
    "read-out": Block("read-out", "group of lines that share a converter (tiles.lines_per_read_out)"),
    "neuron": Block("neurons", "read-out of bit lines, once where the rows of a layer are split over tiles: activation and its derivative"),
    "programming driver": Block("programming", "word line of cells with PCM devices: current source of RESET and SET"),
    "tile control": Block("control", "tile: sequencing of its phases"),
    "programming supply": Block("programming", "milliampere of transfer.programming_current", on_tile=False),
    "verify read-out": Block("verify read-out", "unit of transfer.verify_units", on_tile=False),
    "buffer bit": Block("buffers", "bit of activations, errors, of the queue of images, and of weights in a transfer that samples at its start", on_tile=False),
    "chip control": Block("control", "chip: clock, sequencing, transfer logic", on_tile=False),
    "host link": Block("control", "link to a host, where there is one", on_tile=False),
}
"""Every block beside the cells."""

FACTORS: dict[str, tuple[float, float, str]] = {
    "wiring": (1.0, 10.0, "area of a tile or chip over the sum of its blocks: routing and empty space"),
    "asleep": (0.0, 1.0, "static power with the power domain off, as a share of that under power"),
    "energy": (1e-6, 1e6, "factor on every energy and static power of the table"),
    "area": (1e-6, 1e6, "factor on every area of the table"),
}
"""Numbers without a unit that a table gives: lowest, highest, meaning."""
