"""Transfers that take time: how long, who works when, and what waits."""

from __future__ import annotations

import numpy as np
import pytest

from chipsim.errors import SimulationError
from chipsim.events.simulation import SimulationState

IMAGES = 12
STALL = {"transfer.policy": "stall", "transfer.every": "5 images"}
SAMPLINGS = ("per-column", "at-start")


def durations(told):
    """Return how long each transfer took, ps."""
    return [record.ended_ps - record.started_ps for record in told.listener.transfers]


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_stalls_add_up(small, sampling):
    """Every stalled transfer takes time, and chip time is training plus transfers, to the picosecond."""
    told = small.run(STALL, images=IMAGES, transfer__sampling=sampling)
    took = durations(told)
    assert len(took) == 3
    assert min(took) > 0
    assert told.state.now_ps == IMAGES * 240_000 + sum(took)
    assert told.state.training.stalled_ps == sum(took[:-1])
    assert told.state.training.start_ps == IMAGES * 240_000 + sum(took[:-1])


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_instant_transfers_take_no_time(small, sampling):
    """Under the policy `instant` no chip time passes, though pulses are drawn and counted."""
    told = small.run(STALL, images=IMAGES, transfer__policy="instant", transfer__sampling=sampling)
    assert durations(told) == [0, 0, 0]
    assert told.state.now_ps == IMAGES * 240_000
    assert told.listener.transfers[0].outcome.numbers[0] > 0


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_duration_of_a_transfer_on_one_tile(small, sampling):
    """With exact programming a column takes sample, RESET, the longest ramp, verify and preset, one column after the other."""
    plan = STALL | {"cell.pcm.programming": "ideal", "network.layers": (20, 4), "data.crop": (1, 20)}
    told = small.run(plan, images=IMAGES, layers=(20, 4), transfer__sampling=sampling, transfer__final=False)
    pcm, transfer = told.chip.scenario.cell.pcm, told.chip.scenario.transfer
    fixed = 4 * (transfer.sample_read + pcm.reset.duration + pcm.verify.duration + transfer.preset)
    longest = 4 * pcm.ramp.steps * pcm.ramp.longest_step
    for took in durations(told):
        assert fixed < took < fixed + longest


def test_current_makes_groups(small):
    """With current for three RESETs at once, 42 devices of a column take 14 pulses one after the other."""
    plan = STALL | {"cell.pcm.programming": "ideal", "transfer.final": False}
    rich, poor = (small.run(plan, images=8, layers=(20, 4), transfer__programming_current=current) for current in ("50 mA", "1.4 mA"))
    extra = durations(poor)[0] - durations(rich)[0]
    resets = 4 * 13 * rich.chip.scenario.cell.pcm.reset.duration
    assert extra >= resets


def test_tiles_work_in_parallel(small):
    """Three layers are transferred at once where the current allows: the slowest tile decides, not the sum."""
    told = small.run(STALL, images=IMAGES, transfer__final=False)
    alone = [small.run(STALL, images=IMAGES, layers=layers, transfer__final=False) for layers in ((20, 12), (12, 8), (8, 4))]
    assert durations(told)[0] < sum(durations(one)[0] for one in alone)


def test_tiles_share_the_current(small):
    """At every moment the tiles together hold no more than the budget, and a poor chip takes longer than a rich one."""
    plan = STALL | {"tiles.max_rows": 6, "tiles.max_columns": 4, "transfer.programming_current": "2 mA"}
    made = small.build(plan, images=IMAGES)
    state, seen = SimulationState.start(made.scenario), []

    def look():
        current = state.current
        seen.append(sum(current.held.values()))
        assert current.free + seen[-1] == pytest.approx(2000.0)
        assert seen[-1] <= 2000.0 + 1e-9
        return False

    listener = small.Listener()
    assert small.simulation(made, state, listener).run(look)
    assert max(seen) > 1000.0
    rich = small.run(plan, images=IMAGES, transfer__programming_current="50 mA")
    assert listener.transfers[0].ended_ps - listener.transfers[0].started_ps > durations(rich)[0]


def test_sampling_decides_when_weights_are_read(small):
    """Read column by column, late columns have leaked for longer than all columns read at the start."""
    made = {
        sampling: small.build(STALL, small.NO_NOISE, images=IMAGES, transfer__sampling=sampling, cell__capacitor__retention="50 us") for sampling in SAMPLINGS
    }
    for one in made.values():
        small.restore(one, small.snapshot(made["per-column"]))
        state, listener = SimulationState.start(one.scenario), small.Listener()
        small.simulation(one, state, listener).run(lambda heard=listener: bool(heard.transfers))
    times = {sampling: one.columns.time.copy() for sampling, one in made.items()}
    for presets in times.values():
        assert len(set(presets.tolist())) > 12, "columns are preset at different times"


def test_columns_age_apart(small):
    """After a stalled transfer each column's reference and clock are those of its own preset, the tile's rows those of the last."""
    told = small.run(STALL, images=IMAGES)
    chip, last = told.chip, told.listener.transfers[-1]
    assert chip.columns.time.min() > last.started_ps
    assert chip.columns.time.max() <= last.ended_ps
    assert chip.columns.programmed == pytest.approx(chip.columns.time * 1e-12, rel=1e-12)
    assert (np.diff(chip.columns.time[:12]) > 0).all()


def test_the_buffer_is_paid_for(small):
    """Sampling at the start moves every weight through the buffer; sampling by column needs none."""
    for sampling, bits in (("per-column", 0), ("at-start", 8 * (21 * 12 + 13 * 8 + 9 * 4) * 3)):
        told = small.run(STALL, images=IMAGES, transfer__sampling=sampling)
        assert small.totals(told.chip)["buffer.bit"] == bits


def test_polarity_flips_with_every_transfer(small):
    """With inversion every transfer turns every column over; without, none does."""
    for inversion, expected in ((True, -1.0), (False, 1.0)):
        told = small.run(STALL, images=IMAGES, transfer__polarity_inversion=inversion)
        assert len(told.listener.transfers) == 3
        assert (told.chip.columns.polarity == expected).all()


def test_waiting_for_ever_is_an_error(small):
    """Where no tile can ever get its current, the simulation says so instead of ending as if all were well."""
    made = small.build(STALL, images=IMAGES, record__probe_samples=0)
    state = SimulationState.start(made.scenario)
    state.current.total = 1.0
    with pytest.raises(
        SimulationError, match=r"deadlock at 2200000 ps: training waits for transfer; tile 0 .*tile 2 waits for .* of programming current, 1 of 1 are free"
    ):
        small.simulation(made, state, small.Listener()).run()


def test_an_interval_in_time_counts_from_the_end_of_a_stall(small):
    """A transfer that lasts longer than its interval still leaves training a whole interval."""
    told = small.run(images=40, transfer__policy="stall", transfer__every="2.4 us", transfer__final=False)
    records = [entry for entry in told.listener.heard if entry[0] == "transfer"]
    steps = [entry[2] for entry in records]
    assert steps == list(range(10, 40, 10))


def starved(small, plan, **plain):
    """Run a chip that has next to no current to its deadlock; return what is said."""
    made = small.build(small.QUICK, plan, images=IMAGES, layers=(12, 8, 4), record__probe_samples=0, **plain)
    state = SimulationState.start(made.scenario)
    state.current.total = 1.0
    with pytest.raises(SimulationError) as caught:
        small.simulation(made, state, small.Listener()).run()
    return str(caught.value)


def test_columns_that_can_never_be_finished_are_told(small):
    """An interleaved transfer that never gets its current lets training go on to its end, and is told then: which tile waits for what."""
    text = starved(small, small.INTERLEAVED)
    assert text.startswith("deadlock at ")
    assert "training waits" not in text
    assert "tile 0 is at: wait for RESET current, column 0" in text
    assert "tile 1 waits for 7920 of programming current, 1 of 1 are free" in text  # nine rows, two devices each, 440 uA


def test_a_sleep_that_can_never_begin_is_told(small):
    """A chip that cannot finish its columns before a sleep says that training waits for the sleep, and in which state power is."""
    text = starved(small, small.OLDEST | small.NAPS)
    assert "training waits for sleep; power is settling; tile 0 is at: wait for RESET current" in text


def test_a_host_without_images_is_told(small):
    """A host that makes fewer images than the chip wants to learn is told, with how far it came."""
    made = small.build(small.SLOW_HOST, images=IMAGES, record__probe_samples=0)
    made.making_ps = made.making_ps[:7]
    with pytest.raises(SimulationError, match="training waits for host; the host has made 7 images, sent 7, and 7 have arrived"):
        small.simulation(made, SimulationState.start(made.scenario), small.Listener()).run()
