"""Reproducible OCI images, assembled without a daemon, root or an emulator."""

from __future__ import annotations

import json

from buildgraph import Artifact, Content, Ctx, In, Out, Tool

from .compile_agents import RunSettings

ASSEMBLE_IMAGE = Tool("assemble_image")
LAYER = ("--layer", "agent", "--dir", "data:0755:65532:65532", "--file", "agent=in/agent:0755")
BOARD_LAYER = ("--layer", "board", "--file", "board=in/board:0644")


def assemble(
    ctx: Ctx,
    program: Artifact,
    machine: tuple[str, str],
    labels: dict[str, str],
    running: RunSettings = RunSettings(),
    *,
    base: Artifact | None = None,
    board: str = "",
) -> Artifact:
    """Declare an image: one static program that runs as user 65532 with its own health check.

    It is the only content, unless there is a `base`, the layout of one image. `board` is the text
    of /board, in a layer of its own: boards with one core share the program's layer.

    User 65532 owns /data, and so any new volume mounted there. The layout names the image after
    workspace and label.
    """
    config = _config(machine, labels, running)
    text = Content("config.json", json.dumps(config, sort_keys=True).encode())
    notes = [
        word
        for name, value in sorted(labels.items())
        for word in ("--annotation", f"{name}={value}")
    ]
    (image,) = ctx.tool(
        ASSEMBLE_IMAGE,
        *LAYER,
        *(BOARD_LAYER if board else ()),
        "--config",
        text,
        *notes,
        *(("--base", In(base, "in/base")) if base else ()),
        "--name",
        ctx.image_name,
        "--out",
        Out("image", tree=True),
        inputs=(
            In(program, "in/agent"),
            *((In(Content("board", board.encode()), "in/board"),) if board else ()),
        ),
        title="assemble the image",
    )
    return image


def _config(
    machine: tuple[str, str], labels: dict[str, str], running: RunSettings
) -> dict[str, object]:
    arch, variant = machine
    platform = {"architecture": arch, "os": "linux"} | ({"variant": variant} if variant else {})
    served = {"cmd": list(running.command), "ports": [running.port]} if running.http else {}
    return {
        **platform,
        **served,
        "entrypoint": ["/agent"],
        "user": "65532:65532",
        "workingdir": "/",
        "labels": labels,
        "healthcheck": {
            "test": ["/agent", "--health"],
            "interval": "30s",
            "timeout": "5s",
            "retries": 3,
        },
    }
