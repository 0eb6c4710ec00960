"""The graph of record: targets and what they depend on. The one door to NetworkX."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import networkx

from ..types.label import Label


class TargetGraph:
    """Dependencies between labels; an edge points from a target to one that it depends on."""

    def __init__(self, deps: Mapping[Label, Iterable[Label]]) -> None:
        self._graph: networkx.DiGraph[Label] = networkx.DiGraph()
        self._graph.add_nodes_from(deps)
        self._graph.add_edges_from((label, dep) for label, found in deps.items() for dep in found)

    def order(self) -> list[Label]:
        """Every label after all that it depends on, always the same; empty when they depend on each other."""
        try:
            return list(
                networkx.lexicographical_topological_sort(self._graph.reverse(copy=False), key=str)
            )
        except networkx.NetworkXUnfeasible:
            return []

    def deps(self, label: Label) -> list[Label]:
        """All that a target depends on, directly or not, sorted, itself first."""
        return [label, *sorted(networkx.descendants(self._graph, label))]

    def rdeps(self, label: Label) -> list[Label]:
        """All that depend on a target, directly or not, sorted, itself first."""
        return [label, *sorted(networkx.ancestors(self._graph, label))]

    def somepath(self, start: Label, end: Label) -> list[Label]:
        """A shortest chain of dependencies from `start` to `end`; empty when there is none."""
        try:
            return list(networkx.shortest_path(self._graph, start, end))
        except networkx.NetworkXNoPath:
            return []

    def allpaths(self, starts: Iterable[Label], ends: Iterable[Label]) -> list[Label]:
        """Every label on some chain of dependencies from one of `starts` to one of `ends`, sorted."""
        below = {found for label in starts for found in self.deps(label)}
        above = {found for label in ends for found in self.rdeps(label)}
        return sorted(below & above)

    def cycle(self) -> list[Label]:
        """One cycle, first label repeated at its end; empty when there is none."""
        try:
            edges = networkx.find_cycle(self._graph)
        except networkx.NetworkXNoCycle:
            return []
        return [edges[0][0], *(edge[1] for edge in edges)]
