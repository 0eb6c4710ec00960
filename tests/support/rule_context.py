"""Contexts for rules, and the actions that rules declare; nothing is read and nothing runs."""

from __future__ import annotations

from buildgraph import Artifact, Ctx, Label, Output
from buildgraph.types.action import Action
from buildgraph.types.errors import Location
from buildgraph.types.target import Target


def ctx(label: str = "//package:name", folder: str = "package") -> Ctx:
    """The context of a target written at one place."""
    return Ctx(Target(Label.parse(label), "rule", {}, folder, {(): Location("BUILD.toml", 1, 1)}))


def maker(artifact: Artifact) -> Action:
    """The action that makes an artifact."""
    assert isinstance(artifact, Output)
    return artifact.action


def chain(*artifacts: Artifact) -> list[Action]:
    """Every action that artifacts come from."""
    actions: dict[Action, None] = {}
    waiting = [maker(artifact) for artifact in artifacts]
    while waiting:
        action = waiting.pop()
        if action not in actions:
            actions[action] = None
            waiting += [
                artifact.action for _, artifact in action.inputs if isinstance(artifact, Output)
            ]
    return list(actions)


def written(actions: list[Action]) -> list[tuple[object, ...]]:
    """The parts of actions that enter their keys and are known before they run; sorted."""
    return sorted(
        (
            action.argv,
            tuple(path for path, _ in action.inputs),
            tuple(out.path for out in action.outputs),
            action.env,
            action.programs,
            action.distributions,
            action.timeout,
        )
        for action in actions
    )
