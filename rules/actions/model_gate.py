"""The gate `model`: evidence about the agents of a coalition and their links. It reads no board."""

from __future__ import annotations

from collections.abc import Sequence

from buildgraph import Artifact, Ctx, Gate, In, Out, Tool

from .members import Member

CHECK_MODEL = Tool("check_model")


def check_model(
    ctx: Ctx, members: Sequence[Member], links: Artifact, blankets: str, ties: float
) -> Gate:
    """Declare the gate. `blankets` is JSON: ports by agent; `ties` is a share of decisions."""
    words: list[str] = []
    staged: list[In] = []
    for member in members:
        planned, folder = member.proved.planned, f"in/{member.name}"
        for name, artifact in (
            ("ir", planned.ir),
            ("labels", member.labels),
            ("interface", planned.interface),
            ("probe", planned.probe),
            ("proof", member.proved.proof),
        ):
            staged.append(In(artifact, f"{folder}/{name}"))
        words += ["--agent", f"{member.name}={folder}"]
        if member.replicas is not None:
            words += ["--replicas", f"{member.name}={member.replicas}"]
    (verdict,) = ctx.tool(
        CHECK_MODEL,
        *words,
        "--links",
        In(links, "in/links.json"),
        *(("--blankets", blankets) if blankets else ()),
        *(("--ties", repr(float(ties))) if ties != 1.0 else ()),
        "--out",
        Out("model.json"),
        inputs=staged,
        title="check the agents",
    )
    return Gate("model", verdict)
