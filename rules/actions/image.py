"""Reproducible OCI images, assembled without a daemon, root or an emulator."""

from __future__ import annotations

import json

from buildgraph import Artifact, Content, Ctx, In, Out, Tool

from .compile_agents import RunSettings

ASSEMBLE_IMAGE = Tool("assemble_image")
HEALTH_CHECK = {"test": ["/agent", "--health"], "interval": "30s", "timeout": "5s", "retries": 3}


def assemble(
    ctx: Ctx,
    program: Artifact,
    machine: tuple[str, str],
    labels: dict[str, str],
    running: RunSettings = RunSettings(),
) -> Artifact:
    """Declare a scratch image: one static program that runs as user 65532 with its own health
    check.

    User 65532 owns /data, and so any new volume mounted there. The layout names the image after
    workspace and label.
    """
    arch, variant = machine
    platform = {"architecture": arch, "os": "linux"} | ({"variant": variant} if variant else {})
    served = {"cmd": list(running.command), "ports": [running.port]} if running.http else {}
    config = (
        platform
        | served
        | {
            "entrypoint": ["/agent"],
            "user": "65532:65532",
            "workingdir": "/",
            "labels": labels,
            "healthcheck": HEALTH_CHECK,
        }
    )
    text = Content("config.json", json.dumps(config, sort_keys=True).encode())
    notes = [
        word
        for name, value in sorted(labels.items())
        for word in ("--annotation", f"{name}={value}")
    ]
    layer = ("--layer", "agent", "--dir", "data:0755:65532:65532", "--file", "agent=in/agent:0755")
    words: tuple[str | Artifact | Out, ...] = ("--config", text, *notes)
    words += ("--name", ctx.image_name, "--out", Out("image", tree=True))
    (image,) = ctx.tool(
        ASSEMBLE_IMAGE,
        *layer,
        *words,
        inputs=(In(program, "in/agent"),),
        title="assemble the image",
    )
    return image
