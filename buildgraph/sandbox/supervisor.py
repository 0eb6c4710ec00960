"""Supervisor: the process between a build and a command at the levels `landlock` and `none`.

`supervised.py` starts it for each command. It runs the command as a child, restricted by Landlock
and seccomp when ordered, adopts every process that the command leaves behind, and kills and reaps
all of them before it exits with the command's exit code (128 + signal when killed). SIGTERM, or the
death of the process that started it, ends everything at once.

Orders are NUL-separated strings, each with a letter for its kind. `job_encoding.py` writes them.

    letter   rest of the string    meaning
    p        PID                   parent: exit when this process does
    s        PATH                  working folder, for a process that starts elsewhere
    l                              use Landlock and seccomp
    n                              keep the network
    r        PATH                  grant reading and execution
    w        PATH                  grant reading, writing and deletion
    d        PATH                  grant the use of a device
    e        NAME=VALUE            environment variable
    a        STRING                argument, the program first
"""

from __future__ import annotations

import os

from ..lite import TYPE_CHECKING
from ..lite.libc import prctl
from ..lite.signals import signal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType
    from typing import NoReturn

CANNOT_CONFINE, CANNOT_RUN = 125, 127
CANNOT_RUN_TEXT = "buildgraph: cannot run"


def main(fd: int) -> int:
    """Carry out the orders in the file `fd`, and return the exit code of the command."""
    orders = read_orders(fd)
    os.close(fd)
    return supervise(lambda: execute(orders), int(orders["p"][0]))


def read_orders(fd: int) -> dict[str, list[str]]:
    """Read orders from an open file, by letter."""
    return parse_orders(os.pread(fd, os.fstat(fd).st_size, 0))


def parse_orders(data: bytes) -> dict[str, list[str]]:
    """Parse orders into lists by letter."""
    orders: dict[str, list[str]] = {}
    for order in os.fsdecode(data).split("\0"):
        orders.setdefault(order[:1], []).append(order[1:])
    return orders


def parse_environment(orders: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the environment variables of orders."""
    return dict(pair.split("=", 1) for pair in orders.get("e", ()))


def supervise(command: Callable[[], object], parent: int = 0) -> int:
    """Run `command`, which must not return, in a child; return its exit code.

    When this returns, all processes that the command started are dead. With `parent`, the command
    is not run when that process is no longer the parent of this one.
    """
    prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
    flag = StopFlag()
    prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
    if parent and os.getppid() != parent:
        return 128 + signal.SIGTERM
    child = os.fork()
    if not child:
        command()
    if flag.is_set:
        os.kill(child, signal.SIGKILL)
    return wait(child)[0]


class StopFlag:
    """Handler of SIGTERM that kills all children, so that waiting for the command ends."""

    def __init__(self) -> None:
        self.is_set = False
        signal.signal(signal.SIGTERM, self._handle)

    def _handle(self, *_: object) -> None:
        self.is_set = True
        for pid in _children():
            os.kill(pid, signal.SIGKILL)


def wait(child: int) -> tuple[int, int, int]:
    """Wait for a child, and kill what it leaves; return (exit code, CPU milliseconds, peak KiB).

    The code is 128 + signal when the child was killed. Time and memory are those of the child and
    of the processes that it waited for.
    """
    while True:
        pid, status, used = os.wait4(-1, 0)
        if pid == child:
            break
    _kill_all()
    code = os.waitstatus_to_exitcode(status)
    return (
        code if code >= 0 else 128 - code,
        round((used.ru_utime + used.ru_stime) * 1000),
        used.ru_maxrss,
    )


def execute(orders: Mapping[str, list[str]]) -> NoReturn:
    """Replace this child by the command of its orders, or print the error and exit."""
    code = CANNOT_CONFINE
    try:
        start_session(orders)
        code = CANNOT_RUN
        os.execve(orders["a"][0], orders["a"], parse_environment(orders))
    except BaseException as error:
        os.write(2, f"{CANNOT_RUN_TEXT} {orders['a'][0]}: {error}\n".encode(errors="replace"))
    finally:
        os._exit(code)


def start_session(orders: Mapping[str, Sequence[str]]) -> None:
    """Start a session that dies with its supervisor, and apply the restrictions of the orders."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.setsid()
    prctl(1, signal.SIGKILL)
    if "l" not in orders:
        return
    landlock, mounts, seccomp = load_confinement()
    network = "n" in orders
    grants = [(path, landlock.READ) for path in orders.get("r", ())]
    grants += [(path, landlock.CHANGE) for path in orders.get("w", ())]
    grants += [(path, landlock.USE_DEVICE) for path in orders.get("d", ())]
    if os.geteuid() == 0:
        mounts.drop_capabilities()
    landlock.restrict(grants, network)
    seccomp.restrict(network)


_confinement: tuple[ModuleType, ModuleType, ModuleType] | None = None


def load_confinement() -> tuple[ModuleType, ModuleType, ModuleType]:
    """Import the modules that restrict a command, once.

    A process that forks one for each command calls this before, so that no command imports them.
    """
    global _confinement
    if _confinement is None:
        from . import landlock, mounts, seccomp

        _confinement = landlock, mounts, seccomp
    return _confinement


def _kill_all() -> None:
    """Kill and reap every descendant; orphaned ones become children of this process."""
    try:
        while True:
            if not os.waitpid(-1, os.WNOHANG)[0]:
                for pid in _children():
                    os.kill(pid, signal.SIGKILL)
                os.waitpid(-1, 0)
    except ChildProcessError:
        return


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return _children_by_parent()


def _children_by_parent() -> list[int]:
    """Return the children of this process on a kernel without /proc/*/children."""
    children = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                parent = int(file.read().rpartition(b")")[2].split()[1])
        except OSError:
            continue
        if parent == os.getpid():
            children.append(int(name))
    return children
