"""What is left of the peak, and what is the peak? Throughput against transfer interval, programming current and tile size.

    python plots/silicon_study.py [SCENARIO] [--data-dir DIR] [--studies interval current tile] [--set KEY=VALUE] [--out FOLDER]

Every point is an estimate of the whole scenario (`mnist` if none is named), a few seconds each: throughput and energy of a full run,
without its accuracy. OUT gets `silicon_study.csv`, written anew after every point, and the figure; `plots/silicon_study_figures.py`
draws it again from the CSV. A point that the checks of a scenario refuse keeps its row, with the message.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(threads, "1")

from study import write_csv as write_rows

from chipsim import Scenario
from chipsim.errors import InputError
from chipsim.run.estimate import estimated_tally
from chipsim.silicon import Silicon, Tally, account

POLICIES = ("stall", "interleave")
INTERVALS = (1000, 2000, 4000, 8000, 16_000, 32_000, 64_000)
CURRENTS_MA = (10, 50, 200)
"""Programming currents of the study of intervals."""
BUDGETS_MA = (2, 5, 10, 20, 50, 100, 200, 500, 1000)
SHIPPED_IMAGES = 8000
"""Interval of the study of currents."""
TILES = (64, 128, 256, 512, 1024, 2048, 4096)
BUILT = ("to-fit", "full")
TABLES = ("bottom-up-14nm", "bottom-up-90nm")
STUDIES = ("interval", "current", "tile")
FIGURES = ("tops_peak", "tops_effective", "tops_per_mm2", "tops_per_mm2_effective", "tops_per_W", "tops_per_W_effective", "energy_per_image_J")
"""Columns that are figures of the sheet, by its keys."""
COLUMNS = (
    "study",
    "table",
    "policy",
    "every_images",
    "programming_current_mA",
    "tile_lines",
    "built",
    "status",
    *FIGURES,
    "area_mm2",
    "transfers_done",
    "message",
)
write_csv = partial(write_rows, columns=COLUMNS)


@dataclass(frozen=True)
class Point:
    """One point of a study; what it leaves open is as the scenario says. A study of tiles has transfers that take no time."""

    study: str
    policy: str
    every: int | None = None
    current_mA: int | None = None  # noqa: N815 (the unit)
    tile: int | None = None
    built: str | None = None

    @property
    def overrides(self) -> tuple[str, ...]:
        """The values that make it."""
        values = {
            "transfer.policy": self.policy,
            "transfer.every": f"{self.every} images" if self.every else None,
            "transfer.programming_current": f"{self.current_mA} mA" if self.current_mA else None,
            "tiles.max_rows": self.tile,
            "tiles.max_columns": self.tile,
            "tiles.built": self.built,
        }
        return tuple(f"{key}={value}" for key, value in values.items() if value is not None)

    @property
    def keys(self) -> dict[str, Any]:
        """What makes it, as columns."""
        return {
            "study": self.study,
            "policy": self.policy,
            "every_images": self.every,
            "programming_current_mA": self.current_mA,
            "tile_lines": self.tile,
            "built": self.built,
        }


def grid(studies: Sequence[str] = STUDIES) -> list[Point]:
    """Return the points of some studies."""
    points = {
        "interval": [Point("interval", policy, every, current) for policy in POLICIES for current in CURRENTS_MA for every in INTERVALS],
        "current": [Point("current", policy, SHIPPED_IMAGES, current) for policy in POLICIES for current in BUDGETS_MA],
        "tile": [Point("tile", "instant", tile=tile, built=built) for built in BUILT for tile in TILES],
    }
    return [point for study in STUDIES if study in studies for point in points[study]]


def rows_of(point: Point, scenario: str, overrides: Sequence[str], data_dir: Path | None) -> Iterator[dict[str, Any]]:
    """Yield the row of a point, one a price table in a study of tiles; a refused one has its message instead of numbers."""
    table = ""
    try:
        loaded = Scenario.load(scenario, [*overrides, *point.overrides])
        tally = estimated_tally(loaded, data_dir=data_dir)
        for table in TABLES if point.study == "tile" else (loaded.prices.table,):
            yield {**point.keys, "table": table, "status": "done", **priced(loaded, table, tally), "message": ""}
    except InputError as error:
        yield {**point.keys, "table": table, "status": "refused", "message": "; ".join(str(error).split("\n"))}


def priced(scenario: Scenario, table: str, tally: Tally) -> dict[str, float]:
    """Return the figures of a tally by a price table, as columns.

    Raises
    ------
    InputError
        if the table cannot be used, or the cell is software.
    """
    chip = Silicon.of(scenario, table)
    if chip is None:
        msg = "software has no silicon"
        raise InputError(msg)
    sheet = account(chip, tally)
    return {name: sheet[name].value for name in FIGURES if name in sheet} | {"area_mm2": chip.floorplan.area_mm2, "transfers_done": done(scenario, tally)}


def done(scenario: Scenario, tally: Tally) -> float:
    """Return the share of the transfers due that a chip gets done; below 1 it falls behind, and trains faster for it, on older capacitors."""
    due = tally.images / scenario.transfer.every.images if scenario.transfer.every.images else 0.0
    return tally.counts.get("transfer.sample read", 0.0) / (scenario.network.weights * due) if due else float("nan")


def told(row: dict[str, Any]) -> str:
    """Return a row in a line."""
    made = ", ".join(f"{key} {value}" for key, value in row.items() if key in COLUMNS[:7] and value not in {None, ""})
    if row["status"] != "done":
        return f"{made}: {row['status']}: {row['message']}"
    return f"{made}: {row['tops_effective']:.3g} TOP/s, {row['tops_per_W_effective']:.3g} TOP/s/W"


def main(given: Sequence[str] | None = None) -> None:
    """Estimate every point; write the table and draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="?", default="mnist", help="name or path of the scenario (default: mnist)")
    parser.add_argument("--studies", nargs="+", choices=STUDIES, default=list(STUDIES), help="what to vary (default: all of them)")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE", help="change another value, in all points")
    parser.add_argument("--data-dir", type=Path, help="folder of the data (default: CHIPSIM_DATA)")
    parser.add_argument("--out", type=Path, default=Path("runs/silicon-study"), help="folder for table and figure")
    options = parser.parse_args(given)
    data_dir = options.data_dir or (Path(os.environ["CHIPSIM_DATA"]) if os.environ.get("CHIPSIM_DATA") else None)
    points, table, rows = grid(options.studies), options.out / "silicon_study.csv", []
    for number, point in enumerate(points, start=1):
        for row in rows_of(point, options.scenario, options.overrides, data_dir):
            rows.append(row)
            print(f"[{number}/{len(points)}] {told(row)}", flush=True)
        write_csv(table, rows)
    from silicon_study_figures import draw

    for file in (table, *draw(table, options.out)):
        print(f"wrote {file}")


if __name__ == "__main__":
    main()
