"""The scenarios that come with chipsim."""

from __future__ import annotations

import pytest

from chipsim.scenario import Scenario, shipped_scenarios
from chipsim.scenario.shipped import Head, read_head, shipped_folder

NAMES = [scenario.name for scenario in shipped_scenarios()]
PAPER = ["mnist", "mnist-stall", "mnist-software", "mnist-pcm-only", "mnist-3t1c-only", "mnist-no-inversion"]


def test_all_are_there():
    """The first run, the paper's run with its baselines, and retention are shipped."""
    assert {*PAPER, "mnist-5k", "retention"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_asks_a_question_and_loads_without_warning(name):
    """Each shipped scenario says its question, source and expectation first, has a title and sets nothing in vain."""
    scenario = Scenario.load(name)
    assert scenario.head.question.endswith("?")
    assert scenario.head.source
    assert scenario.head.expect
    assert scenario.title
    assert scenario.name == name
    assert scenario.warnings == ()


@pytest.mark.parametrize("name", PAPER)
def test_baselines_share_data_order_and_network(name):
    """The paper's run and its baselines differ in nothing that decides which images are seen when."""
    scenario, base = Scenario.load(name), Scenario.load("mnist")
    assert scenario.data == base.data
    assert scenario.seed == base.seed
    assert scenario.network == base.network
    assert scenario.training.epochs == base.training.epochs == 20


def test_shipped_files_lie_in_the_source_tree(root):
    """In a checkout the scenarios are those of its folder `scenarios/`."""
    assert shipped_folder().is_dir()
    assert {path.stem for path in (root / "scenarios").glob("*.toml")} == set(NAMES)


def test_head_parts_may_share_a_line_or_span_several():
    """Question, source and expectation are found however the comment is broken into lines."""
    text = "# Question: one\n# two?\n# Source: three.  Expect: four\n\n# Question: not the head\n"
    assert read_head(text) == Head("one two?", "three.", "four")
    assert read_head("title = 1") == Head()
    assert read_head("# Question: a\n# Source: b").lines() == ["# Question: a", "# Source: b"]
