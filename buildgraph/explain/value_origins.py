"""Name the origin of a changed value: a key of BUILD.toml, or a fact of a board."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from ..analysis.analysis import Analysis
from ..types.action import Artifact
from ..types.errors import BuildError
from ..types.label import Label
from ..types.quantities import parse_size
from ..ui.format import format_size
from ..workspace.workspace import Workspace
from .affected import flatten
from .cause import Cause

_DEPTH = 4  # of nested records in which a fact is looked for


def name_origins(cause: Cause, workspace: Workspace, analysis: Analysis) -> list[Cause]:
    """Return the cause with the key and file of its value; of a word in JSON, one for each value.

    A word of unknown origin is named after its action. Causes of another kind, and those of a
    target that does not exist any more, are returned as they are.
    """
    try:
        label = Label.parse(cause.label)
        target = workspace.target(label)
    except BuildError:
        return [cause]
    if cause.kind != "value":
        return [cause]
    file = target.place().path
    if cause.what != "argv":
        return [replace(_format_setting(cause), file=file)]
    search = _Search(label, workspace, analysis)
    origins = [origin for leaf in _leaves(cause) if (origin := search.origin(leaf)) is not None]
    word = replace(
        cause,
        what=f"a word of {cause.title!r}",
        file=file,
        before=_format_value(cause.before),
        after=_format_value(cause.after),
    )
    return origins or [word]


def _format_setting(cause: Cause) -> Cause:
    """Format the values of a cause that is a key of its own: timeout, network, a variable."""
    before, after = cause.before, cause.after
    if cause.what == "timeout":
        before, after = (json.dumps(value.replace(" ", "")) for value in (before, after))
    elif cause.what == "network":
        before, after = ("true" if value else "false" for value in (before, after))
    else:
        before, after = _format_value(before), _format_value(after)
    return replace(cause, before=before, after=after)


def _leaves(cause: Cause) -> Iterator[Cause]:
    """Yield the values that differ in a word: those in it if it is a JSON object, else the word."""
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


@dataclass(frozen=True, slots=True)
class _Search:
    """A search for a value in the table of a target, then in those of its dependencies."""

    label: Label
    workspace: Workspace
    analysis: Analysis

    def origin(self, cause: Cause) -> Cause | None:
        """Return the cause, named by the first key or fact with its new value, or None."""
        seen, waiting = {self.label}, [self.label]
        for label in waiting:
            origin = self._in_table(cause, label)
            if origin is None and label != self.label:
                origin = self._in_provider(cause, label)
            if origin is not None:
                return origin
            deps = [dep for dep in self.analysis.deps[label] if dep not in seen]
            seen.update(deps)
            waiting += deps
        return None

    def _in_table(self, cause: Cause, label: Label) -> Cause | None:
        target = self.workspace.target(label)
        for key, value in flatten(target.values):
            is_leaf = (
                cause.what != "argv" and key.rpartition(".")[2] == cause.what.rpartition(".")[2]
            )
            is_word = cause.what == "argv" and cause.after and _is_same(value, cause.after)
            if is_leaf or is_word:
                format_ = _format_bytes if value != cause.after and not is_leaf else _format_value
                return replace(
                    cause,
                    what=key if label == self.label else f"{key} of {label}",
                    file=target.place().path,
                    before=format_(cause.before),
                    after=format_(cause.after),
                )
        return None

    def _in_provider(self, cause: Cause, label: Label) -> Cause | None:
        for path, value in _facts(self.analysis.providers[label]):
            if cause.after and value == cause.after:
                return replace(
                    cause,
                    what=f"{path} of {label}",
                    file=self.workspace.target(label).place().path,
                    before=_format_value(cause.before),
                    after=_format_value(cause.after),
                )
        return None


def _is_same(value: str, word: str) -> bool:
    """True if a value of a table is a word of a command, as text or as a size in bytes."""
    if value == word or not word.isdigit():
        return value == word
    with suppress(ValueError):
        return parse_size(value) == int(word)
    return False


def _facts(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield (dotted path, text) for the plain fields of a provider."""
    if isinstance(value, Artifact) or depth > _DEPTH:
        return
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            inner = f"{path}.{field.name}" if path else field.name
            yield from _facts(getattr(value, field.name), inner, depth + 1)
    elif isinstance(value, str | int | float) and path:
        yield path, str(value)


def _format_bytes(word: str) -> str:
    return json.dumps(format_size(int(word)) if word.isdigit() else word)


def _format_value(value: str) -> str:
    """Format a value as in TOML: text in quotes, numbers and booleans without."""
    if not value:
        return "nothing"
    try:
        json.loads(value)
    except ValueError:
        return json.dumps(value, ensure_ascii=False)
    return value
