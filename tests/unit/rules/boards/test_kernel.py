"""The kernel that the program needs: every system call is dated."""

from __future__ import annotations

import re
from pathlib import Path

from rules.boards.kernel import FIRST, NEEDED, SINCE, version

NATIVE = Path(__file__).parents[4] / "rules/tools/agentc/native"


def test_every_system_call_of_the_program_is_dated() -> None:
    # Other headers with calls are of other programs: an init, a counter, microcontrollers.
    text = (NATIVE / "syscalls.h").read_text()
    assert set(SINCE) == set(re.findall(r"\bSYS_([A-Z0-9]+) =", text))


def test_the_newest_call_decides() -> None:
    assert (NEEDED, FIRST) == ("RENAMEAT2", (3, 15))
    assert version("3.8") < FIRST < version("4.9") < version("5.15")
