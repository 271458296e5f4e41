"""What a chip takes: its floorplan, the energy of everything it counts, and what that makes of throughput a watt and a mm²."""

from chipsim.silicon.accounting import WAITS, Tally, account, nested
from chipsim.silicon.floorplan import Floorplan, plan_floor
from chipsim.silicon.silicon import Silicon, converters, ops_of, rates_of

__all__ = ["WAITS", "Floorplan", "Silicon", "Tally", "account", "converters", "nested", "ops_of", "plan_floor", "rates_of"]
