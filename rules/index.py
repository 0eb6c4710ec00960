"""The rule `index`: several exports as one multi-platform image."""

from __future__ import annotations

from dataclasses import dataclass

from buildgraph import Artifact, Ctx, Gate, Out, Provider, Tool, rule

from .export import Export

MERGE_IMAGES = Tool("merge_images")


@dataclass(frozen=True)
class Index(Provider):
    """One image for several platforms, and the gates of each."""

    image: Artifact
    gates: tuple[Gate, ...]


@rule
def index(ctx: Ctx, exports: tuple[Export, ...]) -> Index:
    """Exports for different platforms under one digest: `exports = ["//exports:jetson",
    "//exports:x86"]`.
    """
    layouts = [word for export in exports for word in ("--layout", export.image)]
    (image,) = ctx.tool(
        MERGE_IMAGES,
        *layouts,
        "--name",
        ctx.image_name,
        "--out",
        Out("image", tree=True),
        title="index the images",
    )
    return Index(image, tuple(gate for export in exports for gate in export.gates))
