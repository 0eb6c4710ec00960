"""HTTP requests written byte by byte, and a parser of the answers."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import Any

LIMIT = 60.0
"""Seconds to wait for anything that a program does."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: status, headers with lower-case names, and body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Server:
    """A program that listens on a Unix socket."""

    path: str

    def connect(self) -> socket.socket:
        """Open a connection."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(LIMIT)
        connection.connect(self.path)
        return connection

    def raw(self, data: bytes) -> bytes:
        """Send bytes, end the request stream, and return everything that the server answers."""
        with self.connect() as link:
            link.sendall(data)
            link.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: link.recv(65536), b""))

    def ask(self, method: str, target: str, body: bytes | str = b"") -> Answer:
        """Send one request on a new connection and return its answer."""
        [answer] = answers(self.raw(request(method, target, body)))
        return answer

    def step(self, line: str) -> Any:
        """Post a step and return its answer, which must have status 200."""
        answer = self.ask("POST", "/step", line)
        assert answer.status == 200, answer
        return answer.json


def request(method: str, target: str, body: bytes | str = b"", *headers: str) -> bytes:
    """Encode a request as a client does."""
    content = body.encode() if isinstance(body, str) else body
    lines = [f"{method} {target} HTTP/1.1", "Host: agent", *headers]
    if content or method == "POST":
        lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join([*lines, "", ""]).encode() + content


def answers(data: bytes) -> list[Answer]:
    """Parse all answers of a stream; bytes that belong to no answer fail the test."""
    parsed = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("ascii").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        size = int(headers["content-length"])
        assert first.startswith("HTTP/1.1 ") and len(data) >= size, (head, data)
        parsed.append(Answer(int(first.split()[1]), headers, data[:size]))
        data = data[size:]
    return parsed
