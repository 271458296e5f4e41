"""How a chip ages: runs, rows and figure of the script, in its small version."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from chipsim import load_run

LAYERS = 2
AGES = 13
"""1 ms ... 1e8 s, one a decade, and 10 years."""


@pytest.fixture(scope="module")
def script(imported):
    """Return the script that measures."""
    return imported("ageing")


@pytest.fixture(scope="module")
def figures(imported):
    """Return the script that draws."""
    return imported("ageing_figures")


@pytest.fixture(scope="module")
def out(script, tmp_path_factory):
    """Return the folder of the small version, one seed."""
    folder = tmp_path_factory.mktemp("ageing")
    script.main(["--short", "--seeds", "1", "--processes", "1", "--runs", str(folder), "--out", str(folder)])
    return folder


@pytest.fixture(scope="module")
def rows(figures, out):
    """Return the rows of its table."""
    return figures.read(out / "ageing.csv")


def test_the_small_version_makes_everything(script, figures, out, rows):
    """It leaves table and figure: every part and cause at every age, for the chip and for each layer."""
    assert {"ageing.csv", "ageing.png", "ageing.pdf"} <= {file.name for file in out.iterdir()}
    for cause in script.CAUSES:
        chosen = [row for row in rows if row["part"] == "programmed" and row["cause"] == cause]
        assert len(chosen) == AGES * (1 + LAYERS)
    assert len([row for row in rows if row["part"] == "trained"]) == AGES * (1 + LAYERS)
    assert len([row for row in rows if row["part"] == "software"]) == 1
    assert set(figures.CAUSES) == set(script.CAUSES)


def test_rows_hold_what_the_run_recorded(out, rows):
    """Accuracies stand in percent as they were recorded, and what is left of a layer's scale is one over its factor."""
    (run,) = [run for run in map(load_run, out.glob("mnist-1-*")) if run.scenario.training.epochs]
    trace = run["retention"]
    chosen = [row for row in rows if row["part"] == "trained"]
    for key in ("accuracy", "accuracy_compensated"):
        found = [float(row[f"{key}_percent"]) for row in chosen if row[f"{key}_percent"]]
        assert found == pytest.approx(100 * np.asarray(trace[key]), rel=1e-5)
    for layer in range(LAYERS):
        left = [float(row["scale_left_percent"]) for row in chosen if row["layer"] == str(layer)]
        assert left == pytest.approx(100 / np.asarray(trace["compensation"])[:, layer], rel=1e-5)


def test_a_programmed_chip_holds_what_the_trained_one_had_learnt(out):
    """Chips of the causes are programmed, untrained, with the weights that a trained chip ended with."""
    runs = [load_run(path) for path in out.glob("mnist-1-*")]
    (trained,) = [run for run in runs if run.scenario.training.epochs]
    programmed = [run for run in runs if not run.scenario.training.epochs]
    assert len(programmed) == 4
    for run in programmed:
        assert run.summary["images"] == 0
        for layer in range(LAYERS):
            there, here = (np.asarray(found["weights"][f"weight_{layer}"]) for found in (trained, run))
            assert np.corrcoef(there.ravel(), here.ravel())[0, 1] > 0.99


def test_bands_reach_from_the_lowest_to_the_highest_seed(figures):
    """Of two seeds the line is the mean and the band the range, at every age, whatever the order of the rows."""
    values = {"1": (98.0, 96.0), "2": (97.0, 92.0)}
    keys = {"part": "trained", "cause": "all", "layer": "", "accuracy_compensated_percent": "", "scale_left_percent": ""}
    made = [
        {**keys, "seed": seed, "age_s": age, "accuracy_percent": str(value)}
        for seed, pair in values.items()
        for age, value in reversed(list(zip(("0.001", "10"), pair, strict=True)))
    ]
    age, found = figures.over_seeds(made, "accuracy_percent", part="trained")
    assert age.tolist() == [0.001, 10.0]
    assert found.min(axis=0).tolist() == [97.0, 92.0]
    assert found.mean(axis=0).tolist() == [97.5, 94.0]


def test_the_figure_is_drawn_again_from_its_table(figures, out, rows, tmp_path):
    """The drawing command makes the figure from the table alone; lines are what the table says."""
    figures.main([str(out / "ageing.csv"), "--out", str(tmp_path)])
    assert {file.name for file in tmp_path.iterdir()} == {"ageing.png", "ageing.pdf"}
    accuracy, scale, causes = figures.ageing(rows).axes[:3]
    drawn = {line.get_label(): line.get_ydata() for line in accuracy.lines}
    expected = [float(row["accuracy_percent"]) for row in rows if row["part"] == "trained" and row["accuracy_percent"]]
    assert drawn["as it is"] == pytest.approx(expected)
    assert len([line for line in scale.lines if line.get_label().startswith("layer")]) == LAYERS
    assert len(causes.lines) == len(figures.CAUSES)


def test_columns_name_their_units(out):
    """Ages are seconds and shares percent, by the names of the columns."""
    with (out / "ageing.csv").open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    assert {"age_s", "accuracy_percent", "accuracy_compensated_percent", "scale_left_percent"} <= set(header)
