"""The actions that a chip counts, and what a price of each means.

An action is named `part.what`. A ledger holds how often it happened, or how much of it; the energy is that amount times a rate,
which a price table gives in the unit of the action's measure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Measure = Literal["count", "charge", "conductance time", "time"]

UNITS: dict[Measure, str] = {"count": "J", "charge": "V", "conductance time": "V", "time": "W"}
"""Unit of a price: joules per action, volts for coulombs (E = Q V) and for siemens-seconds (E = V^2 G t), watts for seconds."""

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

    def rate(self, value: float) -> float:
        """Return joules per amount for a price in the unit of the measure."""
        return value * value if self.measure == "conductance time" else value


ACTIONS: dict[str, Action] = {
    "array.pcm conductance time": Action("array read", "conductance time", "conductance x time of PCM devices read in training, S s"),
    "array.capacitor conductance time": Action("array read", "conductance time", "likewise of the capacitors' read transistors and their references, S s"),
    "array.forward read": Action("array read", "count", "a tile read forward once"),
    "array.backward read": Action("array read", "count", "a tile read backward once"),
    "word line.drive": Action("line drive", "count", "a row of a tile driven in a forward read"),
    "bit line.drive": Action("line drive", "count", "a column of a tile driven in a backward read"),
    "word line.update slot": Action("line drive", "count", "a pulse on a row of a tile in an update"),
    "bit line.update slot": Action("line drive", "count", "a pulse on a column of a tile in an update"),
    "read-out.conversion": Action("read-out", "count", "one output line of a tile converted"),
    "neuron.activation": Action("neuron", "count", "one activation, or its derivative"),
    "update pulse.up": Action("update pulses", "count", "a device pulse up; its charge is an action of its own"),
    "update pulse.down": Action("update pulses", "count", "a device pulse down, likewise"),
    "capacitor.pulse charge": Action("update pulses", "charge", "charge moved by update pulses, both directions counted positive, C"),
    "pcm.RESET pulse": Action("RESET", "count", "a RESET pulse's drivers; its charge is an action of its own"),
    "pcm.RESET charge": Action("RESET", "charge", "charge through devices in RESET pulses, C"),
    "pcm.SET ramp": Action("SET", "count", "a SET ramp-down's drivers, likewise"),
    "pcm.SET pulse": Action("SET", "count", "a partial-SET pulse's drivers, likewise"),
    "pcm.SET charge": Action("SET", "charge", "charge through devices in SET pulses and ramps, C"),
    "pcm.verify read": Action("verify read", "count", "one device converted in a verify read"),
    "pcm.verify conductance time": Action("verify read", "conductance time", "conductance x time of devices in verify reads, S s"),
    "transfer.sample read": Action("transfer", "count", "the weights of one column of a tile read before it is programmed"),
    "capacitor.preset": Action("transfer", "count", "the capacitors of one column of a tile preset at a transfer"),
    "buffer.bit": Action("transfer", "count", "one bit of a weight held in the transfer buffer, written once and read once"),
    "capacitor.row refresh": Action("refresh", "count", "the capacitors of one row of a tile written again; the conversions before are read-out"),
    "host link.bit": Action("host link", "count", "one bit sent by the host, received by the chip"),
    "power.wake-up": Action("wake-up", "count", "the chip's supply brought up once"),
    "chip.asleep time": Action("static", "time", "time with the power domain off, s"),
    "chip.powered time": Action("static", "time", "time under power, s"),
}
"""Every action that is known, with its component and measure."""

BALANCES = frozenset({"capacitor.clipped charge"})
"""Amounts that a ledger keeps for balances of charge; they are no action and cost nothing."""
