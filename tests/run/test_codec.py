"""Plain data become text and arrays, and come back as they were; anything else is refused."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from chipsim.events.column import Stage, TileJob
from chipsim.events.simulation import SimulationState
from chipsim.run.codec import Arrays, pack, unpack
from chipsim.run.kept import Kept, Rows
from chipsim.scenario import Scenario


class Counted(NamedTuple):
    """A named tuple of arrays."""

    numbers: NDArray[np.int64]


@dataclass
class Everything:
    """One field of every kind that the state of a run has."""

    whole: int = 0
    share: float = 0.0
    name: str = ""
    flag: bool = False
    stage: Stage = Stage.IDLE
    nothing: TileJob | None = None
    job: TileJob | None = None
    outcome: Counted | None = None
    by_tile: dict[int, float] = field(default_factory=dict)
    by_name: dict[str, int] = field(default_factory=dict)
    queue: list[tuple[int, float, int]] = field(default_factory=list)
    rows: Rows = field(default_factory=list)
    weights: list[NDArray[np.float32]] = field(default_factory=list)


def there_and_back(value: Any) -> Any:
    """Return a value after its way through text and arrays."""
    arrays: Arrays = {}
    text = json.dumps(pack(value, "it", arrays))
    return unpack(type(value), json.loads(text), arrays, "it")


WHOLE = st.integers(-(2**70), 2**70)
FLOATS = st.floats(allow_nan=False)


@given(
    st.builds(
        Everything,
        whole=WHOLE,
        share=FLOATS,
        name=st.text(),
        flag=st.booleans(),
        stage=st.sampled_from(list(Stage)),
        nothing=st.none(),
        job=st.builds(TileJob, tile=st.integers(0, 9), columns=WHOLE, stage=st.sampled_from(list(Stage))),
        by_tile=st.dictionaries(WHOLE, FLOATS),
        by_name=st.dictionaries(st.text(), WHOLE),
        queue=st.lists(st.tuples(WHOLE, FLOATS, WHOLE)),
        rows=st.lists(st.fixed_dictionaries({"now_ps": WHOLE, "share": FLOATS, "what": st.text()})),
    )
)
def test_what_goes_in_comes_out(value):
    """Integers of any size, floats to the last bit, text, choices, nothing, mappings, lists, tuples and rows survive."""
    assert there_and_back(value) == value


def test_arrays_keep_their_bytes():
    """Arrays in named tuples, in lists and in rows keep type, shape and bytes, and are copies."""
    numbers = np.arange(5)
    value = Everything(outcome=Counted(numbers), weights=[np.float32([[1.5, np.nan]])], rows=[{"a": np.float32([k, -0.0]), "b": np.int64(k)} for k in range(3)])
    back = there_and_back(value)
    assert back.outcome.numbers.tobytes() == numbers.tobytes()
    assert back.outcome.numbers is not numbers
    assert (back.weights[0].dtype, back.weights[0].tobytes()) == (np.float32, value.weights[0].tobytes())
    assert [row["a"].tobytes() for row in back.rows] == [row["a"].tobytes() for row in value.rows]
    assert [row["b"] for row in back.rows] == [0, 1, 2]


@pytest.mark.parametrize("number", [math.inf, -math.inf, 5e-324, 0.1 + 0.2])
def test_floats_at_the_edge_survive(number):
    """Infinity, the smallest float and one with all its digits come back; not a number does, too."""
    assert there_and_back(Everything(share=number)).share == number
    assert math.isnan(there_and_back(Everything(share=math.nan)).share)


@pytest.mark.parametrize("value", [{1, 2}, object(), b"bytes", 1j, lambda: None])
def test_what_is_no_plain_data_is_refused(value):
    """A set, bytes, a function or any other object is named, never written some other way."""
    with pytest.raises(TypeError, match=r"it: a .* is no plain data"):
        pack(value, "it", {})


def test_rows_with_different_keys_are_refused():
    """Rows are columns, so all of them must hold the same."""
    with pytest.raises(TypeError, match=r"kept\.probes: rows differ"):
        pack(Kept(probes=[{"a": 1}, {"b": 2}]), "kept", {})


FAULTS = {
    "missing part": ({"whole": 3}, "has other parts than this version of chipsim knows"),
    "unknown part": ({**pack(Everything(), "it", {}), "more": 1}, "has other parts than this version of chipsim knows: more"),
    "truth for a number": ({**pack(Everything(), "it", {}), "whole": True}, "it.whole: bool found, int expected"),
    "fraction for a number": ({**pack(Everything(), "it", {}), "whole": 1.5}, "it.whole: float found, int expected"),
    "text for a list": ({**pack(Everything(), "it", {}), "queue": "abc"}, "it.queue: str found, dict expected"),
    "short tuple": ({**pack(Everything(), "it", {}), "queue": {"rows": 1, "columns": [[1], [2.0]]}}, "it.queue: 2 columns found, 3 of 1 values expected"),
    "text among numbers": ({**pack(Everything(), "it", {}), "queue": {"rows": 1, "columns": [[1], [2.0], ["x"]]}}, "it.queue.2: str found, int expected"),
    "no column": ({**pack(Everything(), "it", {}), "queue": {"rows": 1, "columns": [1, 2, 3]}}, "it.queue.0: int found, list expected"),
    "unknown choice": ({**pack(Everything(), "it", {}), "stage": "tea"}, "'tea' is not a valid Stage"),
    "no table": ([], "it: list found, dict expected"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_data_of_another_layout_are_refused(what):
    """What does not have the declared parts and types is named with its place."""
    tree, told = FAULTS[what]
    with pytest.raises(ValueError, match=r".") as caught:
        unpack(Everything, tree, {}, "it")
    assert told in str(caught.value)


def test_the_whole_state_of_a_run_is_plain_data():
    """The state of all processes and all that a recorder keeps go through text and arrays as they are at the start."""
    state = SimulationState.start(Scenario())
    assert there_and_back(state) == state
    kept = there_and_back(Kept())
    assert math.isnan(kept.awake_accuracy)
    assert {**vars(kept), "awake_accuracy": 0.0} == {**vars(Kept()), "awake_accuracy": 0.0}
