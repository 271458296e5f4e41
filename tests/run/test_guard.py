"""Runs with numbers that cannot be: they fail at once, say where and when, and leave what they had; healthy ones do not notice."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from chipsim.analysis.run import load_run
from chipsim.errors import NumericalError
from chipsim.run import recorder as recording
from chipsim.run.progress import Silent
from chipsim.run.recorder import GUARD_EVERY, Recorder
from chipsim.run.simulate import simulate

SOFTWARE = {"cell.kind": "software"}
ABSURD = {
    "a learning rate beyond float32": (SOFTWARE | {"training.learning_rate": 1e300}, r"layer \d, row \d+, column \d+: weight is -?(nan|inf)"),
    "initial weights beyond float32": (SOFTWARE | {"network.initial_scale": 1e300}, r"layer 1, row 0, column \d+: weight is -?inf at 0 s"),
    "a gain beyond float32": ({"cell.gain": 1e300}, r"layer 1, row 0, column 0: F \(G\+ - G-\) is -?(nan|inf) uS at 0 s"),
    "steps that end in every pulse": ({"training.learning_rate": 1e30, "cell.capacitor.step": "1e25 V"}, r"images 0 to 4: capacitor.pulse charge: sum is inf"),
    "a transistor that shorts everything": ({"cell.capacitor.transconductance": 1e300}, r"layer 1, .* is -?(nan|inf)"),
    "ramps without any control": ({"cell.pcm.ramp.sigma": (1e300, 0.0, 0.0)}, r"layer 1, row 0, column 0: .* is -?(nan|inf) (V|uS) at 0 s"),
    "reads that are noise alone": ({"cell.pcm.read_noise.offset": (1e300, 0.0, 0.0, 0.0, 0.0)}, r"layer 1, row 0, column 0: .* is -?(nan|inf)"),
    "drift that knows no end": (
        {"cell.pcm.drift.mean": (1e308, 1e308, 0.0, 1e308)},
        r"drift exponent of G[+-] is inf at 0 s of chip time; allowed is 0 to 3.40282e\+38",
    ),
}
"""Scenarios that are accepted, and what they lead to."""
LOOKED_AT = {"record.accuracy_every": "10 images"}


@pytest.mark.parametrize("what", ABSURD)
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
def test_absurd_numbers_stop_a_run(scenario, tmp_path, what):
    """A run whose numbers overflow fails, naming place, quantity, value, range and chip time; its folder says so and can be read."""
    overrides, message = ABSURD[what]
    with pytest.raises(NumericalError, match=message) as error:
        simulate(scenario(LOOKED_AT, overrides), tmp_path / "run")
    run = load_run(tmp_path / "run")
    assert run.status == "failed"
    assert run.manifest["reason"] == str(error.value)


@pytest.mark.parametrize("kind", ["2pcm+3t1c", "2pcm", "3t1c", "software"])
def test_extreme_but_possible_numbers_do_not(scenario, tmp_path, kind):
    """An enormous learning rate fires every pulse of an analog cell, which stays within its limits; floats hold what it makes of weights."""
    plan = scenario(LOOKED_AT, cell__kind=kind, training__learning_rate=1e30)
    assert simulate(plan, tmp_path / "run").status == "done"


class Spoiler(Silent):
    """Progress that spoils a run's state as soon as so many images have been trained."""

    def __init__(self, image, spoil):
        self.image, self.spoil = image, spoil

    def update(self, images, chip_time_s, accuracy):
        """Spoil it once."""
        del chip_time_s, accuracy
        if images >= self.image and self.spoil:
            self.spoil()
            self.spoil = None


@pytest.mark.parametrize("image", [5, 12, 20])
def test_a_fault_ends_a_run_at_the_next_look(small, image):
    """A capacitor that stops holding a number in the middle of a run is found by the next evaluation."""
    made = small.build(images=30, layers=(12, 8, 4), record__segment=5, record__accuracy_every="10 images", transfer__every="100 images")
    spoiler = Spoiler(image, lambda: made.cells.overdrive.__setitem__(slice(32, 35), np.nan))
    recorder = Recorder(made.scenario, made, spoiler)
    state = small.SimulationState.start(made.scenario)
    with pytest.raises(NumericalError, match="layer 1, row 1, column 0: capacitor voltage is nan V"):
        small.simulation(made, state, recorder).run()
    assert recorder.latest[0] >= image
    assert state.training.phase // len(made.phase_ps) == -(-image // 10) * 10


def test_looks_are_as_rare_as_promised_and_miss_no_bin(small, monkeypatch):
    """Whatever segments last, looks are at most `GUARD_EVERY` images and a segment apart, and every bin of the ledger is looked at."""

    class Plain(Recorder):
        """A recorder that asks nothing of its chip."""

        def _capacitor_age(self, now_ps):
            return float(now_ps)

    for segment in (1, 7, 700, 2000, 3000, 5001):
        looked = []
        monkeypatch.setattr(recording, "check", lambda chip, _, segments, looked=looked: looked.append((chip.step, segments)))
        recorder = Plain(small.scenario({"record.segment": segment}), SimpleNamespace(plan=SimpleNamespace(steps=12_345), step=0), Silent())
        for step in [*range(segment, 12_345, segment), 12_345]:
            recorder.chip.step = step
            recorder.trained(step, 0)
        steps = [0, *(step for step, _ in looked)]
        assert steps[-1] == 12_345
        assert max(np.diff(steps)) <= max(segment, GUARD_EVERY + segment - 1)
        assert min(np.diff(steps)[:-1], default=segment) >= min(segment, GUARD_EVERY - segment)
        bins = [number for _, part in looked for number in range(part.start, part.stop)]
        assert set(bins) == set(range(-(-12_345 // segment)))


def test_guards_change_no_byte(scenario, tmp_path, monkeypatch):
    """A run without guards has the same results and traces."""
    guarded = simulate(scenario(LOOKED_AT), tmp_path / "guarded")
    looks = []
    monkeypatch.setattr(recording, "check", lambda *arguments: looks.append(arguments))
    bare = simulate(scenario(LOOKED_AT), tmp_path / "bare")
    assert len(looks) > 5
    for name in guarded.groups:
        for key in guarded[name]:
            np.testing.assert_array_equal(np.asarray(guarded[name][key]), np.asarray(bare[name][key]))
    wall = {"wall_time_s", "images_per_wall_second"}
    one, other = ({key: value for key, value in run.summary.items() if key not in wall} for run in (guarded, bare))
    assert json.dumps(one) == json.dumps(other)
