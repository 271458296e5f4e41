"""Philox against its published vectors, and the draws made from it against statistics."""

from __future__ import annotations

import math
from itertools import combinations
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chipsim.kernels import random

ONES = 0xFFFFFFFF
VECTORS = {
    "zeros": ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    "ones": ((ONES, ONES, ONES, ONES), (ONES, ONES), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    "pi": (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
}
PURPOSES = {name: value for name, value in vars(random).items() if name.isupper() and not name.startswith("_") and isinstance(value, int)}
SIGMAS = 5.0
"""Bound of every statistical test, in standard errors: about one false alarm in two million, and none for a fixed seed."""


def normals(count, seed=1, purpose=random.RAMP_NOISE, layer=0, sub=0, event=0):
    """Return draws of `count` cells of one row."""
    out = np.empty((1, count))
    random.fill_cell_normals(out, seed, purpose, layer, sub, 0, 0, event)
    return out[0]


@pytest.fixture(scope="module")
def draws(population):
    """Return many normals, from 60,000 columns and as many rows as it takes."""
    out = np.empty((max(population * 4 // 60_000, 1), min(population, 60_000)))
    random.fill_cell_normals(out, 1, random.RAMP_NOISE, 0, 0, 0, 0, 0)
    return out.ravel()


@pytest.mark.parametrize("name", VECTORS)
def test_philox_gives_the_published_words(variant, name):
    """Philox4x32-10 reproduces the known answers of Random123 (Salmon et al., SC'11)."""
    counter, key, expected = VECTORS[name]
    words = variant(random.philox)(*(np.uint64(word) for word in (*counter, *key)))
    assert tuple(int(word) for word in words) == expected


def test_words_are_laid_out_as_documented(variant):
    """Event, place, purpose, layer, sub-draw and seed stand at their places in counter and key, high halves included."""
    seed, event = 0x0123456789ABCDEF, 0x0FEDCBA987654321
    place = random.cell_place(0x1234, 0xABCD)
    expected = random.philox(*(np.uint64(word) for word in (0x87654321, 0x0FEDCBA9, 0x1234ABCD, (13 << 24) | (7 << 16) | 0xC001, 0x89ABCDEF, 0x01234567)))
    assert variant(random.words)(seed, 13, 7, 0xC001, place, event) == expected


def test_purposes_differ():
    """No two physical causes share a purpose, and each fits the counter's 8 bits."""
    assert len(PURPOSES) > 20
    assert len(set(PURPOSES.values())) == len(PURPOSES)
    assert all(0 < value < 256 for value in PURPOSES.values())


@given(word=st.integers(0, ONES))
def test_uniform_stays_open(variant, word):
    """A uniform number is never 0 or 1, so its logarithm and its inverse normal are finite."""
    assert 0.0 < variant(random.uniform)(np.uint64(word)) < 1.0


@given(word=st.integers(0, ONES))
def test_normal_is_the_inverse_distribution_function(variant, word):
    """The polynomials agree with the standard library's inverse normal: to single precision within 5 sigma, to 4e-4 beyond."""
    expected = NormalDist().inv_cdf((word + 0.5) / 2.0**32)
    tolerance = 2e-7 if abs(expected) < 5.0 else 4e-4
    assert variant(random.normal)(np.uint64(word)) == pytest.approx(expected, rel=tolerance)


def test_normal_is_antisymmetric_and_finite_at_the_ends(variant):
    """Mirrored words give mirrored normals, out to the largest of about 6.2 sigma."""
    normal = variant(random.normal)
    for word in (0, 1, 12345, 0x7FFFFFFF):
        assert normal(np.uint64(word)) == pytest.approx(-normal(np.uint64(ONES - word)), rel=1e-6)
    assert 6.0 < normal(np.uint64(ONES)) < 6.5


def test_normal_moments(draws):
    """Mean, variance, skewness and kurtosis of many draws are those of a standard normal."""
    n = draws.size
    assert abs(draws.mean()) < SIGMAS / math.sqrt(n)
    assert abs(draws.var() - 1.0) < SIGMAS * math.sqrt(2.0 / n)
    assert abs((draws**3).mean()) < SIGMAS * math.sqrt(15.0 / n)
    assert abs((draws**4).mean() - 3.0) < SIGMAS * math.sqrt(96.0 / n)


def test_normal_distribution(draws):
    """The empirical distribution keeps within the Kolmogorov-Smirnov bound of 1 in 10,000."""
    ordered = np.sort(draws)
    expected = np.array([0.5 * math.erfc(-x / math.sqrt(2.0)) for x in ordered[:: max(ordered.size // 2000, 1)]])
    found = np.arange(ordered.size)[:: max(ordered.size // 2000, 1)] / ordered.size
    assert np.abs(found - expected).max() < 2.225 / math.sqrt(ordered.size)


@pytest.mark.parametrize("shift", [0, 8, 16, 24])
def test_words_are_uniform(population, shift):
    """Each byte of the words takes its 256 values equally often, by chi-square."""
    words = np.empty(population, dtype=np.uint64)
    random.fill_words(words, 1, random.DATA_ORDER, 0, 0)
    seen = np.bincount((words >> np.uint64(shift)).astype(np.int64) & 0xFF, minlength=256)
    expected = population / 256
    chi_square = ((seen - expected) ** 2 / expected).sum()
    assert abs(chi_square - 255) < SIGMAS * math.sqrt(2 * 255)


def test_purposes_are_independent(population):
    """Draws of the same cells for different causes are uncorrelated, so switching one cause off leaves the others alone."""
    count = min(population // 5, 20_000)
    drawn = np.array([normals(count, purpose=purpose) for purpose in sorted(PURPOSES.values())[:: 1 if count > 5000 else 4]])
    correlation = np.corrcoef(drawn)
    worst = max(abs(correlation[i, j]) for i, j in combinations(range(len(drawn)), 2))
    assert worst < SIGMAS / math.sqrt(count)


@pytest.mark.parametrize("other", [{"seed": 2}, {"layer": 1}, {"sub": 1}, {"event": 1}, {"event": 2**32}, {"seed": 2**32 + 1}])
def test_neighbours_are_independent(population, other):
    """Another seed, layer, sub-draw or event gives uncorrelated draws, high halves of 64-bit numbers included."""
    count = min(population // 5, 20_000)
    correlation = np.corrcoef(normals(count), normals(count, **other))[0, 1]
    assert abs(correlation) < SIGMAS / math.sqrt(count)


@given(count=st.integers(1, 300), event=st.integers(0, 2**63 - 1))
def test_line_draws_do_not_depend_on_the_call(variant, count, event):
    """A line gets the same draw however many lines are drawn with it, so the size of a layer changes nothing."""
    block = 4 * random.LANES
    everything = np.empty(3 * block, dtype=np.float32)
    random.fill_line_normals(everything, 3, random.FORWARD_NOISE, 2, 300, event)
    some = np.full(3 * block, np.nan, dtype=np.float32)
    variant(random.fill_line_normals)(some, 3, random.FORWARD_NOISE, 2, count, event)
    assert np.array_equal(some[:count], everything[:count])
    assert np.isnan(some[-(-count // block) * block :]).all()


@given(row=st.integers(0, 65_000), column=st.integers(0, 65_000), event=st.integers(0, 2**63 - 1))
def test_cell_draws_do_not_depend_on_the_call(variant, row, column, event):
    """A cell gets the same draw alone and as part of any array of cells."""
    block = np.empty((2, 3))
    variant(random.fill_cell_normals)(block, 5, random.RESET_STATE, 1, 9, row, column, event)
    assert block[1, 2] == variant(random.cell_normal)(5, random.RESET_STATE, 1, 9, row + 1, column + 2, event)


def test_words_of_an_order_do_not_depend_on_its_length(variant):
    """A longer list of words starts with the shorter one."""
    short, long = np.empty(5, dtype=np.uint64), np.empty(9, dtype=np.uint64)
    for out in (short, long):
        variant(random.fill_words)(out, 1, random.DATA_ORDER, 0, 3)
    assert np.array_equal(short, long[:5])
