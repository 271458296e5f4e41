"""Energy per image by component: training alone, writing weights, everything else, and the sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from chipsim.plotting.energy import COLOURS
from chipsim.plotting.reading import sheet, silicon
from chipsim.plotting.style import BLACK, DOUBLE_COLUMN, about, amount, panels, percent, prefix, styled
from chipsim.silicon.accounting import components_of

if TYPE_CHECKING:
    from chipsim.analysis.run import Run
    from chipsim.costs import Sheet
    from chipsim.scenario.model import Parameters
    from chipsim.silicon.figures import SiliconFigures

_DARK = {COLOURS[name] for name in ("array read", "read-out", "RESET", "verify read", "transfer", "refresh", "host link")}
_NARROW = 0.06
"""Share of the whole that a segment must have to carry its percentage."""


@styled
def energy_per_image(run: Run | SiliconFigures) -> Figure:
    """Draw the energy per image as stacked bars: training, programming, the rest (idle power, refresh, link, wake-up), and all of it.

    The energy of writing the initial weights is shared out among the images, too.

    Raises
    ------
    InputError
        if the run trained no image on a chip.
    """
    found = sheet(run, "energy-per-image", "energy_per_image_J")
    groups = grouped(found, silicon(run, "energy-per-image").scenario)
    everything = {name: energy for group in groups.values() for name, energy in group.items()}
    whole = sum(everything.values())
    factor, unit = prefix(whole, "J")
    figure, axes = panels(1, 1, DOUBLE_COLUMN, 1.05 + 0.29 * (len(groups) + 1))
    ax = axes[0, 0]
    for place, group in enumerate([*groups.values(), everything]):
        _stack(ax, place, group, factor, whole)
        total = sum(group.values())
        share = "" if place == len(groups) else f" ({about(total / whole)})"
        ax.annotate(f"{amount(total, 'J')}{share}", (total * factor, place), xytext=(3, 0), textcoords="offset points", va="center", fontsize=7)
    ax.set_yticks(range(len(groups) + 1), [*groups, "whole run"])
    ax.set(ylim=(len(groups) + 0.55, -0.55), xlim=(0, 1.12 * whole * factor), xlabel=f"Energy per image ({unit})")
    ax.tick_params(axis="y", length=0)
    handles = [Patch(color=COLOURS[name], label=f"{name}: {amount(energy, 'J')}") for name, energy in everything.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def grouped(found: Sheet, scenario: Parameters) -> dict[str, dict[str, float]]:
    """Return the energy per image (J) of every component that took any, by what it was for; groups that took none are left out."""
    training, programming = components_of(scenario)
    images = found["images"].value
    groups: dict[str, dict[str, float]] = {"training": {}, "programming": {}, "static and other": {}}
    for name in COLOURS:
        energy = found[f"energy_J.{name}"].value / images
        if energy > 0:
            groups["training" if name in training else "programming" if name in programming else "static and other"][name] = energy
    return {words: group for words, group in groups.items() if group}


def _stack(ax: Axes, place: int, group: dict[str, float], factor: float, whole: float) -> None:
    """Draw the components of a group side by side, with their share of the whole where there is room."""
    left = 0.0
    for name, energy in group.items():
        ax.barh(place, energy * factor, left=left, height=0.68, color=COLOURS[name], edgecolor="white", linewidth=0.3)
        if energy > _NARROW * whole:
            colour = "white" if COLOURS[name] in _DARK else BLACK
            ax.text(left + energy * factor / 2, place, percent(energy / whole, 0), ha="center", va="center", fontsize=7, color=colour)
        left += energy * factor
