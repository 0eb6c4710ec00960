"""Workers of a program: how many processes step its agents, by the cores of a board."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from buildgraph import Artifact, Content, Ctx, In, Out, Tool

from .members import Member, stage_members

CHOOSE_WORKERS = Tool("choose_workers")


@dataclass(frozen=True)
class WorkerChoice:
    """workers.json for the report; `several` is the same file where there may be several."""

    choice: Artifact
    several: Artifact | None = None


def choose_workers(
    ctx: Ctx, members: Sequence[Member], links: Artifact, cores: int
) -> WorkerChoice:
    """Declare how many processes step the agents. One agent or one core needs no action: the
    choice is known.
    """
    instances = sum(member.replicas or 1 for member in members)
    if instances == 1:
        return _one_process("a step has one agent")
    if cores == 1:
        return _one_process("the board has one core")
    words, staged = stage_members(members, "interface", "labels", "plan")
    (chosen,) = ctx.tool(
        CHOOSE_WORKERS,
        "--most",
        str(min(cores, instances)),  # boards with more cores share the action
        *words,
        "--links",
        In(links, "in/links.json"),
        "--out",
        Out("workers.json"),
        inputs=staged,
        title="choose the workers",
    )
    return WorkerChoice(chosen, chosen)


def _one_process(reason: str) -> WorkerChoice:
    document = {"schema": 1, "workers": 1, "reason": reason}
    return WorkerChoice(Content("workers.json", json.dumps(document, sort_keys=True).encode()))
