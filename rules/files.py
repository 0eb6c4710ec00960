"""The rule `files`, which collects files of the workspace into one tree."""

from __future__ import annotations

from dataclasses import dataclass

from buildgraph import Artifact, BuildError, Ctx, Globs, In, Out, Provider, Tool, rule

_DEEPEST = 64  # folders of a tree of outputs
COPY_TREE = Tool("copy_tree")


@dataclass(frozen=True)
class Files(Provider):
    """A folder with copies of files, at paths relative to the target's folder."""

    tree: Artifact


@rule
def files(ctx: Ctx, srcs: Globs) -> Files:
    """Collect files into one tree: `srcs = ["src/**/*.py", "data/*.csv"]`."""
    folder = f"{ctx.target.folder}/" if ctx.target.folder else ""
    staged = tuple(
        In(source, f"files/{source.name.removeprefix(folder)}") for source in srcs.sources
    )
    deep = next(
        (
            source
            for source, staged_input in zip(srcs.sources, staged)
            if staged_input.path.count("/") > _DEEPEST + 1
        ),
        None,
    )
    if deep is not None:
        raise BuildError(
            f"{deep.name[:60]!r}... is more than {_DEEPEST} folders below the target",
            deep.at,
            'a tree of outputs is at most so deep: leave it out with "!..."',
        )
    (tree,) = ctx.tool(
        COPY_TREE, "files", Out("tree", tree=True), inputs=staged, title="gather files"
    )
    return Files(tree)
