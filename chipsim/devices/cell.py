"""Unit cells: how devices combine into a weight, W = F (G+ - G-) + p (g - g_ref)."""

from __future__ import annotations

from typing import Literal

from chipsim.devices.capacitor import Capacitor
from chipsim.devices.pcm import Pcm
from chipsim.spec import Microsiemens, Spec, Volts, param

CellKind = Literal["2pcm+3t1c", "2pcm", "3t1c", "software"]


class Cell(Spec):
    """A unit cell."""

    kind: CellKind = param("2pcm+3t1c", "which devices make up a weight; `software` is float32 without a device", basis="choice")
    gain: float = param(
        3.0, "F: weight of the PCM pair against the capacitor", basis="assumed", source="4 in MLP+NeuroSim V3.0; 2 and 3 tried on the validation split", gt=0
    )
    weight_conductance: Microsiemens = param("40 uS", "conductance of one unit of weight", basis="assumed", gt=0)
    read_voltage: Volts = param(
        "0.2 V",
        "voltage on bit lines while cells are read; it costs energy, V^2 G t",
        basis="read",
        source="PCM array of Sebastian et al., Nat. Commun. 8, 1115 (2017)",
        gt=0,
        le=10,
    )
    capacitor: Capacitor = param(Capacitor(), "the 3T1C part", basis="choice")
    pcm: Pcm = param(Pcm(), "the PCM pair", basis="choice")

    @property
    def has_pcm(self) -> bool:
        """Whether the cell has a PCM pair."""
        return self.kind in ("2pcm+3t1c", "2pcm")

    @property
    def has_capacitor(self) -> bool:
        """Whether the cell has a 3T1C part."""
        return self.kind in ("2pcm+3t1c", "3t1c")

    @property
    def weight_step(self) -> float:
        """Weight change of one nominal update pulse, in units of weight."""
        if self.kind == "2pcm":
            return self.gain * self.pcm.partial_set.granularity / self.weight_conductance
        return self.capacitor.step * self.capacitor.transconductance / self.weight_conductance
