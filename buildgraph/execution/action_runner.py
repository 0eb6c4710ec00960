"""Run one action: stage exactly its inputs, run it in the sandbox, collect its outputs.

Source files are copied while they are hashed, so the action reads the contents that its key names.
A file with another digest raises SourceChanged. The caller publishes the batch.
"""

from __future__ import annotations

import errno
import itertools
import os
import time

from ..files.remove_tree import remove
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import suppress
from ..lite.record import Record
from ..lite.threads import allocate_lock
from ..sandbox.collect_outputs import collect
from ..sandbox.job import FLAGS, Cancel, Job, Level, Outcome
from ..sandbox.staging import stage
from ..store.protocol import Batch, Store
from ..types.action import Output
from ..types.errors import BuildError
from ..types.result import File, Node, Result
from .gate_evidence import GateEvidence, is_uncached, left_evidence
from .input_copies import copy_input, copy_small_texts
from .task_job import Task, folder_of, inputs_below_out, job_of
from .tool_refusal import ToolRefusal, parse_refusals
from .work_dir import WorkDir

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..sandbox.forkserver.client import ForkServers
    from .previous_records import PreviousRecords

_ROOM = 1 << 20  # bytes; a disk with less counts as full
_LITTLE = 256 << 20  # bytes; a disk with less is watched
_INTERVAL_S = 0.002  # between two looks at it
_ROOT = os.geteuid() == 0


class TaskOutcome(Record):
    """The outcome of a task: a result and a batch with its blobs, or why there is none.

    A result with `evidence` has no record in the batch: it holds for this build only.
    """

    task: Task
    result: Result | None
    batch: Batch
    why: str = ""
    log: str = ""
    reproducer: str = ""
    interrupted: bool = False
    refused: tuple[ToolRefusal, ...] = ()
    evidence: GateEvidence | None = None


class StagedTask(Record):
    """A staged task: its job, its working directory, and the batch for its outputs."""

    task: Task
    work_dir: WorkDir
    job: Job
    batch: Batch
    began: float


class ActionRunner:
    """Runs tasks in folders below `scratch`.

    Several threads may call it. `close` ends its fork servers.

    `wrap` changes each job before it runs. `keep` leaves the folders of actions in place.
    `previous` has the records of earlier runs; without it every action starts without them.
    """

    def __init__(
        self,
        store: Store,
        scratch: str,
        level: Level,
        keep: bool,
        cancel: Cancel,
        *,
        wrap: Callable[[Job], Job] = lambda job: job,
        previous: PreviousRecords | None = None,
    ) -> None:
        self._wrap, self._previous = wrap, previous
        self._store, self._scratch, self.level = store, scratch, level
        self._keep, self._cancel = keep, cancel
        self._servers: ForkServers | None = None
        self._lock = allocate_lock()
        self._full = 0.0  # when the disk was last full, during any action
        self._watched = self._closed = False
        self._free: list[WorkDir] = []
        self._count = itertools.count()

    def close(self) -> None:
        """End the fork servers and the watch of the disk; remove the folders."""
        self._closed = True
        for work_dir in self._free:
            remove(work_dir.folder)
        if self._servers is not None:
            self._servers.close()

    def attempt(self, task: Task) -> TaskOutcome:
        """Run a task.

        SourceChanged if a source has changed, Missing if the store has lost an input.
        """
        staged = self.begin(task)
        try:
            outcome = self.run(staged.job)
        except BaseException as error:
            self.abandon(staged, error)
            raise
        return self.finish(staged, outcome)

    def begin(self, task: Task) -> StagedTask:
        """Stage a task; exceptions as for `attempt`.

        A staged task must be finished or abandoned.
        """
        began = time.monotonic()
        self._watch()
        work_dir = self._take_work_dir()
        batch = self._store.batch()
        try:
            return StagedTask(task, work_dir, self._prepare(task, work_dir), batch, began)
        except BaseException as error:
            self._discard(work_dir, batch, error)
            if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
                raise BuildError(
                    f"an input of {task.action.owner} has too long a path below {self._scratch}",
                    None,
                    "set BUILDGRAPH_CACHE to a folder with a shorter path",
                    "environment",
                ) from error
            raise

    def finish(self, staged: StagedTask, outcome: Outcome) -> TaskOutcome:
        """Collect the outputs of a job that has ended.

        The folder of a job that was killed is not used again: its supervisor may have been killed
        as well.
        """
        if not _has_free_space(
            staged.work_dir.out
        ):  # before a folder is emptied, which frees space
            self._full = time.monotonic()
        if self._previous is not None and outcome.ended == "exit" and staged.task.action.platform:
            self._previous.save(staged.task, staged.job.temp)
        try:
            task_outcome = self._collect(staged, outcome)
        except BaseException as error:
            self.abandon(staged, error)
            raise
        if outcome.code != 128 + 9:
            self._release(staged.work_dir)
        return task_outcome

    def abandon(self, staged: StagedTask, error: BaseException) -> None:
        """Drop a staged task that did not finish because of an error."""
        self._discard(staged.work_dir, staged.batch, error)

    def _discard(self, work_dir: WorkDir, batch: Batch, error: BaseException) -> None:
        if isinstance(error, BuildError) and error.reason == "environment":
            self._full = time.monotonic()
        self._store.drop(batch)
        self._release(work_dir)

    def _take_work_dir(self) -> WorkDir:
        with suppress(IndexError):  # another thread may have taken the last
            return self._free.pop()
        while True:
            # A folder of that name is of another runner, or an earlier build kept it for the user.
            with suppress(FileExistsError):
                return WorkDir(os.path.join(self._scratch, f"action-{next(self._count)}"))

    def _release(self, work_dir: WorkDir) -> None:
        if not self._keep and work_dir.clean():
            self._free.append(work_dir)

    def _watch(self) -> None:
        """Watch a disk with little free space: it may be full for a moment only."""
        if not self._watched and not _has_free_space(self._scratch, _LITTLE):
            self._watched = True
            from threading import Thread

            Thread(target=self._watch_disk, daemon=True).start()

    def _watch_disk(self) -> None:
        try:
            while not self._closed:
                time.sleep(_INTERVAL_S)
                if not _has_free_space(self._scratch):
                    self._full = time.monotonic()
        except FileNotFoundError:
            return  # the build has ended and removed its folder

    def can_use_launcher(self, task: Task) -> bool:
        """True if a task needs no namespaces, and a fork server would not be faster."""
        words = task.action.argv
        return self.level != "namespaces" and (words[0] != "python3" or words[1:4] != FLAGS)

    def run(self, job: Job) -> Outcome:
        """Run a job in the sandbox, after `wrap` has changed it."""
        from ..sandbox.forkserver.client import ForkServers
        from ..sandbox.sandbox import run

        with self._lock:
            if self._servers is None:
                self._servers = ForkServers(self._scratch)
        return run(self._wrap(job), self.level, self._cancel, self._servers)

    def _prepare(self, task: Task, work_dir: WorkDir) -> Job:
        produced = [
            (path, node) for path, artifact, node, _ in task.inputs if isinstance(artifact, Output)
        ]
        folders = {path.rpartition("/")[0] for path, *_ in task.inputs if "/" in path}
        work_dir.prepare(
            {*folders, *(folder_of(declared) for declared in task.action.outputs)},
            [path for path, _, node, _ in task.inputs if isinstance(node, File)],
        )
        stage(work_dir.root, produced, self._store, folders, work_dir.create)
        for path, artifact, node, host in task.inputs:
            if not isinstance(artifact, Output):
                assert isinstance(node, File)
                copy_input(artifact, node, host, f"{work_dir.root}/{path}", work_dir.create)
        if self._previous is not None and task.action.platform:
            self._previous.stage(task, work_dir.root)
        return job_of(task, work_dir.root, work_dir.out, work_dir.temp)

    def _collect(self, staged: StagedTask, outcome: Outcome) -> TaskOutcome:
        task, job, batch = staged.task, staged.job, staged.batch
        log, why = outcome.log.decode("utf-8", "replace"), _why(outcome, job.timeout)
        interrupted = outcome.ended == "interrupted"
        if why or not os.path.isabs(job.argv[0]):
            from ..sandbox.start_failure import UNSTARTED, start_error

            reason = start_error(job, outcome)
            why = reason if UNSTARTED in reason else ": ".join(filter(None, (why, reason)))
        evidence = left_evidence(outcome, job.out, task.action.outputs) if why else None
        outputs: tuple[tuple[str, Node], ...] = ()
        if not why or is_uncached(evidence):
            try:
                outputs = self._outputs(staged)
            except BuildError as error:
                if error.reason == "environment":
                    raise
                why, evidence = error.what, None
        if why and not is_uncached(evidence):
            self._store.drop(batch)
            refused, log = parse_refusals(task.action, log)
            return TaskOutcome(
                task,
                None,
                batch,
                why,
                log,
                "" if refused else _reproducer(job, self._keep),
                interrupted,
                refused,
                evidence,
            )
        result = Result(outputs, batch.add(outcome.log), outcome.level, outcome.milliseconds)
        if evidence is not None:
            again = _reproducer(job, self._keep)
            return TaskOutcome(task, result, batch, why, log, again, evidence=evidence)
        batch.record(
            task.key.digest,
            result,
            {**task.key.messages, **copy_small_texts(task.inputs, job.stage)},
        )
        return TaskOutcome(task, result, batch)

    def _outputs(self, staged: StagedTask) -> tuple[tuple[str, Node], ...]:
        """Add the declared outputs of a command that has ended to its batch."""
        if self._full >= staged.began:
            raise BuildError(
                f"the disk of {staged.job.out} was full while the command ran, "
                "so its outputs were discarded",
                None,
                "make room, or set BUILDGRAPH_CACHE to a folder on a disk with room",
                "environment",
            )
        task = staged.task
        declared = task.action.outputs
        return collect(staged.job.out, declared, staged.batch, inputs_below_out(task))


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


def _has_free_space(folder: str, least: int = _ROOM) -> bool:
    """True if the disk has `least` free bytes.

    Many programs exit with 0 on a full disk, so the exit code does not say.
    """
    disk = os.statvfs(folder)
    blocks = disk.f_bfree if _ROOT else disk.f_bavail
    return blocks * disk.f_frsize >= least and not (disk.f_files and not disk.f_ffree)


def _reproducer(job: Job, kept: bool) -> str:
    """The command that runs an action again in its folder, or nothing if the folder is not kept."""
    if not kept:
        return ""
    import shlex

    from ..sandbox.job_encoding import environment

    env = shlex.join(
        f"{name}={value}" for name, value in sorted(environment(job, job.stage, job.temp).items())
    )
    return f"cd {shlex.quote(job.stage)} && env -i {env} {shlex.join(job.words)}"
