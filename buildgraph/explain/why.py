"""Why an action ran: the parts of its key that differ from the key before. Read from the bytes that were hashed."""

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
    """An action of a target, the parts of its key that differ, and the files of its outputs that do.

    `state` is "changed"; "first" when it had no other key here; "forgotten" when the store lost one of the two. `keys`
    are those before and after; `outputs` is None when a result is not known any more.
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
    memory: ResultSource,
    actions: Sequence[Action] | None,
) -> list[KeyChange]:
    """What differs in the keys of a target's actions since each had another; `memory` is the store.

    `actions` are those that the target declares now: rows of others are dropped, and inputs are told by where they come
    from. None when that is not known.
    """
    owned = [
        (name.split(" ", 2), keys)
        for name, keys in sorted(history.items())
        if name.startswith(f"{label} ")
    ]
    now = None if actions is None else Counter(action.title for action in actions)
    return [
        _reason(
            (label, count, title),
            keys,
            memory,
            [one for one in actions or () if one.title == title],
        )
        for (_, count, title), keys in owned
        if now is None or int(count) <= now[title]
    ]


def declared_actions(analysis: Analysis, label: Label) -> list[Action]:
    """The actions that a target declares for what it provides."""
    if label not in analysis.providers:
        return []
    found = ActionGraph.of(artifacts(analysis.providers[label])).actions
    return [action for action in found if action.owner == label]


def _reason(
    row: tuple[str, str, str], keys: list[str], memory: ResultSource, actions: Sequence[Action]
) -> KeyChange:
    label, count, title = row
    said = title if count == "1" else f"{title} ({count})"
    if len(keys) < 2:
        return KeyChange(label, said, "first")
    after, before = (Digest.parse(key) for key in keys[:2])
    found = diff_keys(memory, before, after)
    pair = (str(before), str(after))
    if found is None:
        return KeyChange(label, said, "forgotten", keys=pair)
    action = _action(memory, after, actions, int(count))
    parts = [
        replace(part, origin=origin_of(action, part.name)) if action else part
        for part in found.parts
    ]
    return KeyChange(label, said, "changed", tuple(parts), found.outputs, pair)


def _action(
    memory: ResultSource, key: Digest, actions: Sequence[Action], count: int
) -> Action | None:
    """The action that a key was made of: the one with its command, else the one of its title and place."""
    messages = memory.parts(key)
    argv = tuple(decode("Command", messages["command"])["arguments"]) if messages else ()
    same = [action for action in actions if action.argv == argv]
    return same[0] if same else actions[count - 1] if count <= len(actions) else None


def origin_of(action: Action, part: str) -> str:
    """Whence an input comes: the action that makes it, the file of the user, or a tool of buildgraph."""
    given = (
        dict(action.inputs).get(part.removeprefix("input ").rstrip("/"))
        if part.startswith("input ")
        else None
    )
    match given:
        case Output(_, maker):
            return f"made by {maker.owner} ({maker.title})"
        case Source(name):
            return "" if part == f"input {name}" else f"the file {name}"
        case Shipped(name):
            return f"a tool that ships with buildgraph: {name}"
        case Content():
            return "written by the rule"
    return ""
