"""Coalitions: agents that run in one program, and the links between them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
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
from .actions.compile_agents import RunSettings
from .actions.members import Member, stage_members
from .actions.monitor import Monitor, check_limits
from .model import Model

CHECK_LINKS = Tool("check_links")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}", re.ASCII)
_PORT = re.compile(
    r"([A-Za-z0-9_-]+)(?:\.([0-9]{1,9}))?\.(action|belief|observation)\.([A-Za-z0-9_-]+)", re.ASCII
)
RESERVED = ("reset", "acknowledge", "executed", "copy", "late", "tick", "error")
"""Request and reply keys that no agent may be named; the same as in agentc/codegen/main.py."""
_KINDS = ("observation", "action", "belief")
_MOST = 1 << 16  # instances in all copies, as agentc/codegen/main.py has it


@dataclass(frozen=True)
class Coalition(Provider):
    """Proved agents, their links, and run-time settings.

    `blankets` is JSON: the declared ports by agent, or empty.
    """

    members: tuple[Member, ...]
    links: Artifact
    running: RunSettings
    blankets: str = ""

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
    monitor: Monitor = Monitor(),
    inputs: tuple[str, ...] | None = None,
    blankets: dict[str, tuple[str, ...]] | None = None,
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

    `monitor = { false_alarm_every = 1e6, tolerance = 1e-3 }` tests the observations of each agent
    against its predictions; 0 switches it off.

    `inputs = ["scout.observation.cue"]` lists the observations that requests carry. Any other
    observation without a link is an error; without `inputs`, requests carry all of them.

    `blankets = { scout = ["observation", "action.move"] }` declares the ports that separate the
    internal state of an agent from all others (its Markov blanket): kinds of ports, or single
    ones. A link or an action beside them is an error. By default all ports are in the blanket.
    """
    if not agents:
        raise BuildError(
            f"{ctx.label} has no agents",
            ctx.target.place("agents"),
            'agents = { scout = "//models:scout" }',
        )
    for name in agents:
        _check_name(ctx, name)
    _check_counts(ctx, agents, copies)
    written = [_link(ctx, number, link, agents) for number, link in enumerate(links)]
    for number, text in enumerate(inputs or ()):
        _check_port(ctx, text, ("observation",), agents, "inputs", number)
    _check_blankets(ctx, blankets or {}, agents)
    members = tuple(
        replace(prove_member(ctx, name, agent.model), replicas=agent.replicas)
        for name, agent in agents.items()
    )
    text = json.dumps(
        [{"from": link.source, "to": link.target} for link in written], sort_keys=True
    )
    check_limits(ctx, monitor)
    running = RunSettings(
        int(tick),
        int(deadline or tick),
        copies,
        io == "http",
        monitor.false_alarm_every,
        monitor.tolerance,
    )
    written_down: Artifact = Content("links.json", text.encode())
    declared = json.dumps(blankets, sort_keys=True) if blankets else ""
    options = ["--blankets", declared] if declared else []
    if inputs is not None:
        options += ["--inputs", json.dumps(inputs)]
    if written or options:
        written_down = _check_links_action(ctx, members, written_down, options)
    return Coalition(members, written_down, running, declared)


def _check_links_action(
    ctx: Ctx, members: tuple[Member, ...], links: Artifact, options: Sequence[str]
) -> Artifact:
    """Declare the check of the links. Python agents run in no program, so their links are not
    checked.
    """
    if any(member.proved.python for member in members):
        return links
    words, staged = stage_members(members, "interface", "labels")
    (checked,) = ctx.tool(
        CHECK_LINKS,
        *options,
        *words,
        "--links",
        In(links, "in/links.json"),
        "--out",
        Out("links.json"),
        inputs=staged,
        title="check the links",
    )
    return checked


def _check_name(ctx: Ctx, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise BuildError(
            f"{name!r} is not a name of an agent",
            ctx.target.place("agents", name),
            "letters, digits, - and _, not beginning with a digit",
        )
    if name in RESERVED:
        raise BuildError(
            f"an agent cannot be called {name!r}: requests and answers of the program have a key "
            "of that name",
            ctx.target.place("agents", name),
            f"give it another name, such as {name}_agent; the keys are {', '.join(RESERVED)}",
        )


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


def _check_blankets(
    ctx: Ctx, blankets: Mapping[str, tuple[str, ...]], agents: Mapping[str, Agent]
) -> None:
    """Check the names of declared blankets, and the kinds of their ports."""
    for name, ports in blankets.items():
        at = ctx.target.place("blankets", name)
        if name not in agents:
            raise BuildError(
                f"blankets: no agent {name!r} in {ctx.label}",
                at,
                did_you_mean(name, agents) or f"it has {', '.join(agents)}",
            )
        for number, port in enumerate(ports):
            kind = port.partition(".")[0]
            if kind not in _KINDS:
                raise BuildError(
                    f"blankets: {port!r} is not a port",
                    ctx.target.place("blankets", name, number),
                    did_you_mean(kind, _KINDS) or 'such as "observation" or "action.move"',
                )


def _link(ctx: Ctx, number: int, link: dict[str, str], agents: Mapping[str, Agent]) -> Link:
    at = ctx.target.place("links", number)
    if link.keys() != {"from", "to"}:
        raise BuildError(
            "a link has the keys from and to",
            at,
            '{ from = "scout.action.0", to = "picker.observation.1" }',
        )
    _check_port(ctx, link["from"], ("action", "belief"), agents, "links", number)
    _check_port(ctx, link["to"], ("observation",), agents, "links", number)
    return Link(link["from"], link["to"])


def _check_port(
    ctx: Ctx, text: str, kinds: Sequence[str], agents: Mapping[str, Agent], *path: str | int
) -> None:
    """Check the form of a port, its agent and its replica. Its name is known to no rule."""
    at = ctx.target.place(*path)
    key = "inputs" if path[0] == "inputs" else "from" if "action" in kinds else "to"
    port = _PORT.fullmatch(text)
    if port is None or port[3] not in kinds:
        wanted = " or ".join(f"<agent>.{kind}.<name or number>" for kind in kinds)
        raise BuildError(
            f"{text!r} is not a port: {key} requires {wanted}", at, f"such as scout.{kinds[0]}.0"
        )
    name, replica = port[1], port[2]
    if name not in agents:
        raise BuildError(
            f"{text!r}: no agent {name!r} in {ctx.label}",
            at,
            did_you_mean(name, agents) or f"it has {', '.join(agents)}",
        )
    count = agents[name].replicas
    if replica is not None and int(replica) >= (count or 0):
        raise BuildError(
            f"{text!r}: {name} has no replica {int(replica)}",
            at,
            f"it has replicas 0 to {count - 1}" if count else f"write {name} without a number",
        )
