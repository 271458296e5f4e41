"""The parameter classes of everything that is no device and no process of its own: data, network, training, timing, tiles, record."""

from __future__ import annotations

from itertools import islice, pairwise
from typing import Literal

from pydantic import model_validator

from chipsim.costs.table import entry_faults
from chipsim.locator import MOST
from chipsim.spec import Entries, Interval, Spec, Time, Window, param
from chipsim.units import format_time

AMBROGIO = "Ambrogio et al., Nature 558, 60 (2018)"
SECOND = 10**12
"""Limit of a phase, ps: kernels count picoseconds within a window in 64 bits."""
LONGEST = 1000 * 31_557_600 * SECOND
"""Limit of a retention measurement, ps: 1000 years."""


FEATURES = {"features": None, "cifar10-features": 1280, "cifar10-features-1k": 1280, "spoken-digits": 640, "spoken-digits-1k": 640}
"""Data sets of features instead of images, with how many there are; only its file tells of `features`."""


class Data(Spec):
    """Which images, or features, are learnt and which are held back."""

    name: Literal["mnist-5k", "mnist", "idx", "features", "cifar10-features", "cifar10-features-1k", "spoken-digits", "spoken-digits-1k"] = param(
        "mnist-5k", "`mnist-5k` and those that end in `-1k` are built in; `mnist` and `idx` are idx files, `features` is an npz file", basis="choice"
    )
    path: str = param(
        "",
        "folder of idx files (for `idx`) or npz file (for `features`); for the other data that are not built in, a folder instead of --data-dir; "
        "seen from the working directory",
        basis="choice",
    )
    crop: tuple[int, int] = param(
        (22, 24), "rows and columns of an image kept from the centre; not for features", basis="derived", source="528 inputs of Ambrogio 2018 = 22 x 24"
    )
    background: Literal["none", "uniform"] = param(
        "none",
        "`uniform`: every pixel that is darker than a random grey becomes that grey, drawn once for each image, the same in every epoch; not for features",
        basis="derived",
        source="the task MNIST-backrand, after mnist-back-rand of Larochelle et al., ICML 2007: greys uniform over 0 ... 255, the brighter of both",
    )
    background_seed: int = param(1, "draws the background, whatever the seed of the run", basis="choice", ge=0, lt=2**63)
    adapt_to: Literal["george", "jackson", "lucas", "nicolas", "theo", "yweweler"] = param(
        "theo", "speaker of `spoken-digits` whose recordings are learnt and tested on; a network may have learnt the other five before", basis="choice"
    )
    train_images: int | None = param(None, "use only the first so many training images", basis="choice", ge=1)
    test_images: int | None = param(None, "use only the first so many test images", basis="choice", ge=1)
    evaluate: Literal["test", "validation"] = param("test", "`validation` holds back the last training images and evaluates on them", basis="choice")
    validation_images: int = param(5000, 'training images held back by `evaluate = "validation"`', basis="choice", ge=1)
    shuffle: bool = param(True, "draw a new order of images for every epoch", basis="choice")

    @model_validator(mode="after")
    def _consistent(self) -> Data:
        if min(self.crop) < 1:
            msg = f"crop: at least one row and one column are wanted, not {list(self.crop)}"
            raise ValueError(msg)
        if self.name == "idx" and not self.path:
            msg = 'path: is empty; data of name "idx" needs the folder that holds the idx files'
            raise ValueError(msg)
        if self.name == "features" and not self.path:
            msg = 'path: is empty; data of name "features" needs the npz file that holds them'
            raise ValueError(msg)
        return self

    @property
    def features(self) -> bool:
        """Whether a network is fed features instead of the pixels of images."""
        return self.name in FEATURES

    @property
    def inputs(self) -> int | None:
        """Inputs that a network needs, or None where only the file tells."""
        return FEATURES[self.name] if self.features else self.crop[0] * self.crop[1]


class Network(Spec):
    """A multi-layer perceptron; every layer has one bias input."""

    layers: tuple[int, ...] = param(
        (528, 250, 125, 10), "neurons from input to output", basis="read", source="164,885 synapses: Burr et al., IEEE TED 62, 3498 (2015)", min_length=2
    )
    activation: Literal["tanh", "relu"] = param("tanh", "activation of the hidden layers; the output is a softmax", basis="assumed")
    initial_scale: float = param(1.0, "initial weights are normal with sigma = scale / sqrt(inputs), cut at 2.5 sigma", basis="assumed", gt=0)
    initial_weights: str = param("", "npz file with arrays w0, w1, ... of shape (inputs + 1, outputs), the bias in the last row", basis="choice")

    @property
    def layer_weights(self) -> tuple[int, ...]:
        """Weights of every layer, those of its bias included."""
        return tuple((inputs + 1) * outputs for inputs, outputs in pairwise(self.layers))

    @property
    def weights(self) -> int:
        """Weights in all, biases included."""
        return sum(self.layer_weights)

    @model_validator(mode="after")
    def _sizes(self) -> Network:
        if any(size < 1 for size in self.layers):
            msg = f"layers: every layer needs at least one neuron, not {list(self.layers)}"
            raise ValueError(msg)
        if max(self.layers) >= 65535:
            msg = f"layers: a layer has at most 65534 neurons, not {max(self.layers)}"
            raise ValueError(msg)
        return self


class Training(Spec):
    """On-line stochastic gradient descent, one image at a time."""

    epochs: int = param(20, "passes through the training images", basis="read", source=f"{AMBROGIO}, Extended Data Fig. 2", ge=0, le=100000)
    learning_rate: float = param(0.02, "learning rate of the first epoch", basis="assumed", gt=0)
    learning_rate_decay: float = param(0.9, "factor per epoch", basis="assumed", gt=0, le=1)
    update: Literal["stochastic", "deterministic"] = param(
        "stochastic",
        "coincidence of random pulse trains, or of pulse widths and counts",
        basis="choice",
        source="Gokmen and Vlasov, Front. Neurosci. 10, 333 (2016)",
    )
    max_pulses: int = param(31, "longest pulse train; a train is kept in a word of 64 bits", basis="read", source="IBM aihwkit (desired_bl)", ge=1, le=63)
    window: int = param(1000, "images handed to the kernel in one call at most; never changes a result", basis="choice", ge=1)


class Timing(Spec):
    """The training cycle."""

    forward: Time = param(
        "40 ns", "forward read of one layer", basis="derived", source=f"240 ns an image for three layers: {AMBROGIO}, Extended Data Fig. 1", gt=0, le=SECOND
    )
    backward: Time = param(
        "40 ns", "backward read of one layer; its read noise is that of the forward time", basis="derived", source="likewise", gt=0, le=SECOND
    )
    update: Time = param(
        "40 ns", "weight update, all layers at once; the cell 2pcm takes longer if its SET pulses do", basis="derived", source="likewise", gt=0, le=SECOND
    )
    pulse_slot: Time = param("0.6 ns", "one slot of an update pulse train; up and down coincidences take a sub-phase each", basis="assumed", gt=0, le=SECOND)


class Tiles(Spec):
    """How layers are cut into arrays."""

    max_rows: int = param(1024, "word lines of a tile at most", basis="assumed", ge=1)
    max_columns: int = param(1024, "bit lines of a tile at most", basis="assumed", ge=1)
    built: Literal["to-fit", "full"] = param(
        "to-fit",
        "`to-fit`: a tile is built as large as its part of the layer; `full`: every tile has `max_rows` x `max_columns` cells, and those that it does not "
        "use cost area and load the lines",
        basis="choice",
    )
    lines_per_read_out: int = param(
        16,
        "lines of a tile that share a read-out, which converts one after the other within the phase",
        basis="read",
        source="columns per read circuit in MLP+NeuroSim V3.0",
        ge=1,
    )


class Retention(Spec):
    """Reading programmed cells while nothing else happens, on a logarithmic grid of time."""

    start: Time = param("1 us", "first read after programming", basis="choice", gt=0, le=LONGEST)
    end: Time = param("10 years", "last read", basis="choice", gt=0, le=LONGEST)
    per_decade: int = param(8, "reads per decade of time", basis="choice", ge=1, le=1000)
    reference_reads: int = param(
        10, "reads of every layer, all inputs at one, averaged for the factor of drift compensation, at the start and at every age", basis="choice", ge=1
    )

    @model_validator(mode="after")
    def _ordered(self) -> Retention:
        if self.end <= self.start:
            msg = f"end: {format_time(self.end)} must be later than start, {format_time(self.start)}"
            raise ValueError(msg)
        return self


class Record(Spec):
    """What is kept beside the summary."""

    accuracy_every: Interval | None = param(None, "interval between evaluations; an epoch if not given", basis="choice")
    segment: int = param(2000, "images over which energy and counts are binned", basis="choice", ge=1)
    probes: int = param(8, "probed cells per layer", basis="choice", ge=0, le=100000)
    probe_every: Time = param("20 us", "time between probes", basis="choice", gt=0)
    probe_samples: int = param(500, "probes at most; they start with training", basis="choice", ge=0, le=1000000)
    windows: tuple[Window, ...] = param((), 'chip-time windows recorded in full detail, `"1.90 ms .. 1.95 ms"`', basis="choice")
    wave_every: Time = param("20 ns", "time between probes inside these windows", basis="choice", gt=0)
    weight_samples: int = param(5000, "weights kept of each of the last two transfers", basis="choice", ge=0)


class Checkpoint(Spec):
    """States of the run kept in its folder, the last two, from which it can be resumed; they never change a result."""

    enabled: bool = param(True, "whether any are written", basis="choice")
    wall_time: Time = param("30 s", "wall time between two of them; longer where writing one takes more than a twentieth of it", basis="choice", gt=0)
    every: Interval | None = param(None, "images, or chip time, between two of them, if that is sooner", basis="choice")


OPS_CONVENTIONS = {
    "all-passes": "6 operations per weight and image (forward, backward, update; 1 MAC = 2 operations)",
    "needed": "as all-passes, without the backward pass through the first layer, which does not happen",
}
"""Which operations count: `prices.ops`."""


class Prices(Spec):
    """What one action costs."""

    table: str = param("bottom-up-14nm", "name of a shipped price table, or the path of a TOML file", basis="choice")
    ops: Literal["all-passes", "needed"] = param(
        "all-passes",
        "which operations count (1 MAC = 2 operations): 6 per weight and image, as published figures do, or none for the backward pass through the first "
        "layer, which does not happen",
        basis="choice",
    )
    energy: Entries = param({}, 'entries of the table\'s `energy` to replace: `"read-out.conversion" = "0.36 pJ"`', basis="choice")
    area: Entries = param({}, 'entries of the table\'s `area` to replace: `"read-out" = "600 um2"`', basis="choice")
    static: Entries = param({}, 'entries of the table\'s `static` to replace: `"read-out" = "0 W"`', basis="choice")

    @model_validator(mode="after")
    def _known(self) -> Prices:
        """Every table has the same entries, so those to replace can be checked without reading the one that is named."""
        found = list(islice((fault for table in ("energy", "area", "static") for fault in entry_faults(table, getattr(self, table))), MOST + 1))
        if found:
            raise ValueError("\n".join(found))
        return self
