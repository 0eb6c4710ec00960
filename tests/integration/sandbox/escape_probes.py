"""Try 21 ways to escape a sandbox from inside: `python probes.py FACTS`.

Prints a JSON list of those that worked. FACTS is a JSON file of what the host prepared. Some
attempts succeed silently; the host checks whether its own file, socket or segment was reached.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any


def main(facts: dict[str, Any]) -> None:
    """Try all ways, and print those that worked."""
    escaped = []
    for name, attempt in ATTEMPTS.items():
        try:
            if attempt(facts):
                escaped.append(name)
        except (OSError, ValueError):
            pass
    with open("out/escaped.json", "w", encoding="ascii") as file:
        json.dump(escaped, file)


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _write(path: str) -> bool:
    with open(path, "ab") as file:
        file.write(b"escaped")
    return False


def _change_input(facts: dict[str, Any]) -> bool:
    try:
        os.chmod("input", 0o644)
    except OSError:
        pass
    with open("input", "wb") as file:
        file.write(b"changed")
    return True


def _touch(change: Callable[[], None]) -> bool:
    change()
    return False


def _send(kind: int, family: int, address: Any) -> bool:
    with socket.socket(family, kind) as connection:
        connection.settimeout(1)
        connection.connect(address)
        connection.send(b"escaped")
        return connection.recv(8) == b"reached"


def _segment(facts: dict[str, Any]) -> bool:
    ctypes.CDLL(None).shmget(facts["segment"], 4096, 0o1600)
    return False


def _signal(facts: dict[str, Any]) -> bool:
    os.kill(facts["builder"], facts["signal"])
    return False


def _daemon(facts: dict[str, Any]) -> bool:
    code = "import os, time; os.setsid(); os.fork() and os._exit(0); time.sleep(60)"
    subprocess.run([sys.executable, "-I", "-S", "-c", code, facts["token"]], check=True)
    return False


ATTEMPTS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "01 read undeclared": lambda f: _read(f["hidden"]) == b"hidden",
    "02 read through a symlink in an input": lambda f: _read("link") == b"hidden",
    "03 stat undeclared": lambda f: os.stat(f["hidden"]).st_size == 6,
    "04 list undeclared": lambda f: "hidden" in os.listdir(os.path.dirname(f["hidden"])),
    "05 write outside": lambda f: _write(f["outside"]),
    "06 change an input": _change_input,
    "07 chmod an input": lambda f: _touch(lambda: os.chmod("input", 0o777)),
    "08 utime an input": lambda f: _touch(lambda: os.utime("input", (1, 1))),
    "09 TCP loopback": lambda f: _send(socket.SOCK_STREAM, socket.AF_INET, ("127.0.0.1", f["tcp"])),
    "10 UDP loopback": lambda f: _send(socket.SOCK_DGRAM, socket.AF_INET, ("127.0.0.1", f["udp"])),
    "11 unix socket": lambda f: _send(socket.SOCK_STREAM, socket.AF_UNIX, f["unix"]),
    "12 abstract socket": lambda f: _send(socket.SOCK_STREAM, socket.AF_UNIX, "\0" + f["abstract"]),
    "13 own environment": lambda f: f["canary"] in os.environ,
    "14 environment of a sibling": lambda f: (
        f["canary"].encode() in _read(f"/proc/{f['sibling']}/environ")
    ),
    "15 signal the builder": _signal,
    "16 host name": lambda f: os.uname().nodename == f["host"],
    "17 System V shared memory": _segment,
    "18 /dev/shm": lambda f: _write(f["shm"]),
    "19 host temp folder": lambda f: _read(f["temp"]) == b"hidden",
    "20 home folder": lambda f: _read(f["home"]) == b"hidden",
    "21 daemon": _daemon,
}

if __name__ == "__main__":
    with open(sys.argv[1], encoding="ascii") as file:
        main(json.load(file))
