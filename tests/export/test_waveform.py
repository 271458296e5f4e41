"""Waveforms, read back by pyvcd's own tokenizer: every value at every time."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from bisect import bisect_right
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from vcd.reader import TokenKind, tokenize

from chipsim.errors import InputError, RunFolderError
from chipsim.export.lanes import Lane
from chipsim.export.signals import lane_signals, word
from chipsim.export.waveform import write_waveform


@dataclass
class Wave:
    """A VCD file as a viewer understands it: (time, value) of each variable by its path, and the spans in which nothing is known."""

    changes: dict[tuple, list[tuple]] = field(default_factory=dict)
    kinds: dict[tuple, str] = field(default_factory=dict)
    unknown: list[tuple[int, int]] = field(default_factory=list)
    comment: str = ""
    timescale: str = ""
    first: int = -1
    last: int = -1

    def at(self, path, moment):
        """Return the value of a variable at a moment."""
        found = self.changes[path]
        return found[bisect_right([time for time, _ in found], moment) - 1][1]


def read(path):
    """Return a VCD file as a `Wave`; between `$dumpoff` and `$dumpon` values do not count."""
    with path.open("rb") as stream:
        tokens = list(tokenize(stream))
    (middle,) = [place for place, token in enumerate(tokens) if token.kind is TokenKind.ENDDEFINITIONS]
    wave = Wave()
    _follow(wave, tokens[middle + 1 :], _declared(wave, tokens[:middle]))
    return wave


def _declared(wave, tokens):
    """Take in the declarations; return path and bits of each variable by its code."""
    scope, codes = [], {}
    for token in tokens:
        if token.kind is TokenKind.SCOPE:
            scope.append(token.scope.ident)
        elif token.kind is TokenKind.UPSCOPE:
            scope.pop()
        elif token.kind is TokenKind.VAR:
            place = (*scope, token.var.reference)
            assert place not in wave.kinds
            codes[token.var.id_code], wave.kinds[place], wave.changes[place] = (place, token.var.size), token.var.type_.value, []
        elif token.kind is TokenKind.COMMENT:
            wave.comment = token.comment
        elif token.kind is TokenKind.TIMESCALE:
            wave.timescale = str(token.timescale)
    return codes


def _follow(wave, tokens, codes):
    """Take in the changes; numbers of several bits are signed."""
    now, off = -1, None
    for token in tokens:
        if token.kind is TokenKind.CHANGE_TIME:
            assert token.time_change > now, "times rise"
            now = token.time_change
            wave.first, wave.last = (now if wave.first < 0 else wave.first), now
        elif token.kind is TokenKind.DUMPOFF:
            off = now
        elif token.kind is TokenKind.DUMPON:
            wave.unknown.append((off, now))
            off = None
        elif token.kind.name.startswith("CHANGE") and off is None:
            (place, size), value = codes[token.data.id_code], token.data.value
            signed = token.kind is TokenKind.CHANGE_VECTOR and isinstance(value, int) and value >= 1 << (size - 1)
            wave.changes[place].append((now, value - (1 << size) if signed else value))
    assert off is None, "the last window ends the file"


def exact(group, name):
    """Return exact times of a group, ps."""
    return [int(s) * 10**12 + int(ps) for s, ps in zip(group[f"{name}_s"], group[f"{name}_ps"], strict=True)]


def written(value):
    """Return a float as a VCD file holds it: 16 digits."""
    return float(f"{value:.16g}")


def cell_paths(group):
    """Return the path of each probed cell."""
    return [("cells", f"layer_{layer}_row_{row}_column_{column}") for layer, row, column in zip(group["layer"], group["row"], group["column"], strict=True)]


def innermost(slices, moment):
    """Return the name of the slice that holds a moment and began last; of two that began together, the shorter one."""
    holding = [(start, -end, name) for start, end, name in slices if start <= moment < end]
    return max(holding, key=lambda item: item[:2])[2] if holding else ""


def test_every_sample_of_every_cell_is_there(full_run, tmp_path):
    """Voltage, conductance, reference and polarity of each probed cell are those of the traces at every sample."""
    wave = read(write_waveform(full_run, tmp_path)[0])
    group = dict(full_run["wave"])
    assert wave.timescale == "1 ps"
    for cell, path in enumerate(cell_paths(group)):
        assert [wave.kinds[*path, name] for name in ("voltage", "conductance", "reference", "polarity")] == ["real", "real", "real", "wire"]
        for name in ("voltage", "conductance", "reference", "polarity"):
            found = [wave.at((*path, name), moment) for moment in exact(group, "time")]
            assert found == [written(value) for value in group[name][:, cell]]


def test_every_lane_is_there(full_run, tmp_path):
    """At every begin and end of a slice, a lane's text is the innermost slice, its bit says whether it is at work, and training's whether it waits."""
    wave = read(write_waveform(full_run, tmp_path)[0])
    group = dict(full_run["timeline"])
    starts, ends = exact(group, "start"), exact(group, "end")
    spans = list(zip(exact(group, "window_start"), exact(group, "window_end"), strict=True))
    for number, track in enumerate(group["track_name"]):
        slices = [(starts[k], ends[k], str(group["what_name"][group["what"][k]])) for k in np.flatnonzero(group["track"] == number)]
        path = tuple(map(word, (f"chip/{track}" if track.startswith("tile") else track).split("/")))
        bit = "waits" if track == "chip/training" else "busy"
        assert (wave.kinds[path], wave.kinds[*path[:-1], f"{path[-1]}_{bit}"]) == ("string", "wire")
        moments = {moment for start, end, _ in slices for moment in (start, end) if any(begin <= moment < finish for begin, finish in spans)}
        for moment in sorted(moments):
            name = innermost(slices, moment)
            assert wave.at(path, moment) == word(name)
            expected = name.startswith("waits") if bit == "waits" else bool(name)
            assert wave.at((*path[:-1], f"{path[-1]}_{bit}"), moment) == str(int(expected))
    assert [value for _, value in wave.changes["chip", "training_waits"]] == ["0", "0", "1", "0"]


def test_between_windows_nothing_is_known(full_run, tmp_path):
    """The file spans from the first window to the last; what lies between them is dumped as unknown, and they stand in a comment."""
    wave = read(write_waveform(full_run, tmp_path)[0])
    assert (wave.first, wave.last) == (1_900_000_000, 4_012_000_000)
    assert wave.unknown == [(1_950_000_000, 4_000_000_000)]
    assert "time 0 of this file is 0 ps of chip time" in wave.comment
    assert "1.9 ms .. 1.95 ms" in wave.comment
    assert "4 ms .. 4.012 ms" in wave.comment


def test_what_was_sampled_in_one_window_is_not_known_in_the_next(make_run, trace, tmp_path):
    """A cell is unknown from a window's begin to its first sample there; a lane is idle unless a slice says otherwise."""
    windows = [(1000, 2000), (5000, 6000)]
    slices = [("host/link", "send", 1500, 5500, -1, -1, -1)]
    run = make_run({"timeline": trace.timeline_group(slices, windows), "wave": trace.sampled_group([1200, 1800, 5400], [(0, 1, 2)])})
    wave = read(write_waveform(run, tmp_path)[0])
    voltage = wave.changes["cells", "layer_0_row_1_column_2", "voltage"]
    assert [moment for moment, _ in voltage] == [1000, 1200, 1800, 5000, 5400]
    assert [math.isnan(value) for _, value in voltage] == [True, False, False, True, False]
    assert [value for _, value in wave.changes["cells", "layer_0_row_1_column_2", "polarity"]] == ["x", 1, "x", 1]
    assert wave.changes["host", "link"] == [(1000, ""), (1500, "send"), (5000, "send"), (5500, "")]


def test_waiting_and_sleeping_lanes_are_not_at_work(make_run, trace, tmp_path):
    """A lane that waits or sleeps is not busy, though its text says what it does."""
    names = ["compute", "waits for tile", "asleep", "wake-up"]
    slices = [("host/partner", name, 1000 * k, 1000 * k + 1000, -1, -1, -1) for k, name in enumerate(names)]
    wave = read(write_waveform(make_run({"timeline": trace.timeline_group(slices, [(0, 5000)])}), tmp_path)[0])
    assert wave.changes["host", "partner"] == [(0, "compute"), (1000, "waits_for_tile"), (2000, "asleep"), (3000, "wake_up"), (4000, "")]
    assert wave.changes["host", "partner_busy"] == [(0, "1"), (1000, "0"), (3000, "1"), (4000, "0")]


spans = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12)).map(lambda pair: (pair[0], pair[0] + pair[1])), min_size=1, max_size=25)


@given(spans)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_lane_shows_what_began_last(monkeypatch, found):
    """Whatever slices a lane holds, at every picosecond its text is the one that goes on and began last."""
    slices = [(start, end, f"s{k}") for k, (start, end) in enumerate(found)]
    lane = Lane(("host", "link"), *(list(column) for column in zip(*slices, strict=True)))
    monkeypatch.setattr("chipsim.export.signals.detailed_lanes", lambda _: [lane])
    text, busy = lane_signals(None)
    assert [moment for moment, _ in text.changes] == sorted({moment for moment, _ in text.changes})
    for moment in range(45):
        before = [value for time, value in text.changes if time <= moment]
        holding = [(start, -end) for start, end, _ in slices if start <= moment < end]
        shown = before[-1] if before else ""
        assert bool(shown) == bool(holding)
        if holding:
            start, end = found[int(shown[1:])]
            assert (start, -end) == max(holding)
        assert [value for time, value in busy.changes if time <= moment][-1:] in ([int(bool(holding))], [] if not holding else None)


def test_without_detail_coarse_probes_are_shown(make_run, trace, tmp_path):
    """A run without windows of full detail shows its probes, from the first to the last."""
    times = list(range(20_000_000, 400_000_000, 20_000_000))
    run = make_run(trace.whole_run() | {"probe": trace.sampled_group(times, [(0, 3, 4), (1, 5, 6)])})
    wave = read(write_waveform(run, tmp_path)[0])
    assert {path[0] for path in wave.kinds} == {"cells"}
    assert (wave.first, wave.last) == (times[0], times[-1])
    voltage = dict(run["probe"])["voltage"]
    for cell, place in enumerate(("layer_0_row_3_column_4", "layer_1_row_5_column_6")):
        assert [wave.at(("cells", place, "voltage"), moment) for moment in times] == [written(value) for value in voltage[:, cell]]


def test_fine_samples_win_over_coarse_ones(make_run, trace, tmp_path):
    """Where a run has both, the fine samples are shown."""
    groups = {"wave": trace.sampled_group([100, 200], [(0, 0, 0)]), "probe": trace.sampled_group([0, 1000], [(0, 9, 9)])}
    wave = read(write_waveform(make_run(groups), tmp_path)[0])
    assert {path[1] for path in wave.kinds} == {"layer_0_row_0_column_0"}
    assert (wave.first, wave.last) == (100, 200)


def test_times_beyond_64_bits_count_from_the_window(make_run, trace, tmp_path):
    """Where picoseconds exceed 64 bits, time 0 is the window's begin, and the comment says by how much."""
    since = 315_576_000 * 10**12 + 7
    slices = [("host/link", "send", since + 10, since + 30, -1, -1, -1)]
    run = make_run({"timeline": trace.timeline_group(slices, [(since, since + 100)])})
    wave = read(write_waveform(run, tmp_path)[0])
    assert (wave.first, wave.last) == (0, 100)
    assert wave.changes["host", "link"] == [(0, ""), (10, "send"), (30, "")]
    assert f"time 0 of this file is {since} ps of chip time" in wave.comment


def test_windows_too_far_apart_are_refused(make_run, trace, tmp_path):
    """Windows that 64 bits cannot span are an input error that says what to do, and nothing is written."""
    windows = [(0, 100), (2**63, 2**63 + 100)]
    run = make_run({"timeline": trace.timeline_group([("host/link", "send", 10, 30, -1, -1, -1)], windows)})
    with pytest.raises(InputError, match=r"but a waveform ends at 9223372.036854775807 s; export a --window of it"):
        write_waveform(run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_without_signals_is_refused(make_run, trace, tmp_path):
    """A run with neither windows nor probes has no waveform; the message says how to get one."""
    with pytest.raises(InputError, match=r"needs the traces 'timeline', 'wave' or 'probe'.*--window, or in record.windows"):
        write_waveform(make_run(trace.whole_run()), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_replay_is_shown_instead(make_run, trace, tmp_path):
    """With a replay its window is shown, whatever the run itself recorded."""
    run = make_run({"probe": trace.sampled_group([0, 1000], [(0, 9, 9)])})
    again = make_run({"timeline": trace.timeline_group([("host/link", "send", 10, 30, -1, -1, -1)], [(0, 50)])}, name="again")
    assert read(write_waveform(run, tmp_path, detail=again)[0]).kinds == {("host", "link"): "string", ("host", "link_busy"): "wire"}


def test_missing_pyvcd_is_an_input_error(full_run, tmp_path, monkeypatch):
    """Without pyvcd the message names it and the pip command, and nothing is written."""
    monkeypatch.setitem(sys.modules, "vcd.gtkw", None)
    with pytest.raises(InputError, match=re.escape("needs the package pyvcd, which is not installed; install it with: pip install 'chipsim[wave]'")):
        write_waveform(full_run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_pyvcd_is_loaded_for_waveforms_alone():
    """Neither the exports nor the timeline need pyvcd to be imported."""
    code = "import sys; import chipsim.export; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert not {"vcd", "simpy", "numba", "matplotlib"} & {name.split(".")[0] for name in done.stdout.split()}


def test_the_save_file_groups_what_the_waveform_holds(full_run, tmp_path):
    """Every signal of the VCD file stands once in the save file, in a group; one cell a layer is open, and voltages are curves."""
    vcd, gtkw = write_waveform(full_run, tmp_path)
    text = gtkw.read_text(encoding="ascii")
    named = re.findall(r"^\+\{([^}]*)\} (\S+)$", text, re.MULTILINE)
    assert sorted(re.sub(r"\[1:0\]$", "", path) for _, path in named) == sorted(".".join(path) for path in read(vcd).kinds)
    assert {alias for alias, path in named if path.endswith(("voltage", "array_busy"))} == {"voltage (V)", "array busy"}
    begun = re.findall(r"^@(8|c)00200\n-(.*)$", text, re.MULTILINE)
    assert [name for _, name in begun][:4] == ["chip", "tile 0 layer 0", "tile 1 layer 1", "tile 2 layer 2"]
    assert [name for closed, name in begun if closed == "c"] == ["layer 0 row 528 column 249"]
    assert f'[dumpfile] "{vcd.name}"\n[savefile] "{gtkw.name}"\n' in text
    assert "[timestart] 1900000000\n" in text
    assert str(tmp_path) not in text


def test_the_same_run_gives_the_same_bytes(full_run, tmp_path):
    """Neither file carries a date or a place."""
    first, second = (write_waveform(full_run, tmp_path / name) for name in "ab")
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]


def test_any_name_of_a_scenario_can_be_written(make_run, trace, tmp_path):
    """A scenario's name may hold what a VCD file cannot; the file stays readable."""
    run = make_run({"probe": trace.sampled_group([0, 1000], [(0, 9, 9)])}, scenario="läuft µ")
    assert "scenario l?uft ?" in read(write_waveform(run, tmp_path)[0]).comment


def test_a_folder_that_cannot_be_made_is_named(full_run, tmp_path):
    """Where a file stands in the folder's place the message names the file to be written."""
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"waveform\.vcd: cannot be written"):
        write_waveform(full_run, tmp_path / "taken")
