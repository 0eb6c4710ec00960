"""What may go from a store, what must stay, and what a full look finds."""

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
    """Let go and say what is left."""
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


def left(store: DiskStore) -> list[int]:
    """The numbers of the results that are whole."""
    found = [number for number, key in enumerate(KEYS) if os.path.exists(store.record_path(key))]
    assert check_store(store).dangling == () == check_store(store).damaged
    return found


def workspace(folder: Path) -> str:
    """A folder that is one."""
    folder.mkdir(parents=True)
    (folder / "BUILD.toml").write_text("[workspace]\n")
    return str(folder)


def test_unused_results_go_with_their_blobs(old: DiskStore) -> None:
    """And the generation changes."""
    before = os.stat(old.generation).st_size
    stats = sweep(old, NOW, 1.5 * 86400, 1 << 40)
    assert left(old) == [0, 1] and (stats.results, stats.blobs) == (2, 2 * 2 + 1)
    assert os.stat(old.generation).st_size > before


def test_the_least_used_go_beyond_the_size(old: DiskStore) -> None:
    """Blobs in common count once."""
    stats = sweep(old, NOW, 1e9, 3400)
    assert left(old) == [0, 1, 2] and stats.blob_bytes <= 3400


def test_a_plan_changes_nothing_and_says_what_and_why(old: DiskStore, tmp_path: Path) -> None:
    """The dry run is the plan."""
    gc_roots.save_roots(old.root, workspace(tmp_path / "w"), ("//x",), [str(KEYS[3])])
    before = measure_store(old.root)
    found = plan(old.root, GcLimits(2.5 * 86400, 2300), NOW)
    assert [(verdict.key, verdict.keep, verdict.reason) for verdict in found.decisions] == [
        (KEYS[3], True, f"the last builds of {tmp_path / 'w'}"),
        (KEYS[0], True, "used recently"),
        (KEYS[1], False, "beyond the size limit"),
        (KEYS[2], False, "beyond the size limit"),
    ]
    assert measure_store(old.root) == before and found.freed == before.blob_bytes - found.kept_bytes
    run(old, found)
    assert measure_store(old.root).blob_bytes == found.kept_bytes and left(old) == [0, 3]


def test_what_the_last_builds_stand_on_is_kept(old: DiskStore, tmp_path: Path) -> None:
    """However old, however large; but of a workspace that is gone nothing is."""
    here, gone = workspace(tmp_path / "here"), workspace(tmp_path / "gone")
    gc_roots.save_roots(old.root, here, ("//a",), [str(KEYS[3])])
    gc_roots.save_roots(old.root, gone, ("//a",), [str(KEYS[2])])
    os.unlink(os.path.join(gone, "BUILD.toml"))
    sweep(old, NOW, 0.5 * 86400, 0)
    assert left(old) == [3]


def test_builds_that_go_on_hold_what_they_changed_as_well(old: DiskStore, tmp_path: Path) -> None:
    """The latest of them in place of those before it; one that starts from BUILD.toml tells all there is."""
    here = workspace(tmp_path / "here")

    def remember(number: int, more: bool) -> None:
        gc_roots.save_roots(old.root, here, ("//a",), [str(KEYS[number])], more)

    remember(3, more=False)
    for number in (1, 2):
        remember(number, more=True)
        assert set(gc_roots.protected_keys(old.root)) == {KEYS[3], KEYS[number]}
    sweep(old, NOW, 0.5 * 86400, 0)
    assert left(old) == [2, 3]
    remember(2, more=False)
    assert set(gc_roots.protected_keys(old.root)) == {KEYS[2]}


def test_a_build_that_goes_on_is_the_latest_of_its_request(old: DiskStore, tmp_path: Path) -> None:
    here = workspace(tmp_path / "here")
    for number in range(9):
        gc_roots.save_roots(old.root, here, (f"//{number}",), [str(KEYS[0 if number else 3])])
        for path in Path(old.root, "roots").iterdir():
            os.utime(path, (number + 1, number + 1))
    gc_roots.save_roots(old.root, here, ("//0",), [str(KEYS[2])], more=True)
    assert set(gc_roots.protected_keys(old.root)) == {KEYS[0], KEYS[2], KEYS[3]}


def test_only_the_latest_requests_of_a_workspace_hold(old: DiskStore, tmp_path: Path) -> None:
    """Or a year of different requests would hold a year of results."""
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
def test_a_damaged_root_holds_nothing(old: DiskStore, tmp_path: Path, data: bytes) -> None:
    """And stops nothing."""
    gc_roots.save_roots(old.root, workspace(tmp_path / "here"), (), [str(KEYS[3])])
    for path in Path(old.root, "roots").iterdir():
        path.write_bytes(data)
    assert gc_roots.protected_keys(old.root) == {}


def test_what_a_running_build_uses_stays(old: DiskStore) -> None:
    """What it noted before the lease by at most the time between two notes, too; what is older goes."""
    lease = Lease(old.root)
    began = oldest_lease(old.root)
    assert began is not None
    os.utime(old.record_path(KEYS[3]), (began - USE_NOTE_S + 1,) * 2)
    os.utime(old.record_path(KEYS[2]), (began - USE_NOTE_S - 1,) * 2)
    sweep(old, began + 10, 0, 0)
    assert left(old) == [0, 1, 3]  # 0 and 1 are from the future of this machine's clock
    lease.close()
    sweep(old, NOW + 10, 0, 0)
    assert left(old) == []


def test_recalling_and_copying_take_a_lease(disk: DiskStore) -> None:
    """From the first moment that something is relied on; closing gives it back."""
    assert oldest_lease(disk.root) is None
    disk.recall(KEYS[0])
    assert oldest_lease(disk.root) is not None
    disk.close()
    assert oldest_lease(disk.root) is None
    disk.batch().add(b"x")
    assert oldest_lease(disk.root) is not None
    disk.close()


def test_what_was_used_since_the_plan_stays(old: DiskStore) -> None:
    """A build that came in between keeps its result whole."""
    os.utime(old.record_path(KEYS[1]), (1000, 1000))
    found = plan(old.root, GcLimits(0, 0), NOW)
    assert old.recall(KEYS[1])  # this notes the use
    run(old, found)
    assert left(old) == [1] and old.recall(KEYS[1])


def test_a_clock_that_jumps_back_takes_nothing(old: DiskStore) -> None:
    """Files from the future are young."""
    sweep(old, NOW - 100 * 86400, 86400, 1 << 40)
    assert left(old) == [0, 1, 2, 3] and old.has(Digest.of(b"of no result"))


def test_recalling_is_using(old: DiskStore) -> None:
    """What a build asks for is the last to go."""
    os.utime(old.record_path(KEYS[3]), (1000, 1000))
    assert old.recall(KEYS[3]) and os.stat(old.record_path(KEYS[3])).st_mtime > 1000


def test_a_full_look_finds_all_damage_and_mends_when_told(old: DiskStore) -> None:
    """Looking changes nothing; mending sets damage aside and removes records that lack a blob."""
    blob, record = old.blob_path(Digest.of(b"1" * 1000)), old.record_path(KEYS[2])
    for path in (blob, record):
        os.chmod(path, 0o600)
        os.truncate(path, 5)
    stranger = os.path.join(old.root, "blobs", "sha256", "stranger")
    Path(stranger).write_bytes(b"x")
    for _ in range(2):
        found = check_store(old)
        assert sorted(found.damaged) == sorted(map(os.path.basename, (blob, record, stranger)))
        assert found.dangling == (KEYS[1].hash,) and found.checked == 4 * 2 + 2 + 4 + 1
    assert check_store(old, repair=True) == found
    assert measure_store(old.root).quarantined == 3 and left(old) == [0, 3]


def test_a_record_under_the_name_of_another_is_damage(old: DiskStore) -> None:
    """It is whole, and still no result of that key."""
    os.rename(old.record_path(KEYS[0]), old.record_path(KEYS[1]))
    assert check_store(old).damaged == (KEYS[1].hash,)
    assert check_store(old, repair=True) and left(old) == [2, 3]


def test_a_result_without_all_its_blobs_goes(old: DiskStore) -> None:
    """It is no use to anybody."""
    batch = old.batch()
    key = Digest.of(b"dangling")
    batch.record(key, Result((("f", File(Digest.of(b"never"))),), batch.add(b"log"), "none", 1), {})
    old.publish([batch])
    old.close()
    sweep(old, NOW, 1e9, 1 << 40)
    assert not os.path.exists(old.record_path(key)) and left(old) == [0, 1, 2, 3]


def test_forgetting_takes_what_only_the_forgotten_hold(old: DiskStore) -> None:
    """The log in common stays."""
    before = measure_store(old.root)
    count, freed = remove_results(old, [KEYS[0], KEYS[2], Digest.of(b"never was")])
    after = measure_store(old.root)
    assert count == 2 and before.blob_bytes - after.blob_bytes == freed > 2000
    assert left(old) == [1, 3] and old.has(Digest.of(b"log"))


def test_damaged_files_set_aside_go_with_age(old: DiskStore) -> None:
    """Somebody may want to look at them for a while."""
    aside = Path(old.root, "quarantine", "x")
    aside.write_bytes(b"x")
    for age, stays in ((10, True), (10_000, False)):
        os.utime(aside, (NOW - age,) * 2)
        sweep(old, NOW, 1000, 1 << 40)
        assert aside.exists() is stays
