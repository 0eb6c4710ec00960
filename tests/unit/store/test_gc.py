"""Garbage collection and fsck: results that are removed, results that are kept, and damage."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildgraph.keys.reapi import Directory, encode_directory
from buildgraph.store import gc_roots
from buildgraph.store.disk import DiskStore
from buildgraph.store.fsck import check_store
from buildgraph.store.gc import GcLimits, plan, remove_results, run
from buildgraph.store.lease import USE_NOTE_S, Lease, oldest_lease
from buildgraph.store.stats import StoreStats, measure_store
from buildgraph.types.digest import Digest
from buildgraph.types.result import File, Result, Tree

NOW = 2_000_000_000.0
KEYS = [Digest.of(b"action %d" % number) for number in range(4)]


def sweep(store: DiskStore, now: float, age: float, size: int) -> StoreStats:
    """Collect garbage and return the remaining statistics."""
    run(store, plan(store.root, GcLimits(age, size), now))
    return measure_store(store.root)


@pytest.fixture
def old(disk: DiskStore) -> DiskStore:
    """Four results of 1000 bytes each and a log in common, last used 0, 1, 2 and 3 days ago."""
    batch = disk.batch()
    for number, key in enumerate(KEYS):
        inner = encode_directory(Directory(files=(("f", batch.add(b"%d" % number * 1000), False),)))
        batch.record(
            key, Result((("t", Tree(batch.add(inner))),), batch.add(b"log"), "none", 1), {}
        )
    batch.add(b"of no result")
    disk.publish([batch])
    disk.close()
    for path in Path(disk.root).rglob("*"):
        os.utime(path, (NOW - 9 * 86400,) * 2)
    for number, key in enumerate(KEYS):
        os.utime(disk.record_path(key), (NOW - 1 - number * 86400,) * 2)
    return disk


def remaining(store: DiskStore) -> list[int]:
    """Return the numbers of the results that are complete."""
    numbers = [number for number, key in enumerate(KEYS) if os.path.exists(store.record_path(key))]
    assert check_store(store).dangling == () == check_store(store).damaged
    return numbers


def workspace(folder: Path) -> str:
    """Create a workspace without targets, and return its path."""
    folder.mkdir(parents=True)
    (folder / "BUILD.toml").write_text("[workspace]\n")
    return str(folder)


def test_unused_results_are_removed_with_their_blobs(old: DiskStore) -> None:
    """The generation changes."""
    before = os.stat(old.generation).st_size
    stats = sweep(old, NOW, 1.5 * 86400, 1 << 40)
    assert remaining(old) == [0, 1] and (stats.results, stats.blobs) == (2, 2 * 2 + 1)
    assert os.stat(old.generation).st_size > before


def test_the_least_used_are_removed_beyond_the_size(old: DiskStore) -> None:
    """Blobs in common count once."""
    stats = sweep(old, NOW, 1e9, 3400)
    assert remaining(old) == [0, 1, 2] and stats.blob_bytes <= 3400


def test_a_plan_changes_nothing_and_has_reasons(old: DiskStore, tmp_path: Path) -> None:
    """The dry run prints the plan."""
    gc_roots.save_roots(old.root, workspace(tmp_path / "w"), ("//x",), [str(KEYS[3])])
    before = measure_store(old.root)
    collection = plan(old.root, GcLimits(2.5 * 86400, 2300), NOW)
    assert [(verdict.key, verdict.keep, verdict.reason) for verdict in collection.decisions] == [
        (KEYS[3], True, f"the last builds of {tmp_path / 'w'}"),
        (KEYS[0], True, "used recently"),
        (KEYS[1], False, "beyond the size limit"),
        (KEYS[2], False, "beyond the size limit"),
    ]
    assert (
        measure_store(old.root) == before
        and collection.freed == before.blob_bytes - collection.kept_bytes
    )
    run(old, collection)
    assert measure_store(old.root).blob_bytes == collection.kept_bytes and remaining(old) == [0, 3]


def test_results_of_the_last_builds_are_kept(old: DiskStore, tmp_path: Path) -> None:
    """Age and size do not matter, but a workspace that no longer exists protects nothing."""
    here, gone = workspace(tmp_path / "here"), workspace(tmp_path / "gone")
    gc_roots.save_roots(old.root, here, ("//a",), [str(KEYS[3])])
    gc_roots.save_roots(old.root, gone, ("//a",), [str(KEYS[2])])
    os.unlink(os.path.join(gone, "BUILD.toml"))
    sweep(old, NOW, 0.5 * 86400, 0)
    assert remaining(old) == [3]


def test_incremental_builds_protect_their_changes_as_well(old: DiskStore, tmp_path: Path) -> None:
    """The latest incremental build replaces earlier ones.

    A build from BUILD.toml saves all keys.
    """
    here = workspace(tmp_path / "here")

    def remember(number: int, more: bool) -> None:
        gc_roots.save_roots(old.root, here, ("//a",), [str(KEYS[number])], more)

    remember(3, more=False)
    for number in (1, 2):
        remember(number, more=True)
        assert set(gc_roots.protected_keys(old.root)) == {KEYS[3], KEYS[number]}
    sweep(old, NOW, 0.5 * 86400, 0)
    assert remaining(old) == [2, 3]
    remember(2, more=False)
    assert set(gc_roots.protected_keys(old.root)) == {KEYS[2]}


def test_an_incremental_build_is_the_latest_of_its_request(old: DiskStore, tmp_path: Path) -> None:
    here = workspace(tmp_path / "here")
    for number in range(9):
        gc_roots.save_roots(old.root, here, (f"//{number}",), [str(KEYS[0 if number else 3])])
        for path in Path(old.root, "roots").iterdir():
            os.utime(path, (number + 1, number + 1))
    gc_roots.save_roots(old.root, here, ("//0",), [str(KEYS[2])], more=True)
    assert set(gc_roots.protected_keys(old.root)) == {KEYS[0], KEYS[2], KEYS[3]}


def test_only_the_latest_requests_of_a_workspace_count(old: DiskStore, tmp_path: Path) -> None:
    """Otherwise a year of different requests would protect a year of results."""
    here = workspace(tmp_path / "here")
    gc_roots.save_roots(old.root, here, ("//0",), [str(KEYS[0])])
    for path in Path(old.root, "roots").iterdir():
        os.utime(path, (1, 1))
    for number in range(1, 9):
        gc_roots.save_roots(old.root, here, (f"//{number}",), [str(KEYS[1])])
    assert set(gc_roots.protected_keys(old.root)) == {KEYS[1]}


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"form":1,"workspace":"/","keys":["x"]}', b"\xff", b"[" * 100_000]
)
def test_a_damaged_root_protects_nothing(old: DiskStore, tmp_path: Path, data: bytes) -> None:
    """The collection runs all the same."""
    gc_roots.save_roots(old.root, workspace(tmp_path / "here"), (), [str(KEYS[3])])
    for path in Path(old.root, "roots").iterdir():
        path.write_bytes(data)
    assert gc_roots.protected_keys(old.root) == {}


def test_results_in_use_by_a_running_build_are_kept(old: DiskStore) -> None:
    """Uses noted before the lease, by up to the interval of notes, count."""
    lease = Lease(old.root)
    began = oldest_lease(old.root)
    assert began is not None
    os.utime(old.record_path(KEYS[3]), (began - USE_NOTE_S + 1,) * 2)
    os.utime(old.record_path(KEYS[2]), (began - USE_NOTE_S - 1,) * 2)
    sweep(old, began + 10, 0, 0)
    assert remaining(old) == [
        0,
        1,
        3,
    ]  # the times of results 0 and 1 are later than the clock of this machine
    lease.close()
    sweep(old, NOW + 10, 0, 0)
    assert remaining(old) == []


def test_recalling_and_copying_take_a_lease(disk: DiskStore) -> None:
    """The lease is taken at the first use, and `close` releases it."""
    assert oldest_lease(disk.root) is None
    disk.recall(KEYS[0])
    assert oldest_lease(disk.root) is not None
    disk.close()
    assert oldest_lease(disk.root) is None
    disk.batch().add(b"x")
    assert oldest_lease(disk.root) is not None
    disk.close()


def test_results_used_since_the_plan_are_kept(old: DiskStore) -> None:
    """A build that ran in between keeps its results complete."""
    os.utime(old.record_path(KEYS[1]), (1000, 1000))
    collection = plan(old.root, GcLimits(0, 0), NOW)
    assert old.recall(KEYS[1])  # this notes the use
    run(old, collection)
    assert remaining(old) == [1] and old.recall(KEYS[1])


def test_a_clock_that_jumps_back_removes_nothing(old: DiskStore) -> None:
    """Files from the future are young."""
    sweep(old, NOW - 100 * 86400, 86400, 1 << 40)
    assert remaining(old) == [0, 1, 2, 3] and old.has(Digest.of(b"of no result"))


def test_recalling_counts_as_use(old: DiskStore) -> None:
    """A result that was just recalled is removed last."""
    os.utime(old.record_path(KEYS[3]), (1000, 1000))
    assert old.recall(KEYS[3]) and os.stat(old.record_path(KEYS[3])).st_mtime > 1000


def test_fsck_reports_all_damage_and_repairs_on_request(old: DiskStore) -> None:
    """The check is read-only.

    A repair quarantines damaged files and removes records that lack a blob.
    """
    blob, record = old.blob_path(Digest.of(b"1" * 1000)), old.record_path(KEYS[2])
    for path in (blob, record):
        os.chmod(path, 0o600)
        os.truncate(path, 5)
    stranger = os.path.join(old.root, "blobs", "sha256", "stranger")
    Path(stranger).write_bytes(b"x")
    for _ in range(2):
        report = check_store(old)
        assert sorted(report.damaged) == sorted(map(os.path.basename, (blob, record, stranger)))
        assert report.dangling == (KEYS[1].hash,) and report.checked == 4 * 2 + 2 + 4 + 1
    assert check_store(old, repair=True) == report
    assert measure_store(old.root).quarantined == 3 and remaining(old) == [0, 3]


def test_a_record_under_the_name_of_another_is_damage(old: DiskStore) -> None:
    """It is complete, but not a result of that key."""
    os.rename(old.record_path(KEYS[0]), old.record_path(KEYS[1]))
    assert check_store(old).damaged == (KEYS[1].hash,)
    assert check_store(old, repair=True) and remaining(old) == [2, 3]


def test_a_result_that_lacks_a_blob_is_removed(old: DiskStore) -> None:
    """No build could use it."""
    batch = old.batch()
    key = Digest.of(b"dangling")
    batch.record(key, Result((("f", File(Digest.of(b"never"))),), batch.add(b"log"), "none", 1), {})
    old.publish([batch])
    old.close()
    sweep(old, NOW, 1e9, 1 << 40)
    assert not os.path.exists(old.record_path(key)) and remaining(old) == [0, 1, 2, 3]


def test_removing_results_keeps_blobs_in_common(old: DiskStore) -> None:
    """The log in common is kept."""
    before = measure_store(old.root)
    count, freed = remove_results(old, [KEYS[0], KEYS[2], Digest.of(b"never was")])
    after = measure_store(old.root)
    assert count == 2 and before.blob_bytes - after.blob_bytes == freed > 2000
    assert remaining(old) == [1, 3] and old.has(Digest.of(b"log"))


def test_quarantined_files_are_removed_with_age(old: DiskStore) -> None:
    """Users may want to inspect them for a while."""
    aside = Path(old.root, "quarantine", "x")
    aside.write_bytes(b"x")
    for age, stays in ((10, True), (10_000, False)):
        os.utime(aside, (NOW - age,) * 2)
        sweep(old, NOW, 1000, 1 << 40)
        assert aside.exists() is stays
