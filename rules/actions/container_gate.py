"""The gate `container`: the image in Docker, under its limits. The action only plans it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from buildgraph import Artifact, Ctx, Gate, In, Out, Tool

if TYPE_CHECKING:
    from ..coalition import Coalition

PLAN_CONTAINER = Tool("plan_container")


def plan_container(ctx: Ctx, image: Artifact, coalition: Coalition, memory: int) -> Gate:
    """Declare the gate, with a limit of memory in bytes. The build tries it where Docker is."""
    words: list[str] = []
    staged: list[In] = []
    for member in coalition.members:
        folder = f"in/{member.name}"
        staged.append(In(member.proved.planned.interface, f"{folder}/interface"))
        staged.append(In(member.labels, f"{folder}/labels"))
        words += ["--agent", f"{member.name}={folder}"]
        if member.replicas is not None:
            words += ["--replicas", f"{member.name}={member.replicas}"]
    if coalition.running.copies > 1:
        words += ["--copies", str(coalition.running.copies)]
    (plan,) = ctx.tool(
        PLAN_CONTAINER,
        "--image",
        In(image, "in/image"),
        "--memory",
        str(memory),
        *words,
        "--links",
        In(coalition.links, "in/links.json"),
        "--out",
        Out("container.json"),
        inputs=staged,
        title="plan the container",
    )
    return Gate("container", plan)
