"""Sockets work with and without `_socket`."""

from __future__ import annotations

import socket as public

import pytest

from buildgraph.lite import sockets
from tests.support.missing_modules import load_without


@pytest.mark.parametrize("module", [sockets, load_without(sockets, "_socket")])
def test_a_pair_of_sockets_is_connected(module: object) -> None:
    socket = getattr(module, "socket")
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    one.send(b"message")
    assert other.recv(100) == b"message"
    one.close()
    other.close()


def test_the_public_module_is_the_fall_back() -> None:
    assert sockets.socket is not public
    assert load_without(sockets, "_socket").socket is public
