"""Client of fork servers: pay for an interpreter and its imports once a build, not once an action.

A server runs a job that runs a tool of its stage by the interpreter of buildgraph. It is started
for the second job of a kind: jobs of one kind have equal interpreters, environments, visible paths
and distributions. Each process of a server has one thread (`child.py`, `namespaces.py`), and
imports come from the folders that the jobs see. A job is run without a server when none can be
started, or when a server would run it otherwise than a new interpreter.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import threading
from contextlib import closing, suppress

from ...lite import TYPE_CHECKING
from ...lite.record import Record
from .. import mounts, supervised
from ..bubblewrap import minimal_mounts
from ..job import FLAGS, Cancel, Job, Level, is_tool
from ..job_encoding import encode_job, environment
from ..process import ProcessResult, RunningProcess, memory_file, readable
from ..supervisor import CANNOT_CONFINE, CANNOT_RUN_TEXT
from .child import HEAVY

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROGRAM = (
    "import sys; bare = set(sys.modules); sys.path[:] = [*sys.path[1:], sys.argv[3]]; "
    "from buildgraph.sandbox.forkserver import child; del sys.path[-1]; "
    "child.main(int(sys.argv[1]), int(sys.argv[2]), bare)"
)
_ACTION_VARIABLES = frozenset({"PWD", "TMPDIR"})  # differ between actions of a kind
_MAX_SERVERS = 6
_START_TIMEOUT_S = 30.0


class Kind(Record):
    """Properties that a server and the jobs that it can run have in common."""

    level: Level
    interpreter: str
    env: tuple[tuple[str, str], ...]
    visible: tuple[str, ...]
    site: tuple[tuple[str, str], ...]


def kind_of(job: Job, level: Level) -> Kind | None:
    """Return the kind of server that can run a job; None when only a new interpreter can."""
    if not is_tool(job) or not os.path.isfile(os.path.join(job.stage, job.argv[4])):
        return None
    if os.path.normpath(job.argv[4]) != job.argv[4]:
        return None
    if level == "namespaces" and any(path.startswith(mounts.COVERED) for path in job.visible):
        return None
    env = environment(job, mounts.FOLDER, mounts.TEMP)
    if env.get("PYTHONPATH", "site") != "site" or any(
        name in _ACTION_VARIABLES for name, _ in job.env
    ):
        return None
    try:
        site = tuple(_site(os.path.join(job.stage, "site"))) if "PYTHONPATH" in env else ()
    except OSError:  # files of the user, and not the symlinks of declared distributions
        return None
    kept = tuple(sorted((name, env[name]) for name in env.keys() - _ACTION_VARIABLES))
    return Kind(level, job.argv[0], kept, job.visible, site)


def _site(folder: str) -> Iterator[tuple[str, str]]:
    for name in sorted(os.listdir(folder)):
        yield name, os.readlink(os.path.join(folder, name))


class _ServerEntry:
    """State of a kind: the number of its jobs, and its server or the reason why there is none."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.jobs = 0
        self.server: _Server | None = None
        self.obstacle = ""


class ForkServers:
    """Servers of a build, which several threads can use; `close` ends them.

    `scratch` is a folder for mount points of servers. The `fewest`-th job of a kind starts a
    server.
    """

    def __init__(self, scratch: str, fewest: int = 2) -> None:
        self._scratch, self._fewest, self._lock = scratch, fewest, threading.Lock()
        self._entries: dict[Kind, _ServerEntry] = {}
        self._retired: list[_Server] = []  # may still run jobs of other threads
        self.served = 0

    def attempt(self, job: Job, level: Level, cancel: Cancel | None = None) -> ProcessResult | None:
        """Run a job in a fork of a warm interpreter; None when no server ran any of it."""
        kind = kind_of(job, level)
        server = self._server(kind) if kind is not None else None
        if kind is None or server is None or server.is_shadowed(job):
            return None
        try:
            with closing(server.fork(job, level)) as forked:
                end = forked.follow(job.timeout, cancel, lambda: None)
        except OSError as error:
            self._retire(kind, str(error))
            return None
        if forked.refused:
            self._retire(kind, forked.refused)
            return None
        self.served += 1
        return end

    def obstacles(self) -> list[str]:
        """Return the reasons for which servers could not be started or used."""
        return sorted(entry.obstacle for entry in self._entries.values() if entry.obstacle)

    def close(self) -> None:
        """End all servers, and the jobs that they run."""
        for server in (*self._retired, *(entry.server for entry in self._entries.values())):
            if server is not None:
                server.close()

    def __enter__(self) -> ForkServers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _retire(self, kind: Kind, obstacle: str) -> None:
        """Stop using a server: one that cannot run a job cannot run any other job of its kind."""
        entry = self._entries[kind]
        with entry.lock:
            if entry.server is not None:
                self._retired.append(entry.server)
            entry.server, entry.obstacle = None, obstacle

    def _server(self, kind: Kind) -> _Server | None:
        with self._lock:
            entry = self._entries.setdefault(kind, _ServerEntry())
        with entry.lock:
            entry.jobs += 1
            running = sum(other.server is not None for other in list(self._entries.values()))
            if entry.jobs == self._fewest and running < _MAX_SERVERS:
                try:
                    entry.server = _Server(kind, self._scratch)
                except (OSError, subprocess.SubprocessError) as error:
                    entry.obstacle = str(error)
            return entry.server


class _Server:
    """A running server; OSError when it cannot be started."""

    def __init__(self, kind: Kind, scratch: str) -> None:
        self._lock = threading.Lock()
        self._folder = tempfile.mkdtemp(dir=os.path.realpath(scratch), prefix="fork-")
        site = (
            f"{mounts.FOLDER}/site"
            if kind.level == "namespaces"
            else os.path.join(self._folder, "site")
        )
        orders = memory_file(_server_orders(kind, self._folder, site))
        self._channel, inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._output, output = os.pipe2(os.O_CLOEXEC)
        try:
            if kind.level != "namespaces":
                _link_site(site, kind.site)
            self._process = _start_server(kind, inner.fileno(), orders, output)
        finally:
            inner.close()
            os.close(orders)
            os.close(output)
        self._channel.settimeout(_START_TIMEOUT_S)
        self._imported = frozenset(self._wait_until_ready().split("\0"))
        # Without a timeout: a request is answered sooner or later, and the end of the server ends
        # the wait.
        self._channel.settimeout(None)

    def is_shadowed(self, job: Job) -> bool:
        """True when a module beside the tool has the name of one that the server has imported."""
        names = os.listdir(os.path.join(job.stage, os.path.dirname(job.argv[4])))
        return any(name.partition(".")[0] in self._imported for name in names)

    def fork(self, job: Job, level: Level) -> _ForkedJob:
        """Start a fork that runs a job; OSError when the server is dead or cannot fork."""
        orders = memory_file(_job_orders(job, level, self._process.pid))
        log, inner = os.pipe2(os.O_CLOEXEC)
        status, status_writer = os.pipe2(os.O_CLOEXEC)
        pidfds: list[int] = []
        try:
            with self._lock:
                socket.send_fds(self._channel, [b"."], [orders, inner, status_writer])
                reply, pidfds, _, _ = socket.recv_fds(self._channel, 4096, 1)
            if not pidfds:
                raise OSError(reply.decode()[1:] or "a fork server ended")
        except OSError:
            os.close(log)
            os.close(status)
            raise
        finally:
            for fd in (orders, inner, status_writer):
                os.close(fd)
        stop = signal.SIGKILL if level == "namespaces" else signal.SIGTERM
        return _ForkedJob(pidfds[0], log, stop, status)

    def close(self) -> None:
        """End the server; its forks are killed with it."""
        self._channel.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._output)
        with suppress(OSError):
            for name in os.listdir(os.path.join(self._folder, "site")):
                os.unlink(os.path.join(self._folder, "site", name))
            os.rmdir(os.path.join(self._folder, "site"))
        with suppress(OSError):
            os.rmdir(self._folder)

    def _wait_until_ready(self) -> str:
        """Return the names of imported modules, NUL-separated; OSError with the server's error."""
        try:
            reply = self._channel.recv(1 << 20).decode()
        except OSError as error:
            reply = f"!{error}"
        if reply and not reply.startswith("!"):
            return reply
        output = os.read(self._output, 1 << 16) if readable(self._output, 0) else b""
        self.close()
        message = reply[1:] or output.decode(errors="replace").strip()
        raise OSError(message or "a fork server ended at once")


class _ForkedJob(RunningProcess):
    """A job that runs in a fork."""

    def __init__(self, pidfd: int, pipe: int, stop: signal.Signals, status: int) -> None:
        super().__init__(pidfd, pipe, stop)
        self._status, self._refused = status, ""

    def close(self) -> None:
        """Kill the job if it still runs, and close all descriptors."""
        super().close()
        os.close(self._status)

    @property
    def refused(self) -> str:
        """Return the reason for which the job could not begin; empty when it has run."""
        end = self._result
        if (
            end is not None
            and end.code == CANNOT_CONFINE
            and end.log.startswith(CANNOT_RUN_TEXT.encode())
        ):
            return end.log.decode(errors="replace").strip()
        return self._refused

    def _used(self) -> tuple[int, int, int]:
        status = os.read(self._status, 4096).decode()
        if not status or status.startswith("!"):
            self._refused = status[1:]
            return -signal.SIGKILL, 0, 0
        code, cpu, peak = map(int, status.split())
        return code, cpu, peak


def _start_server(kind: Kind, channel: int, orders: int, output: int) -> subprocess.Popen[bytes]:
    """Start the process of a server, with descriptors of its socket, orders and output."""
    argv = (kind.interpreter, *FLAGS, "-c", _PROGRAM, str(channel), str(orders), supervised.ROOT)
    return subprocess.Popen(
        argv,
        # Without PYTHONPATH, so that its own imports are those of the standard library.
        env={name: value for name, value in kind.env if name != "PYTHONPATH"},
        cwd="/",
        pass_fds=(channel, orders),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        umask=0o022,
    )


def _link_site(site: str, entries: tuple[tuple[str, str], ...]) -> None:
    """Create the folder of distributions, with a symlink for each entry."""
    os.mkdir(site)
    for name, path in entries:
        os.symlink(path, os.path.join(site, name))


def _server_orders(kind: Kind, folder: str, site: str) -> Iterator[str]:
    yield f"f{site}"
    for name, value in sorted([*kind.env, ("PWD", mounts.FOLDER), ("TMPDIR", mounts.TEMP)]):
        yield f"e{name}={value}"
    if kind.level == "namespaces":
        yield f"m{folder}"
        for path in minimal_mounts(kind.visible):
            yield f"v{path}"
    for name, path in kind.site:
        yield f"N{name}={path}"
    for module in HEAVY:
        if any(name == module.partition(".")[0] for name, _ in kind.site):
            yield f"i{module}"


def _job_orders(job: Job, level: Level, server: int) -> Iterator[str]:
    if level == "namespaces":
        for word in job.argv:
            yield f"a{word}"
    else:
        yield from encode_job(job, level == "landlock", server)
    for letter, path in (("s", job.stage), ("o", job.out), ("t", job.temp)):
        yield f"{letter}{os.path.realpath(path)}"
