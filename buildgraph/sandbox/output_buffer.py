"""Buffer for the output of a command: the beginning and the end of a long one."""

from __future__ import annotations

_KEEP = 1 << 19  # bytes of each end


class OutputBuffer:
    """The first and last 512 KiB of the bytes that were added."""

    def __init__(self) -> None:
        self.head, self.tail, self.lost = bytearray(), bytearray(), 0

    def add(self, data: bytes) -> None:
        """Append bytes."""
        room = _KEEP - len(self.head)
        self.head += data[:room]
        self.tail += data[room:]
        if len(self.tail) > 2 * _KEEP:
            self._drop_middle()

    def text(self) -> bytes:
        """Return all bytes, or both ends with the number of bytes left out between them."""
        self._drop_middle()
        middle = b"\n... %d bytes left out ...\n" % self.lost if self.lost else b""
        return bytes(self.head) + middle + bytes(self.tail)

    def _drop_middle(self) -> None:
        extra = max(0, len(self.tail) - _KEEP)
        del self.tail[:extra]
        self.lost += extra
