"""What commands print about a scenario or a run, for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
_TIMES = (("chip_time_s", "chip time"), ("training_time_s", "... training"), ("stall_time_s", "... not training"))


def summary_table(summary: Mapping[str, Any]) -> Table:
    """Return the results of a run as a table; keys that a summary lacks are left out."""
    return plain_table(summary_rows(summary))


def summary_rows(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the main results as (label, text)."""
    yield from ((label, f"{summary[key] * 100:.2f} %") for key, label in _ACCURACIES if _is_number(summary, key))
    if _is_number(summary, "images"):
        yield "images trained", f"{summary['images']:,}"
    yield from ((label, engineering(summary[key], "s")) for key, label in _TIMES if _is_number(summary, key))
    yield from _wait_rows(summary)
    yield from _transfer_rows(summary)
    yield from _clock_rows(summary)
    yield from _energy_rows(summary)
    yield from _silicon_rows(summary)
    if _is_number(summary, "wall_time_s"):
        yield "wall time", duration(summary["wall_time_s"])
    if summary.get("images") and _is_number(summary, "images_per_wall_second"):
        yield "speed", f"{summary['images_per_wall_second']:,.0f} images/s"


def _wait_rows(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what training waited for, and how many images it learnt a second of chip time."""
    waiting = summary.get("waiting")
    reasons = {"transfer_s": "transfers", "tile_s": "columns and rows being written", "host_s": "the host", "sleep_s": "the end of a sleep"}
    if isinstance(waiting, Mapping):
        yield from ((f"... for {words}", engineering(waiting[key], "s")) for key, words in reasons.items() if waiting.get(key))
        rest = summary.get("stall_time_s", 0.0) - sum(waiting.get(key, 0.0) for key in reasons)
        if rest > 1e-9 * summary.get("chip_time_s", 0.0):
            yield "... for the final transfer, or at rest", engineering(rest, "s")
        if waiting.get("longest_delay_of_an_image_s"):
            yield "... at most for one image", engineering(waiting["longest_delay_of_an_image_s"], "s")
    if _is_number(summary, "images_per_second"):
        rate = summary["images_per_second"]
        yield "images a second of chip time", f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"


def _transfer_rows(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    transfers = summary.get("transfers")
    if not isinstance(transfers, Mapping):
        return
    yield "transfers", f"{transfers.get('count', 0):,}"
    if transfers.get("late"):
        yield "... late", f"{transfers['late']:,}, up to {transfers.get('worst_backlog_columns', 0):,} columns behind"


def _clock_rows(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield how busy the resources were, and what refreshes, sleeps, host and stages came to."""
    used = summary.get("utilisation")
    for name, use in used.items() if isinstance(used, Mapping) else ():
        yield f"{name} busy", f"{use['busy_share'] * 100:.1f} %"
    refreshes, sleeps, host = (summary.get(key) for key in ("refreshes", "sleeps", "host"))
    if isinstance(refreshes, Mapping):
        yield "rows refreshed", f"{refreshes['rows']:,}, {refreshes['late']:,} of them late"
    if isinstance(sleeps, Mapping):
        yield "sleeps", f"{sleeps['count']:,}, {engineering(sleeps['asleep_s'], 's')} in all, {sleeps['accuracy_lost_mean'] * 100:.2f} points lost on average"
    if isinstance(host, Mapping):
        yield "host", f"chip waits {host['chip_waits_share'] * 100:.1f} % of the time, host {host['host_waits_share'] * 100:.1f} %"
    for stage in summary.get("stages") or ():
        before = f", of what was pre-trained {stage['accuracy_pretrained'] * 100:.1f} %" if stage.get("accuracy_pretrained") is not None else ""
        yield f"after {stage['label']}", f"accuracy {stage['accuracy'] * 100:.1f} %{before}"


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


def _silicon_rows(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield throughput, and throughput a watt and a mm², at the peak and over the whole run."""
    area = summary.get("area_mm2")
    if isinstance(area, Mapping):
        yield "area", f"{area['total']:.4g} mm2"
    for unit, peak, effective in (
        ("TOP/s", "tops_peak", "tops_effective"),
        ("TOP/s/W", "tops_per_W", "tops_per_W_effective"),
        ("TOP/s/mm2", "tops_per_mm2", "tops_per_mm2_effective"),
    ):
        if _is_number(summary, peak) and _is_number(summary, effective):
            yield unit, f"{summary[peak]:.4g} at the peak, {summary[effective]:.4g} over the whole run"


def _is_number(summary: Mapping[str, Any], key: str) -> bool:
    value = summary.get(key)
    return isinstance(value, int | float) and not isinstance(value, bool)


def scenario_table(scenario: Scenario) -> Table:
    """Return the main choices of a scenario as a table."""
    return plain_table(scenario_rows(scenario))


def scenario_rows(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Yield what a scenario comes down to as (label, text)."""
    layers = scenario.network.layers
    yield "question", scenario.head.question or "-"
    yield "data", f"{_data(scenario)}, evaluated on the {scenario.data.evaluate} images"
    yield "network", f"{'-'.join(map(str, layers))}, {scenario.network.weights:,} weights"
    yield (
        "training",
        f"{scenario.training.epochs} epochs, learning rate {scenario.training.learning_rate:g} x {scenario.training.learning_rate_decay:g} per epoch",
    )
    yield "cell", scenario.cell.kind
    yield "an image takes", format_time(sum(scenario.phase_ps))
    if scenario.cell.kind == "2pcm+3t1c":
        transfer = scenario.transfer
        yield "transfer", f"every {transfer.every}, {transfer.policy}, {'with' if transfer.polarity_inversion else 'without'} polarity inversion"
    if scenario.transfer.interleaved:
        yield from gap_rows(scenario)
    if scenario.capacitor_refresh is not None:
        refresh = scenario.capacitor_refresh
        yield "refresh", f"every row every {format_time(refresh.every)}, {format_time(refresh.read + refresh.write)} a row, {refresh.bits} bits"
    if scenario.host is not None:
        yield "host", f"an image every {format_time(scenario.host.period)}, a queue of {scenario.host.queue}"
    for nap in scenario.power.sleep:
        yield "sleep", f"{nap}, before it: {scenario.power.before}"
    for number, stage in enumerate(scenario.stage):
        yield f"stage {number}", f"{stage.kind}{f' ({stage.label})' if stage.label else ''}"
    if scenario.retention is not None:
        yield "retention", f"read from {format_time(scenario.retention.start)} to {format_time(scenario.retention.end)}"
    yield "seed", str(scenario.seed)


def _data(scenario: Scenario) -> str:
    """Return what a network is shown: the name of the data, the size of one image, and whose voice is learnt."""
    data, (rows, columns) = scenario.data, scenario.data.crop
    if not data.features:
        behind = f" on a {data.background} random background" if data.background != "none" else ""
        return f"{data.name}{behind}, {rows} x {columns} pixels"
    speaker = f', speaker "{data.adapt_to}"' if data.name.startswith("spoken-digits") else ""
    return f"{data.path if data.name == 'features' else data.name}, {scenario.network.layers[0]} features{speaker}"


def gap_rows(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Yield which operations on a column fit into which rest of a layer's tiles, and which hold training up."""
    from chipsim.scenario.cycle import Cycle

    pcm, transfer = scenario.cell.pcm, scenario.transfer
    shortest, longest = (pcm.ramp.steps * step for step in (pcm.ramp.shortest_step, pcm.ramp.longest_step))
    operations = {
        "sample read": transfer.sample_read,
        "RESET": pcm.reset.duration,
        "shortest ramp": shortest,
        "longest ramp": longest,
        "verify read": pcm.verify.duration,
        "preset": transfer.preset,
    }
    yield "operations", ", ".join(f"{name} {format_time(lasts)}" for name, lasts in operations.items())
    for gap in Cycle(scenario.phase_ps).gaps():
        fitting = [name for name, lasts in operations.items() if lasts <= gap.lasts_ps]
        yield f"layer {gap.layer + 1} rests", f"{format_time(gap.lasts_ps)} an image, room for: {', '.join(fitting) or 'nothing'}"
    if operations["verify read"] > max((gap.lasts_ps for gap in Cycle(scenario.phase_ps).gaps()), default=0):
        yield "", f"what does not fit holds an image up, by {format_time(transfer.max_delay)} at most"


def shipped_table(shipped: list[Shipped]) -> Table:
    """Return the scenarios that come with chipsim, with the question that each asks."""
    return plain_table((scenario.name, scenario.question) for scenario in shipped)


def plain_table(rows: Iterable[tuple[str, str]]) -> Table:
    """Return a table of labels and texts."""
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in rows:
        table.add_row(label, text)
    return table
