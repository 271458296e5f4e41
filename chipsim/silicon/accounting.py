"""What a run comes to: energy by component, operations, and throughput a watt and a mm², at its peak and over the whole run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chipsim.costs.actions import ACTIONS, BALANCES, COMPONENTS, DATA_DEPENDENT
from chipsim.costs.derivation import Figure, Sheet, given, total
from chipsim.costs.pricing import check_actions
from chipsim.scenario.model import Parameters
from chipsim.scenario.parts import OPS_CONVENTIONS
from chipsim.silicon.silicon import Silicon

TRAINING = ("array read", "line drive", "read-out", "neuron", "update pulses")
"""Components that training itself takes; those of the peak."""
PROGRAMMING = ("RESET", "SET", "verify read", "transfer")
"""Components of writing weights to PCM."""
PROGRAMS = frozenset(name for name, action in ACTIONS.items() if action.component in PROGRAMMING)
"""Actions of writing weights to PCM."""
UPDATE_LINES = ("word line.update slot", "word line.update load", "bit line.update slot", "bit line.update load")
"""Actions of the lines in an update, a part of the component `line drive`."""
WAITS = {
    "transfer": "training stood still for transfers",
    "tile": "training waited for a column or row that was being written",
    "host": "training waited for the host",
    "sleep": "power was off, or coming back",
}
"""What training may wait for, with what that means; the rest of the time it was over, or at rest."""
_UNITS = {"count": "", "charge": "C", "read": "S s", "powered time": "s", "asleep time": "s"}
"""Unit of an amount, by the measure of its action."""
_SMALL = 1e-9
"""Share of the chip time that is rounding."""


@dataclass(frozen=True)
class Tally:
    """What a chip did: the totals of a run, counted or estimated.

    Attributes
    ----------
    images, transfers
        trained, and done; writing the initial weights is no transfer here.
    chip_time_s, training_time_s
        in all, and what of it was training.
    counts
        action -> how often, or how much of it.
    waits
        key of `WAITS` -> s.
    source
        how they came about, in a few words.
    factors
        action -> what it was multiplied by, where an estimate follows an activity profile.
    activity
        what that profile was taken from.
    warnings
        what to know before the figures are used: transfers that fall behind, for instance.
    """

    images: int
    transfers: int
    chip_time_s: float
    training_time_s: float
    counts: Mapping[str, float]
    waits: Mapping[str, float]
    source: str
    factors: Mapping[str, float] = field(default_factory=dict)
    activity: str = ""
    warnings: tuple[str, ...] = ()


def account(silicon: Silicon, tally: Tally) -> Sheet:
    """Return all figures of a run: area, time, operations, energy, and what follows from them.

    What has no meaning for the run is left out: energy per transfer where there was none, everything per image where none was trained.

    Raises
    ------
    InputError
        if an action was counted that has no price.
    """
    check_actions(tally.counts, silicon.rates)
    sheet = Sheet()
    for area in silicon.floorplan.areas.values():
        sheet.add(area)
    for power in silicon.floorplan.powers.values():
        sheet.add(power)
    _operations(sheet, silicon, tally)
    _times(sheet, tally)
    counts = {name: sheet.add(_count(tally, name)) for name in tally.counts if name not in BALANCES}
    _energies(sheet, silicon, counts)
    _per_what(sheet, silicon, tally, counts)
    if tally.images and tally.chip_time_s > 0:
        _throughput(sheet, silicon)
        _efficiency(sheet)
    return sheet


def components_of(scenario: Parameters) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the components of training, and those of programming.

    Without a capacitor SET pulses are the updates: they train, and RESET and verify reads make room for them.
    """
    training = TRAINING if scenario.cell.has_capacitor else (*TRAINING, "SET")
    return training, tuple(name for name in PROGRAMMING if name not in training)


def nested(sheet: Sheet, keys: Iterable[str]) -> dict[str, Any]:
    """Return figures by key as `summary.json` holds them: `energy_J.total` is an entry of the table `energy_J`; None where there is no figure."""
    found: dict[str, Any] = {}
    for key in keys:
        below = {name.removeprefix(f"{key}."): figure.value for name, figure in sheet.items() if name.startswith(f"{key}.")}
        found[key] = below or (sheet[key].value if key in sheet else None)
    return found


def _count(tally: Tally, action: str) -> Figure:
    """Return how often an action happened, or how much of it, with how that is known."""
    carried = f", times {tally.factors[action]:.4g}, as the activity of {tally.activity}" if action in tally.factors else ""
    return given(f"counts.{action}", tally.counts[action], _UNITS[ACTIONS[action].measure], f"{ACTIONS[action].meaning}; {tally.source}{carried}")


def _operations(sheet: Sheet, silicon: Silicon, tally: Tally) -> None:
    sheet.add(silicon.weights)
    every, needed = (silicon.ops_per_image(convention) for convention in OPS_CONVENTIONS)
    sheet.add(every)
    sheet.add(needed)
    chosen = every if silicon.scenario.prices.ops == "all-passes" else needed
    images = sheet.add(given("images", tally.images, "", f"images trained; {tally.source}"))
    per_image = sheet.add(chosen.named("ops_per_image", "op", "prices.ops"))
    sheet.add((images * per_image).named("ops", "op"))


def _times(sheet: Sheet, tally: Tally) -> None:
    """Add the chip time, and what it consists of."""
    parts = [sheet.add(given("training_time_s", tally.training_time_s, "s", f"phases of images; {tally.source}"))]
    for name, meaning in WAITS.items():
        if tally.waits.get(name, 0.0) > 0:
            parts.append(sheet.add(given(f"waits_s.{name}", tally.waits[name], "s", f"{meaning}; {tally.source}")))
    rest = tally.chip_time_s - sum(part.value for part in parts)
    if rest > _SMALL * tally.chip_time_s:
        parts.append(sheet.add(given("rest_s", rest, "s", f"the final transfer, and what came after training or between stages; {tally.source}")))
    sheet.add(total(parts).named("chip_time_s", "s", "from the first image to the end"))


def _energies(sheet: Sheet, silicon: Silicon, counts: Mapping[str, Figure]) -> None:
    """Add the energy of every component and the total, and what of them depends on what the network has learnt."""
    parts, dependent = [], []
    for component in COMPONENTS:
        terms = {name: count * silicon.rate_figures[name] for name, count in counts.items() if ACTIONS[name].component == component and count.value}
        terms = {name: term for name, term in terms.items() if term.value}
        parts.append(sheet.add(total(terms.values()).named(f"energy_J.{component}", "J")))
        dependent.append(total(term for name, term in terms.items() if name in DATA_DEPENDENT).named(f"energy_data_dependent_J.{component}", "J"))
    everything = sheet.add(total(parts).named("energy_J.total", "J"))
    for part in (*dependent, total(dependent).named("energy_data_dependent_J.total", "J", "of actions that depend on what the network has learnt")):
        sheet.add(part)
    sheet.add((everything - sheet["energy_data_dependent_J.total"]).named("energy_data_independent_J", "J", "what follows from sizes, inputs and time"))


def _per_what(sheet: Sheet, silicon: Silicon, tally: Tally, counts: Mapping[str, Figure]) -> None:
    """Add the energy per image, per transfer and per update, and the mean power."""
    everything = sheet["energy_J.total"]
    training, programming = components_of(silicon.scenario)
    trained = sheet.add(total(sheet[f"energy_J.{name}"] for name in training).named("energy_training_J", "J", "training alone: no transfers, no idle power"))
    written = sheet.add(
        total(sheet[f"energy_J.{name}"] for name in programming).named("energy_programming_J", "J", "writing weights to PCM, the first time included")
    )
    if tally.images:
        sheet.add((everything / sheet["images"]).named("energy_per_image_J", "J", "everything"))
        sheet.add((trained / sheet["images"]).named("energy_per_image_training_J", "J", "training alone"))
    transfers = sheet.add(given("transfers", tally.transfers, "", f"transfers done; {tally.source}"))
    if tally.transfers:
        sheet.add((written / (transfers + 1.0)).named("energy_per_transfer_J", "J", "the writing of the initial weights counts as one more"))
    update = _updates(sheet, silicon, tally, counts)
    if update is not None:
        sheet.add(update)
    if tally.chip_time_s > 0:
        sheet.add((everything / sheet["chip_time_s"]).named("average_power_W", "W"))


def _updates(sheet: Sheet, silicon: Silicon, tally: Tally, counts: Mapping[str, Figure]) -> Figure | None:
    """Return the energy of a useful update: a device pulse that moved its charge, rather than one at a limit."""
    lines = [counts[name] * silicon.rate_figures[name] for name in UPDATE_LINES if name in counts]
    if not silicon.scenario.cell.has_capacitor:
        sets = counts.get("pcm.SET pulse")
        if sets is None or not sets.value:
            return None
        return (total([*lines, sheet["energy_J.SET"]]) / sets).named("energy_per_update_J", "J", "SET pulses and the pulses on their lines, per SET pulse")
    if not all(name in counts for name in ("update pulse.up", "update pulse.down", "capacitor.pulse charge")):
        return None
    pulses, moved = counts["update pulse.up"] + counts["update pulse.down"], counts["capacitor.pulse charge"]
    lost = tally.counts.get("capacitor.clipped charge", 0.0)
    if not pulses.value or moved.value <= lost:
        return None
    clipped = given("counts.capacitor.clipped charge", lost, "C", "what of the charge of pulses was lost on capacitors at a limit")
    share = ((moved - clipped) / moved).named("useful_share", "", "of the charge of all pulses, what moved the weight")
    useful = (pulses * share).named("useful_updates", "", "device pulses, those at a limit left out")
    energy = total([*lines, sheet["energy_J.update pulses"]]).named("energy_updates_J", "J", "device pulses and the pulses on their lines")
    return (energy / useful).named("energy_per_update_J", "J", "per useful update")


def _throughput(sheet: Sheet, silicon: Silicon) -> None:
    """Add the rate at its peak and over the whole run, per area too, with what lies between."""
    area, ops, images = sheet["area_mm2.total"], sheet["ops_per_image"], sheet["images"]
    image_time = sheet.add(silicon.image_time)
    peak = sheet.add((ops / image_time * 1e-12).named("tops_peak", "TOP/s", "an image after the other, nothing in between"))
    effective = sheet.add((sheet["ops"] / sheet["chip_time_s"] * 1e-12).named("tops_effective", "TOP/s", "over the whole run"))
    sheet.add((images / sheet["chip_time_s"]).named("images_per_second", "1/s"))
    sheet.add((peak / area).named("tops_per_mm2", "TOP/s/mm2", "of the peak"))
    sheet.add((effective / area).named("tops_per_mm2_effective", "TOP/s/mm2", "over the whole run"))
    spent = sheet["training_time_s"]
    for name, meaning in WAITS.items():
        if f"waits_s.{name}" in sheet:
            spent = spent + sheet[f"waits_s.{name}"]
            sheet.add((sheet["ops"] / spent * 1e-12).named(f"tops_after.{name}", "TOP/s", f"after that {meaning}"))


def _efficiency(sheet: Sheet) -> None:
    """Add the operations a joule at the peak and over the whole run, with what lies between."""
    ops, trained = sheet["ops"], sheet["energy_training_J"]
    if not trained.value:  # prices may be zero
        return
    sheet.add((ops / trained * 1e-12).named("tops_per_W", "TOP/s/W", "of the peak: training alone, no transfers, no idle power"))
    idle = (sheet["static_W.total"] * sheet["training_time_s"]).named("energy_idle_training_J", "J", "idle power during those phases")
    sheet.add((ops / (trained + idle) * 1e-12).named("tops_per_W_powered", "TOP/s/W", "of the peak, with idle power"))
    spent = trained
    rest = [("programming", sheet["energy_programming_J"])]
    rest += [(name, sheet[f"energy_J.{name}"]) for name in ("static", "refresh", "host link", "wake-up")]
    for name, energy in rest:
        if energy.value > 0:
            spent = spent + energy
            sheet.add((ops / spent * 1e-12).named(f"tops_per_W_after.{name}", "TOP/s/W"))
    sheet.add((ops / sheet["energy_J.total"] * 1e-12).named("tops_per_W_effective", "TOP/s/W", "over the whole run"))
