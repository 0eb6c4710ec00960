"""Why the actions of a target ran: follow the changes of their keys back to what changed first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from ..state.key_history import KeyRow
from ..types.action import Action, Output
from ..types.digest import Digest
from .cause import CAUSE_KINDS, Cause, find_causes
from .diff import ChangedPart, ResultSource, diff_keys
from .key_rows import ActionKeys, KeyHistory, RowName
from .why import KeyChange, origin_of

State: TypeAlias = Literal["changed", "first", "rerun", "forgotten"]


@dataclass(frozen=True, slots=True)
class Link:
    """An action of a chain and its changed input: a source, or an output of the previous link."""

    label: str
    title: str
    takes: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the actions of a target ran last.

    `state` is "changed"; "first" if the actions had no other keys in this workspace; "rerun" if
    they ran with the same keys because their results were deleted from the cache; "forgotten" if
    the cache lost the parts of the keys. `followed` counts the actions that ran because of
    `causes`, `chain` leads from the first cause to the target, and `reasons` has one entry for each
    action.
    """

    label: str
    state: State
    causes: tuple[Cause, ...] = ()
    followed: int = 0
    chain: tuple[Link, ...] = ()
    reasons: tuple[KeyChange, ...] = ()


def explain_target(
    history: KeyHistory, label: str, members: Sequence[str], reran: set[str]
) -> Explanation | None:
    """Explain why a target's actions ran; None if the history has no action of it.

    The actions are those of its `members`: the target itself, or the targets that a group collects.
    `reran` are the keys of the actions that ran in the last build.
    """
    rows = {name: row for member in members for name, row in history.rows_of(member).items()}
    if not rows:
        return None
    last = max(row.seen for row in rows.values())
    rerun = [
        name
        for name, row in rows.items()
        if row.seen == last > row.changed and row.keys[0] in reran
    ]
    changed = {name: row for name, row in rows.items() if len(row.keys) > 1}
    newest = max((row.changed for row in changed.values()), default=-1)
    if rerun and newest < last:
        chain = tuple(Link(label, title, "") for _, title, _ in sorted(rerun))
        return Explanation(label, "rerun", followed=len(rerun), chain=chain)
    if not changed:
        return Explanation(label, "first")
    return _Search(history).explain(label, _latest(changed, newest))


def _latest(changed: Mapping[RowName, KeyRow], newest: int) -> list[ActionKeys]:
    """Return the actions that changed in build `newest`, recent ones first."""
    latest = {name: row for name, row in sorted(changed.items()) if row.changed == newest}
    recent = max(row.before for row in latest.values())
    actions = [
        ActionKeys(*name, before=row.keys[1], after=row.keys[0], is_recent=row.before == recent)
        for name, row in latest.items()
    ]
    return sorted(actions, key=lambda action: not action.is_recent)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A cause, the chain from it to the target, and whether the action's old key is recent."""

    cause: Cause
    chain: tuple[Link, ...]
    is_recent: bool


@dataclass(slots=True)
class _Search:
    """A breadth-first search from changed actions to those that made their inputs.

    Breadth-first, so each cause gets one of the shortest chains.
    """

    history: KeyHistory
    seen: set[str] = field(default_factory=set)
    waiting: list[tuple[ActionKeys, tuple[Link, ...]]] = field(default_factory=list)
    reasons: list[KeyChange] = field(default_factory=list)
    candidates: dict[tuple[str, ...], _Candidate] = field(default_factory=dict)

    def explain(self, label: str, actions: list[ActionKeys]) -> Explanation:
        """Search from some actions of a target."""
        self.seen.update(action.after for action in actions)
        self.waiting += [(action, ()) for action in actions]
        for action, chain in self.waiting:  # grows in the loop
            self._visit(action, chain)
        order = sorted(
            self.candidates.values(),
            key=lambda entry: (not entry.is_recent, CAUSE_KINDS.index(entry.cause.kind)),
        )
        if any(entry.cause.kind != "input" for entry in order):
            order = [entry for entry in order if entry.cause.kind != "input"]
        return Explanation(
            label,
            "changed" if order else "forgotten",
            tuple(entry.cause for entry in order),
            len(self.reasons),
            order[0].chain if order else (),
            tuple(self.reasons),
        )

    def _visit(self, keys: ActionKeys, chain: tuple[Link, ...]) -> None:
        """Queue the actions that made changed inputs of an action; note its other changes."""
        store, action = self.history.store, self.history.action(keys)
        reason = _key_change(store, keys, action)
        self.reasons.append(reason)
        own: list[ChangedPart] = []
        for part in reason.parts:
            producer = None
            if part.name.startswith("input "):
                producer = self._producer(part, action)
            if producer is None or not producer.before:
                own.append(part)
            elif producer.after not in self.seen:
                self.seen.add(producer.after)
                link = Link(keys.label, keys.title, part.name.removeprefix("input "))
                self.waiting.append((replace(producer, is_recent=keys.is_recent), (link, *chain)))
        for cause in find_causes(store, keys, own, action):
            name = (cause.kind, cause.what, cause.before, cause.after)
            link = Link(keys.label, keys.title, cause.what if cause.kind == "source" else "")
            candidate = _Candidate(cause, (link, *chain), keys.is_recent)
            self.candidates.setdefault(name, candidate)

    def _producer(self, part: ChangedPart, action: Action | None) -> ActionKeys | None:
        """Return the action that made an input, with its two keys; None for a source."""
        path = part.name.removeprefix("input ").rstrip("/")
        artifact = dict(action.inputs).get(path) if action else None
        if isinstance(artifact, Output):
            return self.history.producer(part, artifact.action)
        if artifact is None and path.startswith("in/"):
            return self.history.producer(part)
        return None


def _key_change(store: ResultSource, keys: ActionKeys, action: Action | None) -> KeyChange:
    title = keys.title if keys.count == 1 else f"{keys.title} ({keys.count})"
    pair = (keys.before, keys.after)
    difference = diff_keys(store, Digest.parse(keys.before), Digest.parse(keys.after))
    if difference is None:
        return KeyChange(keys.label, title, "forgotten", keys=pair)
    parts = [
        replace(part, origin=origin_of(action, part.name)) if action else part
        for part in difference.parts
    ]
    return KeyChange(keys.label, title, "changed", tuple(parts), difference.outputs, pair)
