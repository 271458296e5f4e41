"""The scenarios that come with chipsim, and what the first comment lines of a scenario say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_PACKAGE = Path(__file__).resolve().parent.parent
_HOMES = (_PACKAGE / "_scenarios", _PACKAGE.parent / "scenarios")
"""In an installed wheel, then in a source tree."""
_LABEL = re.compile(r"\b(Question|Source|Expect):\s*")


@dataclass(frozen=True)
class Head:
    """What a scenario says about itself: the question, where it comes from, the number to expect."""

    question: str = ""
    source: str = ""
    expect: str = ""

    def lines(self) -> list[str]:
        """Return the head as comment lines of a scenario file."""
        named = (("Question", self.question), ("Source", self.source), ("Expect", self.expect))
        return [f"# {name}: {text}" for name, text in named if text]


class Shipped(NamedTuple):
    """A scenario that comes with chipsim."""

    name: str
    path: Path
    question: str

    @property
    def head(self) -> Head:
        """All that its first comment lines say."""
        return read_head(self.path.read_text(encoding="utf-8"))


def read_head(text: str) -> Head:
    """Read `Question:`, `Source:` and `Expect:` from the comment lines that a scenario begins with.

    A part ends where the next begins; lines without a label continue the part before.
    """
    comment: list[str] = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        comment.append(line.lstrip("# \t").rstrip())
    pieces = _LABEL.split(" ".join(comment))
    parts: dict[str, str] = {}
    for label, value in zip(pieces[1::2], pieces[2::2], strict=True):
        parts.setdefault(label.lower(), " ".join(value.split()))
    return Head(**parts)


def shipped_folder() -> Path:
    """Return the folder that the shipped scenarios lie in."""
    return next((home for home in _HOMES if home.is_dir()), _HOMES[0])


def shipped_names() -> list[str]:
    """Return the names by which shipped scenarios are called."""
    return sorted(path.stem for path in shipped_folder().glob("*.toml"))


def shipped_path(name: str) -> Path | None:
    """Return the file of a shipped scenario, or None where there is none of that name."""
    return shipped_folder() / f"{name}.toml" if name in shipped_names() else None


def shipped_scenarios() -> list[Shipped]:
    """Return all shipped scenarios with their heads, in order of their names."""
    paths = [shipped_folder() / f"{name}.toml" for name in shipped_names()]
    return [Shipped(path.stem, path, read_head(path.read_text(encoding="utf-8")).question) for path in paths]
