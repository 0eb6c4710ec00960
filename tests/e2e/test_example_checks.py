"""The example of quality gates: each gate passes, and fails for exactly its reason."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.requirements import absent, need
from tests.support.small_filesystems import EXAMPLES
from tests.support.workspace import Space

MEAN_PY, MEAN_TS = "python/src/spread/mean.py", "typescript/src/mean.ts"


def example(folder: Path) -> Space:
    """A copy of the example with a cache of its own."""
    shutil.copytree(EXAMPLES / "checks", folder / "w")
    return Space(folder / "w", folder / "cache")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """The example with the gates of Python passed."""
    workspace = example(tmp_path_factory.mktemp("python"))
    workspace.run("test", "//python:*")
    return workspace


@pytest.fixture(scope="module")
def typescript(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """The example with the gates of TypeScript passed, from the registry that npm uses here."""
    need("node")
    workspace = example(tmp_path_factory.mktemp("typescript"))
    words = [need("npm"), "ping"]
    if subprocess.run(words, capture_output=True, timeout=60, check=False).returncode:
        absent("the registry of npm does not answer")
    workspace.run("test", "//typescript:*")
    return workspace


def check_failure(workspace: Space, label: str, path: str, edit: list[str], place: str) -> None:
    """Replace a text in a file; the gate fails and names the place. Then restore the file."""
    text = (workspace.root / path).read_text()
    old, new = edit
    assert old in text
    workspace.write(path, text.replace(old, new))
    run = workspace.run("test", label, code=1)
    assert place in run.err
    workspace.write(path, text)
    workspace.run("test", label)


@pytest.mark.parametrize(
    ("label", "edit", "place"),
    [
        (
            "//python:types",
            [") -> float:", ") -> str:"],
            "python/src/spread/deviation.py:11:18: error: ",
        ),
        ("//python:style", ["    return", "    return "], "mean.py:10:11: error: E271"),
        (
            "//python:tests",
            ["if not values:", "if values is None:"],
            "python/tests/test_mean.py:7: error: test_the_mean_of_nothing_is_an_error",
        ),
    ],
)
def test_python(python: Space, label: str, edit: list[str], place: str) -> None:
    check_failure(python, label, MEAN_PY, edit, place)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("label", "edit", "place"),
    [
        (
            "//typescript:types",
            ["): number {", "): string {"],
            "typescript/src/mean.ts:3:3: error: TS2322",
        ),
        (
            "//typescript:style",
            ["  return", "  const unused = 1;\n  return"],
            "typescript/src/mean.ts:3:9: error: 'unused' is assigned a value but never used",
        ),
        (
            "//typescript:tests",
            ["sum + value", "sum + value + 1"],
            "typescript/src/spread.test.ts:4:5: error: equal numbers have no spread",
        ),
    ],
)
def test_typescript(typescript: Space, label: str, edit: list[str], place: str) -> None:
    check_failure(typescript, label, MEAN_TS, edit, place)
