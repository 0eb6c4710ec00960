"""Predict what a build would do: which actions would run, and which have a result in the cache.

The key of an action is known if its inputs are: its result is then in the cache or not. An action
that reads an output of one that runs may run: if that output is equal to an earlier one, its own
result may be in the cache. No action runs here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..execution.executor import is_confined
from ..host.host_tools import HostTools
from ..keys.action_graph import ActionGraph
from ..keys.action_key import key_of
from ..sandbox.job import Level
from ..store.protocol import Store
from ..types.action import Action, Artifact, Content, Output
from ..types.digest import Digest
from ..types.errors import BuildError
from ..types.result import File, Node, Result, Tree
from .target_hash import Hash

Outcome: TypeAlias = Literal["run", "may run", "hit", "shared", "blocked"]
RUNNING: tuple[Outcome, ...] = ("run", "may run")


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """The inputs of a prediction besides the files: the cache, the tools and the sandbox level."""

    store: Store
    tools: HostTools
    level: Level


@dataclass(frozen=True, slots=True, eq=False)
class PredictedAction:
    """An action and its outcome in a build.

    `outcome` is "run"; "may run" if an input is an output of an action that runs; "hit"; "shared"
    if an equal action runs; or "blocked" if a tool is missing here, for this action or for one that
    it needs. `ordinal` counts the actions that have its label and title, from 1. Equal actions have
    one `key`; it is the key of a result unless the outcome is "may run" or "blocked".
    """

    action: Action
    ordinal: int
    outcome: Outcome
    key: str
    result: Result | None = None

    @property
    def runs(self) -> bool:
        """True if it runs, or may run."""
        return self.outcome in RUNNING


def predict(graph: ActionGraph, read: Hash, machine: Machine) -> tuple[PredictedAction, ...]:
    """Predict the outcome of each action of a graph, in its order.

    `read` returns (digest, is executable) of a source or a shipped tool.
    """
    predictor = _Predictor(read, machine)
    return tuple(map(predictor.add, graph.actions, graph.ordinals))


class _Predictor:
    """Computes keys from known contents, and stand-ins for keys from contents not known yet."""

    def __init__(self, read: Hash, machine: Machine) -> None:
        self._read, self._machine = read, machine
        self._by_action: dict[Action, PredictedAction] = {}
        self._first: dict[str, PredictedAction] = {}

    def add(self, action: Action, ordinal: int) -> PredictedAction:
        """Predict an action; those whose outputs it reads were added before."""
        key, outcome, result = self._outcome(action)
        predicted = PredictedAction(action, ordinal, outcome, key, result)
        self._by_action[action] = predicted
        self._first.setdefault(key, predicted)
        return predicted

    def _outcome(self, action: Action) -> tuple[str, Outcome, Result | None]:
        producers = [
            self._by_action[artifact.action]
            for _, artifact in action.inputs
            if isinstance(artifact, Output)
        ]
        identities = self._identities(action)
        inputs = [(path, self._node(artifact)) for path, artifact in action.inputs]
        key = key_of(action, inputs, identities or {}).digest
        name = str(key)
        if identities is None or any(entry.outcome == "blocked" for entry in producers):
            return name, "blocked", None
        first = self._first.get(name)
        if first is not None:
            return name, "shared" if first.runs else first.outcome, first.result
        if any(entry.result is None for entry in producers):
            return name, "may run", None
        result = self._machine.store.recall(key)
        if result is not None and is_confined(result, self._machine.level):
            return name, "hit", result
        return name, "run", None

    def _identities(self, action: Action) -> Mapping[str, str] | None:
        """Return the identities of the host's tools; None if one is missing."""
        tools = self._machine.tools
        try:
            return tools.identities(action)
        except BuildError:
            return None

    def _node(self, artifact: Artifact) -> Node:
        """Return the content of an artifact, or a stand-in that is equal for equal actions."""
        match artifact:
            case Output(name, action, is_tree):
                predicted = self._by_action[action]
                if predicted.result is not None:
                    return dict(predicted.result.outputs)[name]
                digest = Digest.of(f"not made yet: {name} of {predicted.key}".encode())
                return Tree(digest) if is_tree else File(digest)
            case Content(_, data):
                return File(Digest.of(data))
        return File(*self._read(artifact))
