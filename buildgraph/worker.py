"""One action, run: a private folder with exactly its inputs, the sandbox, its outputs copied into a batch.

Inputs that users own are copied while they are hashed, so the action reads the snapshot that its key names; a file
that no longer hashes to it raises Moved. Nothing here is remembered: the session publishes the batch.
"""
from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import tempfile
import threading
import time
from dataclasses import dataclass

from .digest import Digest
from .errors import BuildError
from .execute.collect import collect
from .execute.forkserver import ForkServers
from .execute.job import Job, Level, Outcome
from .execute.sandbox import run
from .execute.staging import stage
from .key import Key
from .model import Action, Artifact, Content, File, Node, Output, Result
from .source import Moved
from .store.protocol import Batch, Store
from .toolchain import Distribution, Found

FIXED = (("LANG", "C.UTF-8"), ("OPENBLAS_NUM_THREADS", "1"), ("PATH", "/usr/local/bin:/usr/bin:/bin"),
         ("PYTHONHASHSEED", "0"), ("SOURCE_DATE_EPOCH", "0"), ("TZ", "UTC"))
_ROOM, _LITTLE, _GLANCE = 1 << 20, 256 << 20, 0.002   # bytes, bytes, seconds


@dataclass(frozen=True, slots=True)
class Task:
    """All that running an action takes, looked up beforehand."""

    number: int
    action: Action
    key: Key
    inputs: tuple[tuple[str, Artifact, Node, str], ...]   # staged path, artifact, what it holds, path of the host
    programs: dict[str, Found]
    distributions: dict[str, Distribution]


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of a task: a result and the batch that holds its blobs, or why there is none."""

    task: Task
    result: Result | None
    batch: Batch
    why: str = ""
    log: str = ""
    again: str = ""
    interrupted: bool = False


class Worker:
    """Runs tasks in folders below `scratch`; safe to call from several threads. `close` ends what it keeps warm."""

    def __init__(self, store: Store, scratch: str, level: Level, keep: bool, cancel: threading.Event) -> None:
        self._store, self._scratch, self._level, self._keep, self._cancel = store, scratch, level, keep, cancel
        self._servers = ForkServers(scratch)
        self._full = 0.0   # when the disk was last seen full, by whichever action
        self._watcher: threading.Thread | None = None
        self._closed = threading.Event()

    def close(self) -> None:
        """End the servers that run Python tools, and the look at the disk."""
        self._closed.set()
        self._servers.close()

    def attempt(self, task: Task) -> Attempt:
        """Run a task; Moved when a source changed under it, Missing when the store lost an input."""
        began = time.monotonic()
        self._watch()
        folder = tempfile.mkdtemp(dir=self._scratch, prefix="action-")
        batch = self._store.batch()
        try:
            job = self._prepare(task, folder)
            outcome = self.run(job)
            if not _room(job.out):   # before any folder is discarded, which would make room
                self._full = time.monotonic()
            return self._judge(task, job, outcome, batch, began)
        except BaseException as fault:
            if isinstance(fault, BuildError) and fault.reason == "environment":
                self._full = time.monotonic()
            self._store.drop(batch)
            raise
        finally:
            if not self._keep:
                discard(folder)

    def _watch(self) -> None:
        """Where little room is left, look all the time: what was full for a moment may have room again at the end."""
        if self._watcher is None and not _room(self._scratch, _LITTLE):
            self._watcher = threading.Thread(target=self._look, daemon=True)
            self._watcher.start()

    def _look(self) -> None:
        while not self._closed.wait(_GLANCE):
            if not _room(self._scratch):
                self._full = time.monotonic()

    def run(self, job: Job) -> Outcome:
        """Run a job in the sandbox; the seam for those that run it otherwise."""
        return run(job, self._level, self._cancel, self._servers)

    def _prepare(self, task: Task, folder: str) -> Job:
        root, temp = os.path.join(folder, "build"), os.path.join(folder, "tmp")
        out = os.path.join(root, "out")
        for path in (root, out, temp):
            os.mkdir(path)
        kept = [(path, node) for path, artifact, node, _ in task.inputs if isinstance(artifact, Output)]
        stage(root, kept, self._store)
        for path, artifact, node, host in task.inputs:
            if not isinstance(artifact, Output):
                assert isinstance(node, File)
                _snapshot(artifact, node, host, os.path.join(root, path))
        for declared in task.action.outputs:
            parent = os.path.dirname(os.path.join(out, declared.path))
            os.makedirs(os.path.join(out, declared.path) if declared.tree else parent, exist_ok=True)
        return _job(task, root, out, temp)

    def _judge(self, task: Task, job: Job, outcome: Outcome, batch: Batch, began: float) -> Attempt:
        log, why = outcome.log.decode("utf-8", "replace"), _why(outcome)
        again = _by_hand(task.action, job, self._keep)
        interrupted = outcome.ended == "interrupted"
        if not why:
            if self._full >= began:
                raise BuildError(f"the disk of {job.out} was full while the command ran: what it made is not believed", None,
                                 "make room, or set BUILDGRAPH_CACHE to a folder on a disk with room", "environment")
            try:
                outputs = collect(job.out, task.action.outputs, batch)
            except BuildError as fault:
                if fault.reason == "environment":
                    raise
                why = fault.what
        if why:
            self._store.drop(batch)
            return Attempt(task, None, batch, why, log, again, interrupted)
        result = Result(outputs, batch.add(outcome.log), outcome.level, outcome.milliseconds)
        batch.record(task.key.digest, result, task.key.messages)
        return Attempt(task, result, batch)


def _job(task: Task, root: str, out: str, temp: str) -> Job:
    action = task.action
    env = dict(FIXED) | dict(action.env)
    visible: list[str] = []
    for program in task.programs.values():
        visible += program.visible
    entries = [entry for dist in task.distributions.values() for entry in dist.entries]
    if entries:
        os.mkdir(os.path.join(root, "site"))
        for name, path in entries:
            os.symlink(path, os.path.join(root, "site", name))
            visible.append(path)
        env["PYTHONPATH"] = "site"
    first = task.programs[action.argv[0]].path if action.argv[0] in task.programs else action.argv[0]
    return Job((first, *action.argv[1:]), tuple(sorted(env.items())), root, out, temp, tuple(sorted(set(visible))),
               action.timeout, action.network)


def _snapshot(artifact: Artifact, node: File, host: str, path: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if isinstance(artifact, Content):
        data, seen = artifact.data, Digest.of(artifact.data)
        with open(path, "xb") as file:
            file.write(data)
    else:
        seen = _copy(host, path)
    if seen != node.digest:
        raise Moved(artifact.name)
    os.chmod(path, 0o555 if node.executable else 0o444)


def _copy(host: str, path: str) -> Digest:
    sha, size = hashlib.sha256(), 0
    with open(host, "rb") as source, open(path, "xb") as target:
        while data := source.read(1 << 20):
            sha.update(data)
            target.write(data)
            size += len(data)
    return Digest(sha.hexdigest(), size)


def _why(outcome: Outcome) -> str:
    match outcome.ended:
        case "timeout":
            return "it ran out of time and was killed"
        case "memory":
            return "it ran out of memory and was killed"
        case "interrupted":
            return "interrupted"
        case "signal":
            return f"killed by signal {outcome.code - 128}"
    return f"exit code {outcome.code}" if outcome.code else ""


def _room(folder: str, least: int = _ROOM) -> bool:
    """Whether a command could write to the end: many programs end with 0 though the disk was full."""
    disk = os.statvfs(folder)
    blocks = disk.f_bfree if os.geteuid() == 0 else disk.f_bavail
    return blocks * disk.f_frsize >= least and not (disk.f_files and not disk.f_ffree)


def _by_hand(action: Action, job: Job, kept: bool) -> str:
    command = shlex.join(job.argv if kept else action.argv)
    if not kept:
        return f"{command}   (with --sandbox-debug its folder is kept)"
    env = shlex.join(f"{name}={value}" for name, value in (*job.env, ("TMPDIR", job.temp)))
    return f"cd {shlex.quote(job.stage)} && env -i {env} {command}"


def discard(folder: str) -> None:
    """Remove a scratch folder, whatever modes the action left in it."""
    def unlock(function: object, path: str, _: object) -> None:
        os.chmod(os.path.dirname(path), 0o700)
        if os.path.isdir(path) and not os.path.islink(path):
            os.chmod(path, 0o700)
            shutil.rmtree(path, ignore_errors=True)
        elif os.path.lexists(path):
            os.unlink(path)
    shutil.rmtree(folder, onerror=unlock)
