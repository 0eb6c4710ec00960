"""Requests over HTTP written byte by byte, and the answers taken apart."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import Any

LIMIT = 60.0
"""Seconds to wait for anything that a program does."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers in small letters, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Server:
    """A program that listens on a Unix socket."""

    path: str

    def connect(self) -> socket.socket:
        """A new connection."""
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(LIMIT)
        made.connect(self.path)
        return made

    def raw(self, data: bytes) -> bytes:
        """All that comes back on a connection that says no more."""
        with self.connect() as link:
            link.sendall(data)
            link.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: link.recv(65536), b""))

    def ask(self, method: str, target: str, body: bytes | str = b"") -> Answer:
        """One request on its own connection."""
        [answer] = answers(self.raw(request(method, target, body)))
        return answer

    def step(self, line: str) -> Any:
        """The answer to a step that is carried out."""
        answer = self.ask("POST", "/step", line)
        assert answer.status == 200, answer
        return answer.json


def request(method: str, target: str, body: bytes | str = b"", *headers: str) -> bytes:
    """A request as a client writes it."""
    content = body.encode() if isinstance(body, str) else body
    lines = [f"{method} {target} HTTP/1.1", "Host: agent", *headers]
    if content or method == "POST":
        lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join([*lines, "", ""]).encode() + content


def answers(data: bytes) -> list[Answer]:
    """Every answer in a stream; bytes that belong to none are a fault."""
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("ascii").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        size = int(headers["content-length"])
        assert first.startswith("HTTP/1.1 ") and len(data) >= size, (head, data)
        found.append(Answer(int(first.split()[1]), headers, data[:size]))
        data = data[size:]
    return found
