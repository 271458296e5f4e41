"""Scenarios: every parameter of a run in one frozen value, read from TOML."""

from chipsim.scenario.loading import Scenario
from chipsim.scenario.model import Parameters
from chipsim.scenario.schema import json_schema
from chipsim.scenario.shipped import Head, Shipped, shipped_scenarios
from chipsim.scenario.stages import Stage

__all__ = ["Head", "Parameters", "Scenario", "Shipped", "Stage", "json_schema", "shipped_scenarios"]
