"""SHA-256 of bytes and files, by the implementation in CPython until OpenSSL is worth its start.

Replaces `hashlib`, which starts OpenSSL: 2.1 ms over a bare interpreter of 9.3 ms, as much as
hashing half a megabyte without it. OpenSSL is faster per byte, so it takes over after 256 KiB.
`_sha256` and `_sha2` are private to CPython, so `hashlib` is used where both are missing.
"""

from __future__ import annotations

import errno
import os

from . import TYPE_CHECKING
from .contextmanagers import check_cancelled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from hashlib import _Hash, sha256 as _new_hash
else:
    try:
        from _sha256 import sha256 as _new_hash
    except ImportError:
        try:
            from _sha2 import sha256 as _new_hash  # Python 3.12 and later
        except ImportError:
            import hashlib

            _new_hash = hashlib.sha256

_BUFFER = 1 << 18  # bytes that are read at a time
_SMALL = 1 << 15  # bytes of a file that is read by a single call
CANCEL_CHECK_BYTES = 1 << 22
"""Bytes that are hashed or copied between two checks for cancellation; smaller files are not
searched for holes.
"""
_TO_END = 1 << 63
_bytes_before_openssl = 1 << 18  # process-wide


def sha256(data: bytes | memoryview = b"", more: int = 0) -> _Hash:
    """A SHA-256 of bytes.

    `more` is the number of bytes that the caller will pass to its `update`.
    """
    global _new_hash, _bytes_before_openssl
    if _bytes_before_openssl > 0:
        _bytes_before_openssl -= len(data) + more
        if _bytes_before_openssl <= 0:
            import hashlib

            _new_hash = hashlib.sha256
    return _new_hash(data)


def hash_open_file(fd: int) -> tuple[str, int]:
    """(hex SHA-256, size in bytes) of an open file from its start.

    Raises Cancelled if the build is cancelled.
    """
    status = os.fstat(fd)
    expected, size = status.st_size, 0
    if expected < _SMALL and len(data := os.pread(fd, expected + 1, 0)) <= expected:
        return sha256(data).hexdigest(), len(data)
    digest, buffer = sha256(more=expected), bytearray(min(_BUFFER, expected + 1))
    view = memoryview(buffer)
    for start, end in data_ranges(fd, status):
        add_zeros(digest, start - size)
        size = start
        while size < end and (count := os.preadv(fd, [view[: end - size]], size)):
            digest.update(view[:count])
            size += count
            if size > CANCEL_CHECK_BYTES:
                check_cancelled()
    return digest.hexdigest(), size


def data_ranges(fd: int, status: os.stat_result) -> Iterator[tuple[int, int]]:
    """The ranges of a file that hold data, as (start, end) in bytes; the holes between them read as
    zeros.

    An empty range at the end of a sparse file gives its size. The end of a file without holes is
    beyond its size.
    """
    if status.st_size < CANCEL_CHECK_BYTES or 512 * status.st_blocks >= status.st_size:
        yield 0, _TO_END
        return
    offset = 0
    while True:
        try:
            start = os.lseek(fd, offset, os.SEEK_DATA)
            end = os.lseek(fd, start, os.SEEK_HOLE)
        except OSError as error:
            if error.errno == errno.ENXIO:  # no data after the offset
                end = max(offset, os.fstat(fd).st_size)
                yield end, end
            else:  # the file system cannot report holes
                yield offset, _TO_END
            return
        yield start, end
        offset = end


def add_zeros(digest: _Hash, count: int) -> None:
    """Add `count` zero bytes to a hash. Raises Cancelled if the build is cancelled."""
    if count > 0:
        zeros = memoryview(bytes(min(count, CANCEL_CHECK_BYTES)))
        while count > 0:
            digest.update(zeros[:count])
            count -= len(zeros)
            check_cancelled()
