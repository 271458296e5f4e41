"""The headline of Ambrogio et al., Nature 558, 60 (2018), from the table `paper-2018` and the counts of a whole run of `mnist`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chipsim.costs import PriceTable, Sheet, load_references, ratios
from chipsim.costs.references import BASELINE, FAIR
from chipsim.scenario import Scenario
from chipsim.silicon import Silicon, Tally, account

COUNTED = Path(__file__).resolve().parent.parent / "vectors" / "mnist_counts.json"
EFFICIENCY, DENSITY = 28.065, 3.6
"""TOP/s/W and TOP/s/mm2, abstract of the paper."""


def sheet_of(table: str) -> Sheet:
    """Return the figures of the whole run of `mnist` at seed 1, all 1.2 million images counted."""
    kept = json.loads(COUNTED.read_text(encoding="utf-8"))
    tally = Tally(kept["images"], kept["transfers"]["count"], kept["chip_time_s"], kept["training_time_s"], kept["counts"], {}, "counted")
    return account(Silicon.of(Scenario.load("mnist"), table), tally)


@pytest.fixture(scope="module")
def paper():
    """Return the figures by the table `paper-2018`."""
    return sheet_of("paper-2018")


def test_both_numbers_of_the_headline_come_out(paper):
    """28,065 GOP/s/W and 3.6 TOP/s/mm2 within 1 %, at the peak and with six operations per weight and image."""
    assert paper["tops_per_W"].value == pytest.approx(EFFICIENCY, rel=0.01)
    assert paper["tops_per_mm2"].value == pytest.approx(DENSITY, rel=0.01)
    assert paper["ops_per_image"].value == 6 * 164885


def test_the_published_ratios_come_out_beside_the_fair_ones(paper):
    """280 +- 3 in energy and 98 +- 2 in area to the V100 without tensor cores, and a quarter of that to the same chip with them."""
    found = ratios(paper, load_references())
    assert found[f"ratio.{BASELINE}.tops_per_W"].value == pytest.approx(280, abs=3)
    assert found[f"ratio.{BASELINE}.tops_per_mm2"].value == pytest.approx(98, abs=2)
    assert found[f"ratio.{FAIR}.tops_per_W"].value == pytest.approx(70, abs=1)
    assert found[f"ratio.{FAIR}.tops_per_mm2"].value == pytest.approx(24.4, abs=0.3)


def test_the_factors_are_those_of_the_fit():
    """Fitted again from the bottom-up table, one factor on energy and one on area are those that the table holds, to five digits."""
    bottom_up, table = sheet_of("bottom-up-14nm"), PriceTable.load("paper-2018")
    assert table.factor_of("energy").value == pytest.approx(bottom_up["tops_per_W"].value / EFFICIENCY, rel=1e-5)
    assert table.factor_of("area").value == pytest.approx(bottom_up["tops_per_mm2"].value / DENSITY, rel=1e-5)


def test_shares_are_those_of_the_bottom_up_table(paper):
    """Every energy and area is the bottom-up one times its factor: a split that is assumed, and marked so."""
    bottom_up, table = sheet_of("bottom-up-14nm"), PriceTable.load("paper-2018")
    for key, figure in bottom_up.items():
        for part, factor in (("energy_J", "energy"), ("static_W", "energy"), ("area_mm2", "area")):
            if key.startswith(f"{part}."):
                assert paper[key].value == pytest.approx(figure.value * table.factor_of(factor).value, rel=1e-9), key
    for entries in (table.energy, table.area, table.static, table.cell):
        assert {entry.basis for entry in entries.values()} == {"assumed"}


def test_what_is_left_of_the_headline_is_told(paper):
    """Over the whole run, idle power and transfers included, less than half of the headline is left."""
    assert paper["tops_per_W_effective"].value < paper["tops_per_W_powered"].value < paper["tops_per_W"].value
    assert paper["tops_per_W_effective"].value < EFFICIENCY / 2
