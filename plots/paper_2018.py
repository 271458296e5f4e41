"""Fit and check the price table `paper-2018`: `python plots/paper_2018.py RUN`, a finished run of scenarios/mnist.toml.

Two numbers of Ambrogio et al., Nature 558, 60 (2018), 28,065 GOP/s/W and 3.6 TOP/s/mm2, fix one factor on all energies and one on all
areas of a bottom-up table, on the network 528-250-125-10 at its peak: training alone, six operations per weight and image. What the
fitted tables then say of the paper's other layers, 2,049 x 10 and 2,049 x 100, tests how the bottom-up table shares things out.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from chipsim import load_run
from chipsim.analysis.silicon import figures_of
from chipsim.costs import AREA_COMPONENTS, Sheet
from chipsim.datasets import load_dataset
from chipsim.run.estimate import estimated_tally
from chipsim.scenario import Scenario
from chipsim.silicon import Silicon, account
from chipsim.silicon.accounting import TRAINING

HEADLINE = {"tops_per_W": 28.065, "tops_per_mm2": 3.6}
"""TOP/s/W and TOP/s/mm2, abstract of the paper."""
BASES = ("bottom-up-14nm", "bottom-up-90nm")
FITTED = "paper-2018"
LAYERS = {"2,049 x 10": 10, "2,049 x 100": 100}
INPUTS = 2048


def factors(sheet: Sheet) -> dict[str, float]:
    """Return the factors on energy and area that bring a bottom-up sheet to the headline."""
    return {"energy": sheet["tops_per_W"].value / HEADLINE["tops_per_W"], "area": sheet["tops_per_mm2"].value / HEADLINE["tops_per_mm2"]}


def layer(classes: int, folder: Path) -> Scenario:
    """Return a scenario that trains one layer of 2,049 rows.

    The paper's features and its 100 classes are not public. The built-in CIFAR-10 features, 1,280 a picture, are repeated up to 2,048; every class
    is split evenly into `classes` / 10. Only how often lines are driven depends on that.
    """
    data = load_dataset(Scenario.model_validate({"data": {"name": "cifar10-features-1k"}, "network": {"layers": [1280, 10]}}).data, None)
    arrays: dict[str, Any] = {}
    for part, features, labels in (("train", data.train_images, data.train_labels), ("test", data.test_images, data.test_labels)):
        split = labels.astype(np.int64) * (classes // 10) + np.arange(len(labels)) % (classes // 10)
        arrays |= {f"{part}_f": np.concatenate([features, features[:, : INPUTS - features.shape[1]]], axis=1), f"{part}_y": split}
    path = folder / f"{classes}.npz"
    np.savez(path, **arrays)
    return Scenario.model_validate({"data": {"name": "features", "path": str(path)}, "network": {"layers": [INPUTS, classes]}})


def tables(run: Path) -> Iterator[Table]:
    """Yield what there is to say, table by table."""
    done = load_run(run)
    sheets = {base: figures_of(done, base) for base in (*BASES, FITTED)}
    yield _fit(sheets)
    yield _energies(sheets)
    yield _areas(sheets)
    with tempfile.TemporaryDirectory(prefix="chipsim-") as folder:
        yield _predictions(sheets, Path(folder))


def _fit(sheets: dict[str, Sheet]) -> Table:
    table = Table("network 528-250-125-10, peak", "TOP/s/W", "TOP/s/mm2", "factor on energy", "factor on area", box=None)
    table.add_row("headline", *(f"{value:g}" for value in HEADLINE.values()))
    for name, sheet in sheets.items():
        values = [f"{sheet[key].value:.5g}" for key in HEADLINE] + [f"{value:.6g}" for value in factors(sheet).values()]
        table.add_row(name, *values)
    return table


def _energies(sheets: dict[str, Sheet]) -> Table:
    """Compare energy per image: the headline's is operations over 28,065 GOP/s/W."""
    table = Table("energy, an image (nJ)", *sheets, box=None)
    for name in (*TRAINING, "training"):
        key = "energy_training_J" if name == "training" else f"energy_J.{name}"
        table.add_row(name, *(f"{sheet[key].value / sheet['images'].value * 1e9:.4g}" for sheet in sheets.values()))
    headline = [sheet["ops_per_image"].value / HEADLINE["tops_per_W"] * 1e-3 for sheet in sheets.values()]
    table.add_row("headline", *(f"{value:.4g}" for value in headline))
    return table


def _areas(sheets: dict[str, Sheet]) -> Table:
    table = Table("area (mm2)", *sheets, box=None)
    for name in (*AREA_COMPONENTS, "total"):
        table.add_row(name, *(f"{sheet[f'area_mm2.{name}'].value:.4g}" for sheet in sheets.values()))
    headline = [sheet["tops_peak"].value / HEADLINE["tops_per_mm2"] for sheet in sheets.values()]
    table.add_row("headline", *(f"{value:.4g}" for value in headline))
    return table


def _predictions(sheets: dict[str, Sheet], folder: Path) -> Table:
    """Predict the other layers, by the shares of each bottom-up table fitted to the headline."""
    table = Table("prediction, peak", "TOP/s", "TOP/s/W", "TOP/s/mm2", box=None)
    for name, classes in LAYERS.items():
        scenario = layer(classes, folder)
        tally = estimated_tally(scenario)
        for base in BASES:
            silicon = Silicon.of(scenario, base)
            if silicon is None:
                continue
            sheet, scale = account(silicon, tally), factors(sheets[base])
            fitted = sheet["tops_per_W"].value / scale["energy"], sheet["tops_per_mm2"].value / scale["area"]
            table.add_row(f"{name}, shares of {base}", f"{sheet['tops_peak'].value:.4g}", *(f"{value:.4g}" for value in fitted))
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the fit, the distance of the bottom-up tables to the headline, and the predictions."""
    parser = argparse.ArgumentParser(description="Fit the price table paper-2018, and predict with it.")
    parser.add_argument("run", type=Path, metavar="RUN", help="a finished run of scenarios/mnist.toml")
    console = Console(width=140)
    for table in tables(parser.parse_args(arguments).run):
        console.print(table)
        console.print()


if __name__ == "__main__":
    main()
