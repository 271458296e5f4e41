"""Energy is counts times prices: linear, additive, and complete."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chipsim.costs import ACTIONS, BALANCES, COMPONENTS, price, price_segments
from chipsim.costs.pricing import check_actions, total
from chipsim.errors import InputError
from chipsim.kernels import layout
from chipsim.scenario import Scenario
from chipsim.silicon import Silicon

RATES = Silicon.of(Scenario()).rates
AMOUNT = st.one_of(st.integers(0, 10**15), st.floats(0, 1e15, allow_subnormal=False))
COUNTS = st.dictionaries(st.sampled_from(sorted(ACTIONS)), AMOUNT)


def close(found, expected):
    """Return whether two energies are equal up to rounding."""
    return {name: pytest.approx(value, rel=1e-12, abs=1e-30) for name, value in expected.items()} == found


@given(COUNTS, st.integers(0, 1000))
def test_price_is_linear(counts, factor):
    """Doing everything so many times costs so many times as much, in every component."""
    once = price(counts, RATES)
    assert close(price({name: amount * factor for name, amount in counts.items()}, RATES), {name: value * factor for name, value in once.items()})


@given(COUNTS, COUNTS)
def test_price_is_additive(first, second):
    """What two stretches cost together is the sum of what each costs."""
    both = {name: first.get(name, 0) + second.get(name, 0) for name in {**first, **second}}
    one, two = price(first, RATES), price(second, RATES)
    assert close(price(both, RATES), {name: one[name] + two[name] for name in COMPONENTS})


@given(COUNTS)
def test_parts_make_the_total(counts):
    """The total is the sum of the components, and the sum over single actions."""
    energies = price(counts, RATES)
    assert list(energies) == list(COMPONENTS)
    assert total(energies) == pytest.approx(sum(float(counts[name]) * RATES[name] for name in counts), rel=1e-12)


@given(st.lists(COUNTS, min_size=1, max_size=4))
def test_segments_are_priced_as_one_by_one(segments):
    """Pricing an array of segments gives the same numbers as pricing each segment."""
    names = sorted(ACTIONS)
    amounts = np.array([[float(counts.get(name, 0)) for name in names] for counts in segments])
    energies = price_segments(names, amounts, RATES)
    assert energies.shape == (len(segments), len(COMPONENTS))
    for row, counts in zip(energies, amounts, strict=True):
        assert row.tolist() == list(price(dict(zip(names, counts.tolist(), strict=True)), RATES).values())


def test_every_action_is_priced_in_its_component():
    """Each action alone costs its rate in its own component and nothing elsewhere."""
    for name, action in ACTIONS.items():
        energies = price({name: 2}, RATES)
        assert energies.pop(action.component) == pytest.approx(2 * RATES[name])
        assert not any(energies.values())


def test_array_read_is_voltage_squared_times_conductance_time():
    """5 uS read at 0.2 V for 80 ns cost 16 fJ."""
    assert price({"array.pcm conductance time": 5e-6 * 80e-9}, RATES)["array read"] == pytest.approx(16e-15)


def test_programming_is_charge_times_voltage():
    """A RESET of 440 uA for 50 ns at 2 V costs 44 pJ, a SET of 90 uA for 50 ns at 1.2 V costs 5.4 pJ."""
    energies = price({"pcm.RESET charge": 440e-6 * 50e-9, "pcm.SET charge": 90e-6 * 50e-9}, RATES)
    assert energies["RESET"] == pytest.approx(44e-12)
    assert energies["SET"] == pytest.approx(5.4e-12)


def test_nothing_costs_nothing():
    """No counts, and no segments, cost nothing."""
    assert price({}, RATES) == dict.fromkeys(COMPONENTS, 0.0)
    assert price_segments((), np.empty((0, 0)), RATES).shape == (0, len(COMPONENTS))


def test_the_ledger_and_the_prices_name_the_same_actions():
    """Whatever the chip counts is priced or kept for a balance, and whatever is priced is counted."""
    assert {*layout.ACTIONS, *layout.QUANTITIES} == {*ACTIONS, *BALANCES}


def test_balances_cost_nothing():
    """Charge kept only for the balance is accepted and costs nothing."""
    assert total(price(dict.fromkeys(BALANCES, 1.0), RATES)) == 0.0


def test_unknown_actions_are_refused():
    """An action that nobody knows is refused by name, with a near spelling."""
    with pytest.raises(InputError, match=r"no price: 'pcm.SET pulses' is no action .*'pcm.SET pulse'"):
        price({"pcm.SET pulses": 1}, RATES)


@pytest.mark.parametrize("amount", [float("nan"), float("inf")])
def test_what_is_no_number_stays_none(amount):
    """What a run has counted that failed on a number that was none costs no number of joules either, and the components beside it what they cost."""
    energy = price({"buffer.bit": amount, "pcm.SET pulse": 2}, RATES)
    assert sum(np.isfinite(value) for value in energy.values()) == len(energy) - 1
    assert energy[ACTIONS["pcm.SET pulse"].component] == 2 * RATES["pcm.SET pulse"]


@pytest.mark.parametrize("amount", [-1, -float("inf")])
def test_impossible_amounts_are_refused(amount):
    """A negative amount is a fault in the counting, and is named."""
    with pytest.raises(ValueError, match=r"the amount of 'buffer.bit'"):
        price({"buffer.bit": amount}, RATES)


def test_shapes_must_fit():
    """Amounts need one column an action."""
    with pytest.raises(ValueError, match=r"\(segments, 1\) expected"):
        price_segments(["buffer.bit"], np.zeros((3, 2)), RATES)


def test_power_and_link_are_counted_in_their_components():
    """A million bits, ten wake-ups and a thousand refreshed capacitors cost their prices, each in its component."""
    energies = price({"host link.bit": 10**6, "power.wake-up": 10, "capacitor.refresh": 1000}, RATES)
    assert energies["host link"] == pytest.approx(1.9e-6)
    assert energies["wake-up"] == pytest.approx(64e-9)
    assert energies["refresh"] == pytest.approx(30e-12)
    assert sum(value > 0 for value in energies.values()) == 3


def test_static_power_tells_waking_from_sleeping():
    """An hour under power, or asleep, costs its power times 3600 s, both in the component static."""
    rates = RATES | {"chip.powered time": 2e-3, "chip.asleep time": 3e-6}
    assert price({"chip.powered time": 3600.0}, rates)["static"] == pytest.approx(7.2)
    assert price({"chip.asleep time": 3600.0}, rates)["static"] == pytest.approx(10.8e-3)


def test_an_action_without_a_rate_is_refused():
    """An action that is known but has no rate is no silent zero: all such are named at once, with those that nobody knows."""
    rates = {name: rate for name, rate in RATES.items() if name not in {"buffer.bit", "power.wake-up"}}
    with pytest.raises(InputError) as caught:
        check_actions(["buffer.bit", "power.wake-up", "host link.bit", "host link.bitt"], rates)
    unknown, *rest = str(caught.value).splitlines()
    assert unknown.startswith("no price: 'host link.bitt' is no action that chipsim knows; did you mean 'host link.bit'?")
    assert rest == [f"no price: '{name}' was counted, but has no rate" for name in ("buffer.bit", "power.wake-up")]
    with pytest.raises(InputError, match=r"no price: 'buffer.bit' was counted, but has no rate"):
        price({"buffer.bit": 0}, rates)
