"""The parameter classes of what is written to PCM and to capacitors between images: transfers and refreshes."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from chipsim.scenario.parts import AMBROGIO, LONGEST, SECOND
from chipsim.spec import Interval, Microamperes, Microsiemens, Spec, Time, Volts, param
from chipsim.units import format_time

Policy = Literal["instant", "stall", "interleave", "oldest-first"]


class Transfer(Spec):
    """Moving the weight from the capacitor to the PCM pair."""

    every: Interval = param("8000 images", "interval between transfers", basis="read", source=f"{AMBROGIO}, Extended Data Fig. 1")
    policy: Policy = param(
        "instant",
        "`instant` takes no chip time (as in the paper's experiment), `stall` stops training, `interleave` programs column by column while training "
        "goes on, `oldest-first` does so without rounds, the column whose capacitors are oldest first",
        basis="choice",
    )
    sampling: Literal["per-column", "at-start"] = param(
        "per-column", "weights are read when a column's turn comes, or all at the start into a buffer", basis="choice"
    )
    in_flux: Literal["present", "lock"] = param(
        "present",
        "a column that is being programmed takes part in training with its present conductance: operations that fit into a rest of its tile wait for "
        "one, and training has its turn between those that do not; or it locks its tile until it is done, as far as `max_delay` allows",
        basis="choice",
    )
    max_delay: Time = param(
        "5 us",
        "the longest that operations on columns may hold up one image",
        basis="assumed",
        source="a little more than the longest ramp takes",
        gt=0,
        le=SECOND,
    )
    spread: float = param(
        1.0,
        "`interleave`: part of the nominal interval over which the columns of a tile are spread; 0 is as fast as possible",
        basis="choice",
        ge=0,
        le=1,
    )
    max_age: Time = param(
        "3.84 ms", "`oldest-first`: no capacitor gets older than this, if the arrays can keep up", basis="derived", source="two intervals", gt=0, le=LONGEST
    )
    saturation: float | None = param(
        None,
        "a transfer begins early, and is not spread, when this share of all capacitors is within `saturation_margin` of a limit",
        basis="choice",
        gt=0,
        le=1,
    )
    saturation_look: int = param(500, "images between two looks at the saturation; a look takes no time", basis="assumed", ge=1)
    saturation_margin: Volts = param("20 mV", "distance from a limit at which a capacitor counts as saturated", basis="assumed", ge=0)
    polarity_inversion: bool = param(True, "swap the sign of g - g_ref at every transfer", basis="read", source=f"{AMBROGIO}; US patent 11,074,499")
    offset: Microsiemens = param("2 uS", "kept back from the PCM target so that g must rise", basis="read", source=f"{AMBROGIO}, Extended Data Fig. 9", ge=0)
    rest_offset: Microsiemens = param(
        "0 uS",
        "the offset of a transfer before a sleep, and of the final one where a retention measurement follows: what stays on a capacitor leaks away",
        basis="assumed",
        ge=0,
    )
    final: bool = param(True, "transfer once more when training ends", basis="choice")
    programming_current: Microamperes = param("50 mA", "current for programming pulses, shared by the whole chip", basis="assumed", gt=0)
    verify_units: int = param(
        2048,
        "read-out units for verify reads, shared by the whole chip; each reads one device at a time",
        basis="assumed",
        source="two for every word line of the default network's tiles, so that nothing waits",
        ge=1,
    )
    sample_read: Time = param("1 us", "reading one column's weights before it is programmed", basis="assumed", source="as the verify read", gt=0, le=SECOND)
    preset: Time = param("100 ns", "presetting one column's capacitors and writing the residual", basis="assumed", gt=0, le=SECOND)
    buffer_bits: int = param(8, "bits a weight in the buffer of `at-start`", basis="assumed", ge=1, le=16)

    @property
    def interleaved(self) -> bool:
        """Whether training goes on while columns are programmed."""
        return self.policy in ("interleave", "oldest-first")


class Refresh(Spec):
    """Refresh of saturated pairs in the cell `2pcm`: both devices RESET, the difference written again by pulses."""

    every: Interval = param("1000 images", "interval between looks at all pairs", basis="assumed")
    tolerance: Microsiemens = param("0.5 uS", "a verify read within this of the target ends rewriting", basis="assumed", gt=0)
    max_pulses: int = param(60, "pulses at most for one rewriting", basis="assumed", ge=1, le=10000)


class CapacitorRefresh(Spec):
    """Refresh of capacitors, row by row: g - g_ref is read through a read-out of finite resolution and written again."""

    every: Time = param("1 ms", "interval between two refreshes of a row", basis="assumed", gt=0, le=LONGEST)
    bits: int = param(8, "resolution of the read-out", basis="assumed", source="as the converter that the price tables assume", ge=1, le=16)
    full_scale: Microsiemens = param(
        "20 uS",
        "g - g_ref at either end of the read-out's range",
        basis="derived",
        source="conductance of the reference at rest: the most that g can fall",
        gt=0,
    )
    rounding: Literal["nearest", "stochastic"] = param(
        "stochastic", "to the nearest step of the read-out, or up or down by chance, so that changes of less than a step survive on average", basis="choice"
    )
    compensate: bool = param(True, "make up for the leak since the last refresh, preset or wake-up, at the nominal retention", basis="choice")
    read: Time = param("40 ns", "reading one row", basis="derived", source="a forward read of one driven word line", gt=0, le=SECOND)
    write: Time = param("100 ns", "writing one row", basis="assumed", source="as the preset of a column", gt=0, le=SECOND)
    max_delay: Time = param("1 us", "the longest that rows which fit into no rest of their tile may hold up one image", basis="assumed", gt=0, le=SECOND)

    @model_validator(mode="after")
    def _consistent(self) -> CapacitorRefresh:
        if self.read + self.write > self.max_delay:
            msg = f"max_delay: {format_time(self.max_delay)} is less than one row takes, read + write = {format_time(self.read + self.write)}"
            raise ValueError(msg)
        return self
