"""Backends: `native` compiles an agent to C, `python` steps pymdp. One gate proves the agents of
both.

The model's table selects the backend, because its features determine it and all boards share its
proof. Rules see no arrays, so the action `plan_agent` refuses features that the table cannot show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from buildgraph import Artifact, BuildError, Ctx, In, Out, Tool

from .compile_agents import prove
from .members import Member, Proved

if TYPE_CHECKING:
    from ..model import Model

PROVE_PYTHON = Tool("prove_python")
QUIET = {"JAX_PLATFORMS": "cpu", "MPLBACKEND": "Agg"}


def prove_member(ctx: Ctx, name: str, model: Model) -> Member:
    """Declare the proof of an agent with the backend of its model; return it as a coalition
    member.
    """
    if not model.python:
        return Member(name, model.labels, prove(ctx, name, model.planned))
    proof, page = ctx.tool(
        PROVE_PYTHON,
        "--ir",
        In(model.ir, "in/ir"),
        "--name",
        name,
        *model.probe.words(),
        "--out",
        Out("proof.json"),
        "--report",
        Out("report.txt"),
        env=QUIET,
        title=f"prove {name} in Python",
    )
    return Member(name, model.labels, Proved(name, None, proof, model.planned, model.python, page))


def require_native_code(ctx: Ctx, members: tuple[Member, ...]) -> None:
    """Require native code for every member: images support the native backend only."""
    names = [
        f"{member.name} ({member.proved.python})" for member in members if member.proved.python
    ]
    if names:
        raise BuildError(
            f"{ctx.label}: the python backend is for {', '.join(names)}, and images support the "
            "native backend only",
            ctx.target.place("coalition"),
            "build the coalition itself for proof and report; for an image, leave out of the "
            "model what native does not "
            "cover: `build` of the model writes it into runtime.json",
        )


def evidence(members: tuple[Member, ...]) -> dict[str, Artifact]:
    """Return the proof of each member by name, and the report of each Python member."""
    artifacts = {member.name: member.proved.proof for member in members}
    return artifacts | {
        f"{member.name}.python": member.proved.page
        for member in members
        if member.proved.page is not None
    }
