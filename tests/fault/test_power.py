"""Power lost after a build has finished: its results are complete on the disk."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from buildgraph.store.disk import DiskStore
from buildgraph.store.fsck import check_store
from buildgraph.types.digest import Digest
from buildgraph.types.result import File, Result
from tests.support.fault_counts import TIMES, Tally
from tests.support.requirements import absent, need

pytestmark = [pytest.mark.fault, pytest.mark.slow]
_SHUTDOWN, _WITHOUT_LOG = (
    0x8004587D,
    2,
)  # EXT4_IOC_SHUTDOWN: drop everything that is not on the disk yet


class Disk:
    """Ext4 file system in a file, which can lose its power."""

    def __init__(self, folder: Path) -> None:
        self.image, self.path = str(folder / "image"), str(folder / "disk")
        os.mkdir(self.path)
        with open(self.image, "wb") as file:
            file.truncate(64 << 20)
        subprocess.run([need("mkfs.ext4"), "-q", "-F", self.image], check=True)

    def mount(self) -> None:
        """Mount it; skip the test where no loop device is available."""
        done = subprocess.run(
            ["mount", "-o", "loop", self.image, self.path], capture_output=True, text=True
        )
        if done.returncode:
            absent(f"no loop device: {done.stderr.strip()}")

    def lose_power(self) -> None:
        """Drop everything that was not made durable."""
        fd = os.open(self.path, os.O_RDONLY)
        fcntl.ioctl(fd, _SHUTDOWN, struct.pack("I", _WITHOUT_LOG))
        os.close(fd)
        self.unmount()

    def unmount(self) -> None:
        """Unmount it once no process uses it.

        A sandbox of another test that starts at that time has a copy of the mount until it is set
        up. Until then, mounting the image again would return the disk without power.
        """
        deadline = time.monotonic() + 60
        while os.path.ismount(self.path) or self._used():
            assert time.monotonic() < deadline, f"{self.path} stays in use: {self._used()}"
            if (
                not os.path.ismount(self.path)
                or subprocess.run(["umount", self.path], capture_output=True).returncode
            ):
                time.sleep(0.05)

    def _used(self) -> str:
        """Return the loop device that is attached to the image; empty without one."""
        return subprocess.run(
            [need("losetup"), "-j", self.image], capture_output=True, text=True, check=True
        ).stdout


@pytest.fixture
def powered(tmp_path: Path) -> Iterator[Disk]:
    """Return a mounted disk."""
    if os.geteuid() != 0:
        absent("only root can mount a disk")
    mounted_disk = Disk(tmp_path)
    mounted_disk.mount()
    yield mounted_disk
    mounted_disk.unmount()


@pytest.mark.parametrize("turn", range(10 * TIMES))
def test_published_results_survive(
    powered: Disk, turn: int, tally: Callable[[str, int], Tally]
) -> None:
    """All results survive; a blob that was only copied leaves no trace."""
    count = tally("power", 1)
    root = os.path.join(powered.path, "cache")
    keys = [Digest.of(b"%d" % number) for number in range(20)]
    store = DiskStore(root)
    for some in (keys[: turn % 19 + 1], keys[turn % 19 + 1 :]):
        batches = [store.batch() for _ in some]
        for key, batch in zip(some, batches):
            batch.record(
                key,
                Result((("o", File(batch.add(os.urandom(5000)))),), batch.add(b"log"), "none", 1),
                {},
            )
        store.publish(batches)
    store.batch().add(b"only copied" * 1000)
    store.close()
    powered.lose_power()
    powered.mount()
    reopened = DiskStore(root)
    assert all(reopened.recall(key) for key in keys)
    assert check_store(reopened).damaged == () == check_store(reopened).dangling
    reopened.close()
    count.survived()


def test_the_harness_loses_unsynced_data(powered: Disk) -> None:
    """Otherwise the test above would prove nothing."""
    Path(powered.path, "file").write_bytes(b"x" * 5000)
    powered.lose_power()
    powered.mount()
    assert (
        not os.path.exists(os.path.join(powered.path, "file"))
        or not Path(powered.path, "file").read_bytes()
    )
