"""All figures of a chip, in one place: its own, the ratios to others, and what other converters would make of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chipsim.costs import Figure, Sheet, load_references, ratios
from chipsim.scenario.parts import OPS_CONVENTIONS
from chipsim.silicon.accounting import Tally, account, nested
from chipsim.silicon.silicon import Silicon, converters

RATES = (("tops_peak", "tops_effective", "TOP/s"), ("tops_per_W", "tops_per_W_effective", "TOP/s/W"), ("tops_per_mm2", "tops_per_mm2_effective", "TOP/s/mm2"))
"""Figures that have a peak and an effective value, and their units."""


@dataclass(frozen=True, eq=False)
class SiliconFigures(Mapping[str, Figure]):
    """Figures of a chip by their keys, `tops_per_W` or `area_mm2.total`; a figure is a `value` with a `unit`, and knows how it came about.

    Attributes
    ----------
    silicon
        the scenario's chip under a price table.
    tally
        what it did.
    sheet
        its figures.
    ratios
        how many times more it gives than each reference: `ratio.h100.tops_per_W`.
    others
        its figures with every other converter that the price table knows.
    """

    silicon: Silicon
    tally: Tally
    sheet: Sheet
    ratios: Sheet
    others: Mapping[str, Sheet]

    @classmethod
    def of(cls, silicon: Silicon, tally: Tally) -> SiliconFigures:
        """Return everything about a chip and what it did."""
        sheet = account(silicon, tally)
        others = {name: account(other, tally) for name, other in converters(silicon)}
        return cls(silicon, tally, sheet, ratios(sheet, load_references()), others)

    def __getitem__(self, key: str) -> Figure:
        """Return a figure; raises KeyError for one that there is not."""
        return self.sheet[key] if key in self.sheet else self.ratios[key]

    def __iter__(self) -> Iterator[str]:
        """Yield the keys."""
        yield from (*self.sheet, *self.ratios)

    def __len__(self) -> int:
        """Return how many figures there are."""
        return len(self.sheet) + len(self.ratios)

    def explain(self, key: str) -> str:
        """Return how a figure came about, as text: formula, inputs, and at the ends the sources.

        Raises
        ------
        InputError
            if there is none of that name; the message names near ones.
        """
        return "\n".join(Sheet([*self.sheet.values(), *self.ratios.values()]).explain(key))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, under the keys of `summary.json` and more."""
        prices, tally = self.silicon.scenario.prices, self.tally
        keys = dict.fromkeys(name.split(".")[0] for name in self.sheet if not name.startswith("ops_per_image."))
        return {
            "table": self.silicon.name,
            "table_title": self.silicon.table.title,
            "source": tally.source,
            "activity": {"source": tally.activity, "factors": dict(tally.factors)} if tally.activity else None,
            "warnings": list(tally.warnings),
            "ops_convention": f"{prices.ops}: {OPS_CONVENTIONS[prices.ops]}",
            **nested(self.sheet, keys),
            "ratios": {name.removeprefix("ratio."): figure.value for name, figure in self.ratios.items()},
            "converters": {name: nested(sheet, [key for pair in RATES for key in pair[:2]]) for name, sheet in self.others.items()},
        }
