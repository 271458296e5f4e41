"""Price tables and the pricing of counts: pure, no simulation."""

from chipsim.costs.actions import ACTIONS, BALANCES, COMPONENTS
from chipsim.costs.blocks import AREA_COMPONENTS, BLOCKS
from chipsim.costs.derivation import Figure, Sheet, given, total
from chipsim.costs.pricing import Rates, price, price_segments
from chipsim.costs.table import PriceTable, check_read_voltage, shipped_tables

__all__ = [
    "ACTIONS",
    "AREA_COMPONENTS",
    "BALANCES",
    "BLOCKS",
    "COMPONENTS",
    "Figure",
    "PriceTable",
    "Rates",
    "Sheet",
    "check_read_voltage",
    "given",
    "price",
    "price_segments",
    "shipped_tables",
    "total",
]
