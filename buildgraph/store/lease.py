"""Who relies on a store right now: a locked file for each process, so that nothing is taken from under a build.

The kernel gives a `flock` back however its process ends, in any container; a lease that nobody locks is a dead one.
"""

from __future__ import annotations

import fcntl
import os
import time

from ..files.regular_file import make_folder, move_aside, open_regular
from ..lite.contextmanagers import suppress

_FOLDER = "leases"
NOTED_S = 3600
"""A use is noted in a record's mtime at most this often, so a note may be older than the use by as much."""


class Lease:
    """A file that stays locked until `close` or the end of the process; its mtime is when the process began."""

    def __init__(self, root: str) -> None:
        folder = os.path.join(root, _FOLDER)
        make_folder(folder, os.path.join(root, "quarantine"))
        self._fd, self._path = -1, ""
        while not self._locked(os.path.join(folder, f"{os.getpid()}-{os.urandom(8).hex()}")):
            pass

    def close(self) -> None:
        """Rely on nothing any more."""
        with suppress(OSError):
            os.unlink(self._path)
        os.close(self._fd)

    def _locked(self, path: str) -> bool:
        """Make and lock the file; False when one who swept the dead took it away before it was locked."""
        self._path, self._fd = (
            path,
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600),
        )
        fcntl.flock(self._fd, fcntl.LOCK_SH)
        if os.fstat(self._fd).st_nlink:
            return True
        os.close(self._fd)
        return False


def oldest(root: str) -> float | None:
    """When the oldest of the running processes began (seconds since 1970), None without any; dead leases go."""
    began = []
    try:
        entries = list(os.scandir(os.path.join(root, _FOLDER)))
    except OSError:
        return None
    for entry in entries:
        with suppress(OSError):
            if (
                not move_aside(entry.path, os.path.join(root, "quarantine"))
                and (time := _held(entry.path)) is not None
            ):
                began.append(time)
    return min(began, default=None)


def _held(path: str) -> float | None:
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


def in_use(path: str) -> bool:
    """Whether a file stands; it is noted as in use, about once an hour, for those who later look for what may go."""
    try:
        found = os.stat(path)
    except OSError:
        return False
    if time.time() - found.st_mtime > NOTED_S:
        with suppress(OSError):
            os.utime(path)
    return True
