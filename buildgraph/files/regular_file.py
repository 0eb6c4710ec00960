"""Open, write and replace files that buildgraph owns, whatever exists at their paths.

A folder, FIFO, socket, device or link may be found at the path of such a file. The file is opened
without waiting and without following a link, and must be a regular file. Anything else is moved
aside to another name. So the file can be made again, and no data of the user is lost.
"""

from __future__ import annotations

import errno
import os
import stat

from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import suppress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_STATE_FOLDER = ".buildgraph"  # a file of the user at this path is never moved aside
_SAFE_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_regular(path: str, flags: int = os.O_RDONLY) -> int:
    """Open a regular file and return its descriptor.

    Does not follow a symlink at the end of the path and does not wait for a FIFO. OSError for
    anything but a regular file.
    """
    fd = os.open(path, flags | _SAFE_FLAGS, 0o600)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return fd


def read_regular(path: str) -> bytes:
    """All bytes of a regular file; OSError as for `open_regular`."""
    with open(open_regular(path), "rb") as file:
        return file.read()


def open_own(path: str, flags: int, aside: str = "") -> int:
    """Open a file for writing and create it if it is missing. OSError if that fails.

    Anything at the path that is not a regular file is moved aside, into the folder `aside` if it is
    given.
    """
    try:
        return open_regular(path, flags | os.O_CREAT)
    except OSError:
        if not move_aside(path, aside):
            raise
    return open_regular(path, flags | os.O_CREAT)


def move_aside(path: str, folder: str = "") -> bool:
    """Rename anything but a regular file, into `folder` if it is given; True if it was renamed."""
    try:
        if stat.S_ISREG(os.lstat(path).st_mode):
            return False
        _rename_aside(path, folder)
    except OSError:
        return False
    return True


def make_folder(path: str, aside: str = "", make: Callable[[str], object] | None = None) -> bool:
    """Create a folder if it is missing; True if it was created. OSError if that fails.

    Anything at the path that is not a folder is moved aside, as for `open_own`. `make` replaces
    `os.mkdir`.
    """
    make = make or _mkdir
    try:
        make(path)
        return True
    except FileExistsError:
        if os.path.isdir(path):
            return False
    _rename_aside(path, aside)
    make(path)
    return True


def replace_file(path: str, parts: Iterable[bytes | bytearray]) -> bool:
    """Write a file atomically: write a temporary file beside it, then rename it.

    Returns False if the disk refuses. Then the old file stays, and the temporary file is removed.
    """
    temporary = f"{path}.{os.getpid()}"
    try:
        _make_parent(os.path.dirname(path))
        with open(open_own(temporary, os.O_WRONLY | os.O_TRUNC), "wb") as file:
            file.writelines(parts)
        try:
            os.replace(temporary, path)
        except IsADirectoryError:
            if not move_aside(path):
                raise
            os.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            os.unlink(temporary)
        return False
    return True


def _make_parent(folder: str) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
    except FileExistsError:
        if os.path.basename(folder) == _STATE_FOLDER:
            raise
        make_folder(folder)


def _mkdir(path: str) -> None:
    os.mkdir(path, 0o700)


def _rename_aside(path: str, folder: str) -> None:
    name = f"{os.path.basename(path)}.aside-{os.urandom(4).hex()}"
    os.rename(path, os.path.join(folder or os.path.dirname(path), name))
