"""Reads on a logarithmic grid while nothing else happens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chipsim.events.retention import log_grid

TEN_YEARS = 315_576_000 * 10**12


@given(start=st.integers(1_000, 10**9), decades=st.floats(0.1, 14.0), per_decade=st.integers(1, 40))
def test_the_grid_rises_from_start_to_end(start, decades, per_decade):
    """Ages rise from start to end, both included, by one factor but for rounding and the last."""
    end = round(start * 10**decades) + 1
    ages = log_grid(start, end, per_decade)
    assert ages[0] == start
    assert ages[-1] == end
    assert ages == sorted(ages)
    assert len(ages) == pytest.approx(decades * per_decade + 1.5, abs=2.0)


def test_ages_are_different():
    """No age is read twice, on a fine grid from a nanosecond on."""
    ages = log_grid(1000, 10**12, 40)
    assert len(set(ages)) == len(ages)


def test_reads_follow_training(small):
    """Retention reads begin when everything else has ended, and run to ten years on the same clock."""
    told = small.run(images=6, transfer__policy="stall", retention__start="1 us", retention__end="10 years", retention__per_decade=2)
    heard = [entry for entry in told.listener.heard if entry[0] != "probe"]
    reads = [entry for entry in heard if entry[0] == "aged"]
    assert heard[-len(reads) :] == reads
    began = told.state.retention.began_ps
    assert began == told.listener.transfers[-1].ended_ps
    assert [now - began for _, _, _, now in reads] == [age for _, _, age, _ in reads]
    assert reads[0][2] == 10**6
    assert reads[-1][2] == TEN_YEARS
    assert told.state.now_ps == began + TEN_YEARS
