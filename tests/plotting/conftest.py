"""Runs that look like real ones, made from closed forms in a moment: nothing is simulated."""

from __future__ import annotations

import importlib
import itertools
import sys
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from chipsim.costs import ACTIONS
from chipsim.scenario.model import Parameters

QUANTILES = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
IMAGE = 240e-9
"""Chip time of one image, s."""
COMPONENTS = ("array read", "line drive", "read-out", "neuron", "update pulses", "RESET", "SET", "verify read", "transfer", "static")


@dataclass
class FakeRun:
    """What a figure asks of a run."""

    path: Path
    tables: dict
    scenario: Parameters
    summary: dict
    manifest: dict

    @property
    def groups(self):
        """Return the names of the groups."""
        return tuple(self.tables)

    def __getitem__(self, group):
        return self.tables[group]

    def __contains__(self, group):
        return group in self.tables

    def without(self, *groups):
        """Return the same run lacking some groups."""
        return FakeRun(self.path, {name: table for name, table in self.tables.items() if name not in groups}, self.scenario, {}, {})


def moments(seconds):
    """Return the three time variables of a group."""
    picoseconds = np.round(np.asarray(seconds, dtype=np.float64) * 1e12).astype(np.int64)
    return {"time_s": picoseconds // 10**12, "time_ps": picoseconds % 10**12, "time": picoseconds * 1e-12}


def transfers(images, duration, rng, samples=5000):
    """Return the group of transfers: the first writes the initial weights; the time is the start of each."""
    count, devices = len(images), 2 * 165_000
    tries = np.arange(1, 21)
    histogram = np.array([rng.multinomial(devices, np.append(0.6 * 0.4 ** np.arange(19), 0.4**19)) for _ in range(count)])
    verify = (histogram * tries).sum(axis=1)
    edges = np.linspace(-3, 3, 121)
    shares = np.exp(-0.5 * ((edges[:-1] + 0.025) / 0.35) ** 2) * (np.abs(edges[:-1] + 0.025) < 0.7) + 1e-5
    polarity = np.where(np.arange(count) % 2, -1, 1).astype(np.int8)
    kept = min(2, count)
    wanted = rng.normal(0, 14, (kept, samples)) - 2.0 * polarity[-kept:, None]
    programmed = wanted + rng.uniform(-1, 1, wanted.shape) * (1.0 + 0.02 * np.abs(wanted))
    before = wanted + 2.0 * polarity[-kept:, None]
    return {
        "images": np.asarray(images),
        **moments(np.asarray(images) * IMAGE + np.arange(count) * duration),
        "duration": np.full(count, duration),
        "reset_pulses": verify,
        "set_ramps": verify - devices // 5,
        "verify_reads": verify + 1000,
        "unconverged": rng.poisson(3, count),
        "mean_tries": verify / devices,
        "max_tries": rng.integers(9, 21, count),
        "rms_error": rng.normal(1.1, 0.02, count),
        "saturated": rng.poisson(20, count),
        "polarity": polarity,
        "tries": tries,
        "tries_histogram": histogram,
        "error_edge_low": edges[:-1],
        "error_edge_high": edges[1:],
        "error_histogram": np.array([rng.multinomial(devices, shares / shares.sum()) for _ in range(count)]),
        "wanted": wanted,
        "programmed": programmed,
        "weight_before": before,
        "weight_after": before + rng.normal(0, 0.15, before.shape),
    }


def energies(images, per_transfer, duration, rng):
    """Return the group of energies: training in every segment, programming in those that end with a transfer."""
    segment = 2000
    count = images // segment
    joules = np.zeros((count, len(COMPONENTS)))
    joules[:, :5] = np.array([9e-9, 4e-9, 14e-9, 1.5e-9, 2.5e-9]) * segment * rng.normal(1, 0.02, (count, 5))
    programmed = (np.arange(1, count + 1) * segment) % per_transfer == 0
    joules[programmed, 5:9] = [2.2e-5, 3.5e-5, 8e-6, 1e-6]
    time = np.arange(1, count + 1) * segment * IMAGE + np.cumsum(programmed) * duration
    joules[:, 9] = np.diff(time, prepend=0.0) * 0.01
    ends = np.arange(1, count + 1) * segment
    return {"images": ends, **moments(time), "energy": joules, "component": np.array(COMPONENTS)}


def probes(events, cells, capacitor, rng):
    """Return the group of probes: leak towards rest, a random walk by updates, preset by every transfer."""
    time = np.arange(500) * 20e-6
    tau, ends = capacitor.retention * 1e-12, events["time"] + events["duration"]
    voltage, polarity = np.empty((500, cells)), np.ones((500, cells), dtype=np.int8)
    state, seen = capacitor.initial + rng.normal(0, 0.02, cells), 0
    pull = rng.normal(0, 1.5e-3, cells)
    for sample, now in enumerate(time):
        if sample:
            stalled = ((events["time"] < now) & (now <= ends)).any()
            moved = 0.0 if stalled else pull + rng.normal(0, 2e-3, cells)
            state = capacitor.resting + (state - capacitor.resting) * np.exp(-20e-6 / tau) + moved
        if (ends <= now).sum() > seen:
            seen, state = int((ends <= now).sum()), capacitor.initial + rng.normal(0.05, 0.03, cells)
        voltage[sample], polarity[sample] = np.clip(state, 0, 1.2), (-1) ** (seen + 1)
    conductance = 40 * np.maximum(voltage - 0.3, 0)
    latest = np.array([ends[ends <= now].max(initial=0.0) for now in time])
    reference = np.broadcast_to((40 * (0.5 - 0.3 * np.exp(-(time - latest) / tau)))[:, None], conductance.shape)
    width = 1 + 3 * (time - latest) / 2e-3
    spread = 2.0 * polarity[:, :1] + width[:, None] * np.array([-1.64, -0.67, 0, 0.67, 1.64])
    return {
        **moments(time),
        "images": (time / IMAGE).astype(np.int64),
        "layer": np.arange(cells) * 3 // cells,
        "row": rng.integers(0, 125, cells),
        "column": rng.integers(0, 10, cells),
        "voltage": voltage,
        "conductance": conductance,
        "reference": reference,
        "polarity": polarity,
        "weight": polarity * (conductance - reference) / 40,
        "quantile": QUANTILES,
        "spread": spread,
    }


def ageing(scenario):
    """Return the group of a retention measurement from 1 us to 10 years, eight reads a decade."""
    age = np.geomspace(1e-6, 3.15576e8, 117)
    drift, capacitor = scenario.cell.pcm.drift, scenario.cell.capacitor
    nu = drift.mean_exponent(0.5) + drift.sigma_exponent(0.5) * np.array([1.64, 0.67, 0, -0.67, -1.64])
    tau = capacitor.retention * 1e-12 * np.exp(0.3 * np.array([-1.64, -0.67, 0, 0.67, 1.64]))
    pcm = np.column_stack([drift.factor(age, exponent) for exponent in nu])
    return {
        "age": age,
        "quantile": QUANTILES,
        "pcm_left": pcm,
        "pcm_nominal": drift.factor(age, drift.mean_exponent(0.5)),
        "capacitor_left": np.exp(-age[:, None] / tau),
        "capacitor_nominal": np.exp(-age / (capacitor.retention * 1e-12)),
        "weight_error": 0.05 * (1 - np.exp(-age / 5e-3)) + 0.06 * (1 - pcm[:, 2]),
    }


def final_weights(layers, kind, rng):
    """Return the group of weights of a cell kind."""
    table = {}
    for layer, (inputs, outputs) in enumerate(itertools.pairwise(layers)):
        weight = rng.normal(0, 1.5 / np.sqrt(inputs), (inputs + 1, outputs))
        table[f"weight_{layer}"] = weight
        if kind == "2pcm+3t1c":
            table[f"g_plus_{layer}"] = np.clip(weight * 40 / 3, 0.1, 25)
            table[f"g_minus_{layer}"] = np.clip(-weight * 40 / 3, 0.1, 25)
            table[f"voltage_{layer}"] = rng.normal(0.55, 0.05, weight.shape)
    return table


def evaluations(images, time, rng):
    """Return the group of evaluations, the first before any training."""
    error = 0.03 + 0.87 * np.exp(-np.asarray(images) / (0.05 * images[-1] + 1))
    train = 1 - error * 0.6
    train[0] = np.nan
    noise_free = 1 - error * 0.93 + rng.normal(0, 5e-4, len(images))
    return {"images": np.asarray(images), **moments(time), "accuracy": 1 - error, "accuracy_noise_free": noise_free, "train_accuracy": train}


RESOURCES = ("tile 0 (layer 1)", "tile 1 (layer 2)", "tile 2 (layer 3)", "programming current", "verify read-out", "host link")


def uses(time, rng, names=RESOURCES):
    """Return the group of utilisation: busy shares and queues of segments that end at `time`, and waiting times by powers of two of a ps."""
    tiles, count = sum(name.startswith("tile") for name in names), len(time)
    busy = np.column_stack([rng.uniform(0.3, 0.9, (count, tiles)), rng.uniform(0.0, 0.2, (count, len(names) - tiles))])
    queue = np.where(np.arange(len(names)) < tiles, 0.0, rng.uniform(0.0, 0.1, (count, len(names))))
    waits = np.zeros((len(names), 64), dtype=np.int64)
    waits[tiles:, 0] = 4000
    waits[tiles:, 10:21] = rng.integers(1, 200, (len(names) - tiles, 11))
    low = np.array([0.0, *(2.0 ** (k - 1) * 1e-12 for k in range(1, 64))])
    return {
        **moments(time),
        "resource": np.array(names),
        "busy": busy,
        "queue": queue,
        "capacitor_age": np.full(count, 1e-3),
        "wait_low": low,
        "wait_high": np.array([*low[1:], 2.0**63 * 1e-12]),
        "waits": waits,
    }


def life(kinds, rng, image=160e-9):
    """Return the groups of stages and sleeps for (kind, label, images or seconds), the chip's life from the first to the last."""
    learnt, now, rows, naps = 0, 0.0, [], []
    for kind, label, amount in kinds:
        if kind == "train":
            learnt, now = learnt + amount, now + amount * image
        elif kind in {"idle", "sleep"}:
            naps += [(learnt, now, amount)] if kind == "sleep" else []
            now += amount
        rows.append((kind, label, learnt, now))
    count = len(rows)
    stage = {
        "kind": np.array([row[0] for row in rows]),
        "label": np.array([row[1] for row in rows]),
        "images": np.array([row[2] for row in rows]),
        **moments([row[3] for row in rows]),
        "accuracy": np.linspace(0.5, 0.93, count) + rng.normal(0, 0.01, count),
        "accuracy_pretrained": np.linspace(0.95, 0.85, count) + rng.normal(0, 0.01, count),
    }
    lasted = np.array([nap[2] for nap in naps])
    sleep = {
        "images": np.array([nap[0] for nap in naps]),
        **moments([nap[1] for nap in naps]),
        "duration": lasted,
        "asleep": lasted - 0.5e-3 - 10e-6,
        "weight_change": 0.01 + 0.002 * np.log10(lasted / 1e-3),
        "accuracy_before": np.full(len(naps), 0.9),
        "accuracy_after": 0.9 - rng.uniform(-0.01, 0.05, len(naps)),
    }
    return stage, sleep


COUNTS = {
    "array.forward read": 3,
    "array.backward read": 2,
    "word line.drive": 500,
    "word line.drive load": 70_000,
    "word line.update slot": 1300,
    "word line.update load": 130_000,
    "read-out.integration": 762,
    "read-out.conversion": 762,
    "neuron.activation": 760,
    "update pulse.up": 8000,
    "update pulse.down": 7500,
    "capacitor.pulse charge": 8e-13,
    "pcm.RESET pulse": 50,
    "pcm.RESET charge": 1.1e-9,
    "pcm.SET ramp": 21,
    "pcm.SET charge": 7e-11,
    "pcm.verify read": 51,
    "capacitor.preset": 25,
    "transfer.sample read": 22,
}
"""What a chip counts an image."""


def summary_of(images, transferred, waiting, after=0.0):
    """Return a summary with what silicon is priced by: `waiting` by reason (s), and the time that passed when all was over (s)."""
    spent = images * IMAGE + sum(waiting.values())
    return {
        "images": images,
        "transfers": {"count": transferred},
        "chip_time_s": spent + after,
        "training_time_s": images * IMAGE,
        "waiting": {f"{reason}_s": lasted for reason, lasted in waiting.items()},
        "counts": {**dict.fromkeys(ACTIONS, 0), **{name: amount * images for name, amount in COUNTS.items()}, "chip.powered time": spent + after},
    }


def training_run(path, images=100_000, stall=0.0, seed=1):
    """Return a training run that transfers every 8,000 images; a transfer takes `stall` seconds."""
    rng = np.random.default_rng(seed)
    scenario = Parameters.model_validate({"transfer": {"policy": "stall" if stall else "instant"}})
    events = transfers(np.arange(0, images + 1, 8000), stall, rng)
    shown = np.arange(0, images + 1, images // 20)
    evaluated = shown * IMAGE + (shown // 8000 + 1) * stall
    tables = {
        "accuracy": evaluations(shown, evaluated, rng),
        "energy": energies(images, 8000, stall, rng),
        "transfer": events,
        "probe": probes(events, 24, scenario.cell.capacitor, rng),
        "weights": final_weights((528, 250, 125, 10), "2pcm+3t1c", rng),
    }
    count = len(events["images"]) - 1
    return FakeRun(path, tables, scenario, summary_of(images, count, {"transfer": count * stall}, after=stall), {})


@pytest.fixture(scope="module")
def imported(root):
    """Return a function that imports a script of `plots/` as a module; scripts find each other there."""
    folder, before = str(root / "plots"), set(sys.modules)
    sys.path.insert(0, folder)
    yield importlib.import_module
    sys.path.remove(folder)
    for name in {path.stem for path in (root / "plots").glob("*.py")} - before:
        sys.modules.pop(name, None)


@pytest.fixture(scope="session")
def training(tmp_path_factory):
    """Return a training run with instant transfers."""
    return training_run(tmp_path_factory.mktemp("training"))


@pytest.fixture(scope="session")
def stalling(tmp_path_factory):
    """Return a training run whose transfers take 6 ms each."""
    return training_run(tmp_path_factory.mktemp("stalling"), stall=6e-3)


@pytest.fixture(scope="session")
def interleaving(tmp_path_factory):
    """Return a training run whose transfers take 1.7 ms each while training goes on, all but the last; a host feeds it."""
    run = training_run(tmp_path_factory.mktemp("interleaving"), images=96_000)
    rng, last = np.random.default_rng(4), len(run["transfer"]["images"]) - 1
    events = {**run["transfer"], "duration": np.full(last + 1, 1.7e-3), "exclusive": (np.arange(last + 1) == last).astype(np.int8)}
    scenario = Parameters.model_validate({"transfer": {"policy": "interleave"}, "host": {"period": "250 ns"}})
    trained = 96_000 * IMAGE
    summary = {
        "images": 96_000,
        "chip_time_s": trained + 6.0e-3,
        "training_time_s": trained,
        "waiting": {"host_s": 1.0e-3, "tile_s": 3.0e-3, "longest_delay_of_an_image_s": 4e-6},
    }
    tables = {**run.tables, "transfer": events, "utilisation": uses(run["energy"]["time"], rng)}
    return FakeRun(run.path, tables, scenario, summary, {})


@pytest.fixture(scope="session")
def living(tmp_path_factory):
    """Return the life of a chip on which nothing is shared: programmed, trained, idle and asleep for hours."""
    rng = np.random.default_rng(5)
    kinds = [("program", "five speakers", 0), ("train", "burst 1", 1500), ("sleep", "nap", 600.0), ("train", "burst 2", 1500), ("idle", "idle", 2e-3)]
    stage, sleep = life([*kinds, ("sleep", "a rather long night at the customer's", 28800.0), ("train", "morning", 1000)], rng)
    ends = [240e-6, 600.00024, 600.00048, 29400.00258]
    energy = {"images": np.array([1500, 2000, 3000, 4000]), **moments(ends), "energy": np.full((4, 1), 1e-6), "component": np.array(["array read"])}
    tables = {"stage": stage, "sleep": sleep, "energy": energy, "utilisation": uses(np.array(ends), rng, RESOURCES[:3])}
    summary = {"images": 4000, "test_images": 50, "chip_time_s": float(stage["time"][-1]), "training_time_s": 4000 * 160e-9, "waiting": {"tile_s": 0.0}}
    return FakeRun(tmp_path_factory.mktemp("living"), tables, Parameters(), summary, {})


@pytest.fixture(scope="session")
def retaining(tmp_path_factory):
    """Return a run that only programs cells and reads them for ten years."""
    scenario = Parameters()
    path = tmp_path_factory.mktemp("retaining")
    tables = {"retention": ageing(scenario), "transfer": transfers(np.array([0]), 0.0, np.random.default_rng(2))}
    return FakeRun(path, tables, scenario, {}, {})


@pytest.fixture(scope="session")
def software(tmp_path_factory):
    """Return a training run of float32 software, which has accuracy and weights alone."""
    rng = np.random.default_rng(3)
    scenario = Parameters.model_validate({"cell": {"kind": "software"}})
    tables = {"accuracy": evaluations(np.arange(0, 21) * 5000, np.arange(21) * 0.0, rng), "weights": final_weights((528, 250, 125, 10), "software", rng)}
    return FakeRun(tmp_path_factory.mktemp("software"), tables, scenario, {}, {})


@pytest.fixture(autouse=True)
def _settings_untouched():
    """Fail a test that leaves matplotlib's global settings changed."""
    before = dict(mpl.rcParams)
    yield
    assert dict(mpl.rcParams) == before
