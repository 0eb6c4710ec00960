"""The linters are tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = [["mypy"], ["flake8"], ["ruff", "check", "."], ["ruff", "format", "--check", "."]]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_linter(command: list[str], tmp_path: Path) -> None:
    cache = ["--cache-dir", str(ROOT / ".mypy_cache")] if command == ["mypy"] else []
    arguments = [sys.executable, "-m", *command, *cache]
    completed = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr
