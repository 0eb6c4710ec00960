"""The import graph: what each file reaches, and digests of that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from quality.plan import digest_of

Graph = Mapping[str, Sequence[str]]
"""The files that each file imports, by path."""


def components(graph: Graph) -> list[list[str]]:
    """The strongly connected components, each after those that it reaches (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    result: list[list[str]] = []
    for start in sorted(graph):
        work = [] if start in index else [(start, iter(graph[start]))]
        while work:
            node, rest = work[-1]
            if node not in index:
                index[node] = low[node] = len(index)
                stack.append(node)
                on_stack.add(node)
            for other in rest:
                if other not in index:
                    work.append((other, iter(graph[other])))
                    break
                if other in on_stack:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    at = stack.index(node)
                    result.append(sorted(stack[at:]))
                    on_stack.difference_update(stack[at:])
                    del stack[at:]
    return result


def closure_digests(graph: Graph, content: Mapping[str, str]) -> dict[str, str]:
    """A digest for each file of its component and of all that it reaches.

    `content` has a digest of each file. Files of one component have one digest.
    """
    digests: dict[str, str] = {}
    for component in components(graph):
        below = {digests[other] for path in component for other in graph[path] if other in digests}
        parts = [f"{path} {content[path]}" for path in component]
        digest = digest_of([*parts, "", *sorted(below)])
        digests |= dict.fromkeys(component, digest)
    return digests


def reachable(graph: Graph, starts: Iterable[str]) -> set[str]:
    """The starts and every file that they import, directly or not."""
    reached = set(starts)
    waiting = list(reached)
    while waiting:
        for other in graph[waiting.pop()]:
            if other not in reached:
                reached.add(other)
                waiting.append(other)
    return reached
