"""What `chipsim estimate` prints: figures of the silicon for people, and as JSON."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from chipsim.cli.tables import plain_table
from chipsim.costs import AREA_COMPONENTS, COMPONENTS, Figure, PriceTable, Reference, Sheet, batch_of_one, entries_of, load_references, shipped_tables
from chipsim.costs.references import BASELINE, FAIR
from chipsim.scenario.parts import OPS_CONVENTIONS
from chipsim.silicon import WAITS
from chipsim.silicon.figures import RATES, SiliconFigures
from chipsim.units import engineering

if TYPE_CHECKING:
    from rich.table import Table


def tables(found: SiliconFigures) -> Iterator[Table]:
    """Yield the tables for people."""
    yield _headline(found)
    yield _energies(found.sheet)
    yield _areas(found.sheet)
    if found.others:
        yield _converters(found)
    yield _references(found.ratios)
    yield _single_images(found.ratios)


def _headline(found: SiliconFigures) -> Table:
    from rich.table import Table

    sheet = found.sheet
    table = _table("", "peak", "effective")
    for peak, effective, unit in RATES:
        if peak in sheet:
            table.add_row(unit, f"{sheet[peak].value:.4g}", f"{sheet[effective].value:.4g}")
        if f"{peak}_powered" in sheet:
            table.add_row("... with idle power", f"{sheet[f'{peak}_powered'].value:.4g}", "")
    grid = Table.grid()
    grid.add_row(table)
    grid.add_row(plain_table((*_conditions(found), *_amounts(found))))
    return grid


def _conditions(found: SiliconFigures) -> Iterator[tuple[str, str]]:
    """Yield what the figures hold for."""
    scenario, table, tally = found.silicon.scenario, found.silicon.table, found.tally
    yield "prices", table.title
    yield from ((f"... factor on {what}", f"{scale.value:g}, fitted") for what in ("energy", "area") if (scale := table.scale_of(what)))
    yield "operations", f"{scenario.prices.ops}: {OPS_CONVENTIONS[scenario.prices.ops]}"
    yield "peak", "training alone, an image after the other, activity and conductances averaged over the run"
    yield "effective", "the whole run, with transfers, waiting and idle power"
    yield "counts", tally.source
    if tally.activity:
        yield "... activity profile", tally.activity
        yield "accuracy", "not estimated: run the scenario"


def _amounts(found: SiliconFigures) -> Iterator[tuple[str, str]]:
    """Yield amounts, times, energies and the area."""
    sheet, plan = found.sheet, found.silicon.scenario.transfer
    yield from ((key, f"{sheet[key].value:,.0f}") for key in ("images", "weights"))
    instant = " and that of the initial weights, instant: they take no chip time" if plan.policy == "instant" else " and that of the initial weights"
    if found.tally.transfers:
        yield "transfers", f"{found.tally.transfers:,}{instant}"
    for key, label in _LABELS.items():
        if key in sheet:
            yield label, f"{sheet[key].value:.4g} mm2" if sheet[key].unit == "mm2" else engineering(sheet[key].value, sheet[key].unit)


_LABELS = {
    "chip_time_s": "chip time",
    "training_time_s": "... training",
    **{f"waits_s.{reason}": f"... {meaning}" for reason, meaning in WAITS.items()},
    "energy_per_image_J": "energy per image",
    "energy_per_image_training_J": "... training alone",
    "energy_per_transfer_J": "energy per transfer",
    "energy_per_update_J": "energy per useful update",
    "average_power_W": "average power",
    "static_W.total": "idle power",
    "area_mm2.total": "area",
}
"""Figures below the headline, and their names."""


def _energies(sheet: Sheet) -> Table:
    """Return energy by component, with what of it depends on what the network has learnt told apart."""
    images = sheet["images"].value
    table = _table("energy per image" if images else "energy, in all", "J", "share", "data-independent", "data-dependent")
    total = sheet["energy_J.total"].value
    for component in (*COMPONENTS, "total"):
        whole, dependent = sheet[f"energy_J.{component}"].value, sheet[f"energy_data_dependent_J.{component}"].value
        if not whole and component != "total":
            continue
        parts = (whole, whole - dependent, dependent)
        per, apart, varying = (engineering(part / images, "J") if images else engineering(part, "J") for part in parts)
        table.add_row(component, per, f"{whole / total * 100:.1f} %" if total else "", apart, varying)
    return table


def _areas(sheet: Sheet) -> Table:
    table = _table("area", "mm2", "share")
    total = sheet["area_mm2.total"].value
    for component in (*AREA_COMPONENTS, "total"):
        area = sheet[f"area_mm2.{component}"].value
        if area:
            table.add_row(component, f"{area:.4g}", f"{area / total * 100:.1f} %")
    return table


def _converters(found: SiliconFigures) -> Table:
    """Return how far another converter moves the result."""
    table = _table("with another converter", "TOP/s/W peak", "effective", "TOP/s/mm2 peak")
    for name, sheet in {f"{found.silicon.converter} (as priced)": found.sheet, **found.others}.items():
        if "tops_per_W" in sheet:
            table.add_row(name, *(f"{sheet[key].value:.4g}" for key in ("tops_per_W", "tops_per_W_effective", "tops_per_mm2")))
    return _with_note(table, "idle power of converters is left as it is")


def _references(found: Sheet) -> Table:
    """Return the ratios to GPUs and analog chips, the published comparison beside the fair one."""
    table = _table("compared with", "TOP/s/W", "x peak", "x effective", "TOP/s/mm2", "x peak", "x effective")
    for reference in load_references().values():
        per_watt, per_mm2 = reference.tops_per_watt(), reference.tops_per_mm2()
        if per_watt is not None or per_mm2 is not None:
            marks = "".join(mark for mark, holds in _MARKS.values() if holds(reference))
            table.add_row(f"{reference.label}{f' {marks}' if marks else ''}", *_ratio_cells(found, reference.key, per_watt, per_mm2))
    marks = "; ".join(f"{mark} {meaning}" for meaning, (mark, _) in _MARKS.items())
    return _with_note(
        table, f"{marks}. GPUs by the peak of their data sheets (FP16, dense) and the power of the whole board; pads and supply of this chip are left out."
    )


_MARKS: dict[str, tuple[str, Callable[[Reference], bool]]] = {
    "what 280x and 100x rest on": ("[1]", lambda reference: reference.key == BASELINE),
    "the same V100 with the tensor cores that it has: the fair one of the two": ("[2]", lambda reference: reference.key == FAIR),
    "made for inference alone": ("[i]", lambda reference: reference.task == "inference"),
    "simulated or projected": ("[s]", lambda reference: reference.status not in ("product", "measured chip")),
}
"""What to know of a reference, with its mark and the references it holds for."""


def _single_images(found: Sheet) -> Table:
    """Return what GPUs reach on one image at a time, where layers are too large for their caches."""
    table = _table("one image at a time", "TOP/s", "TOP/s/W", "x peak", "TOP/s/mm2", "x peak")
    for reference in load_references().values():
        single = batch_of_one(reference)
        if single is not None and reference.key != FAIR:  # the same memory as the chip without tensor cores
            cells = tuple(_ratio_cells(found, f"{reference.key}.batch-1", single.tops_per_watt, single.tops_per_mm2))
            rate, per_watt, per_mm2 = (f"{figure.value:.2g}" for figure in (single.tops, single.tops_per_watt, single.tops_per_mm2))
            table.add_row(reference.label, rate, per_watt, cells[1], per_mm2, cells[4])
    return _with_note(
        table,
        "what a GPU reaches in fully connected training where every weight comes from memory: 16 bytes for 6 operations (fp32, read forward and "
        "backward, read and written in the update). The 165,000 weights of MNIST stay in a cache, and run faster.",
    )


def _with_note(table: Table, note: str) -> Table:
    from rich.text import Text

    table.caption, table.caption_justify = Text(note), "left"
    return table


def _ratio_cells(found: Sheet, key: str, *figures: Figure | None) -> Iterator[str]:
    for figure, name in zip(figures, ("tops_per_W", "tops_per_mm2"), strict=True):
        yield f"{figure.value:.3g}" if figure else "-"
        for mine in (name, f"{name}_effective"):
            ratio = found.get(f"ratio.{key}.{mine}")
            yield _times(ratio.value) if ratio else "-"


def _times(ratio: float) -> str:
    """Return a ratio with three digits, or all before the point."""
    return f"{ratio:,.0f}x" if ratio >= 100 else f"{ratio:.3g}x"


def wrapped(text: str) -> str:
    """Return lines no longer than the terminal is wide, what follows indented; as they are, where nobody looks."""
    if not sys.stdout.isatty():
        return text
    width = max(shutil.get_terminal_size().columns - 1, 40)
    lines = ((line, " " * (len(line) - len(line.lstrip()) + 6)) for line in text.splitlines())
    return "\n".join(textwrap.fill(line, width, subsequent_indent=space, break_long_words=False, break_on_hyphens=False) for line, space in lines)


def price_lists() -> Table:
    """Return the price tables that come with chipsim."""
    return plain_table((name, PriceTable.load(name).title) for name in shipped_tables())


def price_list(table: PriceTable) -> Table:
    """Return every entry of a price table, with its node, basis and source."""
    from rich.text import Text

    found = _table("price", "value", "node", "basis", "source")
    found.title, found.title_justify = Text(f"{table.title}; read-out: {table.converter.what}"), "left"
    found.columns[0].no_wrap = True
    found.columns[4].no_wrap, found.columns[4].justify, found.columns[4].overflow = False, "left", "fold"
    for key, value, entry in entries_of(table):
        found.add_row(key, value, entry.node, entry.basis, entry.source)
    return found


def _table(*headers: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number, header in enumerate(headers):
        table.add_column(header, justify="right" if number else "left", no_wrap=bool(number))
    return table
