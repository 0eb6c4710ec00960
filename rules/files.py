"""Files of the workspace, collected into one tree."""
from __future__ import annotations

from dataclasses import dataclass

from buildgraph import Artifact, Ctx, Globs, In, Out, Provider, Tool, rule

GATHER = Tool("gather")


@dataclass(frozen=True)
class Files(Provider):
    """A folder with copies of files, at their paths relative to the target's folder."""

    tree: Artifact


@rule
def files(ctx: Ctx, srcs: Globs) -> Files:
    """Collect files into one tree: `srcs = ["src/**/*.py", "data/*.csv"]`."""
    folder = f"{ctx.target.folder}/" if ctx.target.folder else ""
    staged = tuple(In(source, f"files/{source.name.removeprefix(folder)}") for source in srcs.sources)
    (tree,) = ctx.tool(GATHER, "files", Out("tree", tree=True), inputs=staged, title="gather files")
    return Files(tree)
