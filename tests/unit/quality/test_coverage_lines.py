"""Ranges of lines, and the LCOV file of what tests executed."""

from __future__ import annotations

from pathlib import Path

import pytest
from quality.coverage_lines import read_ranges, write_lcov, write_ranges
from quality.plan import Plan

SOURCE = """\
def sign(
    number,
):
    if number < 0:
        return -1
    return (
        1
    )
"""


@pytest.mark.parametrize("text", ["", "1", "1-3", "1-3,7", "2,4,6-7,100"])
def test_ranges_come_back(text: str) -> None:
    assert write_ranges(reversed(read_ranges(text))) == text


def test_a_statement_counts_the_test_files_that_ran_it(tmp_path: Path) -> None:
    (tmp_path / "sign.py").write_text(SOURCE)
    (tmp_path / "broken.py").write_text("def (")
    plan = Plan("g", "pytest", "sub", ("sign.py", "broken.py", "test_a.py", "conftest.py"))
    executed = {"test_a.py": {"sign.py": "1,4-5"}, "test_b.py": {"sign.py": "1-4,7"}}
    write_lcov(tmp_path / "out", plan, tmp_path, executed)
    assert (tmp_path / "out").read_text().split() == [
        "SF:sub/sign.py",
        *("DA:1,2", "DA:4,2", "DA:5,1", "DA:6,1"),
        *("LF:4", "LH:4", "end_of_record"),
    ]
