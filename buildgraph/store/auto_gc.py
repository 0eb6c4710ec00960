"""What a build that made something does for the cache at its end: a line in the ledger, and once a day a look at its size.

Nothing of it is on the way of a build in which nothing changed, and little on that of any other: one line is added to a
file, one stamp is looked at, and the disk is asked for its room. The look itself is `cache gc` with the limits of the
environment: BUILDGRAPH_CACHE_SIZE (10GiB), BUILDGRAPH_CACHE_AGE (30d); BUILDGRAPH_CACHE_GC=off leaves it to its user.
"""

from __future__ import annotations

import os
import sys
import time
from stat import S_ISREG

from ..files.regular_file import open_own, read_regular, replace_file
from ..lite import TYPE_CHECKING
from ..types.errors import BuildError
from ..types.events import Done, Event, Finished

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .gc import GcLimits

LEDGER, STAMP = "ledger", "swept"  # files of the cache
DAY, HOUR = 86400.0, 3600.0
FLOOR = 2 << 30  # bytes that should stay free on the disk of the cache
_LONG = 1 << 16  # bytes of a ledger that is written anew


class AutoGc:
    """A listener that counts what ran and what a hit spared, notes it, and keeps the cache within its limits."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._counts = {"ran": [0, 0], "hit": [0, 0], "shared": [0, 0]}
        self._ended = False

    def __call__(self, event: Event) -> None:
        """Count an action that is done."""
        if isinstance(event, Done):
            count = self._counts[event.how]
            count[0] += 1
            count[1] += event.milliseconds
        elif isinstance(event, Finished):
            self._ended = True

    def close(self) -> None:
        """After the end of a build that did something: note it, and look through the cache when that is due."""
        (ran, took), *spared = self._counts.values()
        hits, saved = (sum(each) for each in zip(*spared, strict=True))
        if not self._ended or not ran + hits or not os.path.isdir(self._root):
            return
        append_to_ledger(self._root, (ran, took, hits, saved))
        if ran and is_due(self._root, time.time()):
            said = run_if_due(self._root, os.environ, time.time())
            if said:
                print(said, file=sys.stderr)


def append_to_ledger(root: str, counts: tuple[int, ...]) -> None:
    """Add a build to the ledger: actions that ran and their milliseconds, hits and the milliseconds that they spared.

    A disk that refuses keeps no ledger: no build depends on it.
    """
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
    """(since, builds, ran, milliseconds that it took, hits, milliseconds spared) by the ledger; zeros without one."""
    lines = _lines(root)
    if not lines:
        return (0,) * 6
    return (
        min(line[0] for line in lines),
        *(sum(line[at] for line in lines) for at in range(1, 6)),
    )


def is_due(root: str, now: float) -> bool:
    """Whether the cache should be looked through: a day after the last time, or an hour when the disk is all but full.

    A cache that was never looked through is new: its day begins now.
    """
    try:
        found = os.lstat(os.path.join(root, STAMP))
        if not S_ISREG(found.st_mode):
            stamp(root)
            return False
        passed = now - found.st_mtime
    except FileNotFoundError:
        stamp(root)
        return False
    except OSError:
        return False
    # One that ended a moment later may have noted that first; what lies further ahead is of a clock that was set back.
    return not -HOUR <= passed < DAY or (passed >= HOUR and _free(root) < FLOOR)


def limits(environ: Mapping[str, str]) -> GcLimits:
    """The limits of the environment; BuildError when they mean nothing."""
    from ..types.quantities import parse_age, parse_size
    from .gc import GcLimits

    size = environ.get("BUILDGRAPH_CACHE_SIZE") or "10GiB"
    try:
        return GcLimits(parse_age(environ.get("BUILDGRAPH_CACHE_AGE") or "30d"), parse_size(size))
    except ValueError as fault:
        raise BuildError(f"{size!r}: {fault}", fix="such as 10GiB", reason="usage") from None


def run_if_due(root: str, environ: Mapping[str, str], now: float) -> str:
    """Let go of what the limits do not allow and nobody relies on; what to say of it, or an empty string."""
    from ..ui.format import format_size, plural
    from .disk import DiskStore
    from .fsck import measure
    from .gc import GcLimits, plan, run

    switch = environ.get("BUILDGRAPH_CACHE_GC", "")
    if switch == "off":
        return ""
    try:
        wanted = limits(environ)
        short = FLOOR - _free(root)
        if short > 0:
            wanted = GcLimits(
                wanted.age, max(0, min(wanted.size, measure(root).blob_bytes - short))
            )
        stamp(root)  # before the work, so that builds that end meanwhile do not begin it, too
        _shorten(root)
        sweep = plan(root, wanted, now)
        freed = run(DiskStore(root), sweep)
    except BuildError as fault:
        return f"warning: the cache was not looked through: {fault.what}"
    gone = sum(not verdict.keep for verdict in sweep.verdicts)
    return (
        f"the cache let go of {plural(gone, 'result')}, {format_size(freed)}: `buildgraph cache stats`"
        if freed
        else ""
    )


def _free(root: str) -> int:
    try:
        disk = os.statvfs(root)
    except OSError:
        return FLOOR
    return disk.f_bavail * disk.f_frsize


def stamp(root: str) -> None:
    """Note that the cache was looked through just now."""
    try:
        fd = open_own(
            os.path.join(root, STAMP), os.O_WRONLY | os.O_TRUNC, os.path.join(root, "quarantine")
        )
        try:
            os.utime(fd)
        finally:
            os.close(fd)
    except OSError:
        return


def _lines(root: str) -> list[list[int]]:
    try:
        rows = [line.split() for line in read_regular(os.path.join(root, LEDGER)).split(b"\n")]
    except OSError:
        return []
    return [
        list(map(int, row)) for row in rows if len(row) == 6 and all(word.isdigit() for word in row)
    ]


def _shorten(root: str) -> None:
    """One line in place of many; what another build notes in that moment may be lost."""
    path = os.path.join(root, LEDGER)
    try:
        if os.path.getsize(path) <= _LONG:
            return
    except OSError:
        return
    replace_file(path, ((" ".join(map(str, totals(root))) + "\n").encode("ascii"),))
