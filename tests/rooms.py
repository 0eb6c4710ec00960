"""The example of two rooms, built once a session: tests get copies of its workspace and of its cache, and change them."""
from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.needs import need
from tests.space import Space

EXAMPLES = Path(__file__).parents[1] / "examples"
BOTH = "//exports:rooms"   # a matrix of two boards


def copy(example: str, root: Path, cache: Path) -> Space:
    """A copy of an example's workspace, without what was built in it."""
    shutil.copytree(EXAMPLES / example, root, ignore=shutil.ignore_patterns("out", ".buildgraph", "__pycache__"))
    return Space(root, cache)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """The example, built for both boards in a folder that no test changes."""
    need("qemu-aarch64-static")
    folder = tmp_path_factory.mktemp("rooms")
    made = copy("npz", folder / "w", folder / "cache")
    made.build(BOTH)
    return made


@pytest.fixture
def rooms(built: Space, tmp_path: Path) -> Space:
    """A workspace and a cache of one test's own, warm, nothing shown below `out/` yet."""
    shutil.copytree(built.cache, tmp_path / "cache")
    return copy("npz", tmp_path / "w", tmp_path / "cache")
