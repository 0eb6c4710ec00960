"""The loop of a build: take a ready step, make its key, recall its result or run it, publish, tell the plan."""

from __future__ import annotations

import os
import time

from ..host.environment import RULES_FOLDER, BuildEnvironment
from ..keys.action_graph import ActionGraph
from ..keys.action_key import key_of
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import Cancelled, closing
from ..sandbox.job import LEVELS, Cancel, Level
from ..types.action import Action, Artifact, Content, Output, Shipped
from ..types.digest import Digest
from ..types.errors import FAILED, INTERRUPTED, OK, USAGE
from ..types.events import Done, Failed, Fault, Judged, Listener, Skipped, Started
from ..types.request import Request
from ..types.result import File, Node, Result
from .scheduler import Scheduler, StepState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .action_runner import Task, TaskOutcome
    from .worker_pool import FinishedTask, WorkerPool

_PUBLISH_S, _SHARE = (
    1.0,
    10,
)  # so much of a build a crash may cost; a disk that syncs slowly is asked less often


class _Over:
    """The wish that what runs comes to its end: the user's, or that of an attempt that is given up."""

    def __init__(self, cancel: Cancel) -> None:
        self._cancel, self._up = cancel, False

    def is_set(self) -> bool:
        """Whether it is wished."""
        return self._up or self._cancel.is_set()

    def set(self) -> None:
        """Give this attempt up; the user's wish stays what it is."""
        self._up = True


class Executor:
    """The steps of one attempt at a request, and what came of them."""

    steps: ActionGraph
    plan: Scheduler

    def __init__(
        self, root: str, request: Request, listen: Listener, cancel: Cancel, host: BuildEnvironment
    ) -> None:
        self.root, self.request, self.listen, self.cancel, self.host = (
            root,
            request,
            listen,
            cancel,
            host,
        )
        self.level: Level = "none"
        self.results: dict[Action, Result] = {}
        self.keys: dict[Action, Digest] = {}
        self.counts = {"ran": 0, "hit": 0, "shared": 0}
        self.interrupted = self.refused = 0
        self._running: dict[Digest, list[int]] = {}
        self.gate_only: set[int] = set()
        self._kept = False  # something is not published yet

    def drive(self) -> None:
        """Take every step to its end; Moved and Missing when the build must start over."""
        if self.plan.over:
            return  # without what runs steps, which costs a fifth of all imports
        from .action_runner import ActionRunner
        from .worker_pool import WorkerPool

        jobs = self.request.jobs or os.cpu_count() or 1
        over = _Over(self.cancel)
        worker = ActionRunner(
            self.host.store, self.host.scratch, self.level, self.request.sandbox_debug, over
        )
        with closing(worker), closing(WorkerPool(worker, jobs, over)) as crew:
            try:
                self._loop(crew)
            except BaseException as fault:
                over.set()
                self._drop_running(crew)
                if isinstance(fault, Exception):
                    self.host.store.publish()  # what was done is done: it is a hit when the build starts over
                raise
        self.host.store.publish()

    def _drop_running(self, crew: WorkerPool) -> None:
        """Nothing more is wanted: commands that were told to end do, and what they made is forgotten."""
        while ended := crew.wait():
            for _, attempt in ended:
                if not isinstance(attempt, BaseException):
                    self.host.store.drop(attempt.batch)
        self._running.clear()

    def _loop(self, crew: WorkerPool) -> None:
        due = time.monotonic() + _PUBLISH_S
        while not self.plan.over:
            while crew.free and not self.cancel.is_set():
                step = self.plan.next()
                if step is None:
                    break
                task = self._begin(step)
                if task is not None:
                    crew.start(task)
            if self.cancel.is_set():
                self.plan.stop()
            self._wave(crew.wait(due) if self._kept else crew.wait())
            now = time.monotonic()
            if self._kept and now >= due:
                self.host.store.publish()
                self._kept = False
                due = time.monotonic() + max(_PUBLISH_S, _SHARE * (time.monotonic() - now))

    def _begin(self, step: int) -> Task | None:
        """Make the key of a step; a hit is done at once, a miss becomes a task unless an equal one runs already."""
        action = self.steps.actions[step]
        lacking = [name for name in action.programs if self.host.tools.find(name) is None]
        if lacking:
            self._unrunnable(step, lacking[0])
            return None
        try:
            task = self.task(step)
        except Cancelled:
            self._interrupt([step])
            return None
        key = self.keys[action] = task.key.digest  # all of a key weighs more than the action
        if key in self._running:
            self._running[key].append(step)
            return None
        result = self.host.store.recall(key)
        if result is not None and LEVELS.index(_level(result.sandbox)) <= LEVELS.index(self.level):
            self._done(step, result, "hit")
            return None
        self._running[key] = [step]
        self.listen(Started(step, str(action.owner), action.title))
        return task

    def task(self, step: int) -> Task:
        """All that running a step takes; what it needs must be done, and its programs installed."""
        action = self.steps.actions[step]
        held = tuple((path, given, *self._hold(given)) for path, given in action.inputs)
        programs = {name: self.host.tools.program(name, action.at) for name in action.programs}
        distributions = self.host.tools.distributions(action.distributions, action.at)
        identities = {f"program:{name}": tool.identity for name, tool in programs.items()}
        identities |= {
            f"distribution:{name}": dist.identity for name, dist in distributions.items()
        }
        key = key_of(action, [(path, node) for path, _, node, _ in held], identities)
        from .action_runner import Task

        return Task(step, action, key, held, programs, distributions)

    def _unrunnable(self, step: int, program: str) -> None:
        action = self.steps.actions[step]
        fault = f"the program {program!r} is not installed"
        way = f"install {program}, then build again"
        if any(path == program for path, _ in action.inputs):
            way = f"to run the input {program}, write its name in braces in argv; otherwise {way}"
        self.listen(Failed(step, str(action.owner), action.title, f"{fault}: {way}", "", ""))
        self._fail(step)

    def _hold(self, given: Artifact) -> tuple[Node, str]:
        match given:
            case Output(name, action):
                return dict(self.results[action].outputs)[name], ""
            case Content(_, data):
                return File(Digest.of(data)), ""
            case Shipped(name):
                path = os.path.join(RULES_FOLDER, name)
                return File(*self.host.sources.digest(path)), path
        digest, executable = self.host.sources.digest(given.name, getattr(given, "at", None))
        return File(digest, executable), self.host.sources.path(given.name)

    def _wave(self, ended: Sequence[FinishedTask]) -> None:
        """Keep what has ended for the next publication, and tell the plan; the first fault is raised at the end."""
        for task, attempt in ended:
            steps = self._running.pop(task.key.digest)
            if isinstance(attempt, Cancelled):
                self._interrupt(steps)
            elif not isinstance(attempt, BaseException):
                if attempt.result is not None:
                    self.host.store.keep(attempt.batch)
                    self._kept = True
                self._settle(steps, attempt)
        for _, fault in ended:
            if isinstance(fault, BaseException) and not isinstance(fault, Cancelled):
                raise fault

    def _settle(self, steps: list[int], attempt: TaskOutcome) -> None:
        first, *equal = steps
        action = attempt.task.action
        if attempt.result is not None:
            self._done(first, attempt.result, "ran")
            for step in equal:
                self._done(step, attempt.result, "shared")
            return
        if attempt.interrupted:
            self._interrupt(steps)
            return
        self.listen(
            Failed(
                first,
                str(action.owner),
                action.title,
                attempt.why,
                attempt.log,
                attempt.reproducer,
                bool(attempt.refused),
            )
        )
        self.refused += len(steps) if attempt.refused else 0
        for fault in self._faults(attempt):
            self.listen(fault)
        for step in steps:
            self._fail(step)

    def _interrupt(self, steps: Sequence[int]) -> None:
        self.interrupted += len(steps)
        for step in steps:
            self._fail(step)

    def _faults(self, attempt: TaskOutcome) -> list[Fault]:
        """What an action refuses, at the places where the user wrote it."""
        if not attempt.refused:
            return []
        from ..ui.diagnostics import format_error
        from .tool_refusal import to_errors

        action, found = attempt.task.action, []
        for fault in (
            to_errors(self.root, action.owner, action.at, refusal) for refusal in attempt.refused
        ):
            at: dict[str, str | int] | None = None
            if fault.at is not None:
                at = {"path": fault.at.path, "line": fault.at.line, "column": fault.at.column}
            text = format_error(
                fault, lambda path, line: _line_of(os.path.join(self.root, path), line)
            )
            found.append(Fault(str(action.owner), fault.what, at, fault.fix, fault.reason, text))
        return found

    def _done(self, step: int, result: Result, how: str) -> None:
        action = self.steps.actions[step]
        self.results[action] = result
        self.counts[how] += 1
        self.plan.done(step)
        key = str(self.keys[action])
        place, took = self.steps.ordinals[step], result.milliseconds
        self.listen(Done(step, str(action.owner), action.title, how, key, took, place))  # type: ignore[arg-type]

    def _fail(self, step: int) -> None:
        title = self.steps.actions[step].title
        for number in self.plan.fail(step):
            action = self.steps.actions[number]
            self.listen(Skipped(number, str(action.owner), action.title, title))
        if not self.request.keep_going and step not in self.gate_only:
            self.plan.stop()

    def node(self, artifact: Artifact) -> Node:
        """What an artifact holds; what makes it must be done."""
        return self._hold(artifact)[0]

    def code(self, judged: Sequence[Judged]) -> int:
        """The exit code: interrupted, refused, failed, or all well."""
        if self.cancel.is_set():
            return INTERRUPTED
        failed = self.plan.counts[StepState.FAILED]
        if failed and failed == self.refused:
            return USAGE  # the user is to mend what was written; where anything else failed, too, that decides
        return FAILED if failed or any(verdict.verdict == "failed" for verdict in judged) else OK


def _line_of(path: str, number: int) -> str | None:
    """A line of a file, or None when it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return next((line for at, line in enumerate(file, 1) if at == number), None)
    except OSError:
        return None


def _level(text: str) -> Level:
    return next((level for level in LEVELS if level == text), "none")
