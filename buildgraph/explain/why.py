"""Why an action ran: the parts of its key that differ from its previous key.

The parts are decoded from the bytes that were hashed, so they cannot differ from the key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ..keys.action_graph import ActionGraph
from ..keys.reapi import decode
from ..types.action import Action, Content, Output, Shipped, Source
from ..types.digest import Digest
from ..types.label import Label
from .diff import ChangedPart, ResultSource, diff_keys
from .target_hash import artifacts

if TYPE_CHECKING:
    from ..analysis.analysis import Analysis


@dataclass(frozen=True, slots=True)
class KeyChange:
    """The last change of an action's key: the parts that differ, and the output files that differ.

    `state` is "changed"; "first" if the action had no other key in this workspace; "forgotten" if
    the store lost one of the keys. `keys` are those before and after. `outputs` is None if a result
    is unknown.
    """

    label: str
    title: str
    state: Literal["changed", "first", "forgotten"]
    parts: tuple[ChangedPart, ...] = ()
    outputs: tuple[ChangedPart, ...] | None = None
    keys: tuple[str, str] = ("", "")


def why(
    history: Mapping[str, list[str]],
    label: str,
    store: ResultSource,
    actions: Sequence[Action] | None,
) -> list[KeyChange]:
    """Return the last change of the key of each action of a target.

    `history` maps `LABEL COUNT TITLE` to the last keys, newest first. `actions` are those that the
    target declares now: rows of other actions are dropped, and inputs get their origin. None means
    that the declared actions are unknown.
    """
    rows = [
        (name.split(" ", 2), keys)
        for name, keys in sorted(history.items())
        if name.startswith(f"{label} ")
    ]
    titles = None if actions is None else Counter(action.title for action in actions)
    changes = []
    for (_, count, title), keys in rows:
        if titles is None or int(count) <= titles[title]:
            candidates = [action for action in actions or () if action.title == title]
            change = _key_change(
                label, title, int(count), keys=keys, store=store, actions=candidates
            )
            changes.append(change)
    return changes


def declared_actions(analysis: Analysis, label: Label) -> list[Action]:
    """Return the actions that a target declares for what it provides."""
    if label not in analysis.providers:
        return []
    graph = ActionGraph.of(artifacts(analysis.providers[label]))
    return [action for action in graph.actions if action.owner == label]


def _key_change(
    label: str,
    title: str,
    count: int,
    *,
    keys: list[str],
    store: ResultSource,
    actions: Sequence[Action],
) -> KeyChange:
    name = title if count == 1 else f"{title} ({count})"
    if len(keys) < 2:
        return KeyChange(label, name, "first")
    after, before = (Digest.parse(key) for key in keys[:2])
    pair = (str(before), str(after))
    difference = diff_keys(store, before, after)
    if difference is None:
        return KeyChange(label, name, "forgotten", keys=pair)
    action = _action_of(store, after, actions, count)
    parts = [
        replace(part, origin=origin_of(action, part.name)) if action else part
        for part in difference.parts
    ]
    return KeyChange(label, name, "changed", tuple(parts), difference.outputs, pair)


def _action_of(
    store: ResultSource, key: Digest, actions: Sequence[Action], count: int
) -> Action | None:
    """Return the action of a key: the one with the same command, else number `count`."""
    messages = store.parts(key)
    argv = tuple(decode("Command", messages["command"])["arguments"]) if messages else ()
    same = [action for action in actions if action.argv == argv]
    return same[0] if same else actions[count - 1] if count <= len(actions) else None


def origin_of(action: Action, part: str) -> str:
    """Describe the origin of an input: its action, source file, or shipped tool."""
    if not part.startswith("input "):
        return ""
    match dict(action.inputs).get(part.removeprefix("input ").rstrip("/")):
        case Output(_, producer):
            return f"made by {producer.owner} ({producer.title})"
        case Source(name):
            return "" if part == f"input {name}" else f"the file {name}"
        case Shipped(name):
            return f"a tool that ships with buildgraph: {name}"
        case Content():
            return "written by the rule"
    return ""
