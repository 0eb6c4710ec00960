"""Markov blankets of a coalition's agents, by d-separation on its declared graph.

The graph has, for each tick: the internal state of each agent, its observations and actions, the
beliefs that links publish, and one node for the world outside. An agent's blanket separates its
internal state from the other agents and from the world (Pearl, Probabilistic Reasoning in
Intelligent Systems, 1988). Links, transitions and actions reach at most one tick ahead, so three
ticks hold every kind of path.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from agentc.codegen.links import Instances, Link

TICKS = 3
KINDS = ("observation", "action", "belief")
Port: TypeAlias = tuple[str, int, int]
"""Kind, index of the instance, and index of the port."""
Node: TypeAlias = tuple[str, int, int, int]
"""Kind, index of the instance, index of the port, and tick."""

if TYPE_CHECKING:
    from networkx import DiGraph

    Graph: TypeAlias = DiGraph[Node]


@dataclass(frozen=True)
class Leak:
    """An edge beside an agent's blanket: instance, port such as `action.move`, and both ends."""

    agent: str
    port: str
    edge: str


def declared_graph(links: Sequence[Link], team: Instances) -> Graph:
    """Return the graph of TICKS ticks; nodes are (kind, instance, port, tick)."""
    from networkx import DiGraph

    graph: Graph = DiGraph()
    fed = {(link.target, link.modality) for link in links}
    for tick in range(TICKS):
        graph.add_edge(("world", 0, 0, tick - 1), ("world", 0, 0, tick))
        for i, (_, agent) in enumerate(team.instances):
            state = ("state", i, 0, tick)
            graph.add_edge(("state", i, 0, tick - 1), state)
            for m in range(len(team.agents[agent].num_obs)):
                graph.add_edge(("observation", i, m, tick), state)
                if (i, m) not in fed:
                    graph.add_edge(("world", 0, 0, tick), ("observation", i, m, tick))
            for c in range(len(team.agents[agent].num_controls)):
                graph.add_edge(state, ("action", i, c, tick))
                graph.add_edge(("action", i, c, tick), ("world", 0, 0, tick + 1))
                graph.add_edge(("action", i, c, tick), ("state", i, 0, tick + 1))
        for link in links:
            kind = "belief" if link.belief else "action"
            source = (kind, link.source, link.port, tick - link.delayed)
            graph.add_edge(("state", link.source, 0, source[3]), source)
            graph.add_edge(source, ("observation", link.target, link.modality, tick))
    return graph


def leaks(
    links: Sequence[Link], team: Instances, declared: Mapping[str, Collection[str]]
) -> list[Leak]:
    """Return the edges by which agents' internal states are not separated from the others.

    `declared` has the blanket of an agent as ports such as `action.move`, or kinds of ports such
    as `observation`; the blanket of an agent without an entry is all its ports. Replicas with
    equal links are checked once.
    """
    graph = declared_graph(links, team)
    edges: list[Leak] = []
    for i in representatives(links, team):
        name, agent = team.instances[i]
        blanket = declared.get(name, declared.get(agent))
        if blanket is None:
            blanket = KINDS
        ports = sorted({node[:3] for node in graph if node[1] == i and node[0] in KINDS})
        inside = {port for port in ports if _covers(blanket, port, team, agent)}
        if _separated(graph, i, inside):
            continue
        for port in ports:
            if port not in inside and not _separated(graph, i, {*ports} - {port}):
                text = _port_name(port, team, agent)
                ends = _edges(port, f"{name}.{text}", links, team)
                edges += [Leak(name, text, edge) for edge in ends]
    return edges


def check_ports(declared: Mapping[str, Collection[str]], team: Instances) -> list[tuple[str, str]]:
    """Return (agent, error) for each port of a declared blanket that the agent has not."""
    errors = []
    for name, blanket in declared.items():
        ports = team.agents[name.partition(".")[0]]
        known = {*KINDS}
        for kind in KINDS:
            sizes, names = ports.end(kind)
            known |= {f"{kind}.{port}" for port in (*range(len(sizes)), *names)}
        for text in blanket:
            if text not in known:
                near = difflib.get_close_matches(text, sorted(known), n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                errors.append((name, f"{name} has no port {text!r}{hint}"))
    return errors


def representatives(links: Sequence[Link], team: Instances) -> Iterator[int]:
    """Yield one instance of each agent for each set of its linked ports."""
    linked: dict[int, set[Port]] = {i: set() for i in range(len(team.instances))}
    for link in links:
        linked[link.target].add(("observation", 0, link.modality))
        linked[link.source].add(("belief" if link.belief else "action", 0, link.port))
    seen = set[tuple[str, frozenset[Port]]]()
    for i, (_, agent) in enumerate(team.instances):
        key = (agent, frozenset(linked[i]))
        if key not in seen:
            seen.add(key)
            yield i


def _separated(graph: Graph, i: int, blanket: Collection[Port]) -> bool:
    """Return whether the blanket separates instance i's states from the others and the world."""
    from networkx import is_d_separator

    own = {node for node in graph if node[0] == "state" and node[1] == i}
    others = {n for n in graph if n[0] == "world" or (n[0] == "state" and n[1] != i)}
    return bool(is_d_separator(graph, own, others, {n for n in graph if n[:3] in blanket}))


def _covers(blanket: Collection[str], port: Port, team: Instances, agent: str) -> bool:
    kind, _, number = port
    names = {kind, f"{kind}.{number}", _port_name(port, team, agent)}
    return bool(names & set(blanket))


def _port_name(port: Port, team: Instances, agent: str) -> str:
    kind, _, number = port
    _, names = team.agents[agent].end(kind)
    return f"{kind}.{next((name for name, n in names.items() if n == number), number)}"


def _edges(port: Port, text: str, links: Sequence[Link], team: Instances) -> Iterator[str]:
    """Yield the edges of a port that leave its agent, as `from -> to`."""
    kind, i, number = port

    def end(which: str, instance: int, at: int) -> str:
        name, agent = team.instances[instance]
        return f"{name}.{_port_name((which, instance, at), team, agent)}"

    count = 0
    for link in links:
        source = "belief" if link.belief else "action"
        if (kind, i, number) == ("observation", link.target, link.modality):
            count += 1
            yield f"{end(source, link.source, link.port)} -> {text}"
        elif (kind, i, number) == (source, link.source, link.port):
            count += 1
            yield f"{text} -> {end('observation', link.target, link.modality)}"
    if kind == "observation" and not count:
        yield f"the world -> {text}"
    elif kind == "action":
        yield f"{text} -> the world"
