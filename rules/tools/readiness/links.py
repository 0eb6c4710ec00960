"""Checks of the gate `model` about a coalition: its links and the blankets of its agents."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from agentc.codegen.links import Instances, LinkError, resolve
from readiness.blankets import declared_graph, leaks, representatives
from readiness.evidence import Check

FEW = 3
"""Replicas of an agent in the graph, if no link names a replica: more of them add no other path."""


def link_checks(
    pairs: Sequence[tuple[str, str]], team: Instances, blankets: Mapping[str, Collection[str]]
) -> list[Check]:
    """Return the checks of links (from, to) and of blankets (see `readiness.blankets`)."""
    on = "the coalition's table"
    wired = Check(
        "links", "passed", "ports and sizes of both ends", on, len(pairs), len(pairs), "links"
    )
    if not any(end.split(".")[1].isdecimal() for pair in pairs for end in pair):
        few = {name: min(count, FEW) for name, count in team.replicas.items()}
        team = Instances(team.agents, few)
    try:
        links = resolve(pairs, team)
    except LinkError as error:
        wrong = len({line.partition(": ")[0] for line in error.errors})
        why = "; ".join(error.errors)
        return [replace(wired, verdict="failed", measured=len(pairs) - wrong, why=why)]
    graph = declared_graph(links, team)
    leaking = leaks(links, team, blankets)
    edges = [leak.edge for leak in leaking]
    checked = sum(1 for _ in representatives(links, team))
    blanket = Check(
        "blankets",
        "passed" if not leaking else "failed",
        f"d-separation in {len(graph)} nodes and {graph.number_of_edges()} edges of 3 ticks: the "
        "internal state of an agent, and all other states and the world, given its blanket",
        on,
        checked - len({leak.agent for leak in leaking}),
        checked,
        "agents that their blankets separate",
        why=f"{', '.join(edges)} leaves the blanket" if edges else "",
        fix="add the port to `blankets`, or remove the link" if edges else "",
    )
    return [wired, blanket]
