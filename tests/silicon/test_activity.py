"""Activity profiles: means over images, what is taken from a run, and the profile that comes with chipsim."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chipsim.costs import DATA_DEPENDENT
from chipsim.silicon.activity import EDGES, STALLED, Activity, shipped_activity

FLAT = "bit line.drive"
FALLING = "update pulse.up"
TWO_BINS = Activity("made up", (0, 1000), {FLAT: (2.0, 2.0), FALLING: (4.0, 1.0)})


@given(st.integers(0, 5000), st.integers(1, 5000), st.integers(0, 5000), st.integers(1, 5000))
def test_a_flat_profile_changes_nothing(start, lasts, start_too, lasts_too):
    """A rate that never changes has the factor 1, whatever was measured and whatever is wanted."""
    assert TWO_BINS.factor(FLAT, (start, start + lasts), (start_too, start_too + lasts_too)) == pytest.approx(1.0, rel=1e-12)


def test_the_factor_is_the_ratio_of_means():
    """Images 0 to 2,000 have (4 + 1) / 2 a piece, images 0 to 1,000 have 4, and those after the last edge have 1."""
    assert TWO_BINS.factor(FALLING, (0, 1000), (0, 2000)) == pytest.approx(2.5 / 4)
    assert TWO_BINS.factor(FALLING, (5000, 9000), (0, 1000)) == pytest.approx(4.0)


def test_an_action_without_a_profile_stays_what_it_is():
    """What follows from sizes and inputs is not in a profile, and has the factor 1; so has what was never seen to happen."""
    assert TWO_BINS.factor("neuron.activation", (0, 10), (0, 10**6)) == 1.0
    assert Activity("made up", (0, 10), {FALLING: (0.0, 3.0)}).factor(FALLING, (0, 10), (0, 20)) == 1.0


@given(st.lists(st.floats(0.1, 100.0), min_size=20, max_size=20))
def test_a_profile_gives_back_the_run_that_it_was_taken_from(rates):
    """Carried on from any whole bins to the end, counts of the run that a profile was taken from come out as they were."""
    images = np.arange(1, 21) * 2000
    amounts = np.array(rates)[:, None] * 2000
    activity = Activity.of_segments("a run", images, [FALLING], amounts, 2000)
    measured = amounts[4:8].sum()  # images 8,000 to 16,000, one bin
    carried = measured * activity.factor(FALLING, (8000, 16000), (0, 40000)) * 40000 / 8000
    assert carried == pytest.approx(amounts.sum(), rel=1e-9)


def test_the_writing_of_the_initial_weights_is_not_taken_for_a_transfer():
    """Programming in the first bins is that of the initial weights: they get the rate of the first transfers instead."""
    images = np.arange(1, 13) * 2000
    amounts = np.ones((12, 2))
    amounts[0, 1] = 1e6
    activity = Activity.of_segments("a run", images, [FALLING, "pcm.RESET pulse"], amounts, 8000)
    assert activity.rates["pcm.RESET pulse"][0] == activity.rates["pcm.RESET pulse"][3]


def test_the_shipped_profile_knows_every_data_dependent_action():
    """It has a positive rate for each, and for how long transfers hold training up, in every bin, 1 in the bin that it refers to."""
    activity = shipped_activity()
    assert activity.edges == EDGES
    missing = set(DATA_DEPENDENT) - {"pcm.SET pulse"} | {STALLED}
    assert set(activity.rates) == missing
    for rates in activity.rates.values():
        assert len(rates) == len(EDGES)
        assert min(rates) > 0
        assert rates[EDGES.index(8000)] == 1


def test_pulses_fall_as_a_network_learns():
    """Over twenty epochs of MNIST update pulses become fewer in every bin, and are less than a twentieth in the last."""
    rates = shipped_activity().rates["capacitor.pulse charge"]
    assert all(np.diff(rates) < 0)
    assert rates[-1] < 0.05
