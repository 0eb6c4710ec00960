"""The escapes out of 21 that are possible at each level are exactly those listed here."""

from __future__ import annotations

import ctypes
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from buildgraph.sandbox.forkserver.client import ForkServers
from buildgraph.sandbox.job import LEVELS, Job, Level
from buildgraph.sandbox.landlock import abi
from buildgraph.sandbox.sandbox import is_available, run
from tests.support.fault_counts import Tally
from tests.support.requirements import absent

PROBES = Path(__file__).parent / "escape_probes.py"
OPEN: dict[Level, set[str]] = {
    "namespaces": set(),
    "landlock": {"03", "16"},
    # copies of inputs, a clean environment and the supervisor protect at every level
    "none": {f"{number:02}" for number in range(1, 22)} - {"07", "08", "13", "21"},
}


@pytest.mark.parametrize("way", ["fresh", "forked"])
@pytest.mark.parametrize("level", LEVELS)
def test_ways_out(
    level: Level,
    way: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tally: Callable[[str, int], Tally],
) -> None:
    """No more and no fewer than listed, in a new interpreter and in a fork."""
    count = tally(f"ways out of {level} ({way})", 21)
    if level != "none" and not is_available(level):
        absent(f"the level {level} does not work here")
    if level == "landlock" and abi() < 6:
        absent("this kernel's Landlock does not scope signals")
    canary = "CANARY_" + os.urandom(8).hex()
    monkeypatch.setenv(canary, "secret")
    with prepared(tmp_path, canary) as (facts, judge):
        job = arrange(tmp_path, facts)
        with ForkServers(str(tmp_path), fewest=1) as servers:
            outcome = run(job, level, None, servers if way == "forked" else None)
            assert servers.served == (way == "forked"), servers.obstacles()
        assert outcome.code == 0, outcome.log.decode()
        escaped = {
            name[:2] for name in json.loads((tmp_path / "stage/out/escaped.json").read_text())
        }
        assert escaped | judge() == OPEN[level]
        count.survived(21 - len(OPEN[level]))


def arrange(folder: Path, facts: dict[str, Any]) -> Job:
    """Return the job that tries all escapes."""
    stage, temp = folder / "stage", folder / "temp"
    (stage / "out").mkdir(parents=True)
    temp.mkdir()
    (stage / "tools").mkdir()
    shutil.copy(PROBES, stage / "tools" / "probes.py")
    shutil.copy(folder / "original", stage / "input")
    os.chmod(stage / "input", 0o444)
    (stage / "link").symlink_to(facts["hidden"])
    (stage / "facts.json").write_text(json.dumps(facts))
    python = os.path.realpath(sys.executable)
    argv = (python, "-S", "-s", "-B", "tools/probes.py", "facts.json")
    return Job(
        argv,
        (),
        str(stage),
        str(stage / "out"),
        str(temp),
        (python, os.path.realpath(sys.base_prefix)),
        60,
    )


@contextmanager
def prepared(folder: Path, canary: str) -> Iterator[tuple[dict[str, Any], Any]]:
    """Prepare host resources that must be out of reach; yield facts and a check."""
    secret = folder / "secret"
    secret.mkdir()
    for path in (secret / "hidden", folder / "original"):
        path.write_bytes(b"hidden")
    token, number = os.urandom(8).hex(), int.from_bytes(os.urandom(3), "big") + 1
    with ExitStack() as stack:
        facts: dict[str, Any] = {
            "hidden": str(secret / "hidden"),
            "outside": str(secret / "outside"),
            "canary": canary,
            "token": token,
            "tcp": listen(stack, socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            "udp": listen(stack, socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            "unix": f"/tmp/{token}.socket",
            "abstract": token,
            "segment": number,
            "host": os.uname().nodename,
            "builder": stack.enter_context(process(canary)).pid,
            "signal": int(signal.SIGUSR1),
            "sibling": stack.enter_context(process(canary)).pid,
            "shm": f"/dev/shm/{token}",
            "temp": hidden_in(stack, tempfile.gettempdir()),
            "home": hidden_in(stack, os.path.expanduser("~")),
        }
        listen(stack, socket.AF_UNIX, socket.SOCK_STREAM, facts["unix"])
        stack.callback(Path(facts["unix"]).unlink)
        listen(stack, socket.AF_UNIX, socket.SOCK_STREAM, "\0" + token)
        stack.callback(Path(facts["shm"]).unlink, missing_ok=True)
        yield facts, lambda: judged(folder, facts)


def judged(folder: Path, facts: dict[str, Any]) -> set[str]:
    """Return the numbers of the escapes that changed something on the host."""
    original = (folder / "original").stat()
    escapes = {
        "05": os.path.exists(facts["outside"]),
        "07": original.st_mode & 0o777 == 0o777,
        "08": original.st_mtime == 1,
        "15": died(facts["builder"]),
        "17": removed_segment(facts["segment"]),
        "18": os.path.exists(facts["shm"]),
        "21": bool(processes_with(facts["token"])),
    }
    return {number for number, reached in escapes.items() if reached}


def listen(stack: ExitStack, family: int, kind: int, address: Any) -> int:
    """Answer every connection in a thread; return the port."""
    server = stack.enter_context(socket.socket(family, kind))
    server.bind(address)

    def answer() -> None:
        with suppress(OSError):
            if kind == socket.SOCK_STREAM:
                with server.accept()[0] as caller:
                    caller.recv(8)
                    caller.send(b"reached")
            else:
                data, sender = server.recvfrom(8)
                if data:
                    server.sendto(b"reached", sender)

    def end() -> None:
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        thread.join(5)

    if kind == socket.SOCK_STREAM:
        server.listen()
    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    stack.callback(end)
    return int(server.getsockname()[1]) if family == socket.AF_INET else 0


@contextmanager
def process(canary: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a process of the host that has a secret in its environment."""
    with subprocess.Popen(["/bin/sleep", "60"], env={canary: "secret"}) as victim:
        try:
            yield victim
        finally:
            victim.kill()


def died(pid: int) -> bool:
    """True when a child of this process is dead, or dies within a moment."""
    fd = os.pidfd_open(pid)
    try:
        return bool(select.select([fd], [], [], 0.3)[0])
    finally:
        os.close(fd)


def hidden_in(stack: ExitStack, folder: str) -> str:
    """Create a file of the host in a shared or private folder while the test runs."""
    file = stack.enter_context(tempfile.NamedTemporaryFile(dir=folder, prefix=".buildgraph-probe-"))
    file.write(b"hidden")
    file.flush()
    return file.name


def removed_segment(key: int) -> bool:
    """Remove a System V segment of the host; False when there was none."""
    libc = ctypes.CDLL(None)
    segment = libc.shmget(key, 0, 0)
    return bool(segment >= 0 and libc.shmctl(segment, 0, None) == 0)


def processes_with(token: str) -> list[int]:
    """Return the processes of the host whose command line contains a word."""
    pids = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if token.encode() in Path("/proc", name, "cmdline").read_bytes():
                pids.append(int(name))
        except OSError:
            continue
    return pids


def all_gone(token: str) -> list[int]:
    """Return the processes with a word that are alive after all had time to die."""
    deadline = time.monotonic() + 30
    while (left := processes_with(token)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left
