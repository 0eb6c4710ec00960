"""The small blobs that this process made last: bytes that were hashed on their way in are not read and hashed again."""
from __future__ import annotations

from ..digest import Digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOM, SMALL = 4 << 20, 1 << 16   # bytes in all, and of one


class Recent:
    """At most 4 MiB of bytes by digest; the oldest give way."""

    def __init__(self) -> None:
        self._data: dict[Digest, bytes] = {}
        self._size = 0

    def add(self, made: Mapping[Digest, bytes]) -> None:
        """Hold bytes that were just hashed."""
        for digest, data in made.items():
            self._size += digest.size if digest not in self._data else 0
            self._data[digest] = data
        while self._size > _ROOM:
            self.discard(next(iter(self._data)))

    def get(self, digest: Digest) -> bytes | None:
        """The bytes of a blob, if they are still held."""
        return self._data.get(digest)

    def discard(self, digest: Digest) -> None:
        """Let go of a blob."""
        if self._data.pop(digest, None) is not None:
            self._size -= digest.size

    def clear(self) -> None:
        """Let go of all."""
        self._data.clear()
        self._size = 0
