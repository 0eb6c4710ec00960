"""SHA-256: a build that hashes little does without OpenSSL, whose start costs as much as hashing half a megabyte without it."""
from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hashlib import _Hash
    from hashlib import sha256 as _make
else:
    try:
        from _sha256 import sha256 as _make
    except ImportError:
        try:
            from _sha2 import sha256 as _make   # Python 3.12 and later
        except ImportError:
            import hashlib
            _make = hashlib.sha256

_BUFFER, _SMALL = 1 << 18, 1 << 15   # bytes of a piece, and of a file that is read by one call
_left = 1 << 18   # bytes to be hashed before OpenSSL is worth its start


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
    """(hex SHA-256, size) of an open file from its start."""
    expected, size = os.fstat(fd).st_size, 0
    if expected < _SMALL and len(data := os.pread(fd, expected + 1, 0)) <= expected:
        return sha256(data).hexdigest(), len(data)
    sha, buffer = sha256(more=expected), bytearray(min(_BUFFER, expected + 1))
    view = memoryview(buffer)
    while count := os.preadv(fd, [buffer], size):
        sha.update(view[:count])
        size += count
    return sha.hexdigest(), size
