"""Recent blobs: the limit of 4 MiB; `test_disk.py` tests their use from threads."""

from __future__ import annotations

from buildgraph.store.recent_blobs import RecentBlobs
from buildgraph.types.digest import Digest


def test_the_oldest_bytes_are_dropped_beyond_4_mib() -> None:
    recent, blobs = RecentBlobs(), [bytes([number]) * (1 << 20) for number in range(5)]
    for data in blobs:
        recent.add({Digest.of(data): data})
    kept = [data for data in blobs if recent.get(Digest.of(data)) == data]
    assert kept == blobs[1:]


def test_bytes_that_are_added_twice_count_once() -> None:
    recent, data = RecentBlobs(), b"x" * (3 << 20)
    for _ in range(3):
        recent.add({Digest.of(data): data})
    assert recent.get(Digest.of(data)) == data
    recent.clear()
    assert recent.get(Digest.of(data)) is None
