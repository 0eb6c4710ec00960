"""An evaluated graph: what each label provides as a digest of everything that could change it.

The digest of an action is made of the digests of its sources and of the actions whose outputs it takes, so it is known
without running anything. What an action is not given (a field that no tool reads, a comment) is in no digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeAlias

from ..analysis.analysis import Analysis
from ..keys.action_graph import ActionGraph
from ..types.action import Action, Artifact, Content, Output, Shipped, Source
from ..types.digest import Digest
from ..types.label import Label
from ..types.provider import Provider
from ..types.target import Target

Hash: TypeAlias = Callable[[Artifact], tuple[Digest, bool]]


@dataclass(frozen=True, slots=True)
class TargetHashes:
    """One state of a workspace, evaluated.

    `prints` has a digest of what each label provides, `loose` one that moved files leave as it is; `inputs` has what
    each label names itself: `source PATH` or `tool PATH` -> digest. `places` tells where each label is written.
    """

    targets: Mapping[Label, Target]
    deps: Mapping[Label, tuple[Label, ...]]
    prints: Mapping[Label, str]
    loose: Mapping[Label, str]
    inputs: Mapping[Label, Mapping[str, str]]
    rules: Mapping[str, str]


def hash_targets(
    analysis: Analysis, targets: Mapping[Label, Target], rules: Mapping[str, str], read: Hash
) -> TargetHashes:
    """Evaluate an analysis; `read` gives the digest of a source or a shipped tool, `rules` those of files of rules."""
    found = {label: list(artifacts(provider)) for label, provider in analysis.providers.items()}
    steps = ActionGraph.of(artifact for own in found.values() for artifact in own)
    exact, loose = (_Prints(analysis, steps, read, paths) for paths in (True, False))
    inputs: dict[Label, dict[str, str]] = {label: {} for label in analysis.order}
    for label, own in found.items():
        for artifact in own:
            _note(inputs[label], artifact, read)
    for action in steps.actions:
        if action.owner in inputs:
            for _, given in action.inputs:
                _note(inputs[action.owner], given, read)
    return TargetHashes(targets, analysis.deps, exact.of, loose.of, inputs, rules)


def _note(held: dict[str, str], artifact: Artifact, read: Hash) -> None:
    if isinstance(artifact, Source | Shipped):
        digest, executable = read(artifact)
        kind = "source" if isinstance(artifact, Source) else "tool"
        held[f"{kind} {artifact.name}"] = digest.oci + (" executable" if executable else "")


class _Prints:
    """Digests of all labels; without `paths`, the places of the user's files do not count."""

    def __init__(self, analysis: Analysis, steps: ActionGraph, read: Hash, paths: bool) -> None:
        self._read, self._paths = read, paths
        self._actions: dict[Action, str] = {}
        for action in steps.actions:
            self._actions[action] = self._action(action)
        self._providers: dict[int, str] = {}
        self.of: dict[Label, str] = {}
        for label in analysis.order:
            provider = analysis.providers[label]
            self.of[label] = self._provider(
                provider, [self.of[dep] for dep in analysis.deps[label]]
            )
            self._providers[id(provider)] = self.of[label]

    def _provider(self, provider: Provider, deps: list[str]) -> str:
        """A target with outputs of its own is what they are; one that only tells others is that, and all it needs."""
        own = any(True for _ in artifacts(provider))
        words = [word for value in _fields(provider) for word in self._words(value, not own)]
        return _digest([type(provider).__name__, *words, *([] if own else sorted(deps))])

    def _words(self, value: Any, nested: bool) -> Iterator[str]:
        if isinstance(value, Provider):
            if nested:
                yield self._providers.get(id(value), "")
        elif isinstance(value, Artifact):
            yield self._artifact(value)
        elif isinstance(value, Mapping):
            for key in value:
                yield from (str(key), *self._words(value[key], nested))
        elif isinstance(value, tuple | list) or _is_table(value):
            for inner in _fields(value) if _is_table(value) else value:
                yield from self._words(inner, nested)
            yield "."
        else:
            yield repr(sorted(value, key=repr) if isinstance(value, set | frozenset) else value)

    def _artifact(self, artifact: Artifact) -> str:
        match artifact:
            case Output(name, action):
                return f"{self._actions[action]} {name}"
            case Content(name, data):
                return f"{name} {Digest.of(data)}"
        digest, executable = self._read(artifact)
        place = artifact.name if self._paths or not isinstance(artifact, Source) else ""
        return f"{place} {digest} {executable}"

    def _action(self, action: Action) -> str:
        staged = [(path, self._artifact(given)) for path, given in action.inputs]
        moved = {} if self._paths else {path: found for path, found in staged}
        words = [_moved(word, moved) for word in action.argv]
        given = [found if path in moved else f"{path} {found}" for path, found in staged]
        rest = (
            action.outputs,
            action.env,
            action.programs,
            action.distributions,
            action.platform,
            action.timeout,
            action.network,
        )
        return _digest([repr(words), repr(sorted(given)), repr(rest)])


def _moved(word: str, moved: Mapping[str, str]) -> str:
    """A word of a command with the places of inputs replaced by what they hold."""
    for path in sorted(moved, key=len, reverse=True):
        word = word.replace(path, moved[path])
    return word


def artifacts(provider: Provider) -> Iterator[Artifact]:
    """Every artifact in what a target provides, those of other targets' providers left out."""
    waiting: list[Any] = list(_fields(provider))
    while waiting:
        found = waiting.pop()
        if isinstance(found, Artifact):
            yield found
        elif isinstance(found, tuple | list | Mapping):
            waiting += found.values() if isinstance(found, Mapping) else found
        elif _is_table(found) and not isinstance(found, Provider):
            waiting += _fields(found)


def _is_table(value: object) -> bool:
    return is_dataclass(value) and not isinstance(value, type)


def _fields(value: Any) -> list[Any]:
    return [getattr(value, field.name) for field in fields(value)]


def _digest(words: Iterable[str]) -> str:
    sha = hashlib.sha256()
    for word in words:
        data = word.encode("utf-8", "surrogateescape")
        sha.update(b"%d:" % len(data) + data)
    return sha.hexdigest()
