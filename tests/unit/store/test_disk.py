"""What only a disk can do to a store: damage, other users, other processes, no room."""

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
    found = os.stat(path)
    os.chmod(path, 0o644)
    data = bytearray(Path(path).read_bytes())
    data[len(data) // 2] ^= 1
    Path(path).write_bytes(data)
    os.chmod(path, stat.S_IMODE(found.st_mode))
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def cut(path: str) -> None:
    """Truncate in the middle."""
    os.chmod(path, 0o644)
    os.truncate(path, os.stat(path).st_size // 2)


def empty(path: str) -> None:
    """Truncate to nothing."""
    os.chmod(path, 0o644)
    os.truncate(path, 0)


def swap(path: str) -> None:
    """Put a folder in the way."""
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


def test_what_is_kept_is_for_this_process_until_it_is_published(tmp_path: Path) -> None:
    """Others see nothing of it, and what is never published leaves nothing."""
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


def test_a_disk_that_refuses_forgets_what_was_kept(tmp_path: Path) -> None:
    """The build that kept it ends, and the next one makes it again."""

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
def test_a_damaged_blob_is_set_aside_and_said_once(
    tmp_path: Path, damage: Callable[[str], None]
) -> None:
    """It reads as missing, never as other bytes; publishing it again heals the store."""
    said: list[str] = []
    digest = fill(DiskStore(str(tmp_path / "cache")))
    store = DiskStore(str(tmp_path / "cache"), said.append)
    before = os.stat(store.generation)
    damage(store.blob_path(digest))
    for _ in range(2):
        with pytest.raises(Missing):
            store.read(digest)
        with pytest.raises(Missing):
            store.place(digest, str(tmp_path / "placed"), False)
    assert len(said) == 1 and digest.hash[:12] in said[0]
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
def test_publishing_verifies_what_it_finds(tmp_path: Path, damage: Callable[[str], None]) -> None:
    """A blob that stands under its name but is torn is replaced, not trusted."""
    digest = fill(DiskStore(str(tmp_path / "cache")))
    store = DiskStore(str(tmp_path / "cache"))
    damage(store.blob_path(digest))
    fill(store)
    assert store.read(digest) == b"some output"


@pytest.mark.parametrize("damage", (flip, cut, empty))
def test_a_damaged_record_is_a_miss(tmp_path: Path, damage: Callable[[str], None]) -> None:
    """Said once, and healed by the next build."""
    said: list[str] = []
    store = DiskStore(str(tmp_path / "cache"), said.append)
    fill(store)
    damage(store.record_path(KEY))
    assert store.recall(KEY) is None and store.parts(KEY) is None and len(said) == 1
    fill(store)
    assert store.recall(KEY) is not None


def test_a_record_under_another_key_is_a_miss(disk: DiskStore) -> None:
    """A record names its own key."""
    fill(disk)
    other = Digest.of(b"another action")
    os.makedirs(os.path.dirname(disk.record_path(other)), exist_ok=True)
    os.rename(disk.record_path(KEY), disk.record_path(other))
    assert disk.recall(other) is None


def test_a_missing_blob_is_a_miss(disk: DiskStore) -> None:
    """And the generation tells the path of a build in which nothing changed."""
    digest = fill(disk)
    before = os.stat(disk.generation).st_size
    disk.remove(disk.blob_path(digest))
    assert disk.recall(KEY) is None and os.stat(disk.generation).st_size > before


def test_blobs_are_read_only_and_private(disk: DiskStore) -> None:
    """In a folder that is ours alone."""
    digest = fill(disk)
    assert stat.S_IMODE(os.stat(disk.blob_path(digest)).st_mode) == 0o444
    assert stat.S_IMODE(os.stat(disk.root).st_mode) == 0o700
    disk.close()
    assert os.listdir(os.path.join(disk.root, "tmp")) == []


def test_stats_count_what_is_there(disk: DiskStore) -> None:
    """In files and bytes."""
    fill(disk)
    found = measure_store(disk.root)
    assert (found.blobs, found.blob_bytes, found.results, found.quarantined) == (
        2,
        len(b"some output" + b"log"),
        1,
        0,
    )
    assert found.result_bytes == os.stat(disk.record_path(KEY)).st_size


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    """With the command that mends it."""
    root = tmp_path / "cache"
    root.mkdir()
    root.chmod(mode)
    with pytest.raises(BuildError, match="others can write") as fault:
        DiskStore(str(root))
    assert fault.value.reason == "environment" and "chmod 700" in fault.value.fix


def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    """Whoever owns it could change what a build believes."""
    if os.geteuid() != 0:
        absent("only root can give a folder away")
    root = tmp_path / "cache"
    root.mkdir(0o700)
    os.chown(root, 65534, 65534)
    with pytest.raises(BuildError, match="belongs to uid 65534") as fault:
        DiskStore(str(root))
    assert fault.value.reason == "environment"


def test_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    """Not a traceback."""
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
def test_where_the_cache_stands(environ: dict[str, str], root: str) -> None:
    """As the XDG base directory specification has it: relative paths and empty values do not count."""
    assert default_root(environ) == root


def test_no_home_is_said() -> None:
    """With the way out."""
    with pytest.raises(BuildError, match="HOME is not set") as fault:
        default_root({})
    assert fault.value.reason == "environment" and "BUILDGRAPH_CACHE" in fault.value.fix


def test_what_is_remembered_may_be_forgotten_by_another_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A thread that finds damage lets go of all small blobs, in the middle of which another adds one."""

    class Shared(dict[Digest, bytes]):
        """What is held, with another thread that adds while it is emptied."""

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
