"""Write the activity profile that `chipsim estimate` uses: `python plots/activity_profile.py RUN [RUN ...]`.

The runs are those of one scenario at seeds of its own; every rate is the mean over them, relative to the bin of images 8,000 to 16,000.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np

from chipsim import load_run
from chipsim.analysis.silicon import activity_of
from chipsim.silicon.activity import DATA_DEPENDENT

FILE = Path(str(files("chipsim.silicon").joinpath("activity.toml")))
HEAD = """# How often actions that depend on what a network has learnt happen, over the images trained; relative to images 8,000 to 16,000.
# Measured, not assumed: plots/activity_profile.py wrote it from runs of scenarios/mnist.toml at the seeds below.
"""
REFERENCE = 8000


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the profile of the named runs."""
    parser = argparse.ArgumentParser(description="Write the activity profile that estimates use.")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="finished runs of one scenario")
    runs = [load_run(path) for path in parser.parse_args(arguments).runs]
    profiles = [activity_of(run) for run in runs]
    edges = profiles[0].edges
    seeds = " and ".join(str(run.summary["seed"]) for run in runs)
    lines = [HEAD, f'source = "mean of the scenario {runs[0].summary["scenario"]}, {runs[0].summary["images"]:,} images, at seeds {seeds}"']
    lines += [f"edges = {[int(edge) for edge in edges]}", "", "[rates]"]
    for name in DATA_DEPENDENT:
        rates = np.mean([np.array(profile.rates[name]) / profile.rates[name][edges.index(REFERENCE)] for profile in profiles], axis=0)
        lines.append(f'"{name}" = [{", ".join(f"{rate:.4g}" for rate in rates)}]')
    FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"wrote {FILE}")


if __name__ == "__main__":
    main()
