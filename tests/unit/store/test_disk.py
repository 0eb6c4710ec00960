"""What only a disk can do to a store: damage, other users, other processes, no room."""
from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from buildgraph.types.digest import Digest
from buildgraph.types.errors import BuildError
from buildgraph.types.result import File, Result
from buildgraph.store.disk import DiskStore
from buildgraph.store.file_ops import FileOps
from buildgraph.store.fsck import measure
from buildgraph.store.cache_dir import default_root
from buildgraph.store.protocol import Missing
from buildgraph.store.recent_blobs import RecentBlobs
from tests.support.requirements import absent, need

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
    batch.record(KEY, Result((("o", File(digest)),), batch.add(b"log"), "none", 1), {"action": b"x"})
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
    assert not other.has(never) and not [name for _, _, names in os.walk(tmp_path / "cache/tmp") for name in names]


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
def test_a_damaged_blob_is_set_aside_and_said_once(tmp_path: Path, damage: Callable[[str], None]) -> None:
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
    assert not (tmp_path / "placed").exists() and not store.has(digest) and store.recall(KEY) is None
    assert len(os.listdir(tmp_path / "cache" / "quarantine")) == 1
    assert os.stat(store.generation).st_size != before.st_size
    assert fill(store) == digest and store.read(digest) == b"some output" and store.recall(KEY) is not None


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


def test_what_a_dead_process_left_is_removed(tmp_path: Path) -> None:
    """And what a living one holds is not."""
    root = str(tmp_path / "cache")
    script = ("import os, sys; from buildgraph.store.disk import DiskStore; store = DiskStore(sys.argv[1]); "
              "batch = store.batch(); batch.add(b'x' * 1000); os._exit(9)")
    assert subprocess.run([sys.executable, "-c", script, root], cwd=Path(__file__).parents[3]).returncode == 9
    assert len(os.listdir(os.path.join(root, "tmp"))) == 1
    living = DiskStore(root)
    held = living.batch()
    digest = held.add(b"held")
    DiskStore(root).batch().add(b"another")
    assert len(os.listdir(os.path.join(root, "tmp"))) == 2
    living.publish([held])
    assert living.read(digest) == b"held"


WRITER = """
import sys
from buildgraph.types.digest import Digest
from buildgraph.types.result import File, Result
from buildgraph.store.disk import DiskStore
store = DiskStore(sys.argv[1])
for turn in range(12):
    batch = store.batch()
    outputs = tuple((str(n), File(batch.add(b"%d" % (n + turn) * 2000))) for n in range(5))
    key = Digest.of(b"%d" % turn)
    batch.record(key, Result(outputs, batch.add(b"log"), "none", 1), {})
    store.publish([batch])
    assert store.recall(key) is not None, turn
    assert all(len(store.read(node.digest)) for _, node in outputs)
"""


def test_many_processes_publish_the_same_at_once(tmp_path: Path) -> None:
    """As if one after the other."""
    root = str(tmp_path / "cache")
    running = [subprocess.Popen([sys.executable, "-c", WRITER, root], cwd=Path(__file__).parents[3]) for _ in range(4)]
    assert [process.wait(300) for process in running] == [0] * 4
    store = DiskStore(root)
    assert all(store.recall(Digest.of(b"%d" % turn)) for turn in range(12))
    assert measure(store.root).quarantined == 0 and measure(store.root).results == 12 and measure(store.root).blobs == 17


def test_stats_count_what_is_there(disk: DiskStore) -> None:
    """In files and bytes."""
    fill(disk)
    found = measure(disk.root)
    assert (found.blobs, found.blob_bytes, found.results, found.quarantined) == (2, len(b"some output" + b"log"), 1, 0)
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


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Make a small file system: give its mount options, get its folder."""
    if os.geteuid() != 0:
        absent("only root can mount a small disk")
    mount, folder = need("mount"), tmp_path / "disk"
    folder.mkdir()

    def make(options: str) -> str:
        argv = [mount, "-t", "tmpfs", "-o", options, "none", str(folder)]
        done = subprocess.run(argv, capture_output=True, text=True)
        if done.returncode:
            absent(f"no tmpfs can be mounted: {done.stderr.strip()}")
        return str(folder)

    yield make
    subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)


@pytest.mark.parametrize("options", ["size=256k,mode=700", "nr_inodes=16,size=1m,mode=700"])
def test_a_full_disk_is_one_line_and_no_record(mounted: Callable[[str], str], options: str) -> None:
    """And the build goes on once there is room."""
    store = DiskStore(os.path.join(mounted(options), "cache"))
    batch = store.batch()
    with pytest.raises(BuildError, match="is full") as fault:
        for number in range(100):
            batch.add(b"%d" % number * 4000)
    assert fault.value.reason == "environment" and store.root in fault.value.what
    store.drop(batch)
    assert store.recall(KEY) is None and measure(store.root).blobs == 0
    assert store.read(fill(store)) == b"some output"


def test_a_read_only_disk_is_refused(mounted: Callable[[str], str]) -> None:
    """At once, before anything is built."""
    folder = mounted("size=256k,mode=700")
    DiskStore(os.path.join(folder, "cache"))
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    with pytest.raises(BuildError) as fault:
        DiskStore(os.path.join(folder, "cache"))
    assert fault.value.reason == "environment" and "cannot be written" in fault.value.what
    with pytest.raises(BuildError, match="Read-only file system"):
        DiskStore(os.path.join(folder, "other"))


@pytest.mark.parametrize(("environ", "root"), [
    ({"BUILDGRAPH_CACHE": "/c", "XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/c"),
    ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/buildgraph"),
    ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/buildgraph"),
    ({"BUILDGRAPH_CACHE": "", "HOME": "/h"}, "/h/.cache/buildgraph"),
])
def test_where_the_cache_stands(environ: dict[str, str], root: str) -> None:
    """As the XDG base directory specification has it: relative paths and empty values do not count."""
    assert default_root(environ) == root


def test_no_home_is_said() -> None:
    """With the way out."""
    with pytest.raises(BuildError, match="HOME is not set") as fault:
        default_root({})
    assert fault.value.reason == "environment" and "BUILDGRAPH_CACHE" in fault.value.fix


def test_what_is_remembered_may_be_forgotten_by_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert faults == [] and recent.get(Digest.of(blobs[4])) == blobs[4] and recent.get(Digest.of(blobs[0])) is None
    for data in blobs:
        recent.add({Digest.of(data): data})
    assert [data for data in blobs if recent.get(Digest.of(data)) is not None] == blobs[-4:]
