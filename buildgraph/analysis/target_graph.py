"""The target graph: targets and their dependencies. The only module that imports NetworkX."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import networkx

from ..types.label import Label


class TargetGraph:
    """Dependencies between labels; an edge points from a target to one that it depends on."""

    def __init__(self, deps: Mapping[Label, Iterable[Label]]) -> None:
        self._graph: networkx.DiGraph[Label] = networkx.DiGraph()
        self._graph.add_nodes_from(deps)
        self._graph.add_edges_from((label, dep) for label, direct in deps.items() for dep in direct)

    def order(self) -> list[Label]:
        """Return every label after all its dependencies, in a stable order; empty for a cycle."""
        try:
            return list(
                networkx.lexicographical_topological_sort(self._graph.reverse(copy=False), key=str)
            )
        except networkx.NetworkXUnfeasible:
            return []

    def deps(self, label: Label) -> list[Label]:
        """Return a label and its transitive dependencies, those sorted."""
        return [label, *sorted(networkx.descendants(self._graph, label))]

    def rdeps(self, label: Label) -> list[Label]:
        """Return a label and all that depend on it, directly or not, those sorted."""
        return [label, *sorted(networkx.ancestors(self._graph, label))]

    def somepath(self, start: Label, end: Label) -> list[Label]:
        """Return a shortest chain of dependencies from `start` to `end`; empty if there is none."""
        try:
            return list(networkx.shortest_path(self._graph, start, end))
        except networkx.NetworkXNoPath:
            return []

    def allpaths(self, starts: Iterable[Label], ends: Iterable[Label]) -> list[Label]:
        """Return all labels on chains from one of `starts` to one of `ends`, sorted."""
        below = {dep for label in starts for dep in self.deps(label)}
        above = {user for label in ends for user in self.rdeps(label)}
        return sorted(below & above)

    def cycle(self) -> list[Label]:
        """Return one cycle, its first label repeated at the end; empty if there is none."""
        try:
            edges = networkx.find_cycle(self._graph)
        except networkx.NetworkXNoCycle:
            return []
        return [edges[0][0], *(edge[1] for edge in edges)]
