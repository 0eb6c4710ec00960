"""Mistakes in rules that mypy --strict must report: `# E: CODE` names the error of a line."""

from __future__ import annotations

from dataclasses import dataclass

import buildgraph
from buildgraph import Artifact, Ctx, Gate, Out, Provider, Size, Source, rule


@dataclass(frozen=True)
class Page(Provider):
    """A page."""

    page: Artifact


@rule  # E: type-var
def not_a_provider(ctx: Ctx, source: Source) -> str:
    """Return something other than a provider."""
    return source.name


@rule
def untyped(ctx, source):  # E: no-untyped-def
    """Leave out the annotations."""
    return Page(source)


@rule
def wrong_values(ctx: Ctx, source: Source, limit: Size = 1024) -> Page:  # E: assignment
    """Pass values of other types than declared."""
    outputs = ctx.run(("cat", 3, Out("page.html")))  # E: arg-type
    ctx.run(("cat", source), inputs=(source,))  # E: arg-type
    ctx.run(("cat", source), (Out("x"),))  # E: call-arg # E: arg-type
    Gate("lint", "verdict")  # E: arg-type
    source.name = "other"  # E: misc
    print(ctx.label.nmae)  # E: attr-defined
    print(buildgraph.Missing)  # E: attr-defined
    return Page(outputs)  # E: arg-type
