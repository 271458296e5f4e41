"""The actions that a chip counts, and what a price of each means.

An action is named `part.what`. A ledger holds how often it happened, or how much of it; the energy is that amount times a rate: the
price in a table, the square of the read voltage, or the static power of the floorplan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Measure = Literal["count", "charge", "read", "powered time", "asleep time"]

UNITS: dict[str, str] = {"count": "J", "charge": "V"}
"""Unit of a price, by the measure of what is priced: joules per action; volts for coulombs (E = Q V).

Reads need no price, as a table says at which voltage they happen (E = V^2 G t), and time costs the static power of the floorplan."""

COMPONENTS = (
    "array read",
    "line drive",
    "read-out",
    "neuron",
    "update pulses",
    "RESET",
    "SET",
    "verify read",
    "transfer",
    "refresh",
    "host link",
    "wake-up",
    "static",
)
"""The parts that the energy of a chip is reported in; `transfer` is sampling, preset and buffer, `refresh` the writing of rows."""


@dataclass(frozen=True)
class Action:
    """What a ledger entry counts, and the component its energy belongs to."""

    component: str
    measure: Measure
    meaning: str

    @property
    def priced(self) -> bool:
        """Whether a price table has an entry for it."""
        return self.measure in UNITS


ACTIONS: dict[str, Action] = {
    "array.pcm conductance time": Action("array read", "read", "conductance x time of PCM devices read in training, S s"),
    "array.capacitor conductance time": Action("array read", "read", "likewise of the capacitors' read transistors and their references, S s"),
    "array.forward read": Action("array read", "count", "a tile read forward once"),
    "array.backward read": Action("array read", "count", "a tile read backward once"),
    "word line.drive": Action("line drive", "count", "a row of a tile driven in a forward read: its driver"),
    "word line.drive load": Action("line drive", "count", "a cell on such a row, which the driver charges"),
    "bit line.drive": Action("line drive", "count", "a column of a tile driven in a backward read: its driver"),
    "bit line.drive load": Action("line drive", "count", "a cell on such a column, likewise"),
    "word line.update slot": Action("line drive", "count", "a pulse on a row of a tile in an update: its driver"),
    "word line.update load": Action("line drive", "count", "a cell on such a row, likewise"),
    "bit line.update slot": Action("line drive", "count", "a pulse on a column of a tile in an update: its driver"),
    "bit line.update load": Action("line drive", "count", "a cell on such a column, likewise"),
    "read-out.integration": Action("read-out", "count", "one output line of a tile integrated during a read"),
    "read-out.conversion": Action("read-out", "count", "one output line of a tile converted"),
    "neuron.activation": Action("neuron", "count", "one activation, or its derivative"),
    "update pulse.up": Action("update pulses", "count", "a device pulse up; its charge is an action of its own"),
    "update pulse.down": Action("update pulses", "count", "a device pulse down, likewise"),
    "capacitor.pulse charge": Action("update pulses", "charge", "charge of update pulses in both directions, those at a limit included, C"),
    "pcm.RESET pulse": Action("RESET", "count", "a RESET pulse's driver; its charge is an action of its own"),
    "word line.RESET load": Action("RESET", "count", "a cell on the row of a device that is RESET, which the driver charges"),
    "pcm.RESET charge": Action("RESET", "charge", "charge through devices in RESET pulses, C"),
    "pcm.SET ramp": Action("SET", "count", "a SET ramp-down's driver, likewise"),
    "pcm.SET pulse": Action("SET", "count", "a partial-SET pulse's driver, likewise"),
    "word line.SET load": Action("SET", "count", "a cell on the row of a device that is SET, likewise"),
    "pcm.SET charge": Action("SET", "charge", "charge through devices in SET pulses and ramps, C"),
    "pcm.verify read": Action("verify read", "count", "one device converted in a verify read"),
    "pcm.verify conductance time": Action("verify read", "read", "conductance x time of devices in verify reads, S s"),
    "transfer.sample read": Action("transfer", "count", "one weight read before its column is programmed"),
    "capacitor.preset": Action("transfer", "count", "one capacitor preset at a transfer"),
    "buffer.bit": Action("transfer", "count", "one bit of a weight held in the transfer buffer, written once and read once"),
    "capacitor.refresh": Action("refresh", "count", "one capacitor written again; the conversion before is a read-out"),
    "host link.bit": Action("host link", "count", "one bit sent by the host, received by the chip"),
    "power.wake-up": Action("wake-up", "count", "the chip's supply brought up once"),
    "chip.asleep time": Action("static", "asleep time", "time with the power domain off, s"),
    "chip.powered time": Action("static", "powered time", "time under power, s"),
}
"""Every action that is known, with its component and measure."""

BALANCES = frozenset({"capacitor.clipped charge"})
"""Amounts that a ledger keeps for balances of charge; they are no action and cost nothing."""

DATA_DEPENDENT = (
    "array.pcm conductance time",
    "array.capacitor conductance time",
    "bit line.drive",
    "bit line.drive load",
    "word line.update slot",
    "word line.update load",
    "bit line.update slot",
    "bit line.update load",
    "update pulse.up",
    "update pulse.down",
    "capacitor.pulse charge",
    "pcm.RESET pulse",
    "word line.RESET load",
    "pcm.RESET charge",
    "pcm.SET ramp",
    "pcm.SET pulse",
    "word line.SET load",
    "pcm.SET charge",
    "pcm.verify read",
    "pcm.verify conductance time",
)
"""Actions that depend on what the network has learnt; all others follow from its size, its inputs and the time."""
