"""A price table applied to a scenario: rates of all actions, and tables that do not fit the scenario."""

from __future__ import annotations

import pytest

from chipsim.costs import ACTIONS, PriceTable
from chipsim.errors import InputError
from chipsim.scenario import Scenario
from chipsim.silicon import Silicon, rates_of


def test_rates_are_those_of_their_measure(small):
    """An action costs its price; reads cost the voltage squared; time costs the idle power of all blocks, or a share of it asleep."""
    silicon = Silicon.of(small.scenario())
    table, rates = PriceTable.load("bottom-up-14nm"), silicon.rates
    assert set(rates) == set(ACTIONS)
    for name, action in ACTIONS.items():
        if action.priced:
            assert rates[name] == table.energy_of(name).value
        elif action.measure == "read":
            assert rates[name] == pytest.approx(0.2**2)
    idle = silicon.floorplan.powers["total"].value
    assert rates["chip.powered time"] == idle > 0.0
    assert rates["chip.asleep time"] == pytest.approx(0.08 * idle)


def test_a_factor_on_energies_scales_reads_and_idle_power(small, tmp_path):
    """Every energy of a table is scaled once: prices, the square of the read voltage, and what blocks take while idle."""
    (tmp_path / "mine.toml").write_text('extends = "bottom-up-14nm"\n[factor.energy]\nvalue = 3\nnode = "any"\nsource = "a fit"\nbasis = "assumed"\n')
    plain, scaled = (Silicon.of(small.scenario(), table).rates for table in ("bottom-up-14nm", str(tmp_path / "mine.toml")))
    assert scaled == pytest.approx({name: 3 * rate for name, rate in plain.items()})


def test_a_table_of_another_name_can_be_asked_for(small):
    """The scenario's table is the default; entries that the scenario replaces hold for any."""
    scenario = small.scenario(prices__table="bottom-up-90nm", prices__energy={"buffer.bit": "7 pJ"})
    assert Silicon.of(scenario).table.node == "90 nm"
    other = Silicon.of(scenario, "bottom-up-14nm")
    assert other.table.node == "14 nm"
    assert other.rates["buffer.bit"] == pytest.approx(7e-12)


def test_what_a_scenario_replaces_reaches_rates_and_areas(small):
    """Replaced energies, areas and idle powers are those of the silicon."""
    prices = {"energy": {"read-out.conversion": "0.36 pJ"}, "area": {"read-out": "1400 um2"}, "static": {"tile control": "0 W"}}
    changed, plain = Silicon.of(small.scenario(prices=prices)), Silicon.of(small.scenario())
    assert changed.rates["read-out.conversion"] == pytest.approx(0.36e-12)
    read_outs = 1 + 1 + 1 + 1 + 1  # forward in three layers, backward in two
    more = changed.floorplan.areas["read-out"].value - plain.floorplan.areas["read-out"].value
    assert more == pytest.approx(read_outs * (1400 - 1200) * 1e-6)
    less = plain.floorplan.powers["total"].value - changed.floorplan.powers["total"].value
    assert less == pytest.approx(3 * 50e-6)


def test_reads_at_another_voltage_are_refused(small, tmp_path):
    """A table that is priced for another read voltage is refused, and taken where cell or table are set to the other's."""
    with pytest.raises(InputError, match=r"^prices.table: 'bottom-up-14nm' holds for reads at 0.2 V, but cell.read_voltage is 0.3 V"):
        Silicon.of(small.scenario(cell__read_voltage="0.3 V"))
    (tmp_path / "mine.toml").write_text('extends = "bottom-up-14nm"\n[read_voltage]\nvalue = "0.3 V"\n')
    silicon = Silicon.of(small.scenario(cell__read_voltage="300 mV", prices__table=str(tmp_path / "mine.toml")))
    assert silicon.rates["array.pcm conductance time"] == pytest.approx(0.09)
    with pytest.raises(InputError, match=r"mine.toml' holds for reads at 0.3 V, but cell.read_voltage is 0.2 V"):
        Silicon.of(small.scenario(prices__table=str(tmp_path / "mine.toml")))


@pytest.mark.parametrize(
    "table, most, plan",
    [
        ("bottom-up-14nm", 48, {}),  # 1.2 GHz x 40 ns
        ("bottom-up-90nm", 16, {}),  # 400 MHz x 40 ns
        ("bottom-up-14nm", 24, {"timing.forward": "20 ns"}),
        ("bottom-up-14nm", 24, {"timing.backward": "20 ns"}),
        ("bottom-up-14nm", 24, {"timing.backward": "20 ns", "network.layers": (20, 8, 4)}),
        ("bottom-up-14nm", 96, {"timing.forward": "80 ns", "timing.backward": "80 ns"}),
        ("bottom-up-14nm", 48, {"timing.backward": "20 ns", "network.layers": (20, 4)}),  # a single layer is never read backward
    ],
)
def test_lines_that_a_read_out_has_no_time_for_are_refused(small, table, most, plan):
    """All lines at a read-out are converted within the shortest phase, or the scenario is refused with the most that there may be."""
    scenario = small.scenario(plan, prices__table=table, tiles__lines_per_read_out=most)
    assert Silicon.of(scenario).floorplan.area_mm2 > 0.0
    with pytest.raises(InputError) as caught:
        Silicon.of(small.scenario(plan, prices__table=table, tiles__lines_per_read_out=most + 1))
    message = str(caught.value)
    assert message.startswith(f"tiles.lines_per_read_out: {most + 1} lines in a phase of ")
    assert f"that '{table}' holds for; at most {most} lines, or a longer phase" in message


def test_a_phase_too_short_for_one_line_has_no_most(small):
    """Where not even one line can be converted in time, a longer phase is all that helps."""
    with pytest.raises(InputError, match="holds for; not even one fits; a longer phase"):
        Silicon.of(small.scenario({"timing.forward": "0.5 ns"}, tiles__lines_per_read_out=1))


def test_software_has_no_silicon(small):
    """Software's area and energy are not modelled: there is no silicon, and every action costs nothing."""
    assert Silicon.of(small.scenario(cell__kind="software", cell__read_voltage="1 V", tiles__lines_per_read_out=1000)) is None
    assert rates_of(None) == dict.fromkeys(ACTIONS, 0.0)


def test_a_wrong_table_is_refused_for_software_too(small):
    """A table that cannot be read is a fault of the scenario, whatever its cell."""
    with pytest.raises(InputError, match="there is no price table 'none'"):
        Silicon.of(small.scenario(cell__kind="software", prices__table="none"))


def test_rates_of_silicon_are_its_own(small):
    """What prices segments is what prices totals."""
    silicon = Silicon.of(small.scenario())
    assert rates_of(silicon) == silicon.rates


def test_an_image_takes_its_phases(small):
    """Forward and backward reads and one update: 240 ns for three layers of 40 ns each; SET pulses may take longer."""
    assert Silicon.of(Scenario()).image_time.value == pytest.approx(240e-9)
    assert Silicon.of(small.scenario(layers=(20, 4))).image_time.value == pytest.approx(80e-9)
    pulses = small.scenario(layers=(20, 4), cell__kind="2pcm")
    assert Silicon.of(pulses).image_time.value == pytest.approx(40e-9 + 2 * 31 * pulses.cell.pcm.partial_set.duration * 1e-12)


@pytest.mark.parametrize(
    "layers, weights, first", [((528, 250, 125, 10), 164_885, 132_250), ((20, 4), 84, 84), ((2048, 100), 204_900, 204_900)], ids=["mnist", "small", "one layer"]
)
def test_operations_of_an_image(small, layers, weights, first):
    """Six a weight and image, biases included; without the first layer's backward pass two less for each of its weights."""
    silicon = Silicon.of(small.scenario(layers=layers))
    assert silicon.weights.value == weights
    assert silicon.ops_per_image("all-passes").value == 6 * weights
    assert silicon.ops_per_image("needed").value == 6 * weights - 2 * first
