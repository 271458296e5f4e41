"""What a chip takes: its floorplan, the energy of everything it counts, and what that makes of throughput a watt and a mm²."""

from chipsim.silicon.accounting import WAITS, Tally, account, nested
from chipsim.silicon.floorplan import Floorplan, plan_floor
from chipsim.silicon.silicon import Silicon, converters, rates_of, weights_of

__all__ = ["WAITS", "Floorplan", "Silicon", "Tally", "account", "converters", "nested", "plan_floor", "rates_of", "weights_of"]
