"""Unit tests are pure: a test below this folder that starts a process fails."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

_STARTS = {
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "subprocess.Popen",
}
_running: list[str] = []


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if _running and event in _STARTS and os.getpid() == _PID:
        raise RuntimeError(f"{_running[-1]} starts a process ({event}): move it to integration")


_PID = os.getpid()
sys.addaudithook(_refuse)


@pytest.fixture(autouse=True)
def pure(request: pytest.FixtureRequest) -> Iterator[None]:
    """Refuse to start processes while the test runs."""
    _running.append(request.node.nodeid)
    yield
    _running.pop()
