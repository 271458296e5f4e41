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
    "ablation",
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
    seeds = [] if name == "transfer_correlation" else ["--seeds", "1"]
    script.main(["--short", "--processes", "1", "--runs", str(shared_runs), "--out", str(tmp_path), *seeds])
    with (tmp_path / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert tuple(rows[0]) == script.COLUMNS
    assert all((tmp_path / f"{name}{kind}").stat().st_size > 5000 for kind in (".png", ".pdf"))


def test_every_script_takes_what_the_gallery_tells_it(gallery, imported, capsys):
    """The help of each script names every option that the gallery gives it, in its long and in its short version."""
    for script in gallery.SCRIPTS:
        with pytest.raises(SystemExit):
            imported(script.name).main(["--help"])
        told = capsys.readouterr().out
        assert {option for option in (*script.options, *script.short) if option.startswith("--") and option not in told} == set()


def test_the_gallery_lists_its_scripts(gallery, capsys):
    """`--list` prints the names, one a line, and makes nothing."""
    gallery.main(["--list"])
    assert capsys.readouterr().out.split() == [script.name for script in gallery.SCRIPTS]


def test_the_gallery_makes_what_is_asked_for_and_says_how_long_it_took(gallery, tmp_path):
    """One script, short: it has its folder and its figure, and the table of the gallery a row for it."""
    gallery.main(["--only", "cell_mismatch", "--short", "--out", str(tmp_path)])
    assert (tmp_path / "cell_mismatch" / "cell_mismatch.png").stat().st_size > 5000
    with (tmp_path / "gallery.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["script"], row["status"]) == ("cell_mismatch", "done")


def test_a_failed_script_is_told_and_stops_no_other(gallery, tmp_path, monkeypatch):
    """A script that does not exist fails; the one after it is made, and the message names the one that failed."""
    scripts = (gallery.Script("missing", gallery.ALONE), gallery.Script("cell_mismatch", gallery.ALONE))
    monkeypatch.setattr(gallery, "SCRIPTS", scripts)
    with pytest.raises(InputError, match="failed: missing"):
        gallery.main(["--short", "--out", str(tmp_path)])
    assert (tmp_path / "cell_mismatch" / "cell_mismatch.png").exists()


def test_an_unknown_script_is_refused_with_those_there_are(gallery):
    """A name that is no script of the gallery is told before anything is made."""
    with pytest.raises(InputError, match=r"accuracy_tabel.*accuracy_table"):
        gallery.chosen(["accuracy_tabel"])


def test_all_data_sets_have_the_same_devices(benchmarks):
    """Capacitor, PCM, gain, scale and programming are the same in the full cell of every benchmark; only the schedule differs."""
    cells = [bench.job(benchmarks.FULL, 1).load().cell for bench in benchmarks.BENCHMARKS.values()]
    assert all(cell == cells[0] for cell in cells)


@pytest.mark.parametrize("cell, name", [("software", "mnist-software"), ("2PCM only", "mnist-pcm-only"), ("3T1C only", "mnist-3t1c-only")])
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
    imported("runner").run_all([job], shared_runs, None, 1)
    run = load_run(job.folder(shared_runs))
    pairs = script.pairs_of(run)
    assert np.array_equal(pairs["held"][0], run["transfer"]["programmed"][-2])
    assert np.array_equal(pairs["last"][0], pairs["held"][1])
    assert np.array_equal(pairs["whole"][1], run["transfer"]["weight_after"][-1])


def test_an_ablation_takes_one_cause_at_a_time_and_then_all(imported):
    """Every cause is switched off alone, in values that a scenario takes, and nothing of it is left out where all are off."""
    script = imported("ablation")
    variants = script.variants(0.001)
    assert {value for values in script.OFF.values() for value in values} <= set(variants[script.NONE])
    assert variants[script.FINE] == ("cell.capacitor.step=0.00025 V",)
    shipped = Scenario.load("mnist").model_dump()
    for name, values in variants.items():
        assert (Scenario.load("mnist", values).model_dump() == shipped) == (name == script.ON)


def test_a_shorter_schedule_spans_the_same_learning_rates(imported):
    """Ten epochs of twenty decay twice as fast, so that the last of both is trained at nearly the same rate."""
    script, scenario = imported("ablation"), Scenario.load("mnist")
    assert script.shortened(scenario, 10) == ("training.epochs=10", "training.learning_rate_decay=0.81")
    assert script.shortened(scenario, 20) == script.shortened(scenario, None) == ()


def test_rates_are_chosen_where_no_test_image_is_seen(imported):
    """Every run that compares settings is evaluated on the validation split."""
    script = imported("choose_rates")
    for chosen in script.settings([0.01, 0.02], [60.0, 120.0], []):
        scenario = script.job_of("mnist-backrand", "2PCM+3T1C", chosen, 1, None, short=False).load()
        assert scenario.data.evaluate == "validation"
        assert (scenario.training.learning_rate, scenario.cell.weight_conductance) == (chosen["learning_rate"], chosen["weight_conductance_uS"])


def test_rates_are_told_from_worst_to_best(imported, shared_runs, tmp_path, capsys):
    """The last line on the screen is the setting with the highest accuracy in the table."""
    script = imported("choose_rates")
    script.main(["mnist", "software", "--rates", "1e-6", "0.05", "--short", "--processes", "1", "--runs", str(shared_runs), "--out", str(tmp_path)])
    with (tmp_path / "mnist-software.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["learning_rate"]: float(row["validation_accuracy_percent"]) for row in csv.DictReader(file)}
    assert rows["0.05"] > rows["1e-06"]
    assert capsys.readouterr().out.splitlines()[-1].endswith("learning_rate 0.05")


def test_the_grid_of_equivalence_spans_retention_interval_and_gain(imported):
    """Six retentions and six intervals at three gains, and two more gains at the retention of the paper."""
    points = imported("equivalence").Grid().points()
    assert len(points) == len(set(points)) == 3 * 36 + 2 * 6
    assert {tau for _, tau, _ in points} >= {0.5, 5.16, 20}
    assert all(tau == 5.16 for gain, tau, _ in points if gain in {2, 4})
