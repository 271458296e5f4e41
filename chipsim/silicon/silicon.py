"""The chip of a scenario as a price table sees it: what every action costs, and the floorplan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from chipsim.costs.actions import ACTIONS
from chipsim.costs.derivation import Figure, given
from chipsim.costs.table import CONVERSIONS, PriceTable, check_read_voltage
from chipsim.errors import InputError
from chipsim.scenario.model import Parameters
from chipsim.scenario.writing import toml_tables
from chipsim.silicon.floorplan import Floorplan, plan_floor
from chipsim.units import PS, engineering, format_time


@dataclass(frozen=True, eq=False)
class Silicon:
    """A price table applied to a scenario.

    Attributes
    ----------
    scenario
        whose chip it is; its cell is no software.
    table
        the prices, with what the scenario replaces.
    floorplan
        blocks, areas and idle power.
    name
        of the table, or its file.
    """

    scenario: Parameters
    table: PriceTable
    floorplan: Floorplan
    name: str

    @classmethod
    def of(cls, scenario: Parameters, table_name: str | None = None, file: Path | None = None) -> Silicon | None:
        """Return the silicon of a scenario, with its price table or another, read from `file` if given; None for software, which has none.

        Raises
        ------
        InputError
            if the table is missing or damaged, is priced for reads at another voltage, or its converters are too slow.
        """
        prices = scenario.prices
        name = prices.table if table_name is None else table_name
        table = PriceTable.load(name if file is None else file, {"energy": prices.energy, "area": prices.area, "static": prices.static})
        if scenario.cell.kind == "software":
            return None
        check_read_voltage(table, name, scenario.cell.read_voltage)
        _check_converters(scenario, table, name)
        return cls(scenario, table, plan_floor(scenario, table), name)

    @property
    def converter(self) -> str:
        """What the read-out is priced by: the table's converter, or where the scenario replaces its energy, that."""
        changed = CONVERSIONS[0] in self.scenario.prices.energy
        return f"{self.scenario.prices.energy[CONVERSIONS[0]]}, set in the scenario" if changed else self.table.converter.what

    def prices_toml(self) -> str:
        """Return the price table as a file: all that it extends, and all that the scenario replaces, in one place."""
        values = self.table.model_dump(exclude_none=True)
        head = f"# The price table '{self.name}' as it was used; it extends nothing, and can be used again as it is."
        return "\n".join([head, *toml_tables(values, {})]) + "\n"

    @cached_property
    def rate_figures(self) -> dict[str, Figure]:
        """Joules for each action: its price, the square of the read voltage, or the idle power of the floorplan."""
        voltage = self.table.read_voltage_figure()
        scale = self.table.scale_of("energy")
        square = voltage * voltage if scale is None else voltage * voltage * scale
        static, asleep = self.floorplan.powers["total"], self.table.factor_of("asleep")
        by_measure = {"read": square.named("read_energy", "V2"), "powered time": static, "asleep time": static * asleep}
        return {name: by_measure[action.measure] if action.measure in by_measure else self.table.energy_of(name) for name, action in ACTIONS.items()}

    @cached_property
    def rates(self) -> dict[str, float]:
        """Joules for each action, coulomb, siemens-second or second."""
        return {name: figure.value for name, figure in self.rate_figures.items()}

    @cached_property
    def image_time(self) -> Figure:
        """Time of one image without waiting, s."""
        phases = self.scenario.phase_ps
        listed = " + ".join(format_time(phase) for phase in phases)
        return given(
            "time_per_image_s", sum(phases) * PS, "s", f"forward through every layer, backward through all but the first, one update: {listed} ([timing])"
        )

    @cached_property
    def weights(self) -> Figure:
        """Weights of the network, biases included."""
        listed = " + ".join(f"{a + 1} x {b}" for a, b in pairwise(self.scenario.network.layers))
        return given("weights", self.scenario.network.weights, "", f"network.layers, with a bias a layer: {listed}")

    def ops_per_image(self, convention: str) -> Figure:
        """Return the operations of an image under a convention of `prices.ops`."""
        six = given("ops_per_weight", 6.0, "", "convention: forward, backward and update, 1 MAC = 2 operations")
        every = (self.weights * six).named("ops_per_image.all-passes", "op", "all passes")
        if convention == "all-passes":
            return every
        first = self.scenario.network.layer_weights[0]
        unneeded = given("ops_unneeded", 2.0 * first, "op", f"a backward pass through the first layer's {first:,} weights")
        return (every - unneeded).named("ops_per_image.needed", "op", "without the backward pass through the first layer, which does not happen")


def converters(silicon: Silicon) -> Iterator[tuple[str, Silicon]]:
    """Yield the same chip with every other converter that the table knows; none where the table's energies are fitted, which others' are not.

    Where the area of another one is not published, that of the table's own stays.
    """
    if silicon.table.scale_of("energy"):
        return
    for name, other in silicon.table.converter.alternative.items():
        table = silicon.table.with_converter(other)
        yield name, replace(silicon, table=table, floorplan=plan_floor(silicon.scenario, table))


def ops_of(scenario: Parameters) -> int:
    """Return the operations of an image, as `prices.ops` counts them."""
    unneeded = 2 * scenario.network.layer_weights[0] if scenario.prices.ops == "needed" else 0
    return 6 * scenario.network.weights - unneeded


def rates_of(silicon: Silicon | None) -> dict[str, float]:
    """Return joules for each action, zero where there is no silicon: software's energy is not modelled."""
    return silicon.rates if silicon else dict.fromkeys(ACTIONS, 0.0)


def _check_converters(scenario: Parameters, table: PriceTable, name: str) -> None:
    """See that the lines of a group can be converted within a phase.

    Raises
    ------
    InputError
        if they cannot.
    """
    shared, timing = scenario.tiles.lines_per_read_out, scenario.timing
    phase = min(timing.forward, timing.backward if len(scenario.network.layers) > 2 else timing.forward)
    needed = shared / (phase * PS)
    if needed > table.conversions_per_second * (1 + 1e-9):
        most = int(table.conversions_per_second * phase * PS * (1 + 1e-9))
        way = f"at most {most} lines, or a longer phase" if most else "not even one fits; a longer phase"
        msg = (
            f"tiles.lines_per_read_out: {shared} lines in a phase of {format_time(phase)} are {engineering(needed, 'conversions/s')} a read-out, more than the "
            f"{engineering(table.conversions_per_second, 'conversions/s')} that '{name}' holds for; {way}"
        )
        raise InputError(msg)
