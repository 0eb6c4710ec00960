"""Compare two action keys or two results: which parts differ, and the first difference of each."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
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

_LARGE = 64 << 20  # bytes; larger files are not read
_RAW = {".f64": "<d", ".f32": "<f", ".i32": "<i", ".i64": "<q"}  # struct formats by suffix


class ResultSource(Protocol):
    """The part of a store that a comparison reads."""

    def read(self, digest: Digest) -> bytes:
        """Return the bytes of a blob; raise Missing if the store has no such blob."""

    def recall(self, key: Digest) -> Result | None:
        """Return the result of a key; None if the store has none."""

    def parts(self, key: Digest) -> Mapping[str, bytes] | None:
        """Return the messages that a key is the digest of; None if they were deleted."""


@dataclass(frozen=True, slots=True)
class ChangedPart:
    """A part of a key, or a file of a result, that differs.

    `before` and `after` are its values ('' if absent), `origin` says which target or file it comes
    from, and `first` describes the first difference within it.
    """

    name: str
    before: str
    after: str
    origin: str = ""
    first: str = ""


@dataclass(frozen=True, slots=True)
class KeyDiff:
    """The parts that differ between two keys, and the files that differ between their results.

    `outputs` is None when the store has lost one of the results.
    """

    parts: tuple[ChangedPart, ...]
    outputs: tuple[ChangedPart, ...] | None


class WithSources:
    """A store, extended by the small source files that are saved with two keys."""

    def __init__(self, store: ResultSource, *messages: Mapping[str, bytes]) -> None:
        self.recall, self.parts, self._read = store.recall, store.parts, store.read
        self._sources = {
            Digest.of(data): data
            for parts in messages
            for name, data in parts.items()
            if name.startswith(SOURCE)
        }

    def read(self, digest: Digest) -> bytes:
        """Return the bytes of a blob or a source; raise Missing if there is neither."""
        data = self._sources.get(digest)
        return self._read(digest) if data is None else data


def diff_keys(store: ResultSource, before: Digest, after: Digest) -> KeyDiff | None:
    """Compare two keys and their results; None when the store has lost the messages of a key."""
    old, new = store.parts(before), store.parts(after)
    if old is None or new is None:
        return None
    first = _first_differences(WithSources(store, old, new), old, new)
    parts = [
        ChangedPart(name, was, now, first=first.get(name, ""))
        for name, was, now in diff_parts(explain(old), explain(new))
    ]
    result, result_after = store.recall(before), store.recall(after)
    if result is None or result_after is None:
        return KeyDiff(tuple(parts), None)
    return KeyDiff(tuple(parts), tuple(changed_files(store, result, result_after)))


def _first_differences(
    store: ResultSource, old: Mapping[str, bytes], new: Mapping[str, bytes]
) -> dict[str, str]:
    """Map each changed input of a key, as `input PATH`, to its first difference."""
    before, after = inputs_of(old), inputs_of(new)
    return {
        f"input {path}{'/' if isinstance(node, Tree) else ''}": _describe_first(
            store, path, before[path], node
        )
        for path, node in after.items()
        if path in before and before[path] != node
    }


def _describe_first(store: ResultSource, path: str, before: Node, after: Node) -> str:
    """Describe the first difference of two inputs; '' unless the store has both."""
    parts = _diff_nodes(store, path, before, after)
    if not parts:
        return ""
    part = next((part for part in parts if part.first), parts[0])
    inner = part.name.removeprefix(path).removeprefix("/")
    state = part.first or ("is new" if not part.before else "is gone" if not part.after else "")
    more = f" (and {plural(len(parts) - 1, 'more file')})" if len(parts) > 1 else ""
    return (f"{inner}: {state}" if inner and state else inner or state) + more


def changed_files(store: ResultSource, before: Result, after: Result) -> list[ChangedPart]:
    """Return the files that differ between two results, sorted by path."""
    old, new = dict(before.outputs), dict(after.outputs)
    return [
        part
        for path in sorted(old.keys() | new.keys())
        for part in _diff_nodes(store, path, old.get(path), new.get(path))
    ]


def _diff_nodes(
    store: ResultSource, path: str, before: Node | None, after: Node | None
) -> list[ChangedPart]:
    """Return the files that differ between two outputs; None is an output that is absent."""
    old, new = (dict(list_files(store, path, node)) for node in (before, after))
    parts = []
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name), new.get(name)
        if was != now:
            first = _diff_files(store, name, was, now) if was and now else ""
            parts.append(ChangedPart(name, _format_file(was), _format_file(now), first=first))
    return parts


def list_files(store: ResultSource, path: str, node: Node | None) -> list[tuple[str, File]]:
    """Return (path, file) for each file of a node; folders that the store has lost are empty."""

    def read(digest: Digest) -> bytes:
        try:
            return store.read(digest)
        except Missing:
            return b""  # an empty Directory

    files: list[tuple[str, File]] = []
    if node is not None:
        with suppress(ValueError):
            for name, entry in list_entries(path, node, read):
                if isinstance(entry, File):
                    files.append((name, entry))
    return files


def list_entries(
    path: str, node: Node, read: Callable[[Digest], bytes]
) -> Iterator[tuple[str, File | str]]:
    """Yield (path, entry) for all entries of a node; `read` returns the bytes of a blob.

    The entry is a File, the target of a symlink, or '' for a folder, whose path ends with `/`.
    Raises ValueError for a damaged folder.
    """
    if isinstance(node, File):
        yield path, node
        return
    for folder, _, message in walk_tree(node.digest, read):
        if folder:
            yield f"{path}{folder}/", ""
        for name, digest, executable in message.files:
            yield f"{path}{folder}/{name}", File(digest, executable)
        for name, target in message.symlinks:
            yield f"{path}{folder}/{name}", target


def _format_file(file: File | None) -> str:
    return "" if file is None else file.digest.oci + (" executable" if file.executable else "")


def _diff_files(store: ResultSource, name: str, before: File, after: File) -> str:
    if before.digest == after.digest or max(before.digest.size, after.digest.size) > _LARGE:
        return ""
    try:
        old, new = store.read(before.digest), store.read(after.digest)
    except Missing:
        return ""
    item = next((item for suffix, item in _RAW.items() if name.endswith(suffix)), "")
    return diff_raw_arrays(old, new, item) if item else first_difference(old, new)


def diff_raw_arrays(before: bytes, after: bytes, item: str) -> str:
    """Return the first difference of two arrays without header; `item` is a struct format."""
    size = struct.calcsize(item)
    if len(before) != len(after) or len(before) % size:
        return f"{len(before) // size} items -> {len(after) // size} items"
    for at in range(0, len(before), size):
        if before[at : at + size] != after[at : at + size]:
            (old,), (new,) = (
                struct.unpack_from(item, before, at),
                struct.unpack_from(item, after, at),
            )
            return f"item {at // size}: {old!r} -> {new!r}"
    return ""
