"""Collect what a release needs from a finished build: outputs, actions, inputs and gates."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..execution.executor import Executor
from ..outputs.stored_tree import tree_contents
from ..sandbox.job import LEVELS
from ..store.protocol import Missing
from ..types.action import Action, Content, Output, Shipped
from ..types.digest import Digest
from ..types.errors import OK, BuildError
from ..types.events import Built, Event, Finished, Judged, Planned
from ..types.label import Label
from ..types.result import File, Node, Tree
from ..workspace.workspace import Workspace
from .agent_files import AGENTS, DECLARED, agent_files, declared_values
from .documents import FILES, canonical


@dataclass(frozen=True, slots=True)
class ActionFacts:
    """An action on which an output depends: its key, its name, and the digests of its outputs."""

    key: str
    label: str
    title: str
    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that the actions below an output read: digests by path, identities by name.

    `shipped` are files of buildgraph. `tools` has `program:NAME` and `distribution:NAME`.
    """

    actions: tuple[ActionFacts, ...]
    sources: Mapping[str, str]
    shipped: Mapping[str, str]
    tools: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CollectedTarget:
    """A target of a release: its outputs as events of the build, and the inputs of all of them.

    `name` is that of its files in the release. `image` is the image's event, if it has one.
    """

    label: str
    name: str
    outputs: tuple[Built, ...]
    inputs: Inputs

    @property
    def image(self) -> Built | None:
        """The event of the image; None for a target without one."""
        return next((event for event in self.outputs if event.image), None)


@dataclass(slots=True)
class Collector:
    """A listener of a build, and its last step, which copies outputs into the folder of a release.

    `check` runs the actions again and returns the exit code; None to run them once.
    """

    root: str
    folder: Path
    check: object = None
    built: list[Built] = field(default_factory=list)
    gates: list[Judged] = field(default_factory=list)
    targets: list[CollectedTarget] = field(default_factory=list)
    level: str = ""
    weakest: str = ""
    finished: Finished | None = None

    def __call__(self, event: Event) -> None:
        """Keep the events that a release reports."""
        if isinstance(event, Built):
            self.built.append(event)
        elif isinstance(event, Judged):
            self.gates.append(event)
        elif isinstance(event, Planned):
            self.built, self.gates, self.level = [], [], event.sandbox
        elif isinstance(event, Finished):
            self.finished = event

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def on_finish(self, executor: Executor, code: int) -> int:
        """Check the build a second time, then collect it; the exit code."""
        gates = list(self.gates)
        if code == OK and callable(self.check):
            code = self.check(executor, code)
        self.gates = gates
        if code == OK:
            self._collect(executor)
        return code

    def _collect(self, executor: Executor) -> None:
        levels = {result.sandbox for result in executor.results.values()}
        self.weakest = max(levels, key=LEVELS.index, default=self.level)
        events: dict[str, list[Built]] = {}
        for event in self.built:
            events.setdefault(event.label, []).append(event)
        for label, name in release_names(events).items():
            outputs = [(event, _producer(executor, event)) for event in events[label]]
            for event, output in outputs:
                image = event.image and f"{name}/"
                target = image or f"{name}{FILES}/{event.path.rpartition('/')[2]}"
                self._copy(executor, event, output, self.folder / target)
            self._copy_agents(executor, Label.parse(label), self.folder / name)
            actions = [output.action for _, output in outputs if output is not None]
            inputs = _inputs(executor, actions)
            self.targets.append(CollectedTarget(label, name, tuple(events[label]), inputs))

    def _copy_agents(self, executor: Executor, label: Label, to: Path) -> None:
        """Copy what `release diff` compares: the agents of an export, and its declared values."""
        read = executor.host.store.read
        for file in agent_files(label, executor.steps.actions, executor.results, read):
            path = Path(f"{to}{AGENTS}", file.path)
            self._copy_file(executor, File(file.digest), path, "")
        values = declared_values(Workspace(self.root), label)
        Path(f"{to}{DECLARED}").write_bytes(canonical(values) + b"\n")

    def _copy(self, executor: Executor, event: Built, output: Output | None, to: Path) -> None:
        node: Node = File(event.digest) if output is None else executor.node(output)
        if isinstance(node, File):
            self._copy_file(executor, node, to, os.path.join(self.root, event.path))
            return
        contents = tree_contents(node, executor.host.store.read)
        for path in contents.names:
            os.makedirs(f"{to}{path}", exist_ok=True)
        for path, file in contents.files:
            self._copy_file(executor, file, Path(f"{to}{path}"), "")
        for path, target in contents.links:
            os.symlink(target, f"{to}{path}")

    def _copy_file(self, executor: Executor, file: File, to: Path, source: str) -> None:
        """Copy a file from the store; a source that is an output is copied from `out/`."""
        to.parent.mkdir(parents=True, exist_ok=True)
        try:
            executor.host.store.place(file.digest, str(to), file.executable, _create)
        except Missing:
            if not source:
                raise
            data = Path(source).read_bytes()
            if Digest(hashlib.sha256(data).hexdigest(), len(data)) != file.digest:
                raise BuildError(
                    f"{source} changed while it was released", None, "run it again", "broken"
                ) from None
            to.write_bytes(data)


def _create(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def release_names(labels: Mapping[str, object]) -> dict[str, str]:
    """Map labels to names of files: `//exports:jetson` is `exports-jetson`; all names differ."""
    names: dict[str, str] = {}
    for text in sorted(labels):
        label = Label.parse(text)
        name = base = "-".join(part for part in (*label.package.split("/"), label.name) if part)
        number = 2
        while name in names.values():
            name, number = f"{base}-{number}", number + 1
        names[text] = name
    return names


def _producer(executor: Executor, event: Built) -> Output | None:
    """Return the output that an event reports; None for a source that is an output."""
    matches = [
        (str(action.owner) == event.label, action, path, node)
        for action in executor.steps.actions
        if action in executor.results
        for path, node in executor.results[action].outputs
        if node.digest == event.digest
    ]
    if not matches:
        return None
    _, action, path, node = max(matches, key=lambda match: match[0])
    return Output(path, action, isinstance(node, Tree))


def _inputs(executor: Executor, last: Sequence[Action]) -> Inputs:
    """Return the inputs of some actions and of all actions below them."""
    steps = executor.steps
    waiting, seen = [steps.number[action] for action in last], set[int]()
    actions: list[ActionFacts] = []
    sources, shipped, tools = dict[str, str](), dict[str, str](), dict[str, str]()
    while waiting:
        number = waiting.pop()
        if number in seen:
            continue
        seen.add(number)
        waiting += steps.deps[number]
        task = executor.task(number)
        action = task.action
        outputs = {path: node.digest.oci for path, node in executor.results[action].outputs}
        owner = str(action.owner)
        actions.append(ActionFacts(str(task.key.digest), owner, action.title, outputs))
        for _, artifact, node, _ in task.inputs:
            if isinstance(artifact, Shipped):
                shipped[artifact.name] = node.digest.oci
            elif not isinstance(artifact, Output | Content):
                sources[artifact.name] = node.digest.oci
        tools |= {f"program:{name}": tool.identity for name, tool in task.programs.items()}
        tools |= {
            f"distribution:{name}": dist.identity for name, dist in task.distributions.items()
        }
    ordered = tuple(sorted(actions, key=lambda facts: (facts.label, facts.title, facts.key)))
    return Inputs(ordered, sources, shipped, tools)
