"""Unit cells."""

from __future__ import annotations

import pytest

from chipsim.devices import Cell


@pytest.mark.parametrize("kind, pcm, capacitor", [("2pcm+3t1c", True, True), ("2pcm", True, False), ("3t1c", False, True), ("software", False, False)])
def test_parts_of_a_cell(kind, pcm, capacitor):
    """The kind of a cell says which devices it has."""
    cell = Cell(kind=kind)
    assert (cell.has_pcm, cell.has_capacitor) == (pcm, capacitor)


def test_weight_step_of_the_capacitor():
    """One 1 mV pulse at 40 uS/V moves the weight by a thousandth of its unit of 40 uS."""
    assert Cell().weight_step == pytest.approx(1e-3)


def test_weight_step_of_a_pair():
    """Without a capacitor one SET pulse moves the weight by F times its mean step over the unit."""
    assert Cell(kind="2pcm", gain=3.0).weight_step == pytest.approx(3.0 * 0.75 / 40.0)
