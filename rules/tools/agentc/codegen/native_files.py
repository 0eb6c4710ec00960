"""Files of the C run time in agentc/native."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

NATIVE = Path(__file__).resolve().parents[1] / "native"


def native(names: Sequence[str]) -> str:
    """Return the named files of the run time, concatenated."""
    return "\n".join((NATIVE / name).read_text(encoding="ascii") for name in names)
