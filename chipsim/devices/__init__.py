"""Devices and unit cells: frozen, cited parameters and their closed forms."""

from chipsim.devices.capacitor import Capacitor
from chipsim.devices.cell import Cell, CellKind
from chipsim.devices.pcm import Pcm

__all__ = ["Capacitor", "Cell", "CellKind", "Pcm"]
