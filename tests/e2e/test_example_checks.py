"""The example of quality gates: each gate passes, and fails for exactly its reason."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.requirements import absent, need
from tests.support.small_filesystems import EXAMPLES
from tests.support.workspace import Space

Edit = tuple[str, str]
"""A text of a file, and what replaces it."""


def check_gates(
    folder: Path, package: str, path: str, edits: list[Edit], places: list[str]
) -> None:
    """All gates of a package pass; after the edits of one file all fail, each at its place.

    One failing build for all gates: staging the packages of node is most of the time.
    """
    shutil.copytree(EXAMPLES / "checks", folder / "w")
    workspace = Space(folder / "w", folder / "cache")
    workspace.run("test", f"//{package}:*")
    text = (workspace.root / path).read_text()
    for old, new in edits:
        assert text.count(old) == 1
        text = text.replace(old, new)
    workspace.write(path, text)
    run = workspace.run("test", "--json", f"//{package}:*", code=1)
    logs = {event["label"]: event["log"] for event in run.events if event["event"] == "failed"}
    assert set(logs) == {f"//{package}:{name}" for name in ("types", "style", "tests")}
    for name, place in zip(("types", "style", "tests"), places, strict=True):
        assert place in logs[f"//{package}:{name}"]


def test_python(tmp_path: Path) -> None:
    check_gates(
        tmp_path,
        "python",
        "python/src/spread/mean.py",
        [
            (") -> float:", ") -> str:"),
            ("    return", "    return "),
            ("if not values:", "if values is None:"),
        ],
        [
            "python/src/spread/deviation.py:11:18: error: ",
            "mean.py:10:11: error: E271",
            "python/tests/test_mean.py:7: error: test_the_mean_of_nothing_is_an_error",
        ],
    )


@pytest.mark.slow
def test_typescript(tmp_path: Path) -> None:
    need("node")
    words = [need("npm"), "ping"]
    if subprocess.run(words, capture_output=True, timeout=60, check=False).returncode:
        absent("the registry of npm does not answer")
    check_gates(
        tmp_path,
        "typescript",
        "typescript/src/mean.ts",
        [
            ("): number {", "): string {"),
            ("  return", "  const unused = 1;\n  return"),
            ("sum + value", "sum + value + 1"),
        ],
        [
            "typescript/src/mean.ts:4:3: error: TS2322",
            "typescript/src/mean.ts:3:9: error: 'unused' is assigned a value but never used",
            "typescript/src/spread.test.ts:4:5: error: equal numbers have no spread",
        ],
    )
