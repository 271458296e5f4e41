"""Figures remember how they came about, and what they tell is what was computed."""

from __future__ import annotations

import itertools
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chipsim.costs import derivation
from chipsim.costs.derivation import Figure, Sheet, total
from chipsim.errors import InputError

OPERATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
A, B, C, D = (derivation.given(name, value, "J", f"source of {name}") for name, value in (("a", 6.0), ("b", 3.0), ("c", 2.0), ("d", 0.5)))
NUMBERS = st.floats(1e-6, 1e6)


def evaluated(figure):
    """Return the value of a formula as it is written, with the values of the inputs that it names."""
    return eval(figure.formula, {"__builtins__": {}}, {part.name: part.value for part in figure.inputs})  # noqa: S307 (our own formula)


@pytest.mark.parametrize("sign", OPERATIONS)
def test_arithmetic_gives_value_and_formula(sign):
    """Two figures, or a figure and a number, give what numbers would, and a formula that says so."""
    operate = OPERATIONS[sign]
    two, one = operate(A, B), operate(A, 4)
    assert (two.value, two.formula, two.inputs) == (operate(6.0, 3.0), f"a {sign} b", (A, B))
    assert (one.value, one.formula, one.inputs) == (operate(6.0, 4.0), f"a {sign} 4", (A,))


@pytest.mark.parametrize(
    "figure, formula",
    [
        (A + B * C, "a + b * c"),
        ((A + B) * C, "(a + b) * c"),
        (A * (B + C), "a * (b + c)"),
        (A - (B + C), "a - (b + c)"),
        (A - B - C, "a - b - c"),
        (A - (B - C), "a - (b - c)"),
        (A / B / C, "a / b / c"),
        (A / (B * C), "a / (b * c)"),
        (A * (B / C), "a * (b / c)"),
        (A + (B - C), "a + (b - c)"),
        ((A - B) / (C - D), "(a - b) / (c - d)"),
        ((A * B).named("p") / C, "p / c"),
        ((A + B).named("s") * C, "s * c"),
        (total([A, B * C, A - D]), "a + b * c + a - d"),
        (total([A + B]) * 2, "(a + b) * 2"),
        (total([]), "0"),
        (A * 1e-12, "a * 1e-12"),
        (A * 0.1234567891, "a * 0.1234567891"),
        (A * -2.5, "a * -2.5"),
    ],
)
def test_brackets_stand_where_they_are_needed(figure, formula):
    """A formula has brackets where its value needs them, and evaluates to it."""
    assert figure.formula == formula
    assert evaluated(figure) == pytest.approx(figure.value, rel=1e-15)


def test_a_name_stands_for_a_formula():
    """A named figure keeps value, formula and inputs; what uses it says the name, and lists it alone as its input."""
    energy = (A + B).named("energy", "J", "what both take")
    assert (energy.name, energy.value, energy.unit, energy.note, energy.formula, energy.inputs) == ("energy", 9.0, "J", "what both take", "a + b", (A, B))
    assert (energy / C).inputs == (energy, C)


def test_a_second_name_points_to_the_first():
    """A figure that has a name gets a new one as a figure of its own, with the unit of the old one unless another is given."""
    again = A.named("again")
    assert (again.value, again.unit, again.formula, again.inputs) == (6.0, "J", "a", (A,))
    assert A.named("again", "kJ").unit == "kJ"
    assert (again * 2).inputs == (again,)


def test_inputs_are_listed_once():
    """A figure that is used twice is one input, in the order of its first use."""
    assert (A * B + A).inputs == (A, B)
    assert total([B, A, B]).inputs == (B, A)


def test_a_total_is_rounded_once():
    """The sum of ten tenths is one."""
    assert total([derivation.given(f"t{number}", 0.1, "", "a tenth") for number in range(10)]).value == 1.0


@st.composite
def figures(draw: st.DrawFn) -> Figure:
    """Return a figure computed from given ones, numbers and totals, all above zero so that nothing cancels; some results are named."""
    numbers = itertools.count()

    def operand(depth: int) -> Figure:
        kind = draw(st.sampled_from(["given", "total", "+", "*", "/"] if depth else ["given"]))
        if kind == "given":
            return derivation.given(f"g{next(numbers)}", draw(NUMBERS), "", "drawn")
        if kind == "total":
            made = total(operand(depth - 1) for _ in range(draw(st.integers(1, 3))))
        else:
            made = OPERATIONS[kind](operand(depth - 1), draw(NUMBERS) if draw(st.booleans()) else operand(depth - 1))
        return made.named(f"n{next(numbers)}") if draw(st.booleans()) else made

    return operand(4).named("top")


@given(figures())
def test_the_written_formula_gives_the_value(top):
    """Whatever is computed, its formula with the values of its inputs gives its value, and so do theirs down to what is given."""
    for made in (top, *derivation._all(top)):
        assert len({part.name for part in made.inputs}) == len(made.inputs)
        assert evaluated(made) == pytest.approx(made.value, rel=1e-12) if made.formula else made.note == "drawn"


@given(st.lists(NUMBERS, min_size=3, max_size=3), st.sampled_from(sorted(OPERATIONS)), st.sampled_from(sorted(OPERATIONS)), st.booleans())
def test_formulas_of_three_numbers_are_exact(numbers, first, second, left):
    """Two operations in either order: the formula is what was done, bit for bit."""
    x, y, z = (derivation.given(name, value, "", "drawn") for name, value in zip("xyz", numbers, strict=True))
    try:
        made = OPERATIONS[second](OPERATIONS[first](x, y), z) if left else OPERATIONS[first](x, OPERATIONS[second](y, z))
    except ZeroDivisionError:
        return
    assert evaluated(made) == made.value


@given(NUMBERS, st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_written_as_they_are(value, number):
    """A number in a formula is the one that was used, however many digits that takes."""
    made = derivation.given("x", value, "", "drawn") * number
    assert evaluated(made) == made.value


# ---- sheets -------------------------------------------------------------------------------------------------------------


def sheet():
    """Return figures of a small calculation."""
    made = Sheet()
    made.add(A)
    made.add(((A + B) * C).named("energy_J.total", "J", "all parts"))
    made.add((made["energy_J.total"] / D).named("power_W", "W"))
    return made


def test_a_sheet_is_a_mapping_in_order():
    """Figures come in the order in which they were added."""
    made = sheet()
    assert list(made) == ["a", "energy_J.total", "power_W"]
    assert len(made) == 3
    assert made["power_W"].value == 36.0
    assert list(Sheet([A, B])) == ["a", "b"]


@pytest.mark.parametrize("figure", [A, A + B])
def test_a_figure_needs_a_name_of_its_own(figure):
    """A name that is taken, or none, is refused: nothing is overwritten in silence."""
    with pytest.raises(ValueError, match="a figure needs a name of its own"):
        sheet().add(figure)


def test_explaining_tells_formula_inputs_and_sources():
    """Each figure is told once, with unit and meaning, its formula under it, and given ones with their source."""
    assert sheet().explain("power_W") == [
        "power_W = 36 W",
        "  = energy_J.total / d",
        "  energy_J.total = 18 J    (all parts)",
        "    = (a + b) * c",
        "    a = 6 J",
        "      given: source of a",
        "    b = 3 J",
        "      given: source of b",
        "    c = 2 J",
        "      given: source of c",
        "  d = 500 mJ",
        "    given: source of d",
    ]


def test_a_figure_is_explained_once():
    """What two inputs share is not told twice."""
    both = ((A * B).named("p") + (A * C).named("q")).named("both")
    lines = Sheet([both]).explain("both")
    assert sum(line.strip().startswith("a = ") for line in lines) == 1


def test_inputs_can_be_asked_for():
    """A figure that stands in no sheet of its own is explained, too, if another was computed from it."""
    assert sheet().explain("d") == ["d = 500 mJ", "  given: source of d"]


def test_figures_of_a_kind_are_listed_as_one():
    """A sheet of hundreds of figures answers a wrong name with a line that can be read."""
    made = Sheet([*(derivation.given(f"ratio.{number}", number, "", "drawn") for number in range(200)), A])
    with pytest.raises(InputError, match=r"there is no figure 'zzz'; there are: ratio\.\*, a$"):
        made.explain("zzz")
    with pytest.raises(InputError, match=r"it has parts: ratio\.0, .* and 184 more$"):
        made.explain("ratio")


@pytest.mark.parametrize(
    "name, hint",
    [
        ("power_w", "did you mean power_W"),
        ("energy_J.totl", "did you mean energy_J.total"),
        ("energy_J", "it has parts: energy_J.total"),
        ("zzz", "there are: a, energy_J.total, power_W"),
    ],
)
def test_a_name_that_is_none_gets_near_ones(name, hint):
    """An unknown name is refused with near spellings, figures below it, or all that there are."""
    with pytest.raises(InputError) as caught:
        sheet().explain(name)
    assert str(caught.value).startswith(f"there is no figure '{name}'; ")
    assert hint in str(caught.value)
