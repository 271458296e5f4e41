"""The study of throughput and energy: its points, what becomes of refused ones, and what is drawn."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from chipsim.scenario import Scenario
from chipsim.silicon import Tally


@pytest.fixture(scope="module")
def script(imported):
    """Return the script that computes."""
    return imported("silicon_study")


@pytest.fixture(scope="module")
def figures(imported):
    """Return the script that draws, where the other one looks for it."""
    return imported("silicon_study_figures")


@pytest.fixture
def estimated(script, monkeypatch):
    """Let estimates be made up: half the time is training; what was asked for is kept."""
    asked = []

    def estimate(scenario, *, data_dir):
        asked.append((scenario, data_dir))
        counts = {"read-out.conversion": 762e6, "pcm.RESET pulse": 3e6, "chip.powered time": 0.48}
        return Tally(1_000_000, 125, 0.48, 0.24, counts, {"transfer": 0.24}, "made up")

    monkeypatch.setattr(script, "estimated_tally", estimate)
    return asked


@pytest.fixture
def table(script, tmp_path):
    """Return a table with made-up numbers for every point."""
    rows = []
    for number, point in enumerate(script.grid()):
        for name in script.TABLES if point.study == "tile" else script.TABLES[:1]:
            numbers = dict(zip(script.FIGURES, (4.12, 1.0 + 0.01 * number, 10.0 - 0.1 * number, 5.0, 370.0 - number, 100.0 + number, 8e-9), strict=True))
            rows.append({**point.keys, "table": name, "status": "done", **numbers, "area_mm2": 0.4, "transfers_done": 1.0, "message": ""})
    script.write_csv(tmp_path / "silicon_study.csv", rows)
    return tmp_path / "silicon_study.csv"


def test_every_point_is_a_scenario(script):
    """All points load, each once, with the values that they are named by."""
    points = script.grid()
    assert len(set(points)) == len(points)
    for point in points:
        scenario = Scenario.load("mnist", list(point.overrides))
        assert scenario.transfer.policy == point.policy
        assert point.tile is None or (scenario.tiles.max_rows, scenario.tiles.built) == (point.tile, point.built)


def test_studies_can_be_chosen(script):
    """Of several studies, those that are named are done, in their usual order."""
    assert {point.study for point in script.grid(["tile", "current"])} == {"current", "tile"}


def test_a_row_is_what_the_estimate_comes_to(script, estimated, tmp_path):
    """A point is estimated once; its row has the figures of the scenario's own table."""
    (row,) = script.rows_of(script.Point("current", "stall", 8000, 20), "mnist", ("seed=3",), tmp_path)
    ((scenario, data_dir),) = estimated
    assert (scenario.seed, data_dir) == (3, tmp_path)
    assert row["table"] == scenario.prices.table
    assert row["tops_effective"] == pytest.approx(989_310 * 1e6 / 0.48 * 1e-12)
    assert row["tops_peak"] == pytest.approx(2 * row["tops_effective"])


def test_tiles_are_priced_by_both_tables_from_one_estimate(script, estimated):
    """Prices need no estimate of their own."""
    rows = list(script.rows_of(script.Point("tile", "instant", tile=64, built="full"), "mnist", (), None))
    assert [row["table"] for row in rows] == list(script.TABLES)
    assert len(estimated) == 1
    assert rows[0]["area_mm2"] < rows[1]["area_mm2"]


@pytest.mark.parametrize("overrides,message", [(("transfer.programming_current=1 uA",), "programming_current"), (("cell.kind=software",), "software")])
@pytest.mark.usefixtures("estimated")
def test_a_refused_point_keeps_its_message(overrides, message, script):
    """A scenario that is refused, or has no chip, becomes a row with the reason."""
    (row,) = script.rows_of(script.Point("interval", "stall", 8000), "mnist", overrides, None)
    assert row["status"] == "refused"
    assert message in row["message"]


@pytest.mark.usefixtures("figures", "estimated")
def test_table_and_figure_are_written(script, tmp_path, capsys):
    """The script writes a row a point and price table, and draws them; it says each."""
    script.main(["mnist", "--studies", "current", "tile", "--out", str(tmp_path)])
    with (tmp_path / "silicon_study.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(script.grid(["current"])) + 2 * len(script.grid(["tile"]))
    assert {path.name for path in tmp_path.iterdir()} == {"silicon_study.csv", "silicon_study.png", "silicon_study.pdf"}
    assert len(capsys.readouterr().out.splitlines()) == len(rows) + 3


def test_lines_are_the_numbers_of_the_table(script, figures, table):
    """Every policy and current is a line of effective rates and efficiencies; every table and way of building one of peaks."""
    figure = figures.study(figures.read(table))
    rate, by_current, per_area, efficiency, _, per_watt = figure.axes
    drawn = [line for line in rate.lines if len(line.get_xdata()) == len(script.INTERVALS)]
    assert len(drawn) == len(script.POLICIES) * len(script.CURRENTS_MA)
    np.testing.assert_allclose(drawn[0].get_xdata(), script.INTERVALS)
    np.testing.assert_allclose(drawn[0].get_ydata(), 1.0 + 0.01 * np.arange(len(script.INTERVALS)))
    assert len(efficiency.lines) == len(drawn)
    assert len([line for line in by_current.lines if len(line.get_xdata()) == len(script.BUDGETS_MA)]) == len(script.POLICIES)
    assert [len(ax.lines) for ax in (per_area, per_watt)] == [len(script.TABLES) * len(script.BUILT)] * 2


def test_chips_that_fall_behind_are_marked(script, figures, table, tmp_path):
    """Points with fewer transfers than asked for have open marks, and the legend says so."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    slow = [row for row in rows if row["study"] == "current" and row["policy"] == "interleave" and float(row["programming_current_mA"]) < 20]
    script.write_csv(tmp_path / "late.csv", [{**row, "transfers_done": 0.4 if row in slow else row["transfers_done"]} for row in rows])
    figure = figures.study(figures.read(tmp_path / "late.csv"))
    (late,) = [line for line in figure.axes[1].lines if line.get_label() == "behind"]
    np.testing.assert_allclose(late.get_xdata(), [float(row["programming_current_mA"]) for row in slow])
    assert late.get_markerfacecolor() == "white"
    assert any("falls behind" in text.get_text() for text in figure.axes[4].get_legend().get_texts())
    assert not [line for ax in figures.study(figures.read(table)).axes for line in ax.lines if line.get_label() == "behind"]


def test_transfers_done_are_those_that_sampled_weights(script):
    """A chip that sampled half of the weights due has done half of its transfers."""
    scenario = Scenario.load("mnist", ["transfer.policy=interleave", "transfer.every=8000 images"])
    tally = Tally(80_000, 10, 1.0, 1.0, {"transfer.sample read": 5 * 164_885}, {}, "made up")
    assert script.done(scenario, tally) == pytest.approx(0.5)


def test_text_stays_in_the_picture(figures, table):
    """Nothing is cut off, and panels and legends do not overlap."""
    figure = figures.study(figures.read(table))
    figure.draw_without_rendering()
    width, height = figure.get_size_inches() * figure.dpi
    boxes = [ax.get_tightbbox() for ax in figure.axes]
    assert all(box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1 for box in boxes)
    assert not [1 for one in figure.axes for other in figure.axes if one is not other and one.get_tightbbox().shrunk(0.99, 0.99).overlaps(other.bbox)]


def test_refused_points_are_left_out(script, figures, tmp_path):
    """A table without a number is drawn as empty panels rather than not at all."""
    script.write_csv(tmp_path / "silicon_study.csv", [{**script.Point("interval", "stall", 8000, 10).keys, "status": "refused", "message": "no"}])
    assert len(figures.draw(tmp_path / "silicon_study.csv", tmp_path)) == 2
