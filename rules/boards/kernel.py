"""Kernel that the agent's program needs: the first one with all its system calls."""

from __future__ import annotations

import re
from collections.abc import Mapping

SINCE: Mapping[str, str] = {
    "ACCEPT4": "2.6.28",
    "BIND": "2.6",
    "CLOCK": "2.6",
    "CLOSE": "2.6",
    "CONNECT": "2.6",
    "EXIT": "2.6",
    "FLOCK": "2.6",
    "FSYNC": "2.6",
    "GETSOCKNAME": "2.6",
    "LISTEN": "2.6",
    "OPENAT": "2.6.16",
    "PPOLL": "2.6.16",
    "READ": "2.6",
    "RENAMEAT2": "3.15",
    "SETSOCKOPT": "2.6",
    "SHUTDOWN": "2.6",
    "SIGACTION": "2.6",
    "SOCKET": "2.6",
    "STATFS": "2.6",
    "UNLINKAT": "2.6.16",
    "WRITE": "2.6",
}
"""System call (as native/syscalls.h names it) -> first kernel that has it (source: syscalls)."""
VERSION = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4}){1,2}")


def version(text: str) -> tuple[int, ...]:
    """Return the numbers of a version."""
    return tuple(map(int, text.split(".")))


NEEDED, FIRST = max((version(since), name) for name, since in SINCE.items())[::-1]
"""The newest system call, and the numbers of its first kernel."""
