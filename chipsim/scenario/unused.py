"""Settings that no active part of a scenario uses: most likely a misunderstanding, so worth a word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from chipsim.locator import Path, dotted, undotted
from chipsim.scenario.model import Parameters
from chipsim.scenario.origins import Raw
from chipsim.scenario.parts import Data
from chipsim.scenario.schema import table_at
from chipsim.scenario.stages import Stage
from chipsim.scenario.transfer import Transfer
from chipsim.spec import default_of


@dataclass(frozen=True)
class _Idle:
    """Keys (or whole tables) that do nothing, and why.

    A key may lie in an element of an array of tables, `stage[1].images`. A whole array, `stage`, is warned of once, not key by key.
    """

    keys: tuple[str, ...]
    reason: str


_BUILT = {"programming_current", "verify_units"}
"""What of the transfers is built, and takes area, whatever PCM is written by."""
_BY_KIND = {
    "software": (
        *("tiles", "transfer", "refresh", "cell.gain", "cell.weight_conductance", "cell.read_voltage", "cell.capacitor", "cell.pcm"),
        *("training.update", "training.max_pulses", "timing", "power", "prices"),
        *("record.probes", "record.probe_every", "record.probe_samples", "record.windows"),
    ),
    "3t1c": ("transfer", "refresh", "cell.gain", "cell.pcm"),
    "2pcm": (*(f"transfer.{name}" for name in Transfer.model_fields if name not in _BUILT), "cell.capacitor", "cell.pcm.ramp", "cell.pcm.programming"),
    "2pcm+3t1c": ("refresh", "cell.pcm.partial_set"),
}


def warnings_of(scenario: Parameters, raw: Raw) -> list[str]:
    """Return one line for each setting of the scenario's own (not inherited, not at its default) that has no effect."""
    warnings: list[str] = []
    for idle in (*_idle(scenario), *_idle_in_stages(scenario.stage)):
        for name in idle.keys:
            path = undotted(name) or ()
            inside = (key for key in raw.own if key[: len(path)] == path and all(isinstance(part, str) for part in key[len(path) :]))
            found = sorted((key for key in inside if _changed(scenario, key)), key=str)
            warnings.extend(f"{raw.place(key)}: {dotted(key)}: is set but has no effect, since {idle.reason}" for key in found)
    return warnings


def _idle(scenario: Parameters) -> Iterator[_Idle]:
    kind = scenario.cell.kind
    yield _Idle(_BY_KIND[kind], f'cell.kind is "{kind}"')
    if kind == "2pcm+3t1c":
        yield from _idle_in_transfers(scenario)
    if scenario.cell.pcm.programming == "ideal" and scenario.cell.has_pcm:
        yield _Idle(("cell.pcm.ramp.tolerance", "cell.pcm.ramp.max_tries", "cell.pcm.ramp.sigma"), 'cell.pcm.programming is "ideal"')
    if kind != "software":
        yield from _idle_in_rests(scenario)
    if not scenario.cell.pcm.drift.early:
        yield _Idle(("cell.pcm.drift.early_reference", "cell.pcm.drift.early_every"), "cell.pcm.drift.early is false")
    if scenario.training.epochs == 0:
        yield _Idle(("training.learning_rate", "training.learning_rate_decay"), "training.epochs is 0")
    if scenario.stage:
        yield _Idle(("training.epochs",), "the stages say how many images are learnt")
    if not scenario.record.windows:
        yield _Idle(("record.wave_every",), "record.windows names no window")
    if not scenario.checkpoint.enabled:
        yield _Idle(("checkpoint.wall_time", "checkpoint.every"), "checkpoint.enabled is false")
    yield from _idle_data(scenario.data)


def _idle_data(data: Data) -> Iterator[_Idle]:
    if data.name.endswith(("-5k", "-1k")):
        yield _Idle(("data.path",), f'the data "{data.name}" is built in')
    if data.features:
        yield _Idle(("data.crop", "data.background", "data.background_seed"), f'the data "{data.name}" are features, not images')
    if not data.name.startswith("spoken-digits"):
        yield _Idle(("data.adapt_to",), f'the data "{data.name}" have no speakers')
    if data.evaluate != "validation":
        yield _Idle(("data.validation_images",), 'data.evaluate is not "validation"')


def _idle_in_transfers(scenario: Parameters) -> Iterator[_Idle]:
    transfer = scenario.transfer
    if transfer.policy == "instant":
        timed = ("transfer.sampling", "transfer.preset", "transfer.buffer_bits")
        yield _Idle(timed, 'transfer.policy is "instant", which takes no time')
    elif transfer.sampling != "at-start":
        yield _Idle(("transfer.buffer_bits",), 'transfer.sampling is not "at-start"')
    if not transfer.interleaved:
        yield _Idle(("transfer.in_flux", "transfer.max_delay"), f'no image is learnt during a transfer where transfer.policy is "{transfer.policy}"')
    if transfer.policy != "interleave":
        yield _Idle(("transfer.spread",), 'transfer.policy is not "interleave"')
    if transfer.policy != "oldest-first":
        yield _Idle(("transfer.max_age",), 'transfer.policy is not "oldest-first"')
    else:
        yield _Idle(("transfer.every",), 'transfer.policy is "oldest-first", which has no rounds')
    if transfer.saturation is None:
        yield _Idle(("transfer.saturation_look", "transfer.saturation_margin"), "transfer.saturation is not set")


def _idle_in_rests(scenario: Parameters) -> Iterator[_Idle]:
    """Yield what shows, or is done, only where the chip sleeps or idles."""
    power = scenario.power
    kinds = {stage.kind for stage in scenario.stage}
    naps = bool(power.sleep) or power.idle_after is not None
    if not naps:
        yield _Idle(("power.before",), "neither power.sleep nor power.idle_after is set")
    if not naps and "sleep" not in kinds:
        yield _Idle(("power.wake_up",), "the chip never sleeps")
    if scenario.retention is not None and not (scenario.cell.has_pcm and scenario.cell.pcm.read_noise.enabled):
        yield _Idle(("retention.reference_reads",), "reads have no noise")
    if scenario.cell.has_pcm and scenario.retention is None and not scenario.cell.pcm.drift.early:
        yield _Idle(("cell.pcm.slow_noise",), "slow noise shows in retention measurements only, and there is no table [retention]")
        if not naps and not kinds & {"idle", "sleep"}:
            yield _Idle(("cell.pcm.drift",), "drift shows in retention measurements and after rests only, and the chip neither sleeps nor idles")


def _idle_in_stages(stages: Sequence[Stage]) -> Iterator[_Idle]:
    for index, stage in enumerate(stages):
        if stage.weights:
            trained = tuple(f"stage[{index}].{key}" for key in ("pretrain_epochs", "pretrain_learning_rate", "pretrain_learning_rate_decay"))
            yield _Idle(trained, f"stage[{index}].weights names a file of trained weights")


def _changed(scenario: Parameters, path: Path) -> bool:
    """Return whether a key is a single value that differs from its default."""
    parent = table_at(path[:-1])
    name = str(path[-1])
    if parent is None or name not in parent.model_fields or table_at(path) is not None:
        return False
    value: Any = scenario
    for part in path:
        value = value[part] if isinstance(part, int) else getattr(value, part)
    return parent.model_fields[name].is_required() or bool(value != default_of(parent, name))
