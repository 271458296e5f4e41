"""What others reach, a watt and a mm²: GPUs and analog chips, each number with its source, and the ratios of a run to them.

>>> reference = load_references()["v100-fp16"]
>>> f"{reference.tops_per_watt().value:.3f}"
'0.100'
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Literal, Self

from pydantic import Field, model_validator

from chipsim import units
from chipsim.costs.derivation import Figure, Sheet, given
from chipsim.costs.table import Basis
from chipsim.spec import Spec

BASELINE = "v100-fp16"
"""The entry that the ratios published for Ambrogio et al. 2018 rest on, 280x in energy and 100x in area; inferred, since it alone gives both."""
FAIR = "v100-tensor"
"""The same chip with the tensor cores that it has."""
UNITS = {
    "rate": "TOP/s",
    "power": "W",
    "area": "mm2",
    "bandwidth": "GB/s",
    "efficiency": "TOP/s/W",
    "density": "TOP/s/mm2",
    "cell_area": "um2",
}
"""Quantities that an entry may have, and their units."""
_NEEDED = {"gpu": ("rate", "power", "area", "bandwidth"), "analog": ("efficiency",), "cell": ("cell_area",)}
"""Quantities that every entry of a kind has."""
_BYTES_PER_WEIGHT = given("bytes_per_weight", 16, "B", "fp32 weights, none from a cache: read forward 4, read backward 4, read and written in the update 8")
_OPS_PER_WEIGHT = given("ops_per_weight", 6, "", "convention: forward, backward and update, 1 MAC = 2 operations")
_MEMORY_BOUND = (
    "fully connected training, one image at a time, layers beyond the cache: every weight comes from memory, activations cost nothing; smaller layers "
    "(165,000 weights are 660 kB) stay in the second-level cache and run faster"
)


class Quantity(Spec):
    """A published number with its unit, and how we know it."""

    value: str = Field(description='a quantity such as "30 TOP/s"')
    basis: Basis = Field(description="read in the source, derived from it, or assumed")
    source: str = Field(default="", description="where in the entry's source, or which other one")


class Reference(Spec):
    """A processor, chip, projection or cell that a run is compared with."""

    key: str = Field(description="name in `references.toml`")
    label: str = Field(description="name for people", min_length=1)
    kind: Literal["gpu", "analog", "cell"] = Field(description="a graphics processor, a chip computing in analog memory, or a mere cell")
    task: Literal["training", "inference", "both"] = Field(description="what it is made for")
    status: Literal["product", "measured chip", "circuit simulation", "projection", "simulation"] = Field(description="how real its numbers are")
    precision: str = Field(description="numbers it computes with", min_length=1)
    node: str = Field(description="technology node", min_length=1)
    ops: str = Field(description="what its source counts as an operation", min_length=1)
    scope: str = Field(description="what its power and area are those of", min_length=1)
    title: str = Field(description="the source", min_length=1)
    year: int = Field(description="of publication or launch")
    address: str = Field(default="", description="where the source can be read")
    note: str = Field(default="", description="what else to know")
    rate: Quantity | None = Field(default=None, description="peak, TOP/s")
    power: Quantity | None = Field(default=None, description="at that rate, W")
    area: Quantity | None = Field(default=None, description="mm²")
    bandwidth: Quantity | None = Field(default=None, description="of the memory, GB/s")
    efficiency: Quantity | None = Field(default=None, description="published TOP/s/W")
    density: Quantity | None = Field(default=None, description="published TOP/s/mm²")
    cell_area: Quantity | None = Field(default=None, description="of a single cell, µm²")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        faults = [f"{name}: is missing, every {self.kind} has one" for name in _NEEDED[self.kind] if name not in self.quantities]
        faults += [fault for name, quantity in self.quantities.items() if (fault := _bad(name, quantity))]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def quantities(self) -> dict[str, Quantity]:
        """The quantities that it has, by name."""
        return {name: quantity for name in UNITS if (quantity := getattr(self, name)) is not None}

    @property
    def origin(self) -> str:
        """Title, year and address of the source in one line."""
        return f"{self.title} ({self.year})" + (f", {self.address}" if self.address else "")

    @property
    def description(self) -> str:
        """What it is in one line, for legends and explanations: that inference is no training, and a projection no chip."""
        task = {"both": "training and inference"}.get(self.task, self.task)
        return f"{self.label}: {task}, {self.status}; {self.scope}"

    def figure(self, name: str) -> Figure | None:
        """Return a quantity in its unit of `UNITS`, with its source; None where it has none."""
        quantity = self.quantities.get(name)
        if quantity is None:
            return None
        source = f"{quantity.basis}: {'; '.join(part for part in (quantity.source, self.origin) if part)}"
        return given(f"{self.key}.{name}", float(units.parse(quantity.value, UNITS[name])), UNITS[name], source)

    def tops_per_watt(self) -> Figure | None:
        """Return its TOP/s/W: as published, or rate over power; None where neither is known."""
        return self._of_peak("efficiency", "power", "tops_per_W")

    def tops_per_mm2(self) -> Figure | None:
        """Return its TOP/s/mm²: as published, or rate over area; None where neither is known."""
        return self._of_peak("density", "area", "tops_per_mm2")

    def _of_peak(self, published: str, divisor: str, name: str) -> Figure | None:
        found, rate, by = self.figure(published), self.figure("rate"), self.figure(divisor)
        if found is None and rate is not None and by is not None:
            found = rate / by
        return None if found is None else found.named(f"{self.key}.{name}", UNITS[published], self.description)


@dataclass(frozen=True)
class BatchOfOne:
    """What is left of a GPU's peak where the bandwidth of its memory is the limit."""

    tops: Figure
    tops_per_watt: Figure
    tops_per_mm2: Figure


def load_references() -> dict[str, Reference]:
    """Return all references by their keys, in the order of the file."""
    text = resources.files("chipsim.costs").joinpath("references.toml").read_text(encoding="utf-8")
    return {key: Reference.model_validate({"key": key, **entry}) for key, entry in tomllib.loads(text).items()}


def batch_of_one(reference: Reference) -> BatchOfOne | None:
    """Return what a GPU reaches in fully connected training on one image at a time; None for what has no such memory.

    Every pass takes each weight from memory once: 4 bytes forward, 4 backward, 8 to read and write it in the update, for 6 operations. The
    rate is bandwidth / 16 bytes x 6, at most the peak. It is the bound for layers beyond the cache; smaller ones are read from there, faster.
    Power is that of the board at its limit; a processor that waits for its memory takes somewhat less.
    """
    peak, bandwidth, power, area = (reference.figure(name) for name in ("rate", "bandwidth", "power", "area"))
    if peak is None or bandwidth is None or power is None or area is None:
        return None
    name = f"{reference.key}.batch-1"
    bound = (bandwidth / _BYTES_PER_WEIGHT * _OPS_PER_WEIGHT * 1e-3).named(f"{name}.memory_bound", "TOP/s", _MEMORY_BOUND)
    tops = min(bound, peak, key=lambda figure: figure.value).named(f"{name}.tops", "TOP/s", "the memory's limit, at most the peak")
    return BatchOfOne(
        tops,
        (tops / power).named(f"{name}.tops_per_W", "TOP/s/W", "at the power of the whole board"),
        (tops / area).named(f"{name}.tops_per_mm2", "TOP/s/mm2"),
    )


def ratios(sheet: Sheet, references: Mapping[str, Reference]) -> Sheet:
    """Return how many times more a run gives than each reference, a watt and a mm², at its peak and over the whole run.

    The figures are `ratio.KEY.tops_per_W`, `..._effective`, `ratio.KEY.tops_per_mm2` and `..._effective`, for a GPU also
    `ratio.KEY.batch-1.tops_per_W` and so on: the same to what it reaches on one image at a time. What a sheet or a reference lacks is left out.
    """
    found = Sheet()
    for reference in references.values():
        for name, key, figure, what in _compared(reference):
            for mine in (key, f"{key}_effective"):
                if mine in sheet:
                    found.add((sheet[mine] / figure).named(f"ratio.{name}.{mine}", "", f"times {what}"))
    return found


def _compared(reference: Reference) -> Iterator[tuple[str, str, Figure, str]]:
    """Yield what a run is divided by: name of the reference, key in the run's sheet, figure, and what that is."""
    rows = [(reference.key, reference.tops_per_watt(), reference.tops_per_mm2(), reference.description)]
    if single := batch_of_one(reference):
        rows.append((f"{reference.key}.batch-1", single.tops_per_watt, single.tops_per_mm2, f"{reference.label}, one image at a time, bound by its memory"))
    for name, per_watt, per_mm2, what in rows:
        if per_watt is not None:
            yield name, "tops_per_W", per_watt, what
        if per_mm2 is not None:
            yield name, "tops_per_mm2", per_mm2, what


def _bad(name: str, quantity: Quantity) -> str:
    try:
        value = units.parse(quantity.value, UNITS[name])
    except ValueError as error:
        return f"{name}: {error}"
    return "" if value > 0 else f"{name}: {quantity.value!r} is not above zero"
