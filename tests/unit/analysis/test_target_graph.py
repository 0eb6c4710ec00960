"""Orders, paths and cycles of the target graph."""

from __future__ import annotations

import pytest

from buildgraph.analysis.target_graph import TargetGraph
from buildgraph.types.label import Label


def graph(text: str) -> TargetGraph:
    """A graph from `a:bc b:c c:`: a depends on b and c."""
    pairs = (word.split(":") for word in text.split())
    return TargetGraph({Label("", name): [Label("", dep) for dep in deps] for name, deps in pairs})


def names(labels: list[Label]) -> str:
    """The names of some labels."""
    return "".join(label.name for label in labels)


@pytest.mark.parametrize(
    ("text", "order"), [("a:bc b:c c:", "cba"), ("c: b: a:", "abc"), ("a:b b:a", ""), ("", "")]
)
def test_every_label_is_after_its_dependencies(text: str, order: str) -> None:
    assert names(graph(text).order()) == order


def test_closures_start_with_the_label_itself() -> None:
    diamond = graph("d:bc b:a c:a a: x:")
    assert names(diamond.deps(Label("", "d"))) == "dabc"
    assert names(diamond.rdeps(Label("", "a"))) == "abcd"


def test_paths() -> None:
    diamond = graph("d:bc b:a c:a a: x:")
    assert names(diamond.somepath(Label("", "d"), Label("", "a"))) in ("dba", "dca")
    assert diamond.somepath(Label("", "a"), Label("", "d")) == []
    assert names(diamond.allpaths([Label("", "d")], [Label("", "a")])) == "abcd"


def test_a_cycle_repeats_its_first_label() -> None:
    cycle = names(graph("a:b b:c c:b").cycle())
    assert cycle in ("bcb", "cbc")
    assert graph("a:b b:").cycle() == []
