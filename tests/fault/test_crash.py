"""Publishing stopped before each of its operations: the process ends, or the disk fails."""

from __future__ import annotations

import errno
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from buildgraph.store.disk import DiskStore
from buildgraph.store.file_ops import FileOps
from buildgraph.store.gc import GcLimits, plan, run
from buildgraph.store.stats import measure_store
from buildgraph.types.digest import Digest
from buildgraph.types.errors import BuildError
from buildgraph.types.result import File, Result
from tests.support.fault_counts import TIMES, Tally

pytestmark = pytest.mark.fault
KEYS = [Digest.of(b"action %d" % number) for number in range(3)]


class Stopping(FileOps):
    """Operations that call `stop` in place of the N-th."""

    def __init__(self, at: int, stop: Callable[[], None]) -> None:
        self.left, self._stop = at, stop

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            self._stop()

    def create(self, path: str) -> int:
        self._count()
        return super().create(path)

    def write(self, fd: int, data: memoryview | bytes) -> int:
        self._count()
        return super().write(fd, data)

    def seal(self, fd: int, mode: int) -> None:
        self._count()
        super().seal(fd, mode)

    def rename(self, source: str, target: str) -> None:
        self._count()
        super().rename(source, target)

    def unlink(self, path: str) -> None:
        self._count()
        super().unlink(path)

    def make_folder(self, path: str) -> None:
        self._count()
        super().make_folder(path)

    def sync_filesystem(self, folder: str) -> None:
        self._count()
        super().sync_filesystem(folder)

    def sync_folder(self, folder: str) -> None:
        self._count()
        super().sync_folder(folder)


@pytest.fixture(autouse=True)
def closed(tmp_path: Path) -> Iterator[None]:
    """Close the descriptors that a killed process would leave to the kernel."""
    yield
    for fd in map(int, os.listdir("/proc/self/fd")):
        try:
            if os.readlink(f"/proc/self/fd/{fd}").startswith(str(tmp_path)):
                os.close(fd)
        except OSError:
            continue


def build(store: DiskStore) -> None:
    """Publish three results that have a blob in common, in two batches."""
    batches = [store.batch(), store.batch()]
    for number, key in enumerate(KEYS):
        batch = batches[number % 2]
        outputs = (
            ("common", File(batch.add(b"common"))),
            ("own", File(batch.add(b"own %d" % number))),
        )
        batch.record(key, Result(outputs, batch.add(b"log"), "none", 1), {"action": b"x"})
    store.publish(batches)


def violations(root: str) -> list[str]:
    """Return what is wrong for a later build: torn blobs, and records whose blobs are missing."""
    store = DiskStore(root)
    blobs = os.path.join(root, "blobs", "sha256")
    torn = [
        f"torn {name}"
        for name in os.listdir(blobs)
        if not store.verify(Digest(name, os.stat(os.path.join(blobs, name)).st_size))
    ]
    recorded = [key for key in KEYS if os.path.exists(store.record_path(key))]
    return torn + [f"dangling {key}" for key in recorded if not store.recall(key)]


def stopped_at(root: str, at: int, kind: type[DiskStore]) -> bool:
    """Build in a process that ends before its N-th operation; False when it had fewer."""
    pid = os.fork()
    if not pid:
        try:
            build(kind(root, ops=Stopping(at, lambda: os._exit(9))))
        finally:
            os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in (0, 9)
    return code == 9


def test_killed_before_any_operation(tmp_path: Path, tally: Callable[[str, int], Tally]) -> None:
    """The next build has no violations, succeeds and leaves no temporary file."""
    at, count = 1, tally("crash point", 0)
    while stopped_at(root := str(tmp_path / str(at)), at, DiskStore):
        assert violations(root) == [], f"stopped before operation {at}"
        store = DiskStore(root)
        build(store)
        assert all(store.recall(key) for key in KEYS)
        store.close()
        assert os.listdir(os.path.join(root, "tmp")) == []
        count.survived_unplanned()
        at += 1
    assert at > 30, "the operations were not counted"


class RecordsFirst(DiskStore):
    """Store that publishes records before blobs, which is wrong."""

    def _publish_files(self, blobs: object, records: object) -> None:
        super()._publish_files({}, records)  # type: ignore[arg-type]
        super()._publish_files(blobs, {})  # type: ignore[arg-type]


def test_the_harness_sees_a_wrong_order(tmp_path: Path) -> None:
    """Otherwise the tests of the right order would prove nothing."""
    at, seen = 1, 0
    while stopped_at(root := str(tmp_path / str(at)), at, RecordsFirst):
        seen += len(violations(root))
        at += 1
    assert seen >= 3


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_a_fault_of_the_disk_before_any_operation(
    tmp_path: Path, code: int, tally: Callable[[str, int], Tally]
) -> None:
    """A BuildError is raised, no record lacks a blob, and the store works afterwards."""

    def fail() -> None:
        raise OSError(code, os.strerror(code))

    at, faults, count = 1, 0, tally(os.strerror(code).lower(), 0)
    while True:
        root, ops = str(tmp_path / str(at)), Stopping(at, fail)
        try:
            store = DiskStore(root, ops=ops)
            build(store)
        except BuildError as fault:
            assert fault.reason == "environment" and root in fault.what
            faults += 1
        if ops.left > 0:
            break
        assert violations(root) == []
        build(DiskStore(root))
        assert all(DiskStore(root).recall(key) for key in KEYS)
        count.survived_unplanned()
        at += 1
    assert faults == at - 1 > 30


def collected_until(root: str, at: int) -> bool:
    """Remove everything in a process that ends before its N-th operation; False without one."""
    pid = os.fork()
    if not pid:
        try:
            store = DiskStore(
                root, ops=Stopping(at + 5, lambda: os._exit(9))
            )  # opening a store takes five operations
            run(store, plan(root, GcLimits(0, 0), time.time() + 100))
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9


class ShortWrites(FileOps):
    """Disk that writes only a part of the data, and from some moment on nothing."""

    def __init__(self, dice: random.Random, after: int) -> None:
        self._dice, self._left = dice, after

    def write(self, fd: int, data: memoryview | bytes) -> int:
        self._left -= 1
        if self._left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(
            fd, memoryview(data)[: self._dice.randint(1, len(data))] if len(data) else data
        )


@pytest.mark.parametrize("seed", range(25 * TIMES))
def test_a_disk_with_short_writes(
    tmp_path: Path, seed: int, tally: Callable[[str, int], Tally]
) -> None:
    """A partial write is continued; a full disk raises a BuildError without a result."""
    dice, count, root = random.Random(seed), tally("short write", 1), str(tmp_path)
    whole = seed % 2 == 0
    try:
        build(DiskStore(root, ops=ShortWrites(dice, 10**9 if whole else dice.randint(0, 12))))
        assert whole or all(DiskStore(root).recall(key) for key in KEYS)
    except BuildError as fault:
        assert not whole and fault.reason == "environment" and root in fault.what
    assert violations(root) == []
    build(DiskStore(root))
    assert all(DiskStore(root).recall(key) for key in KEYS)
    count.survived()


def test_a_collector_killed_before_any_operation(
    tmp_path: Path, tally: Callable[[str, int], Tally]
) -> None:
    """Blobs without a result may be left, but no result without its blobs."""
    at, count = 0, tally("crash point", 0)
    while True:
        root = str(tmp_path / str(at))
        store = DiskStore(root)
        build(store)
        store.close()
        stopped = collected_until(root, at)
        assert violations(root) == [], f"stopped before operation {at}"
        if not stopped:
            break
        build(DiskStore(root))
        assert all(DiskStore(root).recall(key) for key in KEYS)
        count.survived_unplanned()
        at += 1
    assert at >= len(KEYS) + 4 and measure_store(root).blobs == 0 == measure_store(root).results
