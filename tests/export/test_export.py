"""What is exported, where to, and what is said about the rest."""

from __future__ import annotations

import re
import sys

import pytest

from chipsim.errors import InputError, RunFolderError
from chipsim.export import check_kinds, check_unit, export


def test_everything_goes_into_the_runs_own_folder(full_run):
    """Without names every export that the run has traces for is written to `export/` in the run's folder, and nothing beside it."""
    files = export(full_run)
    assert [file.name for file in files] == ["timeline.pftrace", "waveform.vcd", "waveform.gtkw"]
    assert {file.parent for file in files} == {full_run.path / "export"}
    assert sorted(path.name for path in (full_run.path / "export").iterdir()) == sorted(file.name for file in files)


@pytest.mark.parametrize("kinds,names", [(["timeline"], ["timeline.pftrace"]), (["waveform", "waveform"], ["waveform.vcd", "waveform.gtkw"])])
def test_named_exports_alone_are_written(full_run, tmp_path, kinds, names):
    """What is named is written once, into the folder given."""
    assert export(full_run, kinds, tmp_path / "out") == [tmp_path / "out" / name for name in names]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(names)


def test_what_cannot_be_exported_is_told(make_run, trace, tmp_path):
    """Without names an export that lacks its traces is reported in one line, and the other is written."""
    told = []
    assert [file.name for file in export(make_run(trace.whole_run()), (), tmp_path, skipped=told.append)] == ["timeline.pftrace"]
    assert len(told) == 1
    assert "a waveform needs the traces" in told[0]


def test_a_named_export_is_not_skipped(make_run, trace, tmp_path):
    """What was asked for by name and cannot be made is an error."""
    with pytest.raises(InputError, match="a waveform needs the traces"):
        export(make_run(trace.whole_run()), ["waveform"], tmp_path, skipped=print)


def test_nothing_to_export_is_an_error(make_run, tmp_path):
    """A run with no traces at all names everything that is missing."""
    with pytest.raises(InputError, match=r"a timeline shows chip time.*\n.*a waveform needs the traces"):
        export(make_run({}), (), tmp_path)
    with pytest.raises(InputError, match="there is nothing to export"):
        export(make_run({}, name="other"), (), tmp_path, skipped=lambda _: None)


def test_a_folder_that_cannot_be_written_is_no_missing_trace(full_run, tmp_path):
    """A file in the folder's place ends everything; it is not reported as something left out."""
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    with pytest.raises(RunFolderError, match="cannot be written"):
        export(full_run, (), tmp_path / "taken", skipped=lambda _: None)


@pytest.mark.parametrize(
    "check,name,told",
    [
        (lambda name: check_kinds([name]), "wavefrom", "unknown export 'wavefrom'; did you mean 'waveform'? there are: timeline, waveform"),
        (check_unit, "us", "unknown trace unit 'us'; there are: ns, ps"),
        (check_unit, "nss", "unknown trace unit 'nss'; did you mean 'ns'? there are: ns, ps"),
    ],
)
def test_unknown_names_are_refused(check, name, told):
    """A misspelt name is answered with the near one and the list."""
    with pytest.raises(InputError, match=f"^{re.escape(told)}$"):
        check(name)


def test_what_is_not_installed_is_told_first(full_run, tmp_path, monkeypatch):
    """A named waveform without pyvcd is refused before anything is written; unnamed, it is left out and reported."""
    monkeypatch.setitem(sys.modules, "vcd.gtkw", None)
    with pytest.raises(InputError, match="pip install 'chipsim"):
        export(full_run, ["timeline", "waveform"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    told = []
    assert [file.name for file in export(full_run, (), tmp_path / "out", skipped=told.append)] == ["timeline.pftrace"]
    assert "pip install 'chipsim[wave]'" in told[0]
