"""The floorplan: how many blocks a chip has, and that its area is theirs."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from chipsim.costs import AREA_COMPONENTS, BLOCKS, PriceTable
from chipsim.scenario import Scenario
from chipsim.silicon import plan_floor

TABLES = ("bottom-up-14nm", "bottom-up-90nm")
LAYERS = ((528, 250, 125, 10), (2048, 100), (784, 4096, 4096, 10))
BUILT = ("to-fit", "full")
SIZES = (64, 128, 256, 512, 1024, 2048, 4096)


def floor(small, layers, *groups, table="bottom-up-14nm", changes=None, **plain):
    """Return the floorplan of a network's chip."""
    return plan_floor(small.scenario(*groups, layers=layers, **plain), PriceTable.load(table, changes))


def counts(plan):
    """Return how many of each block a chip has."""
    found = dict.fromkeys(BLOCKS, 0)
    for placed in (*(placed for tile in plan.tiles for placed in tile.blocks), *plan.beside):
        found[placed.block] += placed.count
    return found


def area(plan, component):
    """Return the area of a component, µm²."""
    return plan.areas[component].value * 1e6


def square(size):
    """Return the overrides for tiles of so many rows and columns at most."""
    return {"tiles.max_rows": size, "tiles.max_columns": size}


# ---- closed forms -------------------------------------------------------------------------------------------------------


def test_one_small_tile_by_hand(small):
    """A layer of 3 inputs, a bias and 2 outputs in the 14 nm table, block by block."""
    plan = floor(small, (3, 2), transfer__programming_current="2.5 mA", transfer__verify_units=5)
    assert area(plan, "cells") == pytest.approx((4 + 2) * 2 * 1.4 * 0.7)
    assert area(plan, "line drivers") == pytest.approx((4 + 2) * 21.8)
    assert area(plan, "read-out") == pytest.approx(2 * 4.06 + 1 * 1200)  # no backward read through the first layer
    assert area(plan, "neurons") == pytest.approx(57.4)
    assert area(plan, "programming") == pytest.approx(4 * 10 + 3 * 100)  # 2.5 mA take three supplies of 1 mA
    assert area(plan, "verify read-out") == pytest.approx(5 * 16.2)
    assert area(plan, "buffers") == pytest.approx(8 * (3 + 2) * 0.13)
    assert area(plan, "control") == pytest.approx(278 + 624)
    blocks = sum(area(plan, name) for name in AREA_COMPONENTS if name != "wiring")
    assert area(plan, "wiring") == pytest.approx(0.3 * blocks)
    assert plan.area_mm2 == pytest.approx(1.3e-6 * blocks)
    idle = {"word line driver": 4 * 390, "bit line driver": 2 * 390, "integrator": 2 * 0.97, "read-out": 200e3, "neuron": 26e3, "programming driver": 4 * 390}
    idle |= {"programming supply": 3e3, "verify read-out": 5 * 190, "buffer bit": 40 * 20, "tile control": 50e3, "chip control": 250e3}
    assert {name: power.value for name, power in plan.powers.items() if name != "total"} == pytest.approx({name: nw * 1e-9 for name, nw in idle.items()})
    assert plan.powers["total"].value == pytest.approx(sum(idle.values()) * 1e-9)


def test_blocks_of_the_mnist_network():
    """The chip of the scenario `mnist` has a tile a layer, with the drivers, read-outs and bits that its sizes ask for."""
    plan = plan_floor(Scenario.load("mnist"), PriceTable.load("bottom-up-14nm"))
    assert counts(plan) == {
        "word line driver": 529 + 251 + 126,
        "bit line driver": 250 + 125 + 10,
        "integrator": 250 + 125 + 10 + 251 + 126,
        "read-out": 16 + 8 + 1 + 16 + 8,
        "neuron": 16 + 8 + 1,
        "programming driver": 529 + 251 + 126,
        "tile control": 3,
        "programming supply": 50,
        "verify read-out": 2048,
        "buffer bit": 8 * (528 + 250 + 125 + 250 + 125 + 10),
        "chip control": 1,
        "host link": 0,
    }
    assert area(plan, "cells") == pytest.approx((531 * 250 + 253 * 125 + 128 * 10) * 0.98)


@pytest.mark.parametrize("kind, plan, references", [("2pcm+3t1c", True, 2), ("2pcm+3t1c", False, 1), ("3t1c", True, 1), ("2pcm", True, 0)])
def test_references_belong_to_columns(small, kind, plan, references):
    """A column has a reference cell where there are capacitors, and a second one where polarity inversion swaps their roles."""
    made = floor(small, (20, 12, 4), cell__kind=kind, transfer__polarity_inversion=plan)
    width, height = (side.value for side in PriceTable.load("bottom-up-14nm").cell_of(kind))
    assert area(made, "cells") == pytest.approx(width * height * ((21 + references) * 12 + (13 + references) * 4))


@pytest.mark.parametrize("kind, pcm", [("2pcm+3t1c", True), ("2pcm", True), ("3t1c", False)])
def test_programming_takes_area_where_there_is_pcm(small, kind, pcm):
    """Without PCM there are no drivers, supplies and read-outs for it."""
    plan = floor(small, (20, 12, 4), cell__kind=kind)
    assert {name: counts(plan)[name] > 0 for name in ("programming driver", "programming supply", "verify read-out")} == dict.fromkeys(
        ("programming driver", "programming supply", "verify read-out"), pcm
    )
    assert (area(plan, "programming") > 0) == (area(plan, "verify read-out") > 0) == pcm


def test_a_host_takes_a_link_and_a_queue(small):
    """With a host there is a link, and the buffer holds the images of its queue."""
    with_host, without = floor(small, (20, 12, 4), host__queue=5), floor(small, (20, 12, 4))
    assert (counts(with_host)["host link"], counts(without)["host link"]) == (1, 0)
    assert counts(with_host)["buffer bit"] - counts(without)["buffer bit"] == 8 * 20 * 5
    assert area(with_host, "control") - area(without, "control") == pytest.approx(230000)


@pytest.mark.parametrize("policy, bits", [("stall", 6), ("instant", 0)])
def test_weights_sampled_at_the_start_take_a_buffer(small, policy, bits):
    """A transfer that takes time and samples all weights at its start holds them in so many bits each."""
    plan = {"transfer.policy": policy, "transfer.sampling": "at-start", "transfer.buffer_bits": 6}
    sampled, plain = floor(small, (20, 12, 4), plan), floor(small, (20, 12, 4))
    assert counts(sampled)["buffer bit"] - counts(plain)["buffer bit"] == bits * (21 * 12 + 13 * 4)


@pytest.mark.parametrize("current, supplies", [("50 mA", 50), ("50.0005 mA", 51), ("0.9 mA", 1), ("1 mA", 1)])
def test_a_supply_for_every_milliampere_begun(small, current, supplies):
    """Current for programming is built in whole milliamperes, never too little."""
    assert counts(floor(small, (20, 12, 4), transfer__programming_current=current))["programming supply"] == supplies


def test_software_has_no_floor(small):
    """Asking for the floorplan of software is a fault of the caller."""
    with pytest.raises(ValueError, match="software has no floorplan"):
        floor(small, (20, 12, 4), cell__kind="software")


# ---- sums ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["2pcm+3t1c", "2pcm", "3t1c"])
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("built", ["to-fit", "full"])
def test_areas_are_those_of_tiles_and_blocks(small, kind, table, built):
    """The area of the chip is that of all tiles and of what stands beside them, times the wiring; likewise component by component."""
    plan = floor(small, (50, 30, 9), small.TILED, small.SLOW_HOST, table=table, cell__kind=kind, tiles__built=built)
    beside = sum(placed.area for placed in plan.beside)
    assert plan.area_mm2 * 1e6 == pytest.approx((sum(tile.area for tile in plan.tiles) + beside) * plan.wiring, rel=1e-12)
    placed = [*(block for tile in plan.tiles for block in tile.blocks), *plan.beside]
    for component in AREA_COMPONENTS:
        if component == "cells":
            assert area(plan, component) == pytest.approx(sum(tile.width * tile.height for tile in plan.tiles), rel=1e-12)
        elif component != "wiring":
            assert area(plan, component) == pytest.approx(sum(block.area for block in placed if block.component == component), rel=1e-12)
    assert plan.areas["total"].value == pytest.approx(math.fsum(plan.areas[name].value for name in AREA_COMPONENTS), rel=1e-12)
    assert plan.powers["total"].value == pytest.approx(math.fsum(power.value for name, power in plan.powers.items() if name != "total"), rel=1e-12)
    price = PriceTable.load(table)
    assert plan.powers["total"].value == pytest.approx(sum(number * price.static_of(name).value for name, number in counts(plan).items()), rel=1e-12)


def test_a_factor_on_areas_scales_cells_and_blocks(small, tmp_path):
    """With a factor of four every side of an array doubles, and every area is four times as large."""
    (tmp_path / "mine.toml").write_text('extends = "bottom-up-14nm"\n[factor.area]\nvalue = 4\nnode = "any"\nsource = "a fit"\nbasis = "assumed"\n')
    plain, scaled = (floor(small, (20, 12, 4), table=table) for table in ("bottom-up-14nm", tmp_path / "mine.toml"))
    for name in (*AREA_COMPONENTS, "total"):
        assert scaled.areas[name].value == pytest.approx(4 * plain.areas[name].value)
    assert [tile.width / other.width for tile, other in zip(scaled.tiles, plain.tiles, strict=True)] == pytest.approx([2.0, 2.0])
    assert scaled.area_mm2 * 1e6 == pytest.approx((sum(tile.area for tile in scaled.tiles) + sum(block.area for block in scaled.beside)) * scaled.wiring)
    assert scaled.powers["total"].value == plain.powers["total"].value


# ---- tile sizes ---------------------------------------------------------------------------------------------------------


def test_full_tiles_have_what_they_do_not_use(small):
    """`tiles.built = "full"` gives every tile all lines of the largest one; to fit, it has those of its part of the layer."""
    fit, full = (floor(small, (10, 7), {"tiles.max_rows": 4, "tiles.max_columns": 3, "tiles.lines_per_read_out": 2}, tiles__built=built) for built in BUILT)
    assert len(fit.tiles) == len(full.tiles) == 9  # 11 rows in 4 + 4 + 3, 7 columns in 3 + 3 + 1
    assert counts(fit)["word line driver"] == 3 * 11
    assert counts(full)["word line driver"] == 9 * 4
    assert counts(fit)["bit line driver"] == 3 * 7
    assert counts(full)["bit line driver"] == 9 * 3
    assert counts(fit)["read-out"] == 3 * (2 + 2 + 1)
    assert counts(full)["read-out"] == 9 * 2
    assert area(fit, "cells") == pytest.approx(7 * (11 + 3 * 2) * 0.98)
    assert area(full, "cells") == pytest.approx(9 * 3 * (4 + 2) * 0.98)


def test_full_and_fitting_tiles_are_alike_where_layers_fill_them(small):
    """Where rows, with the bias, and columns are multiples of the tile, nothing is unused; a row more begins tiles of its own."""
    filled, over = ([floor(small, (inputs, 32), square(32), tiles__built=built).area_mm2 for built in BUILT] for inputs in (63, 64))
    assert filled[0] == filled[1]
    assert over[0] < over[1]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("layers", LAYERS, ids=str)
def test_tile_sizes_give_finite_monotone_areas(small, layers, table):
    """From 64 to 4096 lines a tile, all areas and powers are finite, and larger tiles need fewer drivers and read-outs.

    A tile of twice the size joins lines of neighbours, so that one driver, or one group of lines at a read-out, serves what two did;
    none is split anew, since 64 is a multiple of the lines at a read-out. The cells are those of the network whatever the tiles,
    but for the references: every column of every tile has its own.
    """
    plans = [floor(small, layers, square(size), table=table) for size in SIZES]
    for plan in plans:
        found = [figure.value for figure in (*plan.areas.values(), *plan.powers.values())]
        assert all(math.isfinite(value) and value > 0.0 for value in found)
    for component in ("line drivers", "read-out", "programming", "neurons", "control", "total"):
        areas = [plan.areas[component].value for plan in plans]
        assert all(after <= before * (1 + 1e-12) for before, after in pairwise(areas)), component
    cell = math.prod(side.value for side in PriceTable.load(table).cell_of("2pcm+3t1c"))
    for size, plan in zip(SIZES, plans, strict=True):
        rows = [-(-(a + 1) // size) for a, _ in pairwise(layers)]
        weights = sum((a + 1) * b for a, b in pairwise(layers))
        references = 2 * sum(tiles * b for tiles, b in zip(rows, layers[1:], strict=True))
        assert area(plan, "cells") == pytest.approx(cell * (weights + references), rel=1e-12)
        assert counts(plan)["word line driver"] == sum((a + 1) * -(-b // size) for a, b in pairwise(layers))
        assert counts(plan)["bit line driver"] == sum(tiles * b for tiles, b in zip(rows, layers[1:], strict=True))
        assert area(plan, "buffers") == pytest.approx(area(plans[0], "buffers"), rel=1e-12)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("layers", LAYERS, ids=str)
def test_full_tiles_of_any_size_are_never_smaller(small, layers, table):
    """Built full, a chip is finite at every tile size, and never smaller than one that is built to fit."""
    for size in SIZES:
        fit, full = (floor(small, layers, square(size), table=table, tiles__built=built) for built in BUILT)
        assert all(math.isfinite(figure.value) for figure in full.areas.values())
        assert all(full.areas[name].value >= fit.areas[name].value * (1 - 1e-12) for name in full.areas)


@pytest.mark.parametrize("layers", LAYERS, ids=str)
def test_more_lines_a_read_out_take_less_area(small, layers):
    """The more lines share a converter, the fewer there are."""
    areas = [area(floor(small, layers, tiles__lines_per_read_out=shared), "read-out") for shared in (1, 2, 4, 8, 16, 48)]
    assert all(after < before for before, after in pairwise(areas))
