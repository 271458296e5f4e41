"""`chipsim estimate`: what it prints of a scenario and of a run, as tables, as JSON, and explained; and what it refuses."""

from __future__ import annotations

import json

import pytest

from chipsim.costs import shipped_tables
from chipsim.run.simulate import simulate
from chipsim.scenario import Scenario

SMALL = [
    part
    for change in ("data.crop=[10,10]", "network.layers=[100,20,10]", "data.train_images=200", "data.test_images=20", "training.epochs=2")
    for part in ("--set", change)
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return the folder of a small run."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    simulate(Scenario.load("mnist-5k", SMALL[1::2]), folder)
    return folder


def test_a_scenario_is_told_in_tables(chipsim):
    """Throughput at the peak and effective, energy and area by component, other converters, and ratios to GPUs and analog chips."""
    result = chipsim("estimate", "mnist-5k", *SMALL)
    assert result.exit_code == 0
    printed = " ".join(result.stdout.split())
    for text in (
        "TOP/s/W",
        "with idle power",
        "1 MAC = 2 operations",
        "data-dependent",
        "verify read-out",
        "(as priced)",
        "what 280x and 100x rest on",
        "HERMES core",
        "[s] simulated or projected",
        "one image at a time",
    ):
        assert text in printed


def test_a_run_is_told_as_it_was_counted(chipsim, run):
    """The same figures as in the run's summary come from its folder, and others with another price table."""
    told = json.loads(chipsim("estimate", run, "--json").stdout)
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    for key in ("energy_J", "area_mm2", "tops_peak", "tops_effective", "tops_per_W", "tops_per_mm2_effective", "energy_per_image_J"):
        assert told[key] == summary[key], key
    other = json.loads(chipsim("estimate", run, "--json", "--table", "bottom-up-90nm").stdout)
    assert other["table"] == "bottom-up-90nm"
    assert other["tops_per_W"] < told["tops_per_W"]
    assert other["ops"] == told["ops"]


def test_json_of_an_estimate_agrees_with_the_run(chipsim, run):
    """A run that short is simulated as a whole: the estimate is what was counted."""
    told = json.loads(chipsim("estimate", "mnist-5k", *SMALL, "--json", "-q").stdout)
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    assert told["energy_J"] == pytest.approx(summary["energy_J"], rel=1e-9)
    assert told["activity"] is None
    assert set(told["converters"]) >= {"regression", "survey, median"}
    assert told["ratios"]["v100-fp16.tops_per_W"] == pytest.approx(told["tops_per_W"] / 0.1)


@pytest.mark.parametrize("key", ["tops_per_W", "area_mm2.total", "energy_J.read-out", "ratio.v100-fp16.tops_per_mm2", "ratio.h100.batch-1.tops_per_W"])
def test_figures_are_explained_to_their_sources(chipsim, run, key):
    """Formula, inputs, and at the ends of the tree what each value was given by."""
    result = chipsim("estimate", run, "--explain", key)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"{key} = ")
    assert lines[1].startswith("  = ")
    assert any("given: " in line for line in lines)


def test_every_figure_can_be_explained(chipsim, run):
    """Every number of --json is a figure that --explain knows."""
    told = json.loads(chipsim("estimate", run, "--json").stdout)
    names = [f"{key}.{part}" for key in ("energy_J", "area_mm2", "static_W", "energy_data_dependent_J") for part in told[key]]
    names += [key for key, value in told.items() if isinstance(value, int | float)]
    names += [f"ratio.{name}" for name in told["ratios"]]
    assert len(names) > 100
    for name in names[:: max(len(names) // 25, 1)]:
        assert chipsim("estimate", run, "--explain", name).stdout.startswith(f"{name} = "), name


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--table", "bottom-up-90"], "--table: there is no price table 'bottom-up-90', did you mean 'bottom-up-90nm'?"),
        (["--explain", "tops_per_w"], "did you mean tops_per_W"),
        (["--set", "cell.kind=software"], "cell.kind: mnist-5k trains in software; there is no chip to estimate"),
        (["--set", "cell.read_voltage=0.3 V"], "holds for reads at 0.2 V, but cell.read_voltage is 0.3 V"),
        (["--set", "tiles.lines_per_read_out=100"], "at most 48 lines, or a longer phase"),
        (["--set", 'prices.energy."read-out.conversion"=-1 pJ'], "negative"),
        (["--set", 'prices.energy."read-out.conversation"=1 pJ'], "did you mean 'read-out.conversion'"),
        (["--activity", "nowhere"], "nowhere"),
        (["--explain", "tops_per_W", "--json"], "--explain, --json: an explanation is text; give one of the two"),
    ],
)
def test_what_cannot_be_estimated_is_refused(chipsim, arguments, message):
    """Exit code 2, a message that names what is wrong, and nothing on stdout."""
    result = chipsim("estimate", "mnist-5k", *SMALL, "-q", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert result.stdout == ""


def test_a_run_takes_no_overrides(chipsim, run):
    """What a run did is known: --set and --activity belong to scenarios."""
    result = chipsim("estimate", run, "--set", "training.epochs=1")
    assert result.exit_code == 2
    assert "--set: " in result.stderr


def test_a_table_of_a_run_is_refused_by_its_option(chipsim, run):
    """The option that names a wrong table is what the message begins with, for runs as for scenarios."""
    result = chipsim("estimate", run, "--table", "bottom-up-90")
    assert result.exit_code == 2
    assert "--table: there is no price table 'bottom-up-90', did you mean 'bottom-up-90nm'?" in result.stderr


def test_a_folder_of_data_hides_no_scenario(chipsim, tmp_path, monkeypatch):
    """A folder that is called as a shipped scenario is, and is no run, does not stand in its way."""
    (tmp_path / "mnist-5k").mkdir()
    monkeypatch.chdir(tmp_path)
    assert chipsim("estimate", "mnist-5k", *SMALL, "-q", "--explain", "weights").exit_code == 0


def test_json_has_transfers_waits_and_counts(chipsim):
    """What the figures were computed from is there, too, and each can be explained under the same name."""
    stalled = ["mnist-5k", *SMALL, "--set", "transfer.policy=stall", "--set", "transfer.every=100 images", "-q"]
    told = json.loads(chipsim("estimate", *stalled, "--json").stdout)
    assert told["transfers"] == 4
    assert told["waits_s"]["transfer"] > 0
    assert told["counts"]["read-out.conversion"] > 0
    assert chipsim("estimate", *stalled, "--explain", "transfers").stdout.startswith("transfers = 4")


def test_price_tables_can_be_read(chipsim):
    """Without a name `prices` lists what ships; with one, every entry with its value, node, basis and source."""
    listed = chipsim("prices").stdout
    assert {line.split()[0] for line in listed.splitlines() if not line.startswith(" ")} == set(shipped_tables())
    shown = " ".join(chipsim("prices", "bottom-up-14nm").stdout.split())
    for text in ('energy."read-out.conversion"', "1.67 pJ", "static", 'cell."2pcm+3t1c"', "factor.wiring", "assumed"):
        assert text in shown
    wrong = chipsim("prices", "bottom-up-14")
    assert wrong.exit_code == 2
    assert wrong.stderr.startswith("chipsim: there is no price table 'bottom-up-14', did you mean 'bottom-up-14nm'?")


def test_names_of_prices_need_no_quotes_on_the_command_line(chipsim):
    """A name with a point is one name all the same: nothing else could be meant."""
    quoted, plain = ('prices.energy."read-out.conversion"=0.36 pJ', "prices.energy.read-out.conversion=0.36 pJ")
    found = [chipsim("check", "mnist-5k", "--resolved", "--set", text).stdout.replace(text, "") for text in (quoted, plain)]
    assert '"read-out.conversion" = "0.36 pJ"' in found[0]
    assert found[0] == found[1]


def test_figures_need_no_run(chipsim, tmp_path):
    """An estimate draws the chip to scale and what is left of its peak, as a run does."""
    result = chipsim("estimate", "mnist-5k", *SMALL, "-q", "--figures", tmp_path / "figures")
    assert result.exit_code == 0
    names = {path.stem for path in (tmp_path / "figures").glob("*.png")}
    assert names == {"floorplan", "waterfall", "landscape", "energy-per-image"}
    assert result.stderr.count("wrote ") == 8
