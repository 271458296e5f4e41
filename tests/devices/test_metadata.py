"""Every parameter of every device says what it means and where its default comes from."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from chipsim.devices import Capacitor, Cell
from chipsim.devices.pcm import Drift, PartialSet, Pcm, Ramp, ReadNoise, Reset, SlowNoise, Verify
from chipsim.spec import Spec

SPECS = [Capacitor, Cell, Pcm, Ramp, PartialSet, Reset, Verify, Drift, SlowNoise, ReadNoise]
FIELDS = [(spec, name) for spec in SPECS for name in spec.model_fields]
BASES = {"read", "derived", "assumed", "choice"}


def _specs_below(spec: type[Spec]) -> set[type[Spec]]:
    parts = [field.annotation for field in spec.model_fields.values()]
    below = {part for part in parts if isinstance(part, type) and issubclass(part, Spec)}
    return below.union(*(_specs_below(part) for part in below)) if below else set()


def test_no_device_is_left_out():
    """The classes tested here are all that a cell is made of."""
    assert _specs_below(Cell) | {Cell} == set(SPECS)


@pytest.mark.parametrize("spec, name", FIELDS, ids=lambda value: getattr(value, "__name__", value))
def test_field_is_documented(spec, name):
    """A field has a meaning and a basis; what is read or derived names its source."""
    field = spec.model_fields[name]
    extra = field.json_schema_extra
    assert field.description
    assert extra["basis"] in BASES
    if extra["basis"] in {"read", "derived"}:
        assert extra["source"]


@pytest.mark.parametrize("spec", SPECS)
def test_defaults_are_consistent(spec):
    """A device of defaults can be made, and written and read back without loss."""
    made = spec()
    assert spec.model_validate(made.model_dump(mode="json")) == made


@pytest.mark.parametrize("spec", SPECS)
def test_specs_are_frozen_and_strict(spec):
    """A parameter cannot be changed after the fact, and a misspelt one is refused."""
    name = next(iter(spec.model_fields))
    made = spec()
    with pytest.raises(ValidationError, match="frozen"):
        setattr(made, name, getattr(made, name))
    with pytest.raises(ValidationError, match="not permitted"):
        spec.model_validate({"capacitence": "50 fF"})


@pytest.mark.parametrize(
    "spec, values, message",
    [
        (Capacitor, {"capacitance": "0 fF"}, "greater than 0"),
        (Capacitor, {"capacitance": 50}, "has no unit"),
        (Capacitor, {"capacitance": "50 pA"}, "not a quantity in fF"),
        (Capacitor, {"retention": "-1 ms"}, "greater than 0"),
        (Capacitor, {"retention_spread": -0.1}, "greater than or equal to 0"),
        (Capacitor, {"transconductance": 0.0}, "greater than 0"),
        (Capacitor, {"transconductance": float("nan")}, "finite"),
        (Capacitor, {"initial": "1.5 V"}, "must lie between minimum"),
        (Capacitor, {"resting": "1.3 V"}, "must lie between minimum"),
        (Capacitor, {"threshold": "0.6 V"}, "below initial"),
        (Capacitor, {"temperature": "0 K"}, "greater than 0"),
        (Capacitor, {"step": "0 mV"}, "greater than 0"),
        (Cell, {"kind": "4t2c"}, "2pcm"),
        (Cell, {"gain": 0}, "greater than 0"),
        (Cell, {"weight_conductance": "-40 uS"}, "greater than 0"),
        (PartialSet, {"history_pulses": 0}, "greater than 0"),
        (PartialSet, {"mean_slope": 0.1}, "less than 0"),
        (PartialSet, {"duration": "0 s"}, "greater than 0"),
        (Ramp, {"maximum": "0 uS"}, "greater than 0"),
        (Ramp, {"steps": 0}, "greater than or equal to 1"),
        (Ramp, {"tolerance": "0 uS"}, "greater than 0"),
        (Ramp, {"max_tries": 0}, "greater than or equal to 1"),
        (Ramp, {"sigma": (0.1, 0.2)}, "sigma"),
        (Ramp, {"sigma": (0.1, float("inf"), 0.2)}, "finite"),
        (Reset, {"spread": -0.1}, "greater than or equal to 0"),
        (Reset, {"current": "0 uA"}, "greater than 0"),
        (Verify, {"duration": "0.1 ps"}, "shorter than the clock"),
        (Drift, {"reference": "0 s"}, "greater than 0"),
        (Drift, {"mean": (1, 2, 3)}, "mean"),
        (SlowNoise, {"read_time": "0 s"}, "greater than 0"),
        (SlowNoise, {"scale": -1}, "greater than or equal to 0"),
        (Pcm, {"programming": "magic"}, "ramp"),
    ],
)
def test_impossible_values_are_refused(spec, values, message):
    """A value that no device can have is refused, with what is wrong with it."""
    with pytest.raises(ValidationError, match=message):
        spec.model_validate(values)
