"""Target hashes: one digest per label of everything that can change what the target provides.

The hash of an action covers its sources and the actions whose outputs it takes, so it is known
without running anything. A value that reaches no action (a field that no tool reads, a comment)
changes no hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
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
    """The hashes of all targets of a workspace, as hex SHA-256.

    `hashes_ignoring_paths()` stay the same when files of the user are moved. `inputs` maps what
    each label itself reads, as `source PATH` or `tool PATH`, to digests. `rules` maps the files
    of the user's rules to digests. `boards` maps the labels of boards to their facts, those of
    the catalogue included.
    """

    targets: Mapping[Label, Target]
    deps: Mapping[Label, tuple[Label, ...]]
    hashes: Mapping[Label, str]
    hashes_ignoring_paths: Callable[[], Mapping[Label, str]]
    inputs: Mapping[Label, Mapping[str, str]]
    rules: Mapping[str, str]
    boards: Mapping[Label, Mapping[str, str]]

    def is_group(self, label: Label) -> bool:
        """True for a target that only stands for its members."""
        return self.targets[label].rule == "group"


def hash_targets(
    analysis: Analysis, targets: Mapping[Label, Target], rules: Mapping[str, str], read: Hash
) -> TargetHashes:
    """Hash all targets of an analysis.

    `read` returns (digest, is executable) of a source or a shipped tool; what it raises passes
    through. `rules` maps the files of the user's rules to digests.
    """
    provided = {label: list(artifacts(provider)) for label, provider in analysis.providers.items()}
    graph = ActionGraph.of(artifact for own in provided.values() for artifact in own)
    exact = _Hasher(analysis, graph, read, True)
    inputs = inputs_of_labels(analysis, set(analysis.order), read)
    moved = cache(lambda: _Hasher(analysis, graph, read, False).hashes)  # few comparisons need it
    boards = {
        label: {field.name: str(getattr(provider, field.name)) for field in fields(provider)}
        for label, provider in analysis.providers.items()
        if label in targets and targets[label].rule == "hardware"
    }
    return TargetHashes(targets, analysis.deps, exact.hashes, moved, inputs, rules, boards)


def inputs_of_labels(
    analysis: Analysis, labels: Set[Label], read: Hash
) -> dict[Label, dict[str, str]]:
    """Map labels to what they read themselves, as `source PATH` or `tool PATH`, with digests."""
    inputs: dict[Label, dict[str, str]] = {label: {} for label in labels}
    provided = {label: list(artifacts(analysis.providers[label])) for label in labels}
    for label, own in provided.items():
        for artifact in own:
            _add_input(inputs[label], artifact, read)
    for action in ActionGraph.of(artifact for own in provided.values() for artifact in own).actions:
        if action.owner in inputs:
            for _, artifact in action.inputs:
                _add_input(inputs[action.owner], artifact, read)
    return inputs


def _add_input(inputs: dict[str, str], artifact: Artifact, read: Hash) -> None:
    if isinstance(artifact, Source | Shipped):
        digest, is_executable = read(artifact)
        kind = "source" if isinstance(artifact, Source) else "tool"
        inputs[f"{kind} {artifact.name}"] = digest.oci + (" executable" if is_executable else "")


class _Hasher:
    """Computes the hashes of all labels, with or without the `paths` of the user's files."""

    def __init__(self, analysis: Analysis, graph: ActionGraph, read: Hash, paths: bool) -> None:
        self._read, self._paths = read, paths
        self._actions: dict[Action, str] = {}
        for action in graph.actions:
            self._actions[action] = self._hash_action(action)
        self._providers: dict[int, str] = {}
        self.hashes: dict[Label, str] = {}
        for label in analysis.order:
            provider = analysis.providers[label]
            deps = [self.hashes[dep] for dep in analysis.deps[label]]
            self.hashes[label] = self._hash_provider(provider, deps)
            self._providers[id(provider)] = self.hashes[label]

    def _hash_provider(self, provider: Provider, deps: list[str]) -> str:
        """Hash what a target provides.

        A target with outputs of its own is known by them. Any other is known by its values and by
        all that it depends on.
        """
        has_outputs = any(True for _ in artifacts(provider))
        words = [
            word for value in _fields(provider) for word in self._words(value, not has_outputs)
        ]
        return _digest([type(provider).__name__, *words, *([] if has_outputs else sorted(deps))])

    def _words(self, value: Any, nested: bool) -> Iterator[str]:
        """Yield words that are equal for equal values; `nested` includes inner providers."""
        if isinstance(value, Provider):
            if nested:
                yield self._providers.get(id(value), "")
        elif isinstance(value, Artifact):
            yield self._artifact_word(value)
        elif isinstance(value, Mapping):
            for key in value:
                yield from (str(key), *self._words(value[key], nested))
        elif isinstance(value, tuple | list) or _is_table(value):
            for inner in _fields(value) if _is_table(value) else value:
                yield from self._words(inner, nested)
            yield "."
        else:
            yield repr(sorted(value, key=repr) if isinstance(value, set | frozenset) else value)

    def _artifact_word(self, artifact: Artifact) -> str:
        match artifact:
            case Output(name, action):
                return f"{self._actions[action]} {name}"
            case Content(name, data):
                return f"{name} {Digest.of(data)}"
        digest, is_executable = self._read(artifact)
        path = artifact.name if self._paths or not isinstance(artifact, Source) else ""
        return f"{path} {digest} {is_executable}"

    def _hash_action(self, action: Action) -> str:
        staged = [(path, self._artifact_word(artifact)) for path, artifact in action.inputs]
        by_path = {} if self._paths else dict(staged)
        argv = [_replace_paths(word, by_path) for word in action.argv]
        inputs = [word if path in by_path else f"{path} {word}" for path, word in staged]
        rest = (
            action.outputs,
            action.env,
            action.programs,
            action.distributions,
            action.platform,
            action.timeout,
            action.network,
        )
        return _digest([repr(argv), repr(sorted(inputs)), repr(rest)])


def _replace_paths(word: str, contents: Mapping[str, str]) -> str:
    """Replace the staged paths in a word of a command by what the files contain."""
    for path in sorted(contents, key=len, reverse=True):
        word = word.replace(path, contents[path])
    return word


def artifacts(provider: Provider) -> Iterator[Artifact]:
    """Yield every artifact of a provider, except those of the providers of other targets in it."""
    waiting: list[Any] = list(_fields(provider))
    while waiting:
        value = waiting.pop()
        if isinstance(value, Artifact):
            yield value
        elif isinstance(value, tuple | list | Mapping):
            waiting += value.values() if isinstance(value, Mapping) else value
        elif _is_table(value) and not isinstance(value, Provider):
            waiting += _fields(value)


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
