"""What `chipsim estimate` prints: figures of the silicon for people, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chipsim.costs import AREA_COMPONENTS, COMPONENTS, Figure, Sheet, batch_of_one, load_references, ratios
from chipsim.costs.references import BASELINE, FAIR
from chipsim.scenario.parts import OPS_CONVENTIONS
from chipsim.silicon import Silicon, Tally, account, converters, nested
from chipsim.units import engineering

if TYPE_CHECKING:
    from rich.table import Table

RATES = (("tops", "TOP/s"), ("tops_per_W", "TOP/s/W"), ("tops_per_mm2", "TOP/s/mm2"))
"""Figures that have a peak and an effective value."""


@dataclass(frozen=True)
class Answer:
    """All that is known of a chip: its figures, the ratios to others, and what other converters would make of them."""

    silicon: Silicon
    tally: Tally
    sheet: Sheet
    ratios: Sheet
    others: Mapping[str, Sheet]

    @classmethod
    def of(cls, silicon: Silicon, tally: Tally) -> Answer:
        """Return everything about what a chip did."""
        sheet = account(silicon, tally)
        others = {name: account(other, tally) for name, other in converters(silicon)}
        return cls(silicon, tally, sheet, ratios(sheet, load_references()), others)

    def explain(self, key: str) -> list[str]:
        """Return how a figure came about; raises InputError for one that is not known."""
        return Sheet([*self.sheet.values(), *self.ratios.values()]).explain(key)

    def as_json(self) -> dict[str, Any]:
        """Return everything under the keys of `summary.json` and more."""
        prices = self.silicon.scenario.prices
        keys = dict.fromkeys(name.split(".")[0] for name in self.sheet if not name.startswith("ops_per_image."))
        return {
            "table": self.silicon.name,
            "table_title": self.silicon.table.title,
            "source": self.tally.source,
            "activity": {"source": self.tally.activity, "factors": dict(self.tally.factors)} if self.tally.activity else None,
            "ops_convention": f"{prices.ops}: {OPS_CONVENTIONS[prices.ops]}",
            **nested(self.sheet, keys),
            "ratios": {name.removeprefix("ratio."): figure.value for name, figure in self.ratios.items()},
            "converters": {name: nested(sheet, [key for key, _ in _both()]) for name, sheet in self.others.items()},
        }

    def tables(self) -> Iterator[Table]:
        """Yield the tables for people."""
        yield _headline(self)
        yield _energies(self)
        yield _areas(self.sheet)
        if self.others:
            yield _converters(self)
        yield _references(self)
        yield _single_images(self)


def _both() -> Iterator[tuple[str, str]]:
    for key, unit in RATES:
        yield from ((key if key != "tops" else "tops_peak", unit), (f"{key}_effective", unit))


def _headline(answer: Answer) -> Table:
    sheet, scenario = answer.sheet, answer.silicon.scenario
    table = _table("", "peak", "effective")
    for key, unit in RATES:
        peak, effective = key if key != "tops" else "tops_peak", f"{key}_effective"
        if peak in sheet:
            table.add_row(unit, f"{sheet[peak].value:.4g}", f"{sheet[effective].value:.4g}")
    rows = {
        "prices": answer.silicon.table.title,
        "operations": f"{scenario.prices.ops}: {OPS_CONVENTIONS[scenario.prices.ops]}",
        "peak": "training alone, an image after the other; effective: the whole run, with transfers, waiting and idle power",
        "counts": answer.tally.source,
        **({"data-dependent": f"along the activity of {answer.tally.activity}"} if answer.tally.activity else {}),
    }
    for key, label in (("images", "images"), ("weights", "weights")):
        rows[label] = f"{sheet[key].value:,.0f}"
    rows["transfers"] = f"{answer.tally.transfers:,}"
    for key, label, unit in (
        ("chip_time_s", "chip time", "s"),
        ("energy_per_image_J", "energy per image", "J"),
        ("energy_per_image_training_J", "... training alone", "J"),
        ("energy_per_transfer_J", "energy per transfer", "J"),
        ("energy_per_update_J", "energy per useful update", "J"),
        ("average_power_W", "average power", "W"),
        ("static_W.total", "... idle", "W"),
        ("area_mm2.total", "area", "mm2"),
    ):
        if key in sheet:
            rows[label] = f"{sheet[key].value:.4g} mm2" if unit == "mm2" else engineering(sheet[key].value, unit)
    rows |= {f"factor on {what}": f"{scale.value:g}, fitted" for what in ("energy", "area") if (scale := answer.silicon.table.scale_of(what))}
    found = _grid()
    found.add_row(table)
    found.add_row(_plain(rows.items()))
    return found


def _energies(answer: Answer) -> Table:
    """Return energy by component, with what of it depends on what the network has learnt told apart."""
    sheet, images = answer.sheet, answer.sheet["images"].value
    table = _table("energy, an image", "J", "share", "data-independent", "data-dependent")
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


def _converters(answer: Answer) -> Table:
    """Return how far another converter moves the result."""
    table = _table("with another converter", "TOP/s/W peak", "effective", "TOP/s/mm2 peak")
    for name, sheet in {f"{answer.silicon.table.converter.what} (the table's)": answer.sheet, **answer.others}.items():
        if "tops_per_W" in sheet:
            table.add_row(name, *(f"{sheet[key].value:.4g}" for key in ("tops_per_W", "tops_per_W_effective", "tops_per_mm2")))
    return table


def _references(answer: Answer) -> Table:
    """Return the ratios to GPUs and analog chips, the published comparison beside the fair one."""
    table = _table("compared with", "TOP/s/W", "peak", "effective", "TOP/s/mm2", "peak", "effective")
    marks = {BASELINE: " (what 280x and 100x rest on)", FAIR: " (the same chip, used as it is built)"}
    for reference in load_references().values():
        per_watt, per_mm2 = reference.tops_per_watt(), reference.tops_per_mm2()
        if per_watt is None and per_mm2 is None:
            continue
        table.add_row(f"{reference.label}{marks.get(reference.key, '')}", *_ratio_cells(answer.ratios, reference.key, per_watt, per_mm2))
    return table


def _single_images(answer: Answer) -> Table:
    """Return what GPUs reach on one image at a time, where layers are too large for their caches."""
    table = _table("one image at a time, weights from memory", "TOP/s", "TOP/s/W", "peak", "effective", "TOP/s/mm2", "peak", "effective")
    for reference in load_references().values():
        single = batch_of_one(reference)
        if single is not None and reference.key != FAIR:  # the same memory as the chip without tensor cores
            cells = _ratio_cells(answer.ratios, f"{reference.key}.batch-1", single.tops_per_watt, single.tops_per_mm2)
            table.add_row(reference.label, f"{single.tops.value:.3g}", *cells)
    table.caption = "16 bytes of a weight for 6 operations: fp32 read forward and backward, read and written in the update; small layers stay in a cache"
    table.caption_justify = "left"
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


def _table(*headers: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number, header in enumerate(headers):
        table.add_column(header, justify="right" if number else "left", no_wrap=bool(number))
    return table


def _plain(rows: Iterable[tuple[str, str]]) -> Table:
    from chipsim.cli.tables import plain_table

    table = plain_table()
    for row in rows:
        table.add_row(*row)
    return table


def _grid() -> Table:
    from rich.table import Table

    return Table.grid()
