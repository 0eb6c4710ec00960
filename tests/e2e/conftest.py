"""The example of two rooms, built once per session; tests change copies of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.once import once
from tests.support.requirements import need
from tests.support.small_filesystems import BOTH, copy
from tests.support.workspace import Space


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """The example, built for both boards by the first worker; no test may change it."""
    need("qemu-aarch64-static")
    folder = once(
        tmp_path_factory,
        "rooms",
        lambda folder: copy("npz", folder / "w", folder / "cache").build(BOTH),
    )
    return Space(folder / "w", folder / "cache")


@pytest.fixture
def rooms(built: Space, tmp_path: Path) -> Space:
    """A workspace with a warm cache for one test, without outputs below `out/`."""
    shutil.copytree(built.cache, tmp_path / "cache")
    return copy("npz", tmp_path / "w", tmp_path / "cache")
