"""What commands print about a scenario or a run, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from chipsim.cli.progress import duration
from chipsim.units import engineering, format_time

if TYPE_CHECKING:
    from rich.table import Table

    from chipsim.scenario import Scenario, Shipped

_ACCURACIES = (
    ("test_accuracy", "test accuracy, read through the chip"),
    ("test_accuracy_before_transfer", "... before the last transfer"),
    ("test_accuracy_noise_free", "... without read noise"),
    ("train_accuracy", "training accuracy"),
)
_TIMES = (("chip_time_s", "chip time"), ("training_time_s", "... training"), ("stall_time_s", "... waiting for transfers"))


def summary_table(summary: Mapping[str, Any]) -> Table:
    """Return the results of a run as a table; keys that a summary lacks are left out."""
    table = _plain_table()
    for label, text in summary_rows(summary):
        table.add_row(label, text)
    return table


def summary_rows(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the main results as (label, text)."""
    yield from ((label, f"{summary[key] * 100:.2f} %") for key, label in _ACCURACIES if _is_number(summary, key))
    if _is_number(summary, "images"):
        yield "images trained", f"{summary['images']:,}"
    yield from ((label, engineering(summary[key], "s")) for key, label in _TIMES if _is_number(summary, key))
    yield from _transfer_rows(summary)
    yield from _energy_rows(summary)
    if _is_number(summary, "wall_time_s"):
        yield "wall time", duration(summary["wall_time_s"])
    if summary.get("images") and _is_number(summary, "images_per_wall_second"):
        yield "speed", f"{summary['images_per_wall_second']:,.0f} images/s"


def _transfer_rows(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    transfers = summary.get("transfers")
    if isinstance(transfers, Mapping):
        transfers = transfers.get("count", transfers.get("number"))
    if isinstance(transfers, int):
        yield "transfers", f"{transfers:,}"


def _energy_rows(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    energy = summary.get("energy_J")
    if not isinstance(energy, Mapping):
        return
    total = energy.get("total", 0.0)
    yield "energy", engineering(total, "J")
    parts = sorted((item for item in energy.items() if item[0] != "total" and item[1]), key=lambda item: -item[1])
    for name, joules in parts:
        share = f"  ({joules / total * 100:.1f} %)" if total else ""
        yield f"... {name}", f"{engineering(joules, 'J')}{share}"
    if _is_number(summary, "energy_per_image_J"):
        yield "energy per image", engineering(summary["energy_per_image_J"], "J")


def _is_number(summary: Mapping[str, Any], key: str) -> bool:
    value = summary.get(key)
    return isinstance(value, int | float) and not isinstance(value, bool)


def scenario_table(scenario: Scenario) -> Table:
    """Return the main choices of a scenario as a table."""
    table = _plain_table()
    for label, text in scenario_rows(scenario):
        table.add_row(label, text)
    return table


def scenario_rows(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Yield what a scenario comes down to as (label, text)."""
    layers, timing = scenario.network.layers, scenario.timing
    weights = sum((inputs + 1) * outputs for inputs, outputs in pairwise(layers))
    yield "question", scenario.head.question or "-"
    yield "data", f"{_data(scenario)}, evaluated on the {scenario.data.evaluate} images"
    yield "network", f"{'-'.join(map(str, layers))}, {weights:,} weights"
    yield (
        "training",
        f"{scenario.training.epochs} epochs, learning rate {scenario.training.learning_rate:g} x {scenario.training.learning_rate_decay:g} per epoch",
    )
    yield "cell", scenario.cell.kind
    cycle = (len(layers) - 1) * timing.forward + (len(layers) - 2) * timing.backward + timing.update
    yield "an image takes", format_time(cycle)
    if scenario.cell.kind == "2pcm+3t1c":
        transfer = scenario.transfer
        yield "transfer", f"every {transfer.every}, {transfer.policy}, {'with' if transfer.polarity_inversion else 'without'} polarity inversion"
    if scenario.retention is not None:
        yield "retention", f"read from {format_time(scenario.retention.start)} to {format_time(scenario.retention.end)}"
    yield "seed", str(scenario.seed)


def _data(scenario: Scenario) -> str:
    """Return what a network is shown: the name of the data, the size of one image, and whose voice is learnt."""
    data, (rows, columns) = scenario.data, scenario.data.crop
    if not data.features:
        return f"{data.name}, {rows} x {columns} pixels"
    speaker = f', speaker "{data.adapt_to}"' if data.name.startswith("spoken-digits") else ""
    return f"{data.path if data.name == 'features' else data.name}, {scenario.network.layers[0]} features{speaker}"


def shipped_table(shipped: list[Shipped]) -> Table:
    """Return the scenarios that come with chipsim, with the question that each asks."""
    table = _plain_table()
    for scenario in shipped:
        table.add_row(scenario.name, scenario.question)
    return table


def _plain_table() -> Table:
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    return table
