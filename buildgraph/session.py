"""One build: labels in, artifacts and verdicts out. The only place where graph, store, sandbox and listeners meet."""
from __future__ import annotations

import io
import os
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

from . import loading, pace, receipt
from .digest import Digest
from .errors import FAILED, INTERRUPTED, OK, BuildError
from .events import Done, Event, Failed, Finished, Judged, Listener, Planned, Skipped, Started, Warned
from .execute.job import LEVELS, Level
from .key import Key, key_of
from .materialise import Materialiser, Shown
from .model import Action, Artifact, Content, File, Gate, Node, Output, Result, Shipped
from .plan import Plan, State
from .source import Moved, Sources, fingerprint, settled
from .steps import Steps, Wanted, gates_of, wanted_of
from .store import roots
from .store.disk import DiskStore
from .store.place import scratch_folder
from .store.protocol import Missing
from .toolchain import Toolchain
from .ui.summary import Summary
from .ui.words import plural
from .worker import Attempt, Task, Worker

RESTARTS = 8   # a build starts over when a file moved under it or the store lost a blob; then it is given up


@dataclass(frozen=True)
class Request:
    """What to build and how: label patterns, threads (0: one a core), where it may run, what to do on failure."""

    patterns: tuple[str, ...]
    jobs: int = 0
    keep_going: bool = False
    sandbox: str = ""
    sandbox_debug: bool = False
    out: str = ""
    gates: bool = True
    package: str = ""
    after: Callable[[Session, int], int] | None = None   # what looks at the build when it is done, and its exit code

    @property
    def plain(self) -> bool:
        """Whether the words alone say what is asked for, so that a receipt may answer them the next time."""
        return self.gates and not (self.sandbox or self.sandbox_debug or self.out or self.after)


def build(root: str, request: Request, listen: Listener, cancel: threading.Event) -> int:
    """Build what is asked for and return the exit code; BuildError for a fault of the user's before anything runs."""
    store, index = loading.open_store(lambda text: listen(Warned(text)))
    kept = os.path.join(root, ".buildgraph", "sandbox") if request.sandbox_debug else ""
    with closing(store), scratch_folder(os.path.join(store.root, "work"), kept) as scratch:
        host = Sources(root, index)
        for _ in range(RESTARTS):
            try:
                return Session(root, request, listen, cancel, Host(store, host, Toolchain(host), scratch)).run()
            except Moved as moved:
                listen(Warned(f"{moved.path} changed while it was being built: starting over with what it holds now"))
            except Missing as missing:
                listen(Warned(f"the cache lost blob {missing.digest.hash[:12]}: making it again"))
            host.forget()
    raise BuildError("the inputs kept changing while they were being built", None,
                     "stop what writes them, then build again", "broken")


@dataclass(frozen=True, slots=True)
class Host:
    """The outside of a session: store, files of the user, tools, and a folder for scratch."""

    store: DiskStore
    sources: Sources
    tools: Toolchain
    scratch: str


class Session:
    """One attempt at a request."""

    def __init__(self, root: str, request: Request, listen: Listener, cancel: threading.Event, host: Host) -> None:
        self.root, self.request, self.listen, self.cancel, self.host = root, request, listen, cancel, host
        self.level = loading.level_of(request.sandbox)
        self.results: dict[Action, Result] = {}
        self.keys: dict[Action, Key] = {}
        self.counts = {"ran": 0, "hit": 0, "shared": 0}
        self._running: dict[Digest, list[int]] = {}
        self._completed: queue.SimpleQueue[tuple[Task, Attempt | BaseException]] = queue.SimpleQueue()
        self._gate_only: set[int] = set()

    def run(self) -> int:
        """Analyse, plan, run, show, remember."""
        start, began = time.monotonic_ns(), time.time_ns()
        loaded = loading.load(self.root, self.request.patterns, self.request.package)
        wanted = [want for label in loaded.labels for want in wanted_of(label, loaded.analysis.providers[label])]
        gates = self._gates(loaded)
        able = [gate.verdict for _, gate in gates if not self._lacking(gate)]
        self.steps = Steps.of([*(want.artifact for want in wanted), *able])
        needed = Steps.of(want.artifact for want in wanted).number
        self._gate_only = {number for action, number in self.steps.number.items() if action not in needed}
        costs = pace.costs(self.root, self.steps.actions)
        self.plan = Plan(self.steps.needs, costs)
        self.listen(Planned(tuple(map(str, loaded.labels)), len(self.steps.actions), len(gates), self.level,
                            self.plan.chains if costs else ()))
        self._drive()
        judged = self._judge(gates)
        built = Materialiser(self.root, self.host.store, self.host.sources).show(
            [want for want in wanted if self._whole(want)], self._node, self.listen)
        if self.request.out:
            built.copy_to(self.request.out)
        code = self._code(judged)
        if self.request.after is not None:
            code = self.request.after(self, code)
        self.host.sources.save()
        roots.remember(self.host.store.root, self.root, self.request.patterns,
                       [self.keys[action].digest for action in self.results])
        counts = self.plan.counts
        finished = Finished(code, self.counts["ran"], self.counts["hit"], self.counts["shared"], counts[State.FAILED],
                            counts[State.SKIPPED], (time.monotonic_ns() - start) // 1_000_000)
        if code == OK and self.request.plain:
            self._receipt(began, loaded, built, judged)
        self.listen(finished)
        return code

    def _receipt(self, began: int, loaded: loading.Loaded, built: Shown, judged: list[Judged]) -> None:
        """Leave a receipt, unless a file that was read is so young that a later edit could look the same."""
        seen = {self.host.sources.path(name): stamp for name, stamp in self.host.sources.seen.items()}
        watched = (*loaded.watched, *self.host.tools.watched, *loading.own_files())
        seen |= {path: fingerprint(path) for path in watched if os.path.exists(path)}
        made = set(built.files)
        young = [path for path, stamp in seen.items() if path not in made and not settled(stamp, began)]
        if not all(settled(seen[path], time.time_ns()) and loaded.lists_as_before(path) for path in young):
            return
        text = io.StringIO()
        summary = Summary(text, show=frozenset({"outputs", "gates"}))
        said: list[Event] = [*built.events, *judged, Finished(OK, 0, 0, 0, 0, 0, 0)]
        for event in said:
            summary(event)
        text.write(f"nothing changed: {plural(len(self.steps.actions), 'action')} up to date\n")
        stamps = seen | {path: fingerprint(path) for path in made}
        receipt.write(self.root, (self.request.patterns, self.request.package), stamps, text.getvalue())

    def _gates(self, loaded: loading.Loaded) -> list[tuple[str, Gate]]:
        if not self.request.gates:
            return []
        return [(str(label), gate) for label in loaded.labels for gate in gates_of(loaded.analysis.providers[label])]

    def _drive(self) -> None:
        jobs = self.request.jobs or os.cpu_count() or 1
        worker = Worker(self.host.store, self.host.scratch, self.level, self.request.sandbox_debug, self.cancel)
        with ThreadPoolExecutor(jobs, "action") as pool:
            try:
                self._loop(jobs, lambda task: pool.submit(self._attempt, worker, task))
            except BaseException:
                self.cancel_running()
                raise

    def cancel_running(self) -> None:
        """Nothing more is wanted: running commands end, and what they made is forgotten."""
        was = self.cancel.is_set()
        self.cancel.set()
        while self._running:
            task, attempt = self._completed.get()
            del self._running[task.key.digest]
            if isinstance(attempt, Attempt):
                self.host.store.drop(attempt.batch)
        if not was:
            self.cancel.clear()

    def _loop(self, jobs: int, submit: Callable[[Task], object]) -> None:
        while not self.plan.over:
            while len(self._running) < jobs and not self.cancel.is_set():
                step = self.plan.next()
                if step is None:
                    break
                task = self._begin(step)
                if task is not None:
                    submit(task)
            if self.cancel.is_set():
                self.plan.stop()
            if self._running:
                self._wave()

    def _attempt(self, worker: Worker, task: Task) -> None:
        try:
            self._completed.put((task, worker.attempt(task)))
        except BaseException as fault:
            self._completed.put((task, fault))

    def _begin(self, step: int) -> Task | None:
        """Make the key of a step; a hit is done at once, a miss becomes a task unless an equal one runs already."""
        action = self.steps.actions[step]
        lacking = [name for name in action.programs if self.host.tools.find(name) is None]
        if lacking:
            self._unrunnable(step, lacking[0])
            return None
        task = self.task(step)
        key = self.keys[action] = task.key
        if key.digest in self._running:
            self._running[key.digest].append(step)
            return None
        result = self.host.store.recall(key.digest)
        if result is not None and LEVELS.index(_level(result.sandbox)) <= LEVELS.index(self.level):
            self._done(step, result, "hit")
            return None
        self._running[key.digest] = [step]
        self.listen(Started(step, str(action.owner), action.title))
        return task

    def task(self, step: int) -> Task:
        """All that running a step takes; what it needs must be done, and its programs installed."""
        action = self.steps.actions[step]
        held = tuple((path, given, *self._hold(given)) for path, given in action.inputs)
        programs = {name: self.host.tools.program(name, action.at) for name in action.programs}
        distributions = self.host.tools.distributions(action.distributions, action.at)
        identities = {f"program:{name}": tool.identity for name, tool in programs.items()}
        identities |= {f"distribution:{name}": dist.identity for name, dist in distributions.items()}
        key = key_of(action, [(path, node) for path, _, node, _ in held], identities)
        return Task(step, action, key, held, programs, distributions)

    def _unrunnable(self, step: int, program: str) -> None:
        action = self.steps.actions[step]
        fault = f"the program {program!r} is not installed"
        self.listen(Failed(step, str(action.owner), action.title, fault, "", f"install {program}, then build again"))
        self._fail(step)

    def _hold(self, given: Artifact) -> tuple[Node, str]:
        match given:
            case Output(name, action):
                return dict(self.results[action].outputs)[name], ""
            case Content(_, data):
                return File(Digest.of(data)), ""
            case Shipped(name):
                path = os.path.join(loading.SHIPPED, name)
                return File(*self.host.sources.digest(path)), path
        digest, executable = self.host.sources.digest(given.name, getattr(given, "at", None))
        return File(digest, executable), self.host.sources.path(given.name)

    def _wave(self) -> None:
        """Take all that has ended, publish it in one go, then tell the plan."""
        ended = [self._completed.get()]
        while not self._completed.empty():
            ended.append(self._completed.get())
        steps = [self._running.pop(task.key.digest) for task, _ in ended]
        self.host.store.publish([attempt.batch for _, attempt in ended
                                 if isinstance(attempt, Attempt) and attempt.result is not None])
        for equal, (_, attempt) in zip(steps, ended, strict=True):
            if isinstance(attempt, Attempt):
                self._settle(equal, attempt)
        for _, fault in ended:
            if isinstance(fault, BaseException):
                raise fault

    def _settle(self, steps: list[int], attempt: Attempt) -> None:
        first, *equal = steps
        action = attempt.task.action
        if attempt.result is not None:
            self._done(first, attempt.result, "ran")
            for step in equal:
                self._done(step, attempt.result, "shared")
            return
        if not attempt.interrupted:
            self.listen(Failed(first, str(action.owner), action.title, attempt.why, attempt.log, attempt.again))
        for step in (first, *equal):
            self._fail(step)

    def _done(self, step: int, result: Result, how: str) -> None:
        action = self.steps.actions[step]
        self.results[action] = result
        self.counts[how] += 1
        self.plan.done(step)
        key = str(self.keys[action].digest)
        took = result.milliseconds if how == "ran" else 0
        self.listen(Done(step, str(action.owner), action.title, how, key, took))  # type: ignore[arg-type]

    def _fail(self, step: int) -> None:
        title = self.steps.actions[step].title
        for number in self.plan.fail(step):
            action = self.steps.actions[number]
            self.listen(Skipped(number, str(action.owner), action.title, title))
        if not self.request.keep_going and step not in self._gate_only:
            self.plan.stop()

    def _whole(self, want: Wanted) -> bool:
        return not isinstance(want.artifact, Output) or want.artifact.action in self.results

    def _node(self, artifact: Artifact) -> Node:
        return self._hold(artifact)[0]

    def _lacking(self, gate: Gate) -> list[str]:
        return [name for name in gate.needs if self.host.tools.find(name) is None]

    def _judge(self, gates: list[tuple[str, Gate]]) -> list[Judged]:
        judged = []
        for label, gate in gates:
            assert isinstance(gate.verdict, Output)
            lacking = self._lacking(gate)
            number = self.steps.number.get(gate.verdict.action)
            state = State.WANT if number is None else self.plan.state[number]
            if lacking:
                judged.append(Judged(label, gate.name, "not checked", f"it needs {', '.join(lacking)}"))
            elif state == State.DONE:
                judged.append(Judged(label, gate.name, "passed"))
            elif state == State.FAILED:
                judged.append(Judged(label, gate.name, "failed", "its log stands above"))
            else:
                judged.append(Judged(label, gate.name, "not checked", "what it checks was not built"))
        for verdict in judged:
            self.listen(verdict)
        return judged

    def _code(self, judged: list[Judged]) -> int:
        if self.cancel.is_set():
            return INTERRUPTED
        failed = self.plan.counts[State.FAILED] or any(verdict.verdict == "failed" for verdict in judged)
        return FAILED if failed else OK


def _level(text: str) -> Level:
    return next((level for level in LEVELS if level == text), "none")
