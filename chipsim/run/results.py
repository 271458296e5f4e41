"""What a run leaves behind: the groups of `traces.nc`, made from what the recorder kept."""

from __future__ import annotations

import numpy as np

from chipsim.chip import build
from chipsim.chip.analog import AnalogChip
from chipsim.chip.software import SoftwareChip
from chipsim.costs import COMPONENTS, Rates, price_segments
from chipsim.events.simulation import SimulationState
from chipsim.kernels import layout, programming
from chipsim.run.ageing import QUANTILES
from chipsim.run.clocks import clock_groups
from chipsim.run.kept import column
from chipsim.run.recorder import Recorder
from chipsim.run.summary import end_of
from chipsim.run.traces import Variable, time_variables
from chipsim.units import PS

Group = dict[str, Variable]


def trace_groups(recorder: Recorder, rates: Rates, state: SimulationState) -> dict[str, Group]:
    """Return every group that has something to show."""
    groups = {"accuracy": _accuracy(recorder), "energy": _energy(recorder, rates)}
    if recorder.transfers:
        groups["transfer"] = _transfer(recorder)
    if recorder.probes:
        groups["probe"] = _probe(recorder)
    if recorder.retention:
        groups["retention"] = _retention(recorder)
    groups["weights"] = _weights(recorder.chip, end_of(state))
    return groups | clock_groups(recorder, state)


def _accuracy(recorder: Recorder) -> Group:
    rows = recorder.evaluations
    names = {
        "accuracy": "share of test images recognised, read through the chip",
        "accuracy_noise_free": "share of test images recognised, without read noise",
        "train_accuracy": "share of training images recognised since the last evaluation",
        "train_loss": "cross-entropy of training images since the last evaluation",
    }
    return {
        "images": Variable("evaluation", column(rows, "step").astype(np.int64), "1", "images trained"),
        **time_variables("evaluation", [row["now_ps"] for row in rows]),
        **{key: Variable("evaluation", column(rows, key).astype(np.float64), "1", text) for key, text in names.items()},
    }


def _energy(recorder: Recorder, rates: Rates) -> Group:
    ends = recorder.ends()
    amounts = recorder.amounts()[: len(ends)]
    names = recorder.amount_names()
    dims = ("segment", "component")
    return {
        "images": Variable("segment", np.array([step for step, _ in ends], dtype=np.int64), "1", "images trained at the end of the segment"),
        **time_variables("segment", [now for _, now in ends], "chip time at the end of the segment"),
        "component": Variable("component", np.array(COMPONENTS, dtype=object), "1", "component"),
        "energy": Variable(dims, price_segments(names, amounts, rates), "J", "energy spent in the segment"),
        "action": Variable("action", np.array(layout.ACTIONS, dtype=object), "1", "action"),
        "counts": Variable(("segment", "action"), amounts[:, : len(layout.ACTIONS)].astype(np.int64), "1", "actions in the segment"),
        "quantity": Variable("quantity", np.array(layout.QUANTITIES, dtype=object), "1", "accumulated quantity"),
        "amounts": Variable(("segment", "quantity"), amounts[:, len(layout.ACTIONS) :], "1", "quantities of the segment, in SI units (S s, C, s)"),
    }


def _transfer(recorder: Recorder) -> Group:
    rows, spec = recorder.transfers, recorder.scenario.cell.pcm.ramp
    top = min(spec.max_tries, programming.TRIES_BINS - 1)
    edges = np.linspace(-programming.ERROR_LIMIT, programming.ERROR_LIMIT, programming.ERROR_BINS + 1)
    scalars = {
        "duration": ("s", "duration of the transfer"),
        "exclusive": ("1", "whether training stood still meanwhile"),
        "backlog": ("1", "columns still to be written when the next transfer was due"),
        "reset_pulses": ("1", "RESET pulses"),
        "set_ramps": ("1", "SET ramps"),
        "verify_reads": ("1", "verify reads of devices"),
        "unconverged": ("1", "devices given up"),
        "mean_tries": ("1", "attempts per programmed device, mean"),
        "max_tries": ("1", "attempts per programmed device, most"),
        "rms_error": ("uS", "rms of F(G+ - G-) written minus wanted"),
        "saturated": ("1", "cells whose residual the capacitor could not hold"),
        "polarity": ("1", "polarity after the transfer"),
    }
    samples = recorder.samples
    kept = {
        "wanted": "F(G+ - G-) aimed at",
        "programmed": "F(G+ - G-) written",
        "weight_before": "weight read before the transfer",
        "weight_after": "weight after the transfer, residual on the capacitor",
    }
    return {
        "images": Variable("transfer", column(rows, "step").astype(np.int64), "1", "images trained"),
        **time_variables("transfer", [row["now_ps"] for row in rows], "chip time at the start of the transfer"),
        **{key: Variable("transfer", column(rows, key), unit, text) for key, (unit, text) in scalars.items()},
        "tries": Variable("tries", np.arange(1, top + 1), "1", "attempts"),
        "tries_histogram": Variable(("transfer", "tries"), column(rows, "tries")[:, 1 : top + 1], "1", "devices by attempts"),
        "error_edge_low": Variable("error_bin", edges[:-1], "uS", "lower edge of the error bin"),
        "error_edge_high": Variable("error_bin", edges[1:], "uS", "upper edge of the error bin"),
        "error_histogram": Variable(("transfer", "error_bin"), column(rows, "errors"), "1", "devices by last verify read minus target"),
        **{key: Variable(("last", "sample"), column(samples, key), "uS", text) for key, text in kept.items()},
    }


def _probe(recorder: Recorder) -> Group:
    rows, places = recorder.probes, recorder.followed
    shown = {
        "voltage": ("V", "capacitor voltage"),
        "conductance": ("uS", "read conductance g"),
        "reference": ("uS", "reference conductance g_ref"),
        "weight": ("1", "weight, in units of weight"),
    }
    group = {
        "images": Variable("sample", column(rows, "step").astype(np.int64), "1", "images trained"),
        **time_variables("sample", [row["now_ps"] for row in rows]),
        **{key: Variable(("sample", "cell"), column(rows, key), unit, text) for key, (unit, text) in shown.items()},
        "polarity": Variable(("sample", "cell"), column(rows, "polarity").astype(np.int8), "1", "polarity"),
        "quantile": Variable("quantile", np.array(QUANTILES), "1", "quantile over cells"),
        "spread": Variable(("sample", "quantile"), column(rows, "spread"), "uS", "p (g - g_ref) over many cells"),
    }
    if places is not None:
        for key in ("layer", "row", "column"):
            group[key] = Variable("cell", getattr(places, key), "1", f"{key} of the probed cell")
    return group


def _retention(recorder: Recorder) -> Group:
    rows, scenario = recorder.retention, recorder.scenario
    pcm, capacitor = scenario.cell.pcm, scenario.cell.capacitor
    age = np.array([float(row["age_ps"]) * PS for row in rows])
    group = {
        "age": Variable("age", age, "s", "time since the measurement began"),
        "quantile": Variable("quantile", np.array(QUANTILES), "1", "quantile over devices"),
        "weight_error": Variable("age", column(rows, "weight_error"), "1", "rms change of the weights, units of weight"),
        "accuracy": Variable("age", column(rows, "accuracy"), "1", "share of test images recognised"),
        "accuracy_compensated": Variable("age", column(rows, "accuracy_compensated"), "1", "share of test images recognised, with drift compensation"),
        "compensation": Variable(("age", "layer"), column(rows, "compensation"), "1", "factor alpha of drift compensation, by layer"),
        "layer": Variable("layer", np.arange(len(rows[0]["compensation"])), "1", "layer"),
        "pcm_nominal": Variable("age", pcm.drift.factor(age, pcm.drift.mean_exponent(0.5)), "1", "closed form at 12.5 uS, mean exponent"),
        "capacitor_nominal": Variable("age", np.exp(-age / (capacitor.retention * PS)), "1", "closed form at the nominal retention"),
    }
    texts = {"pcm_left": "share of the programmed conductance left", "capacitor_left": "share of the voltage from rest left"}
    for key, text in texts.items():
        if key in rows[0]:
            group[key] = Variable(("age", "quantile"), column(rows, key), "1", text)
    return group


def _weights(chip: AnalogChip | SoftwareChip, now_ps: int) -> Group:
    group: Group = {}
    for layer, values in enumerate(chip.weights_at(now_ps)):
        group[f"weight_{layer}"] = Variable((f"rows_{layer}", f"columns_{layer}"), values, "1", f"weights of layer {layer + 1}, bias in the last row")
    if isinstance(chip, SoftwareChip):
        return group
    planes = {"g_plus": ("uS", chip.cells.g_plus), "g_minus": ("uS", chip.cells.g_minus), "voltage": ("V", chip.voltage_at(now_ps).astype(np.float32))}
    for name, (unit, flat) in planes.items():
        dense = [np.zeros_like(values) for values in chip.weights_at(now_ps)]
        for tile in chip.geometry.tiles:
            block = build.plane(flat, tile)
            row, column = int(tile[layout.TILE_ROW]), int(tile[layout.TILE_COLUMN])
            dense[int(tile[layout.TILE_LAYER])][row : row + block.shape[0], column : column + block.shape[1]] = block
        for layer, values in enumerate(dense):
            group[f"{name}_{layer}"] = Variable((f"rows_{layer}", f"columns_{layer}"), values, unit, f"{name} of layer {layer + 1}")
    return group
