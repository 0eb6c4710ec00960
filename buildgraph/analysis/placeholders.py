"""Placeholders: values of a checked table that refer to targets and files, and their resolution.

Tables are checked before the targets that they depend on are analysed. A label or a file in a table
is a placeholder until then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..types.action import Source
from ..types.label import Label
from ..workspace.toml_positions import Path
from .rule_api import Globs


@dataclass(frozen=True, slots=True)
class LabelRef:
    """A reference to the provider of a label, or to one `artifact` of it.

    `field` names the artifact; '' is the default one.
    """

    label: Label
    artifact: bool = False
    field: str = ""


@dataclass(frozen=True, slots=True)
class LabelRefs:
    """The labels of one entry of a list; a negative entry removes them from those before it."""

    refs: tuple[LabelRef, ...]
    negative: bool = False


@dataclass(frozen=True, slots=True)
class FileRefs:
    """The files of one path or glob, by name; a negative glob removes them from those before it."""

    names: tuple[str, ...]
    negative: bool = False


@dataclass(frozen=True, slots=True)
class GlobResult:
    """The entries of a list of globs."""

    entries: tuple[FileRefs, ...]


@dataclass(frozen=True, slots=True)
class CheckedTable:
    """A checked table: the callable that takes it, and (key, parameter, value) of each entry."""

    kind: Callable[..., Any]
    entries: tuple[tuple[str, str, object], ...]


class Resolver(Protocol):
    """Resolves placeholders; `path` is the position of one in its table."""

    def ref(self, path: Path, ref: LabelRef) -> object:
        """Return the provider or the artifact of a label."""

    def source(self, path: Path, name: str) -> Source:
        """Return the file of a workspace-relative name."""


def label_refs(value: object, path: Path = ()) -> Iterator[tuple[Path, LabelRef]]:
    """Yield (path, label) for each label in a checked value that the target depends on."""
    match value:
        case LabelRef():
            yield path, value
        case LabelRefs(refs, negative):
            yield from ((path, ref) for ref in refs if not negative)
        case CheckedTable(_, entries):
            for key, _, inner in entries:
                yield from label_refs(inner, (*path, key))
        case dict() | tuple():
            for index, inner in value.items() if isinstance(value, dict) else enumerate(value):
                yield from label_refs(inner, (*path, index))


def resolve(value: object, path: Path, resolver: Resolver) -> Any:
    """Return the value with every placeholder resolved.

    Exceptions of the dataclasses of a rule, such as those of `__post_init__`, pass through.
    """
    match value:
        case LabelRef():
            return resolver.ref(path, value)
        case FileRefs(names):
            return resolver.source(path, names[0])
        case GlobResult(entries):
            return Globs(_resolve_globs(entries, path, resolver))
        case CheckedTable(kind):
            return kind(**arguments(value, path, resolver))
        case dict():
            return {key: resolve(inner, (*path, key), resolver) for key, inner in value.items()}
        case tuple():
            return _resolve_list(value, path, resolver)
    return value


def arguments(table: CheckedTable, path: Path, resolver: Resolver) -> dict[str, Any]:
    """Return the resolved entries of a checked table as keyword arguments."""
    return {name: resolve(value, (*path, key), resolver) for key, name, value in table.entries}


def _resolve_list(values: Sequence[object], path: Path, resolver: Resolver) -> tuple[object, ...]:
    if not any(isinstance(value, LabelRefs) for value in values):
        return tuple(resolve(inner, (*path, index), resolver) for index, inner in enumerate(values))
    targets: dict[Label, object] = {}
    for index, entry in enumerate(values):
        assert isinstance(entry, LabelRefs)
        for ref in entry.refs:
            if entry.negative:
                targets.pop(ref.label, None)
            else:
                targets.setdefault(ref.label, resolver.ref((*path, index), ref))
    return tuple(targets.values())


def _resolve_globs(
    entries: Sequence[FileRefs], path: Path, resolver: Resolver
) -> tuple[Source, ...]:
    indexes: dict[str, int] = {}  # file -> the first glob that matches it
    for index, entry in enumerate(entries):
        for name in entry.names:
            if entry.negative:
                indexes.pop(name, None)
            else:
                indexes.setdefault(name, index)
    return tuple(resolver.source((*path, index), name) for name, index in sorted(indexes.items()))
