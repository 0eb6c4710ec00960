"""One action, run: a private folder with exactly its inputs, the sandbox, its outputs copied into a batch.

Inputs that users own are copied while they are hashed, so the action reads the snapshot that its key names; a file
that no longer hashes to it raises Moved. Nothing here is remembered: the session publishes the batch.
"""

from __future__ import annotations

import errno
import itertools
import os
import time

from ..files.remove_tree import remove
from ..keys.action_key import Key
from ..keys.staged_paths import unused_path
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import suppress
from ..lite.record import record
from ..lite.threads import allocate_lock
from ..sandbox.collect_outputs import collect
from ..sandbox.job import FLAGS, Cancel, Job, Level, Outcome
from ..sandbox.staging import stage
from ..store.protocol import Batch, Store
from ..types.action import Action, Artifact, Out, Output
from ..types.errors import BuildError
from ..types.result import File, Node, Result
from .input_copies import copy_input, copy_small_texts
from .tool_refusal import ToolRefusal, parse_refusals
from .work_dir import WorkDir

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..host.host_tools import Distribution, HostTool
    from ..sandbox.forkserver.client import ForkServers

FIXED = (
    ("LANG", "C.UTF-8"),
    ("OPENBLAS_NUM_THREADS", "1"),
    ("PATH", "/usr/local/bin:/usr/bin:/bin"),
    ("PYTHONHASHSEED", "0"),
    ("SOURCE_DATE_EPOCH", "0"),
    ("TZ", "UTC"),
)
_ROOM, _LITTLE, _GLANCE = 1 << 20, 256 << 20, 0.002  # bytes, bytes, seconds
_ROOT = os.geteuid() == 0


@record
class Task:
    """All that running an action takes, looked up beforehand."""

    number: int
    action: Action
    key: Key
    inputs: tuple[
        tuple[str, Artifact, Node, str], ...
    ]  # staged path, artifact, what it holds, path of the host
    programs: dict[str, HostTool]
    distributions: dict[str, Distribution]


@record
class TaskOutcome:
    """What came of a task: a result and the batch that holds its blobs, or why there is none."""

    task: Task
    result: Result | None
    batch: Batch
    why: str = ""
    log: str = ""
    reproducer: str = ""
    interrupted: bool = False
    refused: tuple[ToolRefusal, ...] = ()


@record
class StagedTask:
    """A task whose inputs are staged: its job, where it runs, and where its results go."""

    task: Task
    slot: WorkDir
    job: Job
    batch: Batch
    began: float


class ActionRunner:
    """Runs tasks in folders below `scratch`; safe to call from several threads. `close` ends what it keeps warm."""

    def __init__(
        self,
        store: Store,
        scratch: str,
        level: Level,
        keep: bool,
        cancel: Cancel,
        *,
        wrap: Callable[[Job], Job] = lambda job: job,
    ) -> None:
        self._wrap = wrap
        self._store, self._scratch, self.level, self._keep, self._cancel = (
            store,
            scratch,
            level,
            keep,
            cancel,
        )
        self._servers: ForkServers | None = None
        self._lock = allocate_lock()
        self._full = 0.0  # when the disk was last seen full, by whichever action
        self._watched = self._closed = False
        self._free: list[WorkDir] = []
        self._count = itertools.count()

    def close(self) -> None:
        """End the servers that run Python tools, and the look at the disk; remove the folders."""
        self._closed = True
        for slot in self._free:
            remove(slot.folder)
        if self._servers is not None:
            self._servers.close()

    def attempt(self, task: Task) -> TaskOutcome:
        """Run a task; Moved when a source changed under it, Missing when the store lost an input."""
        begun = self.begin(task)
        try:
            outcome = self.run(begun.job)
        except BaseException as fault:
            self.abandon(begun, fault)
            raise
        return self.finish(begun, outcome)

    def begin(self, task: Task) -> StagedTask:
        """Stage a task; Moved and Missing as for `attempt`. What began must be finished or abandoned."""
        began = time.monotonic()
        self._watch()
        slot = self._slot()
        batch = self._store.batch()
        try:
            return StagedTask(task, slot, self._prepare(task, slot), batch, began)
        except BaseException as fault:
            self._let_go(slot, batch, fault)
            if isinstance(fault, OSError) and fault.errno == errno.ENAMETOOLONG:
                raise BuildError(
                    f"an input of {task.action.owner} lies too deep to be copied to {self._scratch}",
                    None,
                    "set BUILDGRAPH_CACHE to a folder with a shorter path",
                    "environment",
                ) from fault
            raise

    def finish(self, begun: StagedTask, outcome: Outcome) -> TaskOutcome:
        """Judge how a job ended, and collect what it made.

        Where one was killed its folder is not used again: what killed it may have killed the one that cleans up behind it.
        """
        if not _room(begun.slot.out):  # before any folder is emptied, which would make room
            self._full = time.monotonic()
        try:
            attempt = self._judge(begun, outcome)
        except BaseException as fault:
            self.abandon(begun, fault)
            raise
        if outcome.code != 128 + 9:
            self._leave(begun.slot)
        return attempt

    def abandon(self, begun: StagedTask, fault: BaseException) -> None:
        """Forget what began and did not come to an end."""
        self._let_go(begun.slot, begun.batch, fault)

    def _let_go(self, slot: WorkDir, batch: Batch, fault: BaseException) -> None:
        if isinstance(fault, BuildError) and fault.reason == "environment":
            self._full = time.monotonic()
        self._store.drop(batch)
        self._leave(slot)

    def _slot(self) -> WorkDir:
        with suppress(IndexError):  # another thread may have taken the last
            return self._free.pop()
        while True:
            with suppress(
                FileExistsError
            ):  # of another worker, or kept by an earlier build for a look
                return WorkDir(os.path.join(self._scratch, f"action-{next(self._count)}"))

    def _leave(self, slot: WorkDir) -> None:
        if not self._keep and slot.clean():
            self._free.append(slot)

    def _watch(self) -> None:
        """Where little room is left, look all the time: what was full for a moment may have room again at the end."""
        if not self._watched and not _room(self._scratch, _LITTLE):
            self._watched = True
            from threading import Thread

            Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        try:
            while not self._closed:
                time.sleep(_GLANCE)
                if not _room(self._scratch):
                    self._full = time.monotonic()
        except FileNotFoundError:
            return  # the build is over, and its folder gone

    def light(self, task: Task) -> bool:
        """Whether a launcher can run a task: it needs no namespaces, and no warm interpreter would run it sooner."""
        words = task.action.argv
        return self.level != "namespaces" and (words[0] != "python3" or words[1:4] != FLAGS)

    def run(self, job: Job) -> Outcome:
        """Run a job in the sandbox, as `wrap` changes it."""
        from ..sandbox.forkserver.client import ForkServers
        from ..sandbox.sandbox import run

        with self._lock:
            if self._servers is None:
                self._servers = ForkServers(self._scratch)
        return run(self._wrap(job), self.level, self._cancel, self._servers)

    def _prepare(self, task: Task, slot: WorkDir) -> Job:
        kept = [
            (path, node) for path, artifact, node, _ in task.inputs if isinstance(artifact, Output)
        ]
        folders = {path.rpartition("/")[0] for path, *_ in task.inputs if "/" in path}
        slot.prepare(
            {*folders, *(_folder_of(declared) for declared in task.action.outputs)},
            [path for path, _, node, _ in task.inputs if isinstance(node, File)],
        )
        stage(slot.root, kept, self._store, folders, slot.create)
        for path, artifact, node, host in task.inputs:
            if not isinstance(artifact, Output):
                assert isinstance(node, File)
                copy_input(artifact, node, host, f"{slot.root}/{path}", slot.create)
        return _job(task, slot.root, slot.out, slot.temp)

    def _judge(self, begun: StagedTask, outcome: Outcome) -> TaskOutcome:
        task, job, batch = begun.task, begun.job, begun.batch
        log, why = outcome.log.decode("utf-8", "replace"), _why(outcome, job.timeout)
        interrupted = outcome.ended == "interrupted"
        if why or not os.path.isabs(job.argv[0]):
            from ..sandbox.start_failure import UNSTARTED, start_error

            fault = start_error(job, outcome)
            why = fault if UNSTARTED in fault else ": ".join(filter(None, (why, fault)))
        if not why:
            if self._full >= begun.began:
                raise BuildError(
                    f"the disk of {job.out} was full while the command ran: what it made is not believed",
                    None,
                    "make room, or set BUILDGRAPH_CACHE to a folder on a disk with room",
                    "environment",
                )
            try:
                staged = {
                    path.removeprefix("out/") for path, *_ in task.inputs if path.startswith("out/")
                }
                outputs = collect(job.out, task.action.outputs, batch, staged)
            except BuildError as fault:
                if fault.reason == "environment":
                    raise
                why = fault.what
        if why:
            self._store.drop(batch)
            refused, log = parse_refusals(task.action, log)
            return TaskOutcome(
                task,
                None,
                batch,
                why,
                log,
                "" if refused else _by_hand(job, self._keep),
                interrupted,
                refused,
            )
        result = Result(outputs, batch.add(outcome.log), outcome.level, outcome.milliseconds)
        batch.record(
            task.key.digest,
            result,
            {**task.key.messages, **copy_small_texts(task.inputs, job.stage)},
        )
        return TaskOutcome(task, result, batch)


def _job(task: Task, root: str, out: str, temp: str) -> Job:
    action = task.action
    env = dict(FIXED) | dict(action.env)
    visible: list[str] = []
    for program in task.programs.values():
        visible += program.visible
    entries = [entry for dist in task.distributions.values() for entry in dist.entries]
    if entries:
        site = unused_path("site", (path for path, _ in action.inputs))
        _link(os.path.join(root, site), entries)
        visible += [path for _, path in entries]
        env["PYTHONPATH"] = site
    first = (
        task.programs[action.argv[0]].path if action.argv[0] in task.programs else action.argv[0]
    )
    return Job(
        (first, *action.argv[1:]),
        tuple(sorted(env.items())),
        root,
        out,
        temp,
        tuple(sorted(set(visible))),
        action.timeout,
        action.network,
    )


def _link(folder: str, entries: Sequence[tuple[str, str]]) -> None:
    """Links to all that distributions have; folders that several of them share are made, and never written through a link."""
    linked: set[str] = set()
    os.mkdir(folder)
    for name, path in sorted(entries):  # a folder before what is in it
        parts = name.split("/")
        if not any("/".join(parts[:depth]) in linked for depth in range(1, len(parts) + 1)):
            os.makedirs(os.path.join(folder, *parts[:-1]), exist_ok=True)
            os.symlink(path, os.path.join(folder, name))
            linked.add(name)


def _folder_of(declared: Out) -> str:
    """The folder that a command finds for an output: a tree itself, or where a file belongs."""
    path = f"out/{declared.path}"
    return path if declared.tree else path.rpartition("/")[0]


def _why(outcome: Outcome, timeout: int) -> str:
    match outcome.ended:
        case "timeout":
            return f"it ran out of time and was killed (timeout: {timeout} s)"
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
    blocks = disk.f_bfree if _ROOT else disk.f_bavail
    return blocks * disk.f_frsize >= least and not (disk.f_files and not disk.f_ffree)


def _by_hand(job: Job, kept: bool) -> str:
    """The command that runs an action again, where its folder is kept; else there is nothing to run it in."""
    if not kept:
        return ""
    import shlex

    from ..sandbox.job_encoding import environment

    env = shlex.join(
        f"{name}={value}" for name, value in sorted(environment(job, job.stage, job.temp).items())
    )
    return f"cd {shlex.quote(job.stage)} && env -i {env} {shlex.join(job.words)}"
