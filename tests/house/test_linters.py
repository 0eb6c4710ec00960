"""The linters are tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Rules whose fixes touch many files at once: `python -m tests.run format` applies them.
APPLIED_BY_FORMAT = "I001,RUF021,FURB167"
COMMANDS = [["mypy"], ["flake8"], ["ruff", "check", "--extend-ignore", APPLIED_BY_FORMAT, "."]]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command[0]))
def test_linter(command: list[str], tmp_path: Path) -> None:
    cache = ["--cache-dir", str(ROOT / ".mypy_cache")] if command == ["mypy"] else []
    arguments = [sys.executable, "-m", *command, *cache]
    completed = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr
