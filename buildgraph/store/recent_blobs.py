"""Small blobs that this process hashed recently, so that they need not be read and hashed again."""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.threads import allocate_lock
from ..types.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Mapping

SMALL_BLOB = 1 << 16  # bytes of the largest blob that is kept
_MAX_BYTES = 4 << 20


class RecentBlobs:
    """At most 4 MiB of bytes by digest; the oldest are dropped first.

    Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._data: dict[Digest, bytes] = {}
        self._size = 0
        self._lock = allocate_lock()

    def add(self, blobs: Mapping[Digest, bytes]) -> None:
        """Keep bytes that were just hashed."""
        with self._lock:
            for digest, data in blobs.items():
                self._size += digest.size if digest not in self._data else 0
                self._data[digest] = data
            while self._size > _MAX_BYTES:
                oldest = next(iter(self._data))
                del self._data[oldest]
                self._size -= oldest.size

    def get(self, digest: Digest) -> bytes | None:
        """Return the bytes of a blob; None when they are not kept."""
        return self._data.get(digest)

    def clear(self) -> None:
        """Drop all bytes."""
        with self._lock:
            self._data.clear()
            self._size = 0
