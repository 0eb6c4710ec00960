"""Findings of checkers, parsed from their output."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_FLAKE8 = re.compile(r"^(?P<path>.+?):(?P<line>\d+):(?P<column>\d+): (?P<text>.*)$")
_TSC = re.compile(r"^(?P<path>[^\s(].*?)\((?P<line>\d+),(?P<column>\d+)\): error (?P<text>.*)$")


@dataclass(frozen=True, order=True)
class Finding:
    """One message of a checker; line and column count from 1, 0 for none."""

    path: str
    line: int
    column: int
    text: str


def from_flake8(output: str) -> list[Finding]:
    """The lines `PATH:LINE:COLUMN: CODE TEXT`."""
    return _from_lines(_FLAKE8, output)


def from_tsc(output: str) -> list[Finding]:
    """The lines `PATH(LINE,COLUMN): error CODE: TEXT`; a message without a file has the path ''."""
    plain = [
        Finding("", 0, 0, line.removeprefix("error "))
        for line in output.splitlines()
        if line.startswith("error TS")
    ]
    return [*_from_lines(_TSC, output), *plain]


def _from_lines(pattern: re.Pattern[str], output: str) -> list[Finding]:
    matches = filter(None, map(pattern.match, output.splitlines()))
    return [
        Finding(
            match["path"].removeprefix("./"),
            int(match["line"]),
            int(match["column"]),
            match["text"],
        )
        for match in matches
    ]


def from_mypy(output: str) -> list[Finding]:
    """The lines of `--output json` that are errors; notes are left out."""
    rows: list[dict[str, Any]] = [
        json.loads(line) for line in output.splitlines() if line.startswith("{")
    ]
    return [
        Finding(
            row["file"].removeprefix("./"),
            max(0, int(row["line"])),
            max(0, int(row["column"])) + 1,
            f"{row['message']}{f'  [{code}]' if (code := row.get('code')) else ''}",
        )
        for row in rows
        if row["severity"] == "error"
    ]


def from_eslint(output: str, top: str, warnings: bool) -> list[Finding]:
    """The messages of `--format json`; warnings only if they count. Paths are made relative."""
    return [
        Finding(
            _relative(file["filePath"], top),
            int(message.get("line") or 0),
            int(message.get("column") or 0),
            f"{message['message']}{f'  [{rule}]' if (rule := message.get('ruleId')) else ''}",
        )
        for file in json.loads(output)
        for message in file["messages"]
        if message["severity"] == 2 or warnings
    ]


def from_jest(output: str, top: str) -> tuple[list[Finding], dict[str, list[str]]]:
    """The failures in jest's JSON report, and the names of all tests of each file."""
    findings, cases = list[Finding](), dict[str, list[str]]()
    for file in json.loads(output)["testResults"]:
        path = _relative(file["name"], top)
        cases[path] = [row["fullName"] for row in file["assertionResults"]]
        failed = [row for row in file["assertionResults"] if row["status"] == "failed"]
        for row in failed:
            place: dict[str, int] = row.get("location") or {}
            message = _first_line("\n".join(row["failureMessages"]))
            text = f"{row['fullName']}: {message}"
            findings.append(Finding(path, place.get("line", 0), place.get("column", 0), text))
        if file["status"] == "failed" and not failed:
            findings.append(Finding(path, 0, 0, _first_line(file["message"])))
    return findings, cases


def _first_line(text: str) -> str:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    return next((line.strip() for line in plain.splitlines() if line.strip()), "it failed")


def _relative(path: str, top: str) -> str:
    return path.removeprefix(f"{top}/")
