"""What a run's summary must tell for its silicon to be told; anything else is refused with the file and the key."""

from __future__ import annotations

import json
import math
import shutil

import pytest

from chipsim.analysis.run import load_run
from chipsim.analysis.silicon import tally_of
from chipsim.errors import RunFolderError

HUGE = 10**400


@pytest.fixture
def refused(run, tmp_path, rewritten):
    """Return a function that gives the error for a copy of a run whose summary was changed."""

    def refuse(change):
        folder = shutil.copytree(run, tmp_path / "copy")
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        change(summary)
        (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
        with pytest.raises(RunFolderError) as caught:
            tally_of(load_run(rewritten(folder)))
        return str(caught.value)

    return refuse


@pytest.mark.parametrize("wrong", ["x", None, math.nan, math.inf, -1, True, [1], HUGE], ids=lambda value: str(value)[:6])
@pytest.mark.parametrize("key", ["images", "transfers.count", "chip_time_s", "training_time_s", "waiting.tile_s", "counts.read-out.conversion"])
def test_what_is_no_amount_is_refused(refused, tmp_path, key, wrong):
    """Text, nothing, truth values, negative and infinite numbers are told with file and key; no figure is computed from them."""
    table, _, name = key.partition(".")

    def change(summary):
        holder = summary[table] if name else summary
        holder[name or table] = wrong

    message = refused(change)
    assert message.startswith(f"{tmp_path / 'copy' / 'summary.json'}: {key}: ")
    assert "zero or more" in message


def test_an_action_that_was_not_counted_is_no_zero(refused):
    """A summary without one of the actions is from another chipsim; its energy would be too low in silence."""
    message = refused(lambda summary: summary["counts"].pop("read-out.conversion"))
    assert message.endswith("summary.json: counts.read-out.conversion: is missing; the run is from an older chipsim")


@pytest.mark.parametrize("key", ["images", "transfers", "chip_time_s", "training_time_s", "waiting", "counts"])
def test_a_summary_that_lacks_a_key_is_refused(refused, key):
    """So is one that has nothing under it."""
    assert "tells no counts, times or transfers" in refused(lambda summary: summary.pop(key))
