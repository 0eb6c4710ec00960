"""Operations by which a store changes a disk: one method each, so a test can stop before each."""

from __future__ import annotations

import os

from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import check_cancelled
from ..lite.sha256 import CANCEL_CHECK_BYTES, add_zeros, data_ranges, sha256

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_MAX_READ = 1 << 24  # bytes of one read
_BUFFER = 1 << 18  # bytes; a larger buffer leaves the CPU cache before it is hashed and written


class FileOps:
    """Operations on the real disk; a subclass may count them, fail, or end the process."""

    def create(self, path: str) -> int:
        """Create a private file and open it for writing; OSError when the path exists."""
        return os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )

    def write(self, fd: int, data: memoryview | bytes) -> int:
        """Write some of the bytes, and return their number."""
        return os.write(fd, data)

    def seal(self, fd: int, mode: int) -> None:
        """Set the final mode of a complete file."""
        os.fchmod(fd, mode)

    def rename(self, source: str, target: str) -> None:
        """Replace `target` by `source` atomically."""
        os.rename(source, target)

    def unlink(self, path: str) -> None:
        """Remove a file."""
        os.unlink(path)

    def make_folder(self, path: str) -> None:
        """Create one private folder."""
        os.mkdir(path, 0o700)

    def sync_filesystem(self, folder: str) -> None:
        """Make everything written so far durable, by `syncfs`; OSError if write-back fails."""
        _with_folder(folder, _syncfs)

    def sync_folder(self, folder: str) -> None:
        """Make the entries of a folder durable."""
        _with_folder(folder, os.fsync)


class Descriptor:
    """Context manager that closes an open file."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __enter__(self) -> int:
        return self._fd

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


class NewFile:
    """Context manager of a new file of `size` bytes, which gets its final mode at the end.

    An exception removes the file. `create`, where it is set, creates the file instead of `ops` and
    may return one with old bytes, which are overwritten and cut off.
    """

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

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if error is None:
                if self._create is not None:
                    # At the end, because ext4 flushes a file that is truncated and then written.
                    os.ftruncate(self._fd, self._size)
                self._ops.seal(self._fd, self._mode)
        except BaseException as late:
            error = late
            raise
        finally:
            os.close(self._fd)
            if error is not None:
                os.unlink(self._path)


def write_all(ops: FileOps, fd: int, data: memoryview | bytes) -> None:
    """Write every byte; OSError when the disk is full."""
    view = memoryview(data)
    while view:
        view = view[ops.write(fd, view) :]


def copy_hashed(ops: FileOps, source: int, target: int) -> tuple[str, int]:
    """Copy a file and hash the bytes that are copied; return (hex SHA-256, size).

    Holes of a sparse file stay holes. Raises Cancelled when the build is cancelled meanwhile.
    """
    info = os.fstat(source)
    expected, size = info.st_size, 0
    sha, buffer = sha256(more=expected), bytearray(min(_BUFFER, expected + 1))
    view = memoryview(buffer)
    for start, end in data_ranges(source, info):
        if start > size:
            add_zeros(sha, start - size)
            os.ftruncate(target, size)  # drops old bytes, which would fill the hole
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
    """Read the rest of an open file; a single system call suffices when `expected` is its size."""
    data = os.read(fd, min(expected, _MAX_READ) + 1)
    if len(data) == expected:
        return data
    return b"".join((data, *iter(lambda: os.read(fd, _MAX_READ), b"")))


def _with_folder(folder: str, operation: Any) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        operation(fd)
    finally:
        os.close(fd)


def _syncfs(fd: int) -> None:
    from ..lite.libc import check, libc

    if hasattr(libc, "syncfs"):
        check(libc.syncfs(fd), "syncfs")
    else:
        os.sync()
