"""Warm servers that run Python tools: an interpreter and its imports are paid for once a build, not once an action.

A job is served when it runs a tool of its stage by the interpreter that buildgraph runs with, and no earlier than as
the second of its kind; jobs of one kind have equal interpreters, environments, visible paths and distributions. A
server has one thread a process (`child.py`, `namespaces.py`); it imports from the very folders that the jobs see. Where
no server can be had, or would run a job otherwise than a fresh interpreter, the job is left to the ordinary way.
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
from ...lite.record import record
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
_FOLDERS = frozenset({"PWD", "TMPDIR"})  # those of each action
_MOST = 6
_PATIENCE = 30.0


@record
class Kind:
    """All that a server and the jobs it can run have in common."""

    level: Level
    interpreter: str
    env: tuple[tuple[str, str], ...]
    visible: tuple[str, ...]
    site: tuple[tuple[str, str], ...]


def kind_of(job: Job, level: Level) -> Kind | None:
    """What kind of server could run a job; None when only a fresh interpreter can."""
    if not is_tool(job) or not os.path.isfile(os.path.join(job.stage, job.argv[4])):
        return None
    if os.path.normpath(job.argv[4]) != job.argv[4]:
        return None
    if level == "namespaces" and any(path.startswith(mounts.COVERED) for path in job.visible):
        return None
    env = environment(job, mounts.FOLDER, mounts.TEMP)
    if env.get("PYTHONPATH", "site") != "site" or any(name in _FOLDERS for name, _ in job.env):
        return None
    try:
        site = tuple(_site(os.path.join(job.stage, "site"))) if "PYTHONPATH" in env else ()
    except OSError:  # sources of the user
        return None
    kept = tuple(sorted((name, env[name]) for name in env.keys() - _FOLDERS))
    return Kind(level, job.argv[0], kept, job.visible, site)


def _site(folder: str) -> Iterator[tuple[str, str]]:
    for name in sorted(os.listdir(folder)):
        yield name, os.readlink(os.path.join(folder, name))


class _Place:
    """What is known of a kind: how often it was wanted, and its server once there is one."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.wanted = 0
        self.server: _Server | None = None
        self.why = ""


class ForkServers:
    """The servers of one session, used by several threads; `close` ends them.

    `scratch` is a folder for what they mount on; the job that is the `fewest`-th of its kind starts a server.
    """

    def __init__(self, scratch: str, fewest: int = 2) -> None:
        self._scratch, self._fewest, self._lock = scratch, fewest, threading.Lock()
        self._places: dict[Kind, _Place] = {}
        self._retired: list[_Server] = []  # they may still run jobs of other threads
        self.served = 0

    def attempt(self, job: Job, level: Level, cancel: Cancel | None = None) -> ProcessResult | None:
        """Run a job in a fork of a warm interpreter; None when it is not for us, and then nothing was done."""
        kind = kind_of(job, level)
        server = self._server(kind) if kind is not None else None
        if kind is None or server is None or server.shadowed(job):
            return None
        try:
            with closing(server.fork(job, level)) as forked:
                end = forked.follow(job.timeout, cancel, lambda: None)
        except OSError as fault:
            self._refuse(kind, str(fault))
            return None
        if forked.refused:
            self._refuse(kind, forked.refused)
            return None
        self.served += 1
        return end

    def obstacles(self) -> list[str]:
        """Why servers that were tried could not be had."""
        return sorted(place.why for place in self._places.values() if place.why)

    def close(self) -> None:
        """End all servers, and with them what they run."""
        for server in (*self._retired, *(place.server for place in self._places.values())):
            if server is not None:
                server.close()

    def __enter__(self) -> ForkServers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _refuse(self, kind: Kind, why: str) -> None:
        """A server that cannot serve one job of its kind can serve none."""
        place = self._places[kind]
        with place.lock:
            if place.server is not None:
                self._retired.append(place.server)
            place.server, place.why = None, why

    def _server(self, kind: Kind) -> _Server | None:
        with self._lock:
            place = self._places.setdefault(kind, _Place())
        with place.lock:
            place.wanted += 1
            running = sum(other.server is not None for other in list(self._places.values()))
            if place.wanted == self._fewest and running < _MOST:
                try:
                    place.server = _Server(kind, self._scratch)
                except (OSError, subprocess.SubprocessError) as fault:
                    place.why = str(fault)
            return place.server


class _Server:
    """A running server; OSError when it does not come up."""

    def __init__(self, kind: Kind, scratch: str) -> None:
        self._lock = threading.Lock()
        self._folder = tempfile.mkdtemp(dir=os.path.realpath(scratch), prefix="fork-")
        site = (
            f"{mounts.FOLDER}/site"
            if kind.level == "namespaces"
            else os.path.join(self._folder, "site")
        )
        orders = memory_file(_orders(kind, self._folder, site))
        self._talk, inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._said, said = os.pipe2(os.O_CLOEXEC)
        try:
            if kind.level != "namespaces":
                _farm(site, kind.site)
            env = {
                name: value for name, value in kind.env if name != "PYTHONPATH"
            }  # its own imports are the standard library's
            argv = (
                kind.interpreter,
                *FLAGS,
                "-c",
                _PROGRAM,
                str(inner.fileno()),
                str(orders),
                supervised.ROOT,
            )
            self._process = subprocess.Popen(
                argv,
                env=env,
                cwd="/",
                pass_fds=(inner.fileno(), orders),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
                umask=0o022,
            )
        finally:
            inner.close()
            os.close(orders)
            os.close(said)
        self._talk.settimeout(_PATIENCE)
        self._names = frozenset(self._ready().split("\0"))
        self._talk.settimeout(
            None
        )  # what was asked for is done sooner or later; its end would end the wait as well

    def shadowed(self, job: Job) -> bool:
        """Whether a module beside the tool has the name of one that the server has imported already."""
        beside = os.listdir(os.path.join(job.stage, os.path.dirname(job.argv[4])))
        return any(name.partition(".")[0] in self._names for name in beside)

    def fork(self, job: Job, level: Level) -> _Forked:
        """A fork that runs a job; OSError when the server is gone or refuses."""
        orders = memory_file(_job_orders(job, level, self._process.pid))
        log, inner = os.pipe2(os.O_CLOEXEC)
        status, tell = os.pipe2(os.O_CLOEXEC)
        life: list[int] = []
        try:
            with self._lock:
                socket.send_fds(self._talk, [b"."], [orders, inner, tell])
                answer, life, _, _ = socket.recv_fds(self._talk, 4096, 1)
            if not life:
                raise OSError(answer.decode()[1:] or "a fork server ended")
        except OSError:
            os.close(log)
            os.close(status)
            raise
        finally:
            for fd in (orders, inner, tell):
                os.close(fd)
        return _Forked(
            life[0], log, signal.SIGKILL if level == "namespaces" else signal.SIGTERM, status
        )

    def close(self) -> None:
        """End it; its forks die with it."""
        self._talk.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._said)
        with suppress(OSError):
            for name in os.listdir(os.path.join(self._folder, "site")):
                os.unlink(os.path.join(self._folder, "site", name))
            os.rmdir(os.path.join(self._folder, "site"))
        with suppress(OSError):
            os.rmdir(self._folder)

    def _ready(self) -> str:
        try:
            text = self._talk.recv(1 << 20).decode()
        except OSError as fault:
            text = f"!{fault}"
        if text and not text.startswith("!"):
            return text
        said = b""
        if readable(self._said, 0):
            said = os.read(self._said, 1 << 16)
        self.close()
        raise OSError(
            text[1:] or said.decode(errors="replace").strip() or "a fork server ended at once"
        )


class _Forked(RunningProcess):
    """A job that runs in a fork."""

    def __init__(self, life: int, pipe: int, stop: signal.Signals, status: int) -> None:
        super().__init__(life, pipe, stop)
        self._status, self._refused = status, ""

    def close(self) -> None:
        """Kill what still runs and close all descriptors."""
        super().close()
        os.close(self._status)

    @property
    def refused(self) -> str:
        """Why it could not begin, or an empty string; nothing of the job was run then."""
        end = self._ended
        if (
            end is not None
            and end.code == CANNOT_CONFINE
            and end.log.startswith(CANNOT_RUN_TEXT.encode())
        ):
            return end.log.decode(errors="replace").strip()
        return self._refused

    def _used(self) -> tuple[int, int, int]:
        told = os.read(self._status, 4096).decode()
        if not told or told.startswith("!"):
            self._refused = told[1:]
            return -signal.SIGKILL, 0, 0
        code, cpu, peak = map(int, told.split())
        return code, cpu, peak


def _farm(site: str, entries: tuple[tuple[str, str], ...]) -> None:
    os.mkdir(site)
    for name, path in entries:
        os.symlink(path, os.path.join(site, name))


def _orders(kind: Kind, folder: str, site: str) -> Iterator[str]:
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
