"""In what figures and arrays differ, to the last bit, and where first."""

from __future__ import annotations

import math

import numpy as np
import pytest

from chipsim.analysis.differences import array_difference, figure_differences


def of(a, b):
    """Compare two arrays of the same name."""
    return array_difference("x", np.asarray(a), np.asarray(b))


def test_figures_are_nested_and_ranked():
    """Figures come by dotted key, lists by element; text and figures of one run alone first, then by relative difference."""
    a = {"n": 4, "energy_J": {"SET": 1.0, "RESET": 2.0}, "list": [1, 2], "word": "a", "mine": 1, "same": None}
    b = {"n": 5, "energy_J": {"SET": 1.0, "RESET": 2.5}, "list": [1, 4], "word": "b", "same": None}
    found, compared = figure_differences(a, b)
    assert [(figure.key, figure.only) for figure in found] == [("word", ""), ("mine", "A"), ("list[1]", ""), ("n", ""), ("energy_J.RESET", "")]
    assert [(figure.absolute, figure.relative) for figure in found[2:]] == [(2.0, 0.5), (1.0, 0.2), (0.5, 0.2)]
    assert compared == 8


def test_wall_time_is_no_result():
    """How long the computer took, and what a run is called, is not compared."""
    named = {"wall_time_s": 1.0, "images_per_wall_second": 2.0, "scenario": "a", "title": "A", "seed": 1, "exit_reason": "x", "images": 5}
    other = {"wall_time_s": 2.0, "images_per_wall_second": 3.0, "scenario": "b", "title": "B", "seed": 2, "exit_reason": "y", "images": 5}
    assert figure_differences(named, other) == ([], 1)


@pytest.mark.parametrize(
    "a,b,absolute",
    [(1, True, None), (1, 1.0, 0.0), (1, "1", None), (None, 0, None), (10**400, 1, None), (math.nan, 1.0, math.inf), (math.inf, 1.0, math.inf)],
)
def test_figures_of_other_kinds_differ(a, b, absolute):
    """Truth is no number, nothing is not zero, and what no float holds has no distance."""
    (figure,), _ = figure_differences({"x": a}, {"x": b})
    assert figure.absolute == absolute


def test_a_nan_is_like_a_nan():
    """Two figures that are no numbers do not differ."""
    assert figure_differences({"x": math.nan}, {"x": math.nan})[0] == []


def test_same_bytes_are_the_same():
    """Arrays of the same type, shape and bytes are the same; so is text, however wide its type."""
    assert of([[1.0, np.nan]], [[1.0, np.nan]]).same
    assert of(np.array(["a", "b"], dtype="<U1"), np.array(["a", "b"], dtype="<U9")).same
    assert not of(np.array([1], dtype=np.int32), np.array([1], dtype=np.int64)).same


def test_other_bytes_of_the_same_value_are_told_apart():
    """Zero and minus zero are the same value, but not the same bytes."""
    found = of([0.0, 1.0], [-0.0, 1.0])
    assert (found.how, found.differing, found.same) == ("same values", 0, False)


def test_the_largest_and_the_first_difference_are_found():
    """The largest difference has its index, the first one its own; NaN equals NaN."""
    found = of([[1.0, np.nan, 3.0], [4.0, 5.0, 8.0]], [[1.0, np.nan, 3.5], [4.0, 9.0, 8.0]])
    assert (found.how, found.differing, found.values) == ("values", 2, 6)
    assert (found.largest, found.largest_at, found.first_at, found.relative) == (4.0, (1, 1), (0, 2), 4.0 / 9.0)


@pytest.mark.parametrize("a,b", [([1.0, np.nan], [1.0, 2.0]), ([1.0, np.inf], [1.0, -np.inf]), ([1.0, 2.0], [1.0, np.inf])])
def test_what_has_no_distance_is_infinitely_far(a, b):
    """A NaN against a number, or an infinity against anything else, is the largest difference there is."""
    found = of(a, b)
    assert (found.largest, found.largest_at, found.first_at) == (np.inf, (1,), (1,))


def test_whole_numbers_are_subtracted_exactly():
    """64-bit integers differ by what they differ by, also where the difference of two would overflow."""
    assert of(np.array([2**62 + 1]), np.array([2**62])).largest == 1.0
    assert of(np.array([-(2**62)]), np.array([2**62])).largest == 2.0**63
    assert of(np.array([0, 200], dtype=np.uint8), np.array([0, 100], dtype=np.uint8)).largest == 100.0


def test_rows_that_both_have_are_compared():
    """Of arrays of different length the rows of both are compared; of those with other columns nothing is."""
    found = of([[1, 2], [3, 4]], [[1, 2], [3, 9], [5, 6]])
    assert (found.how, found.shapes, found.differing, found.values, found.first_at) == ("shape", ((2, 2), (3, 2)), 1, 4, (1, 1))
    assert of([[1, 2]], [[1, 2, 3]]).values == 0
    assert of([1, 2], [[1, 2]]).how == "shape"
    assert of(np.array([]), np.array([1.0])).how == "shape"
    assert of(np.array(1.0), np.array([1.0])).how == "shape"


def test_other_types_are_compared_by_value():
    """A float against an integer is another type, and where values differ, by how much is told."""
    found = of(np.array([1, 2]), np.array([1.0, 2.5]))
    assert (found.how, found.largest, found.first_at) == ("type", 0.5, (1,))
    assert of(np.array(["1"]), np.array([1])).how == "type"


def test_text_has_a_first_difference_but_no_size():
    """Where text differs, the first place is told."""
    found = of(np.array(["a", "b", "c"]), np.array(["a", "x", "y"]))
    assert (found.how, found.differing, found.largest, found.first_at) == ("values", 2, None, (1,))


def test_arrays_rank_by_what_differs():
    """Other shapes come before other values, large differences before small ones, the same last."""
    ranked = sorted([of([1.0], [1.0]), of([1.0], [1.1]), of([1.0], [1.0, 2.0]), of([1.0], [2.0])], key=lambda array: array.rank)
    assert [array.how for array in ranked] == ["same bytes", "values", "values", "shape"]
    assert ranked[1].largest < ranked[2].largest
