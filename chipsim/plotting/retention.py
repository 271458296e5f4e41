"""What cells hold: the sawtooth of capacitors while a network is trained, and what is left from microseconds to years."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from chipsim.plotting.marks import log_time, mark_transfers, shade_stalls, transfer_label
from chipsim.plotting.reading import Table, has, lacking, need, transfers
from chipsim.plotting.style import BLACK, BLUE, CYCLE, DOUBLE_COLUMN, GREEN, ORANGE, VERMILION, Floats, inside_limits, letter, panels, prefix, styled

if TYPE_CHECKING:
    from chipsim.analysis.run import Run
    from chipsim.devices import Capacitor

_OTHERS = "#B8C4CC"
_CYCLES = 5
"""Transfers that the sawtooth shows at most; more would be too dense to see a leak in."""


@styled
def retention(run: Run) -> Figure:
    """Draw what the cells of a run hold over time.

    The upper row needs probes (training): voltage and p (g - g_ref) of probed capacitors with leak, updates and transfers, and the
    spread over all cells. The lower rows need a retention measurement: share of the conductance left over a logarithmic time axis
    for capacitors and PCM with their closed forms, and the error of the weights; then accuracy with and without drift compensation,
    and the scale left of every layer, one over its factor of compensation, where they were recorded. A run that has one of them gets that one.

    Raises
    ------
    InputError
        if the run has neither.
    """
    probed, aged = has(run, "probe", "time"), has(run, "retention", "age")
    if not probed and not aged:
        raise lacking(run, "retention", ["probe", "retention"])
    compensated = has(run, "retention", "accuracy_compensated")
    rows = probed + aged + compensated
    first = int(probed)
    figure, axes = panels(rows, 2, DOUBLE_COLUMN, 2.9 * rows)
    titles = []
    if probed:
        titles += _draw_sawtooth(axes[0], run)
    if aged:
        titles += _draw_ageing(axes[first], run)
    if compensated:
        titles += _draw_compensation(axes[-1], run)
    letter(axes, titles)
    return figure


def leak_alone(capacitor: Capacitor, time: Floats, voltage: Floats, begun: Floats, duration: Floats) -> Floats:
    """Return the voltage that a cell would have had without updates since the last transfer (V).

    Parameters
    ----------
    time, voltage
        samples of one cell, s and V.
    begun, duration
        start and length of every transfer, s; the curve starts anew at the first sample after each. A probe at the very moment of a
        transfer was taken before it.

    Returns
    -------
    The closed form V(t) = V_rest + (V - V_rest) exp(-t/tau) with the nominal tau, one value per sample; not a number while training
    stands still for a transfer, since columns are then preset one by one.
    """
    ends = np.sort(begun + duration)
    piece = np.searchsorted(ends, time, side="left")
    first = np.searchsorted(piece, piece, side="left")
    stalled = np.searchsorted(np.sort(begun), time, side="left") > piece
    return np.where(stalled, np.nan, capacitor.voltage_after(voltage[first], time - time[first]))


def liveliest(voltage: Floats, leak: Floats) -> int:
    """Return the index of the probed cell that updates moved most away from its leak: voltages (sample, cell)."""
    return int(np.argmax(np.nansum(np.abs(voltage - leak), axis=0)))


def _draw_sawtooth(axes: NDArray[Any], run: Run) -> list[str]:
    trace = need(run, "retention", "probe", ("time", "voltage", "conductance", "reference", "polarity"), ("spread", "quantile", "layer", "row", "column"))
    events = transfers(run)
    shown = _first_cycles(trace["time"], events["time"] + events["duration"])
    time = np.asarray(trace["time"], dtype=np.float64)[shown]
    voltage = np.asarray(trace["voltage"], dtype=np.float64)[shown]
    capacitor = run.scenario.cell.capacitor
    spans = [_transfers_of(trace, cell, events, run) for cell in range(voltage.shape[1])]
    leak = np.column_stack([leak_alone(capacitor, time, column, *span) for column, span in zip(voltage.T, spans, strict=True)])
    cell = liveliest(voltage, leak)
    scale, unit = prefix(time[-1], "s")

    _voltages(axes[0], time * scale, voltage, _cut(leak[:, cell], time, np.add(*spans[cell])), cell, _name(trace, cell))
    axes[0].axhline(capacitor.resting, color=BLACK, linewidth=0.6, linestyle=":", label=f"rest, {capacitor.resting:g} V")
    weight = trace["polarity"].astype(np.float64) * (trace["conductance"] - trace["reference"])
    _weights(axes[1], time * scale, weight[shown], cell, trace, shown)
    for ax in axes:
        _mark(ax, events, scale, time)
        ax.set_xlabel(f"Chip time ({unit})")
        ax.margins(y=0.08)
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.21), ncols=2)
    return ["capacitor voltage: one cell and others", "what the capacitor adds to the weight"]


def written_between(time: Floats, reference: Floats, resting: float) -> Floats:
    """Return the last moments (s) at which a column of a cell had not been written yet, from samples of its reference conductance (µS).

    A reference leaks towards `resting` (µS); it is further away from there only where its column has been preset since the last sample.
    """
    away = np.abs(np.asarray(reference, dtype=np.float64) - resting)
    return np.asarray(time[:-1][np.diff(away) > 1e-6 * max(resting, 1e-6)])


def _transfers_of(trace: Table, cell: int, events: Table, run: Run) -> tuple[Floats, Floats]:
    """Return start and length (s) of what set a cell anew: transfers of the whole chip, or of its column while training went on."""
    capacitor = run.scenario.cell.capacitor
    begun, duration, alone = (np.asarray(events[name]) for name in ("time", "duration", "exclusive"))
    if alone.all():
        return begun, duration
    written = written_between(trace["time"], trace["reference"][:, cell], float(capacitor.conductance(capacitor.resting)))
    return np.append(begun[alone], written), np.append(duration[alone], np.zeros(written.size))


def _first_cycles(time: Floats, ends: Floats) -> slice:
    """Return the samples up to the end of the first few transfer intervals."""
    later = np.sort(ends[ends > time[0]])
    if later.size <= _CYCLES:
        return slice(None)
    return slice(0, max(int(np.searchsorted(time, later[_CYCLES], side="left")), 2))


def _name(trace: Table, cell: int) -> str:
    if not all(name in trace for name in ("layer", "row", "column")):
        return f"probed cell {cell}"
    return f"layer {int(trace['layer'][cell])}, row {int(trace['row'][cell])}, column {int(trace['column'][cell])}"


def _cut(leak: Floats, time: Floats, ends: Floats) -> Floats:
    """Return the leak with gaps where it starts anew, so that no line joins two intervals."""
    piece = np.searchsorted(np.sort(ends), time, side="left")
    cut = leak.copy()
    cut[:-1][np.diff(piece) > 0] = np.nan
    return cut


def _voltages(ax: Axes, time: Floats, voltage: Floats, leak: Floats, cell: int, name: str) -> None:
    others = np.delete(voltage, cell, axis=1)
    if others.size:
        ax.plot(time, others, color=_OTHERS, linewidth=0.5, label=["other probed cells", *[""] * (others.shape[1] - 1)])
    ax.fill_between(time, leak, voltage[:, cell], color=ORANGE, alpha=0.35, linewidth=0, label="updates (and spread of τ)")
    ax.plot(time, leak, color=VERMILION, linestyle="--", label="leak alone (closed form)")
    ax.plot(time, voltage[:, cell], color=BLUE, label=name)
    ax.set_ylabel("Capacitor voltage (V)")


def _weights(ax: Axes, time: Floats, weight: Floats, cell: int, trace: Table, shown: slice) -> None:
    if "spread" in trace and "quantile" in trace:
        band, quantile = np.asarray(trace["spread"], dtype=np.float64)[shown], np.asarray(trace["quantile"])
        for low, high, alpha in ((0.05, 0.95, 0.18), (0.25, 0.75, 0.35)):
            below, above = (int(np.argmin(np.abs(quantile - level))) for level in (low, high))
            text = f"{quantile[below] * 100:.0f} … {quantile[above] * 100:.0f} % of all cells"
            ax.fill_between(time, band[:, below], band[:, above], color=GREEN, alpha=alpha, linewidth=0, label=text)
        ax.plot(time, band[:, int(np.argmin(np.abs(quantile - 0.5)))], color=GREEN, label="median of all cells")
    ax.plot(time, weight[:, cell], color=BLUE, label="cell of (a)")
    ax.axhline(0.0, color=BLACK, linewidth=0.4)
    ax.set_ylabel("$p\\,(g - g_\\mathrm{ref})$ (µS)")


def _mark(ax: Axes, events: Table, scale: float, time: Floats) -> None:
    inside_limits(ax, [time[0] * scale, time[-1] * scale])
    seen = (events["time"] + events["duration"] >= time[0]) & (events["time"] <= time[-1])
    start, duration = events["time"][seen] * scale, events["duration"][seen] * scale
    shade_stalls(ax, start, duration, "transfer (stall)")
    mark_transfers(ax, start[duration == 0], transfer_label(events))


def _draw_ageing(axes: NDArray[Any], run: Run) -> list[str]:
    optional = ("quantile", "pcm_left", "capacitor_left", "pcm_nominal", "capacitor_nominal", "weight_error")
    trace = need(run, "retention", "retention", ("age",), optional)
    age = np.asarray(trace["age"], dtype=np.float64)
    left, error = axes
    top = 100.0
    for part, colour, name in (("capacitor", VERMILION, "capacitor"), ("pcm", BLUE, "PCM")):
        top = max(top, _share(left, age, trace, part, colour, name))
    left.set(ylabel="Share of the conductance left (%)", ylim=(-4, min(top * 1.04, 150)))
    if "weight_error" in trace and np.isfinite(trace["weight_error"]).any():
        error.plot(age, trace["weight_error"], color=BLACK)
        error.set(ylabel="rms error of the weights\n(units of weight)")
        error.set_ylim(bottom=0)
    else:
        error.set_visible(False)
    for ax in axes:
        log_time(ax, age[0], age[-1], "Time since programming (s)")
    left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.21), ncols=2)
    return ["conductance left after programming", "error of the weights"]


def _draw_compensation(axes: NDArray[Any], run: Run) -> list[str]:
    trace = need(run, "retention", "retention", ("age", "accuracy", "accuracy_compensated", "compensation"))
    age, factors = np.asarray(trace["age"], dtype=np.float64), np.asarray(trace["compensation"], dtype=np.float64)
    right, scale = axes
    for key, colour, line, name in (("accuracy", BLACK, "-", "as it is"), ("accuracy_compensated", VERMILION, "--", "with drift compensation")):
        right.plot(age, 100.0 * np.asarray(trace[key], dtype=np.float64), color=colour, linestyle=line, label=name)
    right.set_ylabel("Test accuracy (%)")
    for layer, (colour, left) in enumerate(zip(cycle(CYCLE), 1.0 / factors.T, strict=False)):
        scale.plot(age, 100.0 * left, color=colour, label=f"layer {layer}")
    scale.set_ylabel("Outputs for an input of ones (%)")
    scale.set_ylim(bottom=0)
    for ax in axes:
        log_time(ax, age[0], age[-1], "Time since programming (s)")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.21), ncols=min(factors.shape[1], 3) if ax is scale else 2)
    return ["accuracy", "scale left, which compensation makes up for"]


def _share(ax: Axes, age: Floats, trace: Table, part: str, colour: str, name: str) -> float:
    """Draw quantiles and closed form of one device kind; return the highest value (%) drawn."""
    top = 0.0
    measured, nominal = trace.get(f"{part}_left"), trace.get(f"{part}_nominal")
    if measured is not None and "quantile" in trace and np.isfinite(measured).any():
        quantile = np.asarray(trace["quantile"])
        low, middle, high = (measured[:, int(np.argmin(np.abs(quantile - level)))] * 100.0 for level in (0.05, 0.5, 0.95))
        ax.fill_between(age, low, high, color=colour, alpha=0.2, linewidth=0, label=f"{name}, 5 … 95 %")
        ax.plot(age, middle, color=colour, label=f"{name}, median")
        top = float(np.nanmax(high))
    if nominal is not None and np.isfinite(nominal).any():
        ax.plot(
            age,
            nominal * 100.0,
            color=BLACK,
            linestyle="--" if part == "pcm" else ":",
            linewidth=0.9,
            label=f"{name}, closed form" + (" at 12.5 µS" if part == "pcm" else ""),
        )
        top = max(top, float(np.nanmax(nominal)) * 100.0)
    return top
