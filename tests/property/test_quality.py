"""Gates of sources give the verdicts of full runs, whatever is edited between them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.property import quality_edits, script_edits
from tests.support.requirements import absent, need


@pytest.mark.parametrize(("tool", "edits"), [("mypy", 6), ("pytest", 4), ("flake8", 4)])
def test_verdicts_after_random_edits_are_those_of_full_runs(tool: str, edits: int) -> None:
    """`python -m tests.property.quality_edits mypy 300` makes more edits and prints them."""
    first, *later = quality_edits.run(tool, edits, seed=3)
    assert min(later) < first, "no edit left verdicts in place"


@pytest.fixture(scope="module")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of the example's lock, from the registry that npm uses here."""
    need("node")
    npm = need("npm")
    if subprocess.run([npm, "ping"], capture_output=True, timeout=60, check=False).returncode:
        absent("the registry of npm does not answer")
    folder = tmp_path_factory.mktemp("node").resolve()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(script_edits.EXAMPLE / name, folder)
    words = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(words, cwd=folder, check=True, capture_output=True, timeout=600)
    return folder / "node_modules"


@pytest.mark.slow
@pytest.mark.xdist_group("node_modules")
@pytest.mark.parametrize("tool", ["tsc", "eslint", "jest"])
def test_verdicts_of_scripts_are_those_of_full_runs(node_modules: Path, tool: str) -> None:
    """`python -m tests.property.script_edits NODE_MODULES tsc 30` makes more edits."""
    first, *later = script_edits.run(node_modules, tool, 3, seed=1)
    assert min(later) < first, "no edit left verdicts in place"
