"""The arrays of a chip: all that its future depends on, taken out and put back."""

from __future__ import annotations

import numpy as np
import pytest

from chipsim.chip.saved import arrays_of, restore


@pytest.mark.parametrize("kind", ["2pcm+3t1c", "2pcm", "3t1c", "software"])
def test_a_chip_goes_on_from_its_arrays(small, kind):
    """A new chip that is given the arrays of another learns the next images to the same bytes."""
    one, other = (small.build(images=12, cell__kind=kind) for _ in range(2))
    phases = len(one.phase_ps)
    now = one.train(0, 7 * phases, 0)
    restore(other, {name: values.copy() for name, values in arrays_of(one).items()})
    for made in (one, other):
        made.train(7 * phases, 12 * phases, now)
    assert not small.differences(arrays_of(one), arrays_of(other))


def test_more_or_fewer_bins_of_the_ledger_are_no_fault(small):
    """A run that learns more images has more bins; one that learns fewer has fewer, as long as those that go are empty."""
    short, long = (small.build(images=14, training__epochs=epochs) for epochs in (1, 3))
    short.train(0, 14 * len(short.phase_ps), 0)
    restore(long, arrays_of(short))
    assert long.amounts.segment_counts.sum() == short.amounts.segment_counts.sum() > 0
    restore(short, arrays_of(long))
    long.amounts.segment_counts[-1, 0] = 1
    with pytest.raises(ValueError, match=r"amounts\.segment_counts: int64 of shape .* found"):
        restore(short, arrays_of(long))


@pytest.mark.parametrize("change", ["shape", "type", "missing", "unknown"])
def test_arrays_of_another_chip_are_refused(small, change):
    """An array of another shape or type, one that is missing or too many, is named."""
    made = small.build(images=4)
    arrays = arrays_of(made)
    if change == "shape":
        arrays["cells.pcm"] = arrays["cells.pcm"][:-1]
    elif change == "type":
        arrays["cells.pcm"] = arrays["cells.pcm"].astype(np.float64)
    elif change == "missing":
        del arrays["cells.pcm"]
    else:
        arrays["cells.other"] = arrays["cells.pcm"]
    with pytest.raises(ValueError, match=r"cells\.(pcm|other)"):
        restore(made, arrays)
