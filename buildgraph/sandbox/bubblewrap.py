"""Level `namespaces`: bubblewrap.

A command sees the host's /usr, its visible paths and its folders.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
from contextlib import ExitStack, closing, suppress

from ..lite import TYPE_CHECKING
from ..types.errors import BuildError
from . import usage
from .job import Cancel, Job
from .job_encoding import NETWORK_FILES, environment
from .mounts import ACCOUNTS, FOLDER, SYSTEM, SYSTEM_FILES, TEMP
from .process import ChildProcess, ProcessResult, ProcessSpec, memory_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_DEATH_MS = 300_000  # a process that waits for a slow disk dies only when the disk has answered


def run(job: Job, cancel: Cancel | None) -> ProcessResult:
    """Run a job in new namespaces; CPU time and memory are sampled ten times a second.

    BuildError (reason "environment") when bubblewrap is missing or cannot create a sandbox.
    """
    bwrap = shutil.which("bwrap", path="/usr/local/bin:/usr/bin:/bin") or shutil.which("bwrap")
    if bwrap is None:
        raise BuildError(
            "bubblewrap is not installed", None, "install the package bubblewrap", "environment"
        )
    info_fd, write_fd = os.pipe2(os.O_CLOEXEC)
    with open(info_fd, "rb") as info:
        try:
            process = _start(bwrap, job, write_fd)
        except OSError:
            _Init(info.read()).kill()
            raise
        with ExitStack() as stack:
            stack.callback(process.close)
            init = _Init(info.read())
            stack.pop_all()
        with init, closing(process):  # bubblewrap has ended before its child is waited for
            end = process.follow(job.timeout, cancel, init.sample)
    if not init.pid and end.cause == "exit":
        raise BuildError(
            f"bubblewrap cannot create a sandbox: {end.log.decode(errors='replace').strip()}",
            None,
            "see 'buildgraph doctor'",
            "environment",
        )
    return ProcessResult(end.code, end.cause, end.log, init.cpu, init.peak)


def _start(bwrap: str, job: Job, info: int) -> ChildProcess:
    accounts = {path: memory_file((data,)) for path, data in ACCOUNTS.items()}
    try:
        argv = bubblewrap_argv(bwrap, job, info, accounts)
        return ChildProcess(ProcessSpec(argv, {}, "/", (info, *accounts.values()), signal.SIGKILL))
    finally:
        for fd in (info, *accounts.values()):
            os.close(fd)


def bubblewrap_argv(bwrap: str, job: Job, info: int, accounts: Mapping[str, int]) -> list[str]:
    """Return the argv that runs a job; bubblewrap writes the pid of its child to descriptor `info`.

    `accounts` maps the paths of the files of users and groups to descriptors with their content.
    """
    return [
        bwrap,
        *("--unshare-all", "--unshare-user", *(["--share-net"] if job.network else [])),
        *("--die-with-parent", "--new-session", "--cap-drop", "ALL"),
        *("--uid", "1000", "--gid", "1000", "--hostname", "build"),
        *("--info-fd", str(info)),
        "--clearenv",
        *_environment(job),
        *_system(job.network),
        *(word for path, fd in accounts.items() for word in ("--ro-bind-data", str(fd), path)),
        *("--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev", "--bind", job.temp, TEMP),
        *_visible(job),
        *("--ro-bind", job.stage, FOLDER, "--bind", job.out, f"{FOLDER}/out", "--chdir", FOLDER),
        *("--remount-ro", "/", "--", *job.words),
    ]


class _Init:
    """The first process of the sandbox, which outlives bubblewrap; all others die with it.

    It leaves bubblewrap's process group before it asks the kernel to die with bubblewrap, so it
    survives a bubblewrap that is killed in between.
    """

    def __init__(self, info: bytes) -> None:
        # The text is cut off when bubblewrap was killed while writing it.
        _, _, rest = info.partition(b'"child-pid": ')
        self.pid = int(rest.replace(b",", b" ").split()[0]) if rest else 0
        self.cpu = self.peak = 0
        self._pidfd = -1

    def __enter__(self) -> _Init:
        if self.pid:
            try:
                self._pidfd = os.pidfd_open(self.pid)
            except ProcessLookupError:
                pass
        return self

    def sample(self) -> None:
        """Record the CPU time and peak memory of the sandbox so far."""
        if self.pid:
            cpu, peak = usage.process_tree_usage(self.pid)
            self.cpu, self.peak = max(cpu, self.cpu), max(peak, self.peak)

    def kill(self) -> None:
        """Kill the process, and with it all processes of the sandbox."""
        with suppress(ProcessLookupError):
            if self._pidfd >= 0:
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            elif self.pid:
                os.kill(self.pid, signal.SIGKILL)

    def __exit__(self, *_: object) -> None:
        if self._pidfd >= 0:
            self.kill()
            poller = select.poll()
            poller.register(self._pidfd, select.POLLIN)
            assert poller.poll(_DEATH_MS), "a sandbox outlived bubblewrap"
            os.close(self._pidfd)


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
    """Return the paths to mount besides /usr, without those inside another mounted path."""
    mounted = ["/usr"]
    for path in sorted(visible):
        if not any(path == parent or path.startswith(f"{parent}/") for parent in mounted):
            mounted.append(path)
    return mounted[1:]
