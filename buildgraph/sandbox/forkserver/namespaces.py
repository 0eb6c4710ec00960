"""Forks of a warm interpreter in namespaces of their own, without copying its pages twice for each action.

Three processes make a server. The first only waits, so that all others can be in a namespace of processes: with *its* first
process, the maker, the kernel ends all that is in there, however it ends. The maker has forked once, when it was small:
what it writes to is its own, so all that can be done before the fork is done there, namespaces and mounts. It starts the
first process of an action's namespaces as a thread of its memory that only waits. The warm process, its child, enters
them and forks the command into them; when the command has ended it says how and kills the first process, and with that
one the kernel kills all the others. Whoever waits for the action waits for the first process.
"""

from __future__ import annotations

import array
import ctypes
import os
import select

from ...lite import TYPE_CHECKING
from ...lite.signals import signal
from ...lite.sockets import socket as _socket
from .. import landlock, mounts, supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_CLONE3, _CLONE_PIDFD, _CLONE_VM, _CLONE_FILES = 435, 0x1000, 0x100, 0x400
_GIVEN = 3  # descriptors that come with an action: orders, log, status
_STACK = 4096  # bytes, for a call of `pause`


def fork_with_pidfd() -> tuple[int, int]:
    """A fork: (pid, pidfd), or (0, -1) in the child.

    It knows nothing of what Python and libc do after a fork, so it must only wait, or fork the command properly.
    """
    life = ctypes.c_int(-1)
    arguments = (ctypes.c_uint64 * 8)(_CLONE_PIDFD, ctypes.addressof(life), 0, 0, signal.SIGCHLD)
    pid = ctypes.pythonapi.syscall(
        _CLONE3, ctypes.byref(arguments), 64
    )  # it keeps the interpreter's lock
    if pid < 0:
        raise OSError("clone3 was refused")
    return int(pid), life.value


def receive_descriptors(talk: _socket.socket, most: int) -> Sequence[int]:
    """The descriptors of the next message; none when the other end is gone."""
    try:
        _, carried, _, _ = talk.recvmsg(1, _socket.CMSG_SPACE(4 * most))
    except ConnectionError:
        return ()
    return array.array("i", carried[0][2] if carried else b"")


def send_descriptors(talk: _socket.socket, fds: Sequence[int]) -> None:
    """One message with descriptors."""
    talk.sendmsg([b"."], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array.array("i", fds))])


def reap_children() -> list[int]:
    """Children that have ended; who waits for one knows from its pidfd."""
    ended = []
    try:
        while pid := os.waitpid(-1, os.WNOHANG)[0]:
            ended.append(pid)
    except ChildProcessError:
        pass
    return ended


def enter_pid_namespace() -> None:
    """Go on in a child, the first process of a namespace of processes; this process waits for its end."""
    life = os.pidfd_open(os.getpid())
    child = os.fork()
    if child:
        os.closerange(3, 1 << 16)  # that the server ended must be seen by who talks to it
        os.waitpid(child, 0)
        os._exit(0)
    landlock.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if select.select([life], [], [], 0)[0]:
        os._exit(0)
    os.close(life)


def fork_warm_process(warm: Callable[[_socket.socket], object]) -> tuple[int, _socket.socket]:
    """Fork the process that becomes warm and runs `warm`, which must not return: its pid, and a socket to it."""
    mine, other = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    pid = os.fork()
    if not pid:
        try:
            mine.close()
            warm(other)
        finally:
            os._exit(1)
    other.close()
    return pid, mine


class NamespaceFactory:
    """Makes namespaces for each action that `talk` brings and hands them to the warm process."""

    def __init__(self, talk: _socket.socket, pid: int, warm: _socket.socket) -> None:
        self._talk, self._pid, self._warm = talk, pid, warm
        self._home = os.pidfd_open(pid)  # it stays in the namespaces that both began in
        self._stacks: dict[int, object] = {}
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(
                    number, signal.SIG_DFL
                )  # no handler may run in what shares this memory

    def serve(self) -> None:
        """Until either end is gone."""
        poller = select.poll()
        poller.register(self._talk, select.POLLIN)
        poller.register(self._warm, select.POLLIN)
        while self._warm.fileno() not in dict(poller.poll()):
            fds = receive_descriptors(self._talk, _GIVEN)
            for pid in reap_children():
                self._stacks.pop(pid, None)
            if len(fds) < _GIVEN:
                break
            self._make(fds)
        self._warm.close()
        try:
            os.waitpid(self._pid, 0)  # for what it used to be counted
        except ChildProcessError:  # it died while such were ignored
            pass

    def _make(self, fds: Sequence[int]) -> None:
        held = [*fds]
        try:
            held += self._namespaces(supervisor.read_orders(fds[0]))
        except OSError as fault:
            self._talk.send(f"!{fault}".encode())
        else:
            send_descriptors(self._warm, held)
            send_descriptors(self._talk, held[-1:])
        for fd in held:
            os.close(fd)

    def _namespaces(self, words: dict[str, list[str]]) -> tuple[int, int]:
        """New namespaces with the mounts of an action: its scratch folder, and the pidfd of their first process."""
        mounts.unshare_action()
        try:
            scratch = mounts.mount_action_folders(words["s"][0], words["o"][0], words["t"][0])
            try:
                return scratch, self._first()
            except OSError:
                os.close(scratch)
                raise
        finally:
            mounts.enter_namespaces(self._home, mounts.ACTION_NAMESPACES)

    def _first(self) -> int:
        """Start the first process of a namespace of processes; what loses its parent in there is reaped by the kernel.

        It shares memory and descriptors with this process and only waits, so nothing is copied for it.
        """
        life, stack = ctypes.c_int(-1), ctypes.create_string_buffer(_STACK)
        flags = mounts.NEWPID | _CLONE_VM | _CLONE_FILES | _CLONE_PIDFD | signal.SIGCHLD
        top = ctypes.c_void_p(ctypes.addressof(stack) + _STACK & ~15)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # as it will be there
        try:
            pid = landlock.libc.clone(landlock.libc.pause, top, flags, None, ctypes.byref(life))
        finally:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if pid < 0:
            raise OSError(ctypes.get_errno(), "clone was refused")
        self._stacks[pid] = stack
        return life.value


def serve_actions(
    talk: _socket.socket, command: Callable[[int, int, Callable[[], int]], object]
) -> None:
    """In the warm process: fork `command`, which must not return, for each action.

    It gets orders, log, and what it must call to enter the action's namespaces, which gives a descriptor for `give_up`.
    """
    poller = select.poll()
    poller.register(talk, select.POLLIN)
    running: dict[
        int, tuple[int, int, int]
    ] = {}  # its pidfd -> pid, status, pidfd of the first process
    while True:
        for fd, _ in poller.poll():
            if fd != talk.fileno():
                poller.unregister(fd)
                _told(fd, *running.pop(fd))
                continue
            fds = receive_descriptors(talk, _GIVEN + 2)
            if len(fds) < _GIVEN + 2:
                return
            orders, log, status, scratch, first = fds
            try:
                mounts.enter_namespaces(first, mounts.NEWPID)
                pid = os.fork()
            except OSError as fault:
                _end(first, status, f"!{fault}")
            else:
                if not pid:
                    command(orders, log, lambda: _enter(first, scratch))
                life = os.pidfd_open(pid)
                running[life] = pid, status, first
                poller.register(life, select.POLLIN)
            for fd in (orders, log, scratch):
                os.close(fd)


def _enter(first: int, scratch: int) -> int:
    os.setsid()
    mounts.enter_namespaces(first, mounts.ACTION_NAMESPACES)
    return mounts.detach_host(scratch)


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
    except OSError:  # nobody waits for it any more
        pass
    finally:
        os.close(status)
        os.close(first)
