"""The commands: what they print where, and with which exit code they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chipsim.errors import DataError, RunFolderError, SimulationError
from chipsim.scenario import Scenario

BAD = Path(__file__).resolve().parent.parent / "bad_scenarios"


def _nothing_but_a_message(result, code):
    assert result.exit_code == code
    assert "Traceback" not in result.output
    assert not isinstance(result.exception, Exception) or isinstance(result.exception, SystemExit)


def test_run_prints_a_table_and_the_folder(chipsim, simulation):
    """A run ends with accuracy, chip time, energy by component, transfers, speed, and where the results are."""
    result = chipsim("run", "mnist-5k")
    _nothing_but_a_message(result, 0)
    for text in ("93.12 %", "12 ms", "array read", "3 uJ", "(75.0 %)", "transfers", "10,000 images/s", "runs/mnist-5k-1-1", "80 pJ"):
        assert text in result.stdout
    assert result.stderr.startswith("chipsim: loading mnist-5k\n")
    assert "compiling kernels" in result.stderr
    assert simulation.calls[0]["command"][0] == "chipsim"


def test_run_takes_a_free_folder(chipsim, simulation):
    """Without --out, results go to the first free runs/NAME-SEED-N."""
    for _ in range(2):
        _nothing_but_a_message(chipsim("run", "mnist-5k", "--seed", 9, "-q"), 0)
    assert [str(call["out"]) for call in simulation.calls] == ["runs/mnist-5k-9-1", "runs/mnist-5k-9-2"]


def test_options_reach_the_simulation(chipsim, simulation):
    """--set, --seed, --out and --data-dir arrive."""
    result = chipsim("run", "mnist", "--set", "training.epochs=2", "--set", "cell.kind=3t1c", "--seed", 5, "--out", "here", "--data-dir", "there")
    _nothing_but_a_message(result, 0)
    (call,) = simulation.calls
    assert call["scenario"] == Scenario.load("mnist", ["training.epochs=2", "cell.kind=3t1c"], seed=5)
    assert (call["out"], call["data_dir"]) == (Path("here"), Path("there"))


def test_data_folder_from_the_environment(chipsim, simulation, monkeypatch):
    """CHIPSIM_DATA stands in for --data-dir."""
    monkeypatch.setenv("CHIPSIM_DATA", "elsewhere")
    _nothing_but_a_message(chipsim("run", "mnist", "-q"), 0)
    assert simulation.calls[0]["data_dir"] == Path("elsewhere")


def test_json_is_all_that_stands_on_stdout(chipsim, simulation, summary):
    """With --json, stdout is the summary and nothing else."""
    result = chipsim("run", "mnist-5k", "--json")
    _nothing_but_a_message(result, 0)
    assert json.loads(result.stdout) == summary
    assert len(simulation.calls) == 1


@pytest.mark.usefixtures("simulation")
def test_quiet_says_nothing(chipsim):
    """With --quiet nothing is printed; with --json, too, only the summary is."""
    result = chipsim("run", "mnist-5k", "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    assert json.loads(chipsim("run", "mnist-5k", "--quiet", "--json").output)


@pytest.mark.usefixtures("simulation")
def test_a_setting_without_effect_is_warned_of(chipsim):
    """A warning goes to stderr and stops nothing."""
    result = chipsim("run", "mnist-software", "--set", "transfer.policy=stall")
    _nothing_but_a_message(result, 0)
    assert "warning: --set #1: transfer.policy: is set but has no effect" in result.stderr


@pytest.mark.parametrize(
    "error,code,text",
    [
        (DataError("train-images: is truncated"), 2, "chipsim: train-images: is truncated\n"),
        (DataError("data.crop: 30 x 30 does not fit"), 2, "chipsim: mnist.toml:10: data.crop: 30 x 30 does not fit\n"),
        (DataError("data.train_images: 9 asked for"), 2, "data.train_images: 9 asked for"),
        (RunFolderError("runs/x: exists already"), 2, "chipsim: runs/x: exists already\n"),
        (SimulationError("the loss is NaN at image 5"), 1, "chipsim: the loss is NaN at image 5\n"),
        (OSError(28, "No space left on device", "traces.nc"), 1, "chipsim: traces.nc: No space left on device\n"),
        (MemoryError(), 1, "chipsim: there is not enough memory for this scenario\n"),
        (ZeroDivisionError("division by zero"), 1, "chipsim: an error inside chipsim, ZeroDivisionError: division by zero; CHIPSIM_TRACEBACK=1 shows where"),
    ],
)
def test_errors_become_one_message_and_an_exit_code(chipsim, simulation, error, code, text):
    """Wrong input ends with 2, a failed simulation with 1, both with one message and no traceback."""
    simulation.raises = error
    result = chipsim("run", "mnist-5k")
    _nothing_but_a_message(result, code)
    assert text in result.stderr
    assert not result.stdout


def test_traceback_on_request(chipsim, simulation, monkeypatch):
    """CHIPSIM_TRACEBACK shows developers where an error arose."""
    monkeypatch.setenv("CHIPSIM_TRACEBACK", "1")
    simulation.raises = ZeroDivisionError("division by zero")
    result = chipsim("run", "mnist-5k")
    assert result.exit_code == 1
    assert "Traceback" in result.stderr


def test_interruption_names_the_folder(chipsim, simulation):
    """Ctrl-C ends with 130 and says where the results up to then are."""
    simulation.raises = KeyboardInterrupt()
    result = chipsim("run", "mnist-5k", "--out", "mine")
    _nothing_but_a_message(result, 130)
    assert (
        "chipsim: interrupted: the run folder mine holds everything up to then; it has no checkpoint yet; to begin again: chipsim resume mine\n"
        in result.stderr
    )


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize("name", ["misspelt_key", "bare_number", "inputs_unlike_pixels", "syntax", "extends_itself"])
def test_bad_scenarios_end_with_2_and_leave_nothing(chipsim, simulation, command, name):
    """A scenario at fault ends with exit code 2, its faults on stderr, and no folder is made."""
    result = chipsim(command, BAD / f"{name}.toml")
    _nothing_but_a_message(result, 2)
    assert f"{name}.toml:" in result.stderr
    assert not result.stdout
    assert not simulation.calls
    assert not list(Path.cwd().iterdir())


def test_every_fault_stands_on_its_line(chipsim):
    """All faults of overrides are told at once, each as `place: key: message`."""
    result = chipsim("check", "mnist-5k", "--set", "sed=1", "--set", "training.epochs=x")
    _nothing_but_a_message(result, 2)
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert {line.split(": ")[0] for line in lines} == {"--set #1", "--set #2"}


def test_check_says_what_a_scenario_comes_down_to(chipsim):
    """`check` prints the main choices: network with its weights, cycle, transfer."""
    result = chipsim("check", "mnist")
    _nothing_but_a_message(result, 0)
    for text in ("is fine", "164,885 weights", "240 ns", "every 8000 images", "with polarity inversion"):
        assert text in result.stdout


CHECKED = {
    "transfer-policy": ("operations  ", "layer 1 rests", "room for: ", "what does not fit holds an image up, by "),
    "refresh-or-transfer": ("refresh  ", "every row every 500 us", "8 bits"),
    "gpu-partner": ("host  ", "an image every ", "a queue of "),
    "edge-device": ("stage 0  ", "program", "sleep", 'speaker "'),
    "retention": ("retention  ", "read from 1 us to "),
    "mnist-pcm-only": ("2pcm", "an image takes"),
}


@pytest.mark.parametrize("name", CHECKED)
def test_check_says_what_goes_on_beside_training(chipsim, name):
    """`check` prints which operations fit into which gap, refresh, host, stages and retention reads, where a scenario has them."""
    result = chipsim("check", name)
    _nothing_but_a_message(result, 0)
    for text in CHECKED[name]:
        assert text in result.stdout
    assert ("transfer  " in result.stdout) == (name not in {"refresh-or-transfer", "mnist-pcm-only"})


def test_check_names_naps_and_short_operations(chipsim):
    """`check` prints every planned sleep, and no warning where everything fits into the gaps."""
    short = ("transfer.sample_read=40 ns", "cell.pcm.verify.duration=50 ns")
    settings = (*short, "power.sleep=['1 ms for 2 s']", "power.before=nothing")
    result = chipsim("check", "transfer-policy", *(part for setting in settings for part in ("--set", setting)))
    assert result.exit_code == 0
    assert "1 ms for 2 s, before it: nothing" in result.stdout
    assert "holds an image up" not in result.stdout


def test_check_can_print_every_value(chipsim, tmp_path):
    """`check --resolved` prints a scenario that can be run again."""
    result = chipsim("check", "retention", "--resolved", "--set", "seed=8")
    (tmp_path / "again.toml").write_text(result.stdout, encoding="utf-8")
    assert Scenario.load(tmp_path / "again.toml") == Scenario.load("retention", ["seed=8"])


def test_scenarios_are_listed_with_their_questions(chipsim):
    """`scenarios` lists names and questions."""
    result = chipsim("scenarios")
    _nothing_but_a_message(result, 0)
    assert "mnist-no-inversion" in result.stdout
    assert "what is polarity inversion worth?" in result.stdout


def test_schema_is_json(chipsim):
    """`schema` prints a JSON schema."""
    assert json.loads(chipsim("schema").stdout)["title"] == "chipsim scenario"


@pytest.mark.parametrize(
    "overrides,text",
    [
        ([], "mnist-5k, 22 x 24 pixels, evaluated on the test images"),
        (["data.name=features", "data.path=f.npz", "network.layers=[77, 3]"], "f.npz, 77 features, evaluated on the test images"),
        (["data.name=cifar10-features-1k", "network.layers=[1280, 10]"], "cifar10-features-1k, 1280 features, evaluated on the test images"),
        (
            ["data.name=spoken-digits", "network.layers=[640, 10]", "data.adapt_to=lucas"],
            'spoken-digits, 640 features, speaker "lucas", evaluated on the test images',
        ),
    ],
)
def test_check_says_what_a_network_is_shown(chipsim, overrides, text):
    """`check` names the data with the pixels, or the features, of one image, and whose voice is learnt."""
    result = chipsim("check", "mnist-5k", *(part for override in overrides for part in ("--set", override)))
    assert " ".join(result.stdout.split()).find(text) > 0


def test_version(chipsim):
    """`--version` prints the version."""
    assert chipsim("--version").stdout.startswith("chipsim 0.")


@pytest.mark.parametrize("arguments", [["rum"], ["run"], ["run", "mnist", "--seed", "x"], ["run", "mnist", "--sed", "1"], ["plot"], ["check"]])
def test_misuse_ends_with_2(chipsim, arguments):
    """A command line that cannot be read ends with 2 and says how it is meant."""
    result = chipsim(*arguments)
    _nothing_but_a_message(result, 2)
    assert "Usage" in result.stderr


def test_plot_names_the_files_it_wrote(chipsim, tmp_path, monkeypatch):
    """`plot` hands run, figures and folder on, prints the files, and tells on stderr what it left out."""
    asked = []

    def draw(run, names, folder, skipped):
        asked.append((run, list(names), folder))
        skipped("retention: this run has none")
        return [Path("figures/energy.png")]

    monkeypatch.setattr("chipsim.analysis.run.load_run", lambda path: f"run at {path}")
    monkeypatch.setattr("chipsim.plotting.draw", draw)
    result = chipsim("plot", tmp_path, "energy", "accuracy", "--out", "there")
    _nothing_but_a_message(result, 0)
    assert asked == [(f"run at {tmp_path}", ["energy", "accuracy"], Path("there"))]
    assert result.stdout == "figures/energy.png\n"
    assert "retention: this run has none" in result.stderr


def test_plot_of_no_run_folder(chipsim, tmp_path):
    """A folder that is missing or holds no run is refused."""
    for folder in (tmp_path, tmp_path / "missing"):
        _nothing_but_a_message(chipsim("plot", folder), 2)


@pytest.mark.parametrize("arguments", [["--help"], ["check", "mnist-5k"], ["scenarios"], ["schema"]])
def test_commands_stay_light(arguments):
    """What does not simulate loads neither Numba nor matplotlib nor SimPy."""
    script = "import sys\nfrom chipsim.cli import main\ntry:\n    main()\nfinally:\n    print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    loaded = {name.split(".")[0] for name in done.stderr.split()}
    assert "chipsim" in loaded
    assert not loaded & {"numba", "matplotlib", "simpy"}


def test_module_runs_as_a_program(tmp_path):
    """`python -m chipsim` is the command, and a terminal without Unicode is no obstacle."""
    (tmp_path / "é.toml").write_text("title = 'µ'\nsed = 1\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "chipsim", "check", str(tmp_path / "é.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment)
    assert done.returncode == 2
    assert ".toml:2: sed: " in done.stderr
    assert "Traceback" not in done.stderr
