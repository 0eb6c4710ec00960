"""Several targets under one label."""

from __future__ import annotations

from dataclasses import dataclass

from buildgraph import Ctx, Provider, rule


@dataclass(frozen=True)
class Group(Provider):
    """Stands for its members: asking for it asks for each of them."""


@rule
def group(ctx: Ctx, targets: tuple[Provider, ...]) -> Group:
    """Several targets under one label; a matrix makes one of its cells."""
    return Group()
