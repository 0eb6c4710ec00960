"""Orders, paths and cycles of the target graph."""

from __future__ import annotations

import random
import sys

import networkx
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


@pytest.mark.parametrize("seed", range(4))
def test_the_order_is_the_lexicographical_one_of_networkx(seed: int) -> None:
    drawn, cycles = random.Random(seed), 0
    for _ in range(50):
        labels = [Label(drawn.choice("ab"), str(n)) for n in drawn.sample(range(99), 9)]
        back = drawn.choice((0.0, 0.02))  # share of edges that may close a cycle
        deps = {
            label: [
                other
                for before, other in enumerate(labels)
                if drawn.random() < (0.3 if before < place else back)
            ]
            for place, label in enumerate(labels)
        }
        theirs = networkx.DiGraph([(dep, label) for label in labels for dep in deps[label]])
        theirs.add_nodes_from(labels)
        try:
            expected = list(networkx.lexicographical_topological_sort(theirs, key=str))
        except networkx.NetworkXUnfeasible:
            expected, cycles = [], cycles + 1
        assert TargetGraph(deps).order() == expected
    assert 0 < cycles < 25


def test_a_build_orders_its_targets_without_networkx(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its import would take a third of the time of a small build."""
    monkeypatch.setitem(sys.modules, "networkx", None)
    assert names(graph("a:bc b:c c:").order()) == "cba"
    with pytest.raises(ImportError):
        graph("a:b b:").cycle()


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
