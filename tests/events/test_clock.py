"""The clock: whole picoseconds, and one order of what happens at one moment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chipsim.errors import SimulationError
from chipsim.events.clock import Clock, Rank

events = st.tuples(st.integers(0, 3), st.sampled_from(Rank), st.integers(0, 5))


def heard(clock, wishes):
    """Let one process wait for each wish (time, rank, number), started in the order given; return what happened when."""
    happened = []

    def wait(time, rank, number):
        yield clock.at(time, rank, number)
        happened.append((clock.now_ps, rank, number))

    for wish in wishes:
        clock.start(wait(*wish))
    while clock.step():
        pass
    return happened


@given(wishes=st.lists(events, unique=True, max_size=12), order=st.randoms(use_true_random=False))
def test_order_does_not_depend_on_insertion(wishes, order):
    """Events happen by time, then rank, then number, in whatever order they were asked for."""
    mixed = list(wishes)
    order.shuffle(mixed)
    assert heard(Clock(), mixed) == sorted(wishes)


@given(wishes=st.lists(st.tuples(st.sampled_from(Rank), st.integers(0, 5)), unique=True, max_size=8), order=st.randoms(use_true_random=False))
def test_signals_and_alarms_share_one_order(wishes, order):
    """A signal that is fired takes its place by rank and number among alarms of the same moment."""
    mixed = list(wishes)
    order.shuffle(mixed)
    clock, happened = Clock(5), []

    def wait(event, key):
        yield event
        happened.append(key)

    def ask():
        yield clock.at(9, Rank.PROGRAMMING)
        for k, (rank, number) in enumerate(mixed):
            if k % 2:
                clock.start(wait(clock.at(9, rank, number), (rank, number)))
            else:
                signal = clock.signal()
                clock.start(wait(signal, (rank, number)))
                clock.fire(signal, rank, number)

    clock.start(ask())
    while clock.step():
        pass
    assert happened == sorted(wishes)


def test_training_goes_last():
    """At one moment everything else happens before training looks at the clock."""
    assert max(Rank) is Rank.TRAINING


def test_time_is_whole_and_long():
    """Ten years later a picosecond still counts."""
    decade = 315_576_000 * 10**12
    clock = Clock(decade)
    assert heard(clock, [(decade + 1, Rank.PROBE, 0), (decade + 10**15 + 1, Rank.PROBE, 0)]) == [
        (decade + 1, Rank.PROBE, 0),
        (decade + 10**15 + 1, Rank.PROBE, 0),
    ]


def test_the_next_event_is_told():
    """The clock says when something happens next, and that nothing does."""
    clock = Clock(3)
    assert clock.next_ps() is None
    assert not clock.step()
    clock.at(17, Rank.PROBE)
    assert clock.next_ps() == 17
    assert clock.now_ps == 3


def test_nothing_happens_in_the_past():
    """An event that would lie in the past is an error that names both moments; one right now is none."""
    clock = Clock(315_576_000 * 10**12)
    with pytest.raises(SimulationError, match="an event at 315575999999999999999 ps lies in the past of 315576000000000000000 ps"):
        clock.at(clock.now_ps - 1, Rank.PROBE)
    assert heard(clock, [(clock.now_ps, Rank.PROBE, 0)]) == [(clock.now_ps, Rank.PROBE, 0)]
