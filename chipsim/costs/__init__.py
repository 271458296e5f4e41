"""Price tables and the pricing of counts: pure, no simulation."""

from chipsim.costs.actions import ACTIONS, COMPONENTS
from chipsim.costs.pricing import price, price_segments, total
from chipsim.costs.table import PriceTable, shipped_tables

__all__ = ["ACTIONS", "COMPONENTS", "PriceTable", "price", "price_segments", "shipped_tables", "total"]
