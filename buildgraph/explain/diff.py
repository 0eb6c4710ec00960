"""Two keys or two results compared: the parts that differ, and where what they name differs first."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from ..keys.action_key import SOURCE, diff_parts, explain, inputs_of
from ..keys.merkle_walk import walk_tree
from ..store.protocol import Missing
from ..types.digest import Digest
from ..types.result import File, Node, Result, Tree
from ..ui.format import plural
from .content_diff import first_difference

_LARGE = 64 << 20
_RAW = {".f64": "<d", ".f32": "<f", ".i32": "<i", ".i64": "<q"}


class ResultSource(Protocol):
    """What a store remembers; the part of it that a comparison reads."""

    def read(self, digest: Digest) -> bytes:
        """The bytes of a blob; Missing."""

    def recall(self, key: Digest) -> Result | None:
        """The result of a key."""

    def parts(self, key: Digest) -> Mapping[str, bytes] | None:
        """The messages recorded with a key."""


@dataclass(frozen=True, slots=True)
class ChangedPart:
    """One thing that differs: by name, what it was and is (empty: absent), whence it comes, where it differs first."""

    name: str
    before: str
    after: str
    origin: str = ""
    first: str = ""


@dataclass(frozen=True, slots=True)
class KeyDiff:
    """The parts of two keys that differ, and the files of their results that do; None when a result is gone."""

    parts: tuple[ChangedPart, ...]
    outputs: tuple[ChangedPart, ...] | None


class WithSources:
    """A store, and the small sources that were kept with two results."""

    def __init__(self, memory: ResultSource, *parts: Mapping[str, bytes]) -> None:
        self.recall, self.parts, self._read = memory.recall, memory.parts, memory.read
        self._sources = {
            Digest.of(data): data
            for one in parts
            for name, data in one.items()
            if name.startswith(SOURCE)
        }

    def read(self, digest: Digest) -> bytes:
        """The bytes of a blob or of a source; Missing."""
        found = self._sources.get(digest)
        return self._read(digest) if found is None else found


def diff_keys(memory: ResultSource, before: Digest, after: Digest) -> KeyDiff | None:
    """Two keys and their results; None when the store holds the messages of one of them no more."""
    old, new = memory.parts(before), memory.parts(after)
    if old is None or new is None:
        return None
    sources = WithSources(memory, old, new)
    first = {f"input {path}{'/' * tree}": where for path, tree, where in _inputs(sources, old, new)}
    parts = [
        ChangedPart(name, was, now, first=first.get(name, ""))
        for name, was, now in diff_parts(explain(old), explain(new))
    ]
    results = memory.recall(before), memory.recall(after)
    return KeyDiff(
        tuple(parts),
        None
        if results[0] is None or results[1] is None
        else tuple(files_of(memory, results[0], results[1])),
    )


def _inputs(
    memory: ResultSource, old: Mapping[str, bytes], new: Mapping[str, bytes]
) -> list[tuple[str, bool, str]]:
    before, after = inputs_of(old), inputs_of(new)
    return [
        (path, isinstance(node, Tree), _first(memory, path, before[path], node))
        for path, node in after.items()
        if path in before and before[path] != node
    ]


def _first(memory: ResultSource, path: str, before: Node, after: Node) -> str:
    """Where two inputs differ first; empty when the store does not hold both."""
    parts = _files(memory, path, before, after)
    told = next((part for part in parts if part.first), parts[0] if parts else None)
    if told is None:
        return ""
    inner = told.name.removeprefix(path).removeprefix("/")
    state = told.first or ("is new" if not told.before else "is gone" if not told.after else "")
    more = f" (and {plural(len(parts) - 1, 'more file')})" if len(parts) > 1 else ""
    return (f"{inner}: {state}" if inner and state else inner or state) + more


def files_of(memory: ResultSource, before: Result, after: Result) -> list[ChangedPart]:
    """The files of two results that differ."""
    old, new = dict(before.outputs), dict(after.outputs)
    found: list[ChangedPart] = []
    for path in sorted(old.keys() | new.keys()):
        found += _files(memory, path, old.get(path), new.get(path))
    return found


def _files(
    memory: ResultSource, path: str, before: Node | None, after: Node | None
) -> list[ChangedPart]:
    """The files that differ in two outputs, either of which may be absent."""
    old, new = (dict(files_of_node(memory, path, node)) for node in (before, after))
    found = []
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        if was != now:
            first = _semantic(memory, name, was, now) if was and now else ""
            found.append(ChangedPart(name, _said(was), _said(now), first=first))
    return found


def files_of_node(memory: ResultSource, path: str, node: Node | None) -> list[tuple[str, File]]:
    """The files of a node by path; a tree that the store lost has none."""
    if node is None:
        return []
    if isinstance(node, File):
        return [(path, node)]

    def read(digest: Digest) -> bytes:
        try:
            return memory.read(digest)
        except Missing:
            return b""  # an empty Directory

    files: list[tuple[str, File]] = []
    with suppress(ValueError):
        for folder, _, message in walk_tree(node.digest, read):
            files += [
                (f"{path}{folder}/{name}", File(digest, executable))
                for name, digest, executable in message.files
            ]
    return files


def _said(file: File | None) -> str:
    return "" if file is None else file.digest.oci + (" executable" if file.executable else "")


def _semantic(memory: ResultSource, name: str, before: File, after: File) -> str:
    if before.digest == after.digest or max(before.digest.size, after.digest.size) > _LARGE:
        return ""
    try:
        old, new = memory.read(before.digest), memory.read(after.digest)
    except Missing:
        return ""
    form = next((form for suffix, form in _RAW.items() if name.endswith(suffix)), "")
    return raw_difference(old, new, form) if form else first_difference(old, new)


def raw_difference(before: bytes, after: bytes, form: str) -> str:
    """Where two bare arrays differ first; `form` is the struct format of an item."""
    size = struct.calcsize(form)
    if len(before) != len(after) or len(before) % size:
        return f"{len(before) // size} items -> {len(after) // size} items"
    for at in range(0, len(before), size):
        if before[at : at + size] != after[at : at + size]:
            (old,), (new,) = (
                struct.unpack_from(form, before, at),
                struct.unpack_from(form, after, at),
            )
            return f"item {at // size}: {old!r} -> {new!r}"
    return ""
