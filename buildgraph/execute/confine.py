"""The program that stands between a build and a command without namespaces; started by `local.py` for each command.

It runs the command as a child, restricted by Landlock and seccomp when told so, adopts whatever the command leaves
behind, and has killed and reaped all of it before it ends with the command's exit code (128 + signal when killed).
SIGTERM, or the death of who started it, ends everything at once. Its orders are NUL-separated words:

    pPID  parent              l      use Landlock and seccomp    n      keep the network
    eNAME=VALUE  environment  aWORD  argument
    rPATH grant reading       wPATH  grant changing              dPATH  grant a device
"""
from __future__ import annotations

import os
import signal

from . import landlock

CANNOT_CONFINE, CANNOT_RUN = 125, 127


def main(fd: int) -> int:
    """Run the orders that stand in a file descriptor."""
    words: dict[str, list[str]] = {}
    with open(fd, "rb") as file:
        for word in os.fsdecode(file.read()).split("\0"):
            words.setdefault(word[:1], []).append(word[1:])
    landlock.prctl(36, 1)                  # PR_SET_CHILD_SUBREAPER
    told = _Told()
    landlock.prctl(1, signal.SIGTERM)      # PR_SET_PDEATHSIG
    if os.getppid() != int(words["p"][0]):
        return 128 + signal.SIGTERM
    child = os.fork()
    if not child:
        _run(words)
    if told.stop:
        os.kill(child, signal.SIGKILL)
    code = _wait(child)
    _end_all()
    return code


class _Told:
    """SIGTERM kills the children; the wait for the command then ends, and all others are killed as always."""

    def __init__(self) -> None:
        self.stop = False
        signal.signal(signal.SIGTERM, self._handle)

    def _handle(self, *_: object) -> None:
        self.stop = True
        for pid in _children():
            os.kill(pid, signal.SIGKILL)


def _wait(child: int) -> int:
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _run(words: dict[str, list[str]]) -> None:
    code = CANNOT_CONFINE
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setsid()
        _restrict(words)
        code = CANNOT_RUN
        env = dict(pair.split("=", 1) for pair in words.get("e", ()))
        os.execve(words["a"][0], words["a"], env)
    except BaseException as fault:
        os.write(2, f"buildgraph: cannot run {words['a'][0]}: {fault}\n".encode(errors="replace"))
    finally:
        os._exit(code)


def _restrict(words: dict[str, list[str]]) -> None:
    landlock.prctl(1, signal.SIGKILL)
    if "l" not in words:
        return
    from . import seccomp
    network = "n" in words
    grants = [(path, landlock.READ) for path in words.get("r", ())]
    grants += [(path, landlock.CHANGE) for path in words.get("w", ())]
    grants += [(path, landlock.USE_DEVICE) for path in words.get("d", ())]
    _drop_capabilities()
    landlock.restrict(grants, network)
    seccomp.restrict(network)


def _drop_capabilities() -> None:
    """For root: without the bounding set, no program started from here has any capability."""
    import ctypes
    if os.geteuid() != 0:
        return
    for capability in range(64):
        try:
            landlock.prctl(24, capability)   # PR_CAPBSET_DROP
        except OSError:
            break
    head, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    landlock.libc.capset(ctypes.byref(head), ctypes.byref(none))


def _end_all() -> None:
    """Kill and reap every descendant: those whose parent dies become children of this process."""
    while True:
        for pid in _children():
            os.kill(pid, signal.SIGKILL)
        try:
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
