"""Settings that no active part of a scenario uses: most likely a misunderstanding, so worth a word."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chipsim.scenario.locator import Path, dotted
from chipsim.scenario.model import Parameters
from chipsim.scenario.origins import Raw
from chipsim.scenario.schema import table_at


@dataclass(frozen=True)
class _Idle:
    """Keys (or whole tables) that do nothing, and why."""

    keys: tuple[str, ...]
    reason: str


_BY_KIND = {
    "software": (
        *("tiles", "transfer", "refresh", "cell.gain", "cell.weight_conductance", "cell.capacitor", "cell.pcm"),
        *("training.update", "training.max_pulses", "timing", "prices", "record.probes", "record.probe_every", "record.probe_samples", "record.windows"),
    ),
    "3t1c": ("transfer", "refresh", "cell.gain", "cell.pcm"),
    "2pcm": ("transfer", "cell.capacitor", "cell.pcm.ramp", "cell.pcm.programming"),
    "2pcm+3t1c": ("refresh", "cell.pcm.partial_set"),
}


def warnings_of(scenario: Parameters, raw: Raw) -> list[str]:
    """Return one line for each setting of the scenario's own (not inherited, not at its default) that has no effect."""
    warnings: list[str] = []
    for idle in _idle(scenario):
        for name in idle.keys:
            path: Path = tuple(name.split("."))
            found = sorted((key for key in raw.own if key[: len(path)] == path and _changed(scenario, key)), key=str)
            warnings.extend(f"{raw.place(key)}: {dotted(key)}: is set but has no effect, since {idle.reason}" for key in found)
    return warnings


def _idle(scenario: Parameters) -> Iterator[_Idle]:
    kind = scenario.cell.kind
    yield _Idle(_BY_KIND[kind], f'cell.kind is "{kind}"')
    if kind == "2pcm+3t1c" and scenario.transfer.policy == "instant":
        timed = ("transfer.sampling", "transfer.programming_current", "transfer.preset", "transfer.buffer_bits")
        yield _Idle(timed, 'transfer.policy is "instant", which takes no time')
    elif kind == "2pcm+3t1c" and scenario.transfer.sampling != "at-start":
        yield _Idle(("transfer.buffer_bits",), 'transfer.sampling is not "at-start"')
    if scenario.cell.pcm.programming == "ideal" and scenario.cell.has_pcm:
        yield _Idle(("cell.pcm.ramp.tolerance", "cell.pcm.ramp.max_tries", "cell.pcm.ramp.sigma"), 'cell.pcm.programming is "ideal"')
    if scenario.retention is None and not scenario.cell.pcm.drift.early:
        yield _Idle(("cell.pcm.drift", "cell.pcm.slow_noise"), "ageing shows in retention measurements only, and there is no table [retention]")
    if not scenario.cell.pcm.drift.early:
        yield _Idle(("cell.pcm.drift.early_reference", "cell.pcm.drift.early_every"), "cell.pcm.drift.early is false")
    if scenario.training.epochs == 0:
        yield _Idle(("training.learning_rate", "training.learning_rate_decay"), "training.epochs is 0")
    if scenario.data.name == "mnist-5k":
        yield _Idle(("data.path",), 'the data "mnist-5k" is built in')
    if scenario.data.evaluate != "validation":
        yield _Idle(("data.validation_images",), 'data.evaluate is not "validation"')


def _changed(scenario: Parameters, path: Path) -> bool:
    """Return whether a key is a single value that differs from its default."""
    parent = table_at(path[:-1])
    name = str(path[-1])
    if parent is None or name not in parent.model_fields or table_at(path) is not None:
        return False
    value: object = scenario
    for part in path:
        value = getattr(value, str(part))
    return bool(value != getattr(parent(), name))
