"""Faults are counted; `tests/conftest.py` tells the counts at the end."""
from __future__ import annotations

from tests.fault.counts import tally

__all__ = ["tally"]
