"""Slices in rows that nest, and what lanes a run has."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chipsim.export.lanes import arrange, detailed_lanes, detailed_windows, merged, nested

spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=40)


def overlaps(one, other):
    """Return whether two spans overlap without one holding the other."""
    return one[0] < other[0] < one[1] < other[1] or other[0] < one[0] < other[1] < one[1]


@given(spans)
@example([(0, 5), (5, 5), (5, 9)])
@example([(3, 3), (3, 3), (3, 8)])
@example([(0, 4), (2, 6), (5, 9)])
def test_rows_are_well_formed(found):
    """Each slice begins and ends once, in one row; events of a row are in the order of time and ends close what was begun last."""
    rows = arrange([start for start, _ in found], [end for _, end in found])
    assert sorted(index for row in rows for index, begins in row if begins) == list(range(len(found)))
    for row in rows:
        stack = []
        times = [found[index][0 if begins else 1] for index, begins in row]
        assert times == sorted(times)
        for index, begins in row:
            if begins:
                assert not stack or found[index][1] <= found[stack[-1]][1]
                stack.append(index)
            else:
                assert stack.pop() == index
        assert not stack


@given(spans)
def test_what_nests_needs_one_row(found):
    """Further rows are made for slices that overlap without nesting, and for no others."""
    rows = arrange([start for start, _ in found], [end for _, end in found])
    clashing = any(overlaps(one, other) for one in found for other in found)
    assert (len(rows) > 1) == clashing


def test_slices_of_one_time_nest_longest_first():
    """At one time the longest slice is outermost; a slice of no length lies between its neighbours, not in them."""
    start, end = [0, 0, 5, 5], [5, 2, 5, 9]
    assert arrange(start, end) == [[(0, True), (1, True), (1, False), (0, False), (3, True), (2, True), (2, False), (3, False)]]
    assert arrange([0, 5], [5, 5]) == [[(0, True), (0, False), (1, True), (1, False)]]


@pytest.mark.parametrize(
    "track,path",
    [
        ("chip/training", ("chip", "training")),
        ("tile 0 (layer 1)/array", ("chip", "tile 0 (layer 1)", "array")),
        ("host/link", ("host", "link")),
        ("chip / power", ("chip", "power")),
    ],
)
def test_slashes_nest(track, path):
    """A track's name is its path; tiles lie in the chip."""
    assert nested(track) == path


def test_lanes_hold_what_the_run_recorded(make_run, trace):
    """Lanes come with exact times beyond 64 bits, names, and notes where there are any: the chip, its tiles by number, the host."""
    late = 10**12 * 315_576_000 + 7
    slices = [
        ("host/link", "send", 5, 9, -1, -1, 8),
        ("tile 10 (layer 1)/array", "forward", 1, 2, 4, -1, -1),
        ("tile 2 (layer 0)/transfer", "RESET", late, late + 1, -1, 3, 12),
        ("tile 2 (layer 0)/transfer", "RESET", 3, 4, -1, 0, 13),
        ("chip/training", "forward", 1, 2, 4, -1, -1),
        ("tile 2 (layer 0)/array", "forward", 1, 2, 0, -1, -1),
    ]
    lanes = detailed_lanes(make_run({"timeline": trace.timeline_group(slices, [(0, late + 1)])}))
    assert [lane.path for lane in lanes] == [
        ("chip", "training"),
        ("chip", "tile 2 (layer 0)", "transfer"),
        ("chip", "tile 2 (layer 0)", "array"),
        ("chip", "tile 10 (layer 1)", "array"),
        ("host", "link"),
    ]
    transfer = lanes[1]
    assert (transfer.start, transfer.end, transfer.name) == ([late, 3], [late + 1, 4], ["RESET", "RESET"])
    assert dict(transfer.noted(0)) == {"column": 3, "amount": 12}
    assert dict(lanes[2].noted(0)) == {"image": 0}


def test_windows_that_touch_are_one():
    """Windows come in order; those that touch or overlap are told as one."""
    assert merged(iter([(5, 7), (0, 2), (2, 3), (6, 9), (6, 7)])) == [(0, 3), (5, 9)]


def test_a_run_without_detail_has_no_lanes(make_run, trace):
    """Without windows of full detail there is nothing to show in detail."""
    run = make_run(trace.whole_run())
    assert detailed_lanes(run) == []
    assert detailed_windows(run) == []


@given(spans)
def test_merged_windows_cover_the_same_time(found):
    """Merging neither adds nor loses time, and leaves gaps between windows."""
    solid = [(start, end) for start, end in found if end > start]
    joined = merged(iter(solid))
    assert {moment for start, end in joined for moment in range(start, end)} == {moment for start, end in solid for moment in range(start, end)}
    assert all(before[1] < after[0] for before, after in pairwise(joined))
