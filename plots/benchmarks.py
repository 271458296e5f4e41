"""The benchmarks: data sets, cells, and the learning rate of each cell on each data set, chosen on a validation split.

The 2PCM+3T1C cell is the same everywhere: devices, gain and scale. It is that of the scenario `mnist` but for the scale: at 180 µS a unit of
weight a pulse is a third as coarse, which matters where every input is driven. The other cells are those of the scenarios
`mnist-software`, `mnist-pcm-only` and `mnist-3t1c-only`. What differs between data sets is the schedule: learning rate, epochs, interval.
`plots/choose_rates.py` compares these where no test image is ever seen.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner import Job

from chipsim import Scenario
from chipsim.analysis.run import Run

SOFTWARE, FULL, NO_INVERSION, PCM_ONLY, CAPACITOR_ONLY = "software", "2PCM+3T1C", "without inversion", "2PCM only", "3T1C only"
CELLS: dict[str, tuple[str, ...]] = {
    SOFTWARE: ("cell.kind=software",),
    FULL: ("cell.weight_conductance=180 uS",),
    NO_INVERSION: ("cell.weight_conductance=180 uS", "transfer.polarity_inversion=false"),
    PCM_ONLY: ("cell.kind=2pcm", "cell.gain=1", "cell.weight_conductance=40 uS", "refresh.every=4000 images"),
    CAPACITOR_ONLY: ("cell.kind=3t1c", "cell.weight_conductance=20 uS", "cell.capacitor.initial=0.8 V"),
}
"""What makes a cell."""


@dataclass(frozen=True)
class Rate:
    """Learning rate of the first epoch, and what it is multiplied by after each."""

    first: float
    decay: float

    @property
    def overrides(self) -> tuple[str, ...]:
        """The values that make it."""
        return (f"training.learning_rate={self.first}", f"training.learning_rate_decay={self.decay}")


@dataclass(frozen=True)
class Published:
    """Test accuracy of chip and software as published, in %, and how well that is known."""

    chip: str
    software: str
    confidence: str


@dataclass(frozen=True)
class Benchmark:
    """A data set: its scenario, the learning rate of each cell, what makes a run short, and what was published."""

    label: str
    scenario: str
    rates: dict[str, Rate]
    short: tuple[str, ...]
    published: Published

    speakers: tuple[str, ...] = ()
    """Of spoken digits: the seed says which of them is learnt."""
    validation_images: int | None = None
    """Images held back where settings are chosen, if not as many as the scenario has."""

    def job(self, cell: str, seed: int, *, short: bool = False) -> Job:
        """Return one of its runs."""
        speaker = (f"data.adapt_to={self.speakers[(seed - 1) % len(self.speakers)]}",) if self.speakers else ()
        return Job(self.scenario, (*CELLS[cell], *self.rates[cell].overrides, *speaker, *(self.short if short else ())), seed)


FEW = ("data.train_images=100", "data.test_images=50", "training.epochs=2", "transfer.every=50 images", "refresh.every=50 images")
"""What makes a run short, beside smaller data and layers."""
UNKNOWN = Published("unknown", "unknown", "not found in any source that could be read")
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
BENCHMARKS: dict[str, Benchmark] = {
    "mnist": Benchmark(
        "MNIST",
        "mnist",
        {SOFTWARE: Rate(0.02, 0.9), FULL: Rate(0.02, 0.9), NO_INVERSION: Rate(0.02, 0.9), PCM_ONLY: Rate(0.0003, 0.85), CAPACITOR_ONLY: Rate(0.01, 0.9)},
        (*FEW, "data.name=mnist-5k", "network.layers=[528, 16, 10]"),
        Published("97.95", "97.94", "low: recalled, not read in the paper"),
    ),
    "mnist-backrand": Benchmark(
        "MNIST-backrand (synthetic)",
        "mnist-backrand",
        {SOFTWARE: Rate(0.01, 0.9), FULL: Rate(0.01, 0.9), NO_INVERSION: Rate(0.01, 0.9), PCM_ONLY: Rate(0.00003, 0.85), CAPACITOR_ONLY: Rate(0.003, 0.9)},
        (*FEW, "data.name=mnist-5k", "network.layers=[528, 16, 10]"),
        UNKNOWN,
    ),
    "cifar10-features": Benchmark(
        "CIFAR-10 features",
        "cifar10-features",
        {SOFTWARE: Rate(0.01, 0.9), FULL: Rate(0.01, 0.9), NO_INVERSION: Rate(0.01, 0.9), PCM_ONLY: Rate(0.0003, 0.85), CAPACITOR_ONLY: Rate(0.01, 0.9)},
        (*FEW, "data.name=cifar10-features-1k"),
        Published("88.29", "88.33", "low: recalled, not read in the paper; another network made the features"),
    ),
    "spoken-digits": Benchmark(
        "Spoken digits",
        "spoken-digits",
        {
            SOFTWARE: Rate(0.005, 0.95),
            FULL: Rate(0.005, 0.95),
            NO_INVERSION: Rate(0.005, 0.95),
            PCM_ONLY: Rate(0.0003, 0.95),
            CAPACITOR_ONLY: Rate(0.005, 0.95),
        },
        (*(value for value in FEW if "test_images" not in value), "data.name=spoken-digits-1k", "network.layers=[640, 16, 10]"),
        Published("none", "none", "no benchmark of the paper"),
        SPEAKERS,
        100,
    ),
}


def accuracies_of(run: Run) -> dict[str, float]:
    """Return the accuracies of a run at its end, %, as columns of a table."""
    return {f"{part}_accuracy_percent": 100.0 * run.summary[f"{part}_accuracy"] for part in ("test", "train")}


def shortened(scenario: Scenario, epochs: int | None) -> tuple[str, ...]:
    """Return the values of a schedule of `epochs` that spans the same learning rates."""
    if epochs is None or epochs >= scenario.training.epochs:
        return ()
    decay = scenario.training.learning_rate_decay ** (scenario.training.epochs / epochs)
    return (f"training.epochs={epochs}", f"training.learning_rate_decay={decay:.6g}")
