"""The rule `group`: several targets under one label."""

from __future__ import annotations

from dataclasses import dataclass

from buildgraph import Ctx, Provider, rule


@dataclass(frozen=True)
class Group(Provider):
    """A group; a request for it requests each member."""


@rule
def group(ctx: Ctx, targets: tuple[Provider, ...]) -> Group:
    """Several targets under one label; a matrix makes a group of its cells."""
    return Group()
