"""Every file in `tests/bad_scenarios` is refused with the message that its first line expects."""

from __future__ import annotations

from pathlib import Path

import pytest

from chipsim.errors import ScenarioError
from chipsim.scenario import Scenario

FOLDER = Path(__file__).resolve().parent.parent / "bad_scenarios"
FILES = sorted(FOLDER.glob("*.toml"))


def test_there_are_enough():
    """The collection of bad scenarios has not shrunk."""
    assert len(FILES) >= 100


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_message(path, monkeypatch):
    """A bad scenario is refused in one error that names file, line, key, value and what is allowed."""
    monkeypatch.chdir(FOLDER)
    expected = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# expect: ")
    with pytest.raises(ScenarioError) as caught:
        Scenario.load(path.name)
    message = str(caught.value)
    assert expected in message
    if expected.startswith(":"):
        assert f"{path.name}{expected}" in message
