"""What a run comes to: sums that hold, rates that follow from them, and figures that can all be explained."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chipsim.costs import ACTIONS, AREA_COMPONENTS, BALANCES, COMPONENTS, price
from chipsim.costs.derivation import _all
from chipsim.errors import InputError
from chipsim.run.summary import FIGURES
from chipsim.silicon import Silicon, Tally, account, nested
from chipsim.silicon.accounting import PROGRAMMING, TRAINING, WAITS

KINDS = ("2pcm+3t1c", "2pcm", "3t1c")
EXACT = 1e-9


@pytest.fixture(scope="module")
def silicon(small):
    """Return the silicon of a small network with each kind of cell."""
    return {kind: Silicon.of(small.scenario(cell__kind=kind)) for kind in KINDS}


AMOUNT = st.one_of(st.integers(0, 10**12), st.floats(0, 1e6, allow_subnormal=False))
COUNTS = st.dictionaries(st.sampled_from(sorted({*ACTIONS, *BALANCES})), AMOUNT)


@st.composite
def tallies(draw: st.DrawFn, image_s: float = 240e-9) -> Tally:
    """Return what some run might have done: any counts, and time that adds up to training, waiting and rest."""
    images = draw(st.integers(0, 10**7))
    waits = draw(st.dictionaries(st.sampled_from(sorted(WAITS)), st.floats(0, 1e3, allow_subnormal=False)))
    rest = draw(st.floats(0, 1e3, allow_subnormal=False))
    training = images * image_s
    return Tally(images, draw(st.integers(0, 1000)), training + sum(waits.values()) + rest, training, draw(COUNTS), waits, "made up")


def steps(sheet, first, after):
    """Return a waterfall: the figure it begins with, and those after each part."""
    return [sheet[first].value, *(figure.value for name, figure in sheet.items() if name.startswith(after))]


# ---- identities ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@given(tally=tallies())
def test_energies_add_up(silicon, kind, tally):
    """Components make the total, training, programming and the rest make it too; and each is its counts times their rates."""
    sheet = account(silicon[kind], tally)
    energies = {name: sheet[f"energy_J.{name}"].value for name in COMPONENTS}
    everything = sheet["energy_J.total"].value
    assert everything == pytest.approx(sum(energies.values()), rel=EXACT)
    assert energies == pytest.approx(price(tally.counts, silicon[kind].rates), rel=EXACT)
    rest = sum(energies[name] for name in COMPONENTS if name not in {*TRAINING, *PROGRAMMING})
    assert sheet["energy_training_J"].value + sheet["energy_programming_J"].value + rest == pytest.approx(everything, rel=EXACT)
    if tally.images:
        assert sheet["energy_per_image_J"].value * tally.images == pytest.approx(everything, rel=EXACT)
        assert sheet["energy_per_image_training_J"].value * tally.images == pytest.approx(sheet["energy_training_J"].value, rel=EXACT)
    if tally.transfers:
        assert sheet["energy_per_transfer_J"].value * (tally.transfers + 1) == pytest.approx(sheet["energy_programming_J"].value, rel=EXACT)
    if tally.chip_time_s > 0:
        assert sheet["average_power_W"].value * tally.chip_time_s == pytest.approx(everything, rel=EXACT)


@pytest.mark.parametrize("kind", KINDS)
@given(tally=tallies())
def test_waterfalls_fall_to_what_is_effective(silicon, kind, tally):
    """From the peak on every wait, and every energy beside training, takes something away; what is left at the end is the effective value."""
    tally = replace(tally, training_time_s=tally.images * silicon[kind].image_time.value)
    tally = replace(tally, chip_time_s=tally.training_time_s + sum(tally.waits.values()))
    sheet = account(silicon[kind], tally)
    if not tally.images:
        return
    times = steps(sheet, "tops_peak", "tops_after.")
    assert all(after <= before * (1 + EXACT) for before, after in pairwise(times))
    assert times[-1] == pytest.approx(sheet["tops_effective"].value, rel=EXACT)
    assert len(times) == 1 + sum(wait > 0 for wait in tally.waits.values())
    assert sheet["tops_per_mm2"].value * sheet["area_mm2.total"].value == pytest.approx(times[0], rel=EXACT)
    assert sheet["tops_per_mm2_effective"].value * sheet["area_mm2.total"].value == pytest.approx(times[-1], rel=EXACT)
    if sheet["energy_training_J"].value:
        energies = steps(sheet, "tops_per_W", "tops_per_W_after.")
        assert all(after <= before * (1 + EXACT) for before, after in pairwise(energies))
        assert energies[-1] == pytest.approx(sheet["tops_per_W_effective"].value, rel=EXACT)
        assert sheet["ops"].value * 1e-12 / energies[0] == pytest.approx(sheet["energy_training_J"].value, rel=EXACT)


@given(tally=tallies())
def test_the_peak_is_never_below_what_is_effective(silicon, tally):
    """Whatever a run did besides training, it was no faster and no more efficient than training alone."""
    made = silicon["2pcm+3t1c"]
    tally = replace(tally, training_time_s=tally.images * made.image_time.value)
    tally = replace(tally, chip_time_s=max(tally.chip_time_s, tally.training_time_s))
    sheet = account(made, tally)
    for peak, effective in (("tops_peak", "tops_effective"), ("tops_per_mm2", "tops_per_mm2_effective"), ("tops_per_W", "tops_per_W_effective")):
        if peak in sheet:
            assert sheet[peak].value >= sheet[effective].value * (1 - EXACT)


def test_figures_of_a_run_by_hand(silicon):
    """A thousand images of 316 weights at 240 ns and as much waiting again: rates, power and energy of each image."""
    made, counts = silicon["2pcm+3t1c"], {"read-out.conversion": 44_000, "pcm.RESET charge": 1e-9, "chip.powered time": 480e-6}
    sheet = account(made, Tally(1000, 3, 480e-6, 240e-6, counts, {"transfer": 240e-6}, "made up"))
    weights = 21 * 12 + 13 * 8 + 9 * 4
    idle = 480e-6 * made.floorplan.powers["total"].value
    assert sheet["ops"].value == 1000 * 6 * weights
    assert sheet["tops_peak"].value == pytest.approx(6 * weights / 240e-9 * 1e-12)
    assert sheet["tops_effective"].value == pytest.approx(3 * weights / 240e-9 * 1e-12)
    assert sheet["images_per_second"].value == pytest.approx(1000 / 480e-6)
    assert sheet["energy_J.total"].value == pytest.approx(44_000 * 1.67e-12 + 2e-9 + idle)
    assert sheet["energy_per_image_training_J"].value == pytest.approx(44 * 1.67e-12)
    assert sheet["energy_per_transfer_J"].value == pytest.approx(2e-9 / 4)
    assert sheet["tops_per_W"].value == pytest.approx(6e-12 * weights / (44 * 1.67e-12))


# ---- operations ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layers", [(20, 12, 8, 4), (20, 4), (9, 7, 4)])
@pytest.mark.parametrize("convention", ["all-passes", "needed"])
def test_operations_by_convention(small, layers, convention):
    """Six operations a weight and image, or four in the first layer, whose backward pass does not happen; both are told, one is used."""
    made = Silicon.of(small.scenario(layers=layers, prices__ops=convention))
    first = (layers[0] + 1) * layers[1]
    weights = sum((a + 1) * b for a, b in pairwise(layers))
    expected = {"all-passes": 6 * weights, "needed": 4 * first + 6 * (weights - first)}
    sheet = account(made, Tally(7, 0, 1.0, 0.5, {}, {}, "made up"))
    assert {name: sheet[f"ops_per_image.{name}"].value for name in expected} == expected
    assert sheet["ops_per_image"].value == expected[convention]
    assert sheet["ops"].value == 7 * expected[convention]
    assert sheet["tops_effective"].value == pytest.approx(7e-12 * expected[convention])


# ---- updates ------------------------------------------------------------------------------------------------------------


UPDATES = {
    "update pulse.up": 60,
    "update pulse.down": 40,
    "capacitor.pulse charge": 8e-15,
    "word line.update slot": 10,
    "word line.update load": 120,
    "bit line.update slot": 20,
    "bit line.update load": 200,
}
LINES_J = 10 * 3.9e-15 + 120 * 0.691e-15 + 20 * 3.9e-15 + 200 * 0.49e-15


@pytest.mark.parametrize("clipped, useful", [(0.0, 100), (2e-15, 75), (6e-15, 25)])
def test_pulses_at_a_limit_are_no_useful_updates(silicon, clipped, useful):
    """The charge of all pulses includes what was lost at a limit; its share of the pulses moved no weight, but was paid for."""
    counts = UPDATES | {"capacitor.clipped charge": clipped}
    sheet = account(silicon["2pcm+3t1c"], Tally(1, 0, 1.0, 1.0, counts, {}, "made up"))
    assert sheet["energy_per_update_J"].value == pytest.approx((LINES_J + 8e-15 * 1.2) / useful)


NO_UPDATES = [{"capacitor.clipped charge": 8e-15}, {"capacitor.pulse charge": 0.0}, {"update pulse.up": 0, "update pulse.down": 0}]


@pytest.mark.parametrize("counts", [{}, *(UPDATES | wrong for wrong in NO_UPDATES)])
def test_without_a_useful_update_there_is_no_energy_of_one(silicon, counts):
    """Where no pulse moved a weight the figure is left out."""
    assert "energy_per_update_J" not in account(silicon["2pcm+3t1c"], Tally(1, 0, 1.0, 1.0, counts, {}, "made up"))


def test_ledger_and_figures_agree_on_what_is_useful(small):
    """In a chip whose pulses often meet a limit, useful updates are the charge that was stored over the charge of one pulse."""
    tight = {"cell.capacitor.minimum": "0.45 V", "cell.capacitor.maximum": "0.9 V", "training.learning_rate": 0.5, "cell.capacitor.step": "8 mV"}
    made = small.build(tight, small.NO_LEAK, small.NO_NOISE, small.NO_SPREAD, images=20, cell__capacitor__step_slope=0.0)
    phases, now, stored = 2 * made.layers, 0, 0.0
    for phase in range(20 * phases):
        before = small.deviation(made)
        now = made.train(phase, phase + 1, now)
        stored += abs(small.deviation(made) - before).sum()
    sheet = account(Silicon.of(made.scenario), Tally(20, 0, now * 1e-12, now * 1e-12, small.totals(made), {}, "counted"))
    (useful,) = (part for part in _all(sheet["energy_per_update_J"]) if part.name == "useful_updates")
    pulses = made.update_pulses()
    assert useful.value == pytest.approx(stored / 8e-3, rel=1e-4)
    assert 0.1 * pulses < useful.value < 0.95 * pulses


def test_updates_of_pairs_are_their_pulses(silicon):
    """Without capacitors an update is a SET pulse: its charge, its driver, and the pulses on its lines."""
    counts = {name: UPDATES[name] for name in UPDATES if "update" in name and "pulse." not in name} | {"pcm.SET pulse": 50, "pcm.SET charge": 1e-12}
    sheet = account(silicon["2pcm"], Tally(1, 0, 1.0, 1.0, counts, {}, "made up"))
    assert sheet["energy_per_update_J"].value == pytest.approx((LINES_J + 50 * 3.9e-15 + 1.2e-12) / 50)
    assert sheet["energy_training_J"].value == pytest.approx(LINES_J + 50 * 3.9e-15 + 1.2e-12)
    assert "energy_per_update_J" not in account(silicon["2pcm"], Tally(1, 0, 1.0, 1.0, {"pcm.SET pulse": 0}, {}, "made up"))


# ---- what is left out, and what is refused ------------------------------------------------------------------------------


def test_without_images_nothing_is_told_of_an_image(silicon):
    """A run that trained none has area, energy and power, and no figure an image; one that took no time has no rates."""
    sheet = account(silicon["2pcm+3t1c"], Tally(0, 2, 1e-3, 0.0, {"pcm.RESET pulse": 5}, {}, "made up"))
    assert not [name for name in sheet if "per_image" in name and not name.startswith("ops")]
    assert not [name for name in sheet if name.startswith("tops") or name == "images_per_second"]
    assert sheet["ops"].value == 0.0
    assert sheet["energy_J.total"].value == pytest.approx(5 * 3.9e-15)
    assert sheet["average_power_W"].value > 0.0
    assert "average_power_W" not in account(silicon["2pcm+3t1c"], Tally(0, 0, 0.0, 0.0, {}, {}, "made up"))
    assert "energy_per_transfer_J" not in account(silicon["2pcm+3t1c"], Tally(0, 0, 1.0, 0.0, {}, {}, "made up"))


def test_without_prices_there_is_no_efficiency(silicon):
    """Where training cost nothing, operations a joule have no meaning and are left out."""
    sheet = account(silicon["2pcm+3t1c"], Tally(5, 0, 1.0, 0.5, {"pcm.RESET pulse": 5}, {}, "made up"))
    assert not [name for name in sheet if name.startswith("tops_per_W")]
    assert sheet["tops_effective"].value > 0.0


@pytest.mark.parametrize("name", ["pcm.SET pulses", "capacitor.row refresh", "nonsense"])
def test_an_action_without_a_price_is_refused(silicon, name):
    """Whatever was counted but is not known to be priced is an error that names it, never a silent zero."""
    with pytest.raises(InputError, match=f"no price: '{name}' is no action that chipsim knows"):
        account(silicon["2pcm+3t1c"], Tally(1, 0, 1.0, 1.0, {name: 1}, {}, "made up"))


# ---- explanations -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_figure_leads_back_to_sources(silicon, kind):
    """Each figure is explained down to given values, each with where it comes from; a sum of nothing is zero."""
    counts = dict.fromkeys(ACTIONS, 3.0) | dict.fromkeys(BALANCES, 1.0)
    sheet = account(silicon[kind], Tally(10, 2, 1.0, 0.5, counts, dict.fromkeys(WAITS, 0.05), "counted in a test"))
    for name, top in sheet.items():
        assert sheet.explain(name)[0].startswith(f"{name} = ")
        for figure in (top, *_all(top)):
            assert figure.name
            if figure.formula in {"", "0"}:
                assert not figure.inputs
                assert figure.formula == "0" or figure.note.strip()
            else:
                assert figure.inputs
    known = {}
    for figure in (part for top in sheet.values() for part in (top, *_all(top))):
        assert known.setdefault(figure.name, figure).value == figure.value, figure.name


def test_counts_say_how_they_came_about(silicon):
    """A count's source is the meaning of its action and how the run was tallied, or that action in particular."""
    tally = Tally(1, 0, 1.0, 1.0, {"buffer.bit": 3, "host link.bit": 2}, {}, "counted in the run", {"host link.bit": "guessed"})
    sheet = account(silicon["2pcm+3t1c"], tally)
    text = "\n".join(sheet.explain("energy_J.total"))
    assert "given: one bit of a weight held in the transfer buffer, written once and read once; counted in the run" in text
    assert "given: one bit sent by the host, received by the chip; guessed" in text


def test_figures_nest_as_the_summary_holds_them(silicon):
    """Keys with parts are tables, others values, and what a run has no figure for is None."""
    sheet = account(silicon["2pcm+3t1c"], Tally(0, 0, 1.0, 0.0, {}, {}, "made up"))
    found = nested(sheet, FIGURES)
    assert tuple(found) == FIGURES
    assert list(found["area_mm2"]) == [*AREA_COMPONENTS, "total"]
    assert list(found["energy_J"]) == [*COMPONENTS, "total"]
    assert found["tops_peak"] is None
    assert found["ops"] == 0.0
