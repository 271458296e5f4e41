"""Figures of what a chip takes: areas to scale, bars that add up, steps that are those of the sheet, names that cover nothing."""

from __future__ import annotations

import re
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.collections import PatchCollection

from chipsim.analysis.silicon import figures_of, silicon_of
from chipsim.costs.blocks import AREA_COMPONENTS
from chipsim.costs.references import load_references
from chipsim.errors import InputError
from chipsim.plotting import FIGURES
from chipsim.plotting.energy import COLOURS
from chipsim.plotting.energy_per_image import grouped
from chipsim.plotting.landscape import joined, marks
from chipsim.plotting.placement import place
from chipsim.plotting.style import plain
from chipsim.plotting.waterfall import steps
from chipsim.scenario import Scenario
from chipsim.silicon import Silicon

CHIPS = {
    "as shipped": (),
    "of small tiles": ("tiles.max_rows=64", "tiles.max_columns=64"),
    "of one narrow tile": ("network.layers=[528, 10]",),
    "of large tiles, built in full": ("tiles.max_rows=4096", "tiles.max_columns=4096", "tiles.built=full"),
    "in 90 nm": ("prices.table=bottom-up-90nm",),
    "of capacitors alone": ("cell.kind=3t1c",),
}


def floor_of(overrides):
    """Return the floorplan of the scenario `mnist` with other values."""
    return Silicon.of(Scenario.load("mnist", list(overrides))).floorplan


def spans(patch):
    """Return left, right, bottom and top of a bar."""
    return patch.get_x(), patch.get_x() + patch.get_width(), patch.get_y(), patch.get_y() + patch.get_height()


# ---- floorplan -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("overrides", CHIPS.values(), ids=CHIPS)
def test_everything_is_placed_at_its_true_area(overrides):
    """The rectangles of every component add up to its area, and what is left empty on the chip is the wiring."""
    floor = floor_of(overrides)
    placed = place(floor)
    for component in AREA_COMPONENTS[:-1]:
        drawn = sum(found.area for found in placed.rectangles if found.component == component)
        assert drawn * 1e-6 == pytest.approx(floor.areas[component].value, rel=1e-9)
    assert placed.width * placed.height * 1e-6 == pytest.approx(floor.area_mm2, rel=1e-9)
    assert placed.empty * 1e-6 == pytest.approx(floor.areas["wiring"].value, rel=1e-6)


@pytest.mark.parametrize("overrides", CHIPS.values(), ids=CHIPS)
def test_nothing_lies_on_anything_else(overrides):
    """No two rectangles overlap, and none reaches over the edge of the chip."""
    placed = place(floor_of(overrides))
    tiny = 1e-6 * placed.width
    for one in placed.rectangles:
        assert min(one.x, one.y) >= -tiny
        assert one.x + one.width <= placed.width + tiny
        assert one.y + one.height <= placed.height + tiny
    for one, other in combinations(placed.rectangles, 2):
        across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
        up = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
        assert min(across, up) <= tiny


def test_arrays_keep_their_sides():
    """An array is as wide as its bit lines and as high as its word lines and references take."""
    floor = floor_of(())
    arrays = [found for found in place(floor).rectangles if found.block == "cells"]
    assert [(a.width, a.height, a.tile) for a in arrays] == [(pytest.approx(t.width), pytest.approx(t.height), n) for n, t in enumerate(floor.tiles)]


def test_read_outs_of_bit_lines_lie_below_every_array_of_a_layer():
    """Also where the rows of a layer are split over tiles, of which only the first has neurons; the first layer has none for backward reads."""
    floor = floor_of(["tiles.max_rows=200", "tiles.max_columns=200"])
    below = {tile: 0.0 for tile, part in enumerate(floor.tiles) if part.cut.layer == 0}
    for found in place(floor).rectangles:
        if found.block == "read-out" and found.tile in below:
            below[found.tile] += found.area
            array = next(other for other in place(floor).rectangles if other.block == "cells" and other.tile == found.tile)
            assert found.x == pytest.approx(array.x)
            assert found.y < array.y
    assert len(below) > 2
    assert all(below.values())


def test_a_chip_without_room_for_wiring_is_drawn_larger():
    """Where blocks cannot be packed without gaps, they keep their areas and the chip in the picture grows."""
    floor = floor_of(())
    tight = SimpleNamespace(tiles=floor.tiles, beside=floor.beside, wiring=1.0, area_mm2=floor.area_mm2 / floor.wiring)
    placed = place(tight)
    assert sum(found.area for found in placed.rectangles) * 1e-6 == pytest.approx(tight.area_mm2)
    assert tight.area_mm2 < placed.width * placed.height * 1e-6 < 1.6 * tight.area_mm2


def test_floorplan_draws_areas_to_scale(training):
    """In the picture a mm² is as large for every component, and the bars beside it are the areas of the sheet."""
    figure = FIGURES["floorplan"](training)
    chip, shares = figure.axes
    areas = silicon_of(training).floorplan.areas
    for found in (item for item in chip.collections if isinstance(item, PatchCollection)):
        boxes = [path.get_extents() for path in found.get_paths()]
        assert sum(box.width * box.height for box in boxes) * 1e-6 == pytest.approx(areas[found.get_label()].value)
    assert chip.get_aspect() == 1.0
    named = dict(zip((label.get_text() for label in shares.get_yticklabels()), (bar.get_width() for bar in shares.patches), strict=True))
    assert named == {name: pytest.approx(areas[name].value) for name in AREA_COMPONENTS}
    assert f"{plain(areas['total'].value)} mm²" in chip.get_title("left")


def test_floorplan_has_a_scale(training):
    """The bar below the chip is as long as it says."""
    chip = FIGURES["floorplan"](training).axes[0]
    (bar,) = [line for line in chip.lines if line.get_label() == "scale"]
    length = np.ptp(bar.get_xdata())
    assert f"{length:g} µm" in [text.get_text() for text in chip.texts]


@pytest.mark.parametrize("overrides", CHIPS.values(), ids=CHIPS)
def test_names_of_arrays_stay_on_their_array(overrides, tmp_path):
    """What is written on an array fits on it."""
    figure = FIGURES["floorplan"](SimpleNamespace(path=tmp_path, scenario=Scenario.load("mnist", list(overrides))))
    figure.draw_without_rendering()
    ax = figure.axes[0]
    (arrays,) = [item for item in ax.collections if item.get_label() == "cells"]
    boxes = [path.get_extents().transformed(ax.transData) for path in arrays.get_paths()]
    for text in (found for found in ax.texts if "×" in found.get_text()):
        written = text.get_window_extent()
        assert any(box.x0 <= written.x0 and written.x1 <= box.x1 and box.y0 <= written.y0 and written.y1 <= box.y1 for box in boxes)


# ---- waterfall -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("run", ["training", "stalling"])
def test_steps_are_those_of_the_sheet(run, request):
    """Bars go from the peak over everything that took something to the whole run, at the values of the sheet."""
    chip = request.getfixturevalue(run)
    sheet = figures_of(chip)
    for ax, peak, stem in zip(FIGURES["waterfall"](chip).axes, ("tops_per_W", "tops_peak"), ("tops_per_W", "tops"), strict=True):
        left = [bar.get_width() for bar in ax.patches[::2]]
        between = [figure.value for name, figure in sheet.items() if name.startswith(f"{stem}_after.")]
        assert left[0] == sheet[peak].value
        assert left[1 : 1 + len(between)] == between
        assert left[-1] == sheet[f"{stem}_effective"].value
        ends = [spans(bar)[1] for bar in ax.patches[1::2]]
        np.testing.assert_allclose(ends, [left[0], *left[:-1]])  # what is lost begins where the step before ended


def test_what_is_lost_is_told(stalling):
    """Beside each step stands what is left, per mm² too, and the share that it took."""
    sheet = figures_of(stalling)
    texts = [text.get_text() for text in FIGURES["waterfall"](stalling).axes[1].texts]
    rate, area = sheet["tops_after.transfer"].value, sheet["area_mm2.total"].value
    assert texts[1] == f"{plain(rate)} ({plain(rate / area)}), −{100 * (1 - rate / sheet['tops_peak'].value):.1f} %"


def test_the_rest_of_the_time_is_a_step(stalling):
    """A last transfer, which no image waited for, stands between the waits and the whole run."""
    rows = steps(figures_of(stalling), "tops_peak", "tops")
    assert [row.words for row in rows] == ["peak: training alone", "after waits for transfers", "after all other time", "effective: whole run"]
    assert rows[-2].value == rows[-1].value


def test_what_leaves_next_to_nothing_is_told_as_a_factor(stalling):
    """A loss of more than 98 % is told by what the rate is divided by."""
    run = stalling.without()
    run.summary = {**stalling.summary, "chip_time_s": 1000 * stalling.summary["chip_time_s"]}
    texts = [text.get_text() for text in FIGURES["waterfall"](run).axes[1].texts]
    assert re.search(r"÷ [0-9]{3,4}$", texts[2])


def test_a_run_that_never_waits_has_no_steps_of_rate(training):
    """Where transfers take no time, peak and whole run alone are told."""
    rows = steps(figures_of(training), "tops_peak", "tops")
    assert len(rows) == 2
    assert rows[0].value == pytest.approx(rows[1].value)


# ---- energy per image ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("run", ["training", "stalling"])
def test_bars_add_up_to_the_energy_per_image(run, request):
    """The stacks of training, programming and the rest are those of the sheet, and the last one is all of it."""
    chip = request.getfixturevalue(run)
    sheet = figures_of(chip)
    ax = FIGURES["energy-per-image"](chip).axes[0]
    ends = {}
    for bar in ax.patches:
        _, right, low, high = spans(bar)
        row = round((low + high) / 2)
        ends[row] = max(ends.get(row, 0.0), right)
    images = sheet["images"].value
    training, written, whole = (sheet[name].value / images * 1e9 for name in ("energy_training_J", "energy_programming_J", "energy_J.total"))
    assert [ends[row] for row in range(4)] == pytest.approx([training, written, whole - training - written, whole])
    assert ax.get_xlabel() == "Energy per image (nJ)"


def test_without_a_capacitor_setting_is_training(training):
    """SET pulses are the updates of cells without capacitors."""
    sheet = figures_of(training)
    assert "SET" in grouped(sheet, Scenario.model_validate({"cell": {"kind": "2pcm"}}))["training"]
    assert "SET" in grouped(sheet, Scenario())["programming"]


def test_every_component_that_took_energy_is_in_the_legend(training):
    """The legend tells the energy of each component in its colour, and of no other."""
    figure = FIGURES["energy-per-image"](training)
    sheet = figures_of(training)
    told = [text.get_text().split(":")[0] for text in figure.legends[0].get_texts()]
    assert told == [name for name in told if sheet[f"energy_J.{name}"].value > 0]
    assert set(told) == {name for name in COLOURS if sheet[f"energy_J.{name}"].value > 0}


# ---- landscape -------------------------------------------------------------------------------------------------------------


def test_every_reference_with_a_rate_is_on_the_map():
    """Marks stand for all references that have TOP/s/W or TOP/s/mm²; mere cells have neither."""
    references = load_references()
    known = marks(references.values())
    places = {(mark.density, mark.efficiency) for mark in known}
    for reference in references.values():
        figures = reference.tops_per_mm2(), reference.tops_per_watt()
        place = tuple(figure.value if figure else None for figure in figures)
        assert (place in places) == (place != (None, None))
    assert len(places) == len(known)


def test_labels_that_share_a_place_are_joined():
    """What labels have in common is told once."""
    assert joined(["NVIDIA H100, tensor cores", "NVIDIA H200, tensor cores"]) == "NVIDIA H100 and H200, tensor cores"
    assert joined(["HERMES", "ISAAC"]) == "HERMES and ISAAC"
    assert joined(["HERMES"]) == "HERMES"


@pytest.mark.parametrize("run", ["training", "stalling"])
def test_peak_and_effective_are_marked_and_joined(run, request):
    """The two stars and the line between them are at the values of the sheet."""
    chip = request.getfixturevalue(run)
    sheet = figures_of(chip)
    drawn = {line.get_label(): line.get_xydata() for line in FIGURES["landscape"](chip).axes[0].lines}
    peak, whole = ([sheet[f"tops_per_mm2{end}"].value, sheet[f"tops_per_W{end}"].value] for end in ("", "_effective"))
    np.testing.assert_allclose(drawn["this chip"], [peak, whole])
    np.testing.assert_allclose(drawn["this chip, peak"], [peak])
    np.testing.assert_allclose(drawn["this chip, effective"], [whole])


def test_inference_is_open_and_training_filled(training):
    """A chip for inference alone has an open mark."""
    drawn = {line.get_label(): line for line in FIGURES["landscape"](training).axes[0].lines}
    assert drawn["HERMES core"].get_markerfacecolor() == "white"
    assert drawn["Ambrogio et al. 2018"].get_markerfacecolor() != "white"


@pytest.mark.parametrize("run", ["training", "stalling"])
def test_names_cover_nothing(run, request):
    """No name lies on another or on a mark, and all lie within the panel."""
    figure = FIGURES["landscape"](request.getfixturevalue(run))
    figure.draw_without_rendering()
    ax = figure.axes[0]
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) > 15
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    assert all(ax.bbox.x0 <= box.x0 and box.x1 <= ax.bbox.x1 and ax.bbox.y0 <= box.y0 and box.y1 <= ax.bbox.y1 for box in boxes)
    points = np.vstack([ax.transData.transform(line.get_xydata()) for line in ax.lines])
    assert not [(box, point) for box in boxes for point in points if box.contains(*point)]


@pytest.mark.parametrize("name", ["energy-per-image", "waterfall", "landscape"])
def test_a_run_without_images_has_no_figures_per_image(name, training):
    """A run that trained nothing is refused with what it lacks."""
    run = training.without()
    run.summary = {**training.summary, "images": 0}
    with pytest.raises(InputError, match=f"figure '{name}' needs .*, which a run has that trained images"):
        FIGURES[name](run)


@pytest.mark.parametrize(
    "value,text",
    [(14.05, "14.1"), (5.74e-5, "0.0000574"), (1234.0, "1230"), (1.72e-8, "1.7e-08"), (1.8e8, "1.8e+08"), (0.0, "0"), (4.12, "4.12")],
)
def test_plain_numbers_have_three_digits(value, text):
    """Numbers beside bars have three digits and are written out, unless they are tiny or huge."""
    assert plain(value) == text
