"""Mismatch of the cells of a chip: what the script reads and pulses is what the parameters say, and what it draws is what it found."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest

from chipsim.devices import Capacitor

SIGMAS = 5.0
CELLS = 164_885
"""(528 + 1) x 250 + (250 + 1) x 125 + (125 + 1) x 10."""


@pytest.fixture(scope="module")
def script(imported):
    """Return the script that reads and pulses."""
    return imported("cell_mismatch")


@pytest.fixture(scope="module")
def figures(imported):
    """Return the script that draws, where the other one looks for it."""
    return imported("cell_mismatch_figures")


@pytest.fixture(scope="module")
def chip(script):
    """Return the chip of the scenario `mnist`."""
    return script.build_chip()


@pytest.fixture(scope="module")
def table(script, chip, tmp_path_factory):
    """Return a table as the script writes it, of all cells, at a few voltages."""
    path = tmp_path_factory.mktemp("mismatch") / "cell_mismatch.csv"
    script.write_csv(path, [*script.distributions(chip), *script.curves(chip, (0.0, 0.3, 0.5, 0.9, 1.2))])
    return path


@pytest.fixture(scope="module")
def rows(table):
    """Return the rows of the table."""
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def look_up(rows, **keys):
    """Return the values of the rows with these keys, as an array."""
    return np.array([float(row["value"]) for row in rows if all(row[key] == text for key, text in keys.items())])


@pytest.mark.parametrize("quantity, mean, sigma", [("g", 8.0, 0.8), ("step up", 1.0, 0.1), ("step down", 1.0, 0.1)])
@pytest.mark.parametrize("statistic, cells", [("1000 trials", 1000), ("all cells", CELLS)])
def test_spreads_follow_from_the_parameters(rows, quantity, mean, sigma, statistic, cells):
    """At 0.5 V, 40 uS/V x 20 mV make 0.8 uS around 8 uS, and steps of 1 mV differ by 10 %; in 1,000 trials as in all cells."""
    chosen = {"quantity": quantity, "statistic": statistic}
    assert [int(row["cells"]) for row in rows if row["panel"] == "sigma" and all(row[key] == text for key, text in chosen.items())] == [cells]
    assert look_up(rows, panel="mean", **chosen) == pytest.approx(mean, abs=SIGMAS * sigma / math.sqrt(cells))
    assert look_up(rows, panel="sigma", **chosen) == pytest.approx(sigma, rel=SIGMAS / math.sqrt(2 * cells))
    assert look_up(rows, panel="sigma", quantity=quantity, basis="closed form") == pytest.approx(sigma)


def test_transistors_differ_independently(rows):
    """Read transistor, pull-up and pull-down of a cell are drawn independently: no correlation over all cells."""
    found = look_up(rows, panel="correlation")
    assert found.size == 3
    assert (np.abs(found) < SIGMAS / math.sqrt(CELLS)).all()


@pytest.mark.parametrize("quantity", ["g", "step up", "step down"])
def test_distributions_are_normal(rows, quantity):
    """All cells, scaled to 1,000, fill the bins as a normal distribution does, within sampling and the rounding to an 8-bit grid."""
    drawn = look_up(rows, panel="distribution", quantity=quantity, statistic="all cells")
    normal = look_up(rows, panel="distribution", quantity=quantity, basis="closed form")
    assert drawn.size == normal.size
    assert normal.sum() == pytest.approx(1000.0, rel=1e-3)
    assert (np.abs(drawn - normal) < SIGMAS * np.sqrt((normal + 1000.0 / CELLS) * 1000.0 / CELLS) + 0.01 * normal).all()


def test_trials_are_counted(rows):
    """Nearly all of the 1,000 trials lie in the bins, each counted as one."""
    for quantity in ("g", "step up", "step down"):
        counts = look_up(rows, panel="distribution", quantity=quantity, statistic="1000 trials")
        assert counts == pytest.approx(np.rint(counts))
        assert 995 <= counts.sum() <= 1000


@pytest.mark.parametrize("volt", [0.5, 0.9])
def test_curves_follow_the_closed_forms(script, rows, volt):
    """Medians are the nominal cell, and 68 cells in 100 lie within a sigma; the spread of g is the same at all voltages, that of a step follows the step."""
    at, free = script.nominal(Capacitor(), volt), script.sigmas(Capacitor())
    assert at == pytest.approx({"g": 40.0 * (volt - 0.3), "step up": 1.0 - 0.2 * (volt - 0.5), "step down": 1.0 + 0.2 * (volt - 0.5)})
    for name, value in at.items():
        sigma = free[name] * (1.0 if name == "g" else value)
        chosen = {"panel": "curve", "quantity": name, "voltage_V": f"{volt:g}"}
        low, middle, high = (look_up(rows, **chosen, statistic=statistic)[0] for statistic in ("16 %", "median", "84 %"))
        grid = 0.04 * sigma  # quantiles lie on the 8-bit grid of the spreads
        assert middle == pytest.approx(value, abs=grid)
        assert [middle - low, high - middle] == pytest.approx([0.9945 * sigma] * 2, abs=2 * grid)


def test_transistors_conduct_nothing_below_their_threshold(rows):
    """At zero volt no cell conducts; at the nominal threshold every other one does, those with a lower threshold."""
    assert (look_up(rows, panel="curve", quantity="g", voltage_V="0") == 0.0).all()
    assert look_up(rows, panel="curve", quantity="g", voltage_V="0.3", statistic="16 %") == pytest.approx(0.0, abs=1e-5)
    assert look_up(rows, panel="curve", quantity="g", voltage_V="0.3", statistic="84 %") == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize("quantity, volt", [("step up", "1.2"), ("step down", "0")])
def test_steps_end_at_the_supply(rows, quantity, volt):
    """A full capacitor takes no up step, an empty one no down step."""
    assert look_up(rows, panel="curve", quantity=quantity, voltage_V=volt) == pytest.approx(np.zeros(6), abs=1e-4)


def test_a_step_is_one_pulse_of_the_cell_itself(script, chip):
    """Up and down steps of a cell differ by the deviations that the chip drew for it, at every voltage, to the float32 of a voltage."""
    for direction, deviations in ((1, chip.cells.step_up), (-1, chip.cells.step_down)):
        drawn = 1.0 + chip.device.step_lsb * script.every(chip, deviations)
        slope = 1.0 - direction * 0.2 * (0.7 - 0.5)
        assert script.step(chip, 0.7, direction) == pytest.approx(drawn * slope, abs=2e-4)


@pytest.mark.usefixtures("figures")
def test_table_and_figure_are_written(script, tmp_path, capsys):
    """The short version writes a table and draws it, and says so."""
    script.main(["--short", "--out", str(tmp_path)])
    assert {path.name for path in tmp_path.iterdir()} == {f"cell_mismatch.{kind}" for kind in ("csv", "png", "pdf")}
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_bars_and_lines_are_the_numbers_of_the_table(figures, rows, table):
    """Bars are trials, the line all cells, dashes the closed form."""
    ax = figures.mismatch(figures.read(table)).axes[0]
    assert [bar.get_height() for bar in ax.patches] == pytest.approx(look_up(rows, panel="distribution", quantity="g", statistic="1000 trials"))
    cells, normal = ax.lines
    assert cells.get_ydata() == pytest.approx(look_up(rows, panel="distribution", quantity="g", statistic="all cells"))
    assert normal.get_ydata() == pytest.approx(look_up(rows, panel="distribution", quantity="g", basis="closed form"))


def test_text_stays_in_the_picture(figures, table):
    """Nothing is cut off, and panels do not overlap."""
    figure = figures.mismatch(figures.read(table))
    figure.draw_without_rendering()
    width, height = figure.get_size_inches() * figure.dpi
    boxes = [ax.get_tightbbox() for ax in figure.axes]
    assert all(box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1 for box in boxes)
    assert not [1 for one in figure.axes for other in figure.axes if one is not other and one.get_tightbbox().shrunk(0.99, 0.99).overlaps(other.bbox)]
