"""Compare the CPU time of two commands: medians over interleaved rounds, and their ratio."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Command:
    """A command to time, and where."""

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]


def once(command: Command) -> tuple[float, float]:
    """(CPU, wall) seconds of one whole process, from fork to reap, children included."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command.argv, cwd=command.cwd, env=dict(command.env), stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{command.argv} failed"
    return used.ru_utime + used.ru_stime, time.perf_counter() - start


def side_by_side(ours: Command, theirs: Command, rounds: int = 15) -> tuple[float, float, float]:
    """(median CPU of ours, of theirs, median ratio of the rounds), after a round of warm-up."""
    pairs = [(once(ours)[0], once(theirs)[0]) for _ in range(rounds + 1)][1:]
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )
