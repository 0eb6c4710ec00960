"""Sum the durations of tests by tier; the sums are printed at the end of each run of pytest."""

from __future__ import annotations

from collections import Counter
from typing import Any


def tier_of(nodeid: str) -> str:
    """The folder below tests/ of a test: `unit` for `tests/unit/types/test_label.py::test_x`."""
    parts = nodeid.split("::")[0].split("/")
    return parts[1] if parts[0] == "tests" and len(parts) > 2 else parts[0]


def summarize(terminalreporter: Any) -> None:
    """Print seconds and number of tests for each tier; with xdist, the sum over all workers."""
    seconds, count = Counter[str](), Counter[str]()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if hasattr(report, "duration"):
                seconds[tier_of(report.nodeid)] += report.duration
                count[tier_of(report.nodeid)] += report.when == "call"
    if count:
        lines = (f"{tier} {seconds[tier]:.0f} s ({count[tier]})" for tier in sorted(count))
        terminalreporter.section("seconds and tests by tier")
        terminalreporter.write_line(", ".join(lines))
