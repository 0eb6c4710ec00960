"""What made a target run again: the keys of its actions followed back to what changed first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..keys.action_key import explain, inputs_of
from ..state.key_history import KeyRow
from ..types.action import Action, Output, Shipped, Source
from ..types.digest import Digest
from ..types.result import File, Node
from .diff import ChangedPart, ResultSource, WithSources, diff_keys
from .file_change import detail_of
from .why import KeyChange, declared_actions, origin_of

if TYPE_CHECKING:
    from ..analysis.analysis import Analysis

Kind: TypeAlias = Literal["source", "value", "tool", "program", "distribution", "input", "engine"]
_ORDER: Sequence[Kind] = ("source", "value", "tool", "program", "distribution", "engine", "input")


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that changed: `what` by name, how it was and is where that is short, and where it differs first.

    `kind` is "value" for a value of a table, an argument or a fact of a board; `label` and `title` are those of the action
    that it went into.
    """

    kind: Kind
    what: str
    change: Literal["changed", "added", "removed"]
    before: str
    after: str
    detail: str
    label: str
    title: str
    file: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """An action of the chain, and what it takes that changed: a source, or an output of the link before it."""

    label: str
    title: str
    takes: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why the actions of a target ran last.

    `state` is "changed"; "first" when they had no other keys here; "rerun" when they ran with the same keys, because their
    results were gone from the cache; "forgotten" when the cache lost what the keys were made of. `followed` counts the
    actions that ran because of `causes`; `chain` leads from the first cause to the target; `reasons` has each action.
    """

    label: str
    state: Literal["changed", "first", "rerun", "forgotten"]
    causes: tuple[Cause, ...] = ()
    followed: int = 0
    chain: tuple[Link, ...] = ()
    reasons: tuple[KeyChange, ...] = ()


@dataclass(frozen=True, slots=True)
class _Step:
    """An action with its keys before and after; not `recent` where other actions of the target ran since its key before."""

    label: str
    title: str
    keys: tuple[str, str]
    count: int
    recent: bool = True


class KeyHistory:
    """The rows of a workspace's history, what the store has of them, and the actions that are declared now."""

    def __init__(
        self, rows: Mapping[str, KeyRow], memory: ResultSource, analysis: Analysis | None
    ) -> None:
        self.memory = memory
        self._analysis = analysis
        self._labels = {str(label): label for label in analysis.order} if analysis else {}
        self._rows: dict[tuple[str, str, int], KeyRow] = {}
        for name, row in rows.items():
            label, _, rest = name.partition(" ")
            count, _, title = rest.partition(" ")
            if count.isdecimal() and title and (not analysis or label in self._labels):
                self._rows[label, title, int(count)] = row
        self._makers: dict[str, list[tuple[tuple[str, str, int], str]]] | None = None

    def rows_of(self, label: str) -> dict[tuple[str, str, int], KeyRow]:
        """The rows of a target's actions."""
        return {name: row for name, row in self._rows.items() if name[0] == label}

    def action(self, step: _Step) -> Action | None:
        """The action of a step as it is declared now."""
        label = self._labels.get(step.label)
        if label is None or self._analysis is None:
            return None
        same = [one for one in declared_actions(self._analysis, label) if one.title == step.title]
        return same[step.count - 1] if step.count <= len(same) else None

    def before(self, part: ChangedPart, action: Action | None) -> _Step | None:
        """The step that made an input, with the keys under which it made what the input was and is."""
        path = part.name.removeprefix("input ").rstrip("/")
        given = dict(action.inputs).get(path) if action else None
        if not (isinstance(given, Output) or (given is None and path.startswith("in/"))):
            return None
        made = self._made_by()
        after = made.get(part.after, [])
        if isinstance(given, Output):
            owner = str(given.action.owner), given.action.title
            after = [one for one in after if one[0][:2] == owner] or after
        if not after:
            return None
        (name, key), old = after[0], made.get(part.before, [])
        near = (
            [one for one in old if one[0] == name]
            or [one for one in old if one[0][0] == name[0]]
            or old
        )
        was = next((one for _, one in near if one != key), "")
        return _Step(name[0], name[1], (was, key), name[2])

    def _made_by(self) -> dict[str, list[tuple[tuple[str, str, int], str]]]:
        """The content of each remembered output -> the rows and keys that made it."""
        if self._makers is None:
            self._makers = {}
            for name, row in self._rows.items():
                for key in row.keys:
                    result = self.memory.recall(Digest.parse(key))
                    for _, node in result.outputs if result else ():
                        self._makers.setdefault(_content(node), []).append((name, key))
        return self._makers


def explanation(
    past: KeyHistory, label: str, members: Sequence[str], reran: set[str]
) -> Explanation | None:
    """Why a target's actions ran; None when it has none in the history.

    The actions are those of its `members`: the target itself, or what it stands for. `reran` has the keys of what ran in
    the last build.
    """
    rows = {name: row for member in members for name, row in past.rows_of(member).items()}
    if not rows:
        return None
    last = max(row.seen for row in rows.values())
    again = [
        name
        for name, row in rows.items()
        if row.seen == last > row.changed and row.keys[0] in reran
    ]
    changed = {name: row for name, row in rows.items() if len(row.keys) > 1}
    newest = max((row.changed for row in changed.values()), default=-1)
    if again and newest < last:
        return Explanation(
            label,
            "rerun",
            followed=len(again),
            chain=tuple(Link(label, title, "") for _, title, _ in sorted(again)),
        )
    if not changed:
        return Explanation(label, "first")
    latest = {name: row for name, row in sorted(changed.items()) if row.changed == newest}
    recent = max(row.before for row in latest.values())
    steps = [
        _Step(name[0], name[1], (row.keys[1], row.keys[0]), name[2], row.before == recent)
        for name, row in latest.items()
    ]
    steps.sort(key=lambda step: not step.recent)
    return _followed(past, label, steps)


def _followed(past: KeyHistory, label: str, steps: list[_Step]) -> Explanation:
    """Follow what changed in each step to the step that made it, breadth first: chains are as short as they can be."""
    seen = {step.keys[1] for step in steps}
    waiting: list[tuple[_Step, tuple[Link, ...]]] = [(step, ()) for step in steps]
    causes: dict[tuple[str, ...], tuple[Cause, tuple[Link, ...], bool]] = {}
    reasons: list[KeyChange] = []
    for step, way in waiting:  # grows while it is walked
        action = past.action(step)
        reason = _reason(past.memory, step, action)
        reasons.append(reason)
        taken: list[ChangedPart] = []
        for part in reason.parts:
            maker = past.before(part, action) if part.name.startswith("input ") else None
            if maker is None or not maker.keys[0]:
                taken.append(part)
            elif maker.keys[1] not in seen:
                seen.add(maker.keys[1])
                link = Link(step.label, step.title, part.name.removeprefix("input "))
                waiting.append((replace(maker, recent=step.recent), (link, *way)))
        for cause in _causes(past.memory, step, taken, action):
            taken_from = cause.what if cause.kind == "source" else ""
            causes.setdefault(
                (cause.kind, cause.what, cause.before, cause.after),
                (cause, (Link(step.label, step.title, taken_from), *way), step.recent),
            )
    best = sorted(causes.values(), key=lambda one: (not one[2], _ORDER.index(one[0].kind)))
    if any(one[0].kind != "input" for one in best):
        best = [one for one in best if one[0].kind != "input"]
    state: Literal["changed", "forgotten"] = "changed" if best else "forgotten"
    return Explanation(
        label,
        state,
        tuple(one[0] for one in best),
        len(reasons),
        best[0][1] if best else (),
        tuple(reasons),
    )


def _reason(memory: ResultSource, step: _Step, action: Action | None) -> KeyChange:
    title = step.title if step.count == 1 else f"{step.title} ({step.count})"
    found = diff_keys(memory, Digest.parse(step.keys[0]), Digest.parse(step.keys[1]))
    if found is None:
        return KeyChange(step.label, title, "forgotten", keys=step.keys)
    parts = [
        replace(part, origin=origin_of(action, part.name)) if action else part
        for part in found.parts
    ]
    return KeyChange(step.label, title, "changed", tuple(parts), found.outputs, step.keys)


def _causes(
    memory: ResultSource, step: _Step, parts: list[ChangedPart], action: Action | None
) -> Iterator[Cause]:
    """What changed in a step that no other action made."""
    keys = [Digest.parse(key) for key in step.keys]
    messages = [found for key in keys if (found := memory.parts(key)) is not None]
    if not parts or len(messages) < 2:
        return
    old, new = (inputs_of(one) for one in messages)
    sources = WithSources(memory, *messages)
    results = memory.recall(keys[0]), memory.recall(keys[1])
    given = dict(action.inputs) if action else {}
    for part in parts:
        path = part.name.removeprefix("input ")
        if part.name.startswith("input "):
            kind = _kind(path, given)
            detail = detail_of(
                sources,
                (old.get(path), new.get(path)),
                part,
                results if kind == "source" else (None, None),
            )
            what = _name_of(path, given)
            yield Cause(
                kind, what, _change(part), part.before, part.after, detail, step.label, step.title
            )
        elif part.name.startswith(("program:", "distribution:")):
            kind = "program" if part.name.startswith("program:") else "distribution"
            yield Cause(
                kind,
                part.name.partition(":")[2],
                _change(part),
                part.before,
                part.after,
                "",
                step.label,
                step.title,
            )
        elif not part.name.startswith(("argv ", "output ")):
            kind = "engine" if part.name == "engine" else "value"
            yield Cause(
                kind,
                part.name.replace("env ", "env."),
                _change(part),
                part.before,
                part.after,
                "",
                step.label,
                step.title,
            )
    words = [explain(one) for one in messages]
    for before, after in _words(words[0], words[1], {*old, *new}):
        yield Cause(
            "value",
            "argv",
            "changed" if before and after else "added" if after else "removed",
            before,
            after,
            "",
            step.label,
            step.title,
        )


def _kind(path: str, given: Mapping[str, object]) -> Kind:
    one = given.get(path.rstrip("/"))
    if isinstance(one, Shipped) or (one is None and path.startswith("tools/")):
        return "tool"
    return (
        "source"
        if isinstance(one, Source) or (one is None and not path.startswith("in/"))
        else "input"
    )


def _name_of(path: str, given: Mapping[str, object]) -> str:
    """The name of an input's file; of one that is gone by where other sources are staged."""
    one = given.get(path)
    if isinstance(one, Source | Shipped):
        return one.name
    for staged, other in given.items() if one is None else ():
        if isinstance(other, Source) and staged.endswith(f"/{other.name}"):
            above = staged.removesuffix(other.name)
            if path.startswith(above):
                return path.removeprefix(above)
    return path


def _change(part: ChangedPart) -> Literal["changed", "added", "removed"]:
    return "changed" if part.before and part.after else "added" if part.after else "removed"


def _words(
    old: Mapping[str, str], new: Mapping[str, str], paths: set[str]
) -> Iterator[tuple[str, str]]:
    """The words of a command that differ, as pairs; those that only name inputs or outputs are no cause."""
    before, after = (
        [value for name, value in words.items() if name.startswith("argv ")] for words in (old, new)
    )
    own = paths | {
        name.removeprefix("output ") for name in {*old, *new} if name.startswith("output ")
    }
    for tag, start, end, begin, stop in SequenceMatcher(
        None, before, after, autojunk=False
    ).get_opcodes():
        if tag == "equal":
            continue
        pairs = (
            [(word, "") for word in before[start:end]]
            if tag == "delete"
            else [("", word) for word in after[begin:stop]]
        )
        if tag == "replace":
            count = max(end - start, stop - begin)
            pairs = list(
                zip(
                    *(
                        (words + [""] * count)[:count]
                        for words in (before[start:end], after[begin:stop])
                    )
                )
            )
        yield from (pair for pair in pairs if any(word and word not in own for word in pair))


def _content(node: Node) -> str:
    return node.digest.oci + (" executable" if isinstance(node, File) and node.executable else "")
