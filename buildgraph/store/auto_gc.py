"""Automatic garbage collection: at the end of a build that ran actions, at most once a day.

A build in which nothing changed does none of this. Any other build appends one line to the ledger,
reads one time stamp and asks the disk for its free space. A collection that is due does the same
as `cache gc` with the limits of the environment: BUILDGRAPH_CACHE_SIZE (default 10GiB) and
BUILDGRAPH_CACHE_AGE (default 30d). BUILDGRAPH_CACHE_GC=off turns it off.
"""

from __future__ import annotations

import os
import sys
import time
from stat import S_ISREG

from ..files.regular_file import open_own
from ..lite import TYPE_CHECKING
from ..types.errors import BuildError
from ..types.events import Done, Event, Finished
from .ledger import append_to_ledger, compact_ledger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .gc import GcLimits

STAMP = "swept"  # file of the cache; its mtime is the time of the last collection
DAY, HOUR = 86400.0, 3600.0  # seconds
MIN_FREE_BYTES = 2 << 30  # of the disk of the cache; with less, collections are due every hour


class AutoGc:
    """Event listener that adds a build to the ledger and collects garbage when that is due."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._counts = {"ran": [0, 0], "hit": [0, 0], "shared": [0, 0]}  # actions, milliseconds
        self._finished = False

    def __call__(self, event: Event) -> None:
        """Count a finished action."""
        if isinstance(event, Done):
            count = self._counts[event.how]
            count[0] += 1
            count[1] += event.milliseconds
        elif isinstance(event, Finished):
            self._finished = True

    def close(self) -> None:
        """Record a finished build in the ledger, and collect garbage when that is due."""
        (ran, milliseconds), *reused = self._counts.values()
        hits, saved = (sum(column) for column in zip(*reused, strict=True))
        if not self._finished or not ran + hits or not os.path.isdir(self._root):
            return
        append_to_ledger(self._root, (ran, milliseconds, hits, saved))
        message = run_if_due(self._root, os.environ, time.time()) if ran else ""
        if message:
            print(message, file=sys.stderr)


def is_due(root: str, now: float) -> bool:
    """True a day after the last collection, or an hour after it when the disk is almost full.

    A cache without a stamp is new: its first day begins now.
    """
    try:
        info = os.lstat(os.path.join(root, STAMP))
        if not S_ISREG(info.st_mode):
            mark_gc_done(root)
            return False
        passed = now - info.st_mtime
    except FileNotFoundError:
        mark_gc_done(root)
        return False
    except OSError:
        return False
    # A stamp up to an hour ahead was written by a build that ended at the same time; a stamp
    # further ahead comes from a clock that was set back.
    return not -HOUR <= passed < DAY or (passed >= HOUR and _free_bytes(root) < MIN_FREE_BYTES)


def limits_from_environment(environ: Mapping[str, str]) -> GcLimits:
    """Parse the limits of the environment; BuildError (reason "usage") when they are malformed."""
    from ..types.quantities import parse_age, parse_size
    from .gc import GcLimits

    size = environ.get("BUILDGRAPH_CACHE_SIZE") or "10GiB"
    try:
        return GcLimits(parse_age(environ.get("BUILDGRAPH_CACHE_AGE") or "30d"), parse_size(size))
    except ValueError as error:
        raise BuildError(f"{size!r}: {error}", None, "such as 10GiB", "usage") from None


def run_if_due(root: str, environ: Mapping[str, str], now: float) -> str:
    """Collect garbage when that is due; return the line to print, empty if nothing was freed."""
    if not is_due(root, now) or environ.get("BUILDGRAPH_CACHE_GC", "") == "off":
        return ""
    from ..ui.format import format_size, plural
    from .disk import DiskStore
    from .gc import GcLimits, plan, run
    from .stats import measure_store

    try:
        limits = limits_from_environment(environ)
        shortage = MIN_FREE_BYTES - _free_bytes(root)
        if shortage > 0:
            size = measure_store(root).blob_bytes - shortage
            limits = GcLimits(limits.age, max(0, min(limits.size, size)))
        mark_gc_done(root)  # before the work, so that other builds that end meanwhile skip it
        compact_ledger(root)
        collection = plan(root, limits, now)
        freed = run(DiskStore(root), collection)
    except BuildError as error:
        return f"warning: garbage collection of the cache was skipped: {error.what}"
    if not freed:
        return ""
    removed = sum(not decision.keep for decision in collection.decisions)
    return (
        f"removed {plural(removed, 'result')} ({format_size(freed)}) from the cache: "
        "see `buildgraph cache stats`"
    )


def mark_gc_done(root: str) -> None:
    """Record that the cache was collected just now."""
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


def _free_bytes(root: str) -> int:
    try:
        disk = os.statvfs(root)
    except OSError:
        return MIN_FREE_BYTES
    return disk.f_bavail * disk.f_frsize
