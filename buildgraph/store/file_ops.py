"""The operations by which a store changes a disk, one method each, so that tests can stop before any of them."""

from __future__ import annotations

import os

from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import check_cancelled
from ..lite.sha256 import CANCEL_CHECK_BYTES, add_zeros, data_ranges, sha256

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_MOST = 1 << 24  # bytes that are read at once
_BUFFER = 1 << 18  # more leaves the caches of a core before it is hashed, and costs more to write


class FileOps:
    """The real operations; a subclass may count them, fail them or end the process at the N-th."""

    def create(self, path: str) -> int:
        """Open a new private file for writing; OSError when the name is taken."""
        return os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )

    def write(self, fd: int, data: memoryview | bytes) -> int:
        """Write some of the bytes and say how many."""
        return os.write(fd, data)

    def seal(self, fd: int, mode: int) -> None:
        """Give a finished file its final mode."""
        os.fchmod(fd, mode)

    def rename(self, source: str, target: str) -> None:
        """Replace `target` by `source` in one step."""
        os.rename(source, target)

    def unlink(self, path: str) -> None:
        """Take a name away."""
        os.unlink(path)

    def make_folder(self, path: str) -> None:
        """Make one private folder."""
        os.mkdir(path, 0o700)

    def sync_filesystem(self, folder: str) -> None:
        """Make everything written so far durable, with one `syncfs`; OSError on a write-back fault."""
        _on_folder(folder, _syncfs)

    def sync_folder(self, folder: str) -> None:
        """Make the names of a folder durable."""
        _on_folder(folder, os.fsync)


class Descriptor:
    """An open file that is closed at the end."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __enter__(self) -> int:
        return self._fd

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


class NewFile:
    """A file that gets bytes of this number and then its final mode; a fault removes it."""

    def __init__(
        self,
        ops: FileOps,
        path: str,
        size: int,
        executable: bool,
        create: Callable[[str], int] | None,
    ) -> None:
        self._ops, self._path, self._size, self._create = ops, path, size, create
        self._mode = 0o555 if executable else 0o444

    def __enter__(self) -> int:
        self._fd = (self._create or self._ops.create)(self._path)
        return self._fd

    def __exit__(self, kind: object, fault: BaseException | None, trace: object) -> None:
        try:
            if fault is None:
                if self._create is not None:
                    os.ftruncate(
                        self._fd, self._size
                    )  # afterwards: ext4 writes out what is emptied and then written
                self._ops.seal(self._fd, self._mode)
        except BaseException as late:
            fault = late
            raise
        finally:
            os.close(self._fd)
            if fault is not None:
                os.unlink(self._path)


def write_all(ops: FileOps, fd: int, data: memoryview | bytes) -> None:
    """Write every byte; OSError when the disk takes no more."""
    view = memoryview(data)
    while view:
        view = view[ops.write(fd, view) :]


def copy_hashed(ops: FileOps, source: int, target: int) -> tuple[str, int]:
    """Copy a file and hash the bytes that are copied, through one buffer; (hex SHA-256, size).

    Holes of a large file stay holes. Stopped when the build should end meanwhile.
    """
    found = os.fstat(source)
    expected, size = found.st_size, 0
    sha, buffer = sha256(more=expected), bytearray(min(_BUFFER, expected + 1))
    view = memoryview(buffer)
    for start, end in data_ranges(source, found):
        if start > size:
            add_zeros(sha, start - size)
            os.ftruncate(target, size)  # it may hold bytes of another file
            os.ftruncate(target, start)
            size = os.lseek(target, start, os.SEEK_SET)
        while size < end and (count := os.preadv(source, [view[: end - size]], size)):
            sha.update(view[:count])
            write_all(ops, target, view[:count])
            size += count
            if size > CANCEL_CHECK_BYTES:
                check_cancelled()
    return sha.hexdigest(), size


def read_open(fd: int, expected: int) -> bytes:
    """What is left of an open file; where it is as long as expected, by one call."""
    data = os.read(fd, min(expected, _MOST) + 1)
    return (
        data if len(data) == expected else b"".join((data, *iter(lambda: os.read(fd, _MOST), b"")))
    )


def _on_folder(folder: str, operation: Any) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        operation(fd)
    finally:
        os.close(fd)


_libc: Any = None


def _syncfs(fd: int) -> None:
    global _libc
    import ctypes

    if _libc is None:
        _libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(_libc, "syncfs"):
        os.sync()
    elif _libc.syncfs(fd):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), "syncfs")
