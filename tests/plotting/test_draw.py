"""Figures become files, and nothing else changes."""

from __future__ import annotations

import runpy
import sys

import matplotlib as mpl
import numpy as np
import pytest

from chipsim.errors import InputError, RunFolderError
from chipsim.plotting import FIGURES, draw, save
from chipsim.plotting.style import amount, duration, percent, prefix


def test_named_figures_become_png_and_pdf(training, tmp_path):
    """Each named figure is written once as PNG and PDF, and nothing is left beside them."""
    files = draw(training, ["weights", "accuracy", "weights"], tmp_path / "new" / "folder")
    assert [file.name for file in files] == ["weights.png", "weights.pdf", "accuracy.png", "accuracy.pdf"]
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == sorted(file.name for file in files)
    assert files[0].read_bytes().startswith(b"\x89PNG")
    assert files[1].read_bytes().startswith(b"%PDF")


def test_pictures_have_200_dots_per_inch(training, tmp_path):
    """A PNG is as many dots wide as two columns take at 200 dots per inch."""
    png, _ = draw(training, ["accuracy"], tmp_path)
    assert int.from_bytes(png.read_bytes()[16:20], "big") == int(7.16 * 200)


def test_without_names_what_is_possible_is_drawn(software):
    """Without names every figure that has its traces is drawn into the run's own folder, and the others are reported."""
    skipped = []
    files = draw(software, skipped=skipped.append)
    assert {file.stem for file in files} == {"accuracy", "weights"}
    assert {file.parent for file in files} == {software.path / "figures"}
    assert len(skipped) == len(FIGURES) - 2
    assert all("needs the traces" in line or "trained in software" in line for line in skipped)


def test_nothing_to_draw_is_an_error(software, tmp_path):
    """A run without any trace names all that is missing and writes nothing."""
    with pytest.raises(InputError, match="figure 'accuracy'") as caught:
        draw(software.without("accuracy", "weights"), (), tmp_path / "figures")
    assert len(str(caught.value).splitlines()) == len(FIGURES)
    assert not (tmp_path / "figures").exists()


def test_a_named_figure_without_traces_is_an_error(software, tmp_path):
    """What was asked for by name is not skipped silently."""
    with pytest.raises(InputError, match="figure 'energy' needs the traces 'energy'"):
        draw(software, ["energy"], tmp_path)


def test_unknown_figures_are_refused_before_drawing(training, tmp_path):
    """A misspelt name is answered with the near one and the list, and nothing is drawn."""
    with pytest.raises(InputError, match=r"unknown figure 'acuracy'; did you mean 'accuracy'\? there are: accuracy, energy"):
        draw(training, ["energy", "acuracy"], tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_named(training, tmp_path):
    """Where a file stands in the folder's place the message names the file to be written."""
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"accuracy\.png"):
        draw(training, ["accuracy"], tmp_path / "taken")


def test_the_same_run_gives_the_same_bytes(training, tmp_path):
    """Files carry no date and no version, so drawing twice gives identical files."""
    first = [file.read_bytes() for file in draw(training, ["energy"], tmp_path / "a")]
    assert first == [file.read_bytes() for file in draw(training, ["energy"], tmp_path / "b")]


def test_the_users_settings_do_not_leak_in(training, tmp_path):
    """A user's own rcParams change neither the picture nor are they changed by it."""
    (plain,) = save(FIGURES["accuracy"](training), tmp_path / "plain", "accuracy", kinds=(".png",))
    with mpl.rc_context({"font.size": 20, "lines.linewidth": 5, "figure.dpi": 30}):
        (changed,) = save(FIGURES["accuracy"](training), tmp_path / "changed", "accuracy", kinds=(".png",))
        assert mpl.rcParams["font.size"] == 20
    assert plain.read_bytes() == changed.read_bytes()


def test_no_window_system_is_touched(training):
    """A figure is made without pyplot, so the user's backend is neither loaded nor changed."""
    before = "matplotlib.pyplot" in sys.modules
    figure = FIGURES["accuracy"](training)
    assert type(figure.canvas).__name__ == "FigureCanvasAgg"
    assert ("matplotlib.pyplot" in sys.modules) == before


@pytest.mark.parametrize(
    "value,unit,text",
    [(0.01234, "J", "12.3 mJ"), (1.0, "J", "1.00 J"), (2.5e-7, "J", "250 nJ"), (0.0, "J", "0 J"), (9.999e-4, "J", "1.00 mJ"), (4e-17, "J", "0.0400 fJ")],
)
def test_amounts_carry_an_si_prefix(value, unit, text):
    """Amounts in legends have three digits and the prefix that suits them."""
    assert amount(value, unit) == text


@pytest.mark.parametrize(
    "seconds,text",
    [(0.0, "0 s"), (2.4e-3, "2.4 ms"), (9.999e-4, "1 ms"), (0.9996, "1 s"), (90.0, "1.5 min"), (28800.0, "8 h"), (2.592e6, "30 days"), (6.31152e7, "2 years")],
)
def test_times_are_told_as_people_say_them(seconds, text):
    """A time in a label has an SI prefix below a minute, and minutes, hours, days or years above."""
    assert duration(seconds) == text


@pytest.mark.parametrize("largest,unit", [(0.288, "ms"), (1.2, "s"), (0.0, "s"), (5e-6, "µs"), (np.nan, "s")])
def test_axes_get_an_si_prefix(largest, unit):
    """Factor and unit of an axis fit its largest value."""
    factor, found = prefix(largest, "s")
    assert found == unit
    if largest > 0:
        assert 1 <= largest * factor < 1000


def test_percent_has_a_space():
    """Number and percent sign are apart, as SI asks."""
    assert percent(0.9761, 1) == "97.6 %"


def test_readme_script_takes_each_figure_from_the_first_run_that_has_it(root, training, software, tmp_path, monkeypatch):
    """`plots/readme_figures.py` draws accuracy from the software run, named first, and energy from the chip."""
    script = runpy.run_path(str(root / "plots" / "readme_figures.py"))
    runs = {software.path: software, training.path: training}
    asked = []
    monkeypatch.setitem(script["draw_first"].__globals__, "load_run", lambda path: asked.append(path) or runs[path])
    script["main"]([str(software.path), str(training.path), "--figures", "accuracy", "energy", "--out", str(tmp_path)])
    assert asked == [software.path, software.path, training.path]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["accuracy.png", "energy.png"]


def test_readme_script_takes_a_figure_from_a_run_of_its_own(root, training, interleaving, living, tmp_path, monkeypatch, capsys):
    """`utilisation=RUN` and `stages=RUN` are drawn from those runs, the others from the first; what no run has is left out, and told."""
    script = runpy.run_path(str(root / "plots" / "readme_figures.py"))
    runs = {run.path: run for run in (training, interleaving, living)}
    asked = []
    monkeypatch.setitem(script["draw_first"].__globals__, "load_run", lambda path: asked.append(path) or runs[path])
    script["main"]([str(training.path), f"utilisation={interleaving.path}", f"stages={living.path}", "--out", str(tmp_path)])
    assert {path.stem for path in tmp_path.iterdir()} == {*FIGURES}
    assert asked == [{"utilisation": interleaving, "stages": living}.get(name, training).path for name in FIGURES]
    script["main"]([str(training.path), f"utilisation={interleaving.path}", "--out", str(tmp_path / "fewer")])
    assert {path.stem for path in (tmp_path / "fewer").iterdir()} == set(FIGURES) - {"stages"}
    assert "left out stages: " in capsys.readouterr().out


def test_readme_script_refuses_what_was_asked_for_and_is_not_there(root, training, tmp_path, monkeypatch, capsys):
    """A figure that is named, alone or with its run, and cannot be drawn ends the script with the reason."""
    script = runpy.run_path(str(root / "plots" / "readme_figures.py"))
    monkeypatch.setitem(script["draw_first"].__globals__, "load_run", lambda _path: training)
    for wanted in ([f"stages={training.path}"], [str(training.path), "--figures", "stages"]):
        with pytest.raises(SystemExit) as ended:
            script["main"]([*wanted, "--out", str(tmp_path)])
        assert ended.value.code == 2
        assert "figure 'stages' needs the traces" in capsys.readouterr().err
