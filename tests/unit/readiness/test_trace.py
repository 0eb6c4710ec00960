"""Counts of instructions from a log, also where lines are cut anywhere."""

from __future__ import annotations

import io

import pytest
from readiness import trace
from readiness.trace import totals, trace_words

LOG = b"""Trace 0: 0x7f0 [0/1/2/3]
Trace 0: 0x7f1 [0/1/2/3]
7 clock_gettime(CLOCK_MONOTONIC,0x1) = 0 ({tv_sec = 1,tv_nsec = 2})
Trace 0: 0x7f2 [0/1/2/3]
Stopped execution of TB chain before 0x7f2 [1]
Trace 0: 0x7f2 [0/1/2/3]
7 clock_gettime(CLOCK_MONOTONIC,0x1) = 0 ({tv_sec = 1,tv_nsec = 2})
Trace 0: 0x7f3 [0/1/2/3]
7 write(1,0x1,2) = 2
Trace 0: 0x7f4 [0/1/2/3]
7 clock_gettime(CLOCK_MONOTONIC,0x1) = 0 ({tv_sec = 1,tv_nsec = 2})
Trace 0: 0x7f5 [0/1/2/3]
"""


@pytest.mark.parametrize("part", [1, 2, 7, 64, 1000, 1 << 20])
def test_instructions_are_counted_up_to_each_mark(
    part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace, "_PART", part)
    assert list(totals(io.BytesIO(LOG), 9)) == [2, 3, 5]
    assert list(totals(io.BytesIO(LOG), 2)) == [2, 3]
    assert list(totals(io.BytesIO(b""), 2)) == []


def test_options_of_every_version() -> None:
    new, old = "-one-insn-per-tb  QEMU_ONE_INSN_PER_TB\n", "-singlestep  QEMU_SINGLESTEP\n"
    assert trace_words(new)[0] == "-one-insn-per-tb"
    assert trace_words(old)[0] == "-singlestep" and "strace" in trace_words(old)[-1]
    assert trace_words("-plugin") == []
