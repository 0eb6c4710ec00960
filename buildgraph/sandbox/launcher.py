"""Launcher: a process that runs commands one after the other, at the levels without namespaces.

It is forked from the build before the build imports its larger modules. A command then costs little
more than its own start, while `supervised.py` starts an interpreter for each command. The launcher
adopts every process that a command leaves behind, and kills and reaps all of them before it reports
the end of the command. It exits when the build closes its pipe, and when the build ends.

    build -> launcher   4 bytes: length of the orders (big endian), orders as in supervisor.py
    launcher -> build   b"<exit code> <CPU milliseconds> <peak KiB>\\n", once all processes are dead
"""

from __future__ import annotations

import os
import select

from ..lite import TYPE_CHECKING
from ..lite.libc import prctl
from ..lite.signals import signal
from . import supervisor

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn

_DEFAULT_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGTERM)
_KILLED = (128 + 9, 0, 0)  # result of a command whose launcher was killed
_REPEAT_MS = 50


class Launcher:
    """A running launcher. Fork it only while this process has one thread; `close` ends it.

    `confined` says that its commands are restricted.
    """

    def __init__(self, confined: bool) -> None:
        if confined:
            supervisor.load_confinement()
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
        self.lost = False  # True once it was killed, so that the end of its command is unknown

    def start(self, orders: Iterable[str]) -> None:
        """Run a command; its output arrives through `log`, its result through `replies`."""
        data = b"\0".join(map(os.fsencode, orders))
        view = memoryview(len(data).to_bytes(4, "big") + data)
        try:
            while view:
                view = view[os.write(self._orders, view) :]
        except BrokenPipeError:
            pass  # the launcher is dead, which `read_result` reports

    def read_output(self) -> bytes:
        """Return the output that is available now; empty when there is none."""
        try:
            return os.read(self.log, 1 << 16)
        except BlockingIOError:
            return b""

    def read_result(self) -> tuple[int, int, int]:
        """Return (exit code, CPU milliseconds, peak KiB) once `replies` is readable."""
        fields = os.read(self.replies, 64).split()
        self.lost = len(fields) != 3
        return _KILLED if self.lost else (int(fields[0]), int(fields[1]), int(fields[2]))

    def stop(self) -> None:
        """End the command that runs, and all that it started."""
        os.kill(self._pid, signal.SIGTERM)

    def end(self) -> None:
        """Stop the running command, repeatedly until it has ended."""
        poller = select.poll()
        poller.register(self.replies, select.POLLIN)
        self.stop()
        while not poller.poll(_REPEAT_MS):
            self.stop()

    def close(self) -> None:
        """End the launcher; no command may be running."""
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
    prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
    flag = supervisor.StopFlag()
    prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
    null = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):
        os.dup2(null, fd)
    _close_all_but(orders, replies, log)
    os.umask(0o022)
    while os.getppid() == parent and (data := _read_orders(orders)):
        flag.is_set = False
        code, used, peak = _run(supervisor.parse_orders(data), log, flag)
        os.write(replies, b"%d %d %d\n" % (code, used, peak))


def _close_all_but(*kept: int) -> None:
    """Close inherited descriptors: the build's locks and pipes must not stay open here."""
    last = 2
    for fd in (*sorted(kept), 1 << 16):
        os.closerange(last + 1, fd)
        last = fd


def _read_orders(fd: int) -> bytes:
    size = int.from_bytes(_read_exactly(fd, 4), "big")
    return _read_exactly(fd, size)


def _read_exactly(fd: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = os.read(fd, size - len(data))
        if not more:
            return b""
        data += more
    return data


def _run(orders: dict[str, list[str]], log: int, flag: supervisor.StopFlag) -> tuple[int, int, int]:
    try:
        os.chdir(orders["s"][0])
        child = _start_confined(orders, log) if "l" in orders else _start(orders, log)
    except OSError as error:
        message = f"{supervisor.CANNOT_RUN_TEXT} {orders['a'][0]}: {error}\n"
        os.write(log, message.encode(errors="replace"))
        return supervisor.CANNOT_RUN, 0, 0
    if flag.is_set:
        os.kill(child, 9)
    return supervisor.wait(child)


def _start(orders: dict[str, list[str]], log: int) -> int:
    # posix_spawn does not copy the pages of this process, as a fork would.
    actions = [(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
    return os.posix_spawn(
        orders["a"][0],
        orders["a"],
        supervisor.parse_environment(orders),
        file_actions=actions,
        setsid=True,
        setsigdef=_DEFAULT_SIGNALS,
        setsigmask=(),
    )


def _start_confined(orders: dict[str, list[str]], log: int) -> int:
    child = os.fork()
    if not child:
        try:
            os.dup2(log, 1)
            os.dup2(log, 2)
        finally:
            supervisor.execute(orders)
    return child
