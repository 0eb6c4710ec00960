"""Set up all tests: hypothesis without deadlines, and the import path of the tools.

Deadlines would fail on a noisy machine. The path is the one that tools have in an action.
"""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

from tests.fault.counts import pytest_terminal_summary, tally

__all__ = ["pytest_terminal_summary", "tally"]

settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")

TOOLS = str(
    Path(__file__).parents[1] / "rules/tools"
)  # the folder of a program is its `sys.path[0]`
if TOOLS not in sys.path:
    sys.path.insert(0, TOOLS)
