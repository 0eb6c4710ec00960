"""Evidence: one form for all gates, and the exit code that follows from it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from readiness.evidence import UNCACHED, Check, conclude, encode, judge

PASSED = Check("size", "passed", "sizes of all blobs", "the image", 10, 20, "bytes")
OVER = replace(
    PASSED,
    name="memory",
    verdict="failed",
    measured=30,
    why="30 bytes, the budget is 20",
    fix='raise it to memory = "30B"',
    key="budget.memory",
)
UNKNOWN = replace(PASSED, name="clock", verdict="not checked", why="the board has no known clock")


def test_the_worst_check_decides() -> None:
    assert judge([PASSED]) == "passed"
    assert judge([PASSED, UNKNOWN]) == "not checked"
    assert judge([UNKNOWN, OVER, PASSED]) == "failed"


def test_a_gate_without_checks_and_two_checks_of_one_name_are_errors() -> None:
    with pytest.raises(ValueError, match="at least one check"):
        judge([])
    with pytest.raises(ValueError, match="two checks have one name"):
        encode("static", [PASSED, PASSED])


def test_the_file_is_sorted_and_leaves_out_what_is_empty(tmp_path: Path) -> None:
    assert conclude("fitness", [PASSED, UNKNOWN], tmp_path / "e.json") == 0
    text = (tmp_path / "e.json").read_text()
    document = json.loads(text)
    assert text == json.dumps(document, indent=1, sort_keys=True) + "\n"
    assert (document["schema"], document["gate"], document["verdict"]) == (
        1,
        "fitness",
        "not checked",
    )
    assert document["checks"][0] == {
        "name": "size",
        "verdict": "passed",
        "how": "sizes of all blobs",
        "on": "the image",
        "measured": 10,
        "limit": 20,
        "unit": "bytes",
    }


def test_false_and_zero_are_values(tmp_path: Path) -> None:
    check = replace(PASSED, measured=0, limit=False)
    assert '"measured": 0' in encode("x", [check]) and '"limit": false' in encode("x", [check])


def test_a_failure_with_a_key_is_refused_at_that_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert conclude("fitness", [PASSED, OVER], tmp_path / "e.json") == 1
    text, _, row = capsys.readouterr().err.partition("refused: ")
    assert text == "memory: 30 bytes, the budget is 20\n"
    assert json.loads(row)["faults"] == [
        {
            "what": "memory: 30 bytes, the budget is 20",
            "at": ["budget", "memory"],
            "fix": 'raise it to memory = "30B"',
        }
    ]
    assert json.loads((tmp_path / "e.json").read_text())["verdict"] == "failed"


def test_a_failure_without_a_key_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = replace(OVER, name="setuid", why="usr/bin/su", fix="remove it", key="")
    assert conclude("static", [OVER, other], tmp_path / "e.json") == 1
    err = capsys.readouterr().err
    assert "refused: " not in err and "setuid: usr/bin/su; remove it\n" in err


def test_a_verdict_that_depends_on_the_host_is_not_cached(tmp_path: Path) -> None:
    assert conclude("x", [PASSED], tmp_path / "e.json", cached=False) == UNCACHED == 75
    assert conclude("x", [OVER], tmp_path / "e.json", cached=False) == 1
