"""The program that stands between a build and a command without namespaces; started by `supervised.py` for each command.

It runs the command as a child, restricted by Landlock and seccomp when told so, adopts whatever the command leaves
behind, and has killed and reaped all of it before it ends with the command's exit code (128 + signal when killed).
SIGTERM, or the death of who started it, ends everything at once. Its orders are NUL-separated words:

    pPID  parent              l      use Landlock and seccomp    n      keep the network
    eNAME=VALUE  environment  aWORD  argument
    rPATH grant reading       wPATH  grant changing              dPATH  grant a device
    sPATH working folder, for who does not start in it
"""

from __future__ import annotations

import os

from ..lite.signals import signal
from . import landlock, mounts, seccomp

TYPE_CHECKING = False  # `typing` and `collections.abc` would be loaded for every command
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn

CANNOT_CONFINE, CANNOT_RUN = 125, 127
CANNOT_RUN_TEXT = "buildgraph: cannot run"


def main(fd: int) -> int:
    """Run the orders that stand in a file descriptor."""
    words = read_orders(fd)
    os.close(fd)
    return supervise(lambda: execute(words), int(words["p"][0]))


def read_orders(fd: int) -> dict[str, list[str]]:
    """Orders as words by their first letter; the file stays open."""
    return parse_orders(os.pread(fd, os.fstat(fd).st_size, 0))


def parse_orders(data: bytes) -> dict[str, list[str]]:
    """Orders as words by their first letter."""
    words: dict[str, list[str]] = {}
    for word in os.fsdecode(data).split("\0"):
        words.setdefault(word[:1], []).append(word[1:])
    return words


def parse_environment(words: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The environment that orders give."""
    return dict(pair.split("=", 1) for pair in words.get("e", ()))


def supervise(command: Callable[[], object], parent: int = 0) -> int:
    """Run `command`, which must not return, in a child; its exit code once all that it left behind is dead.

    With `parent`, that process must still be the one that started this.
    """
    landlock.prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
    told = StopFlag()
    landlock.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
    if parent and os.getppid() != parent:
        return 128 + signal.SIGTERM
    child = os.fork()
    if not child:
        command()
    if told.stop:
        os.kill(child, signal.SIGKILL)
    return wait(child)[0]


class StopFlag:
    """SIGTERM kills the children; the wait for the command then ends, and all others are killed as always."""

    def __init__(self) -> None:
        self.stop = False
        signal.signal(signal.SIGTERM, self._handle)

    def _handle(self, *_: object) -> None:
        self.stop = True
        for pid in _children():
            os.kill(pid, signal.SIGKILL)


def wait(child: int) -> tuple[int, int, int]:
    """Reap whatever ends until a child does, then end all that it left: (exit code, CPU milliseconds, peak KiB).

    The code is 128 + signal when it was killed; time and memory are those of the child and of what it waited for.
    """
    while True:
        pid, status, used = os.wait4(-1, 0)
        if pid == child:
            break
    _end_all()
    code = os.waitstatus_to_exitcode(status)
    return (
        code if code >= 0 else 128 - code,
        round((used.ru_utime + used.ru_stime) * 1000),
        used.ru_maxrss,
    )


def execute(words: Mapping[str, list[str]]) -> NoReturn:
    """In the child: become the command, restricted as its orders say, or say why not."""
    code = CANNOT_CONFINE
    try:
        start_session(words)
        code = CANNOT_RUN
        os.execve(words["a"][0], words["a"], parse_environment(words))
    except BaseException as fault:
        os.write(2, f"{CANNOT_RUN_TEXT} {words['a'][0]}: {fault}\n".encode(errors="replace"))
    finally:
        os._exit(code)


def start_session(words: Mapping[str, Sequence[str]]) -> None:
    """In the child: a session of its own that dies with its supervisor, restricted as its orders say."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.setsid()
    landlock.prctl(1, signal.SIGKILL)
    if "l" not in words:
        return
    network = "n" in words
    grants = [(path, landlock.READ) for path in words.get("r", ())]
    grants += [(path, landlock.CHANGE) for path in words.get("w", ())]
    grants += [(path, landlock.USE_DEVICE) for path in words.get("d", ())]
    if os.geteuid() == 0:
        mounts.drop_capabilities()
    landlock.restrict(grants, network)
    seccomp.restrict(network)


def _end_all() -> None:
    """Kill and reap every descendant: those whose parent dies become children of this process."""
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
    """For kernels without /proc/*/children."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                parent = int(file.read().rpartition(b")")[2].split()[1])
        except OSError:
            continue
        if parent == os.getpid():
            found.append(int(name))
    return found
