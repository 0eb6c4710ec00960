"""A store of each kind, so that the tests of the contract run with each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from buildgraph.store.disk import DiskStore
from buildgraph.store.memory import MemoryStore
from buildgraph.store.protocol import Store


@pytest.fixture
def disk(tmp_path: Path) -> DiskStore:
    """Return a store on disk in a new folder."""
    return DiskStore(str(tmp_path / "cache"))


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Return a store of each kind."""
    kinds: dict[str, Callable[[], Store]] = {
        "memory": MemoryStore,
        "disk": lambda: DiskStore(str(tmp_path / "cache")),
    }
    return kinds[request.param]()
