"""Coalitions: agents that run in one program, and what flows between them."""
from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from buildgraph import Artifact, BuildError, Content, Ctx, Duration, Provider, did_you_mean, rule

from .backend import evidence, proved
from .model import Model
from .optimise import Member

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}", re.ASCII)
_PORT = re.compile(r"([A-Za-z0-9_-]+)\.(action|observation)\.([A-Za-z0-9_-]+)", re.ASCII)
MILLISECOND = 1_000_000


@dataclass(frozen=True)
class Coalition(Provider):
    """Proved agents, the links between them, and the time of a tick in nanoseconds (0: as fast as input comes)."""

    members: tuple[Member, ...]
    links: Artifact
    tick: int

    def outputs(self) -> dict[str, Artifact]:
        """The proof of each agent."""
        return evidence(self.members)


@dataclass(frozen=True)
class Link:
    """An agent's action that another observes: `scout.action.cue` -> `picker.observation.cue`, by name or number."""

    source: str
    target: str


@rule
def coalition(ctx: Ctx, agents: dict[str, Model], links: tuple[dict[str, str], ...] = (),
              tick: Duration = Duration(0)) -> Coalition:
    """Agents in one program.

    `agents` maps names to models, `links = [{ from = "scout.action.cue", to = "picker.observation.cue" }]` feeds one
    agent's action to another as an observation. Linked agents step in the links' order; a circle goes through the tick
    before.
    """
    if not agents:
        raise BuildError(f"{ctx.label} has no agents", ctx.target.place("agents"), 'agents = { scout = "//models:scout" }')
    for name in agents:
        if not _NAME.fullmatch(name):
            raise BuildError(f"{name!r} is not a name of an agent", ctx.target.place("agents", name),
                             "letters, digits, - and _, not beginning with a digit")
    written = [_link(ctx, number, link, agents) for number, link in enumerate(links)]
    members = tuple(proved(ctx, name, model) for name, model in agents.items())
    text = json.dumps([{"from": link.source, "to": link.target} for link in written], sort_keys=True)
    return Coalition(members, Content("links.json", text.encode()), int(tick))


def _link(ctx: Ctx, number: int, link: dict[str, str], agents: Iterable[str]) -> Link:
    at = ctx.target.place("links", number)
    if link.keys() != {"from", "to"}:
        raise BuildError("a link has the keys from and to", at, '{ from = "scout.action.0", to = "picker.observation.1" }')
    for key, kind in (("from", "action"), ("to", "observation")):
        port = _PORT.fullmatch(link[key])
        if port is None or port[2] != kind:
            raise BuildError(f"{link[key]!r} is not a port: {key} wants <agent>.{kind}.<name or number>", at,
                             "such as scout.action.0")
        if port[1] not in agents:
            raise BuildError(f"{link[key]!r}: no agent {port[1]!r} in {ctx.label}", at,
                             did_you_mean(port[1], agents) or f"it has {', '.join(agents)}")
    return Link(link["from"], link["to"])
