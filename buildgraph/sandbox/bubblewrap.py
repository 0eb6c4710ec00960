"""The strongest rung: bubblewrap. A command sees the host's /usr, what it names as visible, and its own folders."""

from __future__ import annotations

import os
import select
import shutil
import signal
from contextlib import ExitStack, closing, suppress
from dataclasses import replace

from ..lite import TYPE_CHECKING
from ..types.errors import BuildError
from . import usage
from .job import Cancel, Job
from .job_encoding import NETWORK_FILES, environment
from .mounts import ACCOUNTS, FOLDER, SYSTEM, SYSTEM_FILES, TEMP
from .process import ChildProcess, ProcessResult, ProcessSpec, memory_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_DEATH_MS = 300_000  # one that waits for a slow disk dies when that has answered


def run(job: Job, cancel: Cancel | None) -> ProcessResult:
    """Run a job in fresh namespaces; CPU and memory are those seen at the last look, ten times a second."""
    bwrap = shutil.which("bwrap", path="/usr/local/bin:/usr/bin:/bin") or shutil.which("bwrap")
    if bwrap is None:
        raise BuildError(
            "bubblewrap is not installed", None, "install the package bubblewrap", "environment"
        )
    told, tell = os.pipe2(os.O_CLOEXEC)
    with open(told, "rb") as info:
        try:
            process = _started(bwrap, job, tell)
        except OSError:
            _Init(info.read()).kill()
            raise
        with ExitStack() as stack:
            stack.callback(process.close)
            init = _Init(info.read())
            stack.pop_all()
        with init, closing(process):  # bubblewrap is gone before its child is waited for
            end = process.follow(job.timeout, cancel, init.look)
    if not init.pid and end.why == "exit":
        raise BuildError(
            f"bubblewrap cannot make a sandbox: {end.log.decode(errors='replace').strip()}",
            None,
            "see 'buildgraph doctor'",
            "environment",
        )
    return replace(end, cpu=init.cpu, peak=init.peak)


def _started(bwrap: str, job: Job, tell: int) -> ChildProcess:
    accounts = {path: memory_file((data,)) for path, data in ACCOUNTS.items()}
    try:
        argv = bubblewrap_argv(bwrap, job, tell, accounts)
        return ChildProcess(ProcessSpec(argv, {}, "/", (tell, *accounts.values()), signal.SIGKILL))
    finally:
        for fd in (tell, *accounts.values()):
            os.close(fd)


def bubblewrap_argv(bwrap: str, job: Job, info: int, accounts: Mapping[str, int]) -> list[str]:
    """The argv that runs a job; bubblewrap writes the pid of its child to the descriptor `info`.

    `accounts` are the files that name users and groups, each with a descriptor of what is in it.
    """
    return [
        bwrap,
        "--unshare-all",
        "--unshare-user",
        *(["--share-net"] if job.network else []),
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
        "--uid",
        "1000",
        "--gid",
        "1000",
        "--hostname",
        "build",
        "--info-fd",
        str(info),
        "--clearenv",
        *_environment(job),
        *_system(job.network),
        *(word for path, fd in accounts.items() for word in ("--ro-bind-data", str(fd), path)),
        "--proc",
        "/proc",
        "--remount-ro",
        "/proc",
        "--dev",
        "/dev",
        "--bind",
        job.temp,
        TEMP,
        *_visible(job),
        "--ro-bind",
        job.stage,
        FOLDER,
        "--bind",
        job.out,
        f"{FOLDER}/out",
        "--chdir",
        FOLDER,
        "--remount-ro",
        "/",
        "--",
        *job.words,
    ]


class _Init:
    """The first process of the sandbox. Bubblewrap ends before it does, and all others die with it.

    It leaves bubblewrap's group before it binds its life to bubblewrap's: when that is killed in between, it lives on.
    """

    def __init__(self, info: bytes) -> None:
        _, _, rest = info.partition(
            b'"child-pid": '
        )  # all of it may not stand there, if bubblewrap was killed
        self.pid = int(rest.replace(b",", b" ").split()[0]) if rest else 0
        self.cpu = self.peak = 0
        self._life = -1

    def __enter__(self) -> _Init:
        if self.pid:
            try:
                self._life = os.pidfd_open(self.pid)
            except ProcessLookupError:
                pass
        return self

    def look(self) -> None:
        """Note what the sandbox has used so far."""
        if self.pid:
            cpu, peak = usage.process_tree_usage(self.pid)
            self.cpu, self.peak = max(cpu, self.cpu), max(peak, self.peak)

    def kill(self) -> None:
        """End it, and with it all others."""
        with suppress(ProcessLookupError):
            if self._life >= 0:
                signal.pidfd_send_signal(self._life, signal.SIGKILL)
            elif self.pid:
                os.kill(self.pid, signal.SIGKILL)

    def __exit__(self, *_: object) -> None:
        if self._life >= 0:
            self.kill()
            poller = select.poll()
            poller.register(self._life, select.POLLIN)
            assert poller.poll(_DEATH_MS), "a sandbox outlived bubblewrap"
            os.close(self._life)


def _environment(job: Job) -> Iterator[str]:
    for name, value in sorted(environment(job, FOLDER, TEMP).items()):
        yield from ("--setenv", name, value)


def _system(network: bool) -> Iterator[str]:
    for path in SYSTEM:
        if os.path.islink(path):
            yield from ("--symlink", os.readlink(path), path)
        else:
            yield from ("--ro-bind-try", path, path)
    for path in (*SYSTEM_FILES, *(NETWORK_FILES if network else ())):
        yield from ("--ro-bind-try", path, path)


def _visible(job: Job) -> Iterator[str]:
    for path in minimal_mounts(job.visible):
        yield from ("--ro-bind-try", path, path)


def minimal_mounts(visible: Iterable[str]) -> list[str]:
    """Paths to show besides the system's, without those that lie in one that is shown."""
    shown = ["/usr"]
    for path in sorted(visible):
        if not any(path == parent or path.startswith(f"{parent}/") for parent in shown):
            shown.append(path)
    return shown[1:]
