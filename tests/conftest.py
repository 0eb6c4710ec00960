"""Settings of all tests: hypothesis without deadlines, because machines are noisy; sums at the end."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings

from tests.fault import counts
from tests.support import tier_times

tally = counts.tally

settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the faults that were injected, and how long each tier took."""
    counts.pytest_terminal_summary(terminalreporter)
    tier_times.summarize(terminalreporter)
