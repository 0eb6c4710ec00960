"""SHA-256: a build that hashes little does without OpenSSL, whose start costs as much as hashing half a megabyte without it."""

from __future__ import annotations

import errno
import os

from . import TYPE_CHECKING
from .contextmanagers import check_cancelled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from hashlib import _Hash, sha256 as _make
else:
    try:
        from _sha256 import sha256 as _make
    except ImportError:
        try:
            from _sha2 import sha256 as _make  # Python 3.12 and later
        except ImportError:
            import hashlib

            _make = hashlib.sha256

_BUFFER, _SMALL = 1 << 18, 1 << 15  # bytes of a piece, and of a file that is read by one call
CANCEL_CHECK_BYTES = (
    1 << 22
)  # bytes of a file that are hashed or copied without looking for holes or for a wish to stop
_ENDLESS = 1 << 63
_left = 1 << 18  # bytes to be hashed before OpenSSL is worth its start


def sha256(data: bytes | memoryview = b"", more: int = 0) -> _Hash:
    """A SHA-256 of bytes, for `more` of which `update` will be called."""
    global _make, _left
    if _left > 0:
        _left -= len(data) + more
        if _left <= 0:
            import hashlib

            _make = hashlib.sha256
    return _make(data)


def hash_open(fd: int) -> tuple[str, int]:
    """(hex SHA-256, size) of an open file from its start; Stopped when the build should end meanwhile."""
    found = os.fstat(fd)
    expected, size = found.st_size, 0
    if expected < _SMALL and len(data := os.pread(fd, expected + 1, 0)) <= expected:
        return sha256(data).hexdigest(), len(data)
    sha, buffer = sha256(more=expected), bytearray(min(_BUFFER, expected + 1))
    view = memoryview(buffer)
    for start, end in runs(fd, found):
        add_zeros(sha, start - size)
        size = start
        while size < end and (count := os.preadv(fd, [view[: end - size]], size)):
            sha.update(view[:count])
            size += count
            if size > CANCEL_CHECK_BYTES:
                check_cancelled()
    return sha.hexdigest(), size


def runs(fd: int, found: os.stat_result) -> Iterator[tuple[int, int]]:
    """Where a file holds data, as (start, end), and an empty run at its end; the holes between are zeros."""
    if found.st_size < CANCEL_CHECK_BYTES or 512 * found.st_blocks >= found.st_size:
        yield 0, _ENDLESS
        return
    at = 0
    while True:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
            end = os.lseek(fd, start, os.SEEK_HOLE)
        except OSError as fault:
            if fault.errno == errno.ENXIO:  # no more data
                end = max(at, os.fstat(fd).st_size)
                yield end, end
            else:  # a disk that knows no holes
                yield at, _ENDLESS
            return
        yield start, end
        at = end


def add_zeros(sha: _Hash, count: int) -> None:
    """Add so many zeros; Stopped when the build should end meanwhile."""
    if count > 0:
        zeros = memoryview(bytes(min(count, CANCEL_CHECK_BYTES)))
        while count > 0:
            sha.update(zeros[:count])
            count -= len(zeros)
            check_cancelled()
