"""The gate `static`: checks of the content of an image."""

from __future__ import annotations

from buildgraph import Artifact, Ctx, Gate, Out, Tool

from .required_gates import check_names

CHECK_IMAGE = Tool("check_image")
ALLOWED = (
    "devices",
    "healthcheck",
    "host-paths",
    "libraries",
    "licences",
    "package-manager",
    "sbom",
    "secrets",
    "setuid",
    "shell",
    "user",
    "writable",
)
"""Checks of `static` to which an export may allow an exception."""


def check_image(
    ctx: Ctx, image: Artifact, machine: tuple[str, str], cpu: str, allow: tuple[str, ...]
) -> Gate:
    """Declare the static gate: the content of an image, for an architecture, variant and core."""
    check_names(ctx, "allow", allow, ALLOWED, "check of the gate static")
    arch, variant = machine
    (verdict,) = ctx.tool(
        CHECK_IMAGE,
        "--image",
        image,
        "--arch",
        arch,
        "--variant",
        variant,
        *(("--cpu", cpu) if arch == "amd64" else ()),  # of the others no file states a level
        *(word for name in sorted(set(allow)) for word in ("--allow", name)),
        "--out",
        Out("static.json"),
        title="check the image",
    )
    return Gate("static", verdict)
