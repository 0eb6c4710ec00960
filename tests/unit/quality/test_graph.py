"""Digests of what files reach."""

from __future__ import annotations

import networkx as nx
from hypothesis import given, settings, strategies as st
from quality.graph import closure_digests, components, reachable

NAMES = "abcdefgh"
GRAPHS = st.dictionaries(
    st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=4, unique=True)
).map(lambda rows: {name: rows.get(name, []) for name in NAMES})


@settings(deadline=None)  # the gate that runs this file has no profile of its own
@given(GRAPHS)
def test_components_are_those_of_networkx_in_order(graph: dict[str, list[str]]) -> None:
    parts = components(graph)
    edges = [(name, other) for name, to in graph.items() for other in to]
    digraph: nx.DiGraph[str] = nx.DiGraph(edges)
    digraph.add_nodes_from(graph)
    reference = nx.strongly_connected_components(digraph)
    assert sorted(map(sorted, reference)) == sorted(parts)
    place = {name: number for number, part in enumerate(parts) for name in part}
    assert all(place[other] <= place[name] for name, to in graph.items() for other in to)


@settings(deadline=None)  # the gate that runs this file has no profile of its own
@given(GRAPHS, st.sampled_from(NAMES))
def test_a_digest_changes_exactly_with_what_is_reached(
    graph: dict[str, list[str]], changed: str
) -> None:
    content = {name: name for name in NAMES}
    before = closure_digests(graph, content)
    after = closure_digests(graph, content | {changed: "other"})
    for name in NAMES:
        assert (before[name] != after[name]) == (changed in reachable(graph, [name]))
