"""From a scenario to a run folder: complete, readable whatever happened, and the same bytes for the same seed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from chipsim.analysis.run import load_run
from chipsim.errors import InputError, RunFolderError, SimulationError
from chipsim.events.simulation import Simulation
from chipsim.run.simulate import simulate
from chipsim.scenario import Scenario

IMAGES = 30
FILES = {"scenario.toml", "manifest.json", "summary.json", "traces.nc"}
WALL = ("wall_time_s", "images_per_wall_second")


class Interrupter:
    """Progress that presses Ctrl-C, or fails, when so many images have been trained."""

    def __init__(self, images, error=KeyboardInterrupt):
        self.images, self.error, self.heard = images, error, []

    def message(self, text):
        """Hear what is being done."""
        self.heard.append(text)

    def start(self, total_images, already=0):  # noqa: ARG002  what a run tells, heard or not
        """Hear that training begins."""
        self.heard.append(total_images)

    def update(self, images, chip_time_s, accuracy):
        """Break off at the image."""
        del chip_time_s, accuracy
        if images >= self.images:
            raise self.error

    def finish(self):
        """Hear the end."""
        self.heard.append("finish")


def without_wall_time(summary):
    """Return what a run measured, without how long the computer took."""
    return {key: value for key, value in summary.items() if key not in WALL}


def arrays(run):
    """Return every array of the traces as bytes."""
    return {f"{group}.{name}": (np.asarray(run[group][name]).dtype, np.asarray(run[group][name]).tolist()) for group in run.groups for name in run[group]}


@pytest.mark.parametrize("kind", ["2pcm+3t1c", "2pcm", "3t1c", "software"])
def test_a_run_folder_is_complete(scenario, tmp_path, kind):
    """A finished run has every file, the status `done`, the resolved scenario, and a summary that agrees with its traces."""
    wanted = scenario(cell__kind=kind)
    run = simulate(wanted, tmp_path / "run", command=["chipsim", "run"])
    assert {path.name for path in run.path.iterdir()} >= FILES
    assert run.status == "done"
    assert run.manifest["command"] == ["chipsim", "run"]
    assert run.scenario == wanted
    assert {"accuracy", "energy", "weights"} <= set(run.groups)
    assert ("transfer" in run) == (kind == "2pcm+3t1c")
    assert run.summary["images"] == IMAGES
    assert run.summary["test_accuracy_before_transfer"] == run["accuracy"]["accuracy"][-1]
    if kind != "software":
        assert run.summary["chip_time_s"] == pytest.approx(IMAGES * (3300e-9 if kind == "2pcm" else 240e-9), rel=1e-9)
        assert run.summary["energy_J"]["total"] == pytest.approx(float(np.sum(run["energy"]["energy"])), rel=1e-9)
        assert run.summary["counts"]["array.forward read"] == 3 * IMAGES


FEATURES = {"spoken-digits-1k": {"network.layers": (640, 10), "data.adapt_to": "lucas"}, "cifar10-features-1k": {"network.layers": (1280, 10)}}


@pytest.mark.parametrize("kind", ["2pcm+3t1c", "software"])
@pytest.mark.parametrize("name", FEATURES)
def test_a_network_learns_built_in_features(small, tmp_path, name, kind):
    """A chip is trained on features as it is on images, without any file; the manifest says what was read and how it became bytes."""
    plan = {"data.name": name, "cell.kind": kind, "training.epochs": 4, "training.learning_rate": 0.02, "seed": 3, **FEATURES[name]}
    run = simulate(Scenario(**small.tree(plan)), tmp_path / "run")
    tested = {"spoken-digits-1k": 50, "cifar10-features-1k": 500}[name]
    assert run.summary["images"] == 4 * {"spoken-digits-1k": 200, "cifar10-features-1k": 1000}[name]
    assert run.summary["test_accuracy"] > 0.1 + 5 * np.sqrt(0.1 * 0.9 / tested)  # guesses among ten classes, and five standard deviations
    assert list(run.manifest["data"]) == [f"{name.replace('-', '_')}.npz"]
    assert run.manifest["mapping"].keys() >= ({"lowest", "highest"} if name == "spoken-digits-1k" else {"scale", "zero_point"})


def test_stalls_are_told_apart_from_training(scenario, tmp_path):
    """Chip time is training time plus stall time, and stall time is the sum of the transfers' durations."""
    run = simulate(scenario(transfer__policy="stall"), tmp_path / "run")
    summary, durations = run.summary, np.asarray(run["transfer"]["duration"])
    assert len(durations) == 4
    assert (durations > 0.0).all()
    assert summary["stall_time_s"] == pytest.approx(durations.sum(), rel=1e-9)
    assert summary["training_time_s"] == pytest.approx(IMAGES * 240e-9, rel=1e-6)
    assert summary["chip_time_s"] == pytest.approx(summary["training_time_s"] + summary["stall_time_s"], rel=1e-12)


def test_the_same_seed_gives_the_same_bytes(scenario, tmp_path):
    """Two runs of one scenario agree in every result and every array; another seed does not."""
    one, same, other = (simulate(scenario(seed=seed), tmp_path / name) for name, seed in (("one", 4), ("same", 4), ("other", 5)))
    assert json.dumps(without_wall_time(one.summary)) == json.dumps(without_wall_time(same.summary))
    assert repr(arrays(one)) == repr(arrays(same))
    assert repr(arrays(one)) != repr(arrays(other))


@pytest.mark.parametrize("reached", [1, 11, 27])
def test_an_interrupted_run_can_be_read(scenario, tmp_path, reached):
    """After Ctrl-C the folder says so, and holds everything up to then."""
    progress = Interrupter(reached)
    with pytest.raises(KeyboardInterrupt):
        simulate(scenario(record__accuracy_every="4 images"), tmp_path / "run", progress=progress)
    run = load_run(tmp_path / "run")
    assert run.status == "interrupted"
    assert run.manifest["reason"] == "interrupted by the user"
    assert len(run["accuracy"]["images"]) >= 1
    assert run.summary["images"] <= reached + 5
    assert np.asarray(run["energy"]["energy"]).shape[0] == len(run["energy"]["images"])
    assert np.isfinite(run.summary["energy_J"]["total"])
    assert progress.heard[-1] == "finish"
    assert run.scenario == scenario(record__accuracy_every="4 images")


def test_a_run_interrupted_before_it_began_can_be_read(scenario, tmp_path):
    """Ctrl-C while the chip is being built leaves a folder that says so and has no results."""

    class AtOnce(Interrupter):
        def start(self, total_images, already=0):  # noqa: ARG002  what a run tells, heard or not
            """Break off before the first image."""
            raise KeyboardInterrupt(total_images)

    with pytest.raises(KeyboardInterrupt):
        simulate(scenario(), tmp_path / "run", progress=AtOnce(0))
    run = load_run(tmp_path / "run")
    assert run.status == "interrupted"
    assert run.summary == {}


def test_a_failed_run_can_be_read(scenario, tmp_path):
    """Where the simulation cannot go on, the error says why, the folder too, and what was recorded is there."""
    with pytest.raises(SimulationError, match="ZeroDivisionError"):
        simulate(scenario(), tmp_path / "run", progress=Interrupter(15, ZeroDivisionError))
    run = load_run(tmp_path / "run")
    assert run.status == "failed"
    assert "ZeroDivisionError" in run.manifest["reason"]
    assert run.summary["images"] >= 5


def test_a_deadlock_is_a_failed_run(scenario, tmp_path, monkeypatch):
    """A simulation whose processes wait for ever ends with an error, and the folder says `failed`."""

    def starved(self, *args, **kwargs):
        build(self, *args, **kwargs)
        self.state.current.total = 0.5

    build = Simulation.__init__
    monkeypatch.setattr(Simulation, "__init__", starved)
    with pytest.raises(SimulationError, match="deadlock"):
        simulate(scenario(transfer__policy="stall"), tmp_path / "run")
    assert load_run(tmp_path / "run").status == "failed"


def test_an_output_folder_in_use_is_refused_first(scenario, tmp_path, monkeypatch):
    """A folder that holds something is refused before anything is simulated, and left as it was."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("mine", encoding="utf-8")

    def never(*args, **kwargs):
        msg = f"simulated anyway: {args} {kwargs}"
        raise AssertionError(msg)

    monkeypatch.setattr(Simulation, "__init__", never)
    with pytest.raises(RunFolderError, match="run"):
        simulate(scenario(), tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    "wrong", [{"network.layers": (20, 12, 8, 3)}, {"data.path": "nowhere"}, {"prices.table": "no such table"}, {"network.initial_weights": "no.npz"}]
)
def test_bad_input_leaves_nothing_behind(scenario, tmp_path, wrong):
    """Data, prices or weights that cannot be used are an input error, and no folder is made."""
    with pytest.raises(InputError):
        simulate(scenario(wrong), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def retained(small, images, tmp_path_factory):
    """Return a retention run of cells that are alike, without slow noise."""
    plan = small.NO_SPREAD | {
        "data.path": str(images),
        "data.crop": (4, 5),
        "training.epochs": 0,
        "cell.pcm.slow_noise.enabled": False,
        "retention.start": "1 us",
        "retention.end": "10 years",
        "retention.per_decade": 3,
    }
    return simulate(Scenario(**small.tree(small.settings(plan, layers=(20, 40, 4)))), tmp_path_factory.mktemp("retention") / "run")


def test_capacitors_are_forgotten_by_the_closed_form(retained):
    """With equal cells every capacitor's share left is exp(-t / retention): 0.37 after 5.16 ms, nothing after seconds."""
    group = retained["retention"]
    age, left = np.asarray(group["age"]), np.asarray(group["capacitor_left"])
    assert left == pytest.approx(np.repeat(np.exp(-age / 5.16e-3)[:, None], left.shape[1], axis=1), abs=1e-5)
    assert np.asarray(group["capacitor_nominal"]) == pytest.approx(np.exp(-age / 5.16e-3), abs=1e-12)


def test_pcm_drifts_by_the_closed_form(retained):
    """The median device keeps ((t + t0) / t0)^-nu with nu near the mean exponent: all of it for a second, 44 % to 49 % after ten years."""
    group = retained["retention"]
    age, left = np.asarray(group["age"]), np.asarray(group["pcm_left"])
    assert age[0] == pytest.approx(1e-6)
    assert age[-1] == pytest.approx(315_576_000.0)
    assert left[age < 1e-3] == pytest.approx(1.0, abs=1e-4)
    # devices of 1 to 10 uS: mean exponents between 0.049 and 0.075, spreads between 0.008 and 0.035
    for nu, bound in ((0.045, "above"), (0.075, "below")):
        closed = ((age + 20.0) / 20.0) ** -nu
        assert (left[:, 2] <= closed + 1e-6).all() if bound == "above" else (left[:, 2] >= closed - 1e-6).all()
    assert (np.diff(left[:, 2]) <= 1e-9).all()
    assert np.asarray(group["pcm_nominal"]) == pytest.approx(((age + 20.0) / 20.0) ** -0.049)


def test_weights_are_lost_with_what_holds_them(retained):
    """The error of the weights grows from nothing, and the retention run takes no training time."""
    error = np.asarray(retained["retention"]["weight_error"])
    assert error[0] < 1e-3 < error[-1]
    assert retained.summary["images"] == 0
    assert retained.summary["training_time_s"] == 0.0


ALIKE = {
    "cell.pcm.drift.mean": (0.0, 0.06, 0.06, 0.06),
    "cell.pcm.drift.sigma": (0.0, 0.0, 0.0, 0.0),
    "cell.pcm.read_noise.enabled": False,
    "cell.pcm.slow_noise.enabled": False,
}
"""Overrides under which all devices drift alike and are read without noise."""


def test_drift_that_is_alike_is_made_up_for(small, scenario, tmp_path):
    """Where every device loses the same share, factors rise by one over it once the capacitors have leaked, and accuracy stays."""
    plan = ALIKE | small.NO_SPREAD | {"training.epochs": 0, "retention.start": "1 s", "retention.end": "10 years", "retention.per_decade": 1}
    group = simulate(scenario(plan), tmp_path / "run")["retention"]
    age, factors = np.asarray(group["age"]), np.asarray(group["compensation"])
    risen = ((age + 20.0) / 21.0) ** 0.06
    assert factors / factors[0] == pytest.approx(np.repeat(risen[:, None], factors.shape[1], axis=1), rel=1e-4)
    assert len(set(np.asarray(group["accuracy_compensated"]).tolist())) == 1


def test_factors_come_from_noisy_reads_of_their_own(scenario, tmp_path):
    """More reads make other factors, but the accuracy without compensation keeps its draws."""
    plan = {"training.epochs": 0, "retention.start": "1 s", "retention.end": "1 day", "retention.per_decade": 1}
    few, many = (simulate(scenario(plan, retention__reference_reads=reads), tmp_path / str(reads))["retention"] for reads in (1, 1000))
    assert np.asarray(few["accuracy"]).tolist() == np.asarray(many["accuracy"]).tolist()
    assert (np.asarray(few["compensation"]) != np.asarray(many["compensation"])).all()


def test_stalls_lie_in_the_segment_that_pays_for_them(scenario, tmp_path):
    """Time and energy of a stalled transfer belong to one segment: its length is the time in which the chip was powered."""
    run = simulate(scenario(transfer__policy="stall", transfer__every="10 images"), tmp_path / "run")
    energy = run["energy"]
    powered = energy["amounts"][:, list(energy["quantity"]).index("chip.powered time")]
    ends = np.concatenate([[0.0], energy["time"]])
    assert np.diff(ends) == pytest.approx(powered, rel=1e-9)
    assert ends[-1] == pytest.approx(run.summary["chip_time_s"], rel=1e-12)
    assert run.summary["stall_time_s"] > 0.0


@pytest.mark.parametrize("policy", ["stall", "interleave", "oldest-first"])
def test_nothing_is_busy_for_longer_than_a_segment_lasts(policy, scenario, tmp_path):
    """Uses of a tile lie in the segment in which they were, so no share is above one, and arrays are busy in the segment that holds a stall."""
    run = simulate(scenario(transfer__policy=policy, transfer__every="10 images", record__segment=10), tmp_path / "run")
    busy = np.asarray(run["utilisation"]["busy"])
    assert busy.max() <= 1.0 + 1e-9
    if policy == "stall":
        current = list(run["utilisation"]["resource"]).index("programming current")
        assert (busy[:, current] > 0).tolist() == [True] * len(busy)


def test_an_open_segment_is_in_the_traces(scenario, tmp_path):
    """A run that is broken off within a segment shows all of its energy."""
    with pytest.raises(KeyboardInterrupt):
        simulate(scenario(training__window=1, record__segment=20), tmp_path / "run", progress=Interrupter(12))
    run = load_run(tmp_path / "run")
    assert run["energy"]["images"][-1] == run.summary["images"]
    assert float(np.sum(run["energy"]["energy"])) == pytest.approx(run.summary["energy_J"]["total"], rel=1e-9)
