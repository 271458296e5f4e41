"""What scripts that simulate share: runs are done once, in processes, and a failed one stops no other."""

from __future__ import annotations

import argparse
import json
from multiprocessing import active_children

import pytest

from chipsim.errors import InputError

TINY = ("network.layers=[528, 10]", "data.train_images=40", "data.test_images=20", "training.epochs=2", "transfer.every=40 images")


@pytest.fixture(scope="module")
def runs(imported):
    """Return the module."""
    return imported("runner")


def job_of(runs, *overrides, seed=1):
    """Return a run of a tiny network."""
    return runs.Job("mnist-5k", (*TINY, *overrides), seed)


def test_the_same_values_lie_in_the_same_folder_and_others_do_not(runs, tmp_path):
    """What a run is decides where it lies, however its values were written."""
    plain, same = job_of(runs), job_of(runs, "training.epochs = 2")
    assert plain.folder(tmp_path) == same.folder(tmp_path)
    assert len({job.folder(tmp_path) for job in (plain, job_of(runs, "cell.gain=2"), job_of(runs, seed=2))}) == 3


def test_runs_come_back_in_the_order_of_their_jobs(runs, tmp_path):
    """Two processes end in any order; seeds stand as they were asked for."""
    found = runs.run_all([job_of(runs, seed=seed) for seed in (3, 1, 2)], tmp_path, None, 2)
    assert [run.scenario.seed for run in found] == [3, 1, 2]
    assert all(run.status == "done" for run in found)


def test_what_is_done_is_not_repeated_and_what_is_broken_is(runs, tmp_path, capsys):
    """A finished run keeps its files to the byte, and a damaged one is made again."""
    kept, broken = job_of(runs, seed=1), job_of(runs, seed=2)
    runs.run_all([kept, broken], tmp_path, None, 1)
    before = (kept.folder(tmp_path) / "summary.json").stat().st_mtime_ns
    (broken.folder(tmp_path) / "summary.json").write_text("{", encoding="utf-8")
    capsys.readouterr()
    found = runs.run_all([kept, broken], tmp_path, None, 1)
    assert (kept.folder(tmp_path) / "summary.json").stat().st_mtime_ns == before
    assert "[1/1]" in capsys.readouterr().out
    assert found[1].summary["images"] == 80


def test_a_refused_scenario_stops_everything_before_it_begins(runs, tmp_path):
    """A key that does not exist is told at once, and no folder is made."""
    with pytest.raises(InputError, match="gian"):
        runs.run_all([job_of(runs), job_of(runs, "cell.gian=2")], tmp_path / "out", None, 1)
    assert not (tmp_path / "out").exists()


def test_a_failed_run_is_told_when_the_others_are_done(runs, tmp_path):
    """Data that are missing make one run fail; the other one is finished, and the message names the run that is not."""
    bad = runs.Job("mnist-5k", (*TINY, "data.name=idx", f"data.path={tmp_path}"))
    with pytest.raises(InputError, match=r"1 of 2 runs failed\nmnist-5k seed 1 .*data.name=idx"):
        runs.run_all([bad, job_of(runs)], tmp_path, None, 1)
    assert runs.finished(job_of(runs).folder(tmp_path))


def test_an_interrupt_ends_the_processes_and_what_is_done_stays(runs, tmp_path):
    """After Ctrl-C no process of the pool is left, jobs that wait are never begun, and the run that was done is kept."""
    jobs = [job_of(runs, seed=seed) for seed in range(1, 9)]
    folders = {job: job.folder(tmp_path) for job in jobs}
    going = runs.in_processes(jobs, folders, None, 1)
    done, message = next(going)
    with pytest.raises(KeyboardInterrupt):
        going.throw(KeyboardInterrupt())
    assert message == ""
    assert runs.finished(folders[done])
    assert not [child for child in active_children() if child.name.startswith("SpawnProcess")]
    assert sum(folder.exists() for folder in folders.values()) < 8


def test_a_run_of_another_version_is_made_again(runs, tmp_path):
    """What another version of chipsim has simulated is removed, since its results may be others."""
    job = job_of(runs)
    runs.run_all([job], tmp_path, None, 1)
    manifest = job.folder(tmp_path) / "manifest.json"
    told = json.loads(manifest.read_text(encoding="utf-8"))
    told["versions"]["chipsim"] = "0.0.1"
    manifest.write_text(json.dumps(told), encoding="utf-8")
    assert not runs.finished(job.folder(tmp_path))
    assert not job.folder(tmp_path).exists()


@pytest.mark.parametrize("wrong", ["0", "-1", "two", "1.5"])
def test_numbers_of_seeds_and_processes_are_whole_and_positive(runs, capsys, wrong):
    """Zero seeds would replace a table by an empty one: the command line is refused with what is wanted."""
    for option in ("--seeds", "--processes"):
        with pytest.raises(SystemExit) as left:
            runs.arguments(argparse.ArgumentParser(), "night", [option, wrong], seeds=3)
        assert left.value.code == 2
        assert f"a whole number from 1 on is wanted, not '{wrong}'" in capsys.readouterr().err


def test_short_versions_have_folders_of_their_own(runs, tmp_path, monkeypatch):
    """A small version never replaces a whole one by default."""
    monkeypatch.chdir(tmp_path)
    whole, short = (runs.arguments(argparse.ArgumentParser(), "night", given) for given in ([], ["--short"]))
    assert {whole.out, whole.runs}.isdisjoint({short.out, short.runs})


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_simulated(runs, tmp_path):
    """A file stands where the folder should be: the message names it."""
    (tmp_path / "taken").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r"taken/night: cannot be written to"):
        runs.arguments(argparse.ArgumentParser(), "night", ["--out", str(tmp_path / "taken" / "night")])


def test_a_script_tells_errors_without_a_traceback(runs, capsys):
    """What is wrong goes to standard error, in words, with the status 2 of wrong input and 130 of an interrupt."""

    def wrong():
        msg = "no such thing"
        raise InputError(msg)

    def stopped():
        raise KeyboardInterrupt

    for main, status, said in ((wrong, 2, "no such thing\n"), (stopped, 130, "interrupted: what is done stays; the same command goes on from there\n")):
        with pytest.raises(SystemExit) as left:
            runs.command(main)
        assert left.value.code == status
        assert capsys.readouterr().err == said
