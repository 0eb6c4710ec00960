"""Forks of a warm interpreter in namespaces of their own, copying few of its pages.

A server consists of three processes:

    first     waits, outside of the process namespace of the others. When it ends, so do they.
    factory   the first process of that namespace: the kernel kills all others with it. It forked
              the warm process when it was small, so few pages are copied when it creates the
              namespaces and mounts of an action.
    warm      child of the factory with the imported modules. It enters the namespaces of an action
              and forks the command into them.

The first process of an action's namespace is a thread of the factory's memory that only waits. When
the command has ended, the warm process reports its result and kills that first process, and the
kernel kills all other processes of the action with it. The build waits for that first process.
"""

from __future__ import annotations

import array
import ctypes
import os
import select

from ...lite import TYPE_CHECKING
from ...lite.libc import libc, prctl
from ...lite.signals import signal
from ...lite.sockets import socket as _socket
from .. import mounts, supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_CLONE3, _CLONE_PIDFD, _CLONE_VM, _CLONE_FILES = 435, 0x1000, 0x100, 0x400
_ACTION_FDS = 3  # descriptors sent with an action: orders, log, status
_STACK_BYTES = 4096  # for a call of `pause`


def fork_with_pidfd() -> tuple[int, int]:
    """Fork by `clone3`; return (pid, pidfd), or (0, -1) in the child.

    Python and libc do not run their handlers after this fork. The child may only wait, or call
    `os.fork` for the command.
    """
    pidfd = ctypes.c_int(-1)
    arguments = (ctypes.c_uint64 * 8)(_CLONE_PIDFD, ctypes.addressof(pidfd), 0, 0, signal.SIGCHLD)
    # `pythonapi` keeps the interpreter's lock during the call.
    pid = ctypes.pythonapi.syscall(_CLONE3, ctypes.byref(arguments), 64)
    if pid < 0:
        raise OSError("clone3 was refused")
    return int(pid), pidfd.value


def receive_descriptors(channel: _socket.socket, limit: int) -> Sequence[int]:
    """Receive the descriptors of the next message; none when the other end is closed."""
    try:
        _, ancillary, _, _ = channel.recvmsg(1, _socket.CMSG_SPACE(4 * limit))
    except ConnectionError:
        return ()
    return array.array("i", ancillary[0][2] if ancillary else b"")


def send_descriptors(channel: _socket.socket, fds: Sequence[int]) -> None:
    """Send one message with descriptors."""
    channel.sendmsg([b"."], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array.array("i", fds))])


def reap_children() -> list[int]:
    """Reap children that have ended, and return their pids; nothing waits for them here."""
    ended = []
    try:
        while pid := os.waitpid(-1, os.WNOHANG)[0]:
            ended.append(pid)
    except ChildProcessError:
        pass
    return ended


def enter_pid_namespace() -> None:
    """Continue in a child, the first process of a process namespace; this one only waits."""
    parent = os.pidfd_open(os.getpid())
    child = os.fork()
    if child:
        os.closerange(3, 1 << 16)  # so that clients see the end of the server
        os.waitpid(child, 0)
        os._exit(0)
    prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if select.select([parent], [], [], 0)[0]:
        os._exit(0)
    os.close(parent)


def fork_warm_process(warm: Callable[[_socket.socket], object]) -> tuple[int, _socket.socket]:
    """Fork a process that runs `warm`, which must not return; return its pid and a socket to it."""
    own, other = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    pid = os.fork()
    if not pid:
        try:
            own.close()
            warm(other)
        finally:
            os._exit(1)
    other.close()
    return pid, own


class NamespaceFactory:
    """Loop of the factory: create namespaces for each action, and send them to the warm process."""

    def __init__(self, channel: _socket.socket, pid: int, warm: _socket.socket) -> None:
        self._channel, self._pid, self._warm = channel, pid, warm
        self._home = os.pidfd_open(pid)  # the warm process stays in the original namespaces
        self._stacks: dict[int, object] = {}
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            # No handler may run in a process that shares this memory.
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)

    def serve(self) -> None:
        """Serve until the client or the warm process closes its end."""
        poller = select.poll()
        poller.register(self._channel, select.POLLIN)
        poller.register(self._warm, select.POLLIN)
        while self._warm.fileno() not in dict(poller.poll()):
            fds = receive_descriptors(self._channel, _ACTION_FDS)
            for pid in reap_children():
                self._stacks.pop(pid, None)
            if len(fds) < _ACTION_FDS:
                break
            self._create(fds)
        self._warm.close()
        try:
            os.waitpid(self._pid, 0)  # so that its CPU time is counted
        except ChildProcessError:  # it ended while SIGCHLD was ignored
            pass

    def _create(self, fds: Sequence[int]) -> None:
        """Create namespaces, and send them to the warm process and their pidfd to the client."""
        open_fds = [*fds]
        try:
            open_fds += self._namespaces(supervisor.read_orders(fds[0]))
        except OSError as error:
            self._channel.send(f"!{error}".encode())
        else:
            send_descriptors(self._warm, open_fds)
            send_descriptors(self._channel, open_fds[-1:])
        for fd in open_fds:
            os.close(fd)

    def _namespaces(self, orders: dict[str, list[str]]) -> tuple[int, int]:
        """Create namespaces with the mounts of an action.

        Returns descriptors of its scratch folder and of the first process.
        """
        mounts.unshare_action()
        try:
            scratch = mounts.mount_action_folders(orders["s"][0], orders["o"][0], orders["t"][0])
            try:
                return scratch, self._start_first()
            except OSError:
                os.close(scratch)
                raise
        finally:
            mounts.enter_namespaces(self._home, mounts.ACTION_NAMESPACES)

    def _start_first(self) -> int:
        """Start the first process of a process namespace, and return its pidfd.

        It shares memory and descriptors with this process and only waits, so nothing is copied. The
        kernel reaps the processes that lose their parent in the namespace.
        """
        pidfd, stack = ctypes.c_int(-1), ctypes.create_string_buffer(_STACK_BYTES)
        flags = mounts.NEWPID | _CLONE_VM | _CLONE_FILES | _CLONE_PIDFD | signal.SIGCHLD
        top = ctypes.c_void_p(ctypes.addressof(stack) + _STACK_BYTES & ~15)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # inherited by the new process
        try:
            pid = libc.clone(libc.pause, top, flags, None, ctypes.byref(pidfd))
        finally:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if pid < 0:
            raise OSError(ctypes.get_errno(), "clone was refused")
        self._stacks[pid] = stack
        return pidfd.value


def serve_actions(
    channel: _socket.socket, command: Callable[[int, int, Callable[[], int]], object]
) -> None:
    """Fork `command`, which must not return, for each action; this is the loop of the warm process.

    `command` gets descriptors of its orders and log, and a function that enters the namespaces of
    the action and returns a descriptor for `drop_privileges`.
    """
    poller = select.poll()
    poller.register(channel, select.POLLIN)
    # By pidfd of a command: its pid, status descriptor, and pidfd of the first process.
    running: dict[int, tuple[int, int, int]] = {}
    while True:
        for fd, _ in poller.poll():
            if fd != channel.fileno():
                poller.unregister(fd)
                _report_result(fd, *running.pop(fd))
                continue
            fds = receive_descriptors(channel, _ACTION_FDS + 2)
            if len(fds) < _ACTION_FDS + 2:
                return
            orders, log, status, scratch, first = fds
            try:
                mounts.enter_namespaces(first, mounts.NEWPID)
                pid = os.fork()
            except OSError as error:
                _end_action(first, status, f"!{error}")
            else:
                if not pid:
                    command(orders, log, lambda: _enter(first, scratch))
                pidfd = os.pidfd_open(pid)
                running[pidfd] = pid, status, first
                poller.register(pidfd, select.POLLIN)
            for fd in (orders, log, scratch):
                os.close(fd)


def _enter(first: int, scratch: int) -> int:
    os.setsid()
    mounts.enter_namespaces(first, mounts.ACTION_NAMESPACES)
    return mounts.detach_host(scratch)


def _report_result(pidfd: int, pid: int, status: int, first: int) -> None:
    """Reap a command, and write "<exit code> <CPU ms> <peak KiB>" to `status`."""
    _, state, used = os.wait4(pid, 0)
    os.close(pidfd)
    code = os.waitstatus_to_exitcode(state)
    cpu = round((used.ru_utime + used.ru_stime) * 1000)
    _end_action(first, status, f"{code if code >= 0 else 128 - code} {cpu} {used.ru_maxrss}")


def _end_action(first: int, status: int, text: str) -> None:
    """Write the result of an action, then kill all processes that it left."""
    try:
        os.write(status, text.encode())
        signal.pidfd_send_signal(first, signal.SIGKILL)
    except OSError:  # the build no longer waits for it
        pass
    finally:
        os.close(status)
        os.close(first)
