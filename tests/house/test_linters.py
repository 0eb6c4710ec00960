"""The linters are tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("command", [["mypy"], ["flake8"]], ids=lambda command: str(command[0]))
def test_linter(command: list[str], tmp_path: Path) -> None:
    cache = ["--cache-dir", str(ROOT / ".mypy_cache")] if command == ["mypy"] else []
    done = subprocess.run(
        [sys.executable, "-m", *command, *cache],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
