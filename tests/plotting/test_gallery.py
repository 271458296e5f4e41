"""The gallery: every table and figure of the evidence is made from small runs, and what stands in its tables is what runs say."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from chipsim import load_run
from chipsim.errors import InputError
from chipsim.scenario import Scenario

NAMES = (
    "accuracy_table",
    "accuracy_epochs",
    "transfer_correlation",
    "equivalence",
    "night",
)


@pytest.fixture(scope="module")
def gallery(imported):
    """Return the script."""
    return imported("gallery")


@pytest.fixture(scope="module")
def benchmarks(imported):
    """Return the benchmarks."""
    return imported("benchmarks")


@pytest.fixture(scope="module")
def shared_runs(tmp_path_factory):
    """Return a folder of runs that scripts share."""
    return tmp_path_factory.mktemp("runs")


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_is_drawn_from_small_runs(imported, shared_runs, tmp_path, name):
    """The short version of a script leaves a table with the columns it promises, and the figure as PNG and PDF."""
    script = imported(name)
    seeds = [] if name == "transfer_correlation" else ["--seeds", "2" if name == "accuracy_table" else "1"]
    script.main(["--short", "--processes", "1", "--runs", str(shared_runs), "--out", str(tmp_path), *seeds])
    with (tmp_path / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert tuple(rows[0]) == script.COLUMNS
    assert all((tmp_path / f"{name}{kind}").stat().st_size > 5000 for kind in (".png", ".pdf"))


def test_every_script_exists_and_knows_what_the_gallery_tells_it(gallery, root, capsys):
    """Each script of the gallery has a file, and takes the arguments of its long and its short version."""
    for script in gallery.SCRIPTS:
        source = (root / "plots" / f"{script.name}.py").read_text(encoding="utf-8")
        for option in script.options - {"--data-dir", "--out", "--runs", "--processes"}:
            assert option in source
    gallery.main(["--list"])
    assert capsys.readouterr().out.split() == [script.name for script in gallery.SCRIPTS]


def test_an_unknown_script_is_refused_with_those_there_are(gallery):
    """A name that is no script of the gallery is told before anything is made."""
    with pytest.raises(InputError, match=r"accuracy_tabel.*accuracy_table"):
        gallery.chosen(["accuracy_tabel"])


def test_all_data_sets_have_the_same_devices(benchmarks):
    """Capacitor, PCM, gain and programming are the same in the full cell of every benchmark; only scale and schedule differ."""
    cells = [bench.job(benchmarks.FULL, 1).load() for bench in benchmarks.BENCHMARKS.values()]
    devices = {(str(scenario.cell.capacitor), str(scenario.cell.pcm), scenario.cell.gain, scenario.cell.read_voltage) for scenario in cells}
    assert len(devices) == 1


@pytest.mark.parametrize(
    "cell, name",
    [
        ("software", "mnist-software"),
        ("2PCM+3T1C", "mnist"),
        ("without inversion", "mnist-no-inversion"),
        ("2PCM only", "mnist-pcm-only"),
        ("3T1C only", "mnist-3t1c-only"),
    ],
)
def test_the_cells_are_those_of_the_shipped_scenarios(benchmarks, cell, name):
    """On MNIST each cell is trained as the scenario of that name trains it."""
    ours, shipped = benchmarks.BENCHMARKS["mnist"].job(cell, 1).load(), Scenario.load(name)
    assert ours.model_dump(exclude={"title"}) == shipped.model_dump(exclude={"title"})


def test_differences_are_paired(imported):
    """Where every seed loses the same against software the interval is nothing, however much the seeds differ."""
    table = imported("accuracy_table")
    software = np.array([97.0, 98.0, 99.0])
    assert table.difference(software - 0.5, software) == "\N{MINUS SIGN}0.50 ± 0.00"
    assert table.difference(software, software) == ""


def test_the_interval_of_a_mean_is_students(imported):
    """Five values of standard deviation 1 have a mean good to 2.776 / sqrt(5)."""
    values = np.array([-1.0, -1.0, 0.0, 1.0, 1.0])
    assert imported("study").half_interval(values) == pytest.approx(2.776 / np.sqrt(5))


def test_a_correlation_is_told_with_slope_and_rms(imported):
    """What is written 1 µS too high at twice the slope is told so."""
    wanted = np.linspace(-10, 10, 101)
    found = imported("transfer_correlation").told(wanted, 2 * wanted + 1)
    assert found["correlation"] == pytest.approx(1)
    assert found["slope"] == pytest.approx(2)
    assert found["mean_uS"] == pytest.approx(1)
    assert found["rms_uS"] == pytest.approx(np.sqrt((wanted**2).mean() + 1))


def test_what_a_transfer_held_before_is_what_the_one_before_wrote(imported, benchmarks, shared_runs):
    """Maps of the last two transfers are columns of the run's traces, in µS."""
    script, job = imported("transfer_correlation"), benchmarks.BENCHMARKS["mnist"].job(benchmarks.FULL, 1, short=True)
    imported("runs").run_all([job], shared_runs, None, 1)
    run = load_run(job.folder(shared_runs))
    pairs = script.pairs_of(run)
    assert np.array_equal(pairs["held"][0], run["transfer"]["programmed"][-2])
    assert np.array_equal(pairs["last"][0], pairs["held"][1])
    assert np.array_equal(pairs["whole"][1], run["transfer"]["weight_after"][-1])


def test_the_grid_of_equivalence_spans_retention_interval_and_gain(imported):
    """Six retentions and six intervals at three gains, and three more gains at the retention of the paper."""
    points = imported("equivalence").Grid().points()
    assert len(points) == len(set(points)) == 3 * 36 + 3 * 6
    assert {tau for _, tau, _ in points} >= {0.5, 5.16, 20}
    assert all(tau == 5.16 for gain, tau, _ in points if gain in {2, 4, 6})
