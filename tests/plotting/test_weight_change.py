"""Weight change against total and net pulses: cells asked on a bench, cells counted in training, and what is drawn."""

from __future__ import annotations

import csv
from itertools import pairwise

import numpy as np
import pytest

from chipsim import Scenario
from chipsim.chip.analog import AnalogChip
from chipsim.chip.plan import plan_training, starting_weights
from chipsim.datasets import load_dataset
from chipsim.errors import InputError, SimulationError
from chipsim.kernels import layout

SMALL = ("data.name=mnist-5k", "training.epochs=1", "network.layers=[528, 30, 20, 10]", "tiles.max_rows=200", "transfer.every=50 images")
"""A small network on several tiles, and short intervals."""
STEP = "cell.capacitor.step=1 mV"
"""Tolerances are reckoned with it."""


@pytest.fixture(scope="module")
def script(imported):
    """Return the script that measures."""
    return imported("weight_change")


@pytest.fixture(scope="module")
def bench(imported):
    """Return the script that asks single cells."""
    return imported("weight_change_bench")


@pytest.fixture(scope="module")
def counting(imported):
    """Return the script that counts pulses in training."""
    return imported("weight_change_training")


@pytest.fixture(scope="module")
def figures(imported):
    """Return the script that draws."""
    return imported("weight_change_figures")


def scenario_of(*overrides, name="mnist"):
    """Return a scenario of the small network."""
    return Scenario.load(name, [*SMALL, *overrides])


# ---- the bench ------------------------------------------------------------------------------------------------------------

QUIET = (
    STEP,
    "cell.capacitor.packet_noise=false",
    "cell.capacitor.thermal_noise=false",
    "cell.capacitor.threshold_spread=0 mV",
    "cell.capacitor.retention_spread=0",
    "cell.capacitor.retention=1000 s",
    "cell.capacitor.step_slope=0",
    "cell.pcm.programming=ideal",
    "transfer.offset=0 uS",
)
"""Nothing is left but what differs between up and down."""


def biased_change(bench, inversion, n):
    """Return the weight changes (steps) of cells with one step bias over two intervals of n pulses each, half of them up, and the bias."""
    scenario = scenario_of(*QUIET, "cell.capacitor.step_spread=0.1", f"transfer.polarity_inversion={str(inversion).lower()}")
    interval, chip = scenario.transfer.every.images, bench.chip_of(scenario, (8, 10))
    bias = 8
    chip.cells.steps[:, layout.STEP_UP], chip.cells.steps[:, layout.STEP_DOWN] = bias, -bias
    chip.program([np.zeros((8, 10), dtype=np.float32)])
    before, half, rng = chip.weights_at(0)[0], np.full((8, 10), n // 2), np.random.default_rng(1)
    first, second = (bench.schedule(half, half, interval, rng) for _ in range(2))
    second[0] += interval
    bench.drive(chip, np.concatenate([first, second], axis=1), 2 * interval, interval, chip.image_ps)
    change = chip.weights_at(2 * interval * chip.image_ps)[0] - before
    return change / scenario.cell.weight_step, bias * chip.device.step_lsb


def test_inversion_cancels_a_step_bias_over_two_intervals(bench):
    """A bias b gives a weight nothing over two equal intervals with inversion, and 2 n b steps without.

    Voltages are float32: 400 pulses may round by 400 x 6e-8 V, a fortieth of a step of 1 mV.
    """
    n = 200
    inverted, bias = biased_change(bench, True, n)
    plain, _ = biased_change(bench, False, n)
    np.testing.assert_allclose(inverted, 0.0, atol=0.05)
    np.testing.assert_allclose(plain, 2 * n * bias, atol=0.05)
    assert 2 * n * bias > 5


@pytest.mark.parametrize("name,action", [("mnist", (layout.PULSE_UP, layout.PULSE_DOWN)), ("mnist-pcm-only", (layout.SET_PULSE,))])
def test_the_bench_sends_the_pulses_it_is_asked_for(name, action, bench):
    """Every pulse of the schedule arrives, as the chip's own ledger counts them; refreshes and transfers aside."""
    scenario = scenario_of("refresh.every=1000 images", name=name)
    rng = np.random.default_rng(2)
    up, down = rng.integers(0, 40, (2, 5, 7))
    order = bench.schedule(up, down, 100, rng)
    for direction, asked in enumerate((up, down)):
        chosen = order[:, order[1] == direction]
        np.testing.assert_array_equal(np.bincount(chosen[2], weights=chosen[3], minlength=asked.size), asked.ravel())
    assert order[0].max() < 100
    chip = bench.chip_of(scenario, up.shape)
    bench.drive(chip, order, 100, scenario.transfer.every.images, chip.image_ps)
    assert chip.amounts.segment_counts[:, action].sum() == up.sum() + down.sum()


def test_a_weight_moves_by_the_net_of_its_pulses(bench):
    """Cells of the full cell move by their net pulses, whatever their total; nothing else than noise is left with inversion.

    Mean of 600 cells with a spread of about 15 steps: five standard errors are 3 steps; steps shrink and leak by a few per cent.
    """
    scenario = scenario_of(STEP)
    up, down = np.full((2, 600), 80), np.full((2, 600), 40)
    up[1], down[1] = 40, 80
    change = bench.ask(scenario, up, down) / scenario.cell.weight_step
    np.testing.assert_allclose(change.mean(axis=1), [40, -40], atol=5)


def test_a_pair_that_is_not_asked_stays_as_it_is(bench):
    """Without pulses PCM pairs keep their weight, as nothing leaks."""
    scenario = scenario_of("refresh.every=1000 images", name="mnist-pcm-only")
    nothing = np.zeros((4, 6), dtype=np.int64)
    assert not bench.ask(scenario, nothing, nothing).any()


@pytest.mark.parametrize("kind", ["2pcm+3t1c", "2pcm"])
def test_requests_can_be_made(kind, script):
    """Every request of the plane is a number of pulses up and one down, and reaches beyond the typical one."""
    total, net = script.plane_of(kind, script.FULL)
    made = total >= 0
    assert not ((total + net)[made] % 2).any()
    assert (np.abs(net) <= total)[made].all()
    most, farthest = script.TYPICAL[kind]
    assert total.max() >= 2 * most
    assert np.abs(net).max() == 2 * farthest


# ---- training -------------------------------------------------------------------------------------------------------------


def trained(chip, images):
    """Train a chip on so many images, without transfers, in windows that end anywhere."""
    chip.program(starting_weights(chip.scenario))
    phases, now = len(chip.phase_ps), 0
    for first, last in pairwise([0, 1, 7 * phases + 2, 20 * phases, images * phases]):
        now = chip.train(first, last, now)
    return chip.weights_at(now)


@pytest.mark.parametrize("name", ["mnist", "mnist-pcm-only"])
def test_counting_changes_nothing(name, counting):
    """A chip whose pulses are counted learns the same, and has counted as many pulses as its ledger, also by direction."""
    scenario = scenario_of("training.learning_rate=0.02", name=name)
    data = load_dataset(scenario.data, None)
    plan, window = plan_training(scenario, len(data.train_labels)), counting.Window("all", 0, 40)
    chip, plain = counting.CountingChip(scenario, data, plan, [window]), AnalogChip(scenario, data, plan)
    for one, other in zip(trained(chip, 40), trained(plain, 40), strict=True):
        np.testing.assert_array_equal(one, other)
    assert window.counted == window.booked > 1000
    if scenario.cell.has_capacitor:
        ups, downs = chip.amounts.segment_counts[:, (layout.PULSE_UP, layout.PULSE_DOWN)].sum(axis=0)
        assert (window.booked, sum(int(net.sum()) for net in window.net)) == (ups + downs, ups - downs)


def test_pulses_of_each_cell_are_those_that_moved_it(counting):
    """Without noise, mismatch, leak and slope a weight has moved by its net pulses, cell by cell.

    The few cells that ran into the limits of their capacitor aside, of which there are none in so few images; float32 rounds.
    """
    scenario = scenario_of(*QUIET, "cell.capacitor.step_spread=0")
    data = load_dataset(scenario.data, None)
    plan, window = plan_training(scenario, len(data.train_labels)), counting.Window("all", 0, 20)
    chip = counting.CountingChip(scenario, data, plan, [window])
    chip.program(starting_weights(scenario))
    before = chip.weights_at(0)
    after = chip.weights_at(chip.train(0, 20 * len(chip.phase_ps), 0))
    for layer, net in enumerate(window.net):
        np.testing.assert_allclose((after[layer] - before[layer]) / scenario.cell.weight_step, net, atol=0.05)
    assert max(int(np.abs(net).max()) for net in window.net) > 20


@pytest.mark.parametrize("name", ["mnist", "mnist-pcm-only"])
def test_windows_of_a_run_are_counted(name, counting):
    """Both windows of a whole run are two intervals, transfers included; what is counted is what the chip booked."""
    early, late = counting.count_pulses(scenario_of("training.learning_rate=0.02", name=name))
    assert (early.first, early.last, late.first, late.last) == (0, 100, 4850, 4950)
    for window in (early, late):
        assert window.counted == window.booked > 0
        assert any((after != before).any() for after, before in zip(window.after, window.before, strict=True))


def test_a_wrong_count_is_an_error(counting, monkeypatch):
    """Where the count is not the ledger's, nothing is reported but that."""
    fired = counting.CountingChip._fired

    def one_short(*args):
        lines, trains = fired(*args)
        return lines[1:], trains[1:]

    monkeypatch.setattr(counting.CountingChip, "_fired", one_short)
    with pytest.raises(SimulationError, match="were counted, the chip booked"):
        counting.count_pulses(scenario_of())


@pytest.mark.parametrize(
    "overrides,message",
    [
        (("transfer.every=1 ms",), "transfer.every"),
        (("transfer.every=2000 images",), "too short"),
        (("cell.kind=software",), "stochastic"),
        (("training.update=deterministic",), "stochastic"),
    ],
)
def test_what_cannot_be_counted_is_refused(overrides, message, counting):
    """A scenario without intervals of images, too few of them, or without pulse trains is refused with the reason."""
    with pytest.raises(InputError, match=message):
        counting.count_pulses(scenario_of(*overrides))


# ---- tables and figure ----------------------------------------------------------------------------------------------------


@pytest.fixture
def table(script, tmp_path):
    """Return a table with made-up numbers for every part."""
    rng, rows = np.random.default_rng(3), []
    for name in script.CELLS:
        scenario = Scenario.load(name)
        for part, made in (("plane", script.plane_of), ("section", script.section_of)):
            total, net = made(scenario.cell.kind, script.BRIEF)
            total, net = total[total >= 0], net[total >= 0]
            rows += script.rows_of(scenario, part, "", total, net, 0.5 * net + rng.normal(0, 1, net.size))
        for moment in ("early", "late"):
            total = rng.poisson(300, 100)
            net = rng.binomial(total, 0.5) * 2 - total
            rows += script.rows_of(scenario, "training", moment, total, net, net.astype(np.float64))
            rows.append({"part": "training median", "scenario": name, "moment": moment, "total_pulses": 300})
    script.write_csv(tmp_path / "weight_change.csv", rows, script.COLUMNS)
    return tmp_path / "weight_change.csv"


def test_tables_and_figure_are_written(script, figures, tmp_path, capsys):
    """The script measures the three cells, says how many pulses cells get, early and late, and draws it all."""
    assert figures
    script.main(["--short", "--processes", "1", "--out", str(tmp_path), "--set", "network.layers=[528, 20, 10]"])
    names = {"weight_change.csv", "weight_change_numbers.csv", "weight_change.png", "weight_change.pdf"}
    assert {path.name for path in tmp_path.iterdir()} == names
    with (tmp_path / "weight_change_numbers.csv").open(encoding="utf-8", newline="") as file:
        numbers = [row for row in csv.DictReader(file) if row["part"] == "training"]
    assert [(row["scenario"], row["moment"]) for row in numbers] == [(name, moment) for name in script.CELLS for moment in ("early", "late")]
    assert all(row["pulses_counted"] == row["pulses_booked"] for row in numbers)
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_a_pixel_is_a_cell(figures, table):
    """The maps show the weight change of each cell as a share of the ideal one at the largest net; equal colours mean equal shares."""
    figure, rows = figures.weight_change(figures.read(table)), figures.read(table)
    meshes = [ax.collections[0] for ax in figure.axes[:3]]
    assert {mesh.get_clim() for mesh in meshes} == {(-1, 1)}
    for mesh, name in zip(meshes, ("mnist", "mnist-no-inversion", "mnist-pcm-only"), strict=True):
        cells = rows[name, "plane", ""]
        drawn = np.ma.masked_invalid(mesh.get_array()).compressed()
        np.testing.assert_allclose(np.sort(drawn), np.sort(cells["change"] / np.abs(cells["net"]).max()))


def test_text_stays_in_the_picture(figures, table):
    """Nothing is cut off, and panels do not overlap."""
    figure = figures.weight_change(figures.read(table))
    figure.draw_without_rendering()
    width, height = figure.get_size_inches() * figure.dpi
    boxes = [ax.get_tightbbox() for ax in figure.axes]
    assert all(box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1 for box in boxes)
    assert not [1 for one in figure.axes for other in figure.axes if one is not other and one.get_tightbbox().shrunk(0.99, 0.99).overlaps(other.bbox)]
