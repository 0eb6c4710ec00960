"""What a command said: both ends of it, when it is long."""

from __future__ import annotations

_KEEP = 1 << 19


class OutputBuffer:
    """The first and last 512 KiB of what was written."""

    def __init__(self) -> None:
        self.head, self.tail, self.lost = bytearray(), bytearray(), 0

    def add(self, data: bytes) -> None:
        """Take what was read."""
        room = _KEEP - len(self.head)
        self.head += data[:room]
        self.tail += data[room:]
        if len(self.tail) > 2 * _KEEP:
            self._cut()

    def text(self) -> bytes:
        """All of it, or both ends and how much is left out between them."""
        self._cut()
        middle = b"\n... %d bytes left out ...\n" % self.lost if self.lost else b""
        return bytes(self.head) + middle + bytes(self.tail)

    def _cut(self) -> None:
        extra = max(0, len(self.tail) - _KEEP)
        del self.tail[:extra]
        self.lost += extra
