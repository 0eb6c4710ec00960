"""Leases of processes that have ended."""

from __future__ import annotations

import os

from buildgraph.store.disk import DiskStore
from buildgraph.store.lease import Lease, oldest_lease
from tests.unit.store.conftest import disk
from tests.unit.store.test_gc import old

__all__ = ["disk", "old"]


def test_a_dead_lease_protects_nothing(old: DiskStore) -> None:
    """The kernel unlocks it at the end of its process, whatever the cause."""
    pid = os.fork()
    if not pid:
        Lease(old.root)
        os._exit(9)
    os.waitpid(pid, 0)
    assert len(os.listdir(os.path.join(old.root, "leases"))) == 1 and oldest_lease(old.root) is None
    assert os.listdir(os.path.join(old.root, "leases")) == []
