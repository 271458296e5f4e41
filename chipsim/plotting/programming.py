"""What closed-loop programming takes: tries a device, pulses and verify reads a transfer, and the error it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from chipsim.plotting.reading import Table, need
from chipsim.plotting.style import BLUE, DOUBLE_COLUMN, GREEN, GREY, ORANGE, VERMILION, image_scale, letter, panels, styled

if TYPE_CHECKING:
    from chipsim.analysis.run import Run

_COUNTS = (("reset_pulses", "RESET pulses", VERMILION, "-"), ("set_ramps", "SET ramps", ORANGE, "--"), ("verify_reads", "verify reads", BLUE, ":"))
_NEEDED = ("tries", "tries_histogram", "error_edge_low", "error_edge_high", "error_histogram", "images", "mean_tries", "max_tries", "unconverged")


@styled
def programming(run: Run) -> Figure:
    """Draw the work of all transfers: histogram of tries, pulses and verify reads, distribution of the error, tries over images.

    Raises
    ------
    InputError
        if the run has no transfers.
    """
    trace = need(run, "programming", "transfer", (*_NEEDED, *(name for name, *_ in _COUNTS)))
    figure, axes = panels(2, 2, DOUBLE_COLUMN, 4.6)
    (tries, pulses), (error, course) = axes
    letter(axes, ["tries a device needs", "pulses and reads of each transfer", "error left, single devices", "tries of each transfer"])
    _tries(tries, trace)
    _pulses(pulses, trace)
    _error(error, trace, run.scenario.cell.pcm.ramp.tolerance)
    _course(course, trace)
    return figure


def _tries(ax: Axes, trace: Table) -> None:
    """Draw all transfers together; the last bar also holds the devices that never converged."""
    devices = trace["tries_histogram"].sum(axis=0).astype(np.float64)
    used = devices > 0
    last = int(trace["tries"][used].max()) if used.any() else 1
    shown = trace["tries"] <= last
    total = max(devices.sum(), 1.0)
    ax.bar(trace["tries"][shown], devices[shown] / total * 100.0, color=BLUE, width=0.8)
    mean = float((trace["tries"] * devices).sum() / total)
    failed = int(trace["unconverged"].sum())
    text = f"{len(trace['tries_histogram'])} transfers\n{int(devices.sum()):,} devices written\n{mean:.2f} tries on average\n{failed:,} of them not converged"
    ax.text(0.98, 0.97, text, transform=ax.transAxes, ha="right", va="top", fontsize=7)
    ax.set(xlabel="Tries (RESET, ramp and verify)", ylabel="Share of the devices (%)", yscale="log" if used.any() else "linear")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def _pulses(ax: Axes, trace: Table) -> None:
    scale, label = image_scale(trace["images"])
    largest = max(float(trace[name].max(initial=0)) for name, *_ in _COUNTS)
    factor, text = (1e-3, "Count (thousands)") if largest >= 10_000 else (1.0, "Count")
    marker = "o" if trace["images"].size <= 30 else ""
    for name, words, colour, line in _COUNTS:
        total = int(trace[name].sum())
        ax.plot(trace["images"] * scale, trace[name] * factor, line, color=colour, marker=marker, label=f"{words} ({total:,} in all)")
    ax.set(xlabel=label, ylabel=text)
    ax.set_ylim(0, max(largest, 1.0) * factor * 1.5)
    ax.legend(loc="upper left")


def _error(ax: Axes, trace: Table, tolerance: float) -> None:
    """Draw the verify value minus the target of all devices, as a density, with the tolerance of the loop."""
    devices = trace["error_histogram"].sum(axis=0).astype(np.float64)
    low, high = np.asarray(trace["error_edge_low"], dtype=np.float64), np.asarray(trace["error_edge_high"], dtype=np.float64)
    edges = np.append(low, high[-1])
    density = devices / max(devices.sum(), 1.0) / (high - low)
    ax.stairs(density, edges, fill=True, color=GREEN, alpha=0.7)
    for side in (-tolerance, tolerance):
        ax.axvline(side, color=GREY, linestyle="--", linewidth=0.8, label=f"tolerance ±{tolerance:g} µS" if side > 0 else None)
    used = np.flatnonzero(devices)
    if used.size:
        bound = max(abs(edges[used[0]]), abs(edges[used[-1] + 1]), tolerance) * 1.05
        ax.set_xlim(-bound, bound)
    middle = (low + high) / 2
    rms = float(np.sqrt((middle**2 * devices).sum() / max(devices.sum(), 1.0)))
    ax.plot([], [], " ", label=f"rms {rms:.2g} µS")
    outside = bool(used.size) and (middle[used[0]] < -tolerance or middle[used[-1]] > tolerance)
    ax.set(xlabel="Verify read \N{MINUS SIGN} target (µS)", ylabel="Density of devices (1/µS)", yscale="log" if outside else "linear")
    ax.set_ylim(top=max(density.max(), 1e-9) * (30 if outside else 1.5))
    ax.legend(loc="upper left", handlelength=1.2)


def _course(ax: Axes, trace: Table) -> None:
    scale, label = image_scale(trace["images"])
    marker = "o" if trace["images"].size <= 30 else ""
    ax.plot(trace["images"] * scale, trace["max_tries"], color=VERMILION, marker=marker, label="most of any device")
    ax.plot(trace["images"] * scale, trace["mean_tries"], color=BLUE, marker=marker, label="mean")
    ax.set(xlabel=label, ylabel="Tries a device", ylim=(0, max(float(trace["max_tries"].max(initial=1)), 1.0) * 1.25))
    ax.legend(loc="upper left", ncols=2)
