"""The house rules that no linter knows: sizes, printing, documentation, what a kernel may import."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "chipsim"
MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
TOP = {"pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "CITATION.cff", "chipsim", "tests", "scenarios", "plots"}
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 50
MAX_KERNEL_LINES = 80
MAX_MEDIAN_LINES = 8

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _identify(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def _functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(_tree(path)) if isinstance(node, Function))


def _body_lines(function: Function) -> int:
    """Count the lines of a function from its first statement after the docstring to its end."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return 0 if not body else (function.end_lineno or 0) - body[0].lineno + 1


def _is_kernel(path: Path) -> bool:
    return path.parent == PACKAGE / "kernels"


def _public_definitions(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, Function | ast.ClassDef]]:
    for node in body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from _public_definitions(node.body, f"{prefix}{node.name}.")


def _imported_packages(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@pytest.mark.parametrize("path", MODULES, ids=_identify)
def test_module_stays_short(path):
    """A module says one thing, in fewer than 400 lines."""
    assert len(path.read_text(encoding="utf-8").splitlines()) < MAX_MODULE_LINES


@pytest.mark.parametrize("path", MODULES, ids=_identify)
def test_functions_stay_short(path):
    """No function is longer than 50 lines, no kernel longer than 80, docstrings not counted."""
    limit = MAX_KERNEL_LINES if _is_kernel(path) else MAX_FUNCTION_LINES
    long = {function.name: lines for function in _functions(path) if (lines := _body_lines(function)) > limit}
    assert not long


def test_median_function_is_a_few_lines():
    """Half of all functions outside the kernels fit in a few lines."""
    lengths = [_body_lines(function) for path in MODULES if not _is_kernel(path) for function in _functions(path)]
    assert median(lengths) <= MAX_MEDIAN_LINES


@pytest.mark.parametrize("path", MODULES, ids=_identify)
def test_no_global_and_no_assert(path):
    """No module rebinds globals, and no check of the package can be switched off by `python -O`."""
    found = [f"{type(node).__name__} in line {node.lineno}" for node in ast.walk(_tree(path)) if isinstance(node, ast.Global | ast.Assert)]
    assert not found


@pytest.mark.parametrize("path", [path for path in MODULES if PACKAGE / "cli" not in path.parents], ids=_identify)
def test_only_the_command_line_prints(path):
    """Outside `cli` nothing prints."""
    calls = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    assert not [f"line {node.lineno}" for node in calls if isinstance(node.func, ast.Name) and node.func.id == "print"]


@pytest.mark.parametrize("path", MODULES, ids=_identify)
def test_public_names_are_documented(path):
    """Every module, public class and public function has a docstring."""
    tree = _tree(path)
    missing = [name for name, node in _public_definitions(tree.body) if ast.get_docstring(node) is None]
    if ast.get_docstring(tree) is None:
        missing.insert(0, "the module itself")
    assert not missing


@pytest.mark.parametrize("path", TESTS, ids=_identify)
def test_tests_state_what_they_show(path):
    """Every test has a docstring of its own that states the behaviour."""
    functions = [function for function in _functions(path) if function.name.startswith("test_")]
    assert not [function.name for function in functions if ast.get_docstring(function) is None]


@pytest.mark.parametrize("path", sorted((PACKAGE / "kernels").glob("*.py")), ids=_identify)
def test_kernels_import_numpy_and_numba_alone(path):
    """A kernel module imports the standard library, NumPy, Numba (with its LLVM binding) and other kernels."""
    allowed = {"numpy", "numba", "llvmlite"} | sys.stdlib_module_names
    foreign = {name for name in _imported_packages(path) if name.split(".")[0] not in allowed and not name.startswith("chipsim.kernels")}
    assert not foreign


def test_nothing_else_at_the_top():
    """The top folder holds the project's few files and folders, and dot-files."""
    listed = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    made = {"dist", "build", "runs", "htmlcov"}
    assert listed - made <= TOP
