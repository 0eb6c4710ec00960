"""Files of buildgraph's own, in whose place anything may be found: a folder, a FIFO, a socket, a device, a link.

Such a file is opened without waiting and without following a link, and it must be a regular file. Something else is put
aside under another name, so that the file can be made again and nothing of the user's is lost.
"""

from __future__ import annotations

import errno
import os
import stat

from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import suppress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_WORKSPACE = ".buildgraph"  # what a user has put in its place stays
_SAFE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_regular(path: str, flags: int = os.O_RDONLY) -> int:
    """Open a regular file, never through a symlink at its end, never waiting on a FIFO; OSError."""
    fd = os.open(path, flags | _SAFE, 0o600)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return fd


def read_regular(path: str) -> bytes:
    """All bytes of a regular file; OSError as of `open_regular`."""
    with open(open_regular(path), "rb") as file:
        return file.read()


def open_own(path: str, flags: int, aside: str = "") -> int:
    """Open a file of ours for writing and make it where there is none; what else is there is put aside. OSError."""
    try:
        return open_regular(path, flags | os.O_CREAT)
    except OSError:
        if not move_aside(path, aside):
            raise
    return open_regular(path, flags | os.O_CREAT)


def move_aside(path: str, folder: str = "") -> bool:
    """Rename what is no regular file, into `folder` or beside its place; whether that was done."""
    try:
        if stat.S_ISREG(os.lstat(path).st_mode):
            return False
        _rename_aside(path, folder)
    except OSError:
        return False
    return True


def make_folder(path: str, aside: str = "", make: Callable[[str], object] | None = None) -> bool:
    """Make a folder of ours where there is none; what else is there is put aside. Whether it was made; OSError."""
    make = make or _make
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
    """Write a file, part by part, beside its place and rename it there; False when the disk refuses."""
    fresh = f"{path}.{os.getpid()}"
    try:
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        except FileExistsError:
            if os.path.basename(os.path.dirname(path)) == _WORKSPACE:
                raise
            make_folder(os.path.dirname(path))
        with open(open_own(fresh, os.O_WRONLY | os.O_TRUNC), "wb") as file:
            file.writelines(parts)
        try:
            os.replace(fresh, path)
        except IsADirectoryError:
            if not move_aside(path):
                raise
            os.replace(fresh, path)
    except OSError:
        with suppress(OSError):
            os.unlink(fresh)
        return False
    return True


def _make(path: str) -> None:
    os.mkdir(path, 0o700)


def _rename_aside(path: str, folder: str) -> None:
    name = f"{os.path.basename(path)}.aside-{os.urandom(4).hex()}"
    os.rename(path, os.path.join(folder or os.path.dirname(path), name))
