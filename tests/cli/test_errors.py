"""What a run finds wrong with a scenario is told with the place of the key."""

from __future__ import annotations

import pytest

from chipsim.cli.errors import located
from chipsim.errors import InputError
from chipsim.scenario import Scenario


@pytest.mark.parametrize(
    "message,expected",
    [
        ("data.path: is no folder", "life.toml:2: data.path: is no folder"),
        ("stage[1].images: too many", "life.toml:7: stage[1].images: too many"),
        ("stage[0].weights: are needed", "stage[0].weights: are needed (life leaves stage[0].weights at its default)"),
        ("stage[5].images: there is no such stage", "stage[5].images: there is no such stage"),
        ("no key at all", "no key at all"),
    ],
)
def test_errors_of_a_run_are_located(tmp_path, monkeypatch, message, expected):
    """A message that begins with a key, in an element of an array or not, gets the line of the key, or is told that the key has its default."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "life.toml").write_text('[data]\npath = "x"\n[[stage]]\nkind = "program"\n[[stage]]\nkind = "train"\nimages = 5\n')
    assert str(located(InputError(message), Scenario.load("life.toml"))) == expected
