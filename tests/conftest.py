"""What every test can lean on: marks that need a reason to run, a clean home for caches, and the checkout's own files."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
REASONS = {
    "reliability": "takes minutes: pytest -m reliability",
    "evidence": "trains whole networks: pytest -m evidence",
    "browser": "needs a browser: pytest -m browser",
    "spice": "needs a circuit simulator: pytest -m spice",
    "benchmark": "measures speed on a quiet machine: pytest -m benchmark",
}

# A slow machine is no failure, and the same examples are tried every time.
settings.register_profile("chipsim", deadline=None, derandomize=True, max_examples=int(os.environ.get("CHIPSIM_EXAMPLES", "25")))
settings.load_profile("chipsim")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip marked tests with their reason, unless `-m` names the mark."""
    for name, reason in REASONS.items():
        if name in config.option.markexpr:
            continue
        for item in items:
            if item.get_closest_marker(name) is not None:
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print how many faults of each kind were tried, where that was asked for."""
    found: Counter[str] = Counter()
    for report in terminalreporter.stats.get("passed", []):
        found.update(*(value for name, value in report.user_properties if name == "tried"))
    if not found or "reliability" not in config.option.markexpr:
        return
    terminalreporter.section("faults tried, and nothing lost")
    for kind, count in sorted(found.items()):
        terminalreporter.write_line(f"{count:6,}  {kind}")


def _small() -> ModuleType:
    if "small" not in sys.modules:
        spec = importlib.util.spec_from_file_location("small", ROOT / "tests" / "small.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules["small"] = module  # its dataclasses look their module up
        spec.loader.exec_module(module)
    return sys.modules["small"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests that ask for `any_life` with each of `small.LIVES`."""
    if "any_life" in metafunc.fixturenames:
        metafunc.parametrize("any_life", list(_small().LIVES))


@pytest.fixture(autouse=True, scope="session")
def _interruptible() -> None:
    """Let Ctrl-C be felt also where the tests run in the background, where shells have it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def small() -> ModuleType:
    """Return the module `small.py`: small chips, and their physics once more in plain NumPy."""
    return _small()


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the top folder of the checkout, for tests of files that are not installed."""
    return ROOT


@pytest.fixture(scope="session")
def rewritten() -> Callable[[Path], Path]:
    """Return a function that makes a run folder with changed files pass for what a run wrote: the manifest gets the checksums of what is there."""

    def rewrite(folder: Path) -> Path:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        manifest.pop("sha256", None)
        there = [name for name in manifest["files"] if (folder / name).is_file()]
        manifest["files"] = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in there}
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        return folder

    return rewrite


@pytest.fixture(scope="session")
def relabelled() -> Callable[..., Path]:
    """Return a function that changes what the manifest of a run says, as if the run had written it so."""

    def relabel(folder: Path, **changes: object) -> Path:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        manifest.pop("sha256", None)
        (folder / "manifest.json").write_text(json.dumps(manifest | changes), encoding="utf-8")
        return folder

    return relabel
