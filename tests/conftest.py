"""What all tests share: hypothesis without deadlines, for machines are noisy."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.support.fault_counts import pytest_terminal_summary, tally

__all__ = ["pytest_terminal_summary", "tally"]

settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")
