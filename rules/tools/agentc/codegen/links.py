"""Links between agents: parse them, check their sizes, find the order in which agents step."""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ENDS = re.compile(
    r"(?P<agent>[A-Za-z_][A-Za-z0-9_-]*)(?:\.(?P<replica>[0-9]+))?"
    r"\.(?P<kind>action|belief|observation)\.(?P<port>[A-Za-z0-9_.-]+)"
)
FEEDS = ("action", "belief")
"""What a link begins with: the action of a control, or the most probable state of a factor."""
NOUNS = {"action": "actions", "belief": "states"}


class WiringFault(ValueError):
    """Links that cannot be; `faults` holds every reason."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Ports:
    """What an agent can be linked by: outcomes a modality, actions a control, states a factor, and their names.

    It judges its policies at every `plan_every`-th step.
    """

    num_obs: tuple[int, ...]
    num_controls: tuple[int, ...]
    modalities: Mapping[str, int] = field(default_factory=dict)
    controls: Mapping[str, int] = field(default_factory=dict)
    num_states: tuple[int, ...] = ()
    factors: Mapping[str, int] = field(default_factory=dict)
    plan_every: int = 1

    def end(self, kind: str) -> tuple[tuple[int, ...], Mapping[str, int]]:
        """Sizes and names of its actions, beliefs or observations."""
        return {
            "action": (self.num_controls, self.controls),
            "belief": (self.num_states, self.factors),
            "observation": (self.num_obs, self.modalities),
        }[kind]


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """What instance `source` does or believes is the observation `modality` of instance `target`, by number.

    `port` is a control, or a factor whose most probable state (the lowest one of equals) is observed.
    """

    target: int
    modality: int
    source: int
    port: int
    delayed: bool = False
    belief: bool = False


@dataclass(frozen=True, slots=True)
class Team:
    """Agents by name, and how many replicas those have that have any; an agent without is its own only instance."""

    agents: Mapping[str, Ports]
    replicas: Mapping[str, int] = field(default_factory=dict)

    @property
    def instances(self) -> tuple[tuple[str, str], ...]:
        """(name, agent) of each instance: `picker.0` and so on for replicas."""
        return tuple(
            (f"{name}.{k}" if name in self.replicas else name, name)
            for name in self.agents
            for k in range(self.replicas.get(name, 1))
        )

    def numbers(self, name: str) -> range:
        """Places of an agent's instances among all."""
        first = 0
        for other in self.agents:
            if other == name:
                break
            first += self.replicas.get(other, 1)
        return range(first, first + self.replicas.get(name, 1))


@dataclass(frozen=True, slots=True)
class _End:
    """One end of a link: the instances it may mean, kind and number of the port, how many values that has."""

    places: tuple[int, ...]
    kind: str
    port: int
    size: int


def ports_of(interface: Mapping[str, Any], labels: Mapping[str, Any]) -> Ports:
    """An agent's ports from its interface.json, and its labels.json ({} when there is none)."""
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
    """The (from, to) pairs of links.json; WiringFault when it has another shape."""
    found = json.loads(path.read_bytes()) if path else []
    if not isinstance(found, list) or any(
        not isinstance(e, dict)
        or set(e) != {"from", "to"}
        or not all(isinstance(v, str) for v in e.values())
        for e in found
    ):
        raise WiringFault([f'{path} must be a list of {{"from": "..", "to": ".."}}'])
    return [(e["from"], e["to"]) for e in found]


def named(items: Sequence[str]) -> dict[str, str]:
    """NAME=TEXT words as a mapping."""
    return {name: text for name, _, text in (item.partition("=") for item in items)}


def resolve(pairs: Sequence[tuple[str, str]], team: Team) -> tuple[Link, ...]:
    """Links from ("scout.action.0", "picker.observation.cue") pairs; WiringFault with all faults.

    `picker.1.observation.cue` is one replica. An agent without replicas feeds all replicas that it is linked to; equally
    many replicas are linked one to one.
    """
    faults: list[str] = []
    found: list[Link] = []
    for source, target in pairs:
        where = f"link {source} -> {target}"
        left = _end(source, FEEDS, team, where, faults)
        right = _end(target, ("observation",), team, where, faults)
        if left and right:
            found += _between(left, right, where, faults)
            if left.size > right.size:
                faults.append(
                    f"{where}: {left.size} {NOUNS[left.kind]} do not fit {right.size} outcomes"
                )
    faults += _crowded(found, team)
    if faults:
        raise WiringFault(faults)
    return _delayed(tuple(sorted(found)), len(team.instances))


def _between(left: _End, right: _End, where: str, faults: list[str]) -> list[Link]:
    sources = left.places * (len(right.places) if len(left.places) == 1 else 1)
    if len(sources) != len(right.places):
        faults.append(
            f"{where}: {len(sources)} replicas cannot feed {len(right.places)}: name one, as in picker.0.action.0"
        )
        return []
    return [
        Link(target, right.port, source, left.port, belief=left.kind == "belief")
        for source, target in zip(sources, right.places)
    ]


def _crowded(links: Sequence[Link], team: Team) -> list[str]:
    """A fault for every modality that more than one link feeds."""
    fed: dict[tuple[int, int], int] = {}
    for link in links:
        fed[link.target, link.modality] = fed.get((link.target, link.modality), 0) + 1
    return [
        f"{team.instances[i][0]}.observation.{m} is fed by {count} links: one at most"
        for (i, m), count in sorted(fed.items())
        if count > 1
    ]


def _end(text: str, kinds: Sequence[str], team: Team, where: str, faults: list[str]) -> _End | None:
    """One end of a link, or None after noting the fault."""
    match = ENDS.fullmatch(text)
    if match is None or match["kind"] not in kinds:
        wanted = " or ".join(f"AGENT.{kind}.NUMBER-OR-NAME" for kind in kinds)
        faults.append(f"{where}: {text!r} should read {wanted}")
        return None
    kind = match["kind"]
    name = match["agent"]
    ports = team.agents.get(name)
    if ports is None:
        faults.append(f"{where}: there is no agent {name!r}; there are {', '.join(team.agents)}")
        return None
    sizes, names = ports.end(kind)
    port = int(match["port"]) if match["port"].isdecimal() else names.get(match["port"], -1)
    if not 0 <= port < len(sizes):
        known = ", ".join([*(f"0 to {len(sizes) - 1}" for _ in sizes[:1]), *names]) or "none"
        faults.append(f"{where}: {name} has no {kind} {match['port']!r}; it has {known}")
        return None
    places = tuple(team.numbers(name))
    if match["replica"]:
        number = int(match["replica"])
        if name not in team.replicas or number >= len(places):
            faults.append(f"{where}: {name} has no replica {number}")
            return None
        places = places[number : number + 1]
    return _End(places, kind, port, sizes[port])


def _delayed(links: tuple[Link, ...], count: int) -> tuple[Link, ...]:
    """Links inside a cycle carry what was done or believed in the tick before."""
    reach = _reach(links, count)
    return tuple(replace(e, delayed=e.source in reach[e.target]) for e in links)


def _reach(links: Sequence[Link], count: int) -> list[set[int]]:
    """Instances that each instance reaches over links, itself included."""
    after: list[set[int]] = [set() for _ in range(count)]
    for e in links:
        after[e.source].add(e.target)
    found = []
    for a in range(count):
        seen, rest = {a}, [a]
        while rest:
            fresh = after[rest.pop()] - seen
            seen |= fresh
            rest += sorted(fresh)
        found.append(seen)
    return found


def order(links: Sequence[Link], count: int) -> tuple[int, ...]:
    """Instances such that every undelayed link goes forward; among equals the first named steps first."""
    waits = [0] * count
    after: list[list[int]] = [[] for _ in range(count)]
    for e in links:
        if not e.delayed:
            waits[e.target] += 1
            after[e.source].append(e.target)
    ready = [a for a in range(count) if not waits[a]]
    found: list[int] = []
    while ready:
        found.append(heapq.heappop(ready))
        for a in after[found[-1]]:
            waits[a] -= 1
            if not waits[a]:
                heapq.heappush(ready, a)
    return tuple(found)
