"""A process that runs commands on the rungs without namespaces, one after the other, and leaves nothing of them alive.

It is a fork of the build, made before anything dear is loaded, so a command costs little more than its own start, while
`supervised.py` pays for an interpreter that stands beside each. It adopts whatever a command leaves behind and has killed
and reaped all of it before it says how the command ended. It ends when the build closes its pipe, and with the build.

    build -> launcher   4 bytes of length, then orders as in supervisor.py
    launcher -> build   b"<exit code> <CPU milliseconds> <peak KiB>\\n", when all of the command's processes are dead
"""

from __future__ import annotations

import os
import select

from ..lite import TYPE_CHECKING
from ..lite.signals import signal
from . import landlock, supervisor

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn

_DEFAULT = (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGTERM)
_GONE = (128 + 9, 0, 0)
_AGAIN_MS = 50


class Launcher:
    """A running launcher. Fork it only while this process has one thread; `close` ends it."""

    def __init__(self) -> None:
        orders, self._orders = os.pipe2(os.O_CLOEXEC)
        self.replies, replies = os.pipe2(os.O_CLOEXEC)
        self.log, log = os.pipe2(os.O_CLOEXEC)
        parent = os.getpid()
        self._pid = os.fork()
        if not self._pid:
            _child(parent, orders, replies, log)
        for fd in (orders, replies, log):
            os.close(fd)
        os.set_blocking(self.log, False)
        self.lost = False  # it was killed, and said nothing of the end of what it ran

    def start(self, words: Iterable[str]) -> None:
        """Run a command; its output comes through `log`, its end through `replies`."""
        data = b"\0".join(map(os.fsencode, words))
        view = memoryview(len(data).to_bytes(4, "big") + data)
        try:
            while view:
                view = view[os.write(self._orders, view) :]
        except BrokenPipeError:
            pass  # it is gone, and its end of `replies` tells

    def output(self) -> bytes:
        """What stands in the log now; empty when nothing does."""
        try:
            return os.read(self.log, 1 << 16)
        except BlockingIOError:
            return b""

    def ended(self) -> tuple[int, int, int]:
        """(exit code, CPU milliseconds, peak KiB) of the command, once `replies` can be read."""
        told = os.read(self.replies, 64).split()
        self.lost = len(told) != 3
        return _GONE if self.lost else (int(told[0]), int(told[1]), int(told[2]))

    def stop(self) -> None:
        """End the command that runs, and all that it started."""
        os.kill(self._pid, signal.SIGTERM)

    def end(self) -> None:
        """Stop the command that runs, again and again until it has ended."""
        poller = select.poll()
        poller.register(self.replies, select.POLLIN)
        self.stop()
        while not poller.poll(_AGAIN_MS):
            self.stop()

    def close(self) -> None:
        """End the launcher, which runs nothing now."""
        os.close(self._orders)
        os.waitpid(self._pid, 0)
        os.close(self.replies)
        os.close(self.log)


def _child(parent: int, orders: int, replies: int, log: int) -> NoReturn:
    try:
        _serve(parent, orders, replies, log)
    finally:
        os._exit(1)


def _serve(parent: int, orders: int, replies: int, log: int) -> None:
    os.setsid()
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    landlock.prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
    told = supervisor.StopFlag()
    landlock.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
    null = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):
        os.dup2(null, fd)
    _close_all_but(orders, replies, log)
    os.umask(0o022)
    while os.getppid() == parent and (data := _message(orders)):
        told.stop = False
        code, used, peak = _run(supervisor.parse_orders(data), log, told)
        os.write(replies, b"%d %d %d\n" % (code, used, peak))


def _close_all_but(*kept: int) -> None:
    """Locks and pipes of the build must not live on in this process."""
    last = 2
    for fd in (*sorted(kept), 1 << 16):
        os.closerange(last + 1, fd)
        last = fd


def _message(fd: int) -> bytes:
    size = int.from_bytes(_exactly(fd, 4), "big")
    return _exactly(fd, size)


def _exactly(fd: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = os.read(fd, size - len(data))
        if not more:
            return b""
        data += more
    return data


def _run(words: dict[str, list[str]], log: int, told: supervisor.StopFlag) -> tuple[int, int, int]:
    try:
        os.chdir(words["s"][0])
        child = _confined(words, log) if "l" in words else _plain(words, log)
    except OSError as fault:
        os.write(
            log, f"{supervisor.CANNOT_RUN_TEXT} {words['a'][0]}: {fault}\n".encode(errors="replace")
        )
        return supervisor.CANNOT_RUN, 0, 0
    if told.stop:
        os.kill(child, 9)
    return supervisor.wait(child)


def _plain(words: dict[str, list[str]], log: int) -> int:
    # posix_spawn does not copy this process, as a fork would.
    actions = [(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
    return os.posix_spawn(
        words["a"][0],
        words["a"],
        supervisor.parse_environment(words),
        file_actions=actions,
        setsid=True,
        setsigdef=_DEFAULT,
        setsigmask=(),
    )


def _confined(words: dict[str, list[str]], log: int) -> int:
    child = os.fork()
    if not child:
        try:
            os.dup2(log, 1)
            os.dup2(log, 2)
        finally:
            supervisor.execute(words)
    return child
