"""The first value that cannot be: found wherever it stands, whatever it is."""

from __future__ import annotations

import numpy as np
import pytest

from chipsim.kernels import guard

SIZE = 70
FAULTS = {"NaN": np.nan, "infinite": np.inf, "minus infinite": -np.inf, "below": -1.5, "above": 2.5}


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_is_found_wherever_it_stands(variant, kind, fault):
    """A single value that is no number, or beyond a limit, is found at any index, and the first of several."""
    look = variant(guard.first_outside)
    healthy = np.linspace(-1.0, 2.0, SIZE).astype(kind)
    assert look(healthy, kind(-1.0), kind(2.0)) == -1
    for at in range(SIZE):
        values = healthy.copy()
        values[at:] = kind(FAULTS[fault])
        assert look(values, kind(-1.0), kind(2.0)) == at
        values[at + 1 :] = healthy[at + 1 :]
        assert look(values, kind(-1.0), kind(2.0)) == at


def test_limits_belong_to_what_is_allowed(variant):
    """Values on the limits are healthy, the next floats beyond them are not."""
    look, low, high = variant(guard.first_outside), np.float32(0.1), np.float32(0.7)
    assert look(np.array([low, high], dtype=np.float32), low, high) == -1
    assert look(np.array([high, np.nextafter(high, np.float32(1.0))]), low, high) == 1
    assert look(np.array([high, np.nextafter(low, np.float32(0.0))]), low, high) == 1


def test_a_counter_that_has_run_over_is_found(variant):
    """An int64 one beyond its largest value is negative, and found among the largest ones; no array at all is healthy."""
    look = variant(guard.first_outside)
    counts = np.array([0, 2**63 - 1, 5], dtype=np.int64)
    assert look(counts, np.int64(0), np.int64(2**63 - 1)) == -1
    counts[1:2] += 1
    assert look(counts, np.int64(0), np.int64(2**63 - 1)) == 1
    assert look(counts[:0], np.int64(0), np.int64(1)) == -1


REST, LSB, LOW, HIGH = 0.5, 0.001, -0.8, 0.4


def capacitors():
    """Return overdrives, thresholds and leaks of cells from the lowest to the highest voltage, every eighth of them padding."""
    rng = np.random.default_rng(3)
    threshold = rng.integers(-127, 128, SIZE).astype(np.int8)
    leak = rng.integers(1, 256, SIZE).astype(np.uint8)
    overdrive = (np.linspace(LOW + 1e-6, HIGH - 1e-6, SIZE) + REST - LSB * threshold).astype(np.float32)
    leak[::8], overdrive[::8], threshold[::8] = 0, 0.0, 0
    return overdrive, threshold, leak


def look_at(variant, cells):
    """Return the first capacitor beyond its limits."""
    return variant(guard.first_voltage_outside)(*cells, *(np.float32(value) for value in (REST, LSB, 0.0, LOW, HIGH)))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_capacitor_is_judged_by_its_own_threshold(variant, fault):
    """A voltage beyond its limits is found at every cell, though overdrives as such are within those of other cells; padding holds zero."""
    assert look_at(variant, capacitors()) == -1
    beyond = {"below": LOW - 1e-5, "above": HIGH + 1e-5}.get(fault, FAULTS[fault])
    for at in range(SIZE):
        overdrive, threshold, leak = capacitors()
        overdrive[at] = beyond + REST - LSB * threshold[at] if leak[at] else beyond
        assert look_at(variant, (overdrive, threshold, leak)) == at
