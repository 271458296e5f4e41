"""How the chip's state lies in memory: named groups of flat arrays, shared by all kernels.

Cells of a tile are contiguous, row by row (a row is a word line, an input; a column is a bit line, an output), and tiles
follow each other, so any number of layers and tiles is one set of arrays and one compiled function. Rows are padded.
Conductances in µS, voltages in V, times in int64 picoseconds since the chip's origin. What is drawn once per device lies
on an 8-bit grid (a 25th of a sigma or finer), so that the cells of a network stay in the processor's cache.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I8 = NDArray[np.int8]
U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]

TILE_LAYER = 0
TILE_ROW = 1
TILE_ROWS = 2
TILE_COLUMN = 3
TILE_COLUMNS = 4
TILE_CELL = 5
TILE_ROW_LINE = 6
TILE_COLUMN_LINE = 7
TILE_STRIDE = 8
TILE_HEIGHT = 9
TILE_BUILT_ROWS = 10
TILE_BUILT_COLUMNS = 11
TILE_FIELDS = 12
"""Fields of a tile's row in `Geometry.tiles`: its layer; its first logical row and their number; its first logical
column and their number; the index of its first cell, of its first row line and of its first column line; the cells
from one row to the next (columns, padded); the rows, padded; and the word lines and bit lines that it is built with, in use or not."""

PADDING = 32
"""Rows are padded to a multiple of so many cells: inner loops then have no scalar remainder. Padded cells hold zeros."""
ROW_PADDING = 4
"""The rows of a tile are padded to a multiple of four, because the kernels take four at a time."""


STEP_DOWN = 0
STEP_UP = 1
STEP_THRESHOLD = 2
"""Columns of `Cells.steps`."""


class Geometry(NamedTuple):
    """Sizes and offsets; constant during a run."""

    sizes: I64
    """(layers + 1,) neurons from input to output."""
    tiles: I64
    """(tiles, TILE_FIELDS)."""
    first_tile: I64
    """(layers + 1,) first tile of each layer, and the number of tiles."""
    input_at: I64
    """(layers + 1,) where each layer's inputs (with bias) start in `Signals.inputs`, and their total."""
    output_at: I64
    """(layers + 1,) where each layer's outputs start in `Signals.outputs`, and their total."""


class Cells(NamedTuple):
    """One value per cell."""

    overdrive: F32
    """Capacitor voltage above the threshold of the cell's read transistor, V, at its row's time: g = k max(overdrive, 0)."""
    threshold: I8
    """Read transistor's threshold minus the nominal one, in `Device.threshold_lsb`."""
    leak: U8
    """1 / retention, in `Device.leak_lsb`; 0 only in padding."""
    steps: I8
    """(cells, 4): relative deviation of the down and of the up step, in `Device.step_lsb`; the threshold once more; unused.

    They lie together because an update wants all of them, of few cells: one cache line a hit instead of three."""
    pcm: F32
    """F (G+ - G-), µS."""
    noise: U8
    """Standard deviation of the cell's PCM part in one training read, in `Device.noise_lsb`."""
    g_plus: F32
    g_minus: F32
    """PCM conductances as last programmed, µS."""
    nu_plus: F32
    nu_minus: F32
    """Drift exponents of the last programming."""
    memory_plus: F32
    memory_minus: F32
    """History P of the partial-SET pulses since RESET (cell 2pcm; empty otherwise)."""

    @property
    def step_up(self) -> I8:
        """Relative deviation of the up step, in `Device.step_lsb`; a view."""
        return self.steps[:, STEP_UP]

    @property
    def step_down(self) -> I8:
        """Relative deviation of the down step, in `Device.step_lsb`; a view."""
        return self.steps[:, STEP_DOWN]


class RowLines(NamedTuple):
    """One value per word line of a tile."""

    time: I64
    """When the capacitors of the row were last brought up to date."""
    pcm_sum: F64
    """Sum of G+ + G- along the row, µS."""
    refreshed: I64
    """When the row's capacitors were last read and rewritten."""


class ColumnLines(NamedTuple):
    """One value per bit line of a tile."""

    time: I64
    """When the column's reference was last preset (its age starts here)."""
    reference: F32
    """Deviation of the reference capacitor from its resting voltage at that time, V."""
    polarity: F32
    """p: +1 or -1."""
    pcm_sum: F64
    """Sum of G+ + G- along the column, µS."""
    programmed: F64
    """When the column's PCM devices were last verified, s; years may lie between that and the chip's origin."""
    seen: F64
    """The age (s) at which reads see them, and sums count them; 0 since they were written."""


class Device(NamedTuple):
    """Scalars of the cell and of the reads; constant during a run."""

    quantum: int
    """Shortest gap (ps) whose leak is written back."""
    nominal_leak: float
    """1 / nominal retention, 1/s."""
    transconductance: float
    """k, µS/V."""
    rest_overdrive: float
    """Resting voltage minus the nominal threshold, V: g = k max(deviation + rest_overdrive - threshold, 0)."""
    threshold_lsb: float
    """V."""
    leak_lsb: float
    """1/s."""
    step: float
    """Nominal voltage step of one pulse at the initial voltage, V."""
    step_lsb: float
    noise_lsb: float
    """µS."""
    centre: float
    """Initial minus resting voltage, V: where steps are nominal."""
    lowest: float
    highest: float
    """Limits of the deviation, V."""
    step_slope: float
    """State dependence of a step, 1/V."""
    packet_sigma: float
    """Relative noise of one pulse."""
    capacitance: float
    """F."""
    gain: float
    """F: weight of the PCM pair."""
    unit: float
    """µS of one unit of weight."""
    weight_step: float
    """Weight change of one nominal pulse."""
    read_slope: float
    read_offset: float
    """White noise of one training read: slope G + offset (µS)."""
    has_capacitor: bool
    has_pcm: bool


class Rule(NamedTuple):
    """How an image is learnt; constant during a run."""

    seed: int
    stochastic: bool
    max_pulses: int
    tanh: bool
    """tanh in the hidden layers, else a rectifier."""
    forward_ps: int
    backward_ps: int
    update_ps: int
    segment: int
    """Images in one bin of the traces."""
    age_every: int
    """Images between two looks at the drift of the PCM planes while training; 0 where it is too slow to matter."""
    aging_par: F64


class Signals(NamedTuple):
    """What travels between phases of one image; part of the state, so an image can be interrupted anywhere."""

    inputs: F32
    """x of every layer, with a trailing 1 for the bias."""
    outputs: F32
    """Pre-activation of every layer, in units of weight."""
    errors: F32
    """Error at every layer's output (minus the gradient is applied)."""
    scratch: F32
    """(8, longest line, padded) sums of one read; empty between phases."""
    places: I64
    """Driven rows of one tile; empty between phases."""


class Pulses(NamedTuple):
    """Scratch of the update phase; empty between phases."""

    row_place: U64
    row_word: U64
    column_place: U64
    column_word: U64
    """Lines that carry a pulse, and their pulse trains, one bit a slot."""
    threshold: U64
    """Firing probability of each candidate line, times 2^32."""
    place: U64
    """Cells hit, as `random.cell_place`."""
    slots: U64
    """Coincident slots of each hit, one bit a slot."""
    noise: F32
    """Noise of each hit."""


class Amounts(NamedTuple):
    """What the chip did, binned over images."""

    segment_counts: I64
    """(segments, actions) how often each action happened."""
    segment_sums: F64
    """(segments, quantities) conductance-time, charge."""
    correct: I64
    """(segments, 2) images and correct predictions of training."""
    loss: F64
    """(segments,) sum of the cross-entropy."""


# Actions, in the order of `Amounts.segment_counts`; a load counts the cells on the lines driven, in use or not.
ROW_DRIVE = 0
ROW_LOAD = 1
COLUMN_DRIVE = 2
COLUMN_LOAD = 3
FORWARD_READ = 4
BACKWARD_READ = 5
INTEGRATION = 6
CONVERSION = 7
ACTIVATION = 8
ROW_SLOT = 9
ROW_SLOT_LOAD = 10
COLUMN_SLOT = 11
COLUMN_SLOT_LOAD = 12
PULSE_UP = 13
PULSE_DOWN = 14
RESET_PULSE = 15
RESET_LOAD = 16
SET_RAMP = 17
SET_PULSE = 18
SET_LOAD = 19
VERIFY_READ = 20
PRESET = 21
SAMPLE_READ = 22
BUFFER_BIT = 23
REFRESH = 24
WAKE_UP = 25
LINK_BIT = 26
ACTIONS = (
    "word line.drive",
    "word line.drive load",
    "bit line.drive",
    "bit line.drive load",
    "array.forward read",
    "array.backward read",
    "read-out.integration",
    "read-out.conversion",
    "neuron.activation",
    "word line.update slot",
    "word line.update load",
    "bit line.update slot",
    "bit line.update load",
    "update pulse.up",
    "update pulse.down",
    "pcm.RESET pulse",
    "word line.RESET load",
    "pcm.SET ramp",
    "pcm.SET pulse",
    "word line.SET load",
    "pcm.verify read",
    "capacitor.preset",
    "transfer.sample read",
    "buffer.bit",
    "capacitor.refresh",
    "power.wake-up",
    "host link.bit",
)

# Quantities, in the order of `Amounts.segment_sums`.
PCM_TIME = 0
CAPACITOR_TIME = 1
RESET_CHARGE = 2
SET_CHARGE = 3
VERIFY_TIME = 4
PULSE_CHARGE = 5
POWERED_TIME = 6
CLIPPED_CHARGE = 7
ASLEEP_TIME = 8
QUANTITIES = (
    "array.pcm conductance time",
    "array.capacitor conductance time",
    "pcm.RESET charge",
    "pcm.SET charge",
    "pcm.verify conductance time",
    "capacitor.pulse charge",
    "chip.powered time",
    "capacitor.clipped charge",
    "chip.asleep time",
)
