"""The loop of a build: compute the key of a ready action, recall its result or run it."""

from __future__ import annotations

import os
import time

from ..host.environment import RULES_FOLDER, BuildEnvironment, own_folder
from ..keys.action_graph import ActionGraph
from ..keys.action_key import key_of
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import Cancelled, closing
from ..lite.record import Record
from ..sandbox.job import LEVELS, Cancel, Level
from ..types.action import Action, Artifact, Content, Output, Shipped
from ..types.digest import Digest
from ..types.errors import FAILED, INTERRUPTED, OK, USAGE
from ..types.events import Done, Failed, Judged, Listener, Skipped, Started
from ..types.request import Request
from ..types.result import File, Node, Result
from . import durations
from .scheduler import Scheduler, StepState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence, Set
    from typing import Literal, TypeAlias

    from .action_runner import TaskOutcome
    from .gate_evidence import GateEvidence
    from .task_job import Task
    from .worker_pool import FinishedTask, WorkerPool

    How: TypeAlias = Literal["ran", "hit", "shared"]

_PUBLISH_S = 1.0  # a crash loses at most this much of a build
_SYNC_SHARE = 10  # a slow disk syncs at most one tenth of the time


class AttemptCancelled:
    """Cancellation requested by the user, or by an attempt that was abandoned."""

    def __init__(self, cancel: Cancel) -> None:
        self._cancel, self._abandoned = cancel, False

    def is_set(self) -> bool:
        """True if running actions must stop."""
        return self._abandoned or self._cancel.is_set()

    def set(self) -> None:
        """Abandon this attempt; the user's own cancellation is left alone."""
        self._abandoned = True


class Attempt(Record, eq=False):
    """One attempt at a request: the workspace, the environment and the sandbox level."""

    root: str
    request: Request
    listen: Listener
    cancel: Cancel
    host: BuildEnvironment
    level: Level


class Executor:
    """Runs the actions of a graph and keeps their keys and results.

    `known` has results of actions outside the graph whose outputs its actions take. Failures of the
    actions in `gate_only` do not stop the others.
    """

    def __init__(
        self,
        attempt: Attempt,
        graph: ActionGraph,
        gate_only: Set[int] = frozenset(),
        known: Mapping[Action, Result] | None = None,
    ) -> None:
        self.root, self.request, self.listen = attempt.root, attempt.request, attempt.listen
        self.cancel, self.host, self.level = attempt.cancel, attempt.host, attempt.level
        self.steps, self.gate_only = graph, gate_only
        self.costs = durations.estimate_costs(self.root, graph.actions)
        self.plan = Scheduler(graph.deps, self.costs)
        self.results: dict[Action, Result] = dict(known or {})
        self.keys: dict[Action, Digest] = {}
        self.evidence: dict[int, GateEvidence] = {}
        self.has_uncached = False  # a gate passed for this build only
        self.counts = {"ran": 0, "hit": 0, "shared": 0}
        self.interrupted = self.refused = 0
        self._running: dict[Digest, list[int]] = {}
        self._unpublished = False

    def run(self) -> None:
        """Finish every action; SourceChanged and Missing when the build must start over."""
        if self.plan.finished:
            return  # importing what runs actions takes a fifth of all imports
        from .gathered_tree import GatheringRunner
        from .previous_records import PreviousRecords
        from .worker_pool import WorkerPool

        jobs = self.request.jobs or os.cpu_count() or 1
        cancelled = AttemptCancelled(self.cancel)
        runner = GatheringRunner(
            self.host.store,
            self.host.scratch,
            self.level,
            self.request.sandbox_debug,
            cancelled,
            previous=PreviousRecords(own_folder(self.root, self.host.store)),
        )
        with closing(runner), closing(WorkerPool(runner, jobs, cancelled)) as pool:
            try:
                self._loop(pool)
            except BaseException as error:
                cancelled.set()
                self._drop_running(pool)
                if isinstance(error, Exception):
                    self.host.store.publish()  # finished actions are hits if it starts over
                raise
        self.host.store.publish()

    def _drop_running(self, pool: WorkerPool) -> None:
        """Wait until the cancelled actions have ended, and drop their outputs."""
        while ended := pool.wait():
            for _, outcome in ended:
                if not isinstance(outcome, BaseException):
                    self.host.store.drop(outcome.batch)
        self._running.clear()

    def _loop(self, pool: WorkerPool) -> None:
        due = time.monotonic() + _PUBLISH_S
        while not self.plan.finished:
            while pool.free and not self.cancel.is_set():
                step = self.plan.next()
                if step is None:
                    break
                task = self._begin(step)
                if task is not None:
                    pool.start(task)
            if self.cancel.is_set():
                self.plan.stop()
            self._collect(pool.wait(due) if self._unpublished else pool.wait())
            now = time.monotonic()
            if self._unpublished and now >= due:
                self.host.store.publish()
                self._unpublished = False
                due = time.monotonic() + max(_PUBLISH_S, _SYNC_SHARE * (time.monotonic() - now))

    def _begin(self, step: int) -> Task | None:
        """Compute the key of an action.

        A hit is done at once; a miss becomes a task unless an equal one is running.
        """
        action = self.steps.actions[step]
        missing = [name for name in action.programs if self.host.tools.find(name) is None]
        if missing:
            self._report_missing_program(step, missing[0])
            return None
        try:
            task = self.task(step)
        except Cancelled:
            self._interrupt([step])
            return None
        key = self.keys[action] = task.key.digest  # the whole key takes more memory than the action
        if key in self._running:
            self._running[key].append(step)
            return None
        result = self.host.store.recall(key)
        if result is not None and is_confined(result, self.level):
            self._done(step, result, "hit")
            return None
        self._running[key] = [step]
        self.listen(Started(step, str(action.owner), action.title))
        return task

    def task(self, step: int) -> Task:
        """The key and the inputs of an action.

        Its producers must be done, and its programs installed.
        """
        action = self.steps.actions[step]
        inputs = tuple(
            (path, artifact, *self._resolve_input(artifact)) for path, artifact in action.inputs
        )
        programs = {name: self.host.tools.program(name, action.at) for name in action.programs}
        distributions = self.host.tools.distributions(action.distributions, action.at)
        identities = self.host.tools.identities(action)
        key = key_of(action, [(path, node) for path, _, node, _ in inputs], identities)
        from .task_job import Task

        return Task(step, action, key, inputs, programs, distributions)

    def _report_missing_program(self, step: int, program: str) -> None:
        action = self.steps.actions[step]
        help_ = f"install {program}, then build again"
        if any(path == program for path, _ in action.inputs):
            help_ = (
                f"to run the input {program}, write its name in braces in argv; otherwise {help_}"
            )
        what = f"the program {program!r} is not installed: {help_}"
        self.listen(Failed(step, str(action.owner), action.title, what, "", ""))
        self._fail(step)

    def _resolve_input(self, artifact: Artifact) -> tuple[Node, str]:
        """The content of an artifact, and the path of a file that is not in the store."""
        match artifact:
            case Output(name, action):
                return dict(self.results[action].outputs)[name], ""
            case Content(_, data):
                return File(Digest.of(data)), ""
            case Shipped(name):
                path = os.path.join(RULES_FOLDER, name)
                return File(*self.host.sources.digest(path)), path
        digest, executable = self.host.sources.digest(artifact.name, getattr(artifact, "at", None))
        return File(digest, executable), self.host.sources.path(artifact.name)

    def _collect(self, ended: Sequence[FinishedTask]) -> None:
        """Settle the tasks that ended; their results are published later.

        The first error is raised last.
        """
        for task, outcome in ended:
            steps = self._running.pop(task.key.digest)
            if isinstance(outcome, Cancelled):
                self._interrupt(steps)
            elif not isinstance(outcome, BaseException):
                if outcome.result is not None:
                    self.host.store.keep(outcome.batch)
                    self._unpublished = True
                self._settle(steps, outcome)
        for _, error in ended:
            if isinstance(error, BaseException) and not isinstance(error, Cancelled):
                raise error

    def _settle(self, steps: list[int], outcome: TaskOutcome) -> None:
        first, *equal = steps
        action = outcome.task.action
        if outcome.result is not None and outcome.evidence is None:
            self._done(first, outcome.result, "ran")
            for step in equal:
                self._done(step, outcome.result, "shared")
            return
        if outcome.interrupted:
            self._interrupt(steps)
            return
        if outcome.evidence is not None:
            self.evidence.update(dict.fromkeys(steps, outcome.evidence))
            if self._is_uncached_verdict(steps, outcome.evidence):
                self.has_uncached = True
                for step in steps:
                    if outcome.result is not None:
                        self.results[self.steps.actions[step]] = outcome.result
                    self._report_done(step, "ran", outcome.evidence.milliseconds)
                return
        self.listen(
            Failed(
                first,
                str(action.owner),
                action.title,
                outcome.why,
                outcome.log,
                outcome.reproducer,
                bool(outcome.refused),
            )
        )
        self.refused += len(steps) if outcome.refused else 0
        if outcome.refused:
            from .tool_refusal import fault_events

            for event in fault_events(self.root, action.owner, action.at, outcome.refused):
                self.listen(event)
        for step in steps:
            self._fail(step)

    def _interrupt(self, steps: Sequence[int]) -> None:
        self.interrupted += len(steps)
        for step in steps:
            self._fail(step)

    def _done(self, step: int, result: Result, how: How) -> None:
        action = self.steps.actions[step]
        self.results[action] = result
        self._report_done(step, how, result.milliseconds)

    def _report_done(self, step: int, how: How, milliseconds: int) -> None:
        action = self.steps.actions[step]
        self.counts[how] += 1
        self.plan.done(step)
        key, position = str(self.keys[action]), self.steps.ordinals[step]
        label = str(action.owner)
        self.listen(Done(step, label, action.title, how, key, milliseconds, position))

    def _is_uncached_verdict(self, steps: Sequence[int], evidence: GateEvidence) -> bool:
        """True for a gate that has not failed, and that no output but reports of gates needs."""
        from .gate_evidence import is_uncached

        return is_uncached(evidence) and all(step in self.gate_only for step in steps)

    def _fail(self, step: int) -> None:
        title = self.steps.actions[step].title
        for number in self.plan.fail(step):
            action = self.steps.actions[number]
            self.listen(Skipped(number, str(action.owner), action.title, title))
        if not self.request.keep_going and step not in self.gate_only:
            self.plan.stop()

    def node(self, artifact: Artifact) -> Node:
        """The content of an artifact. The action that makes it must be done."""
        return self._resolve_input(artifact)[0]

    def code(self, judged: Sequence[Judged]) -> int:
        """The exit code: interrupted, refused by a tool, failed, or success."""
        if self.cancel.is_set():
            return INTERRUPTED
        failed = self.plan.counts[StepState.FAILED]
        if failed and failed == self.refused:
            return USAGE  # the user must change a file; any other failure takes precedence
        return FAILED if failed or any(verdict.verdict == "failed" for verdict in judged) else OK


def is_confined(result: Result, level: Level) -> bool:
    """True if the action of a result ran in a sandbox of that level, or in a stronger one."""
    level_of_result = next((name for name in LEVELS if name == result.sandbox), "none")
    return LEVELS.index(level_of_result) <= LEVELS.index(level)
