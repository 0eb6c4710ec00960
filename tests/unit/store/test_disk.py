"""Stores on disk: damage, other users, other processes, and full disks."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from buildgraph.store.cache_dir import default_root
from buildgraph.store.disk import DiskStore
from buildgraph.store.file_ops import FileOps
from buildgraph.store.protocol import Missing
from buildgraph.store.recent_blobs import RecentBlobs
from buildgraph.store.stats import measure_store
from buildgraph.types.digest import Digest
from buildgraph.types.errors import BuildError
from buildgraph.types.result import File, Result
from tests.support.requirements import absent

KEY = Digest.of(b"an action")


def flip(path: str) -> None:
    """Change one bit and keep the size and times."""
    info = os.stat(path)
    os.chmod(path, 0o644)
    data = bytearray(Path(path).read_bytes())
    data[len(data) // 2] ^= 1
    Path(path).write_bytes(data)
    os.chmod(path, stat.S_IMODE(info.st_mode))
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))


def cut(path: str) -> None:
    """Truncate in the middle."""
    os.chmod(path, 0o644)
    os.truncate(path, os.stat(path).st_size // 2)


def empty(path: str) -> None:
    """Truncate to nothing."""
    os.chmod(path, 0o644)
    os.truncate(path, 0)


def swap(path: str) -> None:
    """Replace the file by a folder."""
    os.unlink(path)
    os.mkdir(path)


DAMAGES: tuple[Callable[[str], None], ...] = (flip, cut, empty, swap)


def fill(store: DiskStore, data: bytes = b"some output") -> Digest:
    """Publish a result with one output."""
    batch = store.batch()
    digest = batch.add(data)
    batch.record(
        KEY, Result((("o", File(digest)),), batch.add(b"log"), "none", 1), {"action": b"x"}
    )
    store.publish([batch])
    return digest


def test_a_kept_batch_is_private_until_it_is_published(tmp_path: Path) -> None:
    """Other processes see nothing of it, and a batch that is never published leaves nothing."""
    mine, other = (DiskStore(str(tmp_path / "cache")) for _ in range(2))
    batch = mine.batch()
    digest = batch.add(b"kept")
    batch.record(KEY, Result((("o", File(digest)),), batch.add(b""), "none", 1), {})
    mine.keep(batch)
    assert mine.recall(KEY) is not None and other.recall(KEY) is None and not other.has(digest)
    mine.publish()
    assert other.recall(KEY) == mine.recall(KEY) and other.read(digest) == b"kept"
    lost = mine.batch()
    never = lost.add(b"never")
    mine.keep(lost)
    mine.close()
    assert not other.has(never) and not [
        name for _, _, names in os.walk(tmp_path / "cache/tmp") for name in names
    ]


def test_a_kept_batch_is_lost_when_the_disk_refuses(tmp_path: Path) -> None:
    """The build that kept it fails, and the next one produces it again."""

    class Full(FileOps):
        def sync_filesystem(self, folder: str) -> None:
            raise OSError(28, "No space left on device")

    store = DiskStore(str(tmp_path / "cache"), ops=Full())
    batch = store.batch()
    digest = batch.add(b"kept")
    store.keep(batch)
    with pytest.raises(BuildError, match="is full"):
        store.publish()
    store.publish()
    assert not store.has(digest)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_blob_is_quarantined_and_reported_once(
    tmp_path: Path, damage: Callable[[str], None]
) -> None:
    """It reads as missing, never as other bytes; publishing it again repairs the store."""
    warnings: list[str] = []
    digest = fill(DiskStore(str(tmp_path / "cache")))
    store = DiskStore(str(tmp_path / "cache"), warnings.append)
    before = os.stat(store.generation)
    damage(store.blob_path(digest))
    for _ in range(2):
        with pytest.raises(Missing):
            store.read(digest)
        with pytest.raises(Missing):
            store.place(digest, str(tmp_path / "placed"), False)
    assert len(warnings) == 1 and digest.hash[:12] in warnings[0]
    assert (
        not (tmp_path / "placed").exists() and not store.has(digest) and store.recall(KEY) is None
    )
    assert len(os.listdir(tmp_path / "cache" / "quarantine")) == 1
    assert os.stat(store.generation).st_size != before.st_size
    assert (
        fill(store) == digest
        and store.read(digest) == b"some output"
        and store.recall(KEY) is not None
    )


@pytest.mark.parametrize("damage", (flip, cut, empty))
def test_publishing_verifies_existing_blobs(tmp_path: Path, damage: Callable[[str], None]) -> None:
    """A truncated blob under the right name is replaced."""
    digest = fill(DiskStore(str(tmp_path / "cache")))
    store = DiskStore(str(tmp_path / "cache"))
    damage(store.blob_path(digest))
    fill(store)
    assert store.read(digest) == b"some output"


@pytest.mark.parametrize("damage", (flip, cut, empty))
def test_a_damaged_record_is_a_miss(tmp_path: Path, damage: Callable[[str], None]) -> None:
    """The warning is printed once, and the next build repairs it."""
    warnings: list[str] = []
    store = DiskStore(str(tmp_path / "cache"), warnings.append)
    fill(store)
    damage(store.record_path(KEY))
    assert store.recall(KEY) is None and store.parts(KEY) is None and len(warnings) == 1
    fill(store)
    assert store.recall(KEY) is not None


def test_a_record_under_another_key_is_a_miss(disk: DiskStore) -> None:
    """A record contains its own key."""
    fill(disk)
    other = Digest.of(b"another action")
    os.makedirs(os.path.dirname(disk.record_path(other)), exist_ok=True)
    os.rename(disk.record_path(KEY), disk.record_path(other))
    assert disk.recall(other) is None


def test_a_missing_blob_is_a_miss(disk: DiskStore) -> None:
    """The generation changes."""
    digest = fill(disk)
    before = os.stat(disk.generation).st_size
    disk.remove(disk.blob_path(digest))
    assert disk.recall(KEY) is None and os.stat(disk.generation).st_size > before


def test_blobs_are_read_only_and_private(disk: DiskStore) -> None:
    """The folder belongs to this user only."""
    digest = fill(disk)
    assert stat.S_IMODE(os.stat(disk.blob_path(digest)).st_mode) == 0o444
    assert stat.S_IMODE(os.stat(disk.root).st_mode) == 0o700
    disk.close()
    assert os.listdir(os.path.join(disk.root, "tmp")) == []


def test_stats_count_files_and_bytes(disk: DiskStore) -> None:
    """Files and bytes are counted."""
    fill(disk)
    stats = measure_store(disk.root)
    assert (stats.blobs, stats.blob_bytes, stats.results, stats.quarantined) == (
        2,
        len(b"some output" + b"log"),
        1,
        0,
    )
    assert stats.result_bytes == os.stat(disk.record_path(KEY)).st_size


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    """The error has the command that fixes it."""
    root = tmp_path / "cache"
    root.mkdir()
    root.chmod(mode)
    with pytest.raises(BuildError, match="others can write") as fault:
        DiskStore(str(root))
    assert fault.value.reason == "environment" and "chmod 700" in fault.value.fix


def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    """Its owner could change the results of builds."""
    if os.geteuid() != 0:
        absent("only root can give a folder away")
    root = tmp_path / "cache"
    root.mkdir(0o700)
    os.chown(root, 65534, 65534)
    with pytest.raises(BuildError, match="belongs to uid 65534") as fault:
        DiskStore(str(root))
    assert fault.value.reason == "environment"


def test_a_file_in_place_of_the_folder_is_reported(tmp_path: Path) -> None:
    """The error is a BuildError."""
    (tmp_path / "cache").write_text("")
    for root in (tmp_path / "cache", tmp_path / "cache" / "below"):
        with pytest.raises(BuildError) as fault:
            DiskStore(str(root))
        assert fault.value.reason == "environment" and str(tmp_path / "cache") in fault.value.what


@pytest.mark.parametrize(
    ("environ", "root"),
    [
        ({"BUILDGRAPH_CACHE": "/c", "XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/c"),
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/buildgraph"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/buildgraph"),
        ({"BUILDGRAPH_CACHE": "", "HOME": "/h"}, "/h/.cache/buildgraph"),
    ],
)
def test_the_place_of_the_cache(environ: dict[str, str], root: str) -> None:
    """As in the XDG base directory specification, relative paths and empty values are ignored."""
    assert default_root(environ) == root


def test_a_missing_home_is_reported() -> None:
    """The error says what to set."""
    with pytest.raises(BuildError, match="HOME is not set") as fault:
        default_root({})
    assert fault.value.reason == "environment" and "BUILDGRAPH_CACHE" in fault.value.fix


def test_recent_blobs_can_be_cleared_by_another_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A thread that finds damage clears the recent blobs while another thread adds one."""

    class Shared(dict[Digest, bytes]):
        """Dictionary to which another thread adds while it is cleared."""

        def clear(self) -> None:
            super().clear()
            adding.start()
            adding.join(0.2)

    faults: list[object] = []
    monkeypatch.setattr(threading, "excepthook", faults.append)
    recent, blobs = RecentBlobs(), [b"%d" % number * (1 << 20) for number in range(8)]
    adding = threading.Thread(target=lambda: recent.add({Digest.of(blobs[4]): blobs[4]}))
    recent._data = Shared()
    for data in blobs[:4]:
        recent.add({Digest.of(data): data})
    recent.clear()
    adding.join()
    assert (
        faults == []
        and recent.get(Digest.of(blobs[4])) == blobs[4]
        and recent.get(Digest.of(blobs[0])) is None
    )
    for data in blobs:
        recent.add({Digest.of(data): data})
    assert [data for data in blobs if recent.get(Digest.of(data)) is not None] == blobs[-4:]
