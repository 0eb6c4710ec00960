"""Values of a table that was checked before what it depends on is analysed: placeholders, and how they are filled."""

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
    """A label that was written: for a provider, or for one artifact of it (`field` empty: the only or default one)."""

    label: Label
    artifact: bool = False
    field: str = ""


@dataclass(frozen=True, slots=True)
class LabelRefs:
    """The labels that one entry of a list means; a negative entry takes them from those before it."""

    refs: tuple[LabelRef, ...]
    negative: bool = False


@dataclass(frozen=True, slots=True)
class FileRefs:
    """Names of files that one path or glob means; a negative glob takes them from those before it."""

    names: tuple[str, ...]
    negative: bool = False


@dataclass(frozen=True, slots=True)
class GlobResult:
    """The entries of a list of globs."""

    entries: tuple[FileRefs, ...]


@dataclass(frozen=True, slots=True)
class CheckedTable:
    """A checked table: what it will be made into, and (key, parameter, value) of each entry that was written."""

    kind: Callable[..., Any]
    entries: tuple[tuple[str, str, object], ...]


class Resolver(Protocol):
    """Gives what placeholders stand for; `path` is where they were written."""

    def ref(self, path: Path, ref: LabelRef) -> object:
        """The provider or the artifact of a label."""

    def source(self, path: Path, name: str) -> Source:
        """The file of a workspace-relative name."""


def label_refs(value: object, path: Path = ()) -> Iterator[tuple[Path, LabelRef]]:
    """The labels in a checked value that are depended on, with the paths where they were written."""
    match value:
        case LabelRef():
            yield path, value
        case LabelRefs(found, negative):
            yield from ((path, ref) for ref in found if not negative)
        case CheckedTable(_, entries):
            for key, _, inner in entries:
                yield from label_refs(inner, (*path, key))
        case dict() | tuple():
            for index, inner in value.items() if isinstance(value, dict) else enumerate(value):
                yield from label_refs(inner, (*path, index))


def resolve(value: object, path: Path, taker: Resolver) -> Any:
    """The value with every placeholder replaced; what the frozen dataclasses of a rule refuse passes through."""
    match value:
        case LabelRef():
            return taker.ref(path, value)
        case FileRefs(names):
            return taker.source(path, names[0])
        case GlobResult(entries):
            return Globs(_globbed(entries, path, taker))
        case CheckedTable(kind):
            return kind(**arguments(value, path, taker))
        case dict():
            return {key: resolve(inner, (*path, key), taker) for key, inner in value.items()}
        case tuple():
            return _listed(value, path, taker)
    return value


def arguments(made: CheckedTable, path: Path, taker: Resolver) -> dict[str, Any]:
    """The entries of a checked table as keyword arguments."""
    return {name: resolve(inner, (*path, key), taker) for key, name, inner in made.entries}


def _listed(values: Sequence[object], path: Path, taker: Resolver) -> tuple[object, ...]:
    if not any(isinstance(value, LabelRefs) for value in values):
        return tuple(resolve(inner, (*path, index), taker) for index, inner in enumerate(values))
    found: dict[Label, object] = {}
    for index, many in enumerate(values):
        assert isinstance(many, LabelRefs)
        for ref in many.refs:
            if many.negative:
                found.pop(ref.label, None)
            else:
                found.setdefault(ref.label, taker.ref((*path, index), ref))
    return tuple(found.values())


def _globbed(entries: Sequence[FileRefs], path: Path, taker: Resolver) -> tuple[Source, ...]:
    found: dict[str, int] = {}
    for index, entry in enumerate(entries):
        for name in entry.names:
            if entry.negative:
                found.pop(name, None)
            else:
                found.setdefault(name, index)
    return tuple(taker.source((*path, index), name) for name, index in sorted(found.items()))
