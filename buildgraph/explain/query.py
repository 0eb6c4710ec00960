"""Queries of the target graph, with results as text, JSON or DOT. Nothing is built for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ..analysis.target_graph import TargetGraph
from ..types.errors import BuildError
from ..types.label import Label
from ..types.target import Target
from ..ui.json_document import document


@dataclass(frozen=True, slots=True)
class Answer:
    """The labels of a result, and the dependencies among them as (from, to)."""

    labels: tuple[Label, ...]
    edges: tuple[tuple[Label, Label], ...]


def list_targets(labels: Sequence[Label]) -> Answer:
    """Return the labels themselves, sorted."""
    return Answer(tuple(sorted(set(labels))), ())


def deps(graph: Mapping[Label, Sequence[Label]], labels: Sequence[Label]) -> Answer:
    """Return the labels and their transitive dependencies; `graph` maps labels to direct ones."""
    whole = TargetGraph(graph)
    return _answer(graph, {dep for label in labels for dep in whole.deps(label)})


def rdeps(graph: Mapping[Label, Sequence[Label]], labels: Sequence[Label]) -> Answer:
    """Return the labels and all that depend on them, directly or not."""
    whole = TargetGraph(graph)
    return _answer(graph, {user for label in labels for user in whole.rdeps(label)})


def somepath(graph: Mapping[Label, Sequence[Label]], labels: Sequence[Label]) -> Answer:
    """Return a shortest chain of dependencies from the first label to the second; empty if none.

    Raises BuildError unless there are two labels.
    """
    if len(labels) != 2:
        raise BuildError(
            f"somepath needs two targets, not {len(labels)}",
            reason="usage",
            fix="`buildgraph query somepath //from:this //to:that`",
        )
    chain = TargetGraph(graph).somepath(labels[0], labels[1])
    return Answer(tuple(chain), tuple(pairwise(chain)))


def allpaths(
    graph: Mapping[Label, Sequence[Label]], starts: Sequence[Label], ends: Sequence[Label]
) -> Answer:
    """Return all labels on chains of dependencies from one of `starts` to one of `ends`."""
    return _answer(graph, set(TargetGraph(graph).allpaths(starts, ends)))


@dataclass(frozen=True, slots=True)
class TargetFilter:
    """Conditions on the targets of a result: rules, regular expressions for labels, and values.

    A target passes if it has one of `kinds` (if any), its label matches one of `filters` (if any),
    and it has all values of `attrs`.
    """

    kinds: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    attrs: tuple[str, ...] = ()

    @property
    def narrows(self) -> bool:
        """True if there is any condition."""
        return bool(self.kinds or self.filters or self.attrs)

    def narrow(self, answer: Answer, target: Callable[[Label], Target]) -> Answer:
        """Return the labels that pass, in order, and the dependencies among them.

        Raises BuildError for an invalid expression.
        """
        patterns = [_compile_filter(text) for text in self.filters]
        pairs = [_parse_pair(text) for text in self.attrs]
        labels = {label for label in answer.labels if self._passes(label, patterns, pairs, target)}
        edges = tuple(edge for edge in answer.edges if labels.issuperset(edge))
        return Answer(tuple(label for label in answer.labels if label in labels), edges)

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
        return all(_has(target(label).values, key.split("."), value) for key, value in pairs)


def _compile_filter(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise BuildError(
            f"--filter {text!r} is not a regular expression: {error}",
            reason="usage",
            fix="such as --filter '^//exports:' or --filter 'jetson$'",
        ) from None


def _parse_pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise BuildError(
            f"--attr {text!r} is not KEY=VALUE",
            reason="usage",
            fix="such as --attr hardware=//hardware:jetson or --attr budget.image=2MiB",
        )
    return key, value


def _has(value: Any, keys: Sequence[str], text: str) -> bool:
    """True if a value of BUILD.toml equals `text`, or is a list or table that contains it."""
    if keys:
        if isinstance(value, list):
            return any(_has(inner, keys, text) for inner in value)
        return isinstance(value, dict) and keys[0] in value and _has(value[keys[0]], keys[1:], text)
    if isinstance(value, list | dict):
        return any(
            _has(inner, (), text)
            for inner in (value.values() if isinstance(value, dict) else value)
        )
    return text == (str(value).lower() if isinstance(value, bool) else str(value))


def _answer(graph: Mapping[Label, Sequence[Label]], labels: set[Label]) -> Answer:
    edges = sorted({(label, dep) for label in labels for dep in graph[label] if dep in labels})
    return Answer(tuple(sorted(labels)), tuple(edges))


def format_text(answer: Answer) -> str:
    """Format one label per line."""
    return "".join(f"{label}\n" for label in answer.labels)


def to_json(answer: Answer) -> str:
    """Format as `{"schema": VERSION, "labels": [...], "edges": [[from, to], ...]}`."""
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
    """Format as a Graphviz digraph; labels contain no character to escape."""
    nodes = [f'  "{label}";\n' for label in answer.labels]
    edges = [f'  "{start}" -> "{end}";\n' for start, end in answer.edges]
    return "".join(
        ["digraph targets {\n", "  rankdir=LR;\n", "  node [shape=box];\n", *nodes, *edges, "}\n"]
    )
