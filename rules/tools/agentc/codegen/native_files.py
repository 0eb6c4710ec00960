"""The C of the run time: files of agentc/native."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

NATIVE = Path(__file__).resolve().parents[1] / "native"


def native(names: Sequence[str]) -> str:
    """The named files of the run time, one after the other."""
    return "\n".join((NATIVE / name).read_text(encoding="ascii") for name in names)
