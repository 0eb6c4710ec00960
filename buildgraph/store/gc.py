"""What may go from a store, why, and letting it go. A result and its blobs are one unit.

What the last builds of a workspace stand on stays, and so does what was used since the oldest running build began.
Of the rest, results unused for too long go, then the least recently used beyond the size. A build that still meets a
blob in its last moment meets a miss, and makes it again.
"""

from __future__ import annotations

import os
from dataclasses import replace

from ..lite import TYPE_CHECKING
from ..lite.record import record
from ..types.digest import Digest
from . import gc_roots, lease
from .cache_dir import sweep_dead
from .fsck import blob_files, blobs_named, files, read_record, record_files, stamps

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .disk import DiskStore


@record
class GcLimits:
    """How long a result may go unused, in seconds, and how many bytes all may weigh."""

    age: float
    size: int


@record
class GcDecision:
    """A result's record, when it was last used, the bytes it holds beyond those before it, and why it stays or goes."""

    path: str
    used: float
    size: int
    keep: bool
    why: str
    key: Digest | None = None
    blobs: frozenset[Digest] = frozenset()
    command: bytes = b""


@record
class GcPlan:
    """A verdict for each result, and the files of blobs that go as (path, mtime, size)."""

    verdicts: tuple[GcDecision, ...]
    blobs: tuple[tuple[str, float, int], ...]
    kept_bytes: int

    @property
    def freed(self) -> int:
        """The bytes that letting go frees."""
        return sum(size for _, _, size in self.blobs)


def plan(root: str, limits: GcLimits, now: float) -> GcPlan:
    """Judge every result and blob of a store; nothing is changed."""
    began = lease.oldest(root)
    horizon = now if began is None else began - lease.NOTED_S
    verdicts, live, weight = [], set[Digest](), 0
    for found in _in_order(root, gc_roots.protected_keys(root), horizon):
        more = sum(digest.size for digest in found.blobs - live)
        judged = _judge(found, more, weight, limits, now)
        verdicts.append(judged)
        if judged.keep:
            live |= found.blobs
            weight += more
    names = {digest.hash for digest in live}
    dead = [
        (path, used, size)
        for path, used, size in stamps(blob_files(root))
        if os.path.basename(path) not in names and used < horizon
    ]
    dead += [
        (path, used, size)
        for path, used, size in stamps(files(os.path.join(root, "quarantine")))
        if used < now - limits.age
    ]
    return GcPlan(tuple(verdicts), tuple(dead), weight)


def run(store: DiskStore, sweep: GcPlan) -> int:
    """Let go of what a plan says, but for what was used since; the bytes freed."""
    spared: set[str] = set()
    going = []
    for verdict in sweep.verdicts:
        if not verdict.keep:
            if _untouched(verdict.path, verdict.used):
                going.append(verdict.path)
            else:
                spared |= {digest.hash for digest in verdict.blobs}
    blobs = [
        (path, size)
        for path, used, size in sweep.blobs
        if os.path.basename(path) not in spared and _untouched(path, used)
    ]
    # Records first: killed here, the store holds blobs of no result, never a result without its blobs.
    store.remove(*going)
    store.remove(*(path for path, _ in blobs))
    for scratch in ("tmp", "work"):
        sweep_dead(os.path.join(store.root, scratch))
    return sum(size for _, size in blobs)


def forget(store: DiskStore, keys: Collection[Digest]) -> tuple[int, int]:
    """Remove the results of keys and the blobs that nothing else names; how many there were, and the bytes freed."""
    mine, others = set[Digest](), set[Digest]()
    going = [path for path in map(store.record_path, keys) if os.path.lexists(path)]
    for path in record_files(store.root):
        found = read_record(path)
        blobs = blobs_named(store.root, found[1]) if found is not None else None
        (mine if path in going else others).update(blobs or ())
    store.remove(*going)
    store.remove(*(store.blob_path(digest) for digest in sorted(mine - others)))
    return len(going), sum(digest.size for digest in mine - others)


def _in_order(root: str, held: Mapping[Digest, str], horizon: float) -> list[GcDecision]:
    """All results, those that stay whatever they weigh first, then the last used first."""
    found = []
    for path, used, _ in stamps(record_files(root)):
        record = read_record(path)
        blobs = blobs_named(root, record[1]) if record is not None else None
        if record is None or blobs is None:
            found.append(
                GcDecision(path, used, 0, False, "damaged" if record is None else "it lacks a blob")
            )
            continue
        key, _, parts = record
        why = (
            f"the last builds of {held[key]}"
            if key in held
            else "a running build"
            if used >= horizon
            else ""
        )
        found.append(
            GcDecision(
                path, used, 0, bool(why), why, key, frozenset(blobs), parts.get("command", b"")
            )
        )
    return sorted(found, key=lambda verdict: (not verdict.keep, -verdict.used, verdict.path))


def _judge(found: GcDecision, more: int, weight: int, limits: GcLimits, now: float) -> GcDecision:
    if found.why:
        return replace(found, size=more)
    if now - found.used > limits.age:
        return replace(found, size=more, keep=False, why="unused for too long")
    if weight + more > limits.size:
        return replace(found, size=more, keep=False, why="beyond the size")
    return replace(found, size=more, keep=True, why="used of late")


def _untouched(path: str, used: float) -> bool:
    try:
        return os.lstat(path).st_mtime == used
    except OSError:
        return False
