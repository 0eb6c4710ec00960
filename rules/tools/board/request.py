"""A request to a coalition's program: the first outcome of each modality that no link feeds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agentc.codegen.links import Instances, ports_of, read_links, resolve


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent's name, its interface.json and labels.json, and its replicas; 0: not replicated."""

    name: str
    interface: Path
    labels: Path
    replicas: int


def compose(agents: Sequence[Agent], links: Path, copies: int) -> tuple[str, tuple[str, ...]]:
    """Return the request as a line without its end, and the names that the answer must have."""
    ports = {
        agent.name: ports_of(
            json.loads(agent.interface.read_bytes()), json.loads(agent.labels.read_bytes())
        )
        for agent in agents
    }
    replicas = {agent.name: agent.replicas for agent in agents if agent.replicas}
    team = Instances(ports, replicas)
    linked = {(link.target, link.modality) for link in resolve(read_links(links), team)}
    request: dict[str, object] = {
        name: [
            None if (index, modality) in linked else 0
            for modality in range(len(ports[agent].num_obs))
        ]
        for index, (name, agent) in enumerate(team.instances)
    }
    if copies > 1:
        request["copy"] = 0
    names = tuple(name for name, _ in team.instances)
    return json.dumps(request, separators=(",", ":")), names
