"""Garbage collection: decide which results to remove with their blobs, and remove them.

The results of the last builds of each workspace are kept, and so is everything that was used since
the oldest running build began. Of the rest, results that were unused for too long are removed
first, then the least recently used results beyond the size limit. A build that still reads a blob
at the moment of its removal gets a cache miss and produces it again.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..types.digest import Digest
from . import gc_roots, lease
from .cache_dir import sweep_dead
from .fsck import blobs_named, read_record
from .stats import blob_files, list_folder, record_files, stat_files

if TYPE_CHECKING:
    from .disk import DiskStore


@dataclass(frozen=True)
class GcLimits:
    """Seconds that a result may be unused, and bytes that all blobs may have."""

    age: float
    size: int


@dataclass(frozen=True)
class GcDecision:
    """Decision for one result: keep or remove, with the reason.

    `path` is its record, `last_used` the time of its last use in seconds since 1970, `size` the
    bytes of its blobs that no earlier decision counted, and `command` the encoded REAPI Command.
    """

    path: str
    last_used: float
    size: int
    keep: bool
    reason: str
    key: Digest | None = None
    blobs: frozenset[Digest] = frozenset()
    command: bytes = b""


@dataclass(frozen=True)
class GcPlan:
    """A decision for each result, and the blob files to remove as (path, mtime, size)."""

    decisions: tuple[GcDecision, ...]
    blobs: tuple[tuple[str, float, int], ...]
    kept_bytes: int

    @property
    def freed(self) -> int:
        """Return the bytes that carrying out the plan frees."""
        return sum(size for _, _, size in self.blobs)


def plan(
    root: str, limits: GcLimits, now: float, needed: dict[Digest, str] | None = None
) -> GcPlan:
    """Decide about every result and blob of a store, without changing anything.

    `needed` are keys of results to keep, each with what needs it.
    """
    oldest = lease.oldest_lease(root)
    horizon = now if oldest is None else oldest - lease.USE_NOTE_S
    decisions, live, kept_bytes = [], set[Digest](), 0
    for candidate in _candidates(root, gc_roots.protected_keys(root) | (needed or {}), horizon):
        size = sum(digest.size for digest in candidate.blobs - live)
        decision = _decide(replace(candidate, size=size), kept_bytes, limits, now)
        decisions.append(decision)
        if decision.keep:
            live |= candidate.blobs
            kept_bytes += size
    live_names = {digest.hash for digest in live}
    garbage = [
        (path, used, size)
        for path, used, size in stat_files(blob_files(root))
        if os.path.basename(path) not in live_names and used < horizon
    ]
    garbage += [
        (path, used, size)
        for path, used, size in stat_files(list_folder(os.path.join(root, "quarantine")))
        if used < now - limits.age
    ]
    return GcPlan(tuple(decisions), tuple(garbage), kept_bytes)


def run(store: DiskStore, collection: GcPlan) -> int:
    """Carry out a plan, and return the bytes freed.

    Files that were used since the plan are kept.
    """
    in_use: set[str] = set()
    records = []
    for decision in collection.decisions:
        if not decision.keep:
            if _is_unused_since(decision.path, decision.last_used):
                records.append(decision.path)
            else:
                in_use |= {digest.hash for digest in decision.blobs}
    blobs = [
        (path, size)
        for path, used, size in collection.blobs
        if os.path.basename(path) not in in_use and _is_unused_since(path, used)
    ]
    # Records first: a process killed here leaves blobs without a result, never the reverse.
    store.remove(*records)
    store.remove(*(path for path, _ in blobs))
    for scratch in ("tmp", "work"):
        sweep_dead(os.path.join(store.root, scratch))
    return sum(size for _, size in blobs)


def remove_results(store: DiskStore, keys: Collection[Digest]) -> tuple[int, int]:
    """Remove the results of keys, and the blobs that no other result names.

    Returns the number of results removed and the bytes freed.
    """
    own, others = set[Digest](), set[Digest]()
    records = [path for path in map(store.record_path, keys) if os.path.lexists(path)]
    for path in record_files(store.root):
        record = read_record(path)
        blobs = blobs_named(store.root, record[1]) if record is not None else None
        (own if path in records else others).update(blobs or ())
    store.remove(*records)
    store.remove(*(store.blob_path(digest) for digest in sorted(own - others)))
    return len(records), sum(digest.size for digest in own - others)


def _candidates(root: str, protected: Mapping[Digest, str], horizon: float) -> list[GcDecision]:
    """Return all results: first those always kept, then by last use, the latest first."""
    candidates = []
    for path, used, _ in stat_files(record_files(root)):
        record = read_record(path)
        blobs = blobs_named(root, record[1]) if record is not None else None
        if record is None or blobs is None:
            reason = "damaged" if record is None else "a blob is missing"
            candidates.append(GcDecision(path, used, 0, False, reason))
            continue
        key, _, parts = record
        reason = "a running build" if used >= horizon else ""
        if key in protected:
            reason = f"the last builds of {protected[key]}"
        command = parts.get("command", b"")
        candidates.append(
            GcDecision(path, used, 0, bool(reason), reason, key, frozenset(blobs), command)
        )
    return sorted(
        candidates, key=lambda decision: (not decision.keep, -decision.last_used, decision.path)
    )


def _decide(candidate: GcDecision, kept_bytes: int, limits: GcLimits, now: float) -> GcDecision:
    if candidate.reason:
        return candidate
    if now - candidate.last_used > limits.age:
        return replace(candidate, keep=False, reason="unused for too long")
    if kept_bytes + candidate.size > limits.size:
        return replace(candidate, keep=False, reason="beyond the size limit")
    return replace(candidate, keep=True, reason="used recently")


def _is_unused_since(path: str, used: float) -> bool:
    try:
        return os.lstat(path).st_mtime == used
    except OSError:
        return False
