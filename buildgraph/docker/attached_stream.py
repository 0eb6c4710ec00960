"""The streams of an attached container: stdin one way, multiplexed stdout and stderr the other."""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

_PIECE = 1 << 20
_POLL_MS = 100


class AttachedStream:
    """A stream of the Docker API. Close it.

    `wrapper` is the SDK's object around the socket. The SDK closes the socket when the wrapper is
    collected, so it is kept. Only the socket itself can close one direction.
    """

    def __init__(self, wrapper: Any) -> None:
        self._wrapper = wrapper
        self._socket: socket.socket = getattr(wrapper, "_sock", wrapper)
        self._socket.settimeout(None)

    def send(self, source: Iterable[bytes]) -> None:
        """Send stdin and close it; return early if the container exits without reading it."""
        with suppress(OSError):
            for piece in source:
                self._socket.sendall(piece)
            self._socket.shutdown(socket.SHUT_WR)

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """Yield (1 for stdout or 2 for stderr, bytes) until the container closes them.

        A frame is 8 bytes (stream number, three zeros, big-endian size) and then `size` bytes.
        """
        while len(head := self._receive_exactly(8)) == 8:
            stream, size = struct.unpack(">BxxxL", head)
            while size and (data := self._receive(min(size, _PIECE))):
                size -= len(data)
                yield stream, data

    def close(self) -> None:
        """Close both directions.

        The SDK's connection pool has the same socket, and a daemon that is blocked on it cannot even
        kill the container: so it is shut down and not only closed.
        """
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._wrapper.close()

    def _receive_exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size and (piece := self._receive(size - len(data))):
            data += piece
        return data

    def _receive(self, size: int) -> bytes:
        """Receive up to `size` bytes; b'' at the end.

        It wakes up every 0.1 s: a signal that arrives just before a long wait is handled during the
        wait and not after it.
        """
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        # Bytes that TLS has decrypted already do not wake a poll.
        decrypted = getattr(self._socket, "pending", lambda: 0)
        while not decrypted() and not poller.poll(_POLL_MS):
            pass
        return self._socket.recv(size)


def read_until(descriptor: int, done: threading.Event) -> Iterator[bytes]:
    """Yield what arrives at a descriptor until its end or `done`.

    It polls, because a thread blocked in `read` would take the next line from another reader.
    """
    while not done.is_set():
        ready, _, _ = select.select([descriptor], [], [], _POLL_MS / 1000)
        if ready and not done.is_set():
            piece = os.read(descriptor, 1 << 16)
            if not piece:
                return
            yield piece
