"""What a change affects: two evaluated graphs compared, label by label, with a reason for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ..types.label import Label
from .target_hash import TargetHashes

_LONG = 6
Change: TypeAlias = Literal["changed", "new", "renamed", "gone"]


@dataclass(frozen=True, slots=True)
class AffectedReason:
    """One thing that differs: a `value`, `source`, `tool`, `rule` or `dep`, by name, before and after."""

    kind: Literal["value", "source", "tool", "rule", "dep", "base"]
    what: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Affected:
    """A label, what became of it, and why; `before` is the name it had when it was renamed.

    `chain` leads by what it needs to a label that has a reason of its own; a long one is cut before its end.
    """

    label: Label
    change: Change
    reasons: tuple[AffectedReason, ...] = ()
    chain: tuple[Label, ...] = ()
    before: str = ""


def compare(base: TargetHashes, now: TargetHashes) -> list[Affected]:
    """All labels that are not what they were, sorted; labels that are gone with the rest."""
    came = [label for label in sorted(now.targets) if label not in base.targets]
    gone = [label for label in sorted(base.targets) if label not in now.targets]
    old = _renamed(base, now, came, gone)
    changed = [
        label
        for label in sorted(now.targets)
        if label in base.targets and base.prints[label] != now.prints[label]
    ]
    moved = {*came, *changed}
    reasons = {label: tuple(_reasons(base, now, label, moved)) for label in changed}
    chains = _chains(reasons)
    found = [Affected(label, "changed", reasons[label], chains[label]) for label in changed]
    found += [
        Affected(label, "renamed" if label in old else "new", before=str(old.get(label, "")))
        for label in came
    ]
    new_names = {before: after for after, before in old.items()}
    found += [Affected(label, "gone", before=str(new_names.get(label, ""))) for label in gone]
    return sorted(found, key=lambda one: one.label)


def without_base(now: TargetHashes, why: str) -> list[Affected]:
    """Everything, when what was before cannot be told."""
    return [
        Affected(label, "changed", (AffectedReason("base", why),)) for label in sorted(now.targets)
    ]


def _renamed(
    base: TargetHashes, now: TargetHashes, came: list[Label], gone: list[Label]
) -> dict[Label, Label]:
    """New labels that are what a vanished one was, wherever their files stood."""
    left: dict[tuple[str, str], list[Label]] = {}
    for label in gone:
        left.setdefault((base.targets[label].rule, base.loose[label]), []).append(label)
    found: dict[Label, Label] = {}
    for label in came:
        same = left.get((now.targets[label].rule, now.loose[label]))
        if same:
            near = next((other for other in same if other.name == label.name), same[0])
            same.remove(near)
            found[label] = near
    return found


def _reasons(
    base: TargetHashes, now: TargetHashes, label: Label, moved: set[Label]
) -> Iterator[AffectedReason]:
    before, after = base.targets[label], now.targets[label]
    said = False
    for reason in _own(base, now, label):
        said = True
        yield reason
    for dep in now.deps[label]:
        if dep in moved:
            said = True
            yield AffectedReason("dep", str(dep))
    if said:
        return
    files = [
        name
        for name in sorted({*base.rules, *now.rules})
        if base.rules.get(name) != now.rules.get(name)
    ]
    yield from [AffectedReason("rule", name) for name in files] or [
        AffectedReason("rule", after.rule, before.rule, after.rule)
    ]


def _own(base: TargetHashes, now: TargetHashes, label: Label) -> Iterator[AffectedReason]:
    before, after = base.targets[label], now.targets[label]
    if before.rule != after.rule:
        yield AffectedReason("rule", after.rule, before.rule, after.rule)
    for key, old, new in _differing(dict(flatten(before.values)), dict(flatten(after.values))):
        yield AffectedReason("value", key, old, new)
    for name, old, new in _differing(base.inputs[label], now.inputs[label]):
        kind, _, path = name.partition(" ")
        yield AffectedReason("source" if kind == "source" else "tool", path, old, new)


def _differing(old: Mapping[str, str], new: Mapping[str, str]) -> list[tuple[str, str, str]]:
    names = sorted({*old, *new})
    return [
        (name, old.get(name, ""), new.get(name, ""))
        for name in names
        if old.get(name) != new.get(name)
    ]


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The plain values of a table by their dotted paths."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from flatten(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from flatten(inner, f"{path}[{index}]")
    else:
        yield path, str(value).lower() if isinstance(value, bool) else str(value)


def _chains(reasons: Mapping[Label, tuple[AffectedReason, ...]]) -> dict[Label, tuple[Label, ...]]:
    """For each label the way by what it needs to one that changed for itself; a long way is cut before its end."""
    ends: dict[Label, Label] = {}
    found: dict[Label, tuple[Label, ...]] = {}
    for label in reasons:
        way = [label]
        while way[-1] not in ends and (after := _after(reasons, way[-1])):
            way.append(after)
        end = ends.get(way[-1], way[-1])
        ends.update((one, end) for one in way)
    for label in reasons:
        way = [label]
        while way[-1] != ends[label] and len(way) < _LONG:
            way.append(_after(reasons, way[-1]) or ends[label])
        found[label] = tuple(way) if way[-1] == ends[label] else (*way, ends[label])
    return found


def _after(reasons: Mapping[Label, tuple[AffectedReason, ...]], label: Label) -> Label | None:
    """The first of the changed targets that a label needs, when it did not change for itself."""
    own = reasons.get(label, ())
    return Label.parse(own[0].what) if own and all(reason.kind == "dep" for reason in own) else None
