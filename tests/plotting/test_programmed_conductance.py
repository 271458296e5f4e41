"""Programmed conductance by pulse sequence: the array is programmed as by a transfer, and what is written is what came out."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest

from chipsim.devices.pcm import Ramp, ReadNoise, Verify

SIGMAS = 5.0
COLUMNS = 256
"""Columns of the array in tests: 8,192 devices a sequence."""


@pytest.fixture(scope="module")
def script(imported):
    """Return the script that programs."""
    return imported("programmed_conductance")


@pytest.fixture(scope="module")
def figures(imported):
    """Return the script that draws, where the other one looks for it."""
    return imported("programmed_conductance_figures")


@pytest.fixture(scope="module")
def table(script, tmp_path_factory):
    """Return a table as the script writes it."""
    path = tmp_path_factory.mktemp("programmed") / "programmed_conductance.csv"
    script.write_csv(path, list(script.measure(COLUMNS)))
    return path


@pytest.fixture(scope="module")
def values(table):
    """Return a function that looks up a quantity of all sequences, from the shortest on, as an array."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    def find(quantity, loop="one ramp", basis="drawn", level="", column="value"):
        wanted = {"quantity": quantity, "loop": loop, "basis": basis, "level": level}
        return np.array([float(row[column]) for row in rows if all(row[key] == text for key, text in wanted.items())])

    return find


def test_sequences_are_those_of_the_paper(values):
    """Steps run from 1.7 to 550 ns, eight of them from 13.6 ns to 4.4 us (Ambrogio et al., 2018, Extended Data Fig. 7), evenly in the logarithm."""
    steps, totals = values("mean", column="step_ns"), values("mean", column="ramp_us")
    assert steps[[0, -1]] == pytest.approx([1.7, 550.0], rel=1e-3)
    assert totals[[0, -1]] == pytest.approx([13.6e-3, 4.4], rel=1e-3)
    assert np.diff(np.log(steps)) == pytest.approx(np.full(steps.size - 1, math.log(550.0 / 1.7) / (steps.size - 1)), rel=1e-3)


def test_every_device_of_the_array_takes_part(script, values):
    """The sequences share an array of 512 x 1,024 devices, each with as many columns."""
    assert (script.ROWS, script.COLUMNS) == (512, 1024)
    assert script.COLUMNS % script.SEQUENCES == 0
    assert script.SHORT_COLUMNS % script.SEQUENCES == 0
    assert set(values("mean", column="devices")) == {512 * COLUMNS / script.SEQUENCES}


def test_one_ramp_scatters_by_the_programming_spread(values):
    """A single ramp lands at its aim on average and scatters by the spread of Joshi et al. (2020), with control lost above 20 uS.

    The shortest sequence is left out: a ramp takes nothing away from what RESET leaves, which cuts its distribution off.
    """
    aims, size = values("mean", column="aimed_uS")[1:], values("mean", column="devices")[1:]
    sigma = Ramp().programming_sigma(aims)
    assert (np.abs(values("mean")[1:] - aims) < SIGMAS * sigma / np.sqrt(size)).all()
    assert (np.abs(values("spread")[1:] / sigma - 1.0) < SIGMAS / np.sqrt(2.0 * size)).all()
    assert values("spread", basis="closed form")[1:] == pytest.approx(sigma, rel=1e-4)


def test_control_is_lost_above_the_limit(values):
    """Beyond 20 uS the spread doubles, and twice as many pairs of devices end in the wrong order as below; medians stay in order."""
    aims, spread, wrong = values("mean", column="aimed_uS"), values("spread"), values("wrong order")
    assert spread[-1] > 1.9 * spread[aims <= 20.0].max()
    assert wrong[-1] > 1.7 * wrong[:-1][aims[1:-1] <= 20.0].max()
    assert (np.diff(values("conductance", level="0.5")) > 0).all()


def test_wrong_order_follows_from_the_spreads(values):
    """The share of wrongly ordered pairs is that of two normal distributions, within what sampling of both leaves."""
    drawn, expected, size = values("wrong order")[1:], values("wrong order", basis="closed form")[1:], values("mean", column="devices")[1:-1]
    assert (np.abs(drawn - expected) < SIGMAS * np.sqrt(2.0 * expected * (1.0 - expected) / size)).all()


@pytest.mark.parametrize(
    "lower, higher, share", [([1.0, 2.0], [3.0, 4.0], 0.0), ([3.0, 4.0], [1.0, 2.0], 1.0), ([1.0, 3.0], [2.0, 4.0], 0.25), ([1.0], [1.0], 0.0)]
)
def test_wrong_order_counts_pairs(script, lower, higher, share):
    """Of all pairs of a device of either sequence, those count of which the longer ramp left less."""
    assert script.wrong_order(np.array(lower), np.array(higher)) == share


def test_verification_narrows_every_distribution(values):
    """Repeated until a read lies within 0.7 uS, devices scatter by what that cut and the read's own noise leave; 4 % for devices given up."""
    open_loop, closed = values("spread")[1:], values("spread", "verified")[1:]
    assert closed == pytest.approx(values("spread", "verified", "closed form")[1:], rel=0.04)
    assert (closed < open_loop).all()
    assert values("wrong order", "verified").max() < 0.01


def test_verification_costs_ramps(values):
    """Without verify a device gets one ramp; with it as many as a geometric law of the share inside the tolerance says, more above 20 uS."""
    ramps, aims, size = values("ramps", "verified")[1:], values("mean", column="aimed_uS")[1:], values("mean", column="devices")[1:]
    assert (values("ramps") == 1.0).all()
    total = np.hypot(Ramp().programming_sigma(aims), [float(ReadNoise().sigma(aim, Verify().duration)) for aim in aims])
    inside = np.array([math.erf(0.7 / sigma / math.sqrt(2.0)) for sigma in total])
    assert (np.abs(ramps - 1.0 / inside) < 0.02 / inside + SIGMAS * np.sqrt(1.0 - inside) / inside / np.sqrt(size)).all()
    assert ramps[-1] > 1.7 * ramps[aims <= 20.0].max()
    assert 0.0 < values("given up", "verified")[-1] < 0.01


def test_the_first_ramp_is_the_same_with_and_without_verify(script):
    """A device that verifies at once is what it is without verify: draws depend on place and attempt alone."""
    aims = np.full(4, 10.0)
    once, closed = (script.program(aims, verify=verify) for verify in (False, True))
    first = closed.ramps == 1
    assert 0.3 < first.mean() < 0.9
    assert np.array_equal(once.conductance[first], closed.conductance[first])
    assert not np.array_equal(once.conductance, closed.conductance)


@pytest.mark.usefixtures("figures")
def test_table_and_figure_are_written(script, tmp_path, capsys):
    """The short version writes a table and draws it, and says so."""
    script.main(["--short", "--out", str(tmp_path)])
    assert {path.name for path in tmp_path.iterdir()} == {f"programmed_conductance.{kind}" for kind in ("csv", "png", "pdf")}
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_lines_are_the_distributions_of_the_table(script, figures, table, values):
    """Each of the upper panels has a line a sequence, through the quantiles in the table."""
    figure = figures.distributions(figures.read(table))
    for ax, loop in zip(figure.axes[:2], script.LOOPS, strict=True):
        assert len(ax.lines) == script.SEQUENCES
        at = script.LEVELS.index(0.5)
        assert [line.get_xdata()[at] for line in ax.lines] == pytest.approx(values("conductance", loop, level="0.5"))
        assert {line.get_ydata()[at] for line in ax.lines} == {50.0}


def test_text_stays_in_the_picture(figures, table):
    """Nothing is cut off."""
    figure = figures.distributions(figures.read(table))
    figure.draw_without_rendering()
    width, height = figure.get_size_inches() * figure.dpi
    boxes = [ax.get_tightbbox() for ax in figure.axes]
    assert all(box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1 for box in boxes)
