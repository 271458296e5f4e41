"""Full detail inside chip-time windows: what is asked of the processes for it."""

from __future__ import annotations

from chipsim.chip.analog import AnalogChip
from chipsim.chip.software import SoftwareChip
from chipsim.events.observer import Detail, Observer, PhaseName
from chipsim.scenario.cycle import Cycle
from chipsim.scenario.model import Parameters


def detail_of(scenario: Parameters, chip: AnalogChip | SoftwareChip, observer: Observer) -> Detail | None:
    """Return what passes on everything that happens inside the scenario's windows, or None where there are none."""
    if not scenario.record.windows or not isinstance(chip, AnalogChip):
        return None
    cycle = Cycle(chip.phase_ps)
    names = []
    tiles = tuple(tile_track(tile, layer) for tile, layer in enumerate(chip.layer_of))
    for phase, layers in enumerate(cycle.uses):
        what = "update" if phase == cycle.phases - 1 else ("forward" if phase < cycle.layers else "backward")
        tracks = tuple(f"{name}/array" for name, layer in zip(tiles, chip.layer_of, strict=True) if layer in layers)
        names.append(PhaseName(what, "" if what == "update" else f" layer {layers[0] + 1}", tracks))
    return Detail(scenario.record.windows, observer, tuple(names), tiles, chip.update_pulses)


def tile_track(tile: int, layer: int) -> str:
    """Return what a tile is called on tracks and among resources."""
    return f"tile {tile} (layer {layer + 1})"
