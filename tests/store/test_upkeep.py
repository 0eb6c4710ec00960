"""What may go from a store, what must stay, and what a full look finds."""
from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildgraph.digest import Digest
from buildgraph.model import File, Result, Tree
from buildgraph.reapi import Directory, encode_directory
from buildgraph.store.disk import DiskStore
from buildgraph.store.upkeep import GRACE_S, audit, sweep

NOW = 2_000_000_000.0
KEYS = [Digest.of(b"action %d" % number) for number in range(4)]


@pytest.fixture
def old(disk: DiskStore) -> DiskStore:
    """Four results of 1000 bytes each and a log in common, last used 0, 1, 2 and 3 days ago."""
    batch = disk.batch()
    for number, key in enumerate(KEYS):
        inner = encode_directory(Directory(files=(("f", batch.add(b"%d" % number * 1000), False),)))
        batch.record(key, Result((("t", Tree(batch.add(inner))),), batch.add(b"log"), "none", 1), {})
    batch.add(b"of no result")
    disk.publish([batch])
    for path in Path(disk.root).rglob("*"):
        os.utime(path, (NOW - 9 * 86400,) * 2)
    for number, key in enumerate(KEYS):
        os.utime(disk.record_path(key), (NOW - number * 86400,) * 2)
    return disk


def left(store: DiskStore) -> list[int]:
    """The numbers of the results that are whole."""
    found = [number for number, key in enumerate(KEYS) if store.recall(key) is not None]
    assert audit(store).dangling == () == audit(store).damaged
    return found


def test_unused_results_go_with_their_blobs(old: DiskStore) -> None:
    """And the generation changes."""
    before = os.stat(old.generation).st_size
    stats = sweep(old, (), NOW, 1.5 * 86400, 1 << 40)
    assert left(old) == [0, 1] and (stats.results, stats.blobs) == (2, 2 * 2 + 1)
    assert os.stat(old.generation).st_size > before


def test_the_least_used_go_beyond_the_size(old: DiskStore) -> None:
    """Blobs in common count once."""
    stats = sweep(old, (), NOW, 1e9, 3400)
    assert left(old) == [0, 1, 2] and stats.blob_bytes <= 3400


def test_what_is_to_be_kept_is_kept(old: DiskStore) -> None:
    """However old, however large."""
    sweep(old, (KEYS[3],), NOW, 0.5 * 86400, 1 << 40)
    assert left(old) == [0, 3]


def test_young_blobs_stay(old: DiskStore) -> None:
    """Their record may be on its way."""
    loose = Digest.of(b"of no result")
    os.utime(old.blob_path(loose), (NOW - GRACE_S / 2,) * 2)
    sweep(old, (), NOW, 1e9, 1 << 40)
    assert old.has(loose)
    os.utime(old.blob_path(loose), (NOW - GRACE_S * 2,) * 2)
    sweep(old, (), NOW, 1e9, 1 << 40)
    assert not old.has(loose) and left(old) == [0, 1, 2, 3]


def test_a_clock_that_jumps_back_takes_nothing(old: DiskStore) -> None:
    """Files from the future are young."""
    sweep(old, (), NOW - 100 * 86400, 86400, 1 << 40)
    assert left(old) == [0, 1, 2, 3] and old.has(Digest.of(b"of no result"))


def test_recalling_is_using(old: DiskStore) -> None:
    """What a build asks for is the last to go."""
    before = os.stat(old.record_path(KEYS[3])).st_mtime
    os.utime(old.record_path(KEYS[3]), (1000, 1000))
    assert old.recall(KEYS[3]) and os.stat(old.record_path(KEYS[3])).st_mtime != before > 1000


def test_a_full_look_finds_all_damage(old: DiskStore) -> None:
    """Sets it aside, names records that now lack a blob, and removes them when asked to."""
    blob, record = old.blob_path(Digest.of(b"1" * 1000)), old.record_path(KEYS[2])
    for path in (blob, record):
        os.chmod(path, 0o600)
        os.truncate(path, 5)
    found = audit(old)
    assert sorted(found.damaged) == sorted([os.path.basename(blob), os.path.basename(record)])
    assert found.dangling == (KEYS[1].hash,) and found.checked == 4 * 2 + 2 + 4
    assert audit(old, repair=True).dangling == (KEYS[1].hash,)
    assert audit(old).dangling == () and left(old) == [0, 3]


def test_a_result_without_all_its_blobs_goes(old: DiskStore) -> None:
    """It is no use to anybody."""
    batch = old.batch()
    key = Digest.of(b"dangling")
    batch.record(key, Result((("f", File(Digest.of(b"never"))),), batch.add(b"log"), "none", 1), {})
    old.publish([batch])
    sweep(old, (key,), NOW, 1e9, 1 << 40)
    assert not os.path.exists(old.record_path(key)) and left(old) == [0, 1, 2, 3]
