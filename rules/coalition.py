"""Coalitions: agents that run in one program, and the links between them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from buildgraph import (
    Artifact,
    BuildError,
    Content,
    Ctx,
    Duration,
    In,
    Out,
    Output,
    Provider,
    Tool,
    did_you_mean,
    rule,
)

from .actions.backends import evidence, prove_member
from .actions.compile_agents import Member, RunSettings
from .model import Model

CHECK_LINKS = Tool("check_links")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}", re.ASCII)
_PORT = re.compile(
    r"([A-Za-z0-9_-]+)(?:\.[0-9]+)?\.(action|belief|observation)\.([A-Za-z0-9_-]+)", re.ASCII
)
RESERVED = ("reset", "executed", "copy", "late", "tick", "error")
"""Request and reply keys that no agent may be named; the same as in agentc/codegen/main.py."""
_MOST = 1 << 16  # instances in all copies, as agentc/codegen/main.py has it


@dataclass(frozen=True)
class Coalition(Provider):
    """Proved agents, their links, and run-time settings."""

    members: tuple[Member, ...]
    links: Artifact
    running: RunSettings

    def outputs(self) -> dict[str, Artifact]:
        """Return the proof of each agent, and the checked links."""
        return evidence(self.members) | (
            {"links.json": self.links} if isinstance(self.links, Output) else {}
        )


@dataclass(frozen=True)
class Agent:
    """A member's model. `replicas` are instances with one code and separate beliefs: `scout.0`,
    ...
    """

    model: Model
    replicas: int | None = None


@dataclass(frozen=True)
class Link:
    """A link, such as `scout.action.cue` or `scout.belief.place` -> `picker.observation.cue`."""

    source: str
    target: str


@rule
def coalition(
    ctx: Ctx,
    agents: dict[str, Agent],
    links: tuple[dict[str, str], ...] = (),
    tick: Duration = Duration(0),
    deadline: Duration = Duration(0),
    copies: int = 1,
    io: Literal["lines", "http"] = "lines",
) -> Coalition:
    """Agents in one program.

    `agents` maps names to models, or to `{ model = "//models:picker", replicas = 3 }`, which makes
    instances `picker.0` to `picker.2`.

    `links = [{ from = "scout.action.cue", to = "picker.observation.cue" }]` passes an action of one
    agent to another as an observation. `scout.belief.place` passes the most probable state of a
    factor. Linked agents step in the order of the links; links in a cycle are delayed by one tick.

    Steps start at least one `tick` after each other. A step that ends after its `deadline`
    (default: one tick) counts as late. `copies` is the number of instances of the whole coalition;
    each request steps one of them. `io = "http"` adds `--listen` to the program, and the image
    listens on port 8080.
    """
    if not agents:
        raise BuildError(
            f"{ctx.label} has no agents",
            ctx.target.place("agents"),
            'agents = { scout = "//models:scout" }',
        )
    for name in agents:
        if not _NAME.fullmatch(name):
            raise BuildError(
                f"{name!r} is not a name of an agent",
                ctx.target.place("agents", name),
                "letters, digits, - and _, not beginning with a digit",
            )
        if name in RESERVED:
            raise BuildError(
                f"an agent cannot be called {name!r}: requests and answers of the program have a "
                "key of that name",
                ctx.target.place("agents", name),
                f"give it another name, such as {name}_agent; the keys are {', '.join(RESERVED)}",
            )
    _check_counts(ctx, agents, copies)
    written = [_link(ctx, number, link, agents) for number, link in enumerate(links)]
    members = tuple(
        replace(prove_member(ctx, name, agent.model), replicas=agent.replicas)
        for name, agent in agents.items()
    )
    text = json.dumps(
        [{"from": link.source, "to": link.target} for link in written], sort_keys=True
    )
    running = RunSettings(int(tick), int(deadline or tick), copies, io == "http")
    written_down = Content("links.json", text.encode())
    return Coalition(
        members,
        _check_links_action(ctx, members, written_down) if written else written_down,
        running,
    )


def _check_links_action(ctx: Ctx, members: tuple[Member, ...], links: Artifact) -> Artifact:
    """Declare the check of the links. Python agents run in no program, so their links are not
    checked.
    """
    if any(member.proved.python for member in members):
        return links
    words: list[str] = []
    staged: list[In] = []
    for member in members:
        for option, artifact in (
            ("interface", member.proved.planned.interface),
            ("labels", member.labels),
        ):
            staged.append(In(artifact, f"in/{member.name}/{option}"))
            words += [f"--{option}", f"{member.name}={staged[-1].path}"]
        if member.replicas is not None:
            words += ["--replicas", f"{member.name}={member.replicas}"]
    (checked,) = ctx.tool(
        CHECK_LINKS,
        *words,
        "--links",
        In(links, "in/links.json"),
        "--out",
        Out("links.json"),
        inputs=staged,
        title="check the links",
    )
    return checked


def _check_counts(ctx: Ctx, agents: Mapping[str, Agent], copies: int) -> None:
    for name, agent in agents.items():
        if agent.replicas is not None and agent.replicas < 1:
            raise BuildError(
                f"{name} has {agent.replicas} replicas",
                ctx.target.place("agents", name),
                "one or more",
            )
    count = copies * sum(agent.replicas or 1 for agent in agents.values())
    if copies < 1 or count > _MOST:
        raise BuildError(
            f"{ctx.label}: {copies} copies are {count} instances",
            ctx.target.place("copies"),
            f"from 1 copy on, {_MOST} instances in all",
        )


def _link(ctx: Ctx, number: int, link: dict[str, str], agents: Iterable[str]) -> Link:
    at = ctx.target.place("links", number)
    if link.keys() != {"from", "to"}:
        raise BuildError(
            "a link has the keys from and to",
            at,
            '{ from = "scout.action.0", to = "picker.observation.1" }',
        )
    for key, kinds in (("from", ("action", "belief")), ("to", ("observation",))):
        port = _PORT.fullmatch(link[key])
        if port is None or port[2] not in kinds:
            wanted = " or ".join(f"<agent>.{kind}.<name or number>" for kind in kinds)
            raise BuildError(
                f"{link[key]!r} is not a port: {key} requires {wanted}",
                at,
                "such as scout.action.0",
            )
        if port[1] not in agents:
            raise BuildError(
                f"{link[key]!r}: no agent {port[1]!r} in {ctx.label}",
                at,
                did_you_mean(port[1], agents) or f"it has {', '.join(agents)}",
            )
    return Link(link["from"], link["to"])
