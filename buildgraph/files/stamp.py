"""Stamps: five numbers of `stat` that show whether a file is still the one that a build read.

A stamp is taken before a file is read or a folder is listed, never after. Then every later change
gives another stamp, with one exception. A file system counts time in ticks, so two edits within one
tick can leave equal stamps. So a stamp is trusted only if the file was already several ticks old
when it was read; git calls the opposite "racily clean". The time comes from the clock of the file
system, because the clock of the process may differ from it in either direction.
"""

from __future__ import annotations

import os

from ..lite import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Stamp = tuple[int, int, int, int, int]
ALWAYS_STALE: Stamp = (0, 0, 0, 0, 0)
"""A stamp that no file has: the next build reads the file again."""
FINE_NS = 100_000_000
"""Nanoseconds that span several ticks of a file system that stores times in nanoseconds."""
COARSE_NS = 2_000_000_000
"""Nanoseconds that span several ticks of a file system that stores times in seconds."""


def stamp_of(status: os.stat_result) -> Stamp:
    """The stamp of a `stat` result: (size in bytes, mtime in ns, ctime in ns, inode, device)."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev


def fingerprint(path: str) -> Stamp:
    """The stamp of a file or folder, symlinks followed; OSError if there is none."""
    return stamp_of(os.stat(path))


def is_settled(stamp: Sequence[int], when: int) -> bool:
    """True if a file was unchanged for so long at a time that each later edit changes its stamp.

    `when` is in nanoseconds of `file_system_time`. The ctime is compared, because no program can
    set it. A ctime of whole milliseconds is taken for that of a coarse clock.
    """
    changed = stamp[2]
    return changed <= when - (FINE_NS if changed % 1_000_000 else COARSE_NS)


def reliable_stamp(stamp: Stamp, when: int) -> Stamp:
    """The stamp of a file read after `when` (ns), or ALWAYS_STALE if it was not settled then."""
    return stamp if is_settled(stamp, when) else ALWAYS_STALE


def set_mtime(path: str, when: int) -> None:
    """Set the mtime (ns) of a file or folder that was created.

    Choose a time between two ticks of the clock.

    Each later write sets the time of a tick. So it gives another mtime, even within the tick of the
    creation.
    """
    os.utime(path, ns=(when, when), follow_symlinks=False)


def stamp_if_mtime(path: str, when: int) -> Stamp:
    """The stamp of a file whose mtime is still the one of `set_mtime`, otherwise ALWAYS_STALE.

    The mtime differs if the file was written later, or if the file system cannot store it.
    """
    try:
        stamp = stamp_of(os.lstat(path))
    except OSError:
        return ALWAYS_STALE
    return stamp if stamp[1] == when else ALWAYS_STALE


def file_system_time(folder: str) -> int:
    """The current time (ns) by the clock of a folder's file system, or 0 if it is unknown.

    No stamp is settled at the time 0.
    """
    flags = os.O_WRONLY | os.O_CLOEXEC
    # A file without a name comes first, because it leaves the stamp of the folder as it is.
    attempts = (
        (folder, flags | getattr(os, "O_TMPFILE", 0)),
        (
            f"{folder}/.buildgraph/clock.{os.getpid()}",
            flags | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW,
        ),
    )
    for path, open_flags in attempts:
        try:
            fd = os.open(path, open_flags, 0o600)
        except OSError:
            continue
        try:
            return os.fstat(fd).st_ctime_ns
        finally:
            os.close(fd)
            if path != folder:
                os.unlink(path)
    return 0
