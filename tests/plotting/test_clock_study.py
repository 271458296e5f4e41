"""The study of transfer policies: its points, what is skipped, what becomes of points that do not work, and what is drawn."""

from __future__ import annotations

import csv
import json
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest

from chipsim import __version__
from chipsim.errors import SimulationError
from chipsim.scenario import Scenario

TINY = (
    "network.layers=[528, 10]",
    "data.train_images=40",
    "data.test_images=20",
    "training.epochs=20",
    "transfer.every=100 images",
    "transfer.max_age=40 us",
    "record.segment=50",
    "record.accuracy_every=400 images",
)


@pytest.fixture(scope="module")
def script(imported):
    """Return the script, and its figures where it looks for them."""
    return imported("clock_study")


@pytest.fixture(scope="module")
def figures(imported):
    """Return the script that draws."""
    return imported("clock_study_figures")


@pytest.fixture
def study(script, tmp_path):
    """Return a study of a tiny network."""
    return script.Study("mnist-5k", TINY, tmp_path, None)


def row_of(script, point, **numbers):
    """Return a finished row with made-up results."""
    results = {
        "images_per_s": 2.5e6,
        "energy_per_image_J": 5e-9,
        "test_accuracy": 0.9,
        "training_share": 0.6,
        "transfer_duration_mean_s": 1e-3,
        "late": 0,
        "message": "",
    }
    return {**script.swept_keys(point), "seed": 1, "status": "done", **results, **numbers}


# ---- the points ------------------------------------------------------------------------------------------------------------


def test_the_grid_holds_every_policy_at_every_current(script):
    """Each timed policy has all seven currents, `instant` one point, and no two points are the same."""
    points = script.grid()
    assert len({point.name for point in points}) == len(points)
    assert 40 <= len(points) <= 60
    for policy in set(script.POLICIES) - {"instant"}:
        assert {1, 3, 10, 30, 100, 300, 1000} <= {point.current_mA for point in points if point.policy == policy}
    assert [point.name for point in points if point.policy == "instant"] == ["current-instant-50-ma"]


def test_the_grid_eases_the_verify_effort_one_by_one(script):
    """At 50 mA every effort is tried with the policies compared there: reads, tolerance, tries, read-outs, and nearly all at once."""
    points = script.grid()
    for policy in script.EFFORT_POLICIES:
        assert {point.effort for point in points if point.policy == policy and point.current_mA == 50} == set(script.EFFORTS)
    efforts = script.EFFORTS.values()
    assert {effort.read_ns for effort in efforts} == {1000, 250, 128}
    assert {effort.tolerance_uS for effort in efforts} == {0.7, 1.4}
    assert {effort.max_tries for effort in efforts} == {20, 3, 1}
    assert {effort.verify_units for effort in efforts} == {2048, 256}


def test_the_full_study_is_a_few_points_of_the_same_kind(script):
    """With all images there are about ten points, each of which the grid knows or could know."""
    full = script.grid(full=True)
    assert 8 <= len(full) <= 12
    assert {point.policy for point in full} == set(script.POLICIES)
    assert {point.current_mA for point in full} == {50}


def test_every_point_is_a_scenario(script):
    """Each point's values are taken as they are meant, and none of the shipped ones is refused."""
    for point in [*script.grid(), *script.grid(full=True)]:
        scenario = Scenario.load("mnist", point.overrides)
        effort = script.EFFORTS[point.effort]
        assert scenario.transfer.programming_current == pytest.approx(1000 * point.current_mA)
        assert (scenario.cell.pcm.verify.duration, scenario.transfer.sample_read) == (1000 * effort.read_ns, 1000 * effort.read_ns)
        assert (scenario.cell.pcm.ramp.tolerance, scenario.cell.pcm.ramp.max_tries) == (effort.tolerance_uS, effort.max_tries)
        assert scenario.transfer.verify_units == effort.verify_units
        assert point.policy.startswith(scenario.transfer.policy)
        assert "," not in point.policy or point.policy.split(", ")[1].replace(" ", "-") in {scenario.transfer.sampling, scenario.transfer.in_flux}


def test_points_are_chosen_by_pattern(script):
    """Patterns are shell patterns, capitals or not; without any all points are meant."""
    points = script.grid()
    assert script.chosen(points, []) == points
    assert [point.name for point in script.chosen(points, ["current-*-lock-1*-mA", "current-instant*"])] == [
        "current-instant-50-ma",
        *(f"current-interleave-lock-{current}-ma" for current in (1, 10, 100, 1000)),
    ]
    assert script.chosen(points, ["nothing"]) == []


def test_lengths_are_short_unless_all_is_asked_for(script):
    """A point takes 40,000 images by default, a full one as many as the scenario has; what is given counts."""
    assert {"data.train_images=10000", "training.epochs=4"} <= set(script.sizes(script.arguments([])))
    assert [size for size in script.sizes(script.arguments(["--full"])) if not size.startswith("record")] == []
    given = script.sizes(script.arguments(["--full", "--epochs", "2", "--test-images", "500"]))
    assert {"training.epochs=2", "data.test_images=500"} <= set(given)


def test_listing_runs_nothing(script, tmp_path, capsys):
    """`--list` names the points and makes no folder; a pattern that fits none is answered."""
    script.main(["--list", "--only", "*-256-*", "--out", str(tmp_path / "study")])
    assert len(capsys.readouterr().out.splitlines()) == len(script.EFFORT_POLICIES)
    script.main(["--only", "stal", "--out", str(tmp_path / "study")])
    assert "no point is called stal" in capsys.readouterr().out
    assert not (tmp_path / "study").exists()


# ---- what is skipped ---------------------------------------------------------------------------------------------------------


def test_a_point_that_is_done_is_not_run_again(script, study, monkeypatch):
    """The second time the numbers come from the run folder; other values or another seed have a folder of their own."""
    point = script.Point("stall, per column", 10)
    first = script.run_point(study, point, 1)
    assert first["status"] == "done"
    assert (study.out / "runs" / first["folder"] / "manifest.json").is_file()

    def never(*_args, **_keys):
        msg = "it was simulated again"
        raise SimulationError(msg)

    monkeypatch.setattr(script, "simulate", never)
    assert script.run_point(study, point, 1) == first
    assert "it was simulated again" in script.run_point(study, point, 2)["message"]
    longer = script.Study("mnist-5k", (*TINY, "training.learning_rate=0.01"), study.out, None)
    assert longer.folder(point, longer.load(point, 1)) != study.folder(point, study.load(point, 1))


@pytest.mark.parametrize(
    "manifest,done",
    [('{"schema": 1, "status": "interrupted"}', False), ('{"schema": 1, "status": "running"}', False), ('{"schema": 1, "sta', False), (None, False)],
)
def test_a_broken_folder_is_removed(script, manifest, done, tmp_path):
    """A run that was broken off, is damaged or is no run at all makes room for a new one."""
    folder = tmp_path / "run"
    folder.mkdir()
    if manifest is not None:
        (folder / "manifest.json").write_text(manifest, encoding="utf-8")
    assert script.finished(folder) is done
    assert not folder.exists()


def test_a_done_folder_stays(script, tmp_path):
    """A run that is done is kept, and a folder that is not there is not finished."""
    (tmp_path / "manifest.json").write_text(json.dumps({"schema": 1, "status": "done", "versions": {"chipsim": __version__}, "files": {}}), encoding="utf-8")
    (tmp_path / "summary.json").write_text("{}", encoding="utf-8")
    assert script.finished(tmp_path)
    assert (tmp_path / "summary.json").exists()
    assert not script.finished(tmp_path / "none")


# ---- what does not work ------------------------------------------------------------------------------------------------------


def test_a_refused_point_keeps_its_message(script, tmp_path):
    """A column operation longer than an image may be held up is refused by the scenario's checks: no run, but a row that says why."""
    study = script.Study("mnist-5k", (*TINY, "transfer.max_delay=900 ns"), tmp_path, None)
    row = script.run_point(study, script.Point("interleave, lock"), 1)
    assert (row["status"], row["policy"]) == ("refused", "interleave, lock")
    assert "transfer.max_delay: 900 ns is less than one operation on a column takes" in row["message"]
    assert "\n" not in row["message"]
    assert list(tmp_path.iterdir()) == []
    assert script.run_point(study, script.Point("stall, per column"), 1)["status"] == "done"


@pytest.mark.parametrize("error,message", [(SimulationError("deadlock at\n  5 ps"), "deadlock at; 5 ps"), (MemoryError("no room"), "MemoryError: no room")])
def test_a_failed_point_keeps_its_message(error, message, script, study, monkeypatch):
    """Whatever goes wrong in one simulation is its row's message, in one line."""

    def fail(*_args, **_keys):
        raise error

    monkeypatch.setattr(script, "simulate", fail)
    row = script.run_point(study, script.Point("instant"), 1)
    assert (row["status"], row["message"]) == ("failed", message)


class FakePool:
    """Executes at once what it is given; dies at a point that is called so."""

    deadly = "current-stall-per-column-3-ma"

    def __init__(self, processes, mp_context):
        del mp_context
        self.processes = processes

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        return None

    def submit(self, function, study, point, seed):
        """Return the future of a call that has happened."""
        future = Future()
        if point.name == self.deadly:
            future.set_exception(BrokenProcessPool())
        else:
            future.set_result(function(study, point, seed))
        return future


def test_a_killed_process_stops_nobody_else(script, study, monkeypatch):
    """Where a process dies, all other points still get their rows, and so does the one that killed it."""
    monkeypatch.setattr(script, "ProcessPoolExecutor", FakePool)
    monkeypatch.setattr(script, "run_point", lambda _study, point, seed: {"point": point.name, "seed": seed, "status": "done"})
    jobs = [(script.Point("stall, per column", current), 1) for current in (1, 3, 10, 30)]
    rows = dict(script.run_all(study, jobs, 2))
    assert list(map(rows.get, jobs)) == [rows[job] for job in jobs]
    assert {job[0].current_mA: rows[job]["status"] for job in jobs} == {1: "done", 3: "failed", 10: "done", 30: "done"}
    assert "killed" in rows[jobs[1]]["message"]


# ---- numbers -----------------------------------------------------------------------------------------------------------------


def test_rates_are_those_of_whole_intervals(script, stalling):
    """A stalled run has one transfer every 8,000 images: rate and energy are those of an interval, however short the run is."""
    stalling.summary["images"] = 100_000
    part = script.steady(stalling)
    assert part.images == 88_000
    assert part.images / part.lasted_s == pytest.approx(8000 / (8000 * 240e-9 + 6e-3), rel=1e-9)
    assert part.transfer_s == pytest.approx(6e-3)
    joules = stalling["energy"]["energy"][4:48]
    assert part.energy_J == pytest.approx(joules.sum())


def test_an_instant_transfer_costs_no_rate(script, study):
    """Where transfers take no time the chip learns an image every 80 ns of a network of one layer, and all of its time is training."""
    row = script.run_point(study, script.Point("instant"), 1)
    assert row["images_per_s"] == pytest.approx(1 / 80e-9, rel=1e-9)
    assert row["training_share"] == pytest.approx(1.0)
    assert sum(row[f"wait_{reason}_share"] for reason in ("transfer", "tile", "host", "sleep")) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("policy,reason", [("stall, per column", "transfer"), ("interleave, present", "tile"), ("oldest-first", "tile")])
def test_waiting_is_told_by_its_reason(policy, reason, script, study):
    """Shares of training and of waiting add up to one, and each policy waits for what it should."""
    row = script.run_point(study, script.Point(policy), 1)
    assert row["status"] == "done"
    assert row[f"wait_{reason}_share"] > 0
    shares = [row[f"wait_{name}_share"] for name in ("transfer", "tile", "host", "sleep")]
    assert row["training_share"] + sum(shares) == pytest.approx(1.0)
    assert row["warnings"] == len([part for part in row["message"].split("; ") if part])


def test_a_run_without_two_transfers_is_taken_whole(script, stalling):
    """Where no whole interval lies between two transfers, all of the training counts, without the final transfer."""
    run = stalling.without("transfer")
    run.summary = {"images": 100, "training_time_s": 24e-6, "waiting": {"tile_s": 1e-6, "longest_delay_of_an_image_s": 9.0}, "energy_J": {"total": 1e-6}}
    part = script.steady(run)
    assert (part.images, part.lasted_s, part.energy_J) == (100, pytest.approx(25e-6), 1e-6)


def test_the_table_has_units_and_every_point(script, tmp_path):
    """The CSV has one row a point with the unit in every heading; a refused one keeps its place, its keys and its message."""
    points = script.grid()[:3]
    refused = {**script.swept_keys(points[2]), "seed": 1, "status": "refused", "message": "transfer.max_delay: too short, says the check"}
    rows = [row_of(script, points[0]), row_of(script, points[1]), refused]
    script.write_csv(tmp_path / "study" / "table.csv", rows)
    with (tmp_path / "study" / "table.csv").open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert [row["point"] for row in read] == [point.name for point in points]
    assert float(read[0]["energy_per_image_J"]) == 5e-9
    assert (read[2]["status"], read[2]["images_per_s"], read[2]["message"]) == ("refused", "", refused["message"])
    assert read[2]["programming_current_mA"] == str(points[2].current_mA)
    assert [path.name for path in (tmp_path / "study").iterdir()] == ["table.csv"]
    lines = script.markdown(rows).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert "2.500 | 5.00 | 90.00 | 60.0 | 1.00 | 0" in lines[2]
    assert lines[4].endswith("refused: transfer.max_delay: too short, says the check |")


# ---- figures -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def table(script, tmp_path):
    """Return the table of a whole study with made-up results, one of its points refused."""
    rows = []
    for number, point in enumerate(script.grid()):
        made = {"images_per_s": 1e6 + 1e4 * number, "energy_per_image_J": 5e-9 + 1e-11 * number, "test_accuracy": 0.9 + 1e-3 * number}
        rows.append(row_of(script, point, **made))
    lost = next(number for number, row in enumerate(rows) if row["point"] == "current-interleave-lock-1-ma")
    rows[lost] = {**script.swept_keys(script.Point("interleave, lock", 1)), "seed": 1, "status": "refused", "message": "no"}
    script.write_csv(tmp_path / "clock_study.csv", rows)
    return tmp_path / "clock_study.csv"


def test_every_policy_is_a_line_over_the_current(figures, table):
    """Each timed policy has its line over all currents in each panel, in units of the axis, beside a line for no time at all."""
    rows = figures.read(table)
    figure = figures.against_current(rows)
    for ax, quantity in zip(figure.axes, figures.QUANTITIES, strict=True):
        drawn = {line.get_color(): line for line in ax.lines if len(line.get_xdata()) > 2}
        assert len(drawn) == 5
        for policy, (colour, *_) in list(figures.LOOKS.items())[1:]:
            mine = [row for row in rows if row["policy"] == policy and row["effort"] == "as shipped"]
            mine.sort(key=lambda row: float(row["programming_current_mA"]))
            wanted = [float(row[quantity.column]) * quantity.factor if row["status"] == "done" else np.nan for row in mine]
            currents = [float(row["programming_current_mA"]) for row in mine]
            np.testing.assert_allclose(np.array(drawn[colour].get_data(), dtype=np.float64), [currents, wanted])
        assert ax.get_xscale() == "log"
    (cross,) = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert list(cross.get_xdata()) == [1.0]
    assert cross.get_color() == figures.LOOKS["interleave, lock"][0]
    assert "refused or failed: see the table" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_every_effort_is_a_row(figures, script, table):
    """Efforts are rows from the shipped one down, with one mark for each policy compared."""
    figure = figures.against_effort(figures.read(table))
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == [effort.replace("uS", "µS") for effort in script.EFFORTS]
    for ax in figure.axes:
        marks = [line for line in ax.lines if len(line.get_xdata()) == len(script.EFFORTS)]
        assert len(marks) == len(script.EFFORT_POLICIES)
        assert all(np.isfinite(line.get_xdata()).all() for line in marks)


def test_seeds_become_a_mean_with_its_range(figures):
    """Several seeds of a point are drawn as their mean, with the lowest and the highest."""
    rows = [{"status": "done", "test_accuracy": str(value)} for value in (0.90, 0.93, 0.96)] + [{"status": "failed", "test_accuracy": ""}]
    assert figures.spread(rows, figures.QUANTITIES[2]) == pytest.approx((93.0, 90.0, 96.0))
    assert np.isnan(figures.spread(rows[3:], figures.QUANTITIES[2])).all()


def test_what_a_table_has_is_drawn(figures, table, tmp_path, capsys):
    """A whole table gives two figures as PNG and PDF, one without results none."""
    figures.main([str(table), "--out", str(tmp_path / "drawn")])
    names = {f"clock_study_{kind}.{suffix}" for kind in ("current", "effort") for suffix in ("png", "pdf")}
    assert {path.name for path in (tmp_path / "drawn").iterdir()} == names
    assert capsys.readouterr().out.count("wrote") == 4
    lines = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join(lines[:2]), encoding="utf-8")
    assert figures.draw(table, tmp_path) == []
