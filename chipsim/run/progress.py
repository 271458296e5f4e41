"""How a simulation tells what it is doing while it runs."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """What a simulation reports to; the command line shows it, a program may listen."""

    def message(self, text: str) -> None:
        """Say what is being done, in a few words: "compiling kernels"."""

    def start(self, total_images: int, already: int = 0) -> None:
        """Begin training that will take so many images, some of which a resumed run has learnt already."""

    def update(self, images: int, chip_time_s: float, accuracy: float | None) -> None:
        """Tell how many images have been trained, the chip time (s) and the accuracy (0 ... 1) of the latest evaluation, if any."""

    def finish(self) -> None:
        """End training, also where it was broken off; called once after `start`."""


class Silent:
    """Progress that nobody listens to."""

    def message(self, text: str) -> None:
        """Say nothing."""

    def start(self, total_images: int, already: int = 0) -> None:
        """Say nothing."""

    def update(self, images: int, chip_time_s: float, accuracy: float | None) -> None:
        """Say nothing."""

    def finish(self) -> None:
        """Say nothing."""
