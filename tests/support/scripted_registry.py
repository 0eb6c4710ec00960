"""An HTTP server on loopback whose answers a test writes: hostile, overloaded, with tokens."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_TLS_HANDSHAKE = b"\x16"


@dataclass(frozen=True)
class Asked:
    """A request: method, path with query, headers in lower case, and body."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """A response. `length` replaces the length of the body in the headers; it is cut after `cut`
    bytes if that is not negative.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    cut: int = -1


@dataclass
class ScriptedServer:
    """A running server: its host, and the requests that it got."""

    host: str
    asked: list[Asked] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Method and path of each request."""
        return [f"{one.method} {one.path}" for one in self.asked]


class _Handler(BaseHTTPRequestHandler):
    """Answers each request of a connection by the script of its server."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        if self.connection.recv(1, socket.MSG_PEEK) == _TLS_HANDSHAKE:
            self.connection.shutdown(socket.SHUT_RDWR)

    def handle(self) -> None:
        try:
            super().handle()
        except (OSError, ValueError):
            self.close_connection = True

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, body)
        self.server.asked.append(asked)
        answer = self.server.script(asked)
        self.send_response(answer.status)
        length = len(answer.body) if answer.length is None else answer.length
        for name, value in {"Content-Length": str(length), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            end = len(answer.body) if answer.cut < 0 else answer.cut
            self.wfile.write(answer.body[:end])
        if answer.cut >= 0:
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = answer

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, script: Callable[[Asked], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.asked: list[Asked] = []

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@contextmanager
def scripted_server(script: Callable[[Asked], Answer]) -> Iterator[ScriptedServer]:
    """Serve the answers of a script until the end of the block. A client of TLS is cut off."""
    with _Server(script) as listener:
        threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield ScriptedServer(f"127.0.0.1:{listener.server_address[1]}", listener.asked)
        finally:
            listener.shutdown()
