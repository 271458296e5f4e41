"""Every figure shows what the traces hold, with units on its axes."""

from __future__ import annotations

import re

import numpy as np
import pytest

from chipsim.devices import Capacitor
from chipsim.errors import InputError
from chipsim.plotting import FIGURES
from chipsim.plotting.energy import COLOURS, binned, segments_per_bin, training_part
from chipsim.plotting.retention import leak_alone, liveliest
from chipsim.plotting.style import CYCLE, DOUBLE_COLUMN

PRICED = ("energy-per-image", "waterfall", "landscape")
"""Figures that take no traces but what the summary tells of counts; a floorplan takes the scenario alone."""
RUNS = {
    "training": ("accuracy", "energy", "retention", "transfer", "programming", "weights", "floorplan", *PRICED),
    "stalling": ("accuracy", "energy", "retention", "transfer", "programming", "weights", "floorplan", *PRICED),
    "retaining": ("retention", "transfer", "programming", "floorplan"),
    "interleaving": ("accuracy", "energy", "retention", "transfer", "programming", "weights", "utilisation", "floorplan"),
    "living": ("energy", "utilisation", "stages", "floorplan"),
    "software": ("accuracy", "weights"),
}
DRAWN = [(run, name) for run, names in RUNS.items() for name in names]
LACKING = [(run, name) for run, names in RUNS.items() for name in FIGURES if name not in (*names, *PRICED, "floorplan")]
UNPRICED = [(run, name) for run, names in RUNS.items() for name in ("floorplan", *PRICED) if name not in names]
COUNTED = {
    *("Training images", "Tries a device", "Tries (RESET, ramp and verify)", "Count", "Weights in a bin", "Input (word line)", "Output (bit line)"),
    *("Number waiting (mean)", "Waiting time"),
}
"""Plain counts, and an axis whose ticks carry their units."""
NAMED = (
    *("over chip time", "where the chip time went", "accuracy after each stage"),
    *("mm² in all", "area by component", "per watt", "per second"),
)
"""Panels whose vertical axis is their neighbour's, or a list of names."""
UNIT = re.compile(r"\((%|TOP/s|TOP/s/W|TOP/s/mm²|mm²|thousands|percentage points|[GMkmµnpf]?[sSVWJ]|1/µS|units of weight)\)")


def line(ax, label):
    """Return x and y of the line whose label starts with `label`."""
    (found,) = [drawn for drawn in ax.lines if str(drawn.get_label()).startswith(label)]
    return found.get_data()


def legend_texts(figure):
    """Return all legend entries of a figure and its axes."""
    legends = [*figure.legends, *(ax.get_legend() for ax in figure.axes if ax.get_legend() is not None)]
    return [text.get_text() for legend in legends for text in legend.get_texts()]


@pytest.mark.parametrize("run,name", DRAWN)
def test_axes_have_labels_with_units(run, name, request):
    """Every axis that shows numbers names its quantity and its unit, or is a plain count."""
    figure = FIGURES[name](request.getfixturevalue(run))
    labels = {label for ax in figure.axes for label in (ax.get_xlabel(), ax.get_ylabel()) if label}
    assert labels
    assert not [label for label in labels if label not in COUNTED and not UNIT.search(label)]
    bare = [
        ax.get_title("left")
        for ax in figure.axes
        if ax.get_subplotspec() and name not in {"weights", "energy-per-image"} and not (ax.get_xlabel() and ax.get_ylabel())
    ]
    assert [title for title in bare if not any(name in title for name in NAMED)] == []


@pytest.mark.parametrize("run,name", DRAWN)
def test_text_fits_the_column(run, name, request):
    """A figure is two columns wide and no text or legend reaches outside it."""
    figure = FIGURES[name](request.getfixturevalue(run))
    figure.draw_without_rendering()
    width, height = figure.get_size_inches() * figure.dpi
    assert figure.get_size_inches()[0] <= DOUBLE_COLUMN
    boxes = [ax.get_tightbbox() for ax in figure.axes] + [legend.get_window_extent() for legend in figure.legends]
    assert all(box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1 for box in boxes)


@pytest.mark.parametrize("run,name", LACKING)
def test_a_missing_group_is_named(run, name, request):
    """A figure that a run has no traces for says which group is missing, why it might be, and what there is."""
    with pytest.raises(InputError, match=rf"figure '{name}' needs the traces '\w+'.*it has: ") as caught:
        FIGURES[name](request.getfixturevalue(run))
    assert str(request.getfixturevalue(run).path) in str(caught.value)


@pytest.mark.parametrize("run,name", UNPRICED)
def test_a_run_whose_silicon_cannot_be_told_is_refused(run, name, request):
    """Software has no chip, and a run that was broken off or is older no counts: the message names figure, run and reason."""
    chip = request.getfixturevalue(run)
    reason = "trained in software" if run == "software" else "tells no counts, times or transfers"
    with pytest.raises(InputError, match=rf"figure '{name}' cannot be drawn: .*{reason}") as caught:
        FIGURES[name](chip)
    assert str(chip.path) in str(caught.value)


def test_a_missing_variable_is_named(training):
    """A group without a variable that the figure needs is refused by the variable's name."""
    run = training.without()
    run.tables = {**run.tables, "energy": {name: values for name, values in run["energy"].items() if name != "component"}}
    with pytest.raises(InputError, match="needs component in the traces 'energy'"):
        FIGURES["energy"](run)


def test_an_empty_group_is_as_good_as_none(training):
    """A run broken off before its first evaluation has nothing to draw, and says so."""
    run = training.without()
    run.tables = {**run.tables, "accuracy": {name: values[:0] for name, values in run["accuracy"].items()}}
    with pytest.raises(InputError, match="figure 'accuracy' needs the traces 'accuracy'"):
        FIGURES["accuracy"](run)


def test_accuracy_shows_the_evaluations(training):
    """The curves are the evaluations, in percent, over images and over chip time."""
    trace = training["accuracy"]
    by_images, by_time = FIGURES["accuracy"](training).axes
    for ax, x in ((by_images, trace["images"] / 1e3), (by_time, trace["time"] * 1e3)):
        for label, name in (("test images, through", "accuracy"), ("test images, without", "accuracy_noise_free"), ("training images", "train_accuracy")):
            drawn_x, drawn_y = line(ax, label)
            np.testing.assert_allclose(drawn_x, x)
            np.testing.assert_allclose(drawn_y, trace[name] * 100)


def test_accuracy_keeps_a_perfect_score_on_the_axis(training):
    """An accuracy of 100 % has a place on the axis that is logarithmic in the error."""
    run = training.without()
    run.tables = {**run.tables, "accuracy": {**run["accuracy"], "train_accuracy": np.ones(len(run["accuracy"]["images"]))}}
    figure = FIGURES["accuracy"](run)
    ax = figure.axes[0]
    figure.draw_without_rendering()
    assert ax.get_ylim()[1] == pytest.approx(100.0)
    assert np.isfinite(ax.transData.transform((0.0, 100.0))).all()


def test_transfers_are_marked_where_they_happened(training, stalling):
    """Instant transfers are marked in both panels; those that stop training are shaded from start to end."""
    by_images, by_time = FIGURES["accuracy"](training).axes
    for ax, name, scale in ((by_images, "images", 1e-3), (by_time, "time", 1e3)):
        (marks,) = [found for found in ax.collections if found.get_label() == "transfer"]
        np.testing.assert_allclose([path[0, 0] for path in marks.get_segments()], training["transfer"][name] * scale)
    (shade,) = [found for found in FIGURES["accuracy"](stalling).axes[1].collections if "stands still" in found.get_label()]
    spans = np.array([[path.vertices[:, 0].min(), path.vertices[:, 0].max()] for path in shade.get_paths()])
    start = stalling["transfer"]["time"] * 1e3
    np.testing.assert_allclose(spans, np.column_stack([start, start + 6.0]))


def test_a_run_without_chip_time_has_one_panel(software):
    """Where no chip time passes, only the curve over images is drawn."""
    assert len(FIGURES["accuracy"](software).axes) == 1


@pytest.mark.parametrize("run", ["training", "stalling"])
def test_energy_stacks_add_up(run, request):
    """The areas in the power panel, the end of the cumulative stack and the legend's total are the total energy."""
    chip = request.getfixturevalue(run)
    trace = chip["energy"]
    figure = FIGURES["energy"](chip)
    power, cumulative = figure.axes
    top = cumulative.collections[-1].get_paths()[0].vertices
    assert top[:, 1].max() == pytest.approx(trace["energy"].sum() * 1e3)
    bins = binned(trace["time"], trace["energy"], 1)
    assert (bins.power * np.diff(bins.edges)[:, None]).sum() == pytest.approx(trace["energy"].sum())
    assert power.collections[-1].get_paths()[0].vertices[:, 1].max() == pytest.approx(bins.power.sum(axis=1).max() * 1e3)
    assert f"{trace['energy'].sum() * 1e3:.2f} mJ" in figure.legends[0].get_title().get_text()


def test_energy_legend_holds_every_component(training):
    """The legend gives each component's energy and share; a component that used nothing is left out."""
    texts = legend_texts(FIGURES["energy"](training))
    assert {text.split(":")[0] for text in texts} == set(training["energy"]["component"])
    assert sum(float(re.search(r"\(([\d.]+) %\)", text)[1]) for text in texts) == pytest.approx(100, abs=0.5)


def test_joined_segments_lose_no_energy():
    """Joining segments keeps every component's energy, also where the first or last segments take no time."""
    time = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 4.0])
    joules = np.arange(12.0).reshape(6, 2)
    for per_bin in (1, 2, 4, 10):
        bins = binned(time, joules, per_bin)
        assert (np.diff(bins.edges) > 0).all()
        np.testing.assert_allclose(bins.energy.sum(axis=0), joules.sum(axis=0))
    np.testing.assert_allclose(binned(time, joules, 1).energy[0], joules[0] + joules[1])


def test_joined_segments_hold_whole_transfer_intervals():
    """600 segments with a transfer in every fourth are joined by twelves, not by tens; few segments are left alone."""
    assert segments_per_bin(np.arange(1, 601) * 2000, np.arange(151) * 8000) == 12
    assert segments_per_bin(np.arange(1, 51) * 2000, np.arange(13) * 8000) == 1
    assert segments_per_bin(np.arange(1, 601) * 2000, np.zeros(0)) == 10


def test_years_of_waiting_do_not_squeeze_the_training():
    """Segments far beyond the end of training are not drawn, a final transfer is; without training nothing is."""
    images = np.array([2000, 4000, 4000, 4000])
    assert training_part(np.array([0.5e-3, 1e-3, 1.5e-3, 3e8]), images) == 3
    assert training_part(np.array([0.5e-3, 1e-3, 1e-3, 1e-3]), images) == 4
    assert training_part(np.array([1.0, 2.0]), np.zeros(2)) == 0


def test_energy_without_training_is_a_bar_a_component(training):
    """A run without training still shows what its programming cost."""
    run = training.without("transfer")
    trace = run["energy"]
    run.tables["energy"] = {**trace, "energy": trace["energy"][:1], "time": np.zeros(1), "images": np.zeros(1, dtype=np.int64)}
    (ax,) = FIGURES["energy"](run).axes
    np.testing.assert_allclose(sum(bar.get_width() for bar in ax.patches), trace["energy"][0].sum() * 1e6)


def test_every_component_has_a_colour_of_its_own():
    """No two components share a colour, and none of the cycle's is used twice."""
    assert len(set(COLOURS.values())) == len(COLOURS)
    assert len(set(CYCLE)) == len(CYCLE)


def test_leak_starts_anew_after_a_probe_at_the_moment_of_a_transfer():
    """A probe at the very moment of an instant transfer was taken before it, and belongs to the interval that ends there."""
    capacitor, time = Capacitor(), np.array([0.0, 1e-3, 2e-3, 3e-3])
    curve = leak_alone(capacitor, time, np.array([0.5, 0.6, 0.9, 0.55]), np.array([2e-3]), np.array([0.0]))
    np.testing.assert_allclose(curve, [*capacitor.voltage_after(0.5, time[:3]), 0.55])


def test_leak_alone_is_the_closed_form_from_each_transfer():
    """The curve starts at the sample after a transfer and ends a time constant later at 1/e of the way left to rest."""
    capacitor = Capacitor()
    tau = capacitor.retention * 1e-12
    time = np.array([0.0, tau, 2 * tau, 3 * tau])
    curve = leak_alone(capacitor, time, np.array([0.5, 0.1, 0.6, 0.2]), np.array([1.5 * tau]), np.array([0.0]))
    shrunk = np.exp(-1.0)
    np.testing.assert_allclose(curve, [0.5, 0.8 - 0.3 * shrunk, 0.6, 0.8 - 0.2 * shrunk])


def test_no_leak_is_drawn_through_a_stall():
    """Within a stall columns are preset one by one, so the curve pauses from its start to its end."""
    time = np.arange(6) * 1e-3
    curve = leak_alone(Capacitor(), time, np.full(6, 0.5), np.array([1.5e-3]), np.array([2e-3]))
    assert np.isnan(curve).tolist() == [False, False, True, True, False, False]
    assert curve[4] == 0.5


def test_the_shown_cell_is_the_one_that_updates_moved_most():
    """Of all probed cells the sawtooth picks the one farthest from its leak."""
    assert liveliest(np.array([[0.5, 0.5, 0.5], [0.6, 0.2, 0.65]]), np.array([[0.5, 0.5, 0.5], [0.6, 0.6, 0.6]])) == 1


def test_sawtooth_shows_the_probes(training):
    """The shown cell's voltage and p (g - g_ref) are the probed ones, and the band is the recorded spread."""
    trace = training["probe"]
    left, right = FIGURES["retention"](training).axes
    time, voltage = line(left, "layer ")
    (cell,) = [index for index in range(trace["voltage"].shape[1]) if np.array_equal(trace["voltage"][: len(time), index], voltage)]
    np.testing.assert_allclose(time, trace["time"][: len(time)] * 1e3)
    weight = trace["polarity"] * (trace["conductance"] - trace["reference"])
    np.testing.assert_allclose(line(right, "cell of")[1], weight[: len(time), cell])
    np.testing.assert_allclose(line(right, "median")[1], trace["spread"][: len(time), 2])
    assert len(left.lines) >= trace["voltage"].shape[1]


def test_retention_shows_measurement_and_closed_form(retaining):
    """Medians, bands and closed forms of both devices span the measured ages on a logarithmic axis."""
    trace = retaining["retention"]
    left, error = FIGURES["retention"](retaining).axes
    for label, name in (("PCM", "pcm"), ("capacitor", "capacitor")):
        np.testing.assert_allclose(line(left, f"{label}, median")[1], trace[f"{name}_left"][:, 2] * 100)
        np.testing.assert_allclose(line(left, f"{label}, closed")[1], trace[f"{name}_nominal"] * 100)
    np.testing.assert_allclose(error.lines[0].get_ydata(), trace["weight_error"])
    assert left.get_xscale() == "log"
    np.testing.assert_allclose(left.get_xlim(), [1e-6, 3.15576e8])


def test_retention_of_one_device_kind_needs_no_other(retaining):
    """A cell without PCM shows its capacitor alone."""
    run = retaining.without()
    run.tables = {"retention": {name: values for name, values in run["retention"].items() if not name.startswith("pcm")}}
    texts = legend_texts(FIGURES["retention"](run))
    assert [text for text in texts if "capacitor" in text]
    assert not [text for text in texts if "PCM" in text]


def test_retention_shows_what_compensation_does(retaining):
    """Where it was recorded, accuracy stands with and without compensation, and the scale left of each layer is one over its factor."""
    run = retaining.without()
    age = run["retention"]["age"]
    factors = (1 + age[:, None] / 20.0) ** np.array([0.05, 0.06])
    found = {"accuracy": 0.9 * age**-0.01, "accuracy_compensated": 0.9 * age**-0.005, "compensation": factors}
    run.tables = {"retention": {**run["retention"], **found}}
    right, scale = FIGURES["retention"](run).axes[2:]
    np.testing.assert_allclose(line(right, "as it is")[1], found["accuracy"] * 100)
    np.testing.assert_allclose(line(right, "with drift")[1], found["accuracy_compensated"] * 100)
    for layer in range(2):
        np.testing.assert_allclose(line(scale, f"layer {layer}")[1], 100.0 / factors[:, layer])


def test_a_run_with_probes_and_a_measurement_shows_both(training, retaining):
    """Training followed by a retention measurement fills two rows."""
    run = training.without()
    run.tables = {**run.tables, "retention": retaining["retention"]}
    assert len(FIGURES["retention"](run).axes) == 4


def test_transfer_shows_every_sampled_weight(training):
    """Each density holds all sampled weights of its transfer, and the legend their rms error."""
    trace = training["transfer"]
    figure = FIGURES["transfer"](training)
    densities = [ax for ax in figure.axes if ax.get_ylabel().startswith("Written $F")]
    assert [int(ax.collections[0].get_array().sum()) for ax in densities] == [trace["wanted"].shape[1]] * 2
    rms = np.sqrt(np.mean((trace["programmed"] - trace["wanted"]) ** 2, axis=1))
    texts = [text for text in legend_texts(figure) if text.startswith("PCM pair")]
    assert texts == [f"PCM pair: rms {value:.2g} µS" for value in rms]
    signs = ["+" if polarity > 0 else "\N{MINUS SIGN}" for polarity in trace["polarity"][-2:]]
    assert [ax.get_title("left").split(", ")[-1] for ax in densities] == [f"p = {sign}1" for sign in signs]


def test_transfer_without_samples_says_so(training):
    """Padding (not a number) is left out; a transfer with nothing else has an empty, explained row."""
    run = training.without()
    trace = run["transfer"]
    run.tables = {**run.tables, "transfer": {**trace, "wanted": np.full_like(trace["wanted"], np.nan)}}
    assert "no weights sampled" in [text.get_text() for ax in FIGURES["transfer"](run).axes for text in ax.texts]


def test_programming_shows_tries_and_errors_of_all_transfers(training):
    """Bars are shares of all devices written, the error is a density, and pulses are those of each transfer."""
    trace = training["transfer"]
    tries, pulses, error, course = FIGURES["programming"](training).axes
    assert sum(bar.get_height() for bar in tries.patches) == pytest.approx(100)
    (stairs,) = error.patches
    heights, edges, _ = stairs.get_data()
    assert (heights * np.diff(edges)).sum() == pytest.approx(1)
    for label, name in (("RESET", "reset_pulses"), ("SET", "set_ramps"), ("verify", "verify_reads")):
        np.testing.assert_allclose(line(pulses, label)[1], trace[name] / 1e3)
    np.testing.assert_allclose(line(course, "mean")[1], trace["mean_tries"])


def test_weights_show_every_layer_and_plane(training, software):
    """A row a layer: all weights in the histogram, the planes as maps in one scale for both devices of a pair."""
    axes = [ax for ax in FIGURES["weights"](training).axes if ax.get_subplotspec() is not None and (ax.images or ax.patches)]
    rows = [axes[start : start + 4] for start in range(0, 12, 4)]
    for layer, (histogram, plus, minus, voltage) in enumerate(rows):
        held = training["weights"]
        assert histogram.patches[0].get_data()[0].sum() == held[f"weight_{layer}"].size
        for ax, name in ((plus, "g_plus"), (minus, "g_minus"), (voltage, "voltage")):
            np.testing.assert_array_equal(ax.images[0].get_array(), held[f"{name}_{layer}"])
        assert plus.images[0].get_clim() == minus.images[0].get_clim()
    (low, high) = FIGURES["weights"](software).axes[1].images[0].get_clim()
    assert low == -high
