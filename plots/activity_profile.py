"""Write the activity profile that `chipsim estimate` uses: `python plots/activity_profile.py RUN [RUN ...] --stalled RUN [RUN ...]`.

The runs are those of one scenario at seeds of its own; every rate is the mean over them, relative to the bin of images 8,000 to 16,000.
How long transfers hold training up is taken from runs with the policy `stall`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np

from chipsim import load_run
from chipsim.analysis.silicon import activity_of
from chipsim.costs import DATA_DEPENDENT
from chipsim.silicon.activity import STALLED, Activity

FILE = Path(str(files("chipsim.silicon").joinpath("activity.toml")))
HEAD = """# How often actions that depend on what a network has learnt happen, over the images trained; relative to images 8,000 to 16,000.
# Measured, not assumed: plots/activity_profile.py wrote it from runs of scenarios/mnist.toml at the seeds below.
"""
REFERENCE = 8000


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the profile of the named runs."""
    parser = argparse.ArgumentParser(description="Write the activity profile that estimates use.")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="finished runs of one scenario")
    parser.add_argument("--stalled", nargs="+", type=Path, metavar="RUN", required=True, help="likewise, with transfer.policy = stall")
    given = parser.parse_args(arguments)
    runs = [load_run(path) for path in given.runs]
    profiles, stalled = [activity_of(run) for run in runs], [activity_of(load_run(path)) for path in given.stalled]
    seeds = " and ".join(str(run.summary["seed"]) for run in runs)
    lines = [HEAD, f'source = "mean of the scenario {runs[0].summary["scenario"]}, {runs[0].summary["images"]:,} images, at seeds {seeds}"']
    lines += [f"edges = {[int(edge) for edge in profiles[0].edges]}", "", "[rates]"]
    lines += [_line(name, profiles) for name in DATA_DEPENDENT]
    lines += [_line(STALLED, stalled)]
    FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"wrote {FILE}")


def _line(name: str, profiles: Sequence[Activity]) -> str:
    rates = np.mean([np.array(profile.rates[name]) / profile.rates[name][profile.edges.index(REFERENCE)] for profile in profiles], axis=0)
    return f'"{name}" = [{", ".join(f"{rate:.4g}" for rate in rates)}]'


if __name__ == "__main__":
    main()
