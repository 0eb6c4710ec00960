"""The keys of BUILD.toml, and facts of boards, that words of a command come from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from typing import Any

from ..analysis.analysis import Analysis
from ..types.action import Artifact
from ..types.errors import BuildError
from ..types.label import Label
from ..types.quantities import parse_size
from ..ui.format import format_size
from ..workspace.workspace import Workspace
from .affected import flatten
from .root_cause import Cause

_DEPTH = 4  # of facts in what a target provides


def name_origins(cause: Cause, workspace: Workspace, analysis: Analysis) -> list[Cause]:
    """A changed value by the key that it has in BUILD.toml, or by the target that provides it; as it is where none is found."""
    try:
        label = Label.parse(cause.label)
        target = workspace.target(label)
    except BuildError:
        return [cause]
    if cause.kind != "value":
        return [cause]
    if cause.what != "argv":
        return [replace(_plain(cause), file=target.place().path)]
    found = [
        one
        for leaf in _leaves(cause)
        for one in [_place(leaf, label, workspace, analysis)]
        if one is not None
    ]
    if found:
        return found
    at = workspace.target(label).place().path
    return [
        replace(
            cause,
            what=f"a word of {cause.title!r}",
            file=at,
            before=_text(cause.before),
            after=_text(cause.after),
        )
    ]


def _plain(cause: Cause) -> Cause:
    """A value that is written as it is in a key: a time limit, a variable, the network."""
    if cause.what == "timeout":
        return replace(
            cause,
            before=json.dumps(cause.before.replace(" ", "")),
            after=json.dumps(cause.after.replace(" ", "")),
        )
    if cause.what == "network":
        return replace(
            cause,
            before="true" if cause.before else "false",
            after="true" if cause.after else "false",
        )
    return replace(cause, before=_text(cause.before), after=_text(cause.after))


def _leaves(cause: Cause) -> Iterator[Cause]:
    """The values that differ in a word; those of a table, where the word is one in JSON."""
    try:
        old, new = json.loads(cause.before), json.loads(cause.after)
    except ValueError:
        old = new = None
    if not (isinstance(old, dict) and isinstance(new, dict)):
        yield cause
        return
    before, after = dict(flatten(old)), dict(flatten(new))
    for key in sorted({*before, *after}):
        if key and before.get(key) != after.get(key):
            yield replace(cause, what=key, before=before.get(key, ""), after=after.get(key, ""))


def _place(cause: Cause, label: Label, workspace: Workspace, analysis: Analysis) -> Cause | None:
    """The first value that is what the word is now: in the target's own table, then in what it depends on."""
    seen, waiting = {label}, [label]
    for one in waiting:
        target = workspace.target(one)
        for key, value in flatten(target.values):
            leaf = cause.what != "argv" and key.rpartition(".")[2] == cause.what.rpartition(".")[2]
            if leaf or (cause.what == "argv" and cause.after and _same(value, cause.after)):
                show = _bytes if value != cause.after and not leaf else _text
                return replace(
                    cause,
                    what=key if one == label else f"{key} of {one}",
                    file=target.place().path,
                    before=show(cause.before),
                    after=show(cause.after),
                )
        if one != label:
            fact = next(
                (
                    path
                    for path, value in _facts(analysis.providers[one])
                    if cause.after and value == cause.after
                ),
                "",
            )
            if fact:
                return replace(
                    cause,
                    what=f"{fact} of {one}",
                    file=target.place().path,
                    before=_text(cause.before),
                    after=_text(cause.after),
                )
        new = [dep for dep in analysis.deps[one] if dep not in seen]
        seen.update(new)
        waiting += new
    return None


def _same(value: str, word: str) -> bool:
    """Whether a value of a table is a word of a command, as it is or as a size in bytes."""
    if value == word or not word.isdigit():
        return value == word
    with suppress(ValueError):
        return parse_size(value) == int(word)
    return False


def _bytes(word: str) -> str:
    return json.dumps(format_size(int(word)) if word.isdigit() else word)


def _facts(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """The plain fields of what a target provides, by dotted path."""
    if isinstance(value, Artifact) or depth > _DEPTH:
        return
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _facts(
                getattr(value, field.name),
                f"{path}.{field.name}" if path else field.name,
                depth + 1,
            )
    elif isinstance(value, str | int | float) and path:
        yield path, str(value)


def _text(value: str) -> str:
    """A value as it is written in TOML: text in quotes, numbers and words without."""
    if not value:
        return "nothing"
    try:
        json.loads(value)
    except ValueError:
        return json.dumps(value, ensure_ascii=False)
    return value
