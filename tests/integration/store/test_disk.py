"""Stores on disk that several processes use, and disks that are full or read-only."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from buildgraph.store.disk import DiskStore
from buildgraph.store.stats import measure_store
from buildgraph.types.digest import Digest
from buildgraph.types.errors import BuildError
from tests.support.requirements import absent, need
from tests.unit.store.test_disk import KEY, fill

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


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Return a function that mounts a small file system with options, and returns its folder."""
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


def test_folders_of_dead_processes_are_removed(tmp_path: Path) -> None:
    """Folders of living processes are kept."""
    root = str(tmp_path / "cache")
    script = (
        "import os, sys; from buildgraph.store.disk import DiskStore; "
        "store = DiskStore(sys.argv[1]); batch = store.batch(); batch.add(b'x' * 1000); os._exit(9)"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", script, root], cwd=Path(__file__).parents[3]
        ).returncode
        == 9
    )
    assert len(os.listdir(os.path.join(root, "tmp"))) == 1
    living = DiskStore(root)
    private = living.batch()
    digest = private.add(b"held")
    DiskStore(root).batch().add(b"another")
    assert len(os.listdir(os.path.join(root, "tmp"))) == 2
    living.publish([private])
    assert living.read(digest) == b"held"


def test_many_processes_publish_the_same_at_once(tmp_path: Path) -> None:
    """The result is the same as in sequence."""
    root = str(tmp_path / "cache")
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, root], cwd=Path(__file__).parents[3])
        for _ in range(4)
    ]
    assert [process.wait(300) for process in running] == [0] * 4
    store = DiskStore(root)
    assert all(store.recall(Digest.of(b"%d" % turn)) for turn in range(12))
    assert (
        measure_store(store.root).quarantined == 0
        and measure_store(store.root).results == 12
        and measure_store(store.root).blobs == 17
    )


@pytest.mark.parametrize("options", ["size=256k,mode=700", "nr_inodes=16,size=1m,mode=700"])
def test_a_full_disk_is_one_line_and_no_record(mounted: Callable[[str], str], options: str) -> None:
    """The build continues once there is room."""
    store = DiskStore(os.path.join(mounted(options), "cache"))
    batch = store.batch()
    with pytest.raises(BuildError, match="is full") as fault:
        for number in range(100):
            batch.add(b"%d" % number * 4000)
    assert fault.value.reason == "environment" and store.root in fault.value.what
    store.drop(batch)
    assert store.recall(KEY) is None and measure_store(store.root).blobs == 0
    assert store.read(fill(store)) == b"some output"


def test_a_read_only_disk_is_refused(mounted: Callable[[str], str]) -> None:
    """The error precedes the build."""
    folder = mounted("size=256k,mode=700")
    DiskStore(os.path.join(folder, "cache"))
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    with pytest.raises(BuildError) as fault:
        DiskStore(os.path.join(folder, "cache"))
    assert fault.value.reason == "environment" and "cannot be written" in fault.value.what
    with pytest.raises(BuildError, match="Read-only file system"):
        DiskStore(os.path.join(folder, "other"))
