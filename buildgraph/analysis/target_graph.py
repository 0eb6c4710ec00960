"""The target graph: targets and their dependencies. The only module that imports NetworkX.

Each build orders its targets, so `order` does without NetworkX: its import takes longer than the
analysis of a small workspace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from ..types.label import Label

if TYPE_CHECKING:
    import networkx


class TargetGraph:
    """Dependencies between labels; an edge points from a target to one that it depends on."""

    def __init__(self, deps: Mapping[Label, Iterable[Label]]) -> None:
        self._deps = {label: tuple(dict.fromkeys(direct)) for label, direct in deps.items()}
        for direct in list(self._deps.values()):
            for dep in direct:
                self._deps.setdefault(dep, ())

    @cached_property
    def _graph(self) -> networkx.DiGraph[Label]:
        import networkx

        graph: networkx.DiGraph[Label] = networkx.DiGraph()
        graph.add_nodes_from(self._deps)
        graph.add_edges_from((label, dep) for label, direct in self._deps.items() for dep in direct)
        return graph

    def order(self) -> list[Label]:
        """Return every label after all its dependencies, in a stable order; empty for a cycle.

        Of the labels whose dependencies are done, the first in alphabetical order is next.
        """
        waiting = {label: len(direct) for label, direct in self._deps.items()}
        users: dict[Label, list[Label]] = {label: [] for label in self._deps}
        for label, direct in self._deps.items():
            for dep in direct:
                users[dep].append(label)
        ready = [(str(label), label) for label, count in waiting.items() if not count]
        heapify(ready)
        ordered = []
        while ready:
            label = heappop(ready)[1]
            ordered.append(label)
            for user in users[label]:
                waiting[user] -= 1
                if not waiting[user]:
                    heappush(ready, (str(user), user))
        return ordered if len(ordered) == len(waiting) else []

    def deps(self, label: Label) -> list[Label]:
        """Return a label and its transitive dependencies, those sorted."""
        import networkx

        return [label, *sorted(networkx.descendants(self._graph, label))]

    def rdeps(self, label: Label) -> list[Label]:
        """Return a label and all that depend on it, directly or not, those sorted."""
        import networkx

        return [label, *sorted(networkx.ancestors(self._graph, label))]

    def somepath(self, start: Label, end: Label) -> list[Label]:
        """Return a shortest chain of dependencies from `start` to `end`; empty if there is none."""
        import networkx

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
        import networkx

        try:
            edges = networkx.find_cycle(self._graph)
        except networkx.NetworkXNoCycle:
            return []
        return [edges[0][0], *(edge[1] for edge in edges)]
