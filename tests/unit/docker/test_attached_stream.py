"""Frames of an attached container, and the input that is sent to it."""

from __future__ import annotations

import os
import socket
import struct
import threading
from types import SimpleNamespace

from buildgraph.docker.attached_stream import AttachedStream, read_until


def frame(stream: int, data: bytes) -> bytes:
    """A frame of the Docker API."""
    return struct.pack(">BxxxL", stream, len(data)) + data


def test_frames_are_decoded_until_the_end() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(frame(1, b"one") + frame(2, b"") + frame(2, b"two") + b"\1torn")
    stream = AttachedStream(ours)
    assert list(stream.frames()) == [(1, b"one"), (2, b"two")]
    stream.close()


def test_decrypted_bytes_are_received_without_a_poll() -> None:
    ours, theirs = socket.socketpair()
    data = [frame(1, b"x")[:8], b"x", b""]
    tls = SimpleNamespace(
        settimeout=lambda seconds: None,
        fileno=ours.fileno,
        pending=lambda: 1,
        recv=lambda size: data.pop(0),
    )
    with ours, theirs:
        assert list(AttachedStream(SimpleNamespace(_sock=tls)).frames()) == [(1, b"x")]


def test_input_is_sent_and_its_end_is_signalled() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        AttachedStream(ours).send([b"one", b"two"])
        assert theirs.recv(10) == b"onetwo" and theirs.recv(10) == b""


def test_a_container_may_exit_without_reading() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours:
        AttachedStream(ours).send([b"one"] * 3)


def test_close_ends_both_directions() -> None:
    ours, theirs = socket.socketpair()
    stream = AttachedStream(ours)
    stream.close()
    with theirs:
        assert theirs.recv(1) == b"" and ours.fileno() == -1


def test_a_descriptor_is_read_until_its_end_or_until_done() -> None:
    read, write = os.pipe()
    done = threading.Event()
    os.write(write, b"line\n")
    pieces = read_until(read, done)
    assert next(pieces) == b"line\n"
    done.set()
    os.write(write, b"the next line stays")
    assert list(pieces) == [] and os.read(read, 100) == b"the next line stays"
    os.close(write)
    assert list(read_until(read, threading.Event())) == []
    os.close(read)
