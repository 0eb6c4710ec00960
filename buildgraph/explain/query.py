"""Questions about the graph of targets, and their answers as text, JSON or DOT. Nothing is built for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..analysis.target_graph import Graph
from ..types.errors import BuildError
from ..types.label import Label
from ..types.target import Target
from ..ui.json_document import document


@dataclass(frozen=True, slots=True)
class Answer:
    """Labels in the order asked for, and the dependencies among them as (from, to)."""

    labels: tuple[Label, ...]
    edges: tuple[tuple[Label, Label], ...]


def list_targets(labels: Sequence[Label]) -> Answer:
    """The labels themselves, sorted."""
    return Answer(tuple(sorted(set(labels))), ())


def deps(graph: Mapping[Label, Sequence[Label]], labels: Sequence[Label]) -> Answer:
    """All that the labels depend on, directly or not, themselves included; `graph` maps each label to its own."""
    whole = Graph(graph)
    return _answer(graph, {found for label in labels for found in whole.deps(label)})


def rdeps(graph: Mapping[Label, Sequence[Label]], labels: Sequence[Label]) -> Answer:
    """All that depend on the labels, directly or not, themselves included."""
    whole = Graph(graph)
    return _answer(graph, {found for label in labels for found in whole.rdeps(label)})


def somepath(graph: Mapping[Label, Sequence[Label]], labels: Sequence[Label]) -> Answer:
    """A shortest chain of dependencies from the first label to the second; empty when there is none."""
    if len(labels) != 2:
        raise BuildError(
            f"somepath wants two targets, not {len(labels)}",
            reason="usage",
            fix="`buildgraph query somepath //from:this //to:that`",
        )
    chain = Graph(graph).somepath(labels[0], labels[1])
    return Answer(tuple(chain), tuple(zip(chain, chain[1:])))


def allpaths(
    graph: Mapping[Label, Sequence[Label]], starts: Sequence[Label], ends: Sequence[Label]
) -> Answer:
    """All that stands on a chain of dependencies from one of `starts` to one of `ends`."""
    return _answer(graph, set(Graph(graph).allpaths(starts, ends)))


@dataclass(frozen=True, slots=True)
class TargetFilter:
    """What an answer is narrowed to: rules, regular expressions found in the label, values; one of each kind given."""

    kinds: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    attrs: tuple[str, ...] = ()

    @property
    def narrows(self) -> bool:
        """Whether it leaves out anything."""
        return bool(self.kinds or self.filters or self.attrs)

    def narrow(self, answer: Answer, target: Callable[[Label], Target]) -> Answer:
        """The labels that pass, in their order, and the dependencies among them; BuildError for a bad expression."""
        patterns = [_pattern(text) for text in self.filters]
        pairs = [_pair(text) for text in self.attrs]
        kept = {label for label in answer.labels if self._passes(label, patterns, pairs, target)}
        edges = tuple((start, end) for start, end in answer.edges if start in kept and end in kept)
        return Answer(tuple(label for label in answer.labels if label in kept), edges)

    def _passes(
        self,
        label: Label,
        patterns: Sequence[re.Pattern[str]],
        pairs: Sequence[tuple[str, str]],
        target: Callable[[Label], Target],
    ) -> bool:
        if patterns and not any(pattern.search(str(label)) for pattern in patterns):
            return False
        if self.kinds and target(label).rule not in self.kinds:
            return False
        return all(_has(target(label).values, key.split("."), wanted) for key, wanted in pairs)


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise BuildError(
            f"--filter {text!r} is no regular expression: {error}",
            reason="usage",
            fix="such as --filter '^//exports:' or --filter 'jetson$'",
        ) from None


def _pair(text: str) -> tuple[str, str]:
    key, equals, wanted = text.partition("=")
    if not key or not equals:
        raise BuildError(
            f"--attr {text!r} is no KEY=VALUE",
            reason="usage",
            fix="such as --attr hardware=//hardware:jetson or --attr budget.image=2MiB",
        )
    return key, wanted


def _has(value: Any, keys: Sequence[str], wanted: str) -> bool:
    """Whether a value written in BUILD.toml is, or as a list or table holds, what was asked for."""
    if keys:
        if isinstance(value, list):
            return any(_has(inner, keys, wanted) for inner in value)
        return (
            isinstance(value, dict) and keys[0] in value and _has(value[keys[0]], keys[1:], wanted)
        )
    if isinstance(value, list | dict):
        return any(
            _has(inner, (), wanted)
            for inner in (value.values() if isinstance(value, dict) else value)
        )
    return wanted == (str(value).lower() if isinstance(value, bool) else str(value))


def _answer(graph: Mapping[Label, Sequence[Label]], found: set[Label]) -> Answer:
    edges = sorted({(label, dep) for label in found for dep in graph[label] if dep in found})
    return Answer(tuple(sorted(found)), tuple(edges))


def format_text(answer: Answer) -> str:
    """One label a line."""
    return "".join(f"{label}\n" for label in answer.labels)


def to_json(answer: Answer) -> str:
    """`{"schema": 1, "labels": [...], "edges": [[from, to], ...]}`."""
    return (
        document(
            {
                "labels": [str(label) for label in answer.labels],
                "edges": [[str(start), str(end)] for start, end in answer.edges],
            }
        )
        + "\n"
    )


def format_dot(answer: Answer) -> str:
    """A Graphviz digraph; labels need no escaping, their alphabet has neither quote nor backslash."""
    nodes = [f'  "{label}";\n' for label in answer.labels]
    edges = [f'  "{start}" -> "{end}";\n' for start, end in answer.edges]
    return "".join(
        ["digraph targets {\n", "  rankdir=LR;\n", "  node [shape=box];\n", *nodes, *edges, "}\n"]
    )
