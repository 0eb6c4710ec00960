"""Builders, GC and a damager on one cache at once: a result is right or a miss."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from buildgraph.store.disk import DiskStore
from buildgraph.store.fsck import check_store

pytestmark = [pytest.mark.fault, pytest.mark.slow]

BUILDER = """
import sys
from buildgraph.types.digest import Digest
from buildgraph.types.result import File, Result
from buildgraph.store.disk import DiskStore
from buildgraph.store.protocol import Missing
store, right, missing = DiskStore(sys.argv[1]), 0, 0
for turn in range(150):
    data = b"%d" % (turn % 20) * 3000
    key = Digest.of(b"key" + data)
    found = store.recall(key)
    if found is None:
        batch = store.batch()
        batch.record(key, Result((("o", File(batch.add(data))),), batch.add(b"log"), "none", 1), {})
        store.publish([batch])
        found = store.recall(key)
    try:
        assert found is None or store.read(found.outputs[0][1].digest) == data
        right += found is not None
    except Missing:
        missing += 1
assert right > missing, (right, missing)
"""

SWEEPER = """
import sys, time
from buildgraph.store import fsck, gc, lease
from buildgraph.store.disk import DiskStore
lease.oldest_lease = lambda root: None
store = DiskStore(sys.argv[1])
for turn in range(15):
    gc.run(store, gc.plan(store.root, gc.GcLimits(3600, 20000), time.time() + 10))
    fsck.check_store(store, repair=True)
"""

DAMAGER = """
import os, random, sys
folder = os.path.join(sys.argv[1], "blobs", "sha256")
dice = random.Random(7)
for turn in range(60):
    try:
        path = os.path.join(folder, dice.choice(os.listdir(folder)))
        os.chmod(path, 0o600)
        with open(path, "r+b") as file:
            file.write(b"damaged")
    except (OSError, IndexError):
        pass
"""


def test_all_at_once(tmp_path: Path) -> None:
    """GC ignores leases, which is harsher than any real collection."""
    root = str(tmp_path / "cache")
    DiskStore(root)
    running = [
        subprocess.Popen([sys.executable, "-c", script, root], cwd=Path(__file__).parents[2])
        for script in (BUILDER, BUILDER, BUILDER, SWEEPER, DAMAGER)
    ]
    assert [process.wait(300) for process in running] == [0] * 5
    store = DiskStore(root)
    check_store(store, repair=True)
    assert check_store(store, repair=True).damaged == ()
    assert check_store(store).dangling == ()
    subprocess.run([sys.executable, "-c", BUILDER, root], cwd=Path(__file__).parents[2], check=True)
