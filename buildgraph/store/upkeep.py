"""Keeping a store: how much it holds, whether all of it is whole, and what may go."""
from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..digest import Digest
from ..model import Result
from .protocol import Missing
from .trees import blobs_of

if TYPE_CHECKING:
    from .disk import DiskStore

GRACE_S = 2 * 3600
"""Blobs younger than this may belong to a result that is being published: they stay. Longer than any note of use."""


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts and bytes of what a store holds, and how many damaged files were set aside."""

    blobs: int
    blob_bytes: int
    results: int
    result_bytes: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class Audit:
    """What a full look found: files checked, those damaged (now in quarantine), and records that lack a blob."""

    checked: int
    damaged: tuple[str, ...]
    dangling: tuple[str, ...]


def measure(root: str) -> Stats:
    """Count the files of a store on disk."""
    blobs = [entry.stat().st_size for entry in _entries(os.path.join(root, "blobs", "sha256"))]
    results = [entry.stat().st_size for entry in _records(root)]
    return Stats(len(blobs), sum(blobs), len(results), sum(results),
                 sum(1 for _ in _entries(os.path.join(root, "quarantine"))))


def audit(store: DiskStore, repair: bool = False) -> Audit:
    """Hash every blob and record; with `repair`, records that lack a blob are removed too."""
    damaged, dangling, checked = [], [], 0
    for entry in _entries(os.path.join(store.root, "blobs", "sha256")):
        checked += 1
        if not store.verify(Digest(entry.name, entry.stat().st_size)):
            damaged.append(entry.name)
    for entry in _records(store.root):
        checked += 1
        found = store.record_at(entry.path)
        if found is None:
            damaged.append(entry.name)
        elif _blobs(store, found[1]) is None:
            dangling.append(entry.name)
            if repair:
                store.remove(entry.path)
    return Audit(checked, tuple(damaged), tuple(dangling))


def sweep(store: DiskStore, keep: Collection[Digest], now: float, max_age: float, max_bytes: int) -> Stats:
    """Let go of results unused for `max_age` seconds, then of the least used beyond `max_bytes`, and of their blobs.

    Results of the keys in `keep` stay whatever they weigh. Safe beside running builds: what vanishes under one is a
    miss. Returns what is left.
    """
    live: set[Digest] = set()
    weight = 0
    for entry in sorted(_records(store.root), key=lambda entry: (-entry.stat().st_mtime_ns, entry.name)):
        found = store.record_at(entry.path)
        blobs = _blobs(store, found[1]) if found is not None else None
        more = sum(digest.size for digest in (blobs or set()) - live)
        fresh = now - entry.stat().st_mtime <= max_age and weight + more <= max_bytes
        if blobs is not None and found is not None and (fresh or found[0] in keep):
            live |= blobs
            weight += more
        elif found is not None:
            store.remove(entry.path)
    names = {digest.hash for digest in live}
    for entry in _entries(os.path.join(store.root, "blobs", "sha256")):
        if entry.name not in names and now - os.stat(entry.path).st_mtime > GRACE_S:
            store.remove(entry.path)
    return measure(store.root)


def _blobs(store: DiskStore, result: Result) -> set[Digest] | None:
    """All blobs of a result, or None when one is not there."""
    try:
        found = set(blobs_of(result, store.read))
    except (Missing, ValueError):
        return None
    return found if all(store.has(digest) for digest in found) else None


def _records(root: str) -> Iterator[os.DirEntry[str]]:
    for folder in _entries(os.path.join(root, "results")):
        yield from _entries(folder.path)


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    """What stands in a folder, sorted by name; nothing when it does not exist."""
    try:
        yield from sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
