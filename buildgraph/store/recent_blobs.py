"""The small blobs that this process made last: bytes that were hashed on their way in are not read and hashed again."""

from __future__ import annotations

from ..lite import TYPE_CHECKING
from ..lite.threads import allocate_lock
from ..types.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOM, SMALL_BLOB = 4 << 20, 1 << 16  # bytes in all, and of one


class RecentBlobs:
    """At most 4 MiB of bytes by digest; the oldest give way. Safe to use from several threads."""

    def __init__(self) -> None:
        self._data: dict[Digest, bytes] = {}
        self._size = 0
        self._lock = allocate_lock()

    def add(self, made: Mapping[Digest, bytes]) -> None:
        """Hold bytes that were just hashed."""
        with self._lock:
            for digest, data in made.items():
                self._size += digest.size if digest not in self._data else 0
                self._data[digest] = data
            while self._size > _ROOM:
                oldest = next(iter(self._data))
                del self._data[oldest]
                self._size -= oldest.size

    def get(self, digest: Digest) -> bytes | None:
        """The bytes of a blob, if they are still held."""
        return self._data.get(digest)

    def clear(self) -> None:
        """Let go of all."""
        with self._lock:
            self._data.clear()
            self._size = 0
