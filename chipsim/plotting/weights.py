"""The state at the end of a run: histogram of the weights of every layer, and maps of what its cells hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from chipsim.errors import InputError
from chipsim.plotting.reading import lacking
from chipsim.plotting.style import BLUE, DIVERGING, DOUBLE_COLUMN, SEQUENTIAL, Floats, panels, styled

if TYPE_CHECKING:
    from chipsim.analysis.run import Run


@dataclass(frozen=True)
class Plane:
    """One quantity of every cell: variable name before `_0`, `_1` ..., label, and whether it is signed."""

    name: str
    label: str
    signed: bool = False


PLANES = (
    Plane("weight", "Weight (units of weight)", signed=True),
    Plane("g_plus", "$G^+$ (µS)"),
    Plane("g_minus", "$G^-$ (µS)"),
    Plane("voltage", "Capacitor voltage (V)"),
)


@styled
def weights(run: Run) -> Figure:
    """Draw a row for each layer: histogram of its weights, then maps of weight or conductance planes (inputs down, outputs across).

    Raises
    ------
    InputError
        if the run has no weights.
    """
    layers = _layers(run)
    planes = _planes(run, layers)
    figure, axes = panels(len(layers), 1 + len(planes), DOUBLE_COLUMN, 0.7 + 1.65 * len(layers), width_ratios=[1.25, *[1.0] * len(planes)])
    for row, layer in enumerate(layers):
        _histogram(axes[row, 0], run["weights"][f"weight_{layer}"], layer)
    axes[-1, 0].set_xlabel(PLANES[0].label)
    values = {plane.name: [np.asarray(run["weights"][f"{plane.name}_{layer}"]) for layer in layers] for plane in planes}
    pair = [*values.get("g_plus", []), *values.get("g_minus", [])]
    for column, plane in enumerate(planes, start=1):
        shared = pair if plane.name.startswith("g_") else values[plane.name]
        _maps(figure, axes[:, column], plane, values[plane.name], _limits(shared, signed=plane.signed))
    for ax in axes[:, 1]:
        ax.set_ylabel("Input (word line)")
    for ax in axes[-1, 1:]:
        ax.set_xlabel("Output (bit line)")
    return figure


def _layers(run: Run) -> list[int]:
    if "weights" not in run.groups:
        raise lacking(run, "weights", ["weights"])
    numbers = [name.removeprefix("weight_") for name in run["weights"] if name.startswith("weight_")]
    if not numbers:
        msg = f"{run.path}: figure 'weights' needs weight_0 in the traces 'weights', which has: {', '.join(run['weights'])}"
        raise InputError(msg)
    return sorted(int(number) for number in numbers if number.isdigit())


def _planes(run: Run, layers: list[int]) -> list[Plane]:
    """Return the planes that all layers have: those of the devices, or the weight itself where there are none."""
    held = run["weights"]
    devices = [plane for plane in PLANES[1:] if all(f"{plane.name}_{layer}" in held for layer in layers)]
    return devices or [PLANES[0]]


def _histogram(ax: Axes, weight: Floats, layer: int) -> None:
    flat = np.asarray(weight, dtype=np.float64).ravel()
    bound = max(float(np.abs(flat).max(initial=0.0)), 1e-9)
    heights, edges = np.histogram(flat, bins=min(80, max(10, flat.size // 20)), range=(-bound, bound))
    ax.stairs(heights, edges, fill=True, color=BLUE, alpha=0.8)
    ax.set(yscale="log", ylabel="Weights in a bin", ylim=(0.7, 3 * max(heights.max(), 1)))
    inputs, outputs = weight.shape
    ax.set_title(f"layer {layer}: {inputs - 1} + bias → {outputs}", loc="left")
    ax.text(0.98, 0.97, f"$\\sigma$ = {flat.std():.2g}", transform=ax.transAxes, ha="right", va="top", fontsize=7)


def _limits(values: list[Floats], *, signed: bool) -> tuple[float, float]:
    """Return the ends of a colour scale that fits all layers (and both devices of a pair): even about zero where signed."""
    low, high = min(float(np.nanmin(value)) for value in values), max(float(np.nanmax(value)) for value in values)
    return (-max(-low, high), max(-low, high)) if signed else (low, high)


def _maps(figure: Figure, axes: NDArray[Any], plane: Plane, values: list[Floats], limits: tuple[float, float]) -> None:
    """Draw one plane of all layers in one scale, whose bar stands above."""
    for ax, value in zip(axes, values, strict=True):
        # More cells than dots are averaged; fewer stay sharp rectangles.
        smoothing = "antialiased" if max(value.shape) > 300 else "nearest"
        cmap = DIVERGING if plane.signed else SEQUENTIAL
        shown = ax.imshow(value, aspect="auto", vmin=limits[0], vmax=limits[1], cmap=cmap, interpolation=smoothing, rasterized=True)
        ax.spines[:].set_visible(True)
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    figure.colorbar(shown, ax=list(axes), location="top", label=plane.label, fraction=0.04, pad=0.01, aspect=14)
