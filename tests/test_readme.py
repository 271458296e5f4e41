"""The README tells the truth: its reference, its commands and its pictures are those of the project."""

from __future__ import annotations

import re
import runpy
import tomllib

import numpy as np
import pytest

from chipsim.datasets import load_dataset
from chipsim.scenario.parts import Data


@pytest.fixture
def readme(root):
    """Return the text of the README."""
    return (root / "README.md").read_text(encoding="utf-8")


def test_scenario_reference_is_current(root, readme):
    """The scenario reference is what the parameter classes say; `python plots/readme_tables.py` renews it."""
    script = runpy.run_path(str(root / "plots" / "readme_tables.py"))
    found = readme.split(script["BEGIN"])[1].split(script["END"])[0].strip()
    assert found == script["reference"]()


def test_every_parameter_has_meaning_and_origin(root):
    """Every key of a scenario says what it means, and whether its default was read, derived, assumed or chosen."""
    script = runpy.run_path(str(root / "plots" / "readme_tables.py"))
    parameters = script["Parameters"]
    for table, spec in script["parts"](parameters):
        for name, field in spec.model_fields.items():
            key = f"{table}.{name}"
            assert field.description, f"{key} has no meaning"
            assert field.json_schema_extra["basis"] in {"read", "derived", "assumed", "choice"}, key
            if field.json_schema_extra["basis"] in {"read", "derived"}:
                assert field.json_schema_extra["source"], f"{key} names no source"


def test_an_array_of_tables_is_documented_once(root):
    """The keys of an array's elements stand once, under the double brackets that open it, with what is required."""
    script = runpy.run_path(str(root / "plots" / "readme_tables.py"))
    lines = script["reference"]().splitlines()
    assert len([line for line in lines if line.startswith("**`[[stage]]`** One step of a chip's life")]) == 1
    stage = dict(script["parts"](script["Parameters"]))["stage[n]"]
    assert [len([line for line in lines if line.startswith(f"| `stage[n].{name}` |")]) for name in stage.model_fields] == [1] * len(stage.model_fields)
    assert any(line.startswith("| `stage[n].kind` | required | `program`, `train`, `idle`, `sleep` |") for line in lines)
    assert any(line.startswith("| `stage[n].lasts` |  | > 0, ≤ 31557600000 s |") for line in lines)
    assert not any(line.startswith("| `stage` |") for line in lines)


def test_pictures_and_files_exist(root, readme):
    """Every picture and every file that the README links to is there."""
    linked = re.findall(r"\]\(([^)#:]+)\)", readme)
    assert linked
    assert not [path for path in linked if not (root / path).is_file()]


def test_the_recipe_for_features_makes_a_file_that_loads(readme, tmp_path, monkeypatch):
    """The lines that make an npz file of features, run as they stand, give one that chipsim reads, in the order they say."""
    section = readme.split("### Data")[1].split("\n### ")[0]
    (recipe,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    rng = np.random.default_rng(4)
    given = {"train_x": rng.random((40, 3, 5)), "train_y": list(np.arange(40) % 4), "test_x": rng.random((8, 3, 5)), "test_y": list(np.arange(8) % 4)}
    monkeypatch.chdir(tmp_path)
    exec(recipe, {"body": lambda images: images[:, 1:] * 2 - 1, **given})  # noqa: S102 (the README's own lines)
    data = load_dataset(Data(name="features", path="mine.npz"))
    assert data.pixels == 10
    assert data.test_labels.tolist() == given["test_y"]
    found = sorted((int(row[0]), label) for row, label in zip(data.train_images, data.train_labels.tolist(), strict=True))
    first = given["train_x"][:, 1, 0]
    limits = given["train_x"][:, 1:].min(), given["train_x"][:, 1:].max()
    assert found == sorted((round((value - limits[0]) / (limits[1] - limits[0]) * 255), label) for value, label in zip(first, given["train_y"], strict=True))


def test_dependencies_have_reasons(root, readme):
    """Every run-time dependency and every extra stands in the table of reasons."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    reasons = readme.split("## What it stands on")[1].split("\n## ")[0]
    names = [re.split(r"[<>=\[]", line)[0] for line in project["dependencies"]] + list(project["optional-dependencies"])
    assert not [name for name in names if not re.search(rf"\b{re.escape(name)}\b", reasons)]


def test_the_two_commands_are_the_ones_checked(root, readme):
    """The README's install line ends in the main job, and its test command is the script that is run for every change."""
    assert re.search(r"^    python3 -m venv .* pip install \. && chipsim run mnist-5k$", readme, re.MULTILINE)
    assert re.search(r"^    bash \.ci/run$", readme, re.MULTILINE)
    assert (root / ".ci" / "run").stat().st_mode & 0o111


def test_versions_agree(root):
    """Package, citation and changelog name the same version."""
    from chipsim import __version__

    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == __version__
    assert f"version: {__version__}\n" in (root / "CITATION.cff").read_text(encoding="utf-8")
    assert f"## [{__version__}]" in (root / "CHANGELOG.md").read_text(encoding="utf-8")


def test_scenarios_begin_with_their_question(root):
    """Every shipped scenario begins with its question, its source and the number to expect."""
    scenarios = sorted((root / "scenarios").glob("*.toml"))
    assert scenarios
    for path in scenarios:
        comments = "\n".join(line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#"))
        assert re.match(r"# Question: ", comments), path.name
        assert "Source: " in comments, path.name
        assert "Expect: " in comments, path.name
