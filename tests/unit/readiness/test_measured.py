"""Evidence of a device: its form, and whether it says anything about an export."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from readiness.deadline import Core
from readiness.measured import NoEvidenceError, judge, parse

PROGRAM = "ab" * 32
CORE = Core("raspberry-pi-5", "cortex-a76", (2400, 2400), (500, 4000), "the manual")
NAMES = ("raspberrypi,5-model-b", "brcm,bcm2712")
DOCUMENT: dict[str, Any] = {
    "board": {
        "compatible": list(NAMES),
        "governor": ["ondemand"],
        "khz": ["2400000"],
        "model": ["Raspberry Pi 5 Model B Rev 1.0"],
    },
    "checks": [
        {
            "how": "clock read around each step",
            "measured": {"max": 9000, "min": 100, "p50": 200, "p99": 500, "steps": 10000},
            "name": "step_p99",
            "on": "this machine",
            "unit": "nanoseconds",
            "verdict": "not checked",
        }
    ],
    "clock": {"least": 37, "name": "CLOCK_MONOTONIC"},
    "gate": "step_p99",
    "program": PROGRAM,
    "schema": 1,
    "verdict": "not checked",
}


def changed(*path: str | int, value: Any) -> bytes:
    """The evidence with another value."""
    document = copy.deepcopy(DOCUMENT)
    place: Any = document
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return json.dumps(document).encode()


def verdict(data: bytes, limit: int = 1000, names: tuple[str, ...] = NAMES[:1]) -> tuple[str, str]:
    """Verdict and reason of a measurement of this program."""
    check = judge(parse(data), PROGRAM, CORE, names, limit)
    return check.verdict, check.why


def test_the_budget_decides_and_not_the_verdict_of_the_device() -> None:
    data = json.dumps(DOCUMENT).encode()
    assert verdict(data) == ("passed", "")
    assert verdict(data, 500) == ("passed", "")
    judgement, why = verdict(data, 499)
    assert judgement == "failed" and "500 ns or more on Raspberry Pi 5 Model B" in why
    check = judge(parse(data), PROGRAM, CORE, NAMES, 499)
    assert 'raise budget.step_p99 to "1us"' in check.fix and check.key == "budget.step_p99"
    assert check.on == "Raspberry Pi 5 Model B Rev 1.0" and check.unit == "nanoseconds"


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("program",), "cd" * 32, "of the program cdcdcdcdcdcd, and this one is abababababab"),
        (("program",), "", "of the program without a digest"),
        (("board", "compatible"), ["raspberrypi,4-model-b"], "another board (raspberrypi,4-"),
        (("board", "compatible"), [], "another board (without a device tree)"),
        (("board", "khz"), ["2600000"], "measured at 2600 MHz, and raspberry-pi-5 may run at 2400"),
        (("checks", 0, "measured", "steps"), 999, "it has 999 steps"),
        (("clock", "least"), 101, "its clock shows 101 ns at least, too much for 1us"),
    ],
)
def test_evidence_of_something_else_is_not_checked(
    path: tuple[str | int, ...], value: Any, reason: str
) -> None:
    judgement, why = verdict(changed(*path, value=value))
    assert judgement == "not checked" and reason in why


def test_a_slower_clock_and_a_board_without_a_device_tree_are_accepted() -> None:
    assert verdict(changed("board", "khz", value=["600000"])) == ("passed", "")
    assert verdict(changed("board", "khz", value=[])) == ("passed", "")
    assert verdict(changed("board", "compatible", value=[]), names=()) == ("passed", "")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b" " * 70_000,
        changed("schema", value=2),
        changed("gate", value="fitness"),
        changed("checks", value=[]),
        changed("checks", 0, "unit", value="instructions a step"),
        changed("checks", 0, "measured", "p99", value="500"),
        changed("checks", 0, "measured", "p99", value=True),
        changed("checks", 0, "measured", "p99", value=-1),
        changed("checks", 0, "measured", "p99", value=10_000),
        changed("checks", 0, "measured", value={"p99": 1}),
        changed("board", value=[]),
        changed("board", "compatible", value="pi"),
        changed("board", "khz", value=["fast"]),
        changed("program", value=7),
        changed("clock", value=None),
    ],
)
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(NoEvidenceError, match="it is not what `agent --measure` prints"):
        parse(data)
