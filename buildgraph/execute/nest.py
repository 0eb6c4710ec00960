"""Forks of a warm interpreter in namespaces of their own, without copying its pages twice for each action.

A small process makes the namespaces: for each action it clones the first process of them, which only waits and reaps.
The warm process, its child, enters that one's namespaces and forks the command into them; when the command has ended
it says how and kills the first process, and with that one the kernel kills all the others. Whoever waits for the
action waits for the first process.
"""
from __future__ import annotations

import _socket   # `socket` would bring more than all the rest of what is used here
import array
import ctypes
import os
import select
import signal
from collections.abc import Callable, Sequence
from typing import NoReturn

from . import landlock, mounts

_CLONE3, _CLONE_PIDFD = 435, 0x1000
_GIVEN = 3   # descriptors that come with an action: orders, log, status


def clone(flags: int) -> tuple[int, int]:
    """A fork into new namespaces: (pid, pidfd), or (0, -1) in the child.

    It knows nothing of what Python and libc do after a fork, so it must only wait, or fork the command properly.
    """
    life = ctypes.c_int(-1)
    arguments = (ctypes.c_uint64 * 8)(flags | _CLONE_PIDFD, ctypes.addressof(life), 0, 0, signal.SIGCHLD)
    pid = ctypes.pythonapi.syscall(_CLONE3, ctypes.byref(arguments), 64)   # it keeps the interpreter's lock
    if pid < 0:
        raise OSError("clone3 was refused")
    return int(pid), life.value


def receive(talk: _socket.socket, most: int) -> Sequence[int]:
    """The descriptors of the next message; none when the other end is gone."""
    try:
        _, carried, _, _ = talk.recvmsg(1, _socket.CMSG_SPACE(4 * most))
    except ConnectionError:
        return ()
    return array.array("i", carried[0][2] if carried else b"")


def send(talk: _socket.socket, fds: Sequence[int]) -> None:
    """One message with descriptors."""
    talk.sendmsg([b"."], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array.array("i", fds))])


def reap() -> None:
    """Children that have ended; who waits for one knows from its pidfd."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def split(warm: Callable[[_socket.socket], object]) -> _socket.socket:
    """Fork the process that becomes warm and runs `warm`, which must not return, with a socket to this one."""
    mine, other = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    if not os.fork():
        try:
            mine.close()
            landlock.prctl(1, signal.SIGKILL)   # PR_SET_PDEATHSIG
            warm(other)
        finally:
            os._exit(1)
    other.close()
    return mine


def make(talk: _socket.socket, warm: _socket.socket) -> None:
    """Make namespaces for each action that `talk` brings and hand them to the warm process, until either ends."""
    life = os.pidfd_open(os.getpid())
    poller = select.poll()
    poller.register(talk, select.POLLIN)
    poller.register(warm, select.POLLIN)
    while warm.fileno() not in dict(poller.poll()):
        fds = receive(talk, _GIVEN)
        reap()
        if len(fds) < _GIVEN:
            break
        try:
            pid, first = clone(mounts.OF_ACTION)
        except OSError as fault:
            talk.send(f"!{fault}".encode())
            first = -1
        else:
            if not pid:
                _wait_for_the_end(life)
            send(warm, (*fds, first))
            send(talk, (first,))
        for fd in (*fds, *((first,) if first >= 0 else ())):
            os.close(fd)
    warm.close()
    os.wait()   # for what they used to be counted


def _wait_for_the_end(server: int) -> NoReturn:
    """The first process of an action's namespaces: what the command leaves behind becomes its child, and is reaped."""
    try:
        landlock.prctl(1, signal.SIGKILL)
        if select.select([server], [], [], 0)[0]:
            os._exit(0)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        os.closerange(0, 1 << 16)
        while True:
            signal.pause()
    finally:
        os._exit(0)


def serve(talk: _socket.socket, command: Callable[[int, int, Callable[[], None]], object]) -> None:
    """In the warm process: fork `command`, which must not return, for each action.

    It gets orders, log, and what it must call to enter the action's namespaces.
    """
    server = os.pidfd_open(os.getpid())
    poller = select.poll()
    poller.register(talk, select.POLLIN)
    running: dict[int, tuple[int, int, int]] = {}   # its pidfd -> pid, status, pidfd of the first process
    while True:
        for fd, _ in poller.poll():
            if fd != talk.fileno():
                poller.unregister(fd)
                _told(fd, *running.pop(fd))
                continue
            fds = receive(talk, _GIVEN + 1)
            if len(fds) <= _GIVEN:
                return
            orders, log, status, first = fds
            try:
                mounts.join(first, mounts.NEWPID)
                pid = os.fork()
            except OSError as fault:
                _end(first, status, f"!{fault}")
            else:
                if not pid:
                    command(orders, log, lambda: _enter(first, server))
                life = os.pidfd_open(pid)
                running[life] = pid, status, first
                poller.register(life, select.POLLIN)
            os.close(orders)
            os.close(log)


def _enter(first: int, server: int) -> None:
    landlock.prctl(1, signal.SIGKILL)
    if select.select([server], [], [], 0)[0]:
        os._exit(1)
    os.setsid()
    mounts.join(first, mounts.OF_ACTION & ~mounts.NEWPID)


def _told(life: int, pid: int, status: int, first: int) -> None:
    """Say how a command ended and what it used."""
    _, state, used = os.wait4(pid, 0)
    os.close(life)
    code = os.waitstatus_to_exitcode(state)
    cpu = round((used.ru_utime + used.ru_stime) * 1000)
    _end(first, status, f"{code if code >= 0 else 128 - code} {cpu} {used.ru_maxrss}")


def _end(first: int, status: int, text: str) -> None:
    """Give the last word of an action, then end all that it left behind."""
    try:
        os.write(status, text.encode())
        signal.pidfd_send_signal(first, signal.SIGKILL)
    except OSError:   # nobody waits for it any more
        pass
    finally:
        os.close(status)
        os.close(first)
