"""The training cycle as a timetable, against one that is written out picosecond by picosecond."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chipsim.scenario.cycle import Cycle


@st.composite
def cycles(draw):
    """Return a cycle of one to five layers with phases of a few picoseconds."""
    layers = draw(st.integers(1, 5))
    return Cycle(tuple(draw(st.lists(st.integers(1, 9), min_size=2 * layers, max_size=2 * layers))))


def uses_of(layers, phase):
    """Return the layers that a phase uses: forward 1 ... n, backward n ... 2, update of all."""
    order = [[layer] for layer in range(layers)] + [[layer] for layer in range(layers - 1, 0, -1)] + [list(range(layers))]
    return order[phase]


def timetable(cycle):
    """Return for every picosecond of an image whether each layer is used, and the phase."""
    return [(uses_of(cycle.layers, phase), phase) for phase, lasts in enumerate(cycle.phase_ps) for _ in range(lasts)]


@given(cycle=cycles())
def test_every_picosecond_of_an_image_is_used_as_written(cycle):
    """Phases begin when those before are over, and use the arrays of one layer, the update all."""
    assert cycle.phases == 2 * cycle.layers
    assert [sorted(layers) for layers in cycle.uses] == [sorted(uses_of(cycle.layers, phase)) for phase in range(cycle.phases)]
    table = timetable(cycle)
    assert [phase for _, phase in table] == [phase for phase in range(cycle.phases) for _ in range(cycle.phase_ps[phase])]
    assert list(cycle.begins_ps) == [next(at for at, (_, found) in enumerate(table) if found == phase) for phase in range(cycle.phases)]


@given(cycle=cycles())
def test_gaps_are_what_uses_leave(cycle):
    """Per layer, uses and gaps cover an image and the seam to the next one without overlap: each picosecond is in exactly one."""
    table, image = timetable(cycle), sum(cycle.phase_ps)
    for layer in range(cycle.layers):
        used = {at for at, (layers, _) in enumerate(table) if layer in layers}
        rests = [at % image for gap in cycle.gaps() if gap.layer == layer for at in range(gap.begins_ps, gap.begins_ps + gap.lasts_ps)]
        assert len(rests) == len(set(rests))
        assert used | set(rests) == set(range(image))
        assert not used & set(rests)


@given(cycle=cycles())
def test_gaps_are_whole(cycle):
    """A gap has a use on either side: no two gaps touch, and none takes no time."""
    table, image = timetable(cycle), sum(cycle.phase_ps)
    for gap in cycle.gaps():
        assert gap.lasts_ps > 0
        assert gap.layer in table[gap.begins_ps - 1][0]
        assert gap.layer in table[(gap.begins_ps + gap.lasts_ps) % image][0]


@given(cycle=cycles())
def test_the_next_use_is_the_first_that_comes(cycle):
    """From every phase the next use of every layer is the first later phase, or this one, that uses it; the update uses all."""
    for phase in range(cycle.phases):
        for layer in range(cycle.layers):
            expected = min(later for later in range(phase, cycle.phases) if layer in uses_of(cycle.layers, later))
            assert cycle.next_use[phase][layer] == expected


PUBLISHED = {
    1: [],
    2: [(0, 40, 80), (1, 160, 40)],
    3: [(0, 40, 160), (1, 80, 80), (1, 240, 40), (2, 160, 40), (2, 240, 80)],
}


@pytest.mark.parametrize("layers, gaps", PUBLISHED.items())
def test_gaps_of_the_published_cycle(layers, gaps):
    """With phases of 40 ns one layer never rests; of three, the first rests for 160 ns, and the last until its turn in the next image."""
    found = [(gap.layer, gap.begins_ps, gap.lasts_ps) for gap in Cycle((40,) * (2 * layers)).gaps()]
    assert found == gaps
