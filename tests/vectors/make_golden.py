"""Golden integers: random words, the order of events, and counts, which are the same on every platform.

    python tests/vectors/make_golden.py            # writes golden.json beside this file
    python tests/vectors/make_golden.py --print words counts

Whatever is rounded is kept out of it as far as can be: programming is exact, ramps are of one length but for a picosecond a step,
and updates are deterministic, so that no draw is held against a float. What is left are thresholds; starting weights that are
off by a millionth, ten times the rounding of float32, move none of them. A change to any of these integers is a change to what
runs do, and belongs in the changelog.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from chipsim.kernels import layout, random

HERE = Path(__file__).resolve().parent
GOLDEN = HERE / "golden.json"
SEEDS = (1, 0x0123456789ABCDEF)
PLACES = ((0, 0), (0x1234, 0xABCD), (65535, 65535))
EVENTS = (0, 0x0FEDCBA987654321)
FIRST = 12
"""Events that are written out; of the others the file has a checksum."""
KINDS = ("2pcm+3t1c", "2pcm", "3t1c", "software")
UNROUNDED: dict[str, Any] = {
    "training.update": "deterministic",
    "cell.capacitor.packet_noise": False,
    "cell.capacitor.thermal_noise": False,
    "cell.pcm.read_noise.enabled": False,
    "cell.pcm.programming": "ideal",
    "cell.pcm.ramp.shortest_step": "5 ns",
    "cell.pcm.ramp.longest_step": "5001 ps",
}
"""Overrides under which rounding reaches an integer only where a threshold is met to the last digits."""
COUNTED: dict[str, Any] = {"transfer.every": "6 images", "refresh.every": "6 images", "tiles.max_rows": 8, "tiles.max_columns": 5}


def purposes() -> dict[str, int]:
    """Return every purpose of randomness, by its name."""
    return {name: value for name, value in vars(random).items() if name.isupper() and not name.startswith("_") and name != "LANES" and isinstance(value, int)}


def words() -> dict[str, list[list[int]]]:
    """Return the four words of a few counters for every purpose, in the order of seeds, places and events."""
    return {name: [_words(seed, purpose, place, event) for seed in SEEDS for place in PLACES for event in EVENTS] for name, purpose in purposes().items()}


def _words(seed: int, purpose: int, place: tuple[int, int], event: int) -> list[int]:
    layer, sub = purpose % 3, purpose * 257
    return [int(word) for word in random.words(seed, purpose, layer, sub, random.cell_place(*place), event)]


def events() -> dict[str, dict[str, Any]]:
    """Return what happens in a short run under every policy: how much, a checksum, and the first of it."""
    small = _small()
    return {name: happenings(small.life(name, UNROUNDED, small.WATCHED)) for name in small.LIVES}


def happenings(made: Any) -> dict[str, Any]:
    """Run a chip to its end and return what happened in order, each as track, what, start and end (ps), image, column and amount; -1 where none applies."""
    small = _small()
    state, listener = small.SimulationState.start(made.scenario), small.Listener()
    small.simulation(made, state, listener).run()
    found = [[item if isinstance(item, str) else int(item) for item in entry] for entry in listener.happenings]
    text = "\n".join(json.dumps(entry, separators=(",", ":")) for entry in found)
    return {"length": len(found), "end_ps": state.now_ps, "sha256": hashlib.sha256(text.encode()).hexdigest(), "first": found[:FIRST]}


def counts() -> dict[str, dict[str, int]]:
    """Return how often every action happened in a training run of 20 images, for each kind of cell; software does none, but counts images."""
    small = _small()
    return {kind: counted(small.build(UNROUNDED, COUNTED, images=20, cell__kind=kind)) for kind in KINDS}


def counted(made: Any) -> dict[str, int]:
    """Run a chip to its end and return its counts."""
    told = _small().recorded(made)
    amounts = told.listener.amounts().sum(axis=0)
    found = {name: int(amount) for name, amount in zip(told.listener.amount_names(), amounts, strict=True) if name in layout.ACTIONS}
    return found | {"images": int(told.state.training.phase) // len(made.phase_ps), "transfers": len(told.listener.transfers)}


PARTS: dict[str, Callable[[], dict[str, Any]]] = {"words": words, "events": events, "counts": counts}


def text_of(parts: dict[str, Any]) -> str:
    """Return the content of the file: one line a counter, an event or a count."""
    return "\n".join(_lines(parts, 0)) + "\n"


def _lines(value: Any, depth: int) -> list[str]:
    space = " " * depth
    if isinstance(value, dict):
        inner = [[f"{space} {json.dumps(key)}: {rest[0].lstrip()}", *rest[1:]] for key, item in value.items() for rest in [_lines(item, depth + 1)]]
    elif isinstance(value, list) and value and isinstance(value[0], list):
        inner = [[f"{space} {json.dumps(item)}"] for item in value]
    else:
        return [f"{space}{json.dumps(value)}"]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    for lines in inner[:-1]:
        lines[-1] += ","
    return [f"{space}{opening}", *(line for lines in inner for line in lines), f"{space}{closing}"]


def _small() -> ModuleType:
    """Return `tests/small.py`, which is part of no package."""
    if "small" not in sys.modules:
        spec = importlib.util.spec_from_file_location("small", HERE.parent / "small.py")
        if spec is None or spec.loader is None:
            raise ImportError(HERE.parent / "small.py")
        sys.modules["small"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["small"])
    return sys.modules["small"]


def main(arguments: list[str]) -> None:
    """Write the file, or print parts of it."""
    if arguments[:1] == ["--print"]:
        sys.stdout.write(text_of({name: PARTS[name]() for name in arguments[1:]}))
        return
    GOLDEN.write_text(text_of({name: part() for name, part in PARTS.items()}), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
