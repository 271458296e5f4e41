"""Small chips for tests: scenarios, made-up images, copies of a chip's state, and its physics once more in float64 NumPy.

Reached through the fixture `small` of `conftest.py`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import astuple, dataclass, field
from typing import Any

import numpy as np
from hypothesis.strategies import DrawFn, composite, sampled_from

from chipsim.chip import saved as saves
from chipsim.chip.analog import AnalogChip
from chipsim.chip.plan import plan_training, starting_weights
from chipsim.chip.saved import arrays_of
from chipsim.chip.software import SoftwareChip
from chipsim.datasets import Dataset
from chipsim.events.simulation import Simulation, SimulationState
from chipsim.kernels import layout
from chipsim.run.codec import Arrays, pack, unpack
from chipsim.run.detail import detail_of
from chipsim.run.progress import Silent
from chipsim.run.recorder import Recorder
from chipsim.scenario.model import Parameters

LAYERS = (20, 12, 8, 4)
PS = 1e-12

NO_NOISE = {
    "cell.capacitor.packet_noise": False,
    "cell.capacitor.thermal_noise": False,
    "cell.pcm.read_noise.enabled": False,
}
"""Overrides that switch off everything drawn per read, pulse or preset."""
NO_SPREAD = {
    "cell.capacitor.retention_spread": 0.0,
    "cell.capacitor.threshold_spread": "0 V",
    "cell.capacitor.step_spread": 0.0,
}
"""Overrides that make all cells alike."""
NO_LEAK = {"cell.capacitor.retention": "1000 s"}
"""An override under which nothing leaks within a test."""
QUICK = {
    "transfer.sample_read": "40 ns",
    "transfer.preset": "30 ns",
    "transfer.max_delay": "150 ns",
    "cell.pcm.reset.duration": "20 ns",
    "cell.pcm.verify.duration": "50 ns",
    "cell.pcm.ramp.shortest_step": "1 ns",
    "cell.pcm.ramp.longest_step": "10 ns",
}
"""Overrides under which operations on devices take no longer than a phase or two, so that many of them happen in a short run."""
POOR = {"transfer.programming_current": "0.9 mA", "transfer.verify_units": 3}
"""Overrides under which two devices are programmed at once, and three read."""
WATCHED = {"record.windows": ("0 s .. 2 days",), "record.wave_every": "2 days", "record.probe_samples": 0}
"""Overrides under which everything that is done in the first two days of chip time is told."""

TILED = {"tiles.max_rows": 7, "tiles.max_columns": 5}
REFRESHED = {"capacitor_refresh.every": "5 us", "capacitor_refresh.max_delay": "200 ns"}
SATURATED = {"transfer.saturation": 0.02, "transfer.saturation_look": 3, "transfer.saturation_margin": "150 mV"}
INTERLEAVED = {"transfer.policy": "interleave", "transfer.every": "5 images", "transfer.in_flux": "lock"}
OLDEST = {"transfer.policy": "oldest-first", "transfer.max_age": "4 us", "transfer.in_flux": "lock"}
STALLED = {"transfer.policy": "stall", "transfer.every": "5 images"}
PRESENT = {"transfer.in_flux": "present"}
NAPS = {"power.sleep": ("1 us for 1 us", "2.3 us for 0.3 us"), "power.wake_up": "100 ns"}
SLOW_HOST = {"host.period": "260 ns", "host.queue": 2, "host.latency": "30 ns"}
FAST_HOST = {"host.period": "60 ns", "host.queue": 1, "host.latency": "30 ns", "host.jitter": 1.0}
DOZING = {"power.idle_after": "10 ns", "power.wake_up": "30 ns"}
STAGES = {
    "stage": (
        {"kind": "train", "images": 5},
        {"kind": "idle", "lasts": "2 us"},
        {"kind": "train", "images": 4},
        {"kind": "sleep", "lasts": "3 us"},
        {"kind": "train", "images": 5},
    )
}
REST_FIRST = {
    "stage": (
        {"kind": "program"},
        {"kind": "idle", "lasts": "1 us"},
        {"kind": "sleep", "lasts": "1 us"},
        {"kind": "train", "images": 7},
        {"kind": "sleep", "lasts": "1 day", "before": "nothing"},
    )
}

LIVES: dict[str, dict[str, Any]] = {
    "interleave": INTERLEAVED,
    "interleave, present": INTERLEAVED | PRESENT | TILED,
    "interleave at once, poor": INTERLEAVED | POOR | TILED | {"transfer.spread": 0.0},
    "interleave by time, poor, refresh": INTERLEAVED | POOR | REFRESHED | {"transfer.every": "1.3 us"},
    "interleave, present, poor, refresh": INTERLEAVED | PRESENT | POOR | REFRESHED | TILED,
    "interleave, refresh, saturation": INTERLEAVED | REFRESHED | SATURATED | {"transfer.every": "100 images"},
    "oldest-first": OLDEST,
    "oldest-first, poor, refresh": OLDEST | POOR | REFRESHED | TILED,
    "oldest-first, present, refresh": OLDEST | PRESENT | REFRESHED,
    "oldest-first, poor, saturation": OLDEST | POOR | SATURATED | {"transfer.max_age": "20 us"},
    "stall at start, poor, refresh": STALLED | POOR | REFRESHED | {"transfer.sampling": "at-start"},
    "stall, saturation": STALLED | SATURATED | TILED | {"transfer.every": "100 images"},
    "instant, refresh": REFRESHED | {"transfer.every": "5 images"},
    "refresh alone": REFRESHED | TILED | {"cell.kind": "3t1c"},
    "naps, interleave, refresh": NAPS | INTERLEAVED | REFRESHED,
    "naps, oldest-first, poor": NAPS | OLDEST | POOR | {"power.before": "nothing"},
    "naps, oldest-first, saturation": NAPS | OLDEST | SATURATED | {"transfer.max_age": "20 us", "transfer.saturation_look": 1},
    "naps, stall": NAPS | STALLED,
    "naps, 3t1c": NAPS | REFRESHED | {"cell.kind": "3t1c"},
    "slow host, interleave, poor": SLOW_HOST | INTERLEAVED | POOR | TILED,
    "slow host, naps, oldest-first, refresh": SLOW_HOST | NAPS | OLDEST | REFRESHED,
    "fast host, oldest-first, present": FAST_HOST | OLDEST | PRESENT | TILED,
    "fast host, stall": FAST_HOST | STALLED,
    "dozing, interleave": SLOW_HOST | DOZING | INTERLEAVED,
    "dozing, naps, oldest-first, refresh": SLOW_HOST | DOZING | NAPS | OLDEST | REFRESHED | {"power.before": "nothing"},
    "stages, interleave, refresh": STAGES | INTERLEAVED | REFRESHED,
    "stages, oldest-first, poor": STAGES | OLDEST | POOR | TILED,
    "stages, stall, saturation": STAGES | STALLED | SATURATED,
    "rest first, interleave": REST_FIRST | INTERLEAVED | TILED,
    "rest first, oldest-first, refresh, slow host": REST_FIRST | OLDEST | REFRESHED | SLOW_HOST,
}
"""Plans of a short run in which everything happens that can, each with `QUICK`."""


def dataset(images: int = 60, *, pixels: int = 20, classes: int = 4, seed: int = 0) -> Dataset:
    """Return images of a few noisy patterns, about a third of their pixels dark, half of them for training."""
    rng = np.random.default_rng(seed)
    patterns = rng.integers(0, 256, (classes, pixels)) * (rng.random((classes, pixels)) < 0.7)
    labels = (np.arange(2 * images) % classes).astype(np.uint8)
    noisy = np.clip(patterns[labels] + rng.integers(-40, 40, (2 * images, pixels)) * (patterns[labels] > 0), 0, 255).astype(np.uint8)
    return Dataset(noisy[:images], labels[:images], noisy[images:], labels[images:], classes, {}, (1, pixels), "made-up images")


def tree(overrides: dict[str, Any]) -> dict[str, Any]:
    """Return nested tables for dotted keys."""
    tables: dict[str, Any] = {}
    for key, value in overrides.items():
        *path, last = key.split(".")
        table = tables
        for name in path:
            table = table.setdefault(name, {})
        table[last] = value
    return tables


def settings(*groups: dict[str, Any], layers: tuple[int, ...] = LAYERS, **plain: Any) -> dict[str, Any]:
    """Return overrides of a small network; `plain` names keys with `__` for a dot, and wins over `groups`."""
    chosen: dict[str, Any] = {
        "data.name": "idx",
        "data.path": "made up",
        "data.crop": (1, layers[0]),
        "network.layers": layers,
        "training.epochs": 1,
        "training.learning_rate": 0.05,
        "record.segment": 7,
    }
    for group in groups:
        chosen |= group
    return chosen | {key.replace("__", "."): value for key, value in plain.items()}


def scenario(*groups: dict[str, Any], **plain: Any) -> Parameters:
    """Return a small scenario; arguments as for `settings`."""
    return Parameters.model_validate(tree(settings(*groups, **plain)))


def chip(parameters: Parameters, data: Dataset) -> Any:
    """Return a chip with its initial weights programmed."""
    plan = plan_training(parameters, len(data.train_labels))
    made = SoftwareChip(parameters, data, plan) if parameters.cell.kind == "software" else AnalogChip(parameters, data, plan)
    made.program(starting_weights(parameters))
    return made


def build(*groups: dict[str, Any], images: int = 60, **plain: Any) -> Any:
    """Return a programmed chip of a small scenario on made-up images."""
    parameters = scenario(*groups, **plain)
    layers = parameters.network.layers
    return chip(parameters, dataset(images, pixels=layers[0], classes=layers[-1]))


# ------------------------------------------------------------------------------------------------------------- state


def snapshot(made: Any) -> dict[str, np.ndarray]:
    """Return copies of all arrays, and of the moment that their times count from, as s and ps."""
    return {name: values.copy() for name, values in arrays_of(made).items()} | {"origin": np.array(divmod(getattr(made, "origin_ps", 0), 10**12))}


def restore(made: Any, saved: dict[str, np.ndarray]) -> None:
    """Write saved arrays back into a chip, new or old."""
    back = dict(saved)
    origin = back.pop("origin")
    saves.restore(made, back)
    if hasattr(made, "origin_ps"):
        made.origin_ps = int(origin[0]) * 10**12 + int(origin[1])


def differences(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> list[str]:
    """Return the names of the arrays that are not the same bytes."""
    assert a.keys() == b.keys()
    return [name for name in a if a[name].tobytes() != b[name].tobytes()]


@dataclass
class Listener:
    """Writes down everything that a simulation tells."""

    heard: list[tuple[Any, ...]] = field(default_factory=list)
    transfers: list[Any] = field(default_factory=list)
    happenings: list[tuple[Any, ...]] = field(default_factory=list)
    progress: list[tuple[int, int]] = field(default_factory=list)
    """What training reported; how often it does depends on its windows."""

    def trained(self, step: int, now_ps: int) -> None:
        """Note it."""
        self.progress.append((step, now_ps))

    def evaluate(self, step: int, now_ps: int) -> None:
        """Note it."""
        self.heard.append(("evaluate", step, now_ps))

    def transferred(self, record: Any) -> None:
        """Note it."""
        numbers = tuple(int(n) for n in record.outcome.numbers)
        self.heard.append(("transfer", record.number, record.step, record.started_ps, record.ended_ps, numbers))
        self.transfers.append(record)

    def powered_off(self, step: int, now_ps: int) -> None:
        """Note it."""
        self.heard.append(("off", step, now_ps))

    def slept(self, record: Any) -> None:
        """Note it."""
        self.heard.append(("slept", *astuple(record)))

    def settled(self, step: int, now_ps: int) -> None:
        """Note it."""
        self.heard.append(("settled", step, now_ps))

    def staged(self, number: int, step: int, now_ps: int) -> None:
        """Note it."""
        self.heard.append(("stage", number, step, now_ps))

    def waved(self, step: int, now_ps: int) -> None:
        """Note it."""
        self.heard.append(("wave", step, now_ps))

    def happened(self, *what: Any) -> None:
        """Note it."""
        self.happenings.append(what)

    def probed(self, number: int, step: int, now_ps: int) -> None:
        """Note it."""
        self.heard.append(("probe", number, step, now_ps))

    def aged(self, number: int, age_ps: int, now_ps: int) -> None:
        """Note it."""
        self.heard.append(("aged", number, age_ps, now_ps))


@dataclass
class Told:
    """What came of a simulation."""

    chip: Any
    state: SimulationState
    listener: Any


def simulation(made: Any, state: SimulationState, listener: Any) -> Simulation:
    """Return the processes of a chip's run, from a state."""
    detail = detail_of(made.scenario, made, listener)
    return Simulation(made.scenario, made, state, listener, steps=made.plan.steps, images=len(made.data.train_labels), detail=detail)


def run(*groups: dict[str, Any], images: int = 60, **plain: Any) -> Told:
    """Simulate a small scenario to its end."""
    made = build(*groups, images=images, **plain)
    state, listener = SimulationState.start(made.scenario), Listener()
    assert simulation(made, state, listener).run()
    return Told(made, state, listener)


@dataclass
class Moment:
    """A copy of everything that a run consists of, between two events, and what had been told by then."""

    number: int
    arrays: dict[str, np.ndarray]
    state: SimulationState
    heard: list[tuple[Any, ...]]


def moments(made: Any, wanted: Callable[[int], bool]) -> tuple[list[Moment], Moment]:
    """Run to the end; return what there was after the wanted ones of its events, counted from 1, and at the end."""
    return _run(made, SimulationState.start(made.scenario), Listener(), wanted)


def resumed(made: Any, moment: Moment) -> Moment:
    """Build a new chip and new processes from the plain data of a moment, and run them to the end."""
    return resumed_moments(made, moment, lambda number: number < 0)[1]


def resumed_moments(made: Any, moment: Moment, wanted: Callable[[int], bool]) -> tuple[list[Moment], Moment]:
    """Do so, and return what there was after the wanted ones of the events that follow, counted from 1, and at the end."""
    again = type(made)(made.scenario, made.data, made.plan)
    restore(again, moment.arrays)
    return _run(again, told_again(moment.state), Listener(heard=list(moment.heard)), wanted)


def told_again(state: SimulationState) -> SimulationState:
    """Return a state as it comes back from the text and the arrays of a checkpoint."""
    packed: Arrays = {}
    text = json.dumps(pack(state, "state", packed))
    return unpack(SimulationState, json.loads(text), packed, "state")


def _run(made: Any, state: SimulationState, listener: Listener, wanted: Callable[[int], bool]) -> tuple[list[Moment], Moment]:
    kept: list[Moment] = []
    seen = 0

    def look() -> bool:
        nonlocal seen
        seen += 1
        if wanted(seen):
            kept.append(Moment(seen, *saved(made, state), list(listener.heard)))
        return False

    assert simulation(made, state, listener).run(look)
    return kept, Moment(seen, *saved(made, state), list(listener.heard))


def unlike(one: Moment, other: Moment, *, but: tuple[str, ...] = ()) -> list[str]:
    """Return what two ends of a run do not agree in: names of arrays, of parts of the state, and the first thing told."""
    found = differences(one.arrays, other.arrays)
    found += [name for name in vars(one.state) if name not in but and repr(getattr(one.state, name)) != repr(getattr(other.state, name))]
    told = [[entry for entry in moment.heard if entry[0] not in but] for moment in (one, other)]
    if told[0] != told[1]:
        found.append(f"told: {next((pair for pair in zip(*told, strict=False) if pair[0] != pair[1]), 'one more than the other')}")
    return found


def recorded(made: Any) -> Told:
    """Run a chip to its end with the recorder that a run folder is made from as its listener."""
    state, recorder = SimulationState.start(made.scenario), Recorder(made.scenario, made, Silent())
    assert simulation(made, state, recorder).run()
    return Told(made, state, recorder)


def life(name: str, *groups: dict[str, Any], layers: tuple[int, ...] = (12, 8, 4)) -> Any:
    """Return the chip of one of `LIVES`, evaluated every few images, with 14 images a pass."""
    return build(QUICK, {"record.accuracy_every": "4 images", "record.segment": 4}, LIVES[name], *groups, images=14, layers=layers)


@composite
def plans(draw: DrawFn) -> dict[str, Any]:
    """Return any plan of a short run, made up of the pieces that `LIVES` are made of."""
    layers = draw(sampled_from([(12, 8, 4), (12, 4), (9, 7, 5, 4), (6, 5, 5, 5, 4)]))
    plan = QUICK | {
        "network.layers": layers,
        "data.crop": (1, layers[0]),
        "transfer.policy": draw(sampled_from(["interleave", "oldest-first", "stall", "instant"])),
        "transfer.every": draw(sampled_from(["1 image", "3 images", "5 images", "11 images", "700 ns", "1.3 us"])),
        "transfer.in_flux": draw(sampled_from(["lock", "present"])),
        "transfer.spread": draw(sampled_from([0.0, 0.5, 1.0])),
        "transfer.max_age": draw(sampled_from(["2 us", "4 us", "20 us"])),
        "transfer.max_delay": draw(sampled_from(["80 ns", "150 ns", "500 ns", "5 us"])),
        "power.before": draw(sampled_from(["transfer", "nothing"])),
        "record.accuracy_every": draw(sampled_from(["4 images", "1 us", "333 ns"])),
        "record.segment": draw(sampled_from([1, 4, 7])),
        "training.update": draw(sampled_from(["stochastic", "deterministic"])),
    }
    hosts = [{}, {}, SLOW_HOST, FAST_HOST, SLOW_HOST | DOZING, FAST_HOST | DOZING]
    refreshes = [{}, REFRESHED, REFRESHED | {"capacitor_refresh.every": "3 us", "capacitor_refresh.compensate": False}]
    for pieces in (hosts, refreshes, [{}, POOR], [{}, TILED], [{}, {}, SATURATED], [{}, {}, NAPS], [{}, {}, {}, STAGES, REST_FIRST]):
        plan |= draw(sampled_from(pieces))
    return plan


def on(told: Told, track: str) -> list[tuple[int, int, str, int]]:
    """Return what was done on a track: start, end (ps), what, image; in the order of time."""
    return sorted((start, end, what, image) for name, what, start, end, image, *_ in told.listener.happenings if name == track)


def saved(made: Any, state: SimulationState) -> tuple[dict[str, np.ndarray], SimulationState]:
    """Return copies of everything that a run consists of."""
    return snapshot(made), copy.deepcopy(state)


# ----------------------------------------------------------------------------------------- physics, once more, in float64


def tiles_of(made: Any, layer: int) -> list[np.ndarray]:
    """Return the tiles of a layer."""
    return [tile for tile in made.geometry.tiles if tile[layout.TILE_LAYER] == layer]


def cells_of(made: Any, values: np.ndarray, layer: int) -> np.ndarray:
    """Return one value per cell of a layer, (inputs + 1, outputs), in float64."""
    sizes = made.scenario.network.layers
    dense = np.full((sizes[layer] + 1, sizes[layer + 1]), np.nan)
    for tile in tiles_of(made, layer):
        row, rows, column, columns = (int(tile[k]) for k in (layout.TILE_ROW, layout.TILE_ROWS, layout.TILE_COLUMN, layout.TILE_COLUMNS))
        start, stride = int(tile[layout.TILE_CELL]), int(tile[layout.TILE_STRIDE])
        block = values[start : start + rows * stride].reshape(rows, stride)[:, :columns]
        dense[row : row + rows, column : column + columns] = block
    assert np.isfinite(dense).all()
    return dense


def spread_lines(made: Any, values: np.ndarray, layer: int, *, rows: bool) -> np.ndarray:
    """Return one value per row (or column) line for every cell of a layer, in float64."""
    sizes = made.scenario.network.layers
    dense = np.full((sizes[layer] + 1, sizes[layer + 1]), np.nan)
    for tile in tiles_of(made, layer):
        row, height, column, width = (int(tile[k]) for k in (layout.TILE_ROW, layout.TILE_ROWS, layout.TILE_COLUMN, layout.TILE_COLUMNS))
        if rows:
            lines = values[int(tile[layout.TILE_ROW_LINE]) :][:height].astype(np.float64)[:, None]
        else:
            lines = values[int(tile[layout.TILE_COLUMN_LINE]) :][:width].astype(np.float64)[None, :]
        dense[row : row + height, column : column + width] = lines
    return dense


def deviation(made: Any) -> np.ndarray:
    """Return all capacitors' voltages minus the resting voltage (V) at their rows' times, in the order of the cells, 0 in padding."""
    return np.where(made.cells.leak > 0, made.cells.overdrive.astype(np.float64) - settled(made), 0.0)


def put_deviation(made: Any, cells: Any, values: Any) -> None:
    """Set the chosen capacitors to a voltage above the resting one (V)."""
    made.cells.overdrive[cells] = settled(made)[cells] + values


def settled(made: Any) -> np.ndarray:
    """Return the overdrive (V) at which every cell comes to rest."""
    return made.device.rest_overdrive - made.device.threshold_lsb * made.cells.threshold.astype(np.float64)


def deviations(made: Any, layer: int, now_ps: int) -> np.ndarray:
    """Return the capacitors' voltages minus the resting voltage (V) at a moment."""
    since = spread_lines(made, made.rows.time, layer, rows=True)
    rate = cells_of(made, made.cells.leak, layer) * made.device.leak_lsb
    return cells_of(made, deviation(made), layer) * np.exp(-(now_ps - since) * PS * rate)


def conductances(made: Any, layer: int, now_ps: int) -> np.ndarray:
    """Return g of all capacitors (µS) at a moment."""
    spec = made.scenario.cell.capacitor
    threshold = cells_of(made, made.cells.threshold, layer) * made.device.threshold_lsb + spec.threshold
    return spec.transconductance * np.maximum(deviations(made, layer, now_ps) + spec.resting - threshold, 0.0)


def references(made: Any, layer: int, now_ps: int) -> np.ndarray:
    """Return g_ref (µS) of every cell's column at a moment."""
    spec = made.scenario.cell.capacitor
    since = spread_lines(made, made.columns.time, layer, rows=False)
    held = spread_lines(made, made.columns.reference, layer, rows=False)
    left = held * np.exp(-(now_ps - since) / spec.retention)
    return spec.transconductance * np.maximum(left + spec.resting - spec.threshold, 0.0)


def weights(made: Any, layer: int, now_ps: int) -> np.ndarray:
    """Return W = F (G+ - G-) + p (g - g_ref) of a layer at a moment, in units of weight, from the arrays alone."""
    cell = made.scenario.cell
    total = np.zeros_like(cells_of(made, made.cells.pcm, layer))
    if cell.kind != "3t1c":
        total += cell.gain * (cells_of(made, made.cells.g_plus, layer) - cells_of(made, made.cells.g_minus, layer))
    if cell.kind != "2pcm":
        polarity = spread_lines(made, made.columns.polarity, layer, rows=False)
        total += polarity * (conductances(made, layer, now_ps) - references(made, layer, now_ps))
    return total / cell.weight_conductance


def inputs_of(made: Any, layer: int) -> np.ndarray:
    """Return the inputs of a layer as they stand, bias included, in float64."""
    at = made.geometry.input_at
    return made.signals.inputs[at[layer] : at[layer + 1]].astype(np.float64)


def outputs_of(made: Any, layer: int) -> np.ndarray:
    """Return the outputs of a layer as they stand, in float64."""
    at = made.geometry.output_at
    return made.signals.outputs[at[layer] : at[layer + 1]].astype(np.float64)


def errors_of(made: Any, layer: int) -> np.ndarray:
    """Return the errors at the outputs of a layer as they stand, in float64."""
    at = made.geometry.output_at
    return made.signals.errors[at[layer] : at[layer + 1]].astype(np.float64)


def totals(made: Any) -> dict[str, float]:
    """Return how often every action happened, and how much of every quantity, over the whole run."""
    counts = made.amounts.segment_counts.sum(axis=0)
    sums = made.amounts.segment_sums.sum(axis=0)
    return dict(zip(layout.ACTIONS, counts.tolist(), strict=True)) | dict(zip(layout.QUANTITIES, sums.tolist(), strict=True))
