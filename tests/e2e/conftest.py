"""The example of two rooms, built once per session; tests change copies of it."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from tests.support.requirements import need
from tests.support.small_filesystems import BOTH, copy
from tests.support.workspace import Space


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """The example, built for both boards by the first worker; no test may change it."""
    need("qemu-aarch64-static")
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "rooms-built"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            shutil.rmtree(folder / "w", ignore_errors=True)
            copy("npz", folder / "w", folder / "cache").build(BOTH)
            (folder / "done").touch()
    return Space(folder / "w", folder / "cache")


@pytest.fixture
def rooms(built: Space, tmp_path: Path) -> Space:
    """A workspace with a warm cache for one test, without outputs below `out/`."""
    shutil.copytree(built.cache, tmp_path / "cache")
    return copy("npz", tmp_path / "w", tmp_path / "cache")
