"""References: each number has a source, the published ratios come out, and so do the fairer ones."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from chipsim.costs import Sheet, given
from chipsim.costs.references import BASELINE, UNITS, Reference, batch_of_one, load_references, ratios

REFERENCES = load_references()
GPUS = {"p100-fp16", "v100-fp16", "v100-tensor", "a100", "h100", "h200", "b200"}
HEADLINE = Sheet([given("tops_per_W", 28.065, "TOP/s/W", "abstract"), given("tops_per_mm2", 3.6, "TOP/s/mm2", "abstract")])


def entry(**changes):
    """Return the values of a complete entry, some of them changed; None leaves one out."""
    values = REFERENCES["v100-fp16"].model_dump(exclude_none=True) | changes
    return {name: value for name, value in values.items() if value is not None}


def test_gpus_and_analog_designs_are_there():
    """The seven GPU entries, designs for training and for inference, and the cell are all there, each under its own label."""
    assert {key for key, reference in REFERENCES.items() if reference.kind == "gpu"} == GPUS
    assert {"ambrogio-2018", "rpu-2016", "chang-2019"} <= {key for key, reference in REFERENCES.items() if reference.task == "training"}
    assert {"hermes-core", "hermes-64", "ibm-speech-2023", "isaac-2016", "puma-2019", "neurram-2022"} <= {
        key for key, reference in REFERENCES.items() if reference.task == "inference"
    }
    assert len({reference.label for reference in REFERENCES.values()}) == len(REFERENCES)


@pytest.mark.parametrize("key", REFERENCES)
def test_every_number_has_a_basis_and_a_source_that_can_be_found(key):
    """Each quantity says whether it was read, derived or assumed; its source has a title, a year and an address."""
    reference = REFERENCES[key]
    assert reference.address.startswith("http")
    assert 2015 < reference.year < 2027
    for name in reference.quantities:
        figure = reference.figure(name)
        assert figure.value > 0
        assert figure.unit == UNITS[name]
        assert re.match(r"(read|derived|assumed): ", figure.note)
        assert reference.title in figure.note


def test_what_was_not_published_is_marked():
    """The area of the B200 is assumed, and the launch rate of the V100 is derived; nothing else is assumed."""
    assumed = {(key, name) for key, reference in REFERENCES.items() for name, quantity in reference.quantities.items() if quantity.basis == "assumed"}
    assert assumed == {("b200", "area")}
    assert REFERENCES["v100-fp16"].rate.basis == "derived"


def test_the_published_ratios_rest_on_the_launch_figures_of_the_v100():
    """Against the V100 without tensor cores the headline numbers are 280 times in energy and 98 times in area, and no other GPU gives both."""
    found = ratios(HEADLINE, REFERENCES)
    both = {key: (found[f"ratio.{key}.tops_per_W"].value, found[f"ratio.{key}.tops_per_mm2"].value) for key in GPUS}
    assert both[BASELINE] == pytest.approx((280.65, 97.8), rel=1e-3)
    assert [key for key, (energy, area) in both.items() if abs(energy - 280) <= 3 and abs(area - 98) <= 2] == [BASELINE]


@pytest.mark.parametrize(
    "key, energy, area",
    [("p100-fp16", 397, 103.6), ("v100-tensor", 70.2, 24.4), ("a100", 36.0, 9.5), ("h100", 19.9, 2.96), ("h200", 19.9, 2.96), ("b200", 12.5, 2.56)],
)
def test_the_other_gpus_are_closer(key, energy, area):
    """Against tensor cores, and the more so against newer ones, the same numbers give smaller ratios."""
    found = ratios(HEADLINE, REFERENCES)
    assert found[f"ratio.{key}.tops_per_W"].value == pytest.approx(energy, rel=5e-3)
    assert found[f"ratio.{key}.tops_per_mm2"].value == pytest.approx(area, rel=5e-3)


def test_published_efficiencies_are_used_as_they_are():
    """A published TOP/s/W or TOP/s/mm2 goes before a quotient; without either there is none."""
    assert REFERENCES["hermes-64"].tops_per_watt().value == pytest.approx(9.76)
    assert REFERENCES["hermes-64"].tops_per_mm2().value == pytest.approx(1.55, rel=5e-3)
    assert REFERENCES["rpu-2016"].tops_per_watt().value == pytest.approx(84.0)
    assert REFERENCES["rpu-2016"].tops_per_mm2() is None
    cell = REFERENCES["neurosim-hybrid-cell"]
    assert cell.tops_per_watt() is None
    assert cell.tops_per_mm2() is None
    assert cell.figure("cell_area").value == pytest.approx(5000 * 0.032**2)


def test_batch_of_one_is_bound_by_the_memory():
    """16 bytes and 6 operations a weight at 900 GB/s make 0.3375 TOP/s, whatever the arithmetic could do."""
    plain, tensor = (batch_of_one(REFERENCES[key]) for key in ("v100-fp16", "v100-tensor"))
    assert plain.tops.value == tensor.tops.value == pytest.approx(0.3375)
    assert plain.tops_per_watt.value == pytest.approx(0.3375 / 300)
    assert plain.tops_per_mm2.value == pytest.approx(0.3375 / 815)
    assert batch_of_one(REFERENCES["h200"]).tops.value == pytest.approx(4800 / 3350 * batch_of_one(REFERENCES["h100"]).tops.value)


def test_batch_of_one_is_at_most_the_peak():
    """With more bandwidth than arithmetic the peak is the limit."""
    single = batch_of_one(Reference(**entry(rate={"value": "0.2 TOP/s", "basis": "assumed"})))
    assert single.tops.value == pytest.approx(0.2)
    assert single.tops.formula == "v100-fp16.rate"


def test_batch_of_one_needs_a_memory():
    """An analog chip reads its weights where they are: it has no such bound."""
    assert batch_of_one(REFERENCES["ambrogio-2018"]) is None


def test_batch_of_one_states_what_it_assumes():
    """The explanation names the bytes, the missing cache, and the size of layers that it does not hold for."""
    text = "\n".join(batch_of_one(REFERENCES["a100"]).tops_per_watt.lines())
    for words in ("none from a cache", "660 kB", "a100.bandwidth = 2039 GB/s", "a100.bandwidth / bytes_per_weight * ops_per_weight * 0.001"):
        assert words in text


def test_ratios_of_peak_and_of_the_whole_run():
    """Each reference has a ratio of every figure that the run and itself have, GPUs also to one image at a time, and all can be explained."""
    sheet = Sheet([*HEADLINE.values(), given("tops_per_W_effective", 2.8065, "TOP/s/W", "test"), given("tops_per_mm2_effective", 0.36, "TOP/s/mm2", "test")])
    found = ratios(sheet, REFERENCES)
    assert found["ratio.v100-fp16.tops_per_W_effective"].value == pytest.approx(28.065)
    assert found["ratio.v100-fp16.tops_per_mm2_effective"].value == pytest.approx(9.78, rel=1e-3)
    assert found["ratio.v100-fp16.batch-1.tops_per_W"].value == pytest.approx(28.065 / 0.001125)
    assert found["ratio.ambrogio-2018.tops_per_W"].value == pytest.approx(1.0)
    assert "ratio.rpu-2016.tops_per_W_effective" in found
    assert "ratio.rpu-2016.tops_per_mm2" not in found
    assert not [name for name in found if name.startswith("ratio.neurosim")]
    explained = found.explain("ratio.v100-fp16.tops_per_W")
    assert "  = tops_per_W / v100-fp16.tops_per_W" in explained
    assert any("twice the 15 TFLOP/s" in line for line in explained)


def test_ratios_of_a_sheet_without_efficiency():
    """A run whose prices are all zero has areas to compare and nothing else."""
    assert not [name for name in ratios(Sheet([HEADLINE["tops_per_mm2"]]), REFERENCES) if "tops_per_W" in name]
    assert not ratios(Sheet(), REFERENCES)


def test_inference_is_said_to_be_no_training():
    """The ratio to a chip for inference says what it is and how its numbers came about, one to a single image that memory is the limit."""
    found = ratios(HEADLINE, REFERENCES)
    assert "inference, measured chip" in found["ratio.hermes-core.tops_per_W"].note
    assert "one image at a time, bound by its memory" in found["ratio.a100.batch-1.tops_per_mm2"].note


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"rate": None}, "rate: is missing, every gpu has one"),
        ({"rate": {"value": "30", "basis": "read"}}, "cannot read '30' as a quantity in TOP/s"),
        ({"area": {"value": "815 W", "basis": "read"}}, "'815 W' is not a quantity in mm2"),
        ({"power": {"value": "0 W", "basis": "read"}}, "'0 W' is not above zero"),
        ({"power": {"value": "300 W", "basis": "guessed"}}, "power.basis"),
        ({"kind": "cpu"}, "kind"),
        ({"speed": "fast"}, "speed"),
    ],
)
def test_an_entry_that_is_wrong_is_refused(changes, message):
    """An entry without what its kind needs, with a wrong unit or an unknown key does not load."""
    with pytest.raises(ValidationError, match=re.escape(message)):
        Reference(**entry(**changes))
