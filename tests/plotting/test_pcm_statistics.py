"""Statistics of phase-change devices as a script writes them: the published points hold in its table, and the figure shows the table."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest

from chipsim.chip.parameters import partial_set_vector, reset_vector
from chipsim.devices.pcm import PartialSet, Reset
from chipsim.kernels import pcm

DEVICES = 200_000
"""Sampling leaves a tenth to two thirds of the tolerances below at this number."""
SIGMAS = 5.0
DAY = 86_400.0


@pytest.fixture(scope="module")
def script(imported):
    """Return the script that draws devices."""
    return imported("pcm_statistics")


@pytest.fixture(scope="module")
def figures(imported):
    """Return the script that draws the figure, where the other one looks for it."""
    return imported("pcm_statistics_figures")


@pytest.fixture(scope="module")
def table(script, tmp_path_factory):
    """Return a table as the script writes it, of many devices."""
    path = tmp_path_factory.mktemp("statistics") / "pcm_statistics.csv"
    script.write_csv(path, script.measure(DEVICES))
    return path


@pytest.fixture(scope="module")
def value(table):
    """Return a function that looks a value up in the table."""
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    def find(panel, quantity, x, basis="drawn", condition=""):
        wanted = {"panel": panel, "quantity": quantity, "basis": basis, "condition": condition}
        (found,) = [row for row in rows if all(row[key] == text for key, text in wanted.items()) and float(row["x"]) == pytest.approx(x)]
        assert basis != "drawn" or int(found["devices"]) == DEVICES
        return float(found["value"])

    return find


@pytest.mark.parametrize("pulses, mean, spread", [(1, 2.06, 1.52), (4, 5.27, 2.34), (8, 7.24, 2.47), (20, 9.40, 2.70)])
def test_accumulation(value, pulses, mean, spread):
    """Mean and spread of reads after SET pulses from RESET, limited at 20 uS, are those of Nandakumar's model within 0.05 uS."""
    assert value("accumulation", "mean", pulses, condition="limit 20 uS") == pytest.approx(mean, abs=0.05)
    assert value("accumulation", "spread", pulses, condition="limit 20 uS") == pytest.approx(spread, abs=0.05)


@pytest.mark.parametrize("pulses", [1, 2, 4, 8, 20])
def test_accumulation_against_the_published_curve(value, pulses):
    """They lie within 0.2 uS of the curves published with YigitDemirag/srnn-pcm (img/model.png), which are kept in the table."""
    for quantity in ("mean", "spread"):
        drawn = value("accumulation", quantity, pulses, condition="limit 20 uS")
        assert drawn == pytest.approx(value("accumulation", quantity, pulses, basis="published"), abs=0.2)


def test_accumulation_without_limits_follows_the_closed_form(imported):
    """Where no limit holds devices back, the spread of reads is that of the exact recursion of mean and variance."""
    par, seen = partial_set_vector(PartialSet()), np.empty((21, 100_000))
    par[pcm.PARTIAL_MINIMUM], par[pcm.PARTIAL_MAXIMUM] = -1e3, 1e3
    imported("populations").accumulate(3, par, reset_vector(Reset(spread=0.0)), seen)
    for pulses in range(21):
        spread = PartialSet().read_spread_after(pulses, 0.1)
        assert seen[pulses].mean() == pytest.approx(PartialSet().mean_after(pulses, 0.1), abs=SIGMAS * spread / math.sqrt(1e5))
        assert seen[pulses].std() == pytest.approx(spread, rel=SIGMAS / math.sqrt(2e5))


@pytest.mark.parametrize("target, spread", [(2.5, 0.448), (12.5, 0.953), (25.0, 1.055)])
def test_programming_spread(value, target, spread):
    """The spread of one ramp is the fit to a million devices (Joshi et al., 2020): the fit within 0.001 uS, the draws as sampling allows."""
    assert value("programming", "spread", target, basis="closed form", condition="fit") == pytest.approx(spread, abs=1e-3)
    assert value("programming", "spread", target, condition="fit") == pytest.approx(spread, abs=1e-3 + SIGMAS * spread / math.sqrt(2 * DEVICES))


@pytest.mark.parametrize("g", [0.1, 0.49, 0.78, 0.88, 0.98])
def test_programming_spread_against_measured_points(value, g):
    """Measured spreads (IBM aihwkit, pcm_inference) lie within 0.1 uS of the draws, between whose targets they fall."""
    low = math.floor(25.0 * g / 1.25) * 1.25
    share = (25.0 * g - low) / 1.25
    drawn = [value("programming", "spread", target, condition="fit") for target in (low, min(low + 1.25, 25.0))]
    assert (1.0 - share) * drawn[0] + share * drawn[1] == pytest.approx(value("programming", "spread", 25.0 * g, basis="published"), abs=0.1)


@pytest.mark.parametrize("g, mean, spread", [(0.1, 0.0601, 0.0229), (0.21, 0.049, None), (0.33, 0.049, 0.008), (0.5, 0.049, 0.008), (1.0, 0.049, 0.008)])
def test_drift_exponents(value, g, mean, spread):
    """Mean and spread of nu are the fit to a million devices within 0.0001 (Joshi et al., 2020), and the draws follow it.

    Exponents are drawn without sign: where the spread is large against the mean, that folds some over, by a known amount.
    """
    of_mean, of_spread = (value("drift", quantity, g, basis="closed form") for quantity in ("mean exponent", "spread of exponent"))
    assert of_mean == pytest.approx(mean, abs=1e-4)
    assert spread is None or of_spread == pytest.approx(spread, abs=1e-4)
    ratio = of_mean / of_spread
    folded = of_spread * math.sqrt(2.0 / math.pi) * math.exp(-0.5 * ratio**2) + of_mean * math.erf(ratio / math.sqrt(2.0))
    assert value("drift", "mean exponent", g) == pytest.approx(folded, abs=SIGMAS * of_spread / math.sqrt(DEVICES))
    expected = math.sqrt(of_mean**2 + of_spread**2 - folded**2)
    assert value("drift", "spread of exponent", g) == pytest.approx(expected, rel=SIGMAS / math.sqrt(2 * DEVICES))


def test_retention_of_a_day(value):
    """A day after programming to g = 0.5, 66.35 % of the conductance are left on average, within 1 % (Joshi et al., 2020; t0 = 20 s)."""
    assert value("retention", "mean left", DAY, condition="g = 0.5") == pytest.approx(0.6635, rel=0.01)
    assert value("retention", "mean left", DAY, basis="closed form", condition="g = 0.5") == pytest.approx(0.6635, abs=1e-4)


def test_retention_goes_on_for_ten_years(value):
    """The last point is at ten years of 365.25 days; low states have lost more by then, and differ more from device to device."""
    ten = 10 * 31_557_600.0
    left = {g: value("retention", "mean left", ten, condition=f"g = {g}") for g in ("0.1", "0.5", "1")}
    widths = [np.diff([value("retention", f"{percent} % of devices below", ten, condition=f"g = {g}") for percent in (5, 95)])[0] for g in left]
    assert left["0.1"] < left["0.5"] < 0.6
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize("g, amplitude", [(1.0, 0.0088), (0.5, 0.0138)])
def test_slow_noise_amplitude(value, g, amplitude):
    """The amplitude of 1/f noise, from the deviations of devices at 20 s, is the published one within 1 % (Joshi et al., 2020)."""
    assert value("slow noise", "Q_s", g) == pytest.approx(amplitude, rel=0.01)


def test_slow_noise_at_the_reference_read(value):
    """Fully SET devices deviate by 3.68 % 20 s after programming, within 1 % of it."""
    assert value("slow noise", "relative sigma at 20 s", 1.0) == pytest.approx(0.0368, rel=0.01)


def test_read_noise(value):
    """One read of 128 ns at 10 uS scatters by 0.157 uS, within 2 % (IBM aihwkit, IR-drop tile)."""
    assert value("read noise", "sigma", 128, condition="G = 10 uS") == pytest.approx(0.157, rel=0.02)


def test_verify_loop(value):
    """SET pulses to 6 uS within 0.5 uS: 8.4 of them on average, within 0.3, and 99.9 % of the devices converge."""
    assert value("loop", "SET pulses", 6.0, condition="tolerance 0.5 uS") == pytest.approx(8.4, abs=0.3)
    assert value("loop", "converged", 6.0, condition="tolerance 0.5 uS") >= 0.999


@pytest.mark.parametrize("devices", ["0", "99", "20000000"])
def test_impossible_numbers_of_devices_are_refused(script, devices, tmp_path, capsys):
    """Too few devices for a spread, or too many for the memory, end with a message that names the limits, and with exit code 2."""
    with pytest.raises(SystemExit) as ended:
        script.main(["--devices", devices, "--out", str(tmp_path)])
    assert ended.value.code == 2
    assert f"--devices: {devices} devices; at least 100 and at most 10000000" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("figures")
def test_table_and_figure_are_written(script, tmp_path, capsys):
    """The script writes a table and draws it, and says so."""
    script.main(["--devices", "500", "--out", str(tmp_path)])
    assert {path.name for path in tmp_path.iterdir()} == {"pcm_statistics.csv", "pcm_statistics.png", "pcm_statistics.pdf"}
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_marks_are_draws_and_lines_are_closed_forms(figures, table, value):
    """The figure shows the numbers of the table: draws as marks, closed forms as lines."""
    mean = figures.statistics(figures.read(table)).axes[0]
    line, wide, *_ = mean.lines
    assert (line.get_linestyle(), line.get_marker()) == ("-", "None")
    assert (wide.get_linestyle(), wide.get_marker()) == ("None", "o")
    assert line.get_ydata()[8] == value("accumulation", "mean", 8, basis="closed form", condition="no limit")
    assert wide.get_ydata()[8] == value("accumulation", "mean", 8, condition="limit 20 uS")


def test_text_stays_in_the_picture(figures, table):
    """Nothing is cut off, and panels do not overlap."""
    figure = figures.statistics(figures.read(table))
    figure.draw_without_rendering()
    width, height = figure.get_size_inches() * figure.dpi
    boxes = [ax.get_tightbbox() for ax in figure.axes]
    assert all(box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1 for box in boxes)
    assert not [1 for one in figure.axes for other in figure.axes if one is not other and one.get_tightbbox().shrunk(0.99, 0.99).overlaps(other.bbox)]
