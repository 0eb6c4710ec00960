"""Links between agents: parse them, check their sizes, order the agents' steps."""

from __future__ import annotations

import difflib
import heapq
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ENDS = re.compile(
    r"(?P<agent>[A-Za-z_][A-Za-z0-9_-]*)(?:\.(?P<replica>[0-9]+))?"
    r"\.(?P<kind>action|belief|observation)\.(?P<port>[A-Za-z0-9_.-]+)"
)
LINK_SOURCES = ("action", "belief")
"""Sources of links: the action of a control, or the most probable state of a factor."""
NOUNS = {"action": "actions", "belief": "states"}


class LinkError(ValueError):
    """Invalid links; `errors` lists every reason."""

    def __init__(self, errors: Sequence[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = tuple(errors)


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports of an agent: outcomes of each modality, actions of each control, states of each factor,
    names.

    `plan_every` is the number of steps between two evaluations of its policies.
    """

    num_obs: tuple[int, ...]
    num_controls: tuple[int, ...]
    modalities: Mapping[str, int] = field(default_factory=dict)
    controls: Mapping[str, int] = field(default_factory=dict)
    num_states: tuple[int, ...] = ()
    factors: Mapping[str, int] = field(default_factory=dict)
    plan_every: int = 1

    def end(self, kind: str) -> tuple[tuple[int, ...], Mapping[str, int]]:
        """Return the sizes and names of the actions, beliefs or observations."""
        return {
            "action": (self.num_controls, self.controls),
            "belief": (self.num_states, self.factors),
            "observation": (self.num_obs, self.modalities),
        }[kind]


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """A link: `port` of instance `source` is the observation `modality` of instance `target`.

    `port` is a control, or a factor whose most probable state (the lowest on ties) is observed.
    """

    target: int
    modality: int
    source: int
    port: int
    delayed: bool = False
    belief: bool = False


@dataclass(frozen=True, slots=True)
class Instances:
    """Agents by name, and the number of replicas of each replicated agent."""

    agents: Mapping[str, Ports]
    replicas: Mapping[str, int] = field(default_factory=dict)

    @property
    def instances(self) -> tuple[tuple[str, str], ...]:
        """Return (name, agent) of each instance; replicas are `picker.0`, `picker.1`, ..."""
        return tuple(
            (f"{name}.{k}" if name in self.replicas else name, name)
            for name in self.agents
            for k in range(self.replicas.get(name, 1))
        )

    def numbers(self, name: str) -> range:
        """Return the indices of an agent's instances among all instances."""
        first = 0
        for other in self.agents:
            if other == name:
                break
            first += self.replicas.get(other, 1)
        return range(first, first + self.replicas.get(name, 1))


@dataclass(frozen=True, slots=True)
class _End:
    """One end of a link: possible instances, kind and index of the port, number of its values."""

    places: tuple[int, ...]
    kind: str
    port: int
    size: int


def ports_of(interface: Mapping[str, Any], labels: Mapping[str, Any]) -> Ports:
    """Return an agent's ports from its interface.json and its labels.json ({} if it has none)."""
    return Ports(
        tuple(interface["num_obs"]),
        tuple(interface["num_controls"]),
        _numbered(labels.get("observations", [])),
        _numbered(labels.get("controls", [])),
        tuple(interface["num_states"]),
        _numbered(labels.get("states", [])),
        int(interface.get("plan_every", 1)),
    )


def _numbered(items: Sequence[Any]) -> dict[str, int]:
    return {item["name"]: i for i, item in enumerate(items) if item["name"] is not None}


def read_links(path: Path | None) -> list[tuple[str, str]]:
    """Read the (from, to) pairs of links.json; LinkError for another structure."""
    links = json.loads(path.read_bytes()) if path else []
    if not isinstance(links, list) or any(
        not isinstance(e, dict)
        or set(e) != {"from", "to"}
        or not all(isinstance(v, str) for v in e.values())
        for e in links
    ):
        raise LinkError([f'{path} must be a list of {{"from": "..", "to": ".."}}'])
    return [(e["from"], e["to"]) for e in links]


def parse_named(items: Sequence[str]) -> dict[str, str]:
    """Parse NAME=TEXT arguments to a mapping."""
    return {name: text for name, _, text in (item.partition("=") for item in items)}


def resolve(pairs: Sequence[tuple[str, str]], team: Instances) -> tuple[Link, ...]:
    """Resolve pairs such as ("scout.action.0", "picker.observation.cue"); LinkError lists all
    errors.

    `picker.1.observation.cue` is one replica. An agent without replicas feeds all replicas of the
    target. Agents with equally many replicas are linked one to one.
    """
    errors: list[str] = []
    links: list[Link] = []
    for source, target in pairs:
        where = f"link {source} -> {target}"
        left = _end(source, LINK_SOURCES, team, where, errors)
        right = _end(target, ("observation",), team, where, errors)
        if left and right:
            links += _between(left, right, where, errors)
            if left.size > right.size:
                errors.append(
                    f"{where}: {left.size} {NOUNS[left.kind]} do not fit {right.size} outcomes"
                )
    errors += _check_single_source(links, team)
    if errors:
        raise LinkError(errors)
    return _delayed(tuple(sorted(links)), len(team.instances))


def check_inputs(inputs: Sequence[str], links: Sequence[Link], team: Instances) -> list[str]:
    """Return the errors of the observations that the world outside feeds, such as
    `scout.observation.cue`: each observation is one of them or has a link.
    """
    errors: list[str] = []
    named = set[tuple[int, int]]()
    for text in inputs:
        end = _end(text, ("observation",), team, f"input {text}", errors)
        named |= {(i, end.port) for i in end.places} if end else set()
    fed = {(link.target, link.modality) for link in links}
    for i, (name, agent) in enumerate(team.instances):
        names = {number: text for text, number in team.agents[agent].modalities.items()}
        for m in range(len(team.agents[agent].num_obs)):
            port = f"{name}.observation.{names.get(m, m)}"
            if (i, m) in named & fed:
                errors.append(f"{port} is fed by a link and is among the inputs")
            elif (i, m) not in named | fed:
                errors.append(f"{port} is fed by no link and is not among the inputs")
    return errors


def _between(left: _End, right: _End, where: str, errors: list[str]) -> list[Link]:
    sources = left.places * (len(right.places) if len(left.places) == 1 else 1)
    if len(sources) != len(right.places):
        errors.append(
            f"{where}: {len(sources)} replicas cannot feed {len(right.places)}: name one, as in "
            "picker.0.action.0"
        )
        return []
    return [
        Link(target, right.port, source, left.port, belief=left.kind == "belief")
        for source, target in zip(sources, right.places)
    ]


def _check_single_source(links: Sequence[Link], team: Instances) -> list[str]:
    """Yield an error for every modality that several links feed."""
    fed: dict[tuple[int, int], int] = {}
    for link in links:
        fed[link.target, link.modality] = fed.get((link.target, link.modality), 0) + 1
    return [
        f"{team.instances[i][0]}.observation.{m} is fed by {count} links: one at most"
        for (i, m), count in sorted(fed.items())
        if count > 1
    ]


def _end(
    text: str, kinds: Sequence[str], team: Instances, where: str, errors: list[str]
) -> _End | None:
    """Resolve one end of a link; None after adding an error."""
    match = ENDS.fullmatch(text)
    if match is None or match["kind"] not in kinds:
        wanted = " or ".join(f"AGENT.{kind}.NUMBER-OR-NAME" for kind in kinds)
        errors.append(f"{where}: {text!r} should read {wanted}")
        return None
    kind = match["kind"]
    name = match["agent"]
    ports = team.agents.get(name)
    if ports is None:
        errors.append(
            f"{where}: there is no agent {name!r}; there are {', '.join(team.agents)}"
            f"{_suggest(name, team.agents)}"
        )
        return None
    sizes, names = ports.end(kind)
    port = int(match["port"]) if match["port"].isdecimal() else names.get(match["port"], -1)
    if not 0 <= port < len(sizes):
        known = ", ".join([*(f"0 to {len(sizes) - 1}" for _ in sizes[:1]), *names]) or "none"
        errors.append(
            f"{where}: {name} has no {kind} {match['port']!r}; it has {known}"
            f"{_suggest(match['port'], names)}"
        )
        return None
    places = tuple(team.numbers(name))
    if match["replica"]:
        number = int(match["replica"])
        if name not in team.replicas or number >= len(places):
            errors.append(f"{where}: {name} has no replica {number}")
            return None
        places = places[number : number + 1]
    return _End(places, kind, port, sizes[port])


def _suggest(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean ...?` for a close name, else ''."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _delayed(links: tuple[Link, ...], count: int) -> tuple[Link, ...]:
    """Delay links inside a cycle: they carry the value of the previous tick."""
    reach = _reachable(links, count)
    return tuple(replace(e, delayed=e.source in reach[e.target]) for e in links)


def _reachable(links: Sequence[Link], count: int) -> list[set[int]]:
    """Return the instances that each instance reaches over links, itself included."""
    after: list[set[int]] = [set() for _ in range(count)]
    for e in links:
        after[e.source].add(e.target)
    reached_from = []
    for a in range(count):
        seen, rest = {a}, [a]
        while rest:
            fresh = after[rest.pop()] - seen
            seen |= fresh
            rest += sorted(fresh)
        reached_from.append(seen)
    return reached_from


def order(links: Sequence[Link], count: int) -> tuple[int, ...]:
    """Order instances so that every undelayed link goes forward; ties keep the declared order."""
    waits = [0] * count
    after: list[list[int]] = [[] for _ in range(count)]
    for e in links:
        if not e.delayed:
            waits[e.target] += 1
            after[e.source].append(e.target)
    ready = [a for a in range(count) if not waits[a]]
    ordered: list[int] = []
    while ready:
        ordered.append(heapq.heappop(ready))
        for a in after[ordered[-1]]:
            waits[a] -= 1
            if not waits[a]:
                heapq.heappush(ready, a)
    return tuple(ordered)
