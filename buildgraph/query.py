"""Questions about the graph of targets, and their answers as text, JSON or DOT. Nothing is built for them."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .errors import BuildError
from .graph import Graph
from .label import Label


@dataclass(frozen=True, slots=True)
class Answer:
    """Labels in the order asked for, and the dependencies among them as (from, to)."""

    labels: tuple[Label, ...]
    edges: tuple[tuple[Label, Label], ...]


def listed(labels: Sequence[Label]) -> Answer:
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
        raise BuildError(f"somepath wants two targets, not {len(labels)}", reason="usage",
                         fix="`buildgraph query somepath //from:this //to:that`")
    chain = Graph(graph).somepath(labels[0], labels[1])
    return Answer(tuple(chain), tuple(zip(chain, chain[1:])))


def _answer(graph: Mapping[Label, Sequence[Label]], found: set[Label]) -> Answer:
    edges = sorted({(label, dep) for label in found for dep in graph[label] if dep in found})
    return Answer(tuple(sorted(found)), tuple(edges))


def text(answer: Answer) -> str:
    """One label a line."""
    return "".join(f"{label}\n" for label in answer.labels)


def as_json(answer: Answer) -> str:
    """`{"labels": [...], "edges": [[from, to], ...]}`."""
    return json.dumps({"labels": [str(label) for label in answer.labels],
                       "edges": [[str(start), str(end)] for start, end in answer.edges]}) + "\n"


def dot(answer: Answer) -> str:
    """A Graphviz digraph; labels need no escaping, their alphabet has neither quote nor backslash."""
    nodes = [f'  "{label}";\n' for label in answer.labels]
    edges = [f'  "{start}" -> "{end}";\n' for start, end in answer.edges]
    return "".join(["digraph targets {\n", "  rankdir=LR;\n", "  node [shape=box];\n", *nodes, *edges, "}\n"])
