"""Stamps of files: five numbers of `stat` by which a build sees that a file is still the one that it read.

A stamp is taken before a file is read or a folder is listed, never after: what changes later then has another stamp. One
gap remains. A file system counts time in ticks, so two edits within one tick can leave equal stamps. A stamp is therefore
trusted only where the file was already some ticks old when it was read (git calls the opposite "racily clean"). The clock
for that is the file system's own: the clock of the process may differ from it in either direction.
"""

from __future__ import annotations

import os

from ..lite import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Stamp = tuple[int, int, int, int, int]
ALWAYS_STALE: Stamp = (0, 0, 0, 0, 0)  # the stamp of no file: the next build reads the file again
FINE_NS, COARSE_NS = (
    100_000_000,
    2_000_000_000,
)  # many ticks of a clock that counts them, and of one that counts seconds


def stamp_of(found: os.stat_result) -> Stamp:
    """(size in bytes, mtime_ns, ctime_ns, inode, device) of what `stat` returned."""
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev


def fingerprint(path: str) -> Stamp:
    """The stamp of what a path leads to; OSError when there is nothing."""
    return stamp_of(os.stat(path))


def is_settled(stamp: Sequence[int], when: int) -> bool:
    """Whether a file was unchanged for so long at a time (ns, of `clock`) that a later edit must change its stamp.

    The change time decides, because no program can set it. A change time of whole milliseconds is that of a coarse clock.
    """
    changed = stamp[2]
    return changed <= when - (FINE_NS if changed % 1_000_000 else COARSE_NS)


def reliable_stamp(stamp: Stamp, when: int) -> Stamp:
    """The stamp of a file that was read later than `when` (ns), or NEVER where the file was too young then."""
    return stamp if is_settled(stamp, when) else ALWAYS_STALE


def set_mtime(path: str, when: int) -> None:
    """Give a file or folder that was made its time of modification (ns), one that is between two ticks of the clock.

    Who writes to it later gives it the time of a tick, which differs, even within the tick in which it was made.
    """
    os.utime(path, ns=(when, when), follow_symlinks=False)


def stamp_if_mtime(path: str, when: int) -> Stamp:
    """The stamp of what was made and dated; NEVER where somebody changed it since, or the disk keeps no such time."""
    try:
        stamp = stamp_of(os.lstat(path))
    except OSError:
        return ALWAYS_STALE
    return stamp if stamp[1] == when else ALWAYS_STALE


def file_system_time(folder: str) -> int:
    """The time (ns) by which the file system of a folder stamps changes now; 0, at which nothing is settled, if unknown."""
    flags = os.O_WRONLY | os.O_CLOEXEC
    places = (
        (
            folder,
            flags | getattr(os, "O_TMPFILE", 0),
        ),  # a file without a name: the folder's own stamp stays
        (
            f"{folder}/.buildgraph/clock.{os.getpid()}",
            flags | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW,
        ),
    )
    for path, how in places:
        try:
            fd = os.open(path, how, 0o600)
        except OSError:
            continue
        try:
            return os.fstat(fd).st_ctime_ns
        finally:
            os.close(fd)
            if path != folder:
                os.unlink(path)
    return 0
