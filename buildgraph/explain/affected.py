"""Compare the target hashes of two states of a workspace, and give reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ..keys.action_key import diff_parts
from ..types.label import Label
from .target_hash import TargetHashes

_MAX_CHAIN = 6
Change: TypeAlias = Literal["changed", "new", "renamed", "gone"]
Reasons: TypeAlias = "Mapping[Label, tuple[AffectedReason, ...]]"


@dataclass(frozen=True, slots=True)
class AffectedReason:
    """A difference that affects a label.

    `what` is the key of the value, the path of the source or tool, the rule, the label of the
    dependency, or the name of a fact of the board. `before` and `after` are its values or digests,
    '' if absent or not known.
    """

    kind: Literal["value", "source", "tool", "rule", "dep", "base", "board"]
    what: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Affected:
    """A label that differs between two states.

    `chain` leads from the label through its dependencies to one that has a reason of its own; a
    chain of more than 6 labels is shortened to its first 6 and its last. `before` is the old label
    of a renamed target, or the new label of one that is gone under this name.
    """

    label: Label
    change: Change
    reasons: tuple[AffectedReason, ...] = ()
    chain: tuple[Label, ...] = ()
    before: str = ""


def compare(base: TargetHashes, now: TargetHashes) -> list[Affected]:
    """Return the labels that are changed, new, renamed or gone in `now`, sorted."""
    new = [label for label in sorted(now.targets) if label not in base.targets]
    gone = [label for label in sorted(base.targets) if label not in now.targets]
    changed = [
        label
        for label in sorted(now.targets)
        if label in base.targets and base.hashes[label] != now.hashes[label]
    ]
    differing = {*new, *changed}
    reasons = {label: tuple(_reasons(base, now, label, differing)) for label in changed}
    chains = _chains(reasons)
    affected = [Affected(label, "changed", reasons[label], chains[label]) for label in changed]
    old_names = _renamed(base, now, new, gone)
    for label in new:
        old = old_names.get(label)
        affected.append(
            Affected(label, "renamed", before=str(old)) if old else Affected(label, "new")
        )
    new_names = {before: after for after, before in old_names.items()}
    affected += [Affected(label, "gone", before=str(new_names.get(label, ""))) for label in gone]
    return sorted(affected, key=lambda entry: entry.label)


def without_base(now: TargetHashes, why: str) -> list[Affected]:
    """Return every label as changed, because the base cannot be evaluated; `why` is the reason."""
    reason = AffectedReason("base", why)
    return [Affected(label, "changed", (reason,)) for label in sorted(now.targets)]


def _renamed(
    base: TargetHashes, now: TargetHashes, new: list[Label], gone: list[Label]
) -> dict[Label, Label]:
    """Map new labels to gone ones that have the same rule and the same content at any path."""
    if not new or not gone:
        return {}
    candidates: dict[tuple[str, str], list[Label]] = {}
    before, after = base.hashes_ignoring_paths(), now.hashes_ignoring_paths()
    for label in gone:
        content = (base.targets[label].rule, before[label])
        candidates.setdefault(content, []).append(label)
    old_names: dict[Label, Label] = {}
    for label in new:
        same = candidates.get((now.targets[label].rule, after[label]))
        if same:
            near = next((other for other in same if other.name == label.name), same[0])
            same.remove(near)
            old_names[label] = near
    return old_names


def _reasons(
    base: TargetHashes, now: TargetHashes, label: Label, differing: set[Label]
) -> list[AffectedReason]:
    deps = [AffectedReason("dep", str(dep)) for dep in now.deps[label] if dep in differing]
    reasons = [*_own_reasons(base, now, label), *deps]
    if reasons:
        return reasons
    # The target and what it needs are unchanged, so its rule declares other actions now.
    files = [AffectedReason("rule", name) for name, _, _ in diff_parts(base.rules, now.rules)]
    rules = base.targets[label].rule, now.targets[label].rule
    return files or [AffectedReason("rule", rules[1], *rules)]


def _own_reasons(base: TargetHashes, now: TargetHashes, label: Label) -> Iterator[AffectedReason]:
    before, after = base.targets[label], now.targets[label]
    if before.rule != after.rule:
        yield AffectedReason("rule", after.rule, before.rule, after.rule)
    for key, old, new in diff_parts(dict(flatten(before.values)), dict(flatten(after.values))):
        yield AffectedReason("value", key, old, new)
    values = {key for key, _, _ in diff_parts(before.values, after.values)}
    for name, old, new in diff_parts(base.boards.get(label, {}), now.boards.get(label, {})):
        if name not in values:
            yield AffectedReason("board", name, old, new)
    for name, old, new in diff_parts(base.inputs[label], now.inputs[label]):
        kind, _, path = name.partition(" ")
        yield AffectedReason("source" if kind == "source" else "tool", path, old, new)


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield (dotted path, text) for each plain value of a table, such as `agents[0].model`."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from flatten(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from flatten(inner, f"{path}[{index}]")
    else:
        yield path, str(value).lower() if isinstance(value, bool) else str(value)


def _chains(reasons: Reasons) -> dict[Label, tuple[Label, ...]]:
    """Map each label to the chain of its `Affected` record."""
    ends: dict[Label, Label] = {}  # label -> last label of its chain
    for label in reasons:
        path = [label]
        while path[-1] not in ends and (dep := _changed_dep(reasons, path[-1])):
            path.append(dep)
        end = ends.get(path[-1], path[-1])
        ends.update((step, end) for step in path)
    chains: dict[Label, tuple[Label, ...]] = {}
    for label in reasons:
        path = [label]
        while path[-1] != ends[label] and len(path) < _MAX_CHAIN:
            path.append(_changed_dep(reasons, path[-1]) or ends[label])
        chains[label] = tuple(path) if path[-1] == ends[label] else (*path, ends[label])
    return chains


def _changed_dep(reasons: Reasons, label: Label) -> Label | None:
    """Return the first changed dependency of a label; None if it has a reason of its own."""
    own = reasons.get(label, ())
    return Label.parse(own[0].what) if own and all(reason.kind == "dep" for reason in own) else None
