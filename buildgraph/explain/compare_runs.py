"""Compare two runs: which actions differ, and the fields in which they differ first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from ..ui.format import plural, strip_controls
from .runs import LoggedAction, Run

_ORDER = ("source", "argv", "env", "tool", "program", "distribution", "distributions", "input")
OUTPUTS, INPUTS = "outputs", "inputs"


@dataclass(frozen=True, slots=True)
class RunCause:
    """A difference that no other action made.

    `field` is a field of the key; "outputs" if the key is equal and the outputs differ; "inputs" if
    nothing else explains why the key differs. `before` and `after` are values for people, or empty.
    `label` and `title` are those of the first action with this difference, and `actions` counts
    all.
    """

    label: str
    title: str
    field: str
    before: str
    after: str
    actions: int


@dataclass(frozen=True, slots=True)
class RunDiff:
    """The causes in the order of the build, and counts of actions.

    `total` counts the actions that both runs have, `differ` those of them with another key or other
    outputs, and `followed` those of these that differ only because of other actions. `added` and
    `removed` are the actions that only the second or only the first run has.
    """

    causes: tuple[RunCause, ...]
    total: int
    differ: int
    followed: int
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def compare_runs(before: Run, after: Run, labels: Collection[str] | None = None) -> RunDiff:
    """Compare two runs; only the actions of some targets, if `labels` is not None."""
    old, new = (
        {
            name: action
            for name, action in run.actions.items()
            if labels is None or action.label in labels
        }
        for run in (before, after)
    )
    causes: dict[tuple[str, str, str], list[LoggedAction]] = {}
    followed: list[LoggedAction] = []
    differ = 0
    for name, action in new.items():
        if name in old and (old[name].key, old[name].outputs) != (action.key, action.outputs):
            differ += 1
            own = list(_own_differences(old[name], action))
            followed += [] if own else [action]
            for cause in own:
                causes.setdefault(cause, []).append(action)
    if not causes and followed:
        causes[INPUTS, "", ""] = followed[:1]
        followed = followed[1:]
    return RunDiff(
        tuple(
            RunCause(actions[0].label, actions[0].title, *cause, len(actions))
            for cause, actions in causes.items()
        ),
        sum(name in old for name in new),
        differ,
        len(followed),
        tuple(name for name in new if name not in old),
        tuple(name for name in old if name not in new),
    )


def _own_differences(old: LoggedAction, new: LoggedAction) -> Iterator[tuple[str, str, str]]:
    """Yield (field, before, after) of what other actions did not make, sources first."""
    if old.key == new.key:
        yield OUTPUTS, "", ""
        return
    names = old.fields.keys() | new.fields.keys()
    for name in sorted(names, key=_rank):
        values = old.fields.get(name, "none"), new.fields.get(name, "none")
        if values[0] != values[1]:
            is_hash = any(value.startswith("#") for value in values)
            yield (name, "", "") if is_hash else (name, *values)


def _rank(name: str) -> tuple[int, str]:
    kind = name.partition(" ")[0]
    return (_ORDER.index(kind) if kind in _ORDER else len(_ORDER), name)


def format_diff(diff: RunDiff, limit: int) -> Iterator[str]:
    """Yield lines: causes, the actions that followed, and the actions that only one run has."""
    for cause in diff.causes[:limit]:
        more = f" (and {plural(cause.actions - 1, 'more action')})" if cause.actions > 1 else ""
        yield strip_controls(f"{cause.label}: {cause.title}: {_format_change(cause)}{more}")
    hidden = len(diff.causes) - limit
    if hidden > 0:
        yield f"... and {plural(hidden, 'more cause')}: --all shows them"
    if diff.followed:
        verb = "differs" if diff.followed == 1 else "differ"
        yield f"{plural(diff.followed, 'action')} {verb} only because of these"
    yield from _format_names("only in the last run here", diff.added, limit)
    yield from _format_names("only in the other run", diff.removed, limit)


def _format_change(cause: RunCause) -> str:
    if cause.field == OUTPUTS:
        return "equal keys, but the outputs differ: the action is not reproducible"
    if cause.field == INPUTS:
        return "inputs that other actions make differ"
    change = f"{cause.before} -> {cause.after}" if cause.before else "differs"
    return (
        f"{cause.field} {change}"
        if cause.field != "paths and limits"
        else ("the paths of inputs and outputs, or the limits, differ")
    )


def _format_names(where: str, names: Sequence[str], limit: int) -> Iterator[str]:
    for name in names[:limit]:
        label, _, title = name.split(" ", 2)
        yield strip_controls(f"{label}: {title}: {where}")
    if len(names) > limit:
        yield f"... and {len(names) - limit} more {where}"
