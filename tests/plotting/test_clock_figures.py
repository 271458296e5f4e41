"""Figures of what the clocks tell: use of resources, waiting, where the time went, stages and sleeps; and transfers beside training."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from chipsim.devices import Capacitor
from chipsim.errors import InputError
from chipsim.plotting import FIGURES
from chipsim.plotting.awake import time_axis
from chipsim.plotting.marks import log_time, mark_transfers
from chipsim.plotting.reading import sleeps, transfers
from chipsim.plotting.retention import written_between
from chipsim.plotting.stages import done
from chipsim.plotting.style import NIGHT, panels
from chipsim.plotting.utilisation import resources, time_spent


def panel(figure, title):
    """Return the axes whose title says so."""
    (found,) = [ax for ax in figure.axes if title in ax.get_title("left")]
    return found


def steps(ax):
    """Return the step lines of a panel as (values, edges), in the order of drawing."""
    return [drawn.get_data()[:2] for drawn in ax.patches if hasattr(drawn, "get_data")]


def labels(ax):
    """Return the labels of everything that has one."""
    return ax.get_legend_handles_labels()[1]


def with_tables(run, **groups):
    """Return a run with some variables replaced, group by group."""
    changed = run.without()
    changed.summary = run.summary
    changed.tables = {**run.tables, **{name: {**run.tables.get(name, {}), **table} for name, table in groups.items()}}
    return changed


# ---- transfers beside training ---------------------------------------------------------------------------------------------


def test_only_transfers_that_stop_training_have_a_duration(interleaving, stalling):
    """A transfer that training goes on beside takes no time from it; runs that do not say so stood still."""
    events = transfers(interleaving)
    assert events["exclusive"].tolist() == [False] * 12 + [True]
    np.testing.assert_allclose(events["duration"], [0.0] * 12 + [1.7e-3])
    assert "exclusive" not in stalling["transfer"]
    assert transfers(stalling)["exclusive"].all()
    np.testing.assert_allclose(transfers(stalling)["duration"], stalling["transfer"]["duration"])


def test_transfers_beside_training_are_marked_and_not_shaded(interleaving):
    """Their begin is a line in both panels of the figure `accuracy`; only the last one, which stops training, is shaded."""
    by_images, by_time = FIGURES["accuracy"](interleaving).axes
    events = interleaving["transfer"]
    (marks,) = [found for found in by_time.collections if found.get_label() == "transfer begins"]
    np.testing.assert_allclose([path[0, 0] for path in marks.get_segments()], events["time"][:-1] * 1e3)
    (marks,) = [found for found in by_images.collections if found.get_label() == "transfer begins"]
    assert len(marks.get_segments()) == len(events["images"])
    (shade,) = [found for found in by_time.collections if "stands still" in found.get_label()]
    (only,) = shade.get_paths()
    np.testing.assert_allclose([only.vertices[:, 0].min(), only.vertices[:, 0].max()], (events["time"][-1] + np.array([0.0, 1.7e-3])) * 1e3)


@pytest.mark.parametrize("count,height", [(0, None), (30, 1.0), (31, 0.05), (300, 0.05), (301, None)])
def test_marks_never_hide_the_data(count, height):
    """Few transfers are marked by lines, many by ticks, and very many not at all."""
    _, axes = panels(1, 1, 3, 2)
    marks = mark_transfers(axes[0, 0], np.arange(float(count)))
    assert (marks is None) == (height is None)
    if marks is not None:
        assert {float(path[1, 1]) for path in marks.get_segments()} == {height}


def test_a_column_was_written_where_its_reference_moves_away_from_rest():
    """A reference that leaks to rest and is preset twice tells the last samples before; one that only leaks tells none."""
    time, capacitor = np.arange(60) * 0.1e-3, Capacitor()
    rest = float(capacitor.conductance(capacitor.resting))
    since = np.where(time < 2e-3, time, np.where(time < 4.5e-3, time - 2e-3, time - 4.5e-3))
    reference = np.asarray(capacitor.conductance(capacitor.voltage_after(capacitor.initial, since)))
    np.testing.assert_allclose(written_between(time, reference, rest), [1.9e-3, 4.4e-3])
    assert written_between(time[:20], reference[:20], rest).size == 0


def test_the_leak_of_a_cell_starts_anew_where_its_own_column_was_written(interleaving):
    """With transfers beside training the closed form restarts at each cell's own moments, not at the begin of a round."""
    left = FIGURES["retention"](interleaving).axes[0]
    (leak,) = [found for found in left.lines if str(found.get_label()).startswith("leak alone")]
    time, curve = leak.get_data()
    gaps = time[np.isnan(curve)] * 1e-3
    rounds = interleaving["transfer"]["time"]
    assert gaps.size > 0
    assert np.abs(gaps[:, None] - rounds).min(axis=1).max() <= 21e-6  # the made-up cells are preset at the begin, within one sample


def test_titles_tell_of_learning_during_a_transfer(interleaving):
    """The difference of a weight that went on learning is not called an error alone."""
    titles = [ax.get_title("left") for ax in FIGURES["transfer"](interleaving).axes]
    assert any("from 88,000 images on" in title for title in titles)
    assert any("after 96,000 images" in title for title in titles)
    assert [title.endswith("error and what was learnt") for title in titles if ") error" in title] == [True, False]


# ---- utilisation -----------------------------------------------------------------------------------------------------------


def test_utilisation_shows_the_busy_shares(interleaving):
    """Every resource has its own line of busy shares over chip time, and the legend its mean, weighted with the segments' lengths."""
    trace = interleaving["utilisation"]
    figure = FIGURES["utilisation"](interleaving)
    drawn = steps(panel(figure, "time in use"))
    lasted = np.diff(trace["time"], prepend=0.0)
    assert len(drawn) == 6
    for column, (values, edges) in enumerate(drawn):
        np.testing.assert_allclose(values, trace["busy"][:, column] * 100)
        np.testing.assert_allclose(edges, [0.0, *trace["time"] * 1e3])
        share = float((trace["busy"][:, column] * lasted).sum() / lasted.sum())
        assert f"{trace['resource'][column]}: {100 * share:.1f} %" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_utilisation_shows_queues_of_what_is_shared(interleaving):
    """Nothing waits for an array itself: the queues are those of current, read-outs and link."""
    trace = interleaving["utilisation"]
    drawn = steps(panel(FIGURES["utilisation"](interleaving), "waiting, on average"))
    np.testing.assert_allclose([values for values, _ in drawn], trace["queue"][:, 3:].T)


def test_waiting_times_are_shares_of_the_requests(interleaving):
    """Bars hold what did not wait, steps the rest, on an axis that counts powers of two; together they are all requests."""
    waits = interleaving["utilisation"]["waits"][3:]
    ax = panel(FIGURES["utilisation"](interleaving), "waiting times")
    bars = [bar.get_height() for bar in ax.patches if not hasattr(bar, "get_data")]
    np.testing.assert_allclose(bars, waits[:, 0] / waits.sum(axis=1) * 100)
    for row, (values, edges) in zip(waits, steps(ax), strict=True):
        np.testing.assert_allclose(values, row[10:21] / row.sum() * 100)
        np.testing.assert_allclose(edges, np.arange(10, 22))
    ticks = dict(zip([label.get_text() for label in ax.get_xticklabels()], ax.get_xticks(), strict=True))
    assert ticks["none"] < 10
    assert ticks["1 ns"] == pytest.approx(np.log2(1000) + 1)  # bin k begins at 2^(k-1) ps
    shared = [f"{100 * row[1:].sum() / row.sum():.1f} % of {row.sum():,} waited" for row in waits]
    assert [text.split(": ")[1] for text in labels(ax)] == shared


def test_nothing_waited_is_no_reason_to_fail(interleaving):
    """Where every wish was fulfilled at once, or none was made, the panel says so."""
    waits = np.zeros_like(interleaving["utilisation"]["waits"])
    waits[3, 0] = 7
    ax = panel(FIGURES["utilisation"](with_tables(interleaving, utilisation={"waits": waits})), "waiting times")
    assert labels(ax) == ["programming current: 0.0 % of 7 waited", "verify read-out: never asked for", "host link: never asked for"]


def test_the_parts_of_the_chip_time_are_all_of_it(interleaving):
    """Training, waits by their reason, the final transfer and what is left add up to the chip time, each bar with its share."""
    parts = {words: lasted for words, lasted, _ in time_spent(interleaving)}
    total = interleaving.summary["chip_time_s"]
    assert sum(parts.values()) == pytest.approx(total, rel=1e-12)
    assert parts["wait for the host"] == pytest.approx(1e-3)
    assert parts["held up at a tile"] == pytest.approx(3e-3)
    assert parts["final transfer"] == pytest.approx(1.7e-3)
    assert parts["columns in hand, other"] == pytest.approx(0.3e-3)
    ax = panel(FIGURES["utilisation"](interleaving), "chip time went")
    assert [label.get_text() for label in ax.get_yticklabels()] == list(parts)
    np.testing.assert_allclose([bar.get_width() for bar in ax.patches], np.array(list(parts.values())) / total * 100)


def test_sleeping_and_idle_stages_are_parts_of_the_chip_time(living):
    """Stages without training count by their kind; no final transfer follows a life that ends with training at once."""
    parts = {words: lasted for words, lasted, _ in time_spent(living)}
    assert parts == {"training": pytest.approx(640e-6), "asleep": pytest.approx(29400.0), "idle stages": pytest.approx(2e-3)}


def test_a_run_without_summary_still_shows_its_use(living):
    """While a run goes on the use is drawn, and the place of the times says why it is empty."""
    ax = panel(FIGURES["utilisation"](living.without()), "chip time went")
    assert [text.get_text() for text in ax.texts] == ["the run has not written its summary yet"]


def test_without_shared_resources_there_are_two_panels(living):
    """Capacitors alone ask for no current and no read-out: nothing is drawn of queues and waiting times."""
    titles = [ax.get_title("left") for ax in FIGURES["utilisation"](living).axes]
    assert titles == ["(a) share of the time in use", "(b) where the chip time went"]


@pytest.mark.parametrize("segments", [1, 7, 5000])
def test_any_number_of_segments_is_drawn(segments, interleaving):
    """One segment is one step; thousands are joined to some sixty bins that hold the same use."""
    rng = np.random.default_rng(segments)
    time = np.cumsum(rng.uniform(1e-4, 2e-4, segments))
    busy = rng.uniform(0, 1, (segments, 6))
    made = {"time": time, "busy": busy, "queue": np.zeros((segments, 6))}
    run = with_tables(
        interleaving, utilisation=made, energy={"images": np.arange(1, segments + 1) * 100}, transfer={"images": np.zeros(0), "time": np.zeros(0)}
    )
    for column, (values, edges) in enumerate(steps(panel(FIGURES["utilisation"](run), "time in use"))):
        assert len(values) == min(segments, -(-segments // -(-segments // 60)))
        used = (values * np.diff(edges)).sum() / edges[-1]
        assert used == pytest.approx((busy[:, column] * np.diff(time, prepend=0.0)).sum() / time[-1] * 100)


def test_a_run_in_which_no_time_passes_is_refused(interleaving):
    """Where cells are only programmed nothing is ever busy, and the message says why there is no figure."""
    nothing = {name: values[:1] for name, values in interleaving["utilisation"].items() if name in {"time", "busy", "queue"}}
    run = with_tables(interleaving, utilisation={**nothing, "time": np.zeros(1)})
    with pytest.raises(InputError, match="'utilisation' needs a run that takes chip time"):
        FIGURES["utilisation"](run)


def test_many_tiles_are_drawn_by_layer():
    """Up to four tiles have lines of their own; more are the mean of each layer, and what is shared stays as it is."""
    few = resources(["tile 0 (layer 1)", "tile 1 (layer 2)", "host link"])
    assert [resource.name for resource in few] == ["tile 0 (layer 1)", "tile 1 (layer 2)", "host link"]
    many = resources([*(f"tile {n} (layer {1 + n // 5})" for n in range(6)), "programming current"])
    assert [(resource.name, resource.columns) for resource in many] == [
        ("layer 1, mean of 5 tiles", (0, 1, 2, 3, 4)),
        ("layer 2", (5,)),
        ("programming current", (6,)),
    ]
    assert many[0].mean(np.arange(14.0).reshape(2, 7)).tolist() == [2.0, 9.0]
    assert len({(resource.colour, resource.line) for resource in resources([f"tile {n} (layer {n})" for n in range(20)])}) == 20


# ---- sleeps on a time axis -------------------------------------------------------------------------------------------------


def test_a_sleep_is_the_time_with_the_power_off(living):
    """It begins after what is done before it and ends before the wake-up."""
    off = sleeps(living)
    np.testing.assert_allclose(off["time"], living["sleep"]["time"] + 0.5e-3, atol=1e-9)
    np.testing.assert_allclose(off["duration"], [600.0 - 0.51e-3, 28800.0 - 0.51e-3])


def test_pauses_that_leave_no_room_are_left_out(living):
    """Hours of sleep are cut out of a life of milliseconds: moments before keep their place, those after it move together."""
    axis = time_axis(living, 29400.00258)
    assert axis.cut
    assert "without sleep" in axis.label
    off = sleeps(living)
    moments = np.array([0.0, 1e-4, off["time"][0], off["time"][0] + 300.0, off["time"][0] + off["duration"][0] + 1e-4])
    np.testing.assert_allclose(axis.at(moments), [0.0, 1e-4, off["time"][0], off["time"][0], off["time"][0] + 1e-4], atol=1e-9)
    grid = axis.at(np.linspace(0, 29400.00258, 1001))
    assert (np.diff(grid) >= -1e-9).all()
    assert grid[-1] == pytest.approx(29400.00258 - off["duration"].sum() - 2e-3, abs=1e-9)
    figure = FIGURES["utilisation"](living)
    assert panel(figure, "time in use").get_xlabel() == "Chip time without sleep and idle stages (ms)"
    assert "8.17 h of sleep and idle stages left out" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_sleep_that_leaves_room_is_shaded(interleaving):
    """A short sleep stays on the axis, in the colour of the night."""
    run = with_tables(interleaving, sleep={"time": np.array([5e-3]), "duration": np.array([3e-3]), "asleep": np.array([2.99e-3])})
    axis = time_axis(run, 23e-3)
    assert not axis.cut
    np.testing.assert_array_equal(axis.at([1e-3, 9e-3]), [1e-3, 9e-3])
    for name, title in (("utilisation", "time in use"), ("accuracy", "over chip time")):
        (night,) = [found for found in panel(FIGURES[name](run), title).collections if found.get_label() == "asleep"]
        assert to_hex(night.get_facecolor()[0]).upper() == NIGHT
        np.testing.assert_allclose(night.get_paths()[0].vertices[:, 0].min(), 5.0, atol=1e-6)


def test_everyday_times_keep_their_distance():
    """On a narrow logarithmic axis a word that stands too close to the one before it is left out."""
    figure, axes = panels(1, 2, 6, 2)
    log_time(axes[0, 0], 1e-3, 1e9, "Time (s)")
    log_time(axes[0, 1], 1e-3, 1e9, "Time (s)", apart=0.2)
    words = [[label.get_text() for label in ax.child_axes[0].get_xticklabels()] for ax in figure.axes]
    assert words == [["1 s", "1 h", "1 day", "1 year"], ["1 s", "1 h", "1 year"]]


# ---- stages ----------------------------------------------------------------------------------------------------------------


def test_stages_are_listed_from_top_to_bottom(living):
    """Every stage has its name, long ones cut, its number, what it did, its accuracies, and a background by its kind."""
    trace = living["stage"]
    ax = panel(FIGURES["stages"](living), "after each stage")
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[:2] == ["five speakers  1", "burst 1  2"]
    assert names[5] == "a rather long night at…  6"
    assert ax.yaxis_inverted()
    beside = next(child for child in ax.child_axes if child.get_yticklabels() and child.get_yticklabels()[0].get_text())
    did = ["programmed", "1,500 images", "10 min asleep", "1,500 images", "2 ms idle", "8 h asleep", "1,000 images"]
    assert [label.get_text() for label in beside.get_yticklabels()] == did
    new, before = ax.lines[:2]
    assert str(new.get_label()).startswith("50 test images")
    for drawn, name in ((new, "accuracy"), (before, "accuracy_pretrained")):
        np.testing.assert_allclose(drawn.get_xdata(), trace[name] * 100)
        np.testing.assert_array_equal(drawn.get_ydata(), np.arange(7))
    assert [to_hex(span.get_facecolor()).upper() == NIGHT for span in ax.patches] == [kind == "sleep" for kind in trace["kind"]]


def test_kinds_of_stages_are_explained(living):
    """The legend names the backgrounds that occur, and no others."""
    texts = [text.get_text() for text in FIGURES["stages"](living).legends[0].get_texts()]
    assert texts[2:] == ["programmed", "idle, power on", "asleep, power off"]
    stage = living["stage"]
    only = with_tables(living.without("sleep"), stage={name: values[:2] for name, values in stage.items()})
    assert [text.get_text() for text in FIGURES["stages"](only).legends[0].get_texts()][2:] == ["programmed"]


def test_what_was_not_pretrained_has_no_second_curve(living):
    """Without test images of an earlier training there is one curve."""
    run = with_tables(living, stage={"accuracy_pretrained": np.full(7, np.nan)})
    assert len(panel(FIGURES["stages"](run), "after each stage").lines) == 1


def test_hundreds_of_stages_are_a_course_over_their_number(living):
    """Where names would not fit the axis counts stages, and kinds are still marked."""
    many = {name: np.resize(values, 300) for name, values in living["stage"].items()}
    many["time"], many["images"] = np.arange(1.0, 301.0), np.arange(300)
    ax = panel(FIGURES["stages"](with_tables(living, stage=many)), "after each stage")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Stage", "Accuracy (%)")
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), np.arange(1, 301))
    assert len(ax.patches) == 300


def test_one_stage_says_what_it_did():
    """A single image is no plural, and the first stage counts from nothing."""
    trace = {"kind": np.array(["train"]), "images": np.array([1]), "time": np.array([1e-6])}
    assert done(trace, 0) == "1 image"


def test_sleeps_are_drawn_against_their_length(living):
    """Change of the weights and accuracy lost, in percentage points, over a logarithmic axis of the time asleep."""
    trace = living["sleep"]
    figure = FIGURES["stages"](living)
    change, loss = panel(figure, "weights, over"), panel(figure, "accuracy, over")
    (points,) = [line for line in change.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(points.get_data(), [trace["asleep"], trace["weight_change"]])
    (points,) = [line for line in loss.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(points.get_data(), [trace["asleep"], (trace["accuracy_before"] - trace["accuracy_after"]) * 100])
    assert change.get_xscale() == loss.get_xscale() == "log"


def test_sleeps_without_stages_are_drawn_alone(living):
    """Planned sleeps of an ordinary run need no stages; a single one gets an axis around it."""
    one = {name: values[:1] for name, values in living["sleep"].items()}
    figure = FIGURES["stages"](with_tables(living.without("stage"), sleep=one))
    assert [ax.get_title("left") for ax in figure.axes] == ["(a) weights, over each sleep", "(b) accuracy, over each sleep"]
    low, high = figure.axes[0].get_xlim()
    assert low < one["asleep"][0] < high
