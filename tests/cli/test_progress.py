"""Progress: a bar where a person watches, plain lines where a log is kept."""

from __future__ import annotations

import io
import re

import pytest

from chipsim.cli.progress import LINE_EVERY, Bar, Lines, Pace, duration, progress_for
from chipsim.run.progress import Silent


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        """Say yes."""
        return True


def test_choice_by_stream():
    """A terminal gets a bar, a file gets lines, --quiet gets nothing."""
    assert isinstance(progress_for(Terminal(), quiet=False), Bar)
    assert isinstance(progress_for(io.StringIO(), quiet=False), Lines)
    assert isinstance(progress_for(Terminal(), quiet=True), Silent)


def test_a_line_every_few_seconds():
    """A line tells images, chip time, accuracy, pace and time left; in between there is silence."""
    clock, stream = Clock(), io.StringIO()
    lines = Lines(stream, clock)
    lines.message("loading")
    lines.start(1000)
    for images in range(0, 500, 100):
        clock.now += LINE_EVERY / 4
        lines.update(images, images * 240e-9, None if images < 300 else 0.5)
    lines.finish()
    assert stream.getvalue().splitlines() == [
        "chipsim: loading",
        "chipsim: 300 of 1,000 images, chip time 72 us, accuracy 50.00 %, 60 images/s, 12 s left",
    ]


def test_the_last_images_have_their_line_once():
    """The end is told at once, and only once."""
    stream = io.StringIO()
    lines = Lines(stream, Clock())
    lines.start(10)
    for _ in range(3):
        lines.update(10, 1e-6, 0.25)
    assert stream.getvalue() == "chipsim: 10 of 10 images, chip time 1 us, accuracy 25.00 %\n"


def test_an_accuracy_stays_until_the_next():
    """The latest evaluation is shown until there is another."""
    clock, stream = Clock(), io.StringIO()
    lines = Lines(stream, clock)
    lines.start(100)
    lines.update(10, 0.0, 0.75)
    clock.now += LINE_EVERY
    lines.update(20, 0.0, None)
    assert "accuracy 75.00 %" in stream.getvalue()


def test_a_run_without_training():
    """No images at all are no division by zero, and no flood of lines."""
    stream = io.StringIO()
    lines = Lines(stream, Clock())
    lines.start(0)
    for _ in range(5):
        lines.update(0, 1.0, None)
    lines.finish()
    assert len(stream.getvalue().splitlines()) <= 1


def test_bar_shows_the_same():
    """The bar draws images, chip time and accuracy, takes messages before, during and after, and ends."""
    stream = Terminal()
    bar = Bar(stream)
    bar.update(1, 0.0, None)
    bar.message("loading [bold]")
    bar.start(1000)
    bar.message("evaluating [x]")
    bar.update(500, 120e-6, 0.5)
    bar.finish()
    bar.finish()
    bar.message("done")
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    for part in ("loading [bold]", "evaluating [x]", "500 images, chip 120 us, accuracy 50.00 %, ", " left", "done"):
        assert part in text


@pytest.mark.parametrize("seconds,text", [(0.2, "0 s"), (59.4, "59 s"), (187, "3 min 07 s"), (3725, "1 h 02 min")])
def test_durations(seconds, text):
    """Wall times are told as people tell them."""
    assert duration(seconds) == text


def test_pace_needs_images_and_time():
    """Before anything has happened there is no pace."""
    clock = Clock()
    pace = Pace(10, clock)
    assert not pace.described(0)
    assert not pace.described(5)
    clock.now += 2
    assert pace.described(5) == "2 images/s, 2 s left"


def test_silent_takes_everything():
    """The silent progress takes every call."""
    silent = Silent()
    silent.message("x")
    silent.start(1)
    silent.update(1, 0.0, None)
    silent.finish()


def test_the_pace_of_a_resumed_run_is_that_of_its_own_images():
    """Images that were learnt before the run was resumed do not count for its pace."""
    clock = Clock()
    pace = Pace(1000, clock, 600)
    clock.now += 10.0
    assert pace.images_per_second(700) == pytest.approx(10.0)
    assert pace.described(700) == "10 images/s, 30 s left"
    assert pace.images_per_second(600) is None
