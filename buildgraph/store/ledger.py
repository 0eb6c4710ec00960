"""Ledger of the cache: one line a build, with the actions that ran and the time that hits saved.

    <seconds since 1970> <builds> <actions run> <milliseconds> <hits> <milliseconds saved>

The file is `ledger` in the cache. Its lines are summed for `cache stats` and rewritten as one line
once they exceed 64 KiB. Lines that do not parse are ignored. No build depends on the ledger, so a
disk that refuses a write only loses statistics.
"""

from __future__ import annotations

import os
import time

from ..files.regular_file import open_own, read_regular, replace_file

LEDGER = "ledger"
_MAX_BYTES = 1 << 16


def append_to_ledger(root: str, counts: tuple[int, ...]) -> None:
    """Add a build: (actions run, their milliseconds, hits, milliseconds saved by hits)."""
    line = " ".join(map(str, (int(time.time()), 1, *counts))).encode() + b"\n"
    try:
        fd = open_own(
            os.path.join(root, LEDGER), os.O_WRONLY | os.O_APPEND, os.path.join(root, "quarantine")
        )
        try:
            os.write(fd, line)
        finally:
            os.close(fd)
    except OSError:
        return


def totals(root: str) -> tuple[int, ...]:
    """Sum the ledger: (since, builds, actions run, milliseconds, hits, milliseconds saved).

    `since` is the earliest time in seconds since 1970. All six are zero without a ledger.
    """
    lines = _read_lines(root)
    if not lines:
        return (0,) * 6
    return (
        min(line[0] for line in lines),
        *(sum(line[column] for line in lines) for column in range(1, 6)),
    )


def compact_ledger(root: str) -> None:
    """Replace a long ledger by one line with its totals.

    A line that another build appends at the same moment may be lost.
    """
    path = os.path.join(root, LEDGER)
    try:
        if os.path.getsize(path) <= _MAX_BYTES:
            return
    except OSError:
        return
    replace_file(path, ((" ".join(map(str, totals(root))) + "\n").encode("ascii"),))


def _read_lines(root: str) -> list[list[int]]:
    try:
        rows = [line.split() for line in read_regular(os.path.join(root, LEDGER)).split(b"\n")]
    except OSError:
        return []
    return [
        list(map(int, row)) for row in rows if len(row) == 6 and all(word.isdigit() for word in row)
    ]
