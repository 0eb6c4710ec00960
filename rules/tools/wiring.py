"""Links between agents: parse them, check their sizes, find the order in which agents step."""
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

ENDS = re.compile(
    r"(?P<agent>[A-Za-z_][A-Za-z0-9_-]*)\.(?P<kind>action|observation)\.(?P<port>[A-Za-z0-9_.-]+)")


class WiringFault(ValueError):
    """Links that cannot be; `faults` holds every reason."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Ports:
    """What an agent can be linked by: outcomes a modality, actions a control, and their names."""

    num_obs: tuple[int, ...]
    num_controls: tuple[int, ...]
    modalities: Mapping[str, int] = field(default_factory=dict)
    controls: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """Action `control` of agent `source` is the observation `modality` of agent `target`, by number."""

    target: int
    modality: int
    source: int
    control: int
    delayed: bool = False


def resolve(pairs: Sequence[tuple[str, str]], agents: Mapping[str, Ports]) -> tuple[Link, ...]:
    """Links from ("scout.action.0", "picker.observation.cue") pairs; WiringFault with all faults."""
    faults: list[str] = []
    found: list[Link] = []
    for source, target in pairs:
        where = f"link {source} -> {target}"
        left = _end(source, "action", agents, where, faults)
        right = _end(target, "observation", agents, where, faults)
        if left and right:
            found.append(Link(right[0], right[1], left[0], left[1]))
            actions, outcomes = left[2], right[2]
            if actions > outcomes:
                faults.append(f"{where}: {actions} actions do not fit {outcomes} outcomes")
    fed = [(link.target, link.modality) for link in found]
    names = list(agents)
    faults += [f"{names[a]}.observation.{m} is fed by {fed.count((a, m))} links: one at most"
               for a, m in sorted(set(fed)) if fed.count((a, m)) > 1]
    if faults:
        raise WiringFault(faults)
    return _delayed(tuple(sorted(found)), len(agents))


def _end(text: str, kind: str, agents: Mapping[str, Ports], where: str,
         faults: list[str]) -> tuple[int, int, int] | None:
    """(agent number, port, its size) of one end of a link, or None after noting the fault."""
    match = ENDS.fullmatch(text)
    if match is None or match["kind"] != kind:
        faults.append(f"{where}: {text!r} should read AGENT.{kind}.NUMBER-OR-NAME")
        return None
    ports = agents.get(match["agent"])
    if ports is None:
        faults.append(f"{where}: there is no agent {match['agent']!r}; there are {', '.join(agents)}")
        return None
    sizes = ports.num_controls if kind == "action" else ports.num_obs
    names = ports.controls if kind == "action" else ports.modalities
    port = int(match["port"]) if match["port"].isdecimal() else names.get(match["port"], -1)
    if not 0 <= port < len(sizes):
        known = ", ".join([*(f"0 to {len(sizes) - 1}" for _ in sizes[:1]), *names]) or "none"
        faults.append(f"{where}: {match['agent']} has no {kind} {match['port']!r}; it has {known}")
        return None
    return list(agents).index(match["agent"]), port, sizes[port]


def _delayed(links: tuple[Link, ...], count: int) -> tuple[Link, ...]:
    """Links inside a cycle carry the action of the tick before."""
    reach = _reach(links, count)
    return tuple(Link(e.target, e.modality, e.source, e.control, e.source in reach[e.target]) for e in links)


def _reach(links: Sequence[Link], count: int) -> list[set[int]]:
    """Agents that each agent reaches over links, itself included."""
    after: list[set[int]] = [{e.target for e in links if e.source == a} for a in range(count)]
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
    """Agents such that every undelayed link goes forward; among equals the first named steps first."""
    waits = {a: {e.source for e in links if e.target == a and not e.delayed} for a in range(count)}
    found: list[int] = []
    while len(found) < count:
        found.append(next(a for a in range(count) if a not in found and waits[a] <= set(found)))
    return tuple(found)
