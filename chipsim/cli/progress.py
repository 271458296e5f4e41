"""Progress of a run on the terminal: a bar where a person watches, plain lines where a log is kept."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from chipsim.units import engineering

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from chipsim.run.progress import Progress

STATUS_WIDTH = 76
"""Characters beside the bar: a million images with all that is told about them, so that it fits a terminal of 80."""
LINE_EVERY = 5.0
"""Seconds of wall time between two plain lines."""


def progress_for(stream: TextIO, *, quiet: bool) -> Progress:
    """Return the progress that suits a stream: none, a bar on a terminal, or plain lines."""
    if quiet:
        from chipsim.run.progress import Silent

        return Silent()
    return Bar(stream) if stream.isatty() else Lines(stream)


def described(accuracy: float | None) -> str:
    """Return an accuracy for people, `accuracy 97.95 %`, or what stands in for one that is not known yet."""
    return "accuracy unknown" if accuracy is None else f"accuracy {accuracy * 100:.2f} %"


def duration(seconds: float) -> str:
    """Return a wall time for people: `42 s`, `3 min 07 s`, `1 h 02 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


@dataclass
class Pace:
    """Images per second, and the time that the rest will take.

    `clock` gives seconds; tests hand in their own. A resumed run begins with images that it has not learnt itself.
    """

    total: int
    clock: Callable[[], float] = time.monotonic
    already: int = 0
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.clock()

    def images_per_second(self, images: int) -> float | None:
        """Return the mean pace so far; None at the very start."""
        elapsed, learnt = self.clock() - self.began, images - self.already
        return learnt / elapsed if learnt > 0 and elapsed > 0 else None

    def described(self, images: int) -> str:
        """Return pace and time left for people; empty at the very start."""
        pace = self.images_per_second(images)
        if pace is None:
            return ""
        return f"{pace:,.0f} images/s, {duration(max(self.total - images, 0) / pace)} left"


class Lines:
    """A line every few seconds."""

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream or sys.stderr
        self._clock = clock
        self._pace = Pace(0, clock)
        self._said = 0.0
        self._complete = False
        self._accuracy: float | None = None

    def message(self, text: str) -> None:
        """Write a line at once."""
        print(f"chipsim: {text}", file=self._stream, flush=True)

    def start(self, total_images: int, already: int = 0) -> None:
        """Begin to count."""
        self._pace = Pace(total_images, self._clock, already)
        self._said, self._complete = self._clock(), False

    def update(self, images: int, chip_time_s: float, accuracy: float | None) -> None:
        """Write a line if the last one is old enough, or if these were the last images."""
        self._accuracy = self._accuracy if accuracy is None else accuracy
        now = self._clock()
        last = 0 < self._pace.total <= images and not self._complete
        if now - self._said < LINE_EVERY and not last:
            return
        self._said, self._complete = now, self._complete or last
        parts = [
            f"{images:,} of {self._pace.total:,} images",
            f"chip time {engineering(chip_time_s, 's')}",
            described(self._accuracy),
            self._pace.described(images),
        ]
        self.message(", ".join(part for part in parts if part))

    def finish(self) -> None:
        """End; nothing is left open."""


class Bar:
    """A progress bar with images, chip time, accuracy, pace and time left."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._lines = Lines(self._stream)
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None
        self._pace = Pace(0)
        self._accuracy: float | None = None

    def message(self, text: str) -> None:
        """Write a line, above the bar where there is one."""
        if self._bar is None:
            self._lines.message(text)
        else:
            self._bar.console.print(f"chipsim: {text}", markup=False, highlight=False)

    def start(self, total_images: int, already: int = 0) -> None:
        """Draw the bar."""
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self._pace = Pace(total_images, already=already)
        console = Console(file=self._stream)
        bar = BarColumn(bar_width=min(max(console.width - STATUS_WIDTH, 4), 40))
        self._bar = RichProgress(bar, TextColumn("{task.fields[status]}", markup=False), console=console, transient=True, refresh_per_second=5)
        self._task = self._bar.add_task("", total=total_images or None, status="")
        self._bar.start()

    def update(self, images: int, chip_time_s: float, accuracy: float | None) -> None:
        """Move the bar."""
        if self._bar is None or self._task is None:
            return
        self._accuracy = self._accuracy if accuracy is None else accuracy
        pace = self._pace.described(images).replace(" images/s", "/s")
        parts = [f"{images:,} images", f"chip {engineering(chip_time_s, 's')}", described(self._accuracy), pace]
        self._bar.update(self._task, completed=images, status=", ".join(part for part in parts if part))

    def finish(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
        self._bar = None
