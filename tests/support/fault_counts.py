"""Counts of injected faults and of those survived, by class; printed at the end as `kill 40/40`.

BUILDGRAPH_FAULTS=5 makes most classes five times as large, for a long manual run.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

_NAME = "faults"
TIMES = int(os.environ.get("BUILDGRAPH_FAULTS", "1"))


class Tally:
    """Count of one test: planned and survived injected faults of a class."""

    def __init__(self, record: Callable[[str, object], None], kind: str, planned: int) -> None:
        self._record, self.kind, self.planned, self.done = record, kind, planned, 0
        record(_NAME, [kind, 0, planned])

    def survived_unplanned(self) -> None:
        """Count a survived one that was not planned, where the number is not known in advance."""
        self._record(_NAME, [self.kind, 1, 1])

    def survived(self, number: int = 1) -> None:
        """Count injected faults after which all checks passed."""
        self.done += number
        self._record(_NAME, [self.kind, number, 0])


@pytest.fixture
def tally(record_property: Callable[[str, object], None]) -> Callable[[str, int], Tally]:
    """Return a function that starts the count of a class: `tally("kill", 40)`."""
    return lambda kind, planned: Tally(record_property, kind, planned)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the counts of all classes; with xdist they arrive in the reports of the workers."""
    done, planned = Counter[str](), Counter[str]()
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in (
                getattr(report, "user_properties", ())
                if getattr(report, "when", "") == "call"
                else ()
            ):
                if name == _NAME:
                    kind, number, more = value
                    done[kind] += number
                    planned[kind] += more
    if planned:
        terminalreporter.section("faults survived")
        terminalreporter.write_line(
            ", ".join(f"{kind} {done[kind]}/{planned[kind]}" for kind in sorted(planned))
        )
