"""Merge LCOV files of shards, and list what no test ran: `merge_coverage.py LCOV REPORT IN...`.

Counts of one line are added. The report has a row for each file: its statements, how many no test
ran, the share of those that ran, and the lines without a test.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from quality.coverage_lines import write_ranges

Counts = dict[str, dict[int, int]]
"""How often each statement of each file ran."""


def main(lcov: str, report: str, *inputs: str) -> int:
    """Write the merged file and the report; returns 0."""
    counts = merge(Path(path).read_text(encoding="utf-8") for path in inputs)
    Path(lcov).write_text(write_lcov(counts), encoding="utf-8")
    Path(report).write_text(write_report(counts), encoding="utf-8")
    return 0


def merge(texts: Iterable[str]) -> Counts:
    """Add the counts of LCOV files."""
    counts: Counts = {}
    for text in texts:
        lines: dict[int, int] = {}
        for row in text.splitlines():
            key, _, value = row.partition(":")
            if key == "SF":
                lines = counts.setdefault(value, {})
            elif key == "DA":
                line, count = map(int, value.split(","))
                lines[line] = lines.get(line, 0) + count
    return counts


def write_lcov(counts: Counts) -> str:
    """The text of an LCOV file."""
    rows = []
    for path, lines in sorted(counts.items()):
        rows += [f"SF:{path}", *(f"DA:{line},{count}" for line, count in sorted(lines.items()))]
        rows += [f"LF:{len(lines)}", f"LH:{len(lines) - len(missing(lines))}", "end_of_record"]
    return "".join(f"{row}\n" for row in rows)


def missing(lines: Mapping[int, int]) -> list[int]:
    """The statements that no test ran."""
    return [line for line, count in sorted(lines.items()) if not count]


def write_report(counts: Counts) -> str:
    """A table of all files, the sum in the last row."""
    table = [("file", "statements", "missed", "covered", "lines that no test ran")]
    for path, lines in sorted(counts.items()):
        missed = missing(lines)
        table.append(_row(path, len(lines), len(missed), write_ranges(missed)))
    statements = sum(map(len, counts.values()))
    missed_count = sum(len(missing(lines)) for lines in counts.values())
    table.append(_row("all", statements, missed_count, ""))
    widths = [max(len(row[at]) for row in table) for at in range(4)]
    rows = [
        f"{row[0]:<{widths[0]}}  "
        + "  ".join(f"{row[at]:>{widths[at]}}" for at in (1, 2, 3))
        + f"  {row[4]}"
        for row in table
    ]
    return "".join(f"{row.rstrip()}\n" for row in rows)


def _row(path: str, statements: int, missed: int, lines: str) -> tuple[str, str, str, str, str]:
    """A row; the share is rounded down, so that only a file without missed lines has 100 %."""
    share = (statements - missed) * 100 // statements if statements else 100
    return path, str(statements), str(missed), f"{share} %", lines


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
