"""What the parts of a scenario can disagree about, each as a line `key: message`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from chipsim.scenario.parts import SECOND
from chipsim.scenario.stages import order_conflicts
from chipsim.units import format_time

if TYPE_CHECKING:
    from chipsim.scenario.model import Parameters

_TRAINING = {
    "mnist-5k": 5000,
    "mnist": 60000,
    "cifar10-features": 50000,
    "cifar10-features-1k": 1000,
    "spoken-digits": 450,
    "spoken-digits-1k": 200,
}
"""Training images of the data sets that are known beforehand; all of them have ten classes."""
_PIXELS = {"mnist-5k": (22, 24), "mnist": (28, 28)}
"""Rows and columns of their images."""
_CLASSES = 10
_MOST_SAMPLES = 1_000_000
_LONGEST_WAIT_PS = 2**62
"""Kernels add up times in int64."""


def conflicts(scenario: Parameters) -> Iterator[str]:
    """Yield `key: message` for everything that the parts of a scenario disagree about."""
    yield from chain(
        _data_conflicts(scenario),
        _timing_conflicts(scenario),
        _cell_conflicts(scenario),
        _clock_limits(scenario),
        _policy_conflicts(scenario),
        _refresh_conflicts(scenario),
        _clock_conflicts(scenario),
        record_conflicts(scenario),
        order_conflicts(scenario.stage),
    )


def _clock_limits(scenario: Parameters) -> Iterator[str]:
    """Yield `key: message` for pulses that last longer, all in all, than the kernels can count."""
    cell, plan, rows = scenario.cell, scenario.transfer, min(max(scenario.network.layers[:-1]) + 1, scenario.tiles.max_rows)
    if cell.kind == "2pcm" and scenario.phase_ps[-1] > SECOND:
        pulses = 2 * scenario.training.max_pulses
        yield f"cell.pcm.partial_set.duration: {pulses} pulses of an update last {format_time(scenario.phase_ps[-1])}, at most {format_time(SECOND)}"
    ramp = cell.pcm.ramp
    groups = -(-2 * rows // max(int(plan.programming_current // ramp.current), 1))
    lasts_ps = groups * ramp.steps * ramp.longest_step
    if cell.kind == "2pcm+3t1c" and lasts_ps > _LONGEST_WAIT_PS:
        yield f"cell.pcm.ramp.longest_step: the longest ramps of a column may last {format_time(lasts_ps)}, at most {format_time(_LONGEST_WAIT_PS)}"


def _data_conflicts(scenario: Parameters) -> Iterator[str]:
    """Yield `key: message` for everything that data and network disagree about."""
    data, layers = scenario.data, scenario.network.layers
    inputs, (rows, columns) = data.inputs, data.crop
    if inputs not in {None, layers[0]}:
        found = f'data.name "{data.name}" has {inputs} features' if data.features else f"data.crop keeps {rows} x {columns} = {inputs} pixels"
        yield f"network.layers: the first layer has {layers[0]} inputs, but {found}"
    if data.name not in _TRAINING:
        return
    images = _TRAINING[data.name]
    most_rows, most_columns = _PIXELS.get(data.name, (rows, columns))
    if rows > most_rows or columns > most_columns:
        yield f'data.crop: {rows} x {columns} is larger than the {most_rows} x {most_columns} images of "{data.name}"'
    if layers[-1] != _CLASSES:
        yield f'network.layers: the last layer has {layers[-1]} outputs, but the data "{data.name}" has {_CLASSES} classes'
    if data.evaluate == "validation" and data.validation_images >= images:
        yield (
            f'data.validation_images: {data.validation_images} leaves nothing of the {images} training images of "{data.name}", '
            'while data.evaluate is "validation"'
        )


def _timing_conflicts(scenario: Parameters) -> Iterator[str]:
    """Yield `key: message` where pulses do not fit into their phase."""
    slots = 2 * scenario.training.max_pulses * scenario.timing.pulse_slot
    if slots > scenario.timing.update:
        yield (
            f"timing.update: training.max_pulses of {scenario.training.max_pulses} slots of timing.pulse_slot {format_time(scenario.timing.pulse_slot)} "
            f"in two sub-phases take {format_time(slots)}, more than the update phase of {format_time(scenario.timing.update)}"
        )


def _cell_conflicts(scenario: Parameters) -> Iterator[str]:
    """Yield `key: message` where the chip cannot do what its cells need."""
    needed = max(scenario.cell.pcm.reset.current, scenario.cell.pcm.ramp.current)
    if scenario.cell.kind == "2pcm+3t1c" and scenario.transfer.programming_current < needed:
        yield (
            f"transfer.programming_current: {scenario.transfer.programming_current:g} uA cannot program one device, which takes {needed:g} uA "
            "(cell.pcm.reset.current, cell.pcm.ramp.current)"
        )
    most = scenario.cell.gain * scenario.cell.pcm.ramp.maximum
    if scenario.cell.kind == "2pcm+3t1c" and scenario.transfer.offset >= most:
        yield (
            f"transfer.offset: {scenario.transfer.offset:g} uS is no less than the largest PCM weight, "
            f"cell.gain x cell.pcm.ramp.maximum = {most:g} uS, so nothing could be transferred"
        )
    if scenario.cell.kind == "software" and scenario.retention is not None:
        yield 'retention.start: cell.kind "software" has no device whose retention could be measured'


def _policy_conflicts(scenario: Parameters) -> Iterator[str]:
    """Yield `key: message` where a transfer policy cannot work."""
    transfer, pcm = scenario.transfer, scenario.cell.pcm
    if not transfer.interleaved:
        return
    if scenario.cell.kind != "2pcm+3t1c":
        yield f'transfer.policy: "{transfer.policy}" moves weights from capacitors to PCM pairs, and cell.kind "{scenario.cell.kind}" does not have both'
    if transfer.sampling == "at-start":
        yield f'transfer.sampling: "at-start" cannot work with transfer.policy "{transfer.policy}": what is learnt between reading and writing would be lost'
    ramp_ps = pcm.ramp.steps * pcm.ramp.longest_step
    operations = {
        "transfer.sample_read": transfer.sample_read,
        "transfer.preset": transfer.preset,
        "cell.pcm.reset.duration": pcm.reset.duration,
        "cell.pcm.verify.duration": pcm.verify.duration,
        "the longest ramp (cell.pcm.ramp.steps x longest_step)": ramp_ps,
    }
    longest = max(operations, key=lambda name: operations[name])
    if operations[longest] > transfer.max_delay:
        yield (
            f"transfer.max_delay: {format_time(transfer.max_delay)} is less than one operation on a column takes, "
            f"{format_time(operations[longest])} for {longest}"
        )
    at_least = transfer.sample_read + pcm.reset.duration + pcm.verify.duration + transfer.preset
    columns = min(max(scenario.network.layers[1:]), scenario.tiles.max_columns)
    if transfer.policy == "oldest-first" and columns * at_least > transfer.max_age:
        yield (
            f"transfer.max_age: {format_time(transfer.max_age)} cannot be kept: the {columns} columns of the largest tile take at least "
            f"{format_time(columns * at_least)}"
        )


def _refresh_conflicts(scenario: Parameters) -> Iterator[str]:
    """Yield `key: message` where capacitors cannot be refreshed."""
    refresh = scenario.capacitor_refresh
    if refresh is None:
        return
    if not scenario.cell.has_capacitor:
        yield f'capacitor_refresh.every: cell.kind "{scenario.cell.kind}" has no capacitor that could be refreshed'
    rows = min(max(scenario.network.layers[:-1]) + 1, scenario.tiles.max_rows)
    lasts = rows * (refresh.read + refresh.write)
    if lasts > refresh.every:
        yield (
            f"capacitor_refresh.every: {format_time(refresh.every)} is shorter than one refresh: the {rows} rows of the largest tile take "
            f"{format_time(lasts)} (capacitor_refresh.read + write each)"
        )


def _clock_conflicts(scenario: Parameters) -> Iterator[str]:
    """Yield `key: message` where nothing tells the chip when to work."""
    if scenario.power.idle_after is not None and scenario.host is None:
        yield "power.idle_after: without a [host] the chip never waits for images; plan its sleeps with power.sleep"
    if scenario.cell.kind == "software" and scenario.host is not None:
        yield 'host.period: cell.kind "software" takes no chip time, so no host can keep up with it or make it wait'


def record_conflicts(scenario: Parameters) -> Iterator[str]:
    """Yield `key: message` where windows of full detail overlap or hold too much."""
    record = scenario.record
    for first, second in pairwise(sorted(record.windows, key=lambda window: window.start_ps)):
        if second.start_ps < first.end_ps:
            yield f'record.windows: "{second}" overlaps "{first}"'
    samples = sum((window.end_ps - window.start_ps) // record.wave_every for window in record.windows)
    if samples > _MOST_SAMPLES:
        yield f"record.windows: {samples:,} probes every {format_time(record.wave_every)} (record.wave_every), more than {_MOST_SAMPLES:,}"
