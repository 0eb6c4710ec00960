"""The models of a report: names, arrays and policies, read by a process that has numpy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..host.environment import RULES_FOLDER
from ..types.errors import BuildError


def show_model(words: Iterable[str]) -> subprocess.CompletedProcess[str]:
    """Run the shipped program `show_model`; it is a process of its own because it needs numpy."""
    program = Path(RULES_FOLDER, "tools", "show_model.py")
    return subprocess.run(
        [sys.executable, "-s", "-B", str(program), *words],
        check=False,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )


def read_model(label: str, ir: Path, labels: Path) -> dict[str, Any]:
    """Return the summary of an imported model with its arrays; BuildError if it cannot be read."""
    process = show_model([str(ir), "--labels", str(labels), "--json", "--values"])
    if process.returncode:
        lines = process.stderr.strip().splitlines() or [f"exit code {process.returncode}"]
        raise BuildError(
            f"the model {label} cannot be read: {lines[-1]}",
            fix=f"build {label} again",
            reason="broken",
        )
    model: dict[str, Any] = json.loads(process.stdout)
    return model
