"""Leases: one locked file for each running process keeps GC from deleting what a build uses.

The kernel releases a `flock` however its process ends, in any container. An unlocked lease belongs
to a dead process.
"""

from __future__ import annotations

import fcntl
import os
import time

from ..files.regular_file import make_folder, move_aside, open_regular
from ..lite.contextmanagers import suppress

_FOLDER = "leases"
USE_NOTE_S = 3600
"""Seconds between two notes of use in an mtime, which may be this much older than the last use."""


class Lease:
    """File that stays locked until `close` or the end of the process, with its start as mtime."""

    def __init__(self, root: str) -> None:
        folder = os.path.join(root, _FOLDER)
        make_folder(folder, os.path.join(root, "quarantine"))
        self._fd, self._path = -1, ""
        while not self._create(os.path.join(folder, f"{os.getpid()}-{os.urandom(8).hex()}")):
            pass

    def close(self) -> None:
        """Release the lease."""
        with suppress(OSError):
            os.unlink(self._path)
        os.close(self._fd)

    def _create(self, path: str) -> bool:
        """Create and lock the file; False when another process deleted it before it was locked."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._path, self._fd = path, os.open(path, flags, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_SH)
        if os.fstat(self._fd).st_nlink:
            return True
        os.close(self._fd)
        return False


def oldest_lease(root: str) -> float | None:
    """Return the start of the oldest running process in seconds since 1970; None without any.

    Leases of dead processes are deleted.
    """
    starts = []
    try:
        entries = list(os.scandir(os.path.join(root, _FOLDER)))
    except OSError:
        return None
    for entry in entries:
        with suppress(OSError):
            if (
                not move_aside(entry.path, os.path.join(root, "quarantine"))
                and (start := _start_of(entry.path)) is not None
            ):
                starts.append(start)
    return min(starts, default=None)


def _start_of(path: str) -> float | None:
    """Return the time of a lease that is locked; delete one that is not, and return None."""
    fd = open_regular(path)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.fstat(fd).st_mtime
    else:
        os.unlink(path)
        return None
    finally:
        os.close(fd)


def mark_in_use(path: str) -> bool:
    """Note in a file's mtime that it is in use, about once an hour; False if it is missing.

    GC keeps files whose mtime is not older than the oldest running build.
    """
    try:
        info = os.stat(path)
    except OSError:
        return False
    if time.time() - info.st_mtime > USE_NOTE_S:
        with suppress(OSError):
            os.utime(path)
    return True
