"""Divisible resources: never overdrawn, first come first served, and watched."""

from __future__ import annotations

import copy
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chipsim.events.clock import Clock, Rank
from chipsim.events.resources import Pool, PoolState

BUDGET = 1000.0
jobs = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 1000).map(float), st.integers(1, 20)), min_size=1, max_size=12)


def use(plan):
    """Let tile k ask at a time for a current and hold it for a time; return grants in order, and the most ever held."""
    clock, state = Clock(), PoolState("current", BUDGET)
    budget = Pool(clock, state, Rank.CURRENT, lambda: 0)
    asked, granted, most = [], [], [0.0]

    def tile(k, start, amount, lasts):
        yield clock.at(start, Rank.PROGRAMMING, k)
        asked.append(k)
        budget.ask(k, amount)
        yield budget.granted(k)
        granted.append(k)
        assert state.held[k] == amount
        yield clock.at(clock.now_ps + lasts, Rank.PROGRAMMING, k)
        budget.release(k)

    for k, job in enumerate(plan):
        clock.start(tile(k, *job))
    while clock.step():
        assert state.free >= 0.0
        assert state.free + math.fsum(state.held.values()) == pytest.approx(BUDGET, rel=1e-12)
        most.append(sum(state.held.values()))
    return asked, granted, state, max(most)


@given(plan=jobs)
def test_the_budget_is_never_overdrawn_and_everybody_gets_a_turn(plan):
    """Whoever asks when, what is held never exceeds the budget, all wishes are granted, and in the end all is free."""
    asked, granted, state, most = use(plan)
    assert most <= BUDGET
    assert sorted(granted) == sorted(asked) == list(range(len(plan)))
    assert (state.held, state.waiting, state.free) == ({}, [], BUDGET)


@given(plan=jobs)
def test_grants_come_in_the_order_of_asking(plan):
    """Nobody overtakes: current is handed out strictly in the order of asking, small wishes behind large ones included."""
    clock, state = Clock(), PoolState("current", BUDGET)
    budget = Pool(clock, state, Rank.CURRENT, lambda: 0)
    order = []
    for k, (_, amount, _) in enumerate(plan):
        budget.ask(k, amount)
        order += [tile for tile in state.held if tile not in order]
    while state.held:
        budget.release(next(iter(state.held)))
        order += [tile for tile in state.held if tile not in order]
    assert order == list(range(len(plan)))


def test_a_small_wish_waits_behind_a_large_one():
    """A wish that would fit waits while an earlier one does not."""
    state = PoolState("current", BUDGET)
    budget = Pool(Clock(), state, Rank.CURRENT, lambda: 0)
    for tile, amount in ((0, 700.0), (1, 600.0), (2, 100.0)):
        budget.ask(tile, amount)
    assert state.held == {0: 700.0}
    assert state.waiting == [(1, 600.0, 0), (2, 100.0, 0)]
    budget.release(0)
    assert state.held == {1: 600.0, 2: 100.0}


def test_a_rebuilt_budget_knows_who_holds_what():
    """From a copy of its state, a new budget grants at once what is held, and later what still waits."""
    first = Pool(Clock(), state := PoolState("current", BUDGET), Rank.CURRENT, lambda: 0)
    first.ask(0, 700.0)
    first.ask(1, 600.0)
    clock, copied = Clock(50), copy.deepcopy(state)
    budget, granted = Pool(clock, copied, Rank.CURRENT, lambda: 0), []

    def tile(k):
        yield budget.granted(k)
        granted.append((k, clock.now_ps))
        yield clock.at(clock.now_ps + 10, Rank.PROGRAMMING, k)
        budget.release(k)

    clock.start(tile(0))
    clock.start(tile(1))
    while clock.step():
        pass
    assert granted == [(0, 50), (1, 60)]
    assert (copied.held, copied.waiting, copied.free) == ({}, [], BUDGET)


def test_fractions_of_a_microampere_come_back_whole():
    """After many wishes of odd size the whole budget can still be had: nothing is lost to rounding."""
    plan = [(k, (140.8, 218.6, 99.9, 68.4)[k % 4], 7) for k in range(40)]
    _, granted, state, _ = use([*plan, (1000, BUDGET, 1)])
    assert granted[-1] == len(plan)
    assert state.free == BUDGET


@given(plan=jobs)
def test_waits_and_queue_are_those_of_the_wishes(plan):
    """Every wish is counted once by its waiting time, and the waiting times add up to the queue's length over time."""
    asked, granted, state, _ = use(plan)
    assert sum(state.monitor.waits) == len(asked) == len(granted)
    assert sum(state.monitor.queue.values()) == state.monitor.waited_ps
    assert state.monitor.longest_ps <= state.monitor.waited_ps


def test_use_is_amount_times_duration():
    """What is used counts from what is held and how long it works, not from how long it is held."""
    clock, state = Clock(), PoolState("current", BUDGET)
    pool = Pool(clock, state, Rank.CURRENT, lambda: 3)
    assert pool.ask(0, 250.0)
    pool.use(0, 40)
    pool.use(0, 2)
    assert state.monitor.busy == {3: 250.0 * 42}
