"""One store of each kind, so that the same promises are asked of all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from buildgraph.store.disk import DiskStore
from buildgraph.store.memory import MemoryStore
from buildgraph.store.protocol import Store


@pytest.fixture
def disk(tmp_path: Path) -> DiskStore:
    """A store on disk in a folder of its own."""
    return DiskStore(str(tmp_path / "cache"))


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store of every kind in turn."""
    kinds: dict[str, Callable[[], Store]] = {
        "memory": MemoryStore,
        "disk": lambda: DiskStore(str(tmp_path / "cache")),
    }
    return kinds[request.param]()
