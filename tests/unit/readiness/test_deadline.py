"""A limit of time in instructions: feasible, infeasible, too close to call, or unknown."""

from __future__ import annotations

from typing import Any

import pytest
from readiness.deadline import CACHED, SLOWER, Core, judge_counts, of_program, text_of
from readiness.evidence import Check

CORE = Core("pi", "cortex-a76", (1000, 2000), (500, 4000), "the manual")


def counts(p99: int, worst: int) -> dict[str, Any]:
    """Counts of a program."""
    numbers = {"least": 1, "p50": 2, "p99": p99, "most": worst, "worst": worst}
    return {
        "emulator": "qemu-aarch64 7.2.22",
        "core": "cortex-a76",
        "method": "plugin",
        "steps": {"probe": 256, "environment": 9744},
        "instructions": numbers,
        "loops": {"scout": []},
    }


def judged(p99: int, worst: int, limit: int = 1_000_000, core: Core = CORE) -> Check:
    """The check of a limit of a millisecond: 500 000 to 8 000 000 instructions."""
    return judge_counts(counts(p99, worst), core, limit)


@pytest.mark.parametrize(
    ("p99", "worst", "verdict", "judgement"),
    [
        (1000, 500_000, "passed", "feasible"),
        (1000, 500_001, "not checked", "too close to call"),
        (8_000_000, 9_000_000, "not checked", "too close to call"),
        (8_000_001, 9_000_000, "failed", "infeasible"),
    ],
)
def test_the_worst_case_must_fit_slowly_and_the_percentile_at_all(
    p99: int, worst: int, verdict: str, judgement: str
) -> None:
    check = judged(p99, worst)
    assert isinstance(check.measured, dict) and isinstance(check.limit, dict)
    assert (check.verdict, check.measured["judgement"]) == (verdict, judgement)
    assert (check.limit["least"], check.limit["most"]) == (500_000, 8_000_000)
    assert check.unit == "instructions a step" and check.key == "budget.step_p99"
    assert judgement in check.why or verdict == "passed"
    assert "256 steps of the probe set and 9744" in check.how and "7.2.22" in check.how


def test_a_refusal_says_what_to_change() -> None:
    check = judged(8_500_000, 9_000_000)
    assert "8500000 instructions or more, and 1ms are 500000 to 8000000" in check.why
    assert "cortex-a76 at 1000 to 2000 MHz, 0.5 to 4 instructions per cycle" in check.why
    assert 'raise budget.step_p99 to "17ms"' in check.fix and "policy_len" in check.fix
    close = judged(1000, 600_000)
    assert "agent --measure > pi.json" in close.fix and 'measured = "pi.json"' in close.fix


def test_the_advised_budget_is_not_infeasible() -> None:
    for p99 in (8_000_001, 123_456_789, 10**12):
        fix = judged(p99, p99).fix
        text = fix.partition('step_p99 to "')[2].partition('"')[0]
        number, unit = text.rstrip("msun"), text.lstrip("0123456789")
        limit = int(number) * {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}[unit]
        assert judged(p99, p99, limit).verdict == "passed"


def test_without_a_clock_or_counts_it_is_not_checked() -> None:
    unknown = Core("pc", "x86-64", (0, 0), (500, 4000), "the manual")
    check = judged(1000, 1000, core=unknown)
    assert (check.verdict, "clock of pc is unknown" in check.why) == ("not checked", True)
    assert "clock_mhz" in check.fix and "--measure" in check.fix
    check = judge_counts({"why": "unknown option 'plugin'"}, CORE, 1)
    assert check.verdict == "not checked" and "unknown option 'plugin'" in check.why
    assert check.measured is None and "loads plugins" in check.fix


def test_a_program_beyond_the_caches_is_judged_with_a_lower_end() -> None:
    slow = (500 // SLOWER, 4000)
    assert of_program(CORE, CACHED, 0) == of_program(CORE, 1 << 20, 1 << 20) == CORE
    assert of_program(CORE, CACHED + 1, 0).ipc == slow
    assert of_program(CORE, (1 << 20) + 1, 1 << 20).ipc == slow


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(5_000_000, "5ms"), (2_000_000_000, "2s"), (1500, "1500ns"), (20_000, "20us")],
)
def test_times_are_written_as_in_a_table(nanoseconds: int, text: str) -> None:
    assert text_of(nanoseconds) == text


def test_times_and_instructions_are_inverse() -> None:
    for instructions in (1, 999, 10**7 + 1):
        fast, slow = CORE.nanoseconds(instructions)
        assert CORE.instructions(slow)[0] >= instructions
        assert CORE.instructions(fast)[1] >= instructions
        assert CORE.instructions(max(0, fast - 1))[1] < instructions + 8
