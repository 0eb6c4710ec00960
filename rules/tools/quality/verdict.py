"""From findings to the evidence of a gate, its records and its log."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from quality.findings import Finding
from quality.plan import Plan
from readiness.evidence import Check, Json, conclude

SHOWN = 100  # findings that the log has


def print_findings(plan: Plan, findings: Iterable[Finding]) -> None:
    """Print `PATH:LINE:COLUMN: error: TEXT`, with paths from the root of the workspace."""
    rows = sorted(set(findings))
    for row in rows[:SHOWN]:
        place = plan.name_in_workspace(row.path) if row.path else plan.config or plan.tool
        numbers = "".join(f":{number}" for number in (row.line, row.column) if number)
        print(f"{place}{numbers}: error: {row.text}")
    if len(rows) > SHOWN:
        print(f"... and {len(rows) - SHOWN} more")
    sys.stdout.flush()


def conclude_files(
    plan: Plan,
    failed: Mapping[str, Sequence[Finding]],
    count: int,
    out: Path,
    *,
    more: Iterable[Check] = (),
    tests: Json = None,
    cached: bool = True,
) -> int:
    """Write the evidence: one check for each failed file, one for all others, and `more`.

    `tests` are the single tests of a gate that runs tests. Returns the exit code; without `cached`
    a pass is not kept.
    """
    checks = [_failed(plan, path, rows) for path, rows in sorted(failed.items())]
    passed = count - sum(1 for path in failed if path)
    checks.append(Check("files", "passed", plan.tool, "the sources", passed, count, "files"))
    return conclude(plan.gate, [*checks, *more], out, cached=cached, tests=tests)


def _failed(plan: Plan, path: str, rows: Sequence[Finding]) -> Check:
    name = plan.name_in_workspace(path) if path else plan.tool
    first = f", the first in line {rows[0].line}" if rows[0].line else ""
    why = f"{len(rows)} finding{'s' * (len(rows) > 1)}{first}" if path else rows[0].text
    return Check(name, "failed", plan.tool, "the sources", len(rows), 0, "findings", why=why)
