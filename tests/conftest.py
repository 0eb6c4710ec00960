"""Set up all tests: hypothesis without deadlines, and the import path of the tools.

Deadlines would fail on a noisy machine. The path is the one that tools have in an action.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings

from tests.support import fault_counts, tier_times

tally = fault_counts.tally

settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")

# A job of a CI service that runs the tests must not change what they print.
for name in ("CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITLAB_CI"):
    os.environ.pop(name, None)

# The folder of a program is its `sys.path[0]`.
TOOLS = str(Path(__file__).parents[1] / "rules/tools")
if TOOLS not in sys.path:
    sys.path.insert(0, TOOLS)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the faults that were injected, and how long each tier took."""
    fault_counts.pytest_terminal_summary(terminalreporter)
    tier_times.summarize(terminalreporter)
