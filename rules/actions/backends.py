"""Backends: `native` compiles an agent, `python` steps pymdp itself; each agent is proved on its own by the same gate.

The backend of an agent stands in its model's table, because its features decide and because its proof, which all boards
share, is made with it. Analysis sees no arrays: what it cannot see in the table, the `plan` action refuses with reasons.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from buildgraph import Artifact, BuildError, Ctx, In, Out, Tool

from .compile_agents import Member, Proved, prove

if TYPE_CHECKING:
    from ..model import Model

PROVE_PYTHON = Tool("prove_python")
QUIET = {"JAX_PLATFORMS": "cpu", "MPLBACKEND": "Agg"}


def proved(ctx: Ctx, name: str, model: Model) -> Member:
    """A member of a coalition: its agent under a name, proved with the backend of its model."""
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


def compiled(ctx: Ctx, members: tuple[Member, ...]) -> None:
    """BuildError when an agent has no code: nothing but native programs goes into images yet."""
    names = [
        f"{member.name} ({member.proved.python})" for member in members if member.proved.python
    ]
    if names:
        raise BuildError(
            f"{ctx.label}: the python backend is for {', '.join(names)}, and images with Python are not made yet",
            ctx.target.place("coalition"),
            "build the coalition itself for proof and report; for an image, leave out of the model what native does not "
            "cover: `build` of the model writes it into runtime.json",
        )


def evidence(members: tuple[Member, ...]) -> dict[str, Artifact]:
    """Proofs of all members by name, and the pages of those in Python."""
    found = {member.name: member.proved.proof for member in members}
    return found | {
        f"{member.name}.python": member.proved.page
        for member in members
        if member.proved.page is not None
    }
