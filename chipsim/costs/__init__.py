"""Price tables and the pricing of counts: pure, no simulation."""

from chipsim.costs.actions import ACTIONS, BALANCES, COMPONENTS, DATA_DEPENDENT
from chipsim.costs.blocks import AREA_COMPONENTS, BLOCKS
from chipsim.costs.derivation import Figure, Sheet, given, total
from chipsim.costs.pricing import Rates, price, price_segments
from chipsim.costs.references import BatchOfOne, Reference, batch_of_one, load_references, ratios
from chipsim.costs.table import PriceTable, check_read_voltage, entries_of, shipped_tables

__all__ = [
    "ACTIONS",
    "AREA_COMPONENTS",
    "BALANCES",
    "BLOCKS",
    "COMPONENTS",
    "DATA_DEPENDENT",
    "BatchOfOne",
    "Figure",
    "PriceTable",
    "Rates",
    "Reference",
    "Sheet",
    "batch_of_one",
    "check_read_voltage",
    "entries_of",
    "given",
    "load_references",
    "price",
    "price_segments",
    "ratios",
    "shipped_tables",
    "total",
]
