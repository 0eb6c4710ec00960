"""How many faults were injected and survived, by class: said once at the end of a run, as `kill 40/40`.

BUILDGRAPH_FAULTS=5 makes most classes five times as many, for a long run by hand.
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
    """What one test counts; each fault that passed its checks is one `survived`."""

    def __init__(self, record: Callable[[str, object], None], kind: str, planned: int) -> None:
        self._record, self.kind, self.planned, self.done = record, kind, planned, 0
        record(_NAME, [kind, 0, planned])

    def met(self) -> None:
        """Note one that was not planned but met and survived, where their number shows only on the way."""
        self._record(_NAME, [self.kind, 1, 1])

    def survived(self, number: int = 1) -> None:
        """Note faults that did no harm."""
        self.done += number
        self._record(_NAME, [self.kind, number, 0])


@pytest.fixture
def tally(record_property: Callable[[str, object], None]) -> Callable[[str, int], Tally]:
    """Begin to count the faults of a class: `tally("kill", 40)`."""
    return lambda kind, planned: Tally(record_property, kind, planned)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line for each class of faults; with xdist the counts come with the reports of the workers."""
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
