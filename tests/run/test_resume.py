"""A run that was broken off anywhere is resumed, and ends with the same bytes as one that nothing happened to."""

from __future__ import annotations

import json
import os
import shutil
import signal

import numpy as np
import pytest

from chipsim.analysis.integrity import sealed
from chipsim.chip.plan import starting_weights
from chipsim.errors import InputError, NumericalError, RunFolderError, ScenarioError
from chipsim.events.column import TileJob
from chipsim.events.retention import RetentionState
from chipsim.events.simulation import SimulationState
from chipsim.run import checkpoint
from chipsim.run.folder import RunFolder
from chipsim.run.forks import fork_faults
from chipsim.run.replay import replay
from chipsim.run.resume import fork, resume
from chipsim.run.session import Session
from chipsim.run.simulate import simulate
from chipsim.scenario import Scenario
from chipsim.spec import Span

WALL = ("wall_time_s", "images_per_wall_second")
OFTEN = {"checkpoint.every": "730 ns"}
"""An override under which a checkpoint is written some ten times in a short run, at odd moments."""
AGES = {"retention.start": "1 us", "retention.end": "1 day", "retention.per_decade": 1, "transfer.policy": "stall", "cell.pcm.drift.enabled": True}
WINDOWS = {"record.windows": ("100 ns .. 2 us", "3 us .. 4 us"), "record.wave_every": "50 ns", "record.probe_every": "300 ns", "transfer.policy": "stall"}
KINDS = {kind: {"cell.kind": kind, "record.probe_every": "900 ns", "refresh.every": "5 images"} for kind in ("2pcm+3t1c", "2pcm", "3t1c", "software")}
MORE = {"retention": AGES, "windows of full detail": WINDOWS, **KINDS}


@pytest.fixture
def all_kept(monkeypatch):
    """Let every checkpoint of a run stay in its folder; nobody waits for the disk."""
    monkeypatch.setattr("chipsim.run.session.prune", lambda *_: None)
    monkeypatch.setattr("chipsim.run.folder._to_disk", lambda _: None)


def results(folder):
    """Return what a run came to: its files, and its summary without the time that the computer took."""
    summary = json.loads((folder / "summary.json").read_text())
    files = {name: (folder / name).read_bytes() for name in ("traces.nc", "weights.npz", "scenario.toml")}
    return {key: value for key, value in summary.items() if key not in WALL}, files


def as_killed(folder, place, file):
    """Return a copy of a run's folder as a kill right after a checkpoint would have left it."""
    (place / "checkpoint").mkdir(parents=True)
    shutil.copy(file, place / "checkpoint" / file.name)
    for name in ("scenario.toml", "prices.toml"):
        if (folder / name).exists():
            shutil.copy(folder / name, place / name)
    rewrite(folder / "manifest.json", place / "manifest.json")
    return place


def rewrite(manifest, target, **changes):
    """Write the manifest of a done run as that of one that was killed."""
    content = json.loads(manifest.read_text())
    given = {name: content["files"][name] for name in ("scenario.toml", "prices.toml") if name in content["files"]}
    target.write_text(json.dumps(sealed(content | {"status": "running", "ended": None, "files": given} | changes)))


def resumed_from_each(wanted, tmp_path, monkeypatch, count):
    """Run a scenario, resume it from some of its checkpoints spread over the run, and compare; return how many there were."""
    whole = simulate(wanted, tmp_path / "whole")
    expected = results(whole.path)
    monkeypatch.setattr(Session, "checkpoint", lambda _: None)
    files = sorted((whole.path / "checkpoint").iterdir(), key=lambda path: int(path.stem))
    for file in files[len(files) % count :: max(len(files) // count, 1)]:
        again = resume(as_killed(whole.path, tmp_path / file.stem, file))
        assert again.status == "done"
        assert results(again.path) == expected, file.name
        shutil.rmtree(again.path)
    return len(files)


def life(small, scenario, tmp_path, name):
    """Return the scenario of one of `small.LIVES`, with a file of weights where it begins with a stage that programs some."""
    plan = dict(small.LIVES[name])
    if plan.get("stage", ({},))[0].get("kind") == "program":
        np.savez(tmp_path / "weights.npz", **{f"w{layer}": values for layer, values in enumerate(starting_weights(scenario()))})
        plan["stage"] = ({"kind": "program", "weights": str(tmp_path / "weights.npz")}, *plan["stage"][1:])
    return scenario(small.QUICK, {"record.probe_every": "700 ns", "record.probe_samples": 50}, OFTEN, plan)


@pytest.mark.usefixtures("all_kept")
def test_a_checkpoint_of_any_life_leads_to_the_same_bytes(small, scenario, tmp_path, monkeypatch, any_life):
    """Under every policy, with refresh, sleeps, hosts and stages, in mid-transfer and asleep, a resumed run ends with the same files."""
    assert resumed_from_each(life(small, scenario, tmp_path, any_life), tmp_path, monkeypatch, 2) > 3


@pytest.mark.reliability
@pytest.mark.usefixtures("all_kept")
def test_every_checkpoint_of_any_life_leads_to_the_same_bytes(small, scenario, tmp_path, monkeypatch, any_life):
    """So does every single one of them."""
    assert resumed_from_each(life(small, scenario, tmp_path, any_life), tmp_path, monkeypatch, 10**6) > 3


@pytest.mark.usefixtures("all_kept")
@pytest.mark.parametrize("name", MORE)
def test_any_checkpoint_of_other_runs_leads_to_the_same_bytes(small, scenario, tmp_path, monkeypatch, name):
    """So does one of every kind of cell, one in the middle of a measurement of retention, and one inside a window of full detail."""
    often = {"checkpoint.every": "3 images"} if name == "software" else OFTEN
    assert resumed_from_each(scenario(small.QUICK, often, MORE[name]), tmp_path, monkeypatch, 6) > 3


@pytest.mark.usefixtures("all_kept")
def test_a_resumed_run_can_be_broken_off_and_resumed_again(scenario, tmp_path):
    """A run resumed from the first checkpoint writes more of them, and from one of those it goes on just as well."""
    whole = simulate(scenario(OFTEN), tmp_path / "whole")
    first = as_killed(whole.path, tmp_path / "first", whole.path / "checkpoint" / "000002.npz")
    resume(first)
    later = sorted((first / "checkpoint").iterdir())[-3]
    second = resume(as_killed(first, tmp_path / "second", later))
    assert results(second.path) == results(whole.path)
    assert [entry["checkpoint"] for entry in second.manifest["resumed"]] == ["checkpoint/000002.npz", f"checkpoint/{later.name}"]


def test_checkpoints_never_change_what_happens(scenario, tmp_path):
    """A run with a checkpoint after nearly every event and one without any have the same results, to the byte."""
    often = simulate(scenario(checkpoint__every="40 ns"), tmp_path / "often")
    never = simulate(scenario(checkpoint__enabled=False), tmp_path / "never")
    assert not (never.path / "checkpoint").exists()
    assert results(often.path)[0] == results(never.path)[0]
    assert results(often.path)[1]["weights.npz"] == results(never.path)[1]["weights.npz"]


@pytest.mark.parametrize("every, least", [("7 images", 4), ("2 us", 3)])
def test_checkpoints_come_by_images_or_by_chip_time(scenario, tmp_path, monkeypatch, every, least):
    """Every so many images, or so much chip time, a checkpoint is written; when a run is done the newest stays."""
    written = []
    write = checkpoint.write_checkpoint
    monkeypatch.setattr(
        "chipsim.run.session.write_checkpoint", lambda folder, found: written.append((found.images, found.state.now_ps)) or write(folder, found)
    )
    run = simulate(scenario(checkpoint__every=every, training__window=2, checkpoint__wall_time="1 h"), tmp_path / "run")
    assert len(written) >= least
    assert len({images // 7 for images, _ in written} if "images" in every else {now // 2_000_000 for _, now in written}) == len(written)
    assert [path.name for path in (run.path / "checkpoint").iterdir()] == [f"{len(written):06d}.npz"]


class Presser:
    """Progress that presses Ctrl-C once, when so many images have been learnt."""

    def __init__(self, images):
        self.images, self.heard = images, []

    def message(self, text):
        """Hear what is being done."""
        self.heard.append(text)

    def start(self, total_images, already=0):
        """Hear that training begins."""

    def update(self, images, chip_time_s, accuracy):
        """Press Ctrl-C at the image."""
        del chip_time_s, accuracy
        if images >= self.images:
            self.images = 10**9
            os.kill(os.getpid(), signal.SIGINT)

    def finish(self):
        """Hear the end."""


@pytest.mark.parametrize("kind", ["2pcm+3t1c", "software"])
def test_ctrl_c_leaves_a_checkpoint_of_that_very_moment(scenario, tmp_path, kind):
    """A run that is interrupted stops between two events with a checkpoint, says so, and is resumed to the same bytes."""
    wanted = scenario(cell__kind=kind, training__window=1)
    whole = simulate(wanted, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        simulate(wanted, tmp_path / "run", progress=Presser(11))
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert (manifest["status"], manifest["reason"]) == ("interrupted", "interrupted by the user")
    run = resume(tmp_path / "run", command=["chipsim", "resume"])
    assert results(run.path) == results(whole.path)
    (entry,) = run.manifest["resumed"]
    assert entry["checkpoint"] == "checkpoint/000001.npz"
    assert 11 <= entry["images"] <= 12
    assert entry["command"] == ["chipsim", "resume"]


def test_a_run_without_a_checkpoint_begins_again(scenario, tmp_path):
    """A run that was killed before its first checkpoint is run from its beginning, and says so."""
    whole = simulate(scenario(), tmp_path / "whole")
    killed = tmp_path / "killed"
    killed.mkdir()
    for name in ("scenario.toml", "prices.toml"):
        shutil.copy(whole.path / name, killed)
    rewrite(whole.path / "manifest.json", killed / "manifest.json")
    heard = Presser(10**9)
    again = resume(killed, progress=heard)
    assert results(again.path) == results(whole.path)
    assert "there is no checkpoint yet, the run begins again" in heard.heard


def test_a_done_run_has_nothing_to_resume(scenario, tmp_path):
    """A run that has ended is refused, with the way to go on from it, and stays as it is."""
    run = simulate(scenario(), tmp_path / "run")
    before = {path.name: path.read_bytes() for path in run.path.iterdir() if path.is_file()}
    with pytest.raises(RunFolderError, match="the run is done, there is nothing left to do; with --set"):
        resume(run.path)
    assert {path.name: path.read_bytes() for path in run.path.iterdir() if path.is_file()} == before


def test_what_a_killed_process_left_half_written_is_removed(scenario, tmp_path):
    """Temporary files of a process that was killed are gone when the run has been resumed."""
    with pytest.raises(KeyboardInterrupt):
        simulate(scenario(training__window=1), tmp_path / "run", progress=Presser(5))
    for place in (tmp_path / "run" / ".traces.nc.77.tmp", tmp_path / "run" / "checkpoint" / ".000002.npz.77.tmp"):
        place.write_bytes(b"half")
    run = resume(tmp_path / "run")
    assert not list(run.path.rglob("*.tmp"))


def test_two_processes_do_not_write_one_run(scenario, tmp_path):
    """While a run is being written, resuming it is refused, and so is a run into the same folder."""
    with pytest.raises(KeyboardInterrupt):
        simulate(scenario(training__window=1), tmp_path / "run", progress=Presser(5))
    with RunFolder(tmp_path / "run").held() as locked:
        assert locked
        with pytest.raises(RunFolderError, match="another process is writing this run"):
            resume(tmp_path / "run")
    assert resume(tmp_path / "run").status == "done"
    empty = RunFolder.create(tmp_path / "empty")
    with empty.held(), pytest.raises(RunFolderError, match="another process is writing this run"):
        simulate(scenario(), empty.path)


# ---- what cannot be used ------------------------------------------------------------------------------------------------


@pytest.fixture
def broken_off(scenario, tmp_path):
    """Return the folder of a run that was interrupted with two checkpoints, and what the whole run comes to."""
    wanted = scenario(training__window=1, checkpoint__every="5 images")
    expected = results(simulate(wanted, tmp_path / "whole").path)
    with pytest.raises(KeyboardInterrupt):
        simulate(wanted, tmp_path / "run", progress=Presser(13))
    return tmp_path / "run", expected


def checkpoints(folder):
    """Return the files of a run's checkpoints, the newest last."""
    return sorted((folder / "checkpoint").iterdir())


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "gone"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(broken_off, damage):
    """Where the newest checkpoint is damaged the one before it is used: nothing is lost but the time between them."""
    folder, expected = broken_off
    before, newest = checkpoints(folder)
    content = newest.read_bytes()
    if damage == "gone":
        newest.unlink()
    elif damage == "flipped":
        newest.write_bytes(content[:5000] + bytes([content[5000] ^ 4]) + content[5001:])
    else:
        newest.write_bytes(b"" if damage == "empty" else content[: len(content) // 2])
    heard = Presser(10**9)
    run = resume(folder, progress=heard)
    assert results(run.path) == expected
    assert run.manifest["resumed"][0]["checkpoint"] == f"checkpoint/{before.name}"
    told = [text for text in heard.heard if "is damaged, its checksum is not that of its content; the checkpoint before it is used" in text]
    assert len(told) == (damage != "gone")


def test_where_no_checkpoint_is_good_the_run_is_left_alone(broken_off):
    """With all of its checkpoints damaged a run is not resumed: each is named, and how to begin again."""
    folder, _ = broken_off
    for path in checkpoints(folder):
        path.write_bytes(path.read_bytes()[:-1])
    before = (folder / "summary.json").read_bytes()
    with pytest.raises(RunFolderError, match=r"none of its checkpoints can be used") as caught:
        resume(folder)
    assert all(path.name in str(caught.value) for path in checkpoints(folder))
    assert f"chipsim run {folder / 'scenario.toml'}" in str(caught.value)
    assert (folder / "summary.json").read_bytes() == before


@pytest.mark.parametrize("name", ["scenario.toml", "prices.toml"])
def test_what_a_run_began_with_must_be_there_as_it_was(broken_off, name):
    """A scenario or prices changed by hand, damaged or gone are named; nothing is simulated with them."""
    folder, expected = broken_off
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content.replace(b"0.05", b"0.06", 1) if name == "scenario.toml" else content[:900] + bytes([content[900] ^ 1]) + content[901:])
    with pytest.raises(RunFolderError, match=f"{name}: has changed since the run began, or is damaged; the run goes on only with what it began with"):
        resume(folder)
    (folder / name).unlink()
    with pytest.raises(RunFolderError, match=f"{name}: is missing"):
        resume(folder)
    (folder / name).write_bytes(content)
    assert results(resume(folder).path) == expected


def test_a_checkpoint_of_another_run_is_not_taken(scenario, broken_off, tmp_path):
    """A checkpoint that was copied from a run of another scenario is passed over, with the reason."""
    folder, expected = broken_off
    with pytest.raises(KeyboardInterrupt):
        simulate(scenario(training__window=1, seed=9), tmp_path / "other", progress=Presser(17))
    (other,) = checkpoints(tmp_path / "other")
    shutil.copy(other, folder / "checkpoint" / "000009.npz")
    heard = Presser(10**9)
    assert results(resume(folder, progress=heard).path) == expected
    assert any("000009.npz: belongs to another scenario than scenario.toml beside it; the checkpoint before it is used" in text for text in heard.heard)


@pytest.mark.parametrize(
    "change, told",
    [
        ({"chipsim": "0.0.1"}, r"was written by chipsim 0\.0\.1, this is"),
        ({"versions": {"numba": "0.1"}}, r"was written with numba 0\.1, here it is"),
        ({"machine": "sparc"}, "was written on sparc"),
        ({"byte_order": "big"}, r"\(big-endian\), this is"),
    ],
)
def test_checkpoints_of_elsewhere_are_used_on_demand_only(broken_off, change, told):
    """A checkpoint of another version or kind of machine is refused, since results may differ; on demand it is used."""
    folder, expected = broken_off
    for path in checkpoints(folder):
        found = checkpoint.read_checkpoint(path)
        for name, value in change.items():
            object.__setattr__(found.origin, name, value)
        path.unlink()
        checkpoint.write_checkpoint(RunFolder(folder), found)
    with pytest.raises(RunFolderError, match=told):
        resume(folder)
    assert results(resume(folder, accept_differences=True).path) == expected


def test_other_data_are_refused(broken_off, images):
    """A run is not resumed on other images than it began with; the file is named."""
    folder, _ = broken_off
    file = images / "train-labels-idx1-ubyte"
    content = file.read_bytes()
    try:
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(InputError, match=r"train-labels-idx1-ubyte: is not the file that .* began with; its sha256 was"):
            resume(folder)
    finally:
        file.write_bytes(content)
    assert resume(folder).status == "done"


@pytest.fixture
def own_prices(scenario, tmp_path):
    """Return the price table of the user's own that a run was interrupted with, in `run`."""
    table = tmp_path / "mine.toml"
    table.write_text('extends = "bottom-up-14nm"\n')
    with pytest.raises(KeyboardInterrupt):
        simulate(scenario(training__window=1, prices__table=str(table)), tmp_path / "run", progress=Presser(5))
    return table


def test_a_changed_price_table_is_refused(own_prices, tmp_path):
    """A run is not priced half by one table and half by another: a table of the user's that has changed since is named."""
    own_prices.write_text('extends = "bottom-up-90nm"\n')
    with pytest.raises(RunFolderError, match=r"prices\.toml: is not what the scenario's price table gives now"):
        resume(tmp_path / "run")
    own_prices.write_text('extends = "bottom-up-14nm"\n')
    assert resume(tmp_path / "run").status == "done"


def test_a_run_that_begins_again_begins_with_the_same_weights(scenario, tmp_path):
    """Weights read from a file are part of what a run began with: another file is refused where the run has to begin again."""
    file = tmp_path / "weights.npz"
    np.savez(file, **{f"w{layer}": values for layer, values in enumerate(starting_weights(scenario()))})
    run = simulate(scenario(network__initial_weights=str(file)), tmp_path / "run")
    rewrite(run.path / "manifest.json", run.path / "manifest.json")
    np.savez(file, **{f"w{layer}": 2 * values for layer, values in enumerate(starting_weights(scenario()))})
    with pytest.raises(InputError, match=r"weights\.npz: is not the file that .* began with"):
        resume(run.path)


# ---- forks --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("every", ["5 images", "9 images"])
@pytest.mark.parametrize("segment", [5, 7])
def test_a_fork_with_more_epochs_is_the_longer_run(scenario, tmp_path, every, segment):
    """A run that goes on for a second epoch ends as one that was planned with two, traces included, and names its parent.

    So it is from a checkpoint in mid-epoch, and from one at the last image, where a segment was closed that now goes on.
    """
    plan = {"checkpoint.every": every, "training.window": 1, "record.segment": segment}
    one, two = (simulate(scenario(plan, training__epochs=epochs), tmp_path / str(epochs)) for epochs in (1, 2))
    longer = fork(one.path, ["training.epochs=2"], tmp_path / "fork")
    assert results(longer.path)[0] == results(two.path)[0]
    assert results(longer.path)[1]["traces.nc"] == results(two.path)[1]["traces.nc"]
    assert results(longer.path)[1]["weights.npz"] == results(two.path)[1]["weights.npz"]
    parent = longer.manifest["parent"]
    assert (parent["run"], parent["checkpoint"][:11]) == (str(one.path), "checkpoint/")
    assert parent["images"] == {"5 images": 30, "9 images": 27}[every]
    assert longer.scenario.training.epochs == 2


@pytest.mark.parametrize("enabled", ["true", "false"])
def test_a_fork_that_is_broken_off_goes_on_from_where_it_began(broken_off, tmp_path, enabled):
    """A fork has a checkpoint of its own from the start, also where it writes no others, so that it is never resumed from the first image."""
    folder, _ = broken_off
    changes = ["training.learning_rate=0.1", "training.epochs=2", f"checkpoint.enabled={enabled}"]
    whole = fork(folder, changes, tmp_path / "whole fork")
    with pytest.raises(KeyboardInterrupt):
        fork(folder, changes, tmp_path / "fork", progress=Presser(20))
    assert results(resume(tmp_path / "fork").path) == results(whole.path)
    for path in checkpoints(folder):
        path.unlink()
    with pytest.raises(RunFolderError, match=r"has no checkpoint from which another run could go on; runs write one every checkpoint\.wall_time of 30 s"):
        fork(folder, changes, tmp_path / "none")


def test_a_fork_without_its_beginning_is_not_resumed(broken_off, tmp_path):
    """Where a fork has lost its checkpoints it is refused, since its scenario alone does not lead to what it did."""
    with pytest.raises(KeyboardInterrupt):
        fork(broken_off[0], ["training.epochs=2"], tmp_path / "fork", progress=Presser(20))
    for path in checkpoints(tmp_path / "fork"):
        path.unlink()
    with pytest.raises(RunFolderError, match="goes on from another run, but has no checkpoint of its own"):
        resume(tmp_path / "fork")


@pytest.mark.parametrize("before, after", [("1 ms", "1 us"), ("20 images", "1 us"), ("1 us", "5 images")])
def test_intervals_of_a_fork_count_from_its_checkpoint(scenario, tmp_path, before, after):
    """Transfers and evaluations at new intervals come as often as those say from the checkpoint on, be they images or times."""
    plan = {"checkpoint.every": "5 images", "training.window": 1, "transfer.every": before, "record.accuracy_every": before, "training.epochs": 2}
    with pytest.raises(KeyboardInterrupt):
        simulate(scenario(plan), tmp_path / "run", progress=Presser(13))
    changed = fork(tmp_path / "run", [f"transfer.every={after}", f"record.accuracy_every={after}"], tmp_path / "fork")
    at = changed.manifest["parent"]["images"]
    wanted = (60 - at) * 240 // 1000 if after == "1 us" else (60 - at) // 5
    for group in ("transfer", "accuracy"):
        images = changed[group]["images"][:]
        assert abs(int((images > at).sum()) - wanted) <= 2, group


def test_a_fork_leaves_its_parent_alone_and_differs_from_then_on(broken_off, tmp_path):
    """What is changed takes effect from the checkpoint on; the parent's folder stays as it was, and the parent can still be resumed."""
    folder, expected = broken_off
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    changed = fork(folder, ["training.learning_rate=0.1", "cell.capacitor.retention=1 ms"], tmp_path / "fork")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    same = fork(folder, ["title=other"], tmp_path / "same")
    assert results(same.path)[1]["weights.npz"] == expected[1]["weights.npz"]
    assert results(changed.path)[1]["weights.npz"] != expected[1]["weights.npz"]
    assert results(resume(folder).path) == expected


@pytest.mark.parametrize(
    "override, told",
    [
        ("seed=2", "--set #1: seed: cannot change: the checkpoint's state hangs on it; begin a new run with it"),
        ("cell.pcm.ramp.maximum=20 uS", "cell.pcm.ramp.maximum: cannot change: the checkpoint's arrays are scaled by it"),
        ("transfer.policy=oldest-first", 'transfer.policy: cannot change from or to "oldest-first"'),
        ("record.segment=6", "record.segment: cannot change"),
        ("record.weight_samples=6", "record.weight_samples: cannot change"),
        ("cell.pcm.drift.sigma=[0.0, 0.0, 0.0, 0.0]", "cell.pcm.drift.sigma: cannot change"),
        ("cell.capacitor.retention_spread=0.1", "cell.capacitor.retention_spread: cannot change"),
    ],
)
def test_what_the_state_hangs_on_cannot_change(broken_off, tmp_path, override, told):
    """A fork that would read the checkpoint's state as something else is refused, with the key, and makes no folder."""
    folder, _ = broken_off
    with pytest.raises(InputError) as caught:
        fork(folder, [override], tmp_path / "fork")
    assert told in str(caught.value)
    assert not (tmp_path / "fork").exists()


def test_a_fork_is_not_replayed(broken_off, tmp_path):
    """A window of a fork cannot be simulated again from its scenario, and that is said; one of a resumed run can."""
    folder, _ = broken_off
    window = Span(0, 10**6)
    with pytest.raises(InputError, match=r"goes on from a checkpoint of .*run, so its scenario alone does not lead"):
        replay(fork(folder, ["training.learning_rate=0.1"], tmp_path / "fork"), window)
    assert replay(resume(folder), window, tmp_path / "replay").status == "done"


LATE = {
    "power.wake_up=1 ns": (lambda state: setattr(state.power, "phase", "waking"), "the chip is asleep, or on its way"),
    "transfer.final=false": (lambda state: setattr(state, "final_begun", True), "the final transfer has begun"),
    "retention.start=2 us": (lambda state: setattr(state, "final_begun", True), "the final transfer has begun"),
    "cell.capacitor.retention=1 ms": (lambda state: setattr(state, "retention", RetentionState()), "the measurement of retention has begun"),
    "transfer.verify_units=7": (lambda state: state.transfer.jobs.append(TileJob(0, 4)), "columns are being written"),
}


@pytest.mark.parametrize("override", LATE)
def test_what_has_begun_goes_on_as_it_began(scenario, override):
    """What is under way at the checkpoint goes by the parameters that it began with: changing those is refused, with the reason; before, it is not."""
    before = scenario(retention__end="1 s")
    key, _, value = override.partition("=")
    after = Scenario(**{**before.model_dump(), **_with(before.model_dump(), key.split("."), {"false": False, "7": 7}.get(value, value))})
    state = SimulationState.start(before)
    assert fork_faults(before, after, state, 30) == []
    begin, reason = LATE[override]
    begin(state)
    (fault,) = fork_faults(before, after, state, 30)
    assert fault.endswith(f"{key}: cannot change at this checkpoint: {reason}")


def _with(tables, path, value):
    tables[path[0]] = value if len(path) == 1 else _with(tables[path[0]], path[1:], value)
    return tables


def test_a_fork_is_priced_by_what_its_parent_was(own_prices, tmp_path):
    """A price table that has changed since the parent began is refused, unless the fork says that prices change."""
    own_prices.write_text('extends = "bottom-up-90nm"\n')
    with pytest.raises(RunFolderError, match="the table has changed since the run began"):
        fork(tmp_path / "run", ["training.learning_rate=0.1"], tmp_path / "fork")
    assert fork(tmp_path / "run", ["prices.table=bottom-up-14nm"], tmp_path / "fork").status == "done"


def test_data_may_have_moved(broken_off, images, tmp_path, monkeypatch):
    """A fork may find its data elsewhere, since their checksums vouch for them; a relative path that leads nowhere now is explained."""
    folder, expected = broken_off
    shutil.copytree(images, tmp_path / "moved")
    moved = fork(folder, [f"data.path={tmp_path / 'moved'}"], tmp_path / "fork")
    assert results(moved.path)[1]["weights.npz"] == expected[1]["weights.npz"]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"seen from the working directory, which must be the one that the run began in"):
        fork(folder, ["data.path=nowhere"], tmp_path / "other")


def test_an_error_inside_is_in_the_manifest(scenario, tmp_path, monkeypatch):
    """Where even the results cannot be made, the manifest says that the run failed and why."""

    def fail(*_):
        msg = "inside"
        raise ValueError(msg)

    monkeypatch.setattr("chipsim.run.session.trace_groups", fail)
    heard = Presser(10**9)
    with pytest.raises(ValueError, match="inside"):
        simulate(scenario(), tmp_path / "run", progress=heard)
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert (manifest["status"], manifest["reason"]) == ("failed", "stopped by an error inside chipsim")
    assert any("its results cannot be written, ValueError: inside" in text for text in heard.heard)


def test_a_fork_cannot_learn_less_than_has_been_learnt(scenario, tmp_path):
    """Fewer epochs than the checkpoint has seen are refused with the numbers."""
    run = simulate(scenario(training__epochs=3, checkpoint__every="5 images", training__window=1), tmp_path / "run")
    with pytest.raises(InputError, match=r"training\.epochs: 1 epochs are 30 images, of which the checkpoint has learnt [89]\d already"):
        fork(run.path, ["training.epochs=1"], tmp_path / "fork")


def test_overrides_of_a_fork_are_checked_as_those_of_a_run(broken_off, tmp_path):
    """An unknown key is refused with a near spelling."""
    with pytest.raises(ScenarioError, match=r"did you mean"):
        fork(broken_off[0], ["training.epoch=2"], tmp_path / "fork")


def test_a_resumed_run_keeps_the_name_of_its_scenario(tmp_path):
    """The summary names the scenario that the run began with, not the file in its folder."""
    wanted = Scenario.load("mnist-5k", ["data.train_images=30", "data.test_images=20", "training.epochs=1", "training.window=1"])
    with pytest.raises(KeyboardInterrupt):
        simulate(wanted, tmp_path / "run", progress=Presser(10))
    assert resume(tmp_path / "run").summary["scenario"] == "mnist-5k"


def test_a_number_that_is_none_never_gets_into_a_checkpoint(scenario, tmp_path, monkeypatch):
    """A run that fails on a number says which checkpoint is the last good one; what it fails on is in none, and resuming it fails the same way."""
    looks = []

    def look(_, now_ps):
        looks.append(now_ps)
        if len(looks) > 2:
            msg = "layer 1, row 0, column 0: weight is nan"
            raise NumericalError(msg)

    monkeypatch.setattr("chipsim.run.session.check", look)
    folder = tmp_path / "run"
    with pytest.raises(NumericalError, match=r"weight is nan; the last good checkpoint is .*000002\.npz, after 1\d images"):
        simulate(scenario(training__window=1, checkpoint__every="5 images"), folder)
    assert [path.name for path in checkpoints(folder)] == ["000001.npz", "000002.npz"]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["status"] == "failed"
    assert "000002.npz" in manifest["reason"]
    with pytest.raises(NumericalError, match=r"the last good checkpoint is the one that it went on from, after 1\d images"):
        resume(folder)
