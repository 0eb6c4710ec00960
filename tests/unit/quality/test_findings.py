"""Findings in the output of each checker."""

from __future__ import annotations

import json

from quality.findings import Finding, from_eslint, from_flake8, from_jest, from_mypy, from_tsc


def test_lines_of_flake8() -> None:
    assert from_flake8("./a.py:3:80: E501 line too long\nnoise\n") == [
        Finding("a.py", 3, 80, "E501 line too long")
    ]


def test_errors_of_mypy_without_notes() -> None:
    row = {"file": "a.py", "line": 2, "column": 4, "message": "wrong", "code": "arg-type"}
    output = "\n".join(
        (json.dumps(row | {"severity": "error"}), json.dumps(row | {"severity": "note"}), "text")
    )
    assert from_mypy(output) == [Finding("a.py", 2, 5, "wrong  [arg-type]")]


def test_lines_of_tsc() -> None:
    output = "src/a.ts(3,7): error TS2322: Type.\n  more\nerror TS5023: Unknown option.\n"
    assert from_tsc(output) == [
        Finding("src/a.ts", 3, 7, "TS2322: Type."),
        Finding("", 0, 0, "TS5023: Unknown option."),
    ]


def test_messages_of_eslint_by_severity() -> None:
    messages = [
        {"severity": severity, "line": severity, "column": 1, "message": "m", "ruleId": "r"}
        for severity in (1, 2)
    ]
    output = json.dumps([{"filePath": "/w/a.ts", "messages": messages}])
    assert [row.line for row in from_eslint(output, "/w", warnings=False)] == [2]
    assert [row.line for row in from_eslint(output, "/w", warnings=True)] == [1, 2]


def test_tests_of_jest() -> None:
    rows = [
        {"fullName": "adds", "status": "passed", "failureMessages": []},
        {
            "fullName": "divides",
            "status": "failed",
            "failureMessages": ["\x1b[2mexpected 1\x1b[0m\n at x"],
            "location": {"line": 4, "column": 2},
        },
    ]
    suites = [
        {"name": "/w/a.test.ts", "status": "failed", "assertionResults": rows, "message": ""},
        {"name": "/w/b.test.ts", "status": "failed", "assertionResults": [], "message": "\nno m"},
    ]
    findings, cases = from_jest(json.dumps({"testResults": suites}), "/w")
    assert findings == [
        Finding("a.test.ts", 4, 2, "divides: expected 1"),
        Finding("b.test.ts", 0, 0, "no m"),
    ]
    assert cases["a.test.ts"] == ["adds", "divides"]
