"""How well a transfer writes: wanted against written weight, and the error before and after the capacitor takes the residual."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from chipsim.plotting.reading import Table, need
from chipsim.plotting.style import BLACK, BLUE, DOUBLE_COLUMN, GREY, ORANGE, Floats, letter, panels, styled

if TYPE_CHECKING:
    from chipsim.analysis.run import Run

_NAMES = ("wanted", "programmed", "weight_before", "weight_after")
_WANTED = "Wanted $F(G^+ - G^-)$ (µS)"
_BINS = 60


@styled
def transfer(run: Run) -> Figure:
    """Draw the last two transfers, a row each: density of wanted against written PCM weight, its error, and the error of the whole weight.

    Where training went on during a transfer, what the weights learnt meanwhile is part of their difference, and the titles say so.

    Raises
    ------
    InputError
        if the run has no sampled transfer.
    """
    trace = need(run, "transfer", "transfer", _NAMES, ("images", "polarity", "exclusive"))
    kept = len(trace["wanted"])
    figure, axes = panels(kept, 3, DOUBLE_COLUMN, 0.4 + 2.2 * kept)
    for row in range(kept):
        _draw_row(figure, axes[row], trace, row)
    left = ["error left" if _alone(trace, row, kept) else "error and what was learnt" for row in range(kept)]
    letter(axes, [title for row in range(kept) for title in (_title(trace, row, kept), "its error", left[row])])
    return figure


def _alone(trace: Table, row: int, kept: int) -> bool:
    """Return whether training stood still during a kept transfer; the kept ones are the last of all."""
    alone = trace.get("exclusive")
    return alone is None or alone.size < kept or bool(alone[row - kept])


def _title(trace: Table, row: int, kept: int) -> str:
    """Name a kept transfer by its number of images and its polarity."""
    parts = []
    if "images" in trace and trace["images"].size >= kept:
        images = int(trace["images"][row - kept])
        first = f"after {images:,} images" if images else "initial weights"
        parts.append(first if _alone(trace, row, kept) else f"from {images:,} images on")
    if "polarity" in trace and trace["polarity"].size >= kept:
        parts.append(f"p = {int(trace['polarity'][row - kept]):+d}")
    return ", ".join(parts).replace("-", "\N{MINUS SIGN}")


def _draw_row(figure: Figure, axes: NDArray[Any], trace: Table, row: int) -> None:
    values = np.vstack([np.asarray(trace[name][row], dtype=np.float64) for name in _NAMES])
    wanted, programmed, before, after = values[:, np.isfinite(values).all(axis=0)]
    written, error, spread = axes
    if wanted.size == 0:
        for ax in axes:
            ax.text(0.5, 0.5, "no weights sampled", transform=ax.transAxes, ha="center")
        return
    missed = programmed - wanted
    far = 1.1 * max(float(np.quantile(np.abs(missed), 0.999)), 1e-9)
    bound = 1.04 * max(float(np.abs(np.concatenate([wanted, programmed])).max()), 1e-9)
    counted = [_counts(wanted, programmed, bound, bound), _counts(wanted, missed, bound, far)]
    colours = LogNorm(vmin=1, vmax=max(2.0, *(float(counts.max()) for counts, *_ in counted)))
    _density(written, counted[0], colours)
    written.plot([-bound, bound], [-bound, bound], color=BLACK, linewidth=0.5, linestyle=":")
    written.set(xlabel=_WANTED, ylabel="Written $F(G^+ - G^-)$ (µS)")

    density = _density(error, counted[1], colours)
    error.axhline(0.0, color=BLACK, linewidth=0.5, linestyle=":")
    error.set(xlabel=_WANTED, ylabel="Written \N{MINUS SIGN} wanted (µS)")
    bar = figure.colorbar(density, ax=error, pad=0.02)
    bar.set_label("Weights in a bin")
    _histograms(spread, missed, after - before, far)


def _counts(x: Floats, y: Floats, across: float, up: float) -> tuple[Floats, Floats, Floats]:
    """Return the number of weights in every bin (x, y) of a grid about zero, and its edges."""
    counts, columns, rows = np.histogram2d(x, y, bins=_BINS, range=[[-across, across], [-up, up]])
    return counts, columns, rows


def _density(ax: Axes, counted: tuple[Floats, Floats, Floats], colours: LogNorm) -> QuadMesh:
    counts, columns, rows = counted
    return ax.pcolormesh(columns, rows, np.ma.masked_equal(counts.T, 0), norm=colours, rasterized=True)


def _histograms(ax: Axes, pair: Floats, whole: Floats, far: float) -> None:
    """Draw the error of the PCM pair, and of the whole weight once the capacitor holds the residual."""
    edges = np.linspace(-far, far, _BINS + 1)
    for values, colour, name in ((pair, ORANGE, "PCM pair"), (whole, BLUE, "whole weight")):
        heights, _ = np.histogram(values, edges)
        label = f"{name}: rms {np.sqrt(np.mean(values**2)):.2g} µS"
        filled = name == "PCM pair"
        ax.stairs(heights / max(values.size, 1) * 100.0, edges, color=colour, fill=filled, alpha=0.6 if filled else 1.0, label=label)
    ax.axvline(0.0, color=GREY, linewidth=0.5, linestyle=":")
    ax.set(xlabel="After \N{MINUS SIGN} before (µS)", ylabel="Share of the weights (%)", yscale="log")
    ax.set_ylim(top=ax.get_ylim()[1] * 12)
    ax.legend(loc="upper center")
