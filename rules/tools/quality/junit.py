"""Reports of the single tests of a gate: a JUnit file, and rows for the gate's evidence."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from quality.findings import Finding
from quality.plan import Plan
from readiness.evidence import Json

Cases = Mapping[str, Sequence[Sequence[str]]]
"""For each test file its tests: the name as `CLASS::TEST`, and passed, failed or skipped."""
MOST_TESTS, MOST_BYTES = 20_000, 2 << 20  # that evidence lists; larger evidence is not read


def write_junit(path: Path, plan: Plan, cases: Cases) -> None:
    """Write the tests of all files as JUnit XML, without times: also those that were not due."""
    top = ElementTree.Element("testsuites")
    for file, rows in sorted(cases.items()):
        name = plan.name_in_workspace(file)
        counts = Counter(outcome for _, outcome in rows)
        suite = ElementTree.SubElement(
            top,
            "testsuite",
            name=name,
            tests=str(len(rows)),
            failures=str(counts["failed"]),
            skipped=str(counts["skipped"]),
            errors="0",
        )
        for case, outcome in rows:
            classname, _, test = case.rpartition("::")
            element = ElementTree.SubElement(suite, "testcase", classname=classname, name=test)
            if outcome != "passed":
                tag = "failure" if outcome == "failed" else "skipped"
                ElementTree.SubElement(element, tag)
    ElementTree.indent(top)
    ElementTree.ElementTree(top).write(path, encoding="utf-8", xml_declaration=True)


def list_tests(plan: Plan, cases: Cases, failed: Mapping[str, Sequence[Finding]]) -> Json:
    """The tests as evidence has them: [FILE, CLASS, TEST, OUTCOME], and MESSAGE for a failure."""
    rows: list[Json] = []
    size = 0
    for file, tests in sorted(cases.items()):
        messages = [row.text for row in failed.get(file, ())]
        for case, outcome in tests:
            classname, _, test = case.rpartition("::")
            row = [plan.name_in_workspace(file), classname, test, outcome]
            if outcome == "failed":
                named = (text for text in messages if text.startswith(f"{test}: "))
                row.append(next(named, f"{test} failed").removeprefix(f"{test}: "))
            size += len(json.dumps(row))
            if len(rows) == MOST_TESTS or size > MOST_BYTES:
                return rows
            rows.append(row)
    return rows
