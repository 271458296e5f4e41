"""The command `export`: what it hands on, what it prints, and with which exit code it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from chipsim.errors import SimulationError
from chipsim.spec import Span


@pytest.fixture
def exporting(monkeypatch):
    """Put fakes in the place of reading, replaying and exporting; return what they were asked."""
    asked = {}

    def write(run, kinds, folder, *, detail, trace_unit, skipped):
        asked["export"] = (run, list(kinds), folder, detail, trace_unit)
        skipped("run: a waveform needs probes")
        return [Path("export/timeline.pftrace")]

    def again(run, window, out, *, data_dir, progress):
        asked["replay"] = (run, window, data_dir)
        asked["temporary"] = out
        assert out.parent.is_dir()
        progress.message("compiling kernels")
        return "replayed"

    monkeypatch.delenv("CHIPSIM_DATA", raising=False)
    monkeypatch.setattr("chipsim.analysis.run.load_run", lambda path: f"run at {path}")
    monkeypatch.setattr("chipsim.export.export", write)
    monkeypatch.setattr("chipsim.run.replay.replay", again)
    return asked


@pytest.mark.parametrize(
    "options,expected",
    [
        ([], ([], None, None, "ns")),
        (["--timeline"], (["timeline"], None, None, "ns")),
        (["--waveform", "--timeline", "--out", "there", "--trace-unit", "ps"], (["timeline", "waveform"], Path("there"), None, "ps")),
    ],
)
def test_options_reach_the_export(chipsim, exporting, tmp_path, options, expected):
    """Run, kinds, folder and unit arrive; files are printed, and what was left out is told on stderr."""
    result = chipsim("export", tmp_path, *options)
    assert result.exit_code == 0, result.output
    assert exporting == {"export": (f"run at {tmp_path}", *expected)}
    assert result.stdout == "export/timeline.pftrace\n"
    assert result.stderr == "chipsim: run: a waveform needs probes\n"


def test_a_window_is_replayed(chipsim, exporting, tmp_path):
    """With --window the run is simulated again in a temporary folder, which is gone afterwards, and the replay's details are exported."""
    result = chipsim("export", tmp_path, "--timeline", "--window", "1.90 ms .. 1.95 ms", "--data-dir", "data")
    assert result.exit_code == 0, result.output
    assert exporting["replay"] == (f"run at {tmp_path}", Span(1_900_000_000, 1_950_000_000), Path("data"))
    assert exporting["export"] == (f"run at {tmp_path}", ["timeline"], None, "replayed", "ns")
    assert "compiling kernels" in result.stderr
    assert not exporting["temporary"].parent.exists()


def test_quiet_shows_no_progress(chipsim, exporting, tmp_path):
    """With --quiet a replay is silent."""
    result = chipsim("export", tmp_path, "--window", "1 ms .. 2 ms", "-q")
    assert "compiling" not in result.stderr
    assert "replay" in exporting


@pytest.mark.parametrize(
    "options,told",
    [
        (["--window", "2 ms .. 1 ms"], "chipsim: --window: '2 ms .. 1 ms' is no window of chip time: its end must be later than its start\n"),
        (["--window", "soon"], "chipsim: --window: 'soon' is no window of chip time; write for instance \"1.9 ms .. 1.95 ms\"\n"),
        (["--window", "1 ms .. 2 ms", "--trace-unit", "us"], "chipsim: unknown trace unit 'us'; there are: ns, ps\n"),
    ],
)
def test_wrong_options_end_with_2_before_anything_is_simulated(chipsim, exporting, tmp_path, options, told):
    """A window or unit that cannot be read is told in one line."""
    result = chipsim("export", tmp_path, *options)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", told)
    assert not exporting


def test_a_replay_that_differs_ends_with_1(chipsim, exporting, tmp_path, monkeypatch):
    """A run that cannot be repeated is a failed simulation."""

    def differs(*_, **__):
        message = "run: simulated again it differs"
        raise SimulationError(message)

    monkeypatch.setattr("chipsim.run.replay.replay", differs)
    result = chipsim("export", tmp_path, "--window", "1 ms .. 2 ms")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "chipsim: run: simulated again it differs\n")
    assert not exporting


@pytest.mark.parametrize("folder", [".", "missing"])
def test_no_run_folder_ends_with_2(chipsim, tmp_path, folder):
    """A folder that is missing or holds no run is refused."""
    result = chipsim("export", tmp_path / folder)
    assert result.exit_code == 2
    assert "run folder" in result.stderr
    assert "Traceback" not in result.output


def test_help_names_formats_and_window(chipsim):
    """The help says what the exports are for and how a window is written."""
    text = chipsim("export", "--help").stdout
    for word in ("ui.perfetto.dev", "GTKWave", "1.9 ms .. 1.95 ms", "RUN/export"):
        assert word in text
